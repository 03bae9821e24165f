#include "drain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <event2/event.h>

#include "proto/clock.h"
#include "proto/log.h"

#include "front.h"
#include "http.h"
#include "link.h"
#include "request.h"
#include "session.h"

/* How often it is looked at whether all is written. */
#define TICK_MS 10U

struct drain {
	struct front *front;
	struct deferred check;
	struct event *tick; /* pending while streams are being flushed */
	uint64_t ended_ms;  /* when they were ended */
	bool ended;
};

static void
drain_report(struct drain *drain)
{
	struct frame frame = { .type = MSG_DRAINED, .flags = DRAINED_ALL };

	event_del(drain->tick);
	(void)chan_send(drain->front->supervisor, &frame, NULL);
}

static void
drain_on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct drain *drain = arg;
	bool late = mono_ms() - drain->ended_ms >= DRAIN_FLUSH_MS;

	(void)fd;
	(void)what;
	if (late)
		log_warning("front: not all clients have read their answers");
	if (late || !sessions_pending(drain->front->sessions))
		drain_report(drain);
}

/* Not while a request ends: that may be in the middle of the end of its
 * session. */
static void
drain_run(void *arg)
{
	static const struct timeval tick = { 0, TICK_MS * 1000 };
	struct drain *drain = arg;

	if (drain->ended || requests_count(drain->front->requests) > 0)
		return;
	drain->ended = true;
	drain->ended_ms = mono_ms();
	sessions_end(drain->front->sessions);
	evtimer_add(drain->tick, &tick);
}

int
drain_begin(struct front *front)
{
	struct drain *drain;

	if (front->drain != NULL)
		return 0;
	if ((drain = calloc(1, sizeof(*drain))) == NULL)
		return -1;
	drain->front = front;
	deferred_init(&drain->check, drain_run, drain);
	drain->tick = event_new(
	    loop_base(front->loop), -1, EV_PERSIST, drain_on_tick, drain);
	if (drain->tick == NULL) {
		free(drain);
		errno = ENOMEM;
		return -1;
	}
	front->drain = drain;
	http_drain(front->http);
	for (size_t i = 0; i < front->slots; i++)
		if (front->links[i] != NULL)
			link_watch(front->links[i]);
	drain_check(front);
	return 0;
}

void
drain_check(struct front *front)
{
	if (front->drain != NULL)
		deferred_queue(front->loop, &front->drain->check);
}
