/* stream.h: the event stream that a transport reads beside its POSTs. */
#ifndef WORKER_HTTP_STREAM_H
#define WORKER_HTTP_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "carrier.h"

struct stream_handlers {
	/* An event came; from within libcurl.  0, or -1 with errno ENOMEM. */
	int (*event)(struct carrier *c, const struct sse_event *event);
	/* It ended, or could not be opened; its reply is still there. */
	void (*done)(struct carrier *c, const struct reply_end *end);
};

struct stream {
	struct carrier *carrier;
	const struct stream_handlers *handlers;
	const char *url;
	struct exchange *exchange; /* NULL while it is closed */
	struct reply reply;
	struct event *timer; /* until it is opened */
	bool paused;
};

/* A closed one; everything is borrowed.  0, or -1 with errno ENOMEM. */
int stream_init(struct stream *stream, struct carrier *c, const char *url,
    const struct stream_handlers *handlers);
void stream_free(struct stream *stream);

/* Open it after so many milliseconds, where it was if it had been open. */
void stream_open(struct stream *stream, uint32_t ms);

/* Close it without done(), and forget where it was. */
void stream_close(struct stream *stream);

/* True while it is open, or will be. */
bool stream_is_wanted(const struct stream *stream);

/* The owner reads again. */
void stream_read_on(struct stream *stream);

#endif
