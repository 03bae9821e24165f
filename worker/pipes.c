/* pipes.c: MCP's stdio transport: a job's standard input and output. */
#include <sys/types.h>

#include <event2/event.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"
#include "pipes.h"
#include "proto/buf.h"
#include "proto/loop.h"

/* One read of a pipe: what a pipe holds unless enlarged. */
#define READ_SIZE ((size_t)64 << 10)
/* One read inside a long line: what an enlarged pipe holds. */
#define READ_SIZE_LONG ((size_t)1 << 20)
/* A hint for both pipes; 1 MB results pass 28 % faster with it. */
#define PIPE_SIZE (1 << 20)

struct pipes {
	struct transport transport; /* first: cast to and from it */
	struct loop *loop;
	const struct transport_events *events;
	void *arg;
	int in;  /* we write, the job reads; -1 when broken */
	int out; /* the job writes, we read; -1 at its end */
	struct event *readable;
	struct event *writable;
	struct event *linger;
	struct deferred flush;
	struct deferred deliver;
	struct lines lines;
	struct buf queue;
	uint64_t written; /* bytes that the pipe took so far */
	bool reading;
	bool delivering;
	bool full;     /* the pipe is: waiting for EV_WRITE */
	char why[128]; /* "" while the connection lives */
};

static void
close_pipe(struct event *ev, int *fd)
{
	if (ev != NULL)
		event_del(ev);
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* Nothing more will come: tell the owner. */
static void
lost(struct pipes *p)
{
	event_del(p->linger);
	close_pipe(p->readable, &p->out);
	close_pipe(p->writable, &p->in);
	deferred_cancel(&p->flush);
	p->events->lost(p->arg, p->why);
}

/* Hand out complete lines until there are none, or reading is switched off. */
static void
deliver(struct pipes *p)
{
	enum lines_found found;
	char *text;
	size_t len;

	if (p->delivering)
		return;
	p->delivering = true;
	while (p->reading) {
		found = lines_next(&p->lines, &text, &len);
		if (found == LINES_NONE)
			break;
		if (found == LINES_LINE) {
			if (len > 0)
				p->events->message(p->arg, text, len, 0);
		} else {
			p->events->oversize(
			    p->arg, text, len, found == LINES_SKIPPED);
		}
	}
	p->delivering = false;
}

static void
run_deliver(void *arg)
{
	deliver(arg);
}

static void
output_ended(struct pipes *p, ssize_t n)
{
	size_t rest = lines_rest(&p->lines);

	if (p->why[0] != '\0')
		;
	else if (n == -1)
		(void)snprintf(p->why, sizeof(p->why),
		    "could not be read from: %s", strerror(errno));
	else if (rest > 0)
		(void)snprintf(p->why, sizeof(p->why),
		    "closed its standard output inside a line of %zu bytes",
		    rest);
	else
		(void)snprintf(
		    p->why, sizeof(p->why), "closed its standard output");
	lost(p);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct pipes *p = arg;
	size_t size = READ_SIZE;
	ssize_t n;
	char *at;

	(void)what;
	if (lines_rest(&p->lines) >= READ_SIZE)
		size = READ_SIZE_LONG;
	at = lines_reserve(&p->lines, size);
	if (at == NULL)
		n = -1;
	else
		n = read(fd, at, size);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		output_ended(p, n);
		return;
	}
	lines_commit(&p->lines, (size_t)n);
	deliver(p);
}

static void
on_linger(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lost(arg);
}

/* The job no longer reads; what it has written before still counts. */
static void
input_broke(struct pipes *p)
{
	static const struct timeval wait = { 0, PIPES_LINGER_MS * 1000 };

	(void)snprintf(p->why, sizeof(p->why), "closed its standard input: %s",
	    strerror(errno));
	close_pipe(p->writable, &p->in);
	buf_free(&p->queue);
	event_add(p->linger, &wait);
}

/* Write what is queued, once. */
static void
flush(struct pipes *p)
{
	size_t len = buf_len(&p->queue);
	ssize_t n;

	if (len == 0 || p->in == -1)
		return;
	n = write(p->in, buf_data(&p->queue), len);
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		input_broke(p);
		return;
	}
	if (n > 0) {
		buf_consume(&p->queue, (size_t)n);
		p->written += (uint64_t)n;
	}
	p->full = buf_len(&p->queue) > 0;
	if (p->full)
		event_add(p->writable, NULL);
	else
		buf_trim(&p->queue, LINES_KEEP);
}

static void
run_flush(void *arg)
{
	struct pipes *p = arg;

	if (!p->full)
		flush(p);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

static int
pipes_send(struct transport *t, const char *text, size_t len, int64_t id)
{
	struct pipes *p = (struct pipes *)t;
	char *at;

	(void)id; /* no request is lost alone: see lost() */
	if (p->in == -1) {
		errno = EPIPE;
		return -1;
	}
	if (buf_len(&p->queue) >= PIPES_QUEUE_MAX) {
		errno = EAGAIN;
		return -1;
	}
	at = buf_reserve(&p->queue, len + 1);
	if (at == NULL)
		return -1;
	memcpy(at, text, len);
	at[len] = '\n';
	buf_commit(&p->queue, len + 1);
	deferred_queue(p->loop, &p->flush);
	return 0;
}

static uint64_t
pipes_position(const struct transport *t)
{
	const struct pipes *p = (const struct pipes *)t;

	return p->written + buf_len(&p->queue);
}

static bool
pipes_withdraw(struct transport *t, uint64_t position)
{
	struct pipes *p = (struct pipes *)t;
	size_t offset, left;
	char *at, *end;

	if (position < p->written)
		return false;
	if (p->in == -1)
		return true; /* what was queued goes nowhere */
	offset = (size_t)(position - p->written);
	left = buf_len(&p->queue) - offset;
	at = buf_data(&p->queue) + offset;
	end = memchr(at, '\n', left);
	assert(end != NULL); /* pipes_send() put it there */
	/* White space before the next message: nothing has to be moved. */
	memset(at, ' ', (size_t)(end + 1 - at));
	return true;
}

static void
pipes_set_reading(struct transport *t, bool on)
{
	struct pipes *p = (struct pipes *)t;

	if (p->reading == on)
		return;
	p->reading = on;
	if (p->out == -1)
		return;
	if (on) {
		event_add(p->readable, NULL);
		deferred_queue(p->loop, &p->deliver);
	} else {
		event_del(p->readable);
	}
}

/* Every revision is the same on a pipe. */
static void
pipes_agreed(struct transport *t, const struct mcp_revision *revision)
{
	(void)t;
	(void)revision;
}

/* A job is told by the end of its standard input, which pipes_free() closes. */
static bool
pipes_close(struct transport *t)
{
	(void)t;
	return false;
}

static void
pipes_free(struct transport *t)
{
	struct pipes *p = (struct pipes *)t;

	close_pipe(p->readable, &p->out);
	close_pipe(p->writable, &p->in);
	deferred_cancel(&p->flush);
	deferred_cancel(&p->deliver);
	if (p->readable != NULL)
		event_free(p->readable);
	if (p->writable != NULL)
		event_free(p->writable);
	if (p->linger != NULL)
		event_free(p->linger);
	lines_free(&p->lines);
	buf_free(&p->queue);
	free(p);
}

static const struct transport_ops ops = {
	.send = pipes_send,
	.position = pipes_position,
	.withdraw = pipes_withdraw,
	.set_reading = pipes_set_reading,
	.agreed = pipes_agreed,
	.close = pipes_close,
	.free = pipes_free,
};

static int
prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
	return 0;
}

struct transport *
pipes_new(struct loop *loop, int *in, int *out, size_t message_max,
    const struct transport_events *events, void *arg)
{
	struct event_base *base = loop_base(loop);
	struct pipes *p;

	if (prepare(*in) == -1 || prepare(*out) == -1)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->transport.ops = &ops;
	p->loop = loop;
	p->events = events;
	p->arg = arg;
	p->in = -1;
	p->out = -1;
	p->reading = true;
	lines_init(&p->lines, message_max);
	deferred_init(&p->flush, run_flush, p);
	deferred_init(&p->deliver, run_deliver, p);
	p->readable =
	    event_new(base, *out, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(base, *in, EV_WRITE, on_writable, p);
	p->linger = evtimer_new(base, on_linger, p);
	if (p->readable == NULL || p->writable == NULL || p->linger == NULL ||
	    event_add(p->readable, NULL) == -1) {
		pipes_free(&p->transport);
		errno = ENOMEM;
		return NULL;
	}
	p->in = *in;
	p->out = *out;
	*in = -1;
	*out = -1;
	return &p->transport;
}
