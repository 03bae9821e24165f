/*
 * transport.h: how messages reach a backend and come back, whatever carries
 * them.  Calls, greeting and link know a transport by this header only.
 */
#ifndef WORKER_TRANSPORT_H
#define WORKER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcp_revision;
struct transport;

/* What became of a request that gets no answer. */
enum transport_outcome {
	TRANSPORT_NOT_SENT, /* the backend has not got it and will not */
	TRANSPORT_REFUSED,  /* it got it and said that it will not run it */
	TRANSPORT_UNKNOWN,  /* it may have run */
};

/* What a transport tells its owner; arg is the owner's. */
struct transport_events {
	/*
	 * One message came, not yet parsed, without its line end.  The text
	 * may be changed in place and is valid until this returns.  about is
	 * the request with whose answer it came, 0 where that is not known.
	 */
	void (*message)(void *arg, char *text, size_t len, int64_t about);

	/*
	 * A message over the limit is being skipped: text is its beginning
	 * (end = false), and once it is over, its last bytes (end = true).
	 */
	void (*oversize)(void *arg, const char *text, size_t len, bool end);

	/*
	 * The request of this id gets no answer.  why continues the sentence
	 * "the backend …".  Never for stdio.
	 */
	void (*failed)(void *arg, int64_t id, enum transport_outcome outcome,
	    const char *why);

	/*
	 * The backend has forgotten our session: send initialize again, from
	 * within this callback.  Everything else that is sent or was refused
	 * for this reason waits until the new session is agreed on.  Never for
	 * stdio.
	 */
	void (*renew)(void *arg, const char *why);

	/*
	 * The connection is over and nothing more will come; called once.  why
	 * continues the sentence "the backend …".
	 */
	void (*lost)(void *arg, const char *why);
};

struct transport_ops {
	/*
	 * Queue one message; id is that of the request that it is, 0 when no
	 * answer is expected.  The text has no raw newline and is copied.  It
	 * is written at the end of the turn.  The first message, and the first
	 * one after renew(), must be initialize, and the first one after
	 * agreed() notifications/initialized.  0, or -1 with errno EAGAIN (the
	 * queue is full), EPIPE (the connection is over) or ENOMEM.
	 */
	int (*send)(
	    struct transport *t, const char *text, size_t len, int64_t id);

	/* Where in all that was ever queued the next message begins. */
	uint64_t (*position)(const struct transport *t);

	/*
	 * Nobody waits for the message that began there: take it back.  True
	 * when the backend has not got a byte of it, and will not get one.
	 */
	bool (*withdraw)(struct transport *t, uint64_t position);

	/* Stop or resume delivering messages, from within a callback too. */
	void (*set_reading)(struct transport *t, bool on);

	/* initialize was answered with this revision (borrowed, static). */
	void (*agreed)(
	    struct transport *t, const struct mcp_revision *revision);

	/*
	 * Say goodbye: nothing is sent any more.  True when that takes a
	 * moment, at the end of which lost() is called.
	 */
	bool (*close)(struct transport *t);

	/* Close everything.  Not from within a callback of its own. */
	void (*free)(struct transport *t);
};

/* The first member of every transport. */
struct transport {
	const struct transport_ops *ops;
};

#endif
