/* control_socket.h: the file of the control socket, and who is let in. */
#ifndef SUPERVISOR_CONTROL_SOCKET_H
#define SUPERVISOR_CONTROL_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

#include <stdbool.h>

#include "control.h"

/* Beside the socket lies a file that its gateway keeps locked. */
#define CONTROL_LOCK_SUFFIX ".lock"

struct control_socket {
	int fd; /* listening, non-blocking; -1 when closed */
	int lock;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	dev_t device; /* of the socket that we made */
	ino_t inode;
	gid_t group;
	mode_t mode;
};

/*
 * As control_new() says of the socket.  0, or -1 with *error, the caller's
 * (NULL without memory), and *ret can be closed.
 */
int control_socket_open(struct control_socket *ret,
    const struct control_options *options, char **error);

/* Close it, and remove what is still ours; a second time, nothing. */
void control_socket_close(struct control_socket *socket);

/* True when the process at the other end of fd may ask; *uid is its user. */
bool control_socket_admits(
    const struct control_socket *socket, int fd, uid_t *uid);

#endif
