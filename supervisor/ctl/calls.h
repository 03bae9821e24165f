/* calls.h: what became of a call, in words. */
#ifndef CTL_CALLS_H
#define CTL_CALLS_H

#include <stdbool.h>

struct json_object;

/* How a call ended, as the front says it in "end". */
struct calls_end {
	const char *name;     /* the front's word */
	bool good;            /* the client got the backend's answer */
	const char *sentence; /* goes on after "It" */
};

/* What is known of this end, or NULL for one that a newer gateway has. */
const struct calls_end *calls_end_find(const char *name);

/* What is known about whether the backend did it, and what to do; goes on after
 * "outcome": "not_sent" and so on.  NULL for none of these. */
const char *calls_outcome_text(const char *outcome);

#endif
