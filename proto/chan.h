/*
 * chan.h: framed messages over a socketpair: non-blocking, bounded, able to
 * pass descriptors, checked against the message table before a handler runs.
 */
#ifndef PROTO_CHAN_H
#define PROTO_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"
#include "proto/loop.h"
#include "proto/msg.h"

struct chan;

struct chan_handlers {
	/*
	 * A frame came.  payload is frame->length bytes, valid until the
	 * handler returns, not NUL-terminated.  *fd is the descriptor that came
	 * with it, or -1; a handler that keeps it sets *fd to -1, else it is
	 * closed.  The handler may call chan_free().
	 */
	void (*frame)(
	    void *arg, const struct frame *frame, const char *payload, int *fd);

	/*
	 * The peer is gone (why = "closed"), or broke a rule, or the socket
	 * failed; called once, after all whole frames that came before, and
	 * nothing comes after it.  why is a static text.  The socket is closed
	 * already.  The owner calls chan_free(), here or later.
	 */
	void (*closed)(void *arg, const char *why);

	/*
	 * The queue fell below half of its limit after chan_send() refused or
	 * chan_congested() was true.  May be NULL.
	 */
	void (*drained)(void *arg);
};

/* Bytes a channel queues for a peer that does not read, unless set. */
#define CHAN_QUEUE_MAX ((size_t)4 << 20)

/*
 * Take the connected socket *fd (set to -1) and serve it on the loop.  NULL
 * with errno on failure, and *fd is still the caller's.  The handlers are
 * copied; arg goes to them, borrowed until chan_free().
 */
struct chan *chan_new(struct loop *loop, int *fd, enum role self,
    enum role peer, const struct chan_handlers *handlers, void *arg);

/*
 * Close the socket and forget what is queued; *chan becomes NULL, NULL is
 * accepted.  Safe inside a handler: the memory goes at the end of the turn.
 */
void chan_free(struct chan **chan);

/* Bytes the queue may hold before chan_send() refuses. */
void chan_set_queue_max(struct chan *chan, size_t max);

/* Ask the kernel for socket buffers of this many bytes (a hint). */
void chan_set_socket_buffer(struct chan *chan, int bytes);

/*
 * Queue a frame; it is written at the end of this turn of the loop.  payload
 * may be NULL when length is 0.  0, or -1 with errno EAGAIN (the queue is
 * full), EPIPE (closed), EMSGSIZE (longer than msg_length_max()) or ENOMEM.  A
 * frame is accepted whole while the queue holds less than the limit, so one
 * frame may exceed it.  frame->type and flags must be allowed by the message
 * table and the type carry no descriptor (all asserted).
 */
int chan_send(
    struct chan *chan, const struct frame *frame, const void *payload);

/*
 * The same, with the payload written by the caller: returns where
 * frame->length bytes go, or NULL with the errors above.  They must be written
 * before the next call on this channel; the frame counts as sent.
 */
char *chan_send_in_place(struct chan *chan, const struct frame *frame);

/* The same with a descriptor, which is taken (*fd = -1) on success only. */
int chan_send_fd(
    struct chan *chan, const struct frame *frame, const void *payload, int *fd);

/*
 * True when the queue is at its limit, so that chan_send() would refuse with
 * EAGAIN; drained() then tells when to go on.
 */
bool chan_congested(struct chan *chan);

/* Write now what the socket takes, without waiting for the end of the turn. */
void chan_flush(struct chan *chan);

/* Bytes queued and not yet taken by the kernel. */
size_t chan_queued(const struct chan *chan);

/*
 * Stop or resume reading, for backpressure; reading is on at first.  No handler
 * for frames and no closed() is called while it is off, not even for what was
 * read already.
 */
void chan_set_reading(struct chan *chan, bool on);

/* The socket, for getsockopt and tests; still the channel's; -1 when closed. */
int chan_fd(const struct chan *chan);

#endif
