/* backend.c: the states of a backend, and what leads from one to the next. */
#include <assert.h>

#include "backend.h"
#include "proto/log.h"

/* Stored states count from 1, so that 0 is "the event means nothing here". */
#define TO(state) ((unsigned char)(BACKEND_##state + 1))

static const unsigned char next[BACKEND_STATES][BACKEND_EVENTS] = {
	[BACKEND_DOWN] = { [BACKEND_EV_START] = TO(STARTING) },
	[BACKEND_STARTING] = { [BACKEND_EV_HELLO] = TO(SETUP),
	    [BACKEND_EV_END] = TO(STOPPING) },
	[BACKEND_SETUP] = { [BACKEND_EV_READY] = TO(READY),
	    [BACKEND_EV_END] = TO(STOPPING) },
	[BACKEND_READY] = { [BACKEND_EV_END] = TO(STOPPING) },
	[BACKEND_STOPPING] = { [BACKEND_EV_GONE_RETRY] = TO(BACKOFF),
	    [BACKEND_EV_GONE_FAILED] = TO(FAILED),
	    [BACKEND_EV_GONE_UNWANTED] = TO(DOWN) },
	[BACKEND_BACKOFF] = { [BACKEND_EV_START] = TO(STARTING),
	    [BACKEND_EV_GONE_UNWANTED] = TO(DOWN) },
	[BACKEND_FAILED] = { [BACKEND_EV_START] = TO(STARTING),
	    [BACKEND_EV_GONE_UNWANTED] = TO(DOWN) },
};

const char *
backend_state_name(enum backend_state state)
{
	switch (state) {
	case BACKEND_DOWN:
		return "down";
	case BACKEND_STARTING:
		return "starting";
	case BACKEND_SETUP:
		return "setup";
	case BACKEND_READY:
		return "ready";
	case BACKEND_STOPPING:
		return "stopping";
	case BACKEND_BACKOFF:
		return "backoff";
	case BACKEND_FAILED:
		return "failed";
	}
	return "unknown";
}

/* The only place that writes be->state. */
static void
backend_transition(struct backend *be, enum backend_state to, const char *why)
{
	log_debug("backend %s: %s -> %s (%s)", be->name,
	    backend_state_name(be->state), backend_state_name(to), why);
	be->state = to;
}

bool
backend_event(struct backend *be, enum backend_event event, const char *why)
{
	unsigned int to;

	assert((unsigned int)be->state < BACKEND_STATES);
	assert((unsigned int)event < BACKEND_EVENTS);
	if ((to = next[be->state][event]) == 0)
		return false;
	backend_transition(be, (enum backend_state)(to - 1), why);
	return true;
}
