/* ending.h: how the gateway ends: drained, stopped, killed. */
#ifndef SUPERVISOR_ENDING_H
#define SUPERVISOR_ENDING_H

#include <stdint.h>

struct gateway;

/* No new work; when nothing is in flight any more, or "drain_timeout" is over,
 * everything ends.  A second call ends everything now. */
void ending_begin(struct gateway *gateway);

/* Everything ends, whatever is in flight. */
void ending_stop(struct gateway *gateway);

/* What the front says, or its end: nothing is in flight any more. */
void ending_drained(struct gateway *gateway);

/* The timer of the phase. */
void ending_on_timer(struct gateway *gateway);

/* The last process has ended. */
void ending_on_idle(struct gateway *gateway);

#endif
