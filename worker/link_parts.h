/* link_parts.h: what link.c and link_asks.c share; nobody else includes it. */
#ifndef WORKER_LINK_PARTS_H
#define WORKER_LINK_PARTS_H

#include "link.h"
#include "proto/buf.h"
#include "proto/frame.h"

/* What a new socket is told: GREETING, and each CATALOG. */
#define UNSENT_GREETING (1U << CATALOG_KINDS)
#define UNSENT_KIND(k)  (1U << (k))
#define UNSENT_ALL      ((UNSENT_GREETING << 1) - 1)

struct link {
	struct loop *loop;
	const char *name;
	uint32_t timeout_ms;
	const struct greeting *greeting;
	const struct link_handlers *handlers;
	void *arg;
	struct chan *chan; /* NULL without a front */
	uint32_t generation;
	struct call_table *calls;
	struct event *deadline;
	bool armed;  /* deadline is pending */
	bool up;     /* the backend takes requests */
	bool paused; /* the backend has to wait for the front */
	bool lost;   /* the backend is gone for good */
	unsigned int unsent;
	struct buf text; /* for what is composed here */
};

/* Send what may be dropped, or sent later; the frame's length is that of the
 * text.  False when it was not sent. */
bool link_tell(struct link *link, struct frame frame, struct json_span text);

/*
 * Send the last frame of a call, even over the limit: LINK_QUEUE_LAST_MAX.
 * False when it was lost.  It may close the link.
 */
bool link_conclude(
    struct link *link, struct frame frame, struct json_span text);

/* Wake up when the next call expires, if nothing else did before. */
void link_arm_deadline(struct link *link, uint64_t now);

#endif
