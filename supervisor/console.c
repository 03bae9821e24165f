/* console.c: lines for whoever started the gateway. */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "console.h"
#include "proto/buf.h"

struct console {
	int fd;
	bool borrowed; /* fd is the caller's */
	bool terminal;
	bool colour;
	bool journal;
	bool blocking; /* write(2) may wait, so ask before */
	struct buf queue;
	struct event *writable; /* NULL for a file, which never waits */
	unsigned long dropped;
};

/* What a pipe or a terminal that poll(2) calls writable takes at once. */
#define PIECE_MAX ((size_t)512)

static ssize_t
write_some(const struct console *c)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLOUT };
	size_t len = buf_len(&c->queue);
	ssize_t n;

	if (c->blocking && poll(&pfd, 1, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	if (c->blocking && len > PIECE_MAX)
		len = PIECE_MAX;
	do {
		n = send(c->fd, buf_data(&c->queue), len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == ENOTSOCK)
			n = write(c->fd, buf_data(&c->queue), len);
	} while (n == -1 && errno == EINTR);
	return n;
}

static unsigned long
count_lines(const struct buf *b)
{
	unsigned long lines = 0;

	for (size_t i = 0; i < buf_len(b); i++)
		lines += buf_data(b)[i] == '\n';
	return lines;
}

static void
console_flush(struct console *c)
{
	ssize_t n;

	while (buf_len(&c->queue) > 0) {
		if ((n = write_some(c)) > 0) {
			buf_consume(&c->queue, (size_t)n);
		} else if (n == -1 && errno == EAGAIN && c->writable != NULL) {
			(void)event_add(c->writable, NULL);
			return;
		} else {
			c->dropped += count_lines(&c->queue);
			buf_consume(&c->queue, buf_len(&c->queue));
		}
	}
	buf_trim(&c->queue, 0);
}

static void
console_on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	console_flush(arg);
}

/*
 * O_NONBLOCK belongs to the open file, which we share with the shell: open it
 * once more instead.  A file is not opened again, because it may be written to
 * at a position that only the shared one knows; it does not block either.
 */
static int
open_again(struct console *c, int fd, bool *may_wait)
{
	int flags = fcntl(fd, F_GETFL), again = -1;
	struct stat st;
	char path[32];

	*may_wait = false;
	if (flags == -1 || fstat(fd, &st) == -1)
		return -1;
	if (S_ISFIFO(st.st_mode) && (flags & O_NONBLOCK) != 0) {
		*may_wait = c->borrowed = true;
		return fd;
	}
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		again =
		    open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		*may_wait = true;
		c->blocking = again == -1; /* it belongs to another user */
	} else if (S_ISSOCK(st.st_mode)) {
		*may_wait = true;
	}
	return again != -1 ? again : fcntl(fd, F_DUPFD_CLOEXEC, 4);
}

/* systemd.exec(5): its device and inode, so that nobody takes a pipe for the
 * journal who inherited the variable. */
static bool
is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char want[64];

	if (stream == NULL || fstat(fd, &st) == -1)
		return false;
	(void)snprintf(want, sizeof(want), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, want) == 0;
}

static bool
wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

struct console *
console_new(struct loop *loop, int fd)
{
	struct console *c = calloc(1, sizeof(*c));
	bool may_wait;

	if (c == NULL)
		return NULL;
	if ((c->fd = open_again(c, fd, &may_wait)) == -1)
		goto fail;
	c->journal = is_journal(c->fd);
	c->terminal = isatty(c->fd) == 1;
	c->colour = c->terminal && wants_colour();
	/* epoll(7) refuses some devices, /dev/null among them. */
	if (may_wait)
		c->writable = event_new(
		    loop_base(loop), c->fd, EV_WRITE, console_on_writable, c);
	return c;
fail:
	console_free(&c);
	return NULL;
}

void
console_free(struct console **console)
{
	struct console *c = *console;

	if (c == NULL)
		return;
	if (buf_len(&c->queue) > 0)
		console_flush(c);
	if (c->writable != NULL)
		event_free(c->writable);
	if (c->fd > 0 && !c->borrowed)
		(void)close(c->fd);
	buf_free(&c->queue);
	free(c);
	*console = NULL;
}

bool
console_is_terminal(const struct console *c)
{
	return c->terminal;
}

bool
console_has_colour(const struct console *c)
{
	return c->colour;
}

bool
console_is_journal(const struct console *c)
{
	return c->journal;
}

unsigned int
console_width(const struct console *c)
{
	struct winsize size;

	if (!c->terminal || ioctl(c->fd, TIOCGWINSZ, &size) == -1)
		return 0;
	return size.ws_col;
}

void
console_write(struct console *c, const char *text, size_t len)
{
	if (buf_len(&c->queue) + len > CONSOLE_QUEUE_MAX ||
	    buf_add(&c->queue, text, len) == -1) {
		c->dropped++;
		return;
	}
	console_flush(c);
}

unsigned long
console_dropped(const struct console *c)
{
	return c->dropped;
}
