/* chan_fixture.h: a channel with a raw socket or a second channel at its far
 * end, and a record of what its handlers were told.  For one test program. */
#ifndef TESTS_CHAN_FIXTURE_H
#define TESTS_CHAN_FIXTURE_H

#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "proto/buf.h"
#include "proto/chan.h"

#define SEEN_MAX 2048

/* One end: the channel, and all that came out of it. */
struct end {
	struct chan *chan;
	size_t frames;
	struct frame seen[SEEN_MAX];
	int fds[SEEN_MAX];   /* kept from the frame of the same number, or -1 */
	struct buf payloads; /* all of them, one behind the other */
	int closed;
	const char *why;
	int drained;
	size_t free_at;  /* chan_free() in the handler of this frame, from 1 */
	size_t pause_at; /* stop reading in the handler of this frame */
	bool free_when_closed;
	bool free_when_drained;
	bool leave_fds; /* do not take descriptors */
};

struct fixture {
	struct loop *loop;
	struct end near; /* a worker, seen from its supervisor's ... */
	struct end far;  /* ... end, if that is a channel, ... */
	int raw;         /* ... or a plain socket, else -1 */
	int open_at_start;
};

static int
count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
on_frame(void *arg, const struct frame *frame, const char *payload, int *fd)
{
	struct end *end = arg;

	assert_int_equal(end->closed, 0);
	assert_non_null(end->chan);
	assert_true(end->frames < SEEN_MAX);
	assert_int_equal(*fd != -1, msg_has_fd(frame->type));
	end->seen[end->frames] = *frame;
	end->fds[end->frames] = -1;
	if (!end->leave_fds) {
		end->fds[end->frames] = *fd;
		*fd = -1;
	}
	end->frames++;
	if (end->free_at == end->frames)
		chan_free(&end->chan);
	if (end->pause_at == end->frames)
		chan_set_reading(end->chan, false);
	/* The payload is still there, even when the channel is not. */
	assert_int_equal(buf_add(&end->payloads, payload, frame->length), 0);
}

static void
on_closed(void *arg, const char *why)
{
	struct end *end = arg;

	end->closed++;
	end->why = why;
	assert_int_equal(chan_fd(end->chan), -1);
	if (end->free_when_closed)
		chan_free(&end->chan);
}

static void
on_drained(void *arg)
{
	struct end *end = arg;

	assert_int_equal(end->closed, 0);
	end->drained++;
	if (end->free_when_drained)
		chan_free(&end->chan);
}

static const struct chan_handlers handlers = {
	.frame = on_frame, .closed = on_closed, .drained = on_drained
};

static void
stop_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_stop(arg);
}

/* Let the loop turn n times; it never blocks. */
static void
turns(struct fixture *f, int n)
{
	const struct timeval now = { 0, 0 };

	while (n-- > 0) {
		assert_int_equal(event_base_once(loop_base(f->loop), -1,
				     EV_TIMEOUT, stop_now, f->loop, &now),
		    0);
		loop_run(f->loop);
	}
}

static inline void
start_as(struct fixture *f, bool far_is_chan, enum role near_role,
    enum role far_role)
{
	int fds[2];

	*f = (struct fixture){ .raw = -1, .open_at_start = count_open() };
	assert_non_null(f->loop = loop_new(false));
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	f->near.chan = chan_new(
	    f->loop, &fds[0], near_role, far_role, &handlers, &f->near);
	assert_non_null(f->near.chan);
	assert_int_equal(fds[0], -1);
	if (far_is_chan) {
		f->far.chan = chan_new(
		    f->loop, &fds[1], far_role, near_role, &handlers, &f->far);
		assert_non_null(f->far.chan);
	} else {
		f->raw = fds[1];
	}
}

static inline void
start(struct fixture *f, bool far_is_chan)
{
	start_as(f, far_is_chan, ROLE_WORKER, ROLE_SUPERVISOR);
}

static void
end_free(struct end *end)
{
	chan_free(&end->chan);
	chan_free(&end->chan);
	for (size_t i = 0; i < end->frames; i++)
		if (end->fds[i] != -1)
			close(end->fds[i]);
	buf_free(&end->payloads);
}

/* Nothing may be left open. */
static void
finish(struct fixture *f)
{
	end_free(&f->near);
	end_free(&f->far);
	if (f->raw != -1)
		close(f->raw);
	loop_free(&f->loop);
	assert_int_equal(count_open(), f->open_at_start);
}

/* Append a frame's bytes. */
static void
add_frame(struct buf *b, unsigned int type, const char *payload)
{
	struct frame frame = { .type = (uint16_t)type,
		.length = (uint32_t)strlen(payload),
		.id = 7,
		.client = 9 };
	unsigned char header[FRAME_HEADER_LEN];

	frame_encode(header, &frame);
	assert_int_equal(buf_add(b, header, sizeof(header)), 0);
	assert_int_equal(buf_add_text(b, payload), 0);
}

/* Write all of n bytes to the raw end, with count descriptors. */
static void
raw_send(struct fixture *f, const void *bytes, size_t n, const int *fds,
    size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 16)];
	} control;
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct buf copy = { 0 };

	if (n == 0)
		return;
	assert_int_equal(buf_add(&copy, bytes, n), 0);
	iov = (struct iovec){ .iov_base = buf_data(&copy), .iov_len = n };
	if (count > 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * count);
	}
	assert_int_equal(sendmsg(f->raw, &msg, MSG_NOSIGNAL), n);
	buf_free(&copy);
}

static void
assert_payloads(struct end *end, const char *text)
{
	assert_int_equal(buf_len(&end->payloads), strlen(text));
	if (text[0] != '\0')
		assert_memory_equal(
		    buf_data(&end->payloads), text, strlen(text));
}

#endif
