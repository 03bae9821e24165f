/* syslog_socket.c: records for syslog. */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/clock.h"
#include "syslog_socket.h"

struct syslog_socket {
	struct sockaddr_un address;
	int fd;     /* connected, or -1 */
	int error;  /* why it is not */
	bool waits; /* nothing is tried before retry_ms */
	uint64_t retry_ms;
};

struct syslog_socket *
syslog_socket_new(const char *path)
{
	struct syslog_socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->fd = -1;
	s->address.sun_family = AF_UNIX;
	(void)strlcpy(s->address.sun_path, path, sizeof(s->address.sun_path));
	return s;
}

static void
hang_up(struct syslog_socket *s)
{
	if (s->fd != -1)
		(void)close(s->fd);
	s->fd = -1;
}

void
syslog_socket_free(struct syslog_socket **syslog)
{
	if (*syslog == NULL)
		return;
	hang_up(*syslog);
	free(*syslog);
	*syslog = NULL;
}

void
syslog_socket_reconnect(struct syslog_socket *s)
{
	hang_up(s);
	s->waits = false;
}

/* 0, or -1 with errno; not again before SYSLOG_SOCKET_RETRY_MS. */
static int
dial(struct syslog_socket *s)
{
	uint64_t now = mono_ms();

	if (s->waits && now < s->retry_ms) {
		errno = s->error;
		return -1;
	}
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd != -1 &&
	    connect(s->fd, (const struct sockaddr *)&s->address,
		sizeof(s->address)) == 0) {
		s->waits = false;
		return 0;
	}
	s->error = errno;
	hang_up(s);
	s->waits = true;
	s->retry_ms = now + SYSLOG_SOCKET_RETRY_MS;
	errno = s->error;
	return -1;
}

int
syslog_socket_send(struct syslog_socket *s, const char *record, size_t len)
{
	bool fresh = false;
	ssize_t n;

	for (;;) {
		if (s->fd == -1) {
			if (dial(s) == -1)
				return -1;
			fresh = true;
		}
		do {
			n = send(
			    s->fd, record, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		} while (n == -1 && errno == EINTR);
		if (n != -1)
			return 0;
		/* It is there, and does not keep up. */
		if (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE)
			return -1;
		/* It was started again: another socket is there now. */
		s->error = errno;
		hang_up(s);
		if (fresh) {
			errno = s->error;
			return -1;
		}
	}
}
