/* queue.h: messages to the server that wait for their turn. */
#ifndef WORKER_HTTP_QUEUE_H
#define WORKER_HTTP_QUEUE_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One message, waiting or under way. */
struct queue_message {
	TAILQ_ENTRY(queue_message) link;
	uint64_t position;
	int64_t id;   /* of the request that it is; 0: no answer is expected */
	bool renewed; /* a forgotten session has already sent it back once */
	char *text;   /* NULL once it will not be sent again */
	size_t len;
};

TAILQ_HEAD(queue_list, queue_message);

/*
 * Requests and the rest wait apart: a request may have to wait for one before
 * it to be answered, and that may depend on an answer of ours.
 */
struct queue {
	struct queue_list requests;
	struct queue_list asides;
	size_t bytes; /* texts of all messages made here that still have one */
	size_t max;
	uint64_t position; /* of the next message */
};

/* An empty queue; a message is accepted whole while less than max is held. */
void queue_init(struct queue *queue, size_t max);

bool queue_is_full(const struct queue *queue);

/*
 * Make a message of a copy of the text, in no list yet, of a full queue too.
 * NULL with errno ENOMEM.
 */
struct queue_message *queue_message_new(
    struct queue *queue, const char *text, size_t len, int64_t id);

/* Free a message that is in no list; *message becomes NULL, NULL is accepted.
 */
void queue_message_free(struct queue *queue, struct queue_message **message);

/* The text is not needed any more. */
void queue_drop_text(struct queue *queue, struct queue_message *message);

/* Put it where its position belongs: at the end, if it is new. */
void queue_add(struct queue *queue, struct queue_message *message);

/*
 * Take the oldest message out: of both kinds, or of one.  NULL when there is
 * none.
 */
struct queue_message *queue_take(
    struct queue *queue, bool requests, bool asides);

/* Take out the one that began there; NULL when it does not wait. */
struct queue_message *queue_take_at(struct queue *queue, uint64_t position);

#endif
