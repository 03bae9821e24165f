#include "proto/clock.h"

#include <time.h>

uint64_t
mono_ms(void)
{
	struct timespec now;

	/* Cannot fail: the clock is always there and the pointer is good. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}
