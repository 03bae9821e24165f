#include "rate.h"

#define SECOND_NS UINT64_C(1000000000)
#define MS_NS     UINT64_C(1000000)
#define LONGEST_S UINT64_C(86400) /* of a Retry-After: nobody waits longer */

uint32_t
rate_wait(const struct rate_bucket *bucket, uint64_t interval_ns,
    uint32_t burst, uint64_t now_ms)
{
	const uint64_t now = now_ms * MS_NS;
	const uint64_t room = interval_ns * (burst > 0 ? burst : 1);
	uint64_t full_at = bucket->full_at_ns;
	uint64_t seconds;

	if (full_at < now)
		full_at = now;
	if (full_at + interval_ns <= now + room)
		return 0;
	seconds =
	    (full_at + interval_ns - now - room + SECOND_NS - 1) / SECOND_NS;
	return (uint32_t)(seconds < LONGEST_S ? seconds : LONGEST_S);
}

uint32_t
rate_take(struct rate_bucket *bucket, uint64_t interval_ns, uint32_t burst,
    uint64_t now_ms)
{
	const uint64_t now = now_ms * MS_NS;
	const uint64_t empty = now + interval_ns * (burst > 0 ? burst : 1);
	uint32_t wait;

	/* The rule was wider before. */
	if (bucket->full_at_ns > empty)
		bucket->full_at_ns = empty;
	wait = rate_wait(bucket, interval_ns, burst, now_ms);
	if (wait > 0)
		return wait;
	if (bucket->full_at_ns < now)
		bucket->full_at_ns = now;
	bucket->full_at_ns += interval_ns;
	return 0;
}
