/* rate.h: token buckets: so many at once, and so many a second after that. */
#ifndef FRONT_RATE_H
#define FRONT_RATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A bucket; zeroed it is full.  What is in it follows from when it will be full
 * again (the "generic cell rate algorithm" of ITU-T I.371), so that nothing has
 * to fill it up.
 */
struct rate_bucket {
	uint64_t full_at_ns;
};

/* The time between two, for so many a second; 0 is taken for one. */
static inline uint64_t
rate_interval(uint32_t per_second)
{
	return UINT64_C(1000000000) / (per_second > 0 ? per_second : 1);
}

/*
 * Take one out of a bucket that holds burst (at least 1) and gets another one
 * each interval.  0 when there was one, otherwise the whole seconds until there
 * will be, at least 1; nothing is taken then.  now is mono_ms().  The rule may
 * differ from time to time: a bucket is never emptier than empty.
 */
uint32_t rate_take(struct rate_bucket *bucket, uint64_t interval_ns,
    uint32_t burst, uint64_t now_ms);

/* What rate_take() would say, and nothing is taken. */
uint32_t rate_wait(const struct rate_bucket *bucket, uint64_t interval_ns,
    uint32_t burst, uint64_t now_ms);

#endif
