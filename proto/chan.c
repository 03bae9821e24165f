#include "proto/chan.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "proto/buf.h"
#include "proto/socket.h"

/*
 * Room for one read: a pipe's worth, so that a burst of small frames costs one
 * system call.
 */
#define READ_MIN ((size_t)64 << 10)
/* One read of a large frame; other channels shall have their turn. */
#define READ_MAX ((size_t)1 << 20)
/*
 * Memory that an idle channel keeps.  Reading needs room for READ_MIN behind a
 * piece of a frame, else it would grow and shrink with every read.
 */
#define READ_KEEP  (2 * READ_MIN)
#define WRITE_KEEP ((size_t)64 << 10)
/* One may be left that belongs to a frame whose header is not complete. */
#define FDS_MAX (SOCKET_FDS_MAX + 1)

/* A descriptor that goes out with the byte number at of the stream. */
struct passenger {
	uint64_t at;
	int fd;
};

enum chan_state {
	CHAN_OPEN,
	CHAN_CLOSED, /* closed() was called */
	CHAN_FREED,  /* the memory goes at the end of the turn */
};

struct chan {
	enum chan_state state;
	int fd;
	enum role self;
	enum role peer;
	bool reading;
	bool broken;    /* writing failed: read the rest, then close */
	bool full;      /* the socket is: waiting for EV_WRITE */
	bool congested; /* drained() is due */
	struct chan_handlers handlers;
	void *arg;
	struct loop *loop;
	struct event *readable;
	struct event *writable;

	struct buf in;
	size_t in_need; /* bytes that the frame at hand still needs, or 0 */
	int in_fds[FDS_MAX];
	size_t in_fd_count;

	struct buf out;
	struct buf out_fds; /* struct passenger, in order */
	uint64_t out_sent;  /* bytes that the kernel took so far */
	size_t queue_max;

	struct deferred flush;
	struct deferred resume; /* frames that were read before a pause */
	struct deferred release;
};

/* Close everything but leave the memory: a handler may be looking at it. */
static void
chan_close_descriptors(struct chan *chan)
{
	struct passenger passenger;

	if (chan->readable != NULL)
		event_free(chan->readable);
	if (chan->writable != NULL)
		event_free(chan->writable);
	chan->readable = chan->writable = NULL;
	if (chan->fd != -1)
		close(chan->fd);
	chan->fd = -1;
	for (size_t i = 0; i < chan->in_fd_count; i++)
		close(chan->in_fds[i]);
	chan->in_fd_count = 0;
	while (buf_len(&chan->out_fds) > 0) {
		memcpy(&passenger, buf_data(&chan->out_fds), sizeof(passenger));
		buf_consume(&chan->out_fds, sizeof(passenger));
		close(passenger.fd);
	}
	deferred_cancel(&chan->flush);
	deferred_cancel(&chan->resume);
}

static void
chan_release(void *arg)
{
	struct chan *chan = arg;

	buf_free(&chan->in);
	buf_free(&chan->out);
	buf_free(&chan->out_fds);
	free(chan);
}

/* The only way to the closed() handler. */
static void
chan_close(struct chan *chan, const char *why)
{
	if (chan->state != CHAN_OPEN)
		return;
	chan->state = CHAN_CLOSED;
	chan_close_descriptors(chan);
	buf_consume(&chan->in, buf_len(&chan->in));
	buf_consume(&chan->out, buf_len(&chan->out));
	chan->handlers.closed(chan->arg, why);
}

/*
 * Writing is over.  What the peer said before it went may still be unread: let
 * the read side find the end.
 */
static void
chan_break(struct chan *chan)
{
	chan->broken = true;
	chan->full = false;
	event_del(chan->writable);
	buf_consume(&chan->out, buf_len(&chan->out));
	if (chan->reading)
		event_active(chan->readable, EV_READ, 0);
}

/* ---- reading ---- */

/* The oldest descriptor that came; there is one. */
static int
chan_next_fd(struct chan *chan)
{
	int fd = chan->in_fds[0];

	assert(chan->in_fd_count > 0);
	chan->in_fd_count--;
	memmove(chan->in_fds, chan->in_fds + 1,
	    chan->in_fd_count * sizeof(chan->in_fds[0]));
	return fd;
}

/*
 * More bytes are needed, and a descriptor comes with the first byte of its
 * frame: -1 with *why if more came than the frame at hand may have, else 0.
 */
static int
chan_wait(const struct chan *chan, bool may_have_fd, const char **why)
{
	if (chan->in_fd_count <= (may_have_fd ? 1 : 0))
		return 0;
	*why = "surplus descriptor";
	return -1;
}

/*
 * Judge the header at the front of the input.  1 with the frame whole, 0 when
 * more bytes are needed, -1 with *why.
 */
static int
chan_frame_whole(
    struct chan *chan, struct frame *frame, bool *has_fd, const char **why)
{
	size_t have = buf_len(&chan->in);
	size_t whole;

	chan->in_need = 0;
	if (have < FRAME_HEADER_LEN)
		return chan_wait(chan, have > 0, why);
	if (frame_decode(frame, buf_data(&chan->in), have) == -1) {
		*why = "malformed header";
		return -1;
	}
	if ((*why = msg_check(frame, chan->peer, chan->self)) != NULL)
		return -1;
	*has_fd = msg_has_fd(frame->type);
	if (*has_fd && chan->in_fd_count == 0) {
		*why = "missing descriptor";
		return -1;
	}
	whole = FRAME_HEADER_LEN + (size_t)frame->length;
	if (have >= whole)
		return 1;
	chan->in_need = whole - have;
	return chan_wait(chan, *has_fd, why);
}

/* Hand the first frame to the owner, who may free the channel. */
static void
chan_deliver(struct chan *chan, const struct frame *frame, bool has_fd)
{
	const char *payload = buf_data(&chan->in) + FRAME_HEADER_LEN;
	int fd = has_fd ? chan_next_fd(chan) : -1;

	/* The bytes stay where they are until the next read. */
	buf_consume(&chan->in, FRAME_HEADER_LEN + (size_t)frame->length);
	chan->handlers.frame(chan->arg, frame, payload, &fd);
	if (fd != -1)
		close(fd);
}

/* Deliver all whole frames, unless the owner stops that. */
static void
chan_deliver_all(struct chan *chan)
{
	struct frame frame;
	const char *why;
	bool has_fd;
	int whole;

	while (chan->state == CHAN_OPEN && chan->reading) {
		whole = chan_frame_whole(chan, &frame, &has_fd, &why);
		if (whole == -1) {
			chan_close(chan, why);
			return;
		}
		if (whole == 0) {
			buf_trim(&chan->in, READ_KEEP);
			return;
		}
		chan_deliver(chan, &frame, has_fd);
	}
}

/* One read: the bytes that came, 0 at the end, or -1 with errno. */
static ssize_t
chan_read(struct chan *chan)
{
	size_t want = chan->in_need > READ_MIN ? chan->in_need : READ_MIN;
	size_t count;
	ssize_t n;
	char *at;

	/* All of a frame at once: untouched memory costs nothing. */
	if ((at = buf_reserve(&chan->in, want)) == NULL)
		return -1;
	if (want > READ_MAX)
		want = READ_MAX;
	/* All frames before this were taken, and so were their descriptors. */
	assert(chan->in_fd_count <= FDS_MAX - SOCKET_FDS_MAX);
	n = socket_read(
	    chan->fd, at, want, chan->in_fds + chan->in_fd_count, &count);
	chan->in_fd_count += count;
	if (n > 0)
		buf_commit(&chan->in, (size_t)n);
	return n;
}

static void
chan_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct chan *chan = arg;
	ssize_t n;

	(void)fd;
	(void)what;
	/* What was read before a pause goes first, so that at most one
	 * descriptor is left over when the next ones come. */
	if (chan->resume.loop != NULL) {
		deferred_cancel(&chan->resume);
		chan_deliver_all(chan);
	}
	if (chan->state != CHAN_OPEN || !chan->reading)
		return;
	n = chan_read(chan);
	if (n > 0) {
		chan_deliver_all(chan);
		if (chan->state == CHAN_OPEN && chan->broken && chan->reading)
			event_active(chan->readable, EV_READ, 0);
	} else if (n == 0 || errno == ECONNRESET) {
		chan_close(chan, "closed");
	} else if (errno == EAGAIN) {
		if (chan->broken)
			chan_close(chan, "closed");
	} else if (errno == EBADMSG) {
		chan_close(chan, "descriptors cut off");
	} else if (errno == ENOMEM) {
		chan_close(chan, "out of memory");
	} else {
		chan_close(chan, "socket error");
	}
}

static void
chan_on_resume(void *arg)
{
	chan_deliver_all(arg);
}

void
chan_set_reading(struct chan *chan, bool on)
{
	if (chan->state != CHAN_OPEN || chan->reading == on)
		return;
	chan->reading = on;
	if (!on) {
		event_del(chan->readable);
		return;
	}
	event_add(chan->readable, NULL);
	if (chan->broken)
		event_active(chan->readable, EV_READ, 0);
	if (buf_len(&chan->in) > 0)
		deferred_queue(chan->loop, &chan->resume);
}

/* ---- writing ---- */

/*
 * How much may go with the next sendmsg(2), and *fd for its first byte or -1.
 * It ends where the next descriptor's frame begins: the kernel ties descriptors
 * to the first byte of what is written.
 */
static size_t
chan_next_piece(const struct chan *chan, int *fd)
{
	struct passenger passenger;
	const char *at = buf_data(&chan->out_fds);
	size_t left = buf_len(&chan->out_fds);
	size_t n = buf_len(&chan->out);

	*fd = -1;
	if (left == 0)
		return n;
	memcpy(&passenger, at, sizeof(passenger));
	if (passenger.at == chan->out_sent) {
		*fd = passenger.fd;
		if (left == sizeof(passenger))
			return n;
		memcpy(&passenger, at + sizeof(passenger), sizeof(passenger));
	}
	return (size_t)(passenger.at - chan->out_sent);
}

/* Write what the socket takes; the rest waits for EV_WRITE. */
static void
chan_write_all(struct chan *chan)
{
	while (buf_len(&chan->out) > 0) {
		int fd;
		size_t n = chan_next_piece(chan, &fd);
		ssize_t sent =
		    socket_write(chan->fd, buf_data(&chan->out), n, fd);

		if (sent == -1 && errno != EAGAIN) {
			chan_break(chan);
			return;
		}
		if (sent > 0) {
			buf_consume(&chan->out, (size_t)sent);
			chan->out_sent += (size_t)sent;
			if (fd != -1) {
				buf_consume(
				    &chan->out_fds, sizeof(struct passenger));
				close(fd); /* the copy is on its way */
			}
		}
		if (sent == -1 || (size_t)sent < n) {
			chan->full = true;
			event_add(chan->writable, NULL);
			return;
		}
	}
	buf_trim(&chan->out, WRITE_KEEP);
}

static bool
chan_drained_due(const struct chan *chan)
{
	return chan->congested && !chan->broken &&
	    buf_len(&chan->out) < (chan->queue_max + 1) / 2;
}

/* The end of a turn, or the socket took something after it was full. */
static void
chan_write_and_tell(struct chan *chan)
{
	if (!chan->full)
		chan_write_all(chan);
	if (!chan_drained_due(chan))
		return;
	chan->congested = false;
	if (chan->handlers.drained != NULL)
		chan->handlers.drained(chan->arg);
}

static void
chan_on_flush(void *arg)
{
	chan_write_and_tell(arg);
}

static void
chan_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct chan *chan = arg;

	(void)fd;
	(void)what;
	chan->full = false;
	chan_write_and_tell(chan);
}

void
chan_flush(struct chan *chan)
{
	if (chan->state != CHAN_OPEN || chan->full)
		return;
	chan_write_all(chan);
	/* drained() comes at the end of the turn, never under the caller. */
	if (chan_drained_due(chan))
		deferred_queue(chan->loop, &chan->flush);
}

/* Room for a frame with its header in place, or NULL with errno. */
static inline char *
chan_begin(struct chan *chan, const struct frame *frame)
{
	const char *wrong = msg_check(frame, chan->self, chan->peer);
	unsigned char *header;
	char *at;

	if (wrong != NULL) {
		/* All but the length is our own doing. */
		assert(frame->length > msg_length_max(frame->type));
		errno = EMSGSIZE;
		return NULL;
	}
	if (chan->state != CHAN_OPEN || chan->broken) {
		errno = EPIPE;
		return NULL;
	}
	if (chan_congested(chan)) {
		errno = EAGAIN;
		return NULL;
	}
	at = buf_reserve(&chan->out, FRAME_HEADER_LEN + (size_t)frame->length);
	if (at == NULL)
		return NULL;
	header = (unsigned char *)at;
	frame_encode(header, frame);
	return at + FRAME_HEADER_LEN;
}

/* The frame that chan_begin() made room for is to be sent. */
static void
chan_end(struct chan *chan, const struct frame *frame)
{
	buf_commit(&chan->out, FRAME_HEADER_LEN + (size_t)frame->length);
	if (!chan->full)
		deferred_queue(chan->loop, &chan->flush);
}

int
chan_send(struct chan *chan, const struct frame *frame, const void *payload)
{
	char *at = chan_send_in_place(chan, frame);

	if (at == NULL)
		return -1;
	if (frame->length > 0)
		memcpy(at, payload, frame->length);
	return 0;
}

char *
chan_send_in_place(struct chan *chan, const struct frame *frame)
{
	char *at;

	assert(!msg_has_fd(frame->type));
	if ((at = chan_begin(chan, frame)) != NULL)
		chan_end(chan, frame);
	return at;
}

int
chan_send_fd(
    struct chan *chan, const struct frame *frame, const void *payload, int *fd)
{
	struct passenger passenger = { .fd = *fd };
	char *at;

	assert(msg_has_fd(frame->type) && *fd != -1);
	if ((at = chan_begin(chan, frame)) == NULL)
		return -1;
	passenger.at = chan->out_sent + buf_len(&chan->out);
	if (buf_add(&chan->out_fds, &passenger, sizeof(passenger)) == -1)
		return -1;
	if (frame->length > 0)
		memcpy(at, payload, frame->length);
	chan_end(chan, frame);
	*fd = -1;
	return 0;
}

size_t
chan_queued(const struct chan *chan)
{
	return buf_len(&chan->out);
}

bool
chan_congested(struct chan *chan)
{
	if (buf_len(&chan->out) < chan->queue_max)
		return false;
	chan->congested = true;
	return true;
}

/* ---- the channel itself ---- */

struct chan *
chan_new(struct loop *loop, int *fd, enum role self, enum role peer,
    const struct chan_handlers *handlers, void *arg)
{
	struct event_base *base = loop_base(loop);
	struct chan *chan;

	if ((chan = calloc(1, sizeof(*chan))) == NULL)
		return NULL;
	*chan = (struct chan){ .fd = -1,
		.self = self,
		.peer = peer,
		.reading = true,
		.handlers = *handlers,
		.arg = arg,
		.loop = loop,
		.queue_max = CHAN_QUEUE_MAX };
	deferred_init(&chan->flush, chan_on_flush, chan);
	deferred_init(&chan->resume, chan_on_resume, chan);
	deferred_init(&chan->release, chan_release, chan);
	chan->readable =
	    event_new(base, *fd, EV_READ | EV_PERSIST, chan_on_readable, chan);
	chan->writable = event_new(base, *fd, EV_WRITE, chan_on_writable, chan);
	if (chan->readable == NULL || chan->writable == NULL) {
		errno = ENOMEM;
		goto fail;
	}
	if (socket_prepare(*fd) == -1 || event_add(chan->readable, NULL) == -1)
		goto fail;
	chan->fd = *fd;
	*fd = -1;
	return chan;
fail:
	chan_close_descriptors(chan);
	chan_release(chan);
	return NULL;
}

void
chan_free(struct chan **chan)
{
	struct chan *old = *chan;

	*chan = NULL;
	if (old == NULL)
		return;
	assert(old->state != CHAN_FREED);
	old->state = CHAN_FREED;
	chan_close_descriptors(old);
	deferred_queue(old->loop, &old->release);
}

void
chan_set_queue_max(struct chan *chan, size_t max)
{
	chan->queue_max = max;
}

void
chan_set_socket_buffer(struct chan *chan, int bytes)
{
	(void)setsockopt(
	    chan->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(
	    chan->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

int
chan_fd(const struct chan *chan)
{
	return chan->fd;
}
