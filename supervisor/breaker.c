/* breaker.c: what fails again and again is given rest. */
#include <string.h>

#include "breaker.h"
#include "proto/backoff.h"

/* From three quarters to five quarters, both included. */
static uint32_t
jitter(uint32_t ms, uint32_t random)
{
	uint64_t span = ms / 2 + 1;

	return ms - ms / 4 + (uint32_t)((random * span) >> 32);
}

/* True when this is one failure too many. */
static bool
note(struct breaker *b, uint64_t now_ms)
{
	unsigned int newest = (b->oldest + b->count) % BREAKER_FAILURES;

	b->failed_at[newest] = now_ms;
	if (b->count < BREAKER_FAILURES)
		b->count++;
	else
		b->oldest = (b->oldest + 1) % BREAKER_FAILURES;
	return b->count == BREAKER_FAILURES &&
	    now_ms - b->failed_at[b->oldest] < BREAKER_WINDOW_MS;
}

enum breaker_verdict
breaker_fail(struct breaker *b, uint64_t now_ms, uint64_t ready_ms,
    uint32_t random, uint32_t *delay)
{
	enum breaker_verdict verdict = BREAKER_STAYS;

	if (b->wait_ms != 0 && ready_ms >= BACKOFF_STABLE_MS)
		memset(b, 0, sizeof(*b)); /* it had closed */
	if (b->wait_ms == 0) {
		if (!note(b, now_ms))
			return BREAKER_CLOSED;
		b->wait_ms = BREAKER_FIRST_MS;
		verdict = BREAKER_OPENED;
	} else if (b->wait_ms < BREAKER_LAST_MS) {
		b->wait_ms *= 2;
	}
	*delay = jitter(b->wait_ms, random);
	return verdict;
}
