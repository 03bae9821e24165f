/*
 * watch.h: whether a child still answers.  Only our own ticks count, never the
 * clock: while we were stopped or the machine slept, nobody missed anything.
 */
#ifndef SUPERVISOR_WATCH_H
#define SUPERVISOR_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "budget.h"

/* A PING each second costs next to nothing, and five without an answer are no
 * accident: no child of ours works that long without looking at its channel.
 * HELLO has as long: an exec takes milliseconds, on a machine that swaps
 * seconds. */
#define WATCH_TICK_MS    1000
#define WATCH_MISSED_MAX 5

/* All zero: nothing was asked yet. */
struct watch {
	unsigned int missed; /* ticks since its start or last answer */
	struct budget pongs; /* answers to nothing are no crime, a flood is */
};

/* It is time for another PING.  False, and none is to be sent, when nothing
 * came since the last WATCH_MISSED_MAX ticks. */
bool watch_tick(struct watch *watch);

/* A PONG came.  False when they come in a flood; now is monotonic. */
bool watch_pong(struct watch *watch, uint64_t now_ms);

#endif
