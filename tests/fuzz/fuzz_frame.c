/*
 * A channel whose peer writes anything, in pieces of any size, with descriptors
 * anywhere.  The channel must call closed() exactly once, deliver only what the
 * message table allows, and leave no descriptor open.
 *
 * Input: the two roles, what else may happen, two bytes that choose the pieces,
 * and the stream.
 */
#include <sys/socket.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "proto/chan.h"

#define HEAD_LEN 4

enum {
	MAY_PASS = 1,   /* pieces carry descriptors now and then */
	MAY_PAUSE = 2,  /* handlers stop reading now and then */
	MAY_FREE = 4,   /* a handler frees the channel at last */
	MAY_ANSWER = 8, /* handlers write */
};

struct state {
	struct loop *loop;
	struct chan *chan;
	int raw;
	enum role self;
	enum role peer;
	unsigned int may;
	uint32_t random;
	size_t delivered; /* bytes of whole frames */
	size_t written;
	int closed;
};

static void
insist(int condition)
{
	if (!condition)
		abort();
}

/* The next of the numbers that the input chose (xorshift). */
static uint32_t
choose(struct state *s, uint32_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	return s->random % below;
}

/* Say something that the message table allows, if there is anything. */
static void
answer(struct state *s)
{
	struct frame frame = { 0 };

	for (uint16_t type = 1; type <= MSG_TYPE_MAX; type++) {
		frame.type = type;
		if (!msg_has_fd(type) &&
		    msg_check(&frame, s->self, s->peer) == NULL) {
			(void)chan_send(s->chan, &frame, NULL);
			return;
		}
	}
}

static void
on_frame(void *arg, const struct frame *frame, const char *payload, int *fd)
{
	struct state *s = arg;
	static volatile char sink;

	insist(s->closed == 0 && s->chan != NULL);
	insist(msg_check(frame, s->peer, s->self) == NULL);
	insist((*fd != -1) == msg_has_fd(frame->type));
	for (uint32_t i = 0; i < frame->length; i++)
		sink = payload[i]; /* readable, all of it */
	(void)sink;
	s->delivered += FRAME_HEADER_LEN + frame->length;
	insist(s->delivered <= s->written);
	if ((s->may & MAY_ANSWER) != 0 && choose(s, 2) == 0)
		answer(s);
	if ((s->may & MAY_PAUSE) != 0 && choose(s, 4) == 0)
		chan_set_reading(s->chan, false);
	if ((s->may & MAY_FREE) != 0 && choose(s, 8) == 0)
		chan_free(&s->chan);
}

static void
on_closed(void *arg, const char *why)
{
	struct state *s = arg;

	insist(why != NULL && s->chan != NULL && chan_fd(s->chan) == -1);
	s->closed++;
}

static const struct chan_handlers handlers = { .frame = on_frame,
	.closed = on_closed };

static void
stop_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_stop(arg);
}

static void
turn(struct state *s)
{
	const struct timeval now = { 0, 0 };

	insist(event_base_once(loop_base(s->loop), -1, EV_TIMEOUT, stop_now,
		   s->loop, &now) == 0);
	loop_run(s->loop);
}

/* Write a piece, perhaps with a descriptor; the peer may be gone already. */
static void
write_piece(struct state *s, const uint8_t *data, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t copy[512];
	struct iovec iov = { .iov_base = copy, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	const int passed = STDERR_FILENO; /* any but our own end */
	ssize_t sent;

	memcpy(copy, data, n);
	if ((s->may & MAY_PASS) != 0 && choose(s, 3) == 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &passed, sizeof(int));
	}
	sent = sendmsg(s->raw, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent > 0)
		s->written += (size_t)sent;
}

static void
write_stream(struct state *s, const uint8_t *data, size_t n)
{
	while (n > 0 && s->closed == 0 && s->chan != NULL) {
		/* Headers with descriptors are pieces of their own often. */
		size_t piece =
		    choose(s, 2) == 0 ? FRAME_HEADER_LEN : 1 + choose(s, 512);

		if (piece > n)
			piece = n;
		write_piece(s, data, piece);
		data += piece;
		n -= piece;
		if (choose(s, 2) == 0)
			turn(s);
		if (s->chan != NULL && choose(s, 4) == 0)
			chan_set_reading(s->chan, true);
	}
}

static void
finish(struct state *s)
{
	close(s->raw);
	/* Every pause ends one day; as many reads as there are frames. */
	for (size_t i = 0; s->chan != NULL && s->closed == 0; i++) {
		insist(i < 100 + s->written);
		chan_set_reading(s->chan, true);
		turn(s);
	}
	turn(s);
	insist(s->closed == (s->chan == NULL ? 0 : 1));
	chan_free(&s->chan);
	loop_free(&s->loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct state s = { 0 };
	int fds[2], before, after;

	if (n < HEAD_LEN)
		return 0;
	insist((before = dup(STDERR_FILENO)) != -1);
	close(before);
	s.self = (enum role)(data[0] % ROLE_COUNT);
	s.peer = (enum role)(data[0] / ROLE_COUNT % ROLE_COUNT);
	s.may = data[1];
	s.random = (uint32_t)data[2] << 8 | data[3] | 0x10000;
	insist((s.loop = loop_new(false)) != NULL);
	insist(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	s.raw = fds[1];
	s.chan = chan_new(s.loop, &fds[0], s.self, s.peer, &handlers, &s);
	insist(s.chan != NULL);
	write_stream(&s, data + HEAD_LEN, n - HEAD_LEN);
	finish(&s);
	insist((after = dup(STDERR_FILENO)) == before);
	close(after);
	return 0;
}
