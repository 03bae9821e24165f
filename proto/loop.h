/* loop.h: one event loop per process, and work put off to the end of a turn. */
#ifndef PROTO_LOOP_H
#define PROTO_LOOP_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;
struct loop;

/*
 * Something to do once, at the end of the current turn: write what was queued,
 * free what a callback must not free under its caller.  Embed it in the object,
 * set it up with deferred_init(); it must be cancelled before its memory goes,
 * unless it is running.
 */
struct deferred {
	TAILQ_ENTRY(deferred) link;
	struct loop *loop; /* NULL while not queued */
	void (*run)(void *arg);
	void *arg;
};

void deferred_init(struct deferred *d, void (*run)(void *arg), void *arg);

/* Run d at the end of this turn; nothing happens if it is queued already. */
void deferred_queue(struct loop *loop, struct deferred *d);
void deferred_cancel(struct deferred *d);

/*
 * A loop on a new event_base that ignores the environment's EVENT_* variables.
 * changelist: batch epoll_ctl(2) calls; only where nobody (libcurl, dup(2))
 * closes descriptors behind the base's back.  NULL with errno on failure.
 */
struct loop *loop_new(bool changelist);

/*
 * Run what is still deferred, so that nothing leaks that waits for the end of
 * the turn, and free the loop.  *loop becomes NULL, NULL is accepted.
 */
void loop_free(struct loop **loop);

/* The base for events of the caller; owned by the loop. */
struct event_base *loop_base(const struct loop *loop);

/* Run a timer, an event of the caller's, once after so many milliseconds, and
 * not when it was to run before. */
void loop_arm(struct event *timer, uint64_t ms);

/*
 * Turn until loop_stop(): wait for events, run their callbacks, then run the
 * deferred work (work deferred by deferred work runs in the same turn).  It
 * returns as well when no event is left to wait for: nothing could happen any
 * more.
 */
void loop_run(struct loop *loop);

/*
 * Let loop_run() return at the end of this turn; the next one returns at once
 * when none is running.  Not for signal handlers.
 */
void loop_stop(struct loop *loop);

#endif
