/* clock.h: the one clock that timers and deadlines use. */
#ifndef PROTO_CLOCK_H
#define PROTO_CLOCK_H

#include <stdint.h>

/*
 * Milliseconds of CLOCK_MONOTONIC: never goes back, unaffected by changes of
 * the wall clock.  Unit tests wrap it (-Wl,--wrap=mono_ms).
 */
uint64_t mono_ms(void);

#endif
