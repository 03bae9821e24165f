/* notify.c: what a service manager is told: sd_notify(3) without its library.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"

/* A status is one line; the rest of a message is numbers. */
#define STATUS_SIZE  512
#define MESSAGE_SIZE 768

/* What must not be lost waits this long for a manager with a full queue. */
#define PATIENCE_S 1

/* There is one service manager, as there is one environment. */
static struct {
	struct sockaddr_un address;
	socklen_t address_len; /* 0: nobody wants to hear anything */
	int fd;
	uint64_t watchdog_us; /* 0: never */
	pid_t started;        /* whom the service manager knows */
} manager = { .fd = -1 };

/* "/path", or "@name" of the abstract kind; false when it is neither. */
static bool
take_address(const char *text)
{
	size_t len = strlen(text);

	if ((*text != '/' && *text != '@') || len < 2 ||
	    len >= sizeof(manager.address.sun_path))
		return false;
	memset(&manager.address, 0, sizeof(manager.address));
	manager.address.sun_family = AF_UNIX;
	memcpy(manager.address.sun_path, text, len);
	if (*text == '@')
		manager.address.sun_path[0] = '\0';
	/* The end of an abstract name is that of its length; a path has a NUL,
	 * which counts. */
	manager.address_len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
		(*text == '/'));
	return true;
}

/* A whole number above 0, or 0. */
static uint64_t
number(const char *text)
{
	const char *error = NULL;
	long long n;

	if (text == NULL)
		return 0;
	n = strtonum(text, 1, INT64_MAX, &error);
	return error == NULL ? (uint64_t)n : 0;
}

static void
take_watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID");

	/* It may be about the shell that started us. */
	if (pid == NULL || number(pid) == (uint64_t)getpid())
		manager.watchdog_us = number(getenv("WATCHDOG_USEC"));
}

void
notify_begin(void)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	const char *text = getenv("NOTIFY_SOCKET");

	manager.address_len = 0;
	manager.watchdog_us = 0;
	if (manager.fd != -1)
		(void)close(manager.fd);
	manager.fd = -1;
	if (text != NULL && take_address(text))
		manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager.fd != -1) {
		(void)setsockopt(manager.fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		    sizeof(patience));
		manager.started = getpid();
		take_watchdog();
	}
	/* A backend must not speak for us. */
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("WATCHDOG_USEC");
}

/* Best effort: without its manager the service is worth as much. */
static void
tell(const char *message, int flags)
{
	ssize_t n;

	if (manager.fd == -1)
		return;
	do {
		n = sendto(manager.fd, message, strlen(message),
		    flags | MSG_NOSIGNAL,
		    (const struct sockaddr *)&manager.address,
		    manager.address_len);
	} while (n == -1 && errno == EINTR);
}

/* "STATUS=" and the first line of a text: what follows a line feed would be
 * another message. */
static const char *
status_line(char dst[STATUS_SIZE], const char *status)
{
	(void)snprintf(dst, STATUS_SIZE, "STATUS=%.*s",
	    (int)strcspn(status, "\n"), status);
	return dst;
}

void
notify_ready(const char *status)
{
	char line[STATUS_SIZE], message[MESSAGE_SIZE], pid[32] = "";

	/* A daemon is not the process that was started. */
	if (getpid() != manager.started)
		(void)snprintf(pid, sizeof(pid), "\nMAINPID=%d", (int)getpid());
	(void)snprintf(message, sizeof(message), "READY=1\n%s%s",
	    status_line(line, status), pid);
	tell(message, 0);
}

/* systemd.service(5), Type=notify-reload: with the time, so that the manager
 * can tell this reload from an earlier one; Type=notify ignores it. */
void
notify_reloading(void)
{
	char message[MESSAGE_SIZE];
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(message, sizeof(message),
	    "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reloading",
	    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	tell(message, 0);
}

void
notify_stopping(uint64_t timeout_ms)
{
	char message[MESSAGE_SIZE];

	(void)snprintf(message, sizeof(message),
	    "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=%" PRIu64,
	    timeout_ms * 1000);
	tell(message, 0);
}

void
notify_watchdog(void)
{
	tell("WATCHDOG=1", MSG_DONTWAIT);
}

uint64_t
notify_watchdog_ms(void)
{
	uint64_t ms = manager.watchdog_us / 2000;

	return manager.watchdog_us > 0 && ms == 0 ? 1 : ms;
}
