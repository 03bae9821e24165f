/* backoff.h: how long to wait before the next try. */
#ifndef PROTO_BACKOFF_H
#define PROTO_BACKOFF_H

#include <stdint.h>

/* The first delay, doubled up to the last; jitter is a quarter either way. */
#define BACKOFF_FIRST_MS 100U
#define BACKOFF_LAST_MS  60000U
/* A run at least this long forgets the failures before it. */
#define BACKOFF_STABLE_MS 10000U

/* Zeroed: no failure yet. */
struct backoff {
	unsigned int failures; /* in a row */
};

/* Note a failure after a run of this many milliseconds (0: never ran) and
 * return the milliseconds to wait; random is any 32 random bits. */
uint32_t backoff_fail(struct backoff *b, uint64_t run_ms, uint32_t random);

#endif
