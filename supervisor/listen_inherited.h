/* listen_inherited.h: the sockets that a service manager passed to us. */
#ifndef SUPERVISOR_LISTEN_INHERITED_H
#define SUPERVISOR_LISTEN_INHERITED_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>

#include "listen.h"

struct listen_inherited {
	int fd;      /* ours as long as we live */
	bool usable; /* a stream socket of a kind that we serve */
	struct sockaddr_storage address;
	char text[LISTEN_ADDRESS_MAX];
};

/* The first is 0; NULL when there are no more.  listen_inherit() finds them. */
const struct listen_inherited *listen_inherited_get(size_t i);

#endif
