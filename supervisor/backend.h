/* backend.h: the states of a backend, and what leads from one to the next. */
#ifndef SUPERVISOR_BACKEND_H
#define SUPERVISOR_BACKEND_H

#include <stdbool.h>

enum backend_state {
	BACKEND_DOWN,     /* not wanted: disabled, or the gateway stops */
	BACKEND_STARTING, /* job and worker are started, no HELLO yet */
	BACKEND_SETUP,    /* the worker greets the backend and lists it */
	BACKEND_READY,    /* listed */
	BACKEND_STOPPING, /* something of it ended or must end: so must all */
	BACKEND_BACKOFF,  /* nothing of it is left; tried again soon */
	BACKEND_FAILED,   /* nothing of it is left; trying again is no use, or
			     done once in a while only (breaker.h) */
};
#define BACKEND_STATES 7

enum backend_event {
	BACKEND_EV_START,         /* wanted, or time to try again */
	BACKEND_EV_HELLO,         /* the worker's first words */
	BACKEND_EV_READY,         /* the worker's counts */
	BACKEND_EV_END,           /* a part died, is late, broke a rule, or
				     nothing of it is wanted any more */
	BACKEND_EV_GONE_RETRY,    /* no process is left; try again */
	BACKEND_EV_GONE_FAILED,   /* no process is left; leave it at that, for
				     now at least */
	BACKEND_EV_GONE_UNWANTED, /* no process is left, none is wanted */
};
#define BACKEND_EVENTS 7

/* Zeroed but for the name (borrowed): BACKEND_DOWN. */
struct backend {
	const char *name;
	enum backend_state state;
};

/* "starting": as logs, the front and the summary show it. */
const char *backend_state_name(enum backend_state state);

/*
 * The only way to change the state.  False, and nothing changes, when the event
 * means nothing in this state; the caller decides whether that is a peer's
 * fault.  why goes to the log at level debug.
 */
bool backend_event(
    struct backend *be, enum backend_event event, const char *why);

#endif
