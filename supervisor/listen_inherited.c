/* listen_inherited.c: the sockets that a service manager passed to us. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listen_address.h"
#include "listen_inherited.h"
#include "proto/socket.h"

/* sd_listen_fds(3): SD_LISTEN_FDS_START. */
#define FIRST_FD 3

/* There is one service manager, as there is one environment. */
static struct {
	size_t count;
	struct listen_inherited at[LISTEN_MAX];
} inherited;

/* A whole number of at most max, or 0. */
static long long
number(const char *text, long long max)
{
	const char *error = NULL;
	long long n;

	if (text == NULL)
		return 0;
	n = strtonum(text, 0, max, &error);
	return error == NULL ? n : 0;
}

static bool
is_stream(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_STREAM;
}

/* It comes with O_NONBLOCK or without: with a blocking one, accept() waits. */
static void
examine(struct listen_inherited *one)
{
	socklen_t len = sizeof(one->address);

	(void)strlcpy(one->text, "?", sizeof(one->text));
	if (socket_prepare(one->fd) == -1 || !is_stream(one->fd) ||
	    getsockname(one->fd, (void *)&one->address, &len) == -1)
		return;
	one->usable = one->address.ss_family == AF_INET ||
	    one->address.ss_family == AF_INET6 ||
	    one->address.ss_family == AF_UNIX;
	if (one->usable)
		listen_address_text(one->text, sizeof(one->text),
		    (const void *)&one->address, len);
}

int
listen_inherit(void)
{
	long long count = 0;

	/* They may be meant for the shell that started us. */
	if (number(getenv("LISTEN_PID"), INT32_MAX) == getpid())
		count = number(getenv("LISTEN_FDS"), INT32_MAX);
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	inherited.count = count < LISTEN_MAX ? (size_t)count : LISTEN_MAX;
	for (size_t i = 0; i < inherited.count; i++) {
		inherited.at[i] =
		    (struct listen_inherited){ .fd = FIRST_FD + (int)i };
		examine(&inherited.at[i]);
	}
	return (int)inherited.count;
}

const struct listen_inherited *
listen_inherited_get(size_t i)
{
	return i < inherited.count ? &inherited.at[i] : NULL;
}
