/* events.h: an event stream that may end and go on where it was. */
#ifndef WORKER_HTTP_EVENTS_H
#define WORKER_HTTP_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange.h"
#include "proto/sse.h"

/* A server that says "retry: 0" is not asked without a pause. */
#define EVENTS_RETRY_MIN_MS 50U

/* All zero is a stream that never was open. */
struct events {
	struct sse_parser *parser; /* NULL while it is not open */
	/* The last event's; "": there is none, or none that can be used. */
	char last_id[EXCHANGE_TOKEN_MAX + 1];
	int64_t retry_ms; /* what the server named, 0 when it named none */
	bool any;         /* an event came since it was opened */
	unsigned int fruitless; /* how often in a row none came */
};

/* It is open, or open again.  0, or -1 with errno ENOMEM. */
int events_open(struct events *events, size_t event_max);

/* As sse_parser_feed(). */
int events_feed(struct events *events, const char *bytes, size_t n,
    void (*event)(void *arg, const struct sse_event *event), void *arg);

/* Bytes of an event that has not come whole. */
size_t events_held(const struct events *events);

/* To be told of every event that was taken: where to go on. */
void events_note(struct events *events, const struct sse_event *event);

/* It ended: after how many milliseconds it may be opened again. */
uint32_t events_close(struct events *events);

/* Free what it holds. */
void events_free(struct events *events);

#endif
