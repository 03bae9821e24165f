/* listen.h: the sockets that clients connect to. */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

/* Sockets: "localhost" has two addresses, and "listen" may name several. */
#define LISTEN_MAX 32

/* Connections that the kernel keeps for us while the front starts again. */
#define LISTEN_BACKLOG 1024

/* A path of a Unix socket has at most 107 bytes. */
#define LISTEN_ADDRESS_MAX 112
/* A host name has at most 253, and brackets and a port stand around it. */
#define LISTEN_WANTED_MAX 272

struct listener {
	uint32_t number; /* never used twice */
	int fd;          /* non-blocking, close-on-exec */
	bool local;      /* a Unix socket */
	bool beyond;     /* other machines can reach it */
	bool inherited;  /* a service manager made it, and keeps it */
	uint16_t port;   /* the real one; 0 of a Unix socket */
	char address[LISTEN_ADDRESS_MAX]; /* "127.0.0.1:9000", "/run/x.sock" */
	char wanted[LISTEN_WANTED_MAX];   /* what of the configuration it
					     serves: "localhost:0" */
	dev_t device;                     /* of a Unix socket that we made */
	ino_t inode;
};

struct listeners {
	size_t count;
	struct listener at[LISTEN_MAX];
};

/*
 * Bind and listen on all addresses of the configuration; a port 0 is a free
 * one, the same for all addresses of a name.  Sockets of old (NULL: none) whose
 * address is still wanted are taken over, with their numbers, and are no longer
 * in old, which keeps those that nobody wants any more; those that a service
 * manager passed to us are taken before any is made.  0 and *ret; or -1 with
 * *error, the caller's, which names the address, the reason and a remedy, and
 * old unchanged.
 */
int listen_open(struct listeners *ret, const struct config *config,
    struct listeners *old, char **error);

/*
 * Take the sockets that a service manager passed (LISTEN_FDS, LISTEN_PID: see
 * sd_listen_fds(3)) out of the environment and remember them: once, before
 * descriptors are closed.  How many there are; they are 3, 4, …  They stay open
 * while we live, so that each reload finds those that it wants.
 */
int listen_inherit(void);

/* One of them is reached from other machines. */
bool listen_is_beyond(const struct listeners *listeners);

/* Close the sockets, and remove the paths that we made; a second time, nothing.
 */
void listen_close(struct listeners *listeners);

#endif
