/* diagnostics.c: what a job says to people. */
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

struct stream {
	struct diagnostics *all;
	const char *label;
	struct event *readable;
	int fd;
	struct flood *flood;
	size_t partial_len;
	char partial[DIAGNOSTICS_PIECE];
};

struct diagnostics {
	struct loop *loop;
	const char *name;
	void (*ended)(void *arg);
	void *arg;
	struct stream streams[DIAGNOSTICS_STREAMS];
	struct kept last[DIAGNOSTICS_LINES];
	size_t next; /* where the next line goes in last[] */
	size_t count;
	char chunk[READ_SIZE]; /* of one read */
};

static const struct {
	const char *label;
	const char *dropped;
} stream_names[DIAGNOSTICS_STREAMS] = {
	[DIAGNOSTICS_STDERR] = { "stderr", "lines of standard error" },
	[DIAGNOSTICS_STDOUT] = { "stdout", "lines of standard output" },
};

struct diagnostics *
diagnostics_new(struct loop *loop, const char *name)
{
	struct diagnostics *d = calloc(1, sizeof(*d));
	struct stream *s;
	bool whole = true;
	unsigned int i;

	if (d == NULL)
		return NULL;
	d->loop = loop;
	d->name = name;
	for (i = 0; i < DIAGNOSTICS_STREAMS; i++) {
		s = &d->streams[i];
		s->all = d;
		s->label = stream_names[i].label;
		s->fd = -1;
		s->flood = flood_new(loop, name, stream_names[i].dropped,
		    DIAGNOSTICS_BURST, DIAGNOSTICS_PER_SECOND);
		whole = whole && s->flood != NULL;
	}
	if (!whole)
		diagnostics_free(&d);
	return d;
}

static void
close_stream(struct stream *s)
{
	if (s->readable != NULL)
		event_free(s->readable);
	s->readable = NULL;
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
}

void
diagnostics_free(struct diagnostics **d)
{
	unsigned int i;

	if (*d == NULL)
		return;
	for (i = 0; i < DIAGNOSTICS_STREAMS; i++) {
		close_stream(&(*d)->streams[i]);
		flood_free(&(*d)->streams[i].flood);
	}
	free(*d);
	*d = NULL;
}

bool
diagnostics_ended(const struct diagnostics *d)
{
	unsigned int i;

	for (i = 0; i < DIAGNOSTICS_STREAMS; i++)
		if (d->streams[i].fd != -1)
			return false;
	return true;
}

/* One line, or a piece of a long one. */
static void
line(struct stream *s, const char *text, size_t len)
{
	struct diagnostics *d = s->all;
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
	if (flood_pass(s->flood, 0))
		log_info("backend %s: %s: %s", d->name, s->label,
		    log_escape(record, sizeof(record), text, len));
}

/* Collect n bytes without a newline, in pieces. */
static void
collect(struct stream *s, const char *bytes, size_t n)
{
	size_t room;

	while (n > 0) {
		room = sizeof(s->partial) - s->partial_len;
		if (room > n)
			room = n;
		memcpy(s->partial + s->partial_len, bytes, room);
		s->partial_len += room;
		bytes += room;
		n -= room;
		if (s->partial_len == sizeof(s->partial)) {
			line(s, s->partial, s->partial_len);
			s->partial_len = 0;
		}
	}
}

static void
feed(struct stream *s, const char *bytes, size_t n)
{
	const char *end;
	size_t len;

	while ((end = memchr(bytes, '\n', n)) != NULL) {
		len = (size_t)(end - bytes);
		if (s->partial_len == 0 && len <= sizeof(s->partial)) {
			line(s, bytes, len);
		} else {
			collect(s, bytes, len);
			line(s, s->partial, s->partial_len);
			s->partial_len = 0;
		}
		bytes += len + 1;
		n -= len + 1;
	}
	collect(s, bytes, n);
}

void
diagnostics_feed(struct diagnostics *d, enum diagnostics_stream which,
    const char *bytes, size_t n)
{
	feed(&d->streams[which], bytes, n);
}

static void
finish(struct stream *s)
{
	line(s, s->partial, s->partial_len);
	s->partial_len = 0;
	flood_report(s->flood);
}

void
diagnostics_finish(struct diagnostics *d)
{
	unsigned int i;

	for (i = 0; i < DIAGNOSTICS_STREAMS; i++)
		finish(&d->streams[i]);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	struct diagnostics *d = s->all;
	ssize_t n;

	(void)what;
	n = read(fd, d->chunk, sizeof(d->chunk));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		feed(s, d->chunk, (size_t)n);
		return;
	}
	close_stream(s);
	finish(s);
	if (diagnostics_ended(d))
		d->ended(d->arg);
}

int
diagnostics_open(struct diagnostics *d, enum diagnostics_stream which, int *fd,
    void (*ended)(void *arg), void *arg)
{
	struct stream *s = &d->streams[which];
	int flags = fcntl(*fd, F_GETFL);

	if (flags == -1 || fcntl(*fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	s->readable = event_new(
	    loop_base(d->loop), *fd, EV_READ | EV_PERSIST, on_readable, s);
	if (s->readable == NULL || event_add(s->readable, NULL) == -1) {
		close_stream(s);
		errno = ENOMEM;
		return -1;
	}
	d->ended = ended;
	d->arg = arg;
	s->fd = *fd;
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
