/* post.h: one message under way, until all of its answer has come. */
#ifndef WORKER_HTTP_POST_H
#define WORKER_HTTP_POST_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "carrier.h"

struct post {
	TAILQ_ENTRY(post) link;
	struct carrier *carrier;
	struct queue_message *message; /* ours */
	struct exchange *exchange;     /* NULL between two */
	struct reply reply;
	/* Until it is resumed, or what is still to come is not waited for. */
	struct event *timer;
	unsigned int session; /* in which it was sent: the carrier's count */
	bool greeting;        /* it is initialize */
	bool opening;         /* it is notifications/initialized */
	bool resumed;         /* its stream is read by GETs by now */
	bool connecting;      /* its exchange has no connection yet */
	bool paused;
	bool abandoned; /* nobody waits for the answer */
};

/*
 * Send the message, which the post takes, in the carrier's list.  NULL with
 * errno, and the message is still the caller's.
 */
struct post *post_new(struct carrier *c, struct queue_message *message);

/* Ends its exchange, takes it out of the carrier's list, and frees the message.
 */
void post_free(struct post **post);

/* Go on with its event stream after this time. */
void post_resume(struct post *post, uint32_t ms);

/*
 * Nobody waits for its answer.  True when the server has not got the message
 * and will not: free the post.  Else the answer may come for
 * STREAMABLE_ABANDONED_MS.
 */
bool post_abandon(struct post *post);

/* Its answer came elsewhere: what else the server has to say, it may, for
 * STREAMABLE_ABANDONED_MS. */
void post_answered(struct post *post);

/* The owner reads again. */
void post_read_on(struct post *post);

#endif
