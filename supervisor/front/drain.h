/* drain.h: the end of all work, when the gateway is stopped (DRAIN). */
#ifndef FRONT_DRAIN_H
#define FRONT_DRAIN_H

struct front;

/* What was answered may take this long to be written; a client that reads takes
 * milliseconds. */
#define DRAIN_FLUSH_MS 1000U

/*
 * Take no new work.  When no request is in flight any more, end every stream,
 * and when all is written or after DRAIN_FLUSH_MS, send DRAINED_ALL.  Sets
 * front->drain, for good.  0, or -1 with errno on failure.
 */
int drain_begin(struct front *front);

/* A backend has no request in flight any more.  Nothing happens unless all is
 * being drained. */
void drain_check(struct front *front);

#endif
