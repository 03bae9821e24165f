/* socket.h: reading and writing a stream socket that passes descriptors. */
#ifndef PROTO_SOCKET_H
#define PROTO_SOCKET_H

#include <sys/types.h>

#include <stddef.h>

/*
 * Descriptors taken in one read.  The kernel ends a read behind the first write
 * that passed any, and we pass one at a time; more is a peer that is not ours.
 */
#define SOCKET_FDS_MAX 4

/* Non-blocking and close-on-exec.  0, or -1 with errno. */
int socket_prepare(int fd);

/*
 * Read up to n bytes and the descriptors that come with them (close-on-exec;
 * now the caller's) into fds[], and set *count to their number, also on
 * failure.  The bytes read, 0 at the end, or -1 with errno: EAGAIN, EBADMSG
 * (more than SOCKET_FDS_MAX came or no descriptor is free here: some are lost),
 * or what recvmsg(2) says.
 */
ssize_t socket_read(
    int fd, void *bytes, size_t n, int fds[SOCKET_FDS_MAX], size_t *count);

/*
 * Write what is taken of n bytes, with the descriptor pass, or -1 for none,
 * tied to the first of them.  It is copied and stays the caller's.  The bytes
 * written, or -1 with errno of sendmsg(2).  No SIGPIPE.
 */
ssize_t socket_write(int fd, const void *bytes, size_t n, int pass);

#endif
