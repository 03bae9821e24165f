/*
 * transport.h: how messages reach a backend and come back, whatever carries
 * them.  Calls, greeting and link know a transport by this header only.
 */
#ifndef WORKER_TRANSPORT_H
#define WORKER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport;

/* What a transport tells its owner; arg is the owner's. */
struct transport_events {
	/*
	 * One message came, not yet parsed, without its line end.  The text
	 * may be changed in place and is valid until this returns.
	 */
	void (*message)(void *arg, char *text, size_t len);

	/*
	 * A message over the limit is being skipped: text is its beginning
	 * (end = false), and once it is over, its last bytes (end = true).
	 */
	void (*oversize)(void *arg, const char *text, size_t len, bool end);

	/* The connection is over and nothing more will come; called once.  why
	 * continues the sentence "the backend …". */
	void (*lost)(void *arg, const char *why);
};

struct transport_ops {
	/*
	 * Queue one message without a raw newline; it is written at the end of
	 * the turn.  0, or -1 with errno EAGAIN (the queue is full), EPIPE (the
	 * connection is over) or ENOMEM.
	 */
	int (*send)(struct transport *t, const char *text, size_t len);

	/* Where in all that was ever queued the next message begins. */
	uint64_t (*position)(const struct transport *t);

	/*
	 * Take back the message that began there: true when the backend has not
	 * got a byte of it, and will not get one.
	 */
	bool (*withdraw)(struct transport *t, uint64_t position);

	/* Stop or resume delivering messages, from within a callback too. */
	void (*set_reading)(struct transport *t, bool on);

	/* Close everything.  Not from within a callback of its own. */
	void (*free)(struct transport *t);
};

/* The first member of every transport. */
struct transport {
	const struct transport_ops *ops;
};

#endif
