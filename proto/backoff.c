#include "proto/backoff.h"

#include <limits.h>

/* Doubling the first delay this often passes the last one for certain. */
#define DOUBLINGS_MAX 16U

_Static_assert((BACKOFF_FIRST_MS << DOUBLINGS_MAX) > BACKOFF_LAST_MS &&
	(BACKOFF_FIRST_MS << DOUBLINGS_MAX) >> DOUBLINGS_MAX ==
	    BACKOFF_FIRST_MS,
    "the doubled delay reaches the last one and does not overflow");

uint32_t
backoff_fail(struct backoff *b, uint64_t run_ms, uint32_t random)
{
	uint32_t delay = BACKOFF_LAST_MS;
	uint64_t span;

	if (run_ms >= BACKOFF_STABLE_MS)
		b->failures = 0;
	if (b->failures < DOUBLINGS_MAX)
		delay = BACKOFF_FIRST_MS << b->failures;
	if (delay > BACKOFF_LAST_MS)
		delay = BACKOFF_LAST_MS;
	if (b->failures < UINT_MAX)
		b->failures++;
	/* From three quarters to five quarters, both included. */
	span = delay / 2 + 1;
	return delay - delay / 4 + (uint32_t)((random * span) >> 32);
}
