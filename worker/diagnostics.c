/* diagnostics.c: a job's standard error. */
#include <sys/types.h>

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "flood.h"
#include "proto/buf.h"
#include "proto/json.h"
#include "proto/log.h"
#include "proto/loop.h"

/* What a pipe holds. */
#define READ_SIZE ((size_t)64 << 10)
/* An escaped piece in one record; most are plain text. */
#define RECORD_MAX 2048

struct kept {
	size_t len;
	char text[DIAGNOSTICS_LINE_MAX];
};

struct diagnostics {
	struct loop *loop;
	const char *name;
	struct event *readable;
	int fd;
	void (*ended)(void *arg);
	void *arg;
	struct flood *flood;
	struct kept last[DIAGNOSTICS_LINES];
	size_t next; /* where the next line goes in last[] */
	size_t count;
	size_t partial_len;
	char partial[DIAGNOSTICS_PIECE];
	char chunk[READ_SIZE];
};

struct diagnostics *
diagnostics_new(struct loop *loop, const char *name)
{
	struct diagnostics *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->loop = loop;
	d->name = name;
	d->fd = -1;
	d->flood = flood_new(loop, name, "lines of standard error",
	    DIAGNOSTICS_BURST, DIAGNOSTICS_PER_SECOND);
	if (d->flood == NULL)
		diagnostics_free(&d);
	return d;
}

static void
close_fd(struct diagnostics *d)
{
	if (d->readable != NULL)
		event_free(d->readable);
	d->readable = NULL;
	if (d->fd != -1)
		close(d->fd);
	d->fd = -1;
}

void
diagnostics_free(struct diagnostics **d)
{
	if (*d == NULL)
		return;
	close_fd(*d);
	flood_free(&(*d)->flood);
	free(*d);
	*d = NULL;
}

bool
diagnostics_ended(const struct diagnostics *d)
{
	return d->fd == -1;
}

/* One line, or a piece of a long one. */
static void
line(struct diagnostics *d, const char *text, size_t len)
{
	char record[RECORD_MAX];
	struct kept *kept;

	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len == 0)
		return;
	kept = &d->last[d->next];
	kept->len = len < sizeof(kept->text) ? len : sizeof(kept->text);
	memcpy(kept->text, text, kept->len);
	d->next = (d->next + 1) % DIAGNOSTICS_LINES;
	if (d->count < DIAGNOSTICS_LINES)
		d->count++;
	if (flood_pass(d->flood, 0))
		log_info("backend %s: stderr: %s", d->name,
		    log_escape(record, sizeof(record), text, len));
}

/* Collect n bytes without a newline, in pieces. */
static void
collect(struct diagnostics *d, const char *bytes, size_t n)
{
	size_t room;

	while (n > 0) {
		room = sizeof(d->partial) - d->partial_len;
		if (room > n)
			room = n;
		memcpy(d->partial + d->partial_len, bytes, room);
		d->partial_len += room;
		bytes += room;
		n -= room;
		if (d->partial_len == sizeof(d->partial)) {
			line(d, d->partial, d->partial_len);
			d->partial_len = 0;
		}
	}
}

void
diagnostics_feed(struct diagnostics *d, const char *bytes, size_t n)
{
	const char *end;
	size_t len;

	while ((end = memchr(bytes, '\n', n)) != NULL) {
		len = (size_t)(end - bytes);
		if (d->partial_len == 0 && len <= sizeof(d->partial)) {
			line(d, bytes, len);
		} else {
			collect(d, bytes, len);
			line(d, d->partial, d->partial_len);
			d->partial_len = 0;
		}
		bytes += len + 1;
		n -= len + 1;
	}
	collect(d, bytes, n);
}

void
diagnostics_finish(struct diagnostics *d)
{
	line(d, d->partial, d->partial_len);
	d->partial_len = 0;
	flood_report(d->flood);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct diagnostics *d = arg;
	ssize_t n;

	(void)what;
	n = read(fd, d->chunk, sizeof(d->chunk));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		diagnostics_feed(d, d->chunk, (size_t)n);
		return;
	}
	close_fd(d);
	diagnostics_finish(d);
	d->ended(d->arg);
}

int
diagnostics_open(
    struct diagnostics *d, int *fd, void (*ended)(void *arg), void *arg)
{
	int flags = fcntl(*fd, F_GETFL);

	if (flags == -1 || fcntl(*fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	d->readable = event_new(
	    loop_base(d->loop), *fd, EV_READ | EV_PERSIST, on_readable, d);
	if (d->readable == NULL || event_add(d->readable, NULL) == -1) {
		close_fd(d);
		errno = ENOMEM;
		return -1;
	}
	d->ended = ended;
	d->arg = arg;
	d->fd = *fd;
	*fd = -1;
	return 0;
}

int
diagnostics_add_last(const struct diagnostics *d, struct buf *b)
{
	size_t at =
	    (d->next + DIAGNOSTICS_LINES - d->count) % DIAGNOSTICS_LINES;
	char text[RECORD_MAX];
	const struct kept *kept;
	size_t i;

	if (buf_add_text(b, "[") == -1)
		return -1;
	for (i = 0; i < d->count; i++) {
		kept = &d->last[(at + i) % DIAGNOSTICS_LINES];
		log_escape(text, sizeof(text), kept->text, kept->len);
		if ((i > 0 && buf_add_text(b, ",") == -1) ||
		    json_add_string(b, text, strlen(text)) == -1)
			return -1;
	}
	return buf_add_text(b, "]");
}
