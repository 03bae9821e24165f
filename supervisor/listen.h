/* listen.h: the sockets that clients connect to. */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name has few addresses; "localhost" has two. */
#define LISTEN_MAX 8

/* Connections that the kernel keeps for us while the front starts again. */
#define LISTEN_BACKLOG 1024

struct listeners {
	size_t count;
	uint16_t port; /* the real one */
	bool beyond;   /* other machines can reach one of them */
	struct {
		int fd;           /* non-blocking, close-on-exec */
		char address[64]; /* "127.0.0.1:9000", "[::1]:9000" */
	} at[LISTEN_MAX];
};

/*
 * Bind and listen on all addresses of host, on this port, or for 0 on a free
 * one that is the same for all of them.  0 and *ret, to be closed with
 * listen_close(); or -1 with *error, the caller's, which names the address, the
 * reason and a remedy.
 */
int listen_open(
    struct listeners *ret, const char *host, uint16_t port, char **error);

/* Close the sockets; a second time, nothing. */
void listen_close(struct listeners *listeners);

#endif
