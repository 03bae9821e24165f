/*
 * reply.h: what the response to one HTTP request says: messages, or why there
 * are none.
 */
#ifndef WORKER_HTTP_REPLY_H
#define WORKER_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events.h"
#include "exchange.h"
#include "held.h"
#include "proto/buf.h"
#include "transport.h"

/* A reason that continues "the backend …", with a cut text of the peer's. */
#define REPLY_WHY_MAX 768

/* What is expected. */
enum reply_mode {
	REPLY_TO_MESSAGE, /* JSON, events, or nothing but a status */
	REPLY_STATUS,     /* nothing but a status */
	REPLY_STREAM,     /* events */
};

enum reply_kind {
	REPLY_NONE,   /* no head came yet */
	REPLY_JSON,   /* one message */
	REPLY_EVENTS, /* an event stream */
	REPLY_TAKEN,  /* a 2xx, and what else it says does not matter */
	REPLY_PAGE,   /* a refusal, or what nobody asked for */
};

struct reply {
	enum reply_mode mode;
	enum reply_kind kind;
	size_t message_max;
	int64_t id; /* of the request that is to be answered, or 0 */
	/* An event came.  0, or -1 with errno ENOMEM or ENOBUFS. */
	int (*event)(void *arg, const struct sse_event *event);
	void *arg;
	long status;
	const char *reason;
	char type[64];
	char location[256];
	const char *trouble; /* why the rest is not wanted, or NULL */
	size_t skipped;      /* bytes of a body that does not matter */
	struct buf body;
	struct events events;
	struct held *held;
	size_t counted; /* there, of body and events */
	bool answered;  /* the answer to id was among the events */
};

enum reply_verdict {
	REPLY_ANSWERED, /* nothing more is to come */
	REPLY_ACCEPTED, /* the server took it, and did not answer here */
	REPLY_CUT,      /* the event stream ended before the answer */
	REPLY_FAILED,
};

/* How it ended; outcome and why for REPLY_CUT and REPLY_FAILED. */
struct reply_end {
	enum reply_verdict verdict;
	enum exchange_outcome exchange;
	enum transport_outcome outcome;
	long status;    /* that this is about, or 0 */
	bool forgotten; /* the status means a session that is not known */
	bool message;   /* the body is a message */
	char why[REPLY_WHY_MAX];
};

/*
 * Set up; message_max bounds a message, held (borrowed) all of them together.
 * Free with reply_free().
 */
void reply_init(struct reply *reply, enum reply_mode mode, int64_t id,
    size_t message_max, struct held *held,
    int (*event)(void *arg, const struct sse_event *event), void *arg);

/* Another exchange goes on with the same stream, and nothing but that. */
void reply_again(struct reply *reply);

/* The head came. */
void reply_head(struct reply *reply, const struct exchange_head *head);

/* Bytes of the body.  False when the rest is not wanted. */
bool reply_body(struct reply *reply, const char *bytes, size_t n);

/* The exchange is over; why is the exchange's. */
void reply_finish(struct reply *reply, enum exchange_outcome outcome,
    const char *why, struct reply_end *end);

/* Its body is given to somebody else, who counts it. */
struct buf reply_take(struct reply *reply);

void reply_free(struct reply *reply);

/*
 * The request that the text is the response to.  0, or -1 when it is none, or
 * an array.
 */
int reply_id(const char *text, size_t len, int64_t *id);

/* True when the text is the response to the request of this id, or an array in
 * which it is. */
bool reply_is_answer(const char *text, size_t len, int64_t id);

#endif
