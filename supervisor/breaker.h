/*
 * breaker.h: a circuit breaker: what fails again and again is given rest.  It
 * is then tried once in a while, and one try that lasts closes the breaker.
 */
#ifndef SUPERVISOR_BREAKER_H
#define SUPERVISOR_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* Whoever fails this often in a minute wants a person's help, not another
 * start; a program with one bad minute (a network that comes up late) has had
 * five tries before. */
#define BREAKER_FAILURES  6
#define BREAKER_WINDOW_MS 60000U
/* From one try to the next, doubled up to the last; jitter is a quarter either
 * way. */
#define BREAKER_FIRST_MS 15000U
#define BREAKER_LAST_MS  60000U

/* Zeroed: closed, no failure yet. */
struct breaker {
	uint64_t failed_at[BREAKER_FAILURES]; /* a ring */
	unsigned int count;                   /* of them that are set */
	unsigned int oldest;
	uint32_t wait_ms; /* until the next try, without jitter; 0: closed */
};

enum breaker_verdict {
	BREAKER_CLOSED, /* an ordinary failure */
	BREAKER_OPENED, /* just now */
	BREAKER_STAYS,  /* open: the try failed too */
};

/*
 * Note a failure at now_ms (monotonic) of a run that was ready for ready_ms (0:
 * never).  Unless the breaker is closed, *delay is set to the milliseconds
 * until the next try; random is any 32 random bits.
 */
enum breaker_verdict breaker_fail(struct breaker *breaker, uint64_t now_ms,
    uint64_t ready_ms, uint32_t random, uint32_t *delay);

#endif
