/*
 * inbox.h: messages from the server on their way to the transport's owner: they
 * are handed out at the end of a turn, never from within libcurl, and not while
 * the owner does not read.
 */
#ifndef WORKER_HTTP_INBOX_H
#define WORKER_HTTP_INBOX_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>

#include "held.h"
#include "proto/buf.h"
#include "proto/loop.h"
#include "transport.h"

/*
 * Bytes that one turn may bring: libcurl reads on while there is something to
 * read, and a message of two bytes takes a hundred until it is handed out.
 */
#define INBOX_TURN_MAX ((size_t)1 << 20)

struct inbox_message;
TAILQ_HEAD(inbox_list, inbox_message);

struct inbox {
	struct loop *loop;
	const struct transport_events *events;
	void *arg;
	/* All are handed out, and the owner reads. */
	void (*emptied)(void *carrier);
	void *carrier;
	struct held *held;
	struct inbox_list list;
	size_t bytes; /* of it, with what keeps them */
	struct deferred deliver;
	bool reading;
};

/* An empty one that is read; everything is borrowed. */
void inbox_init(struct inbox *inbox, struct loop *loop, struct held *held,
    const struct transport_events *events, void *arg,
    void (*emptied)(void *carrier), void *carrier);

/* Drop what is in it. */
void inbox_free(struct inbox *inbox);

/* Add a copy of one message; about is that of transport.h.  0, or -1 with errno
 * ENOMEM, or ENOBUFS where all that is held is too much. */
int inbox_add(struct inbox *inbox, const char *text, size_t len, int64_t about);

/* The same with what the buffer holds, which is empty then. */
int inbox_take(struct inbox *inbox, struct buf *text, int64_t about);

/* Nothing more should come before this turn ends, or the owner reads. */
bool inbox_is_full(const struct inbox *inbox);

bool inbox_is_empty(const struct inbox *inbox);

/* The owner stops reading, or goes on. */
void inbox_set_reading(struct inbox *inbox, bool on);

#endif
