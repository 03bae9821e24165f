/* test_breaker.c: when it opens, how long it stays open, when it closes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "breaker.h"
#include "proto/backoff.h"

/* Random bits that give just the wait, without jitter: the middle. */
#define MIDDLE 0x80000000U

static uint32_t delay;

static enum breaker_verdict
failure(struct breaker *b, uint64_t now, uint64_t ready)
{
	return breaker_fail(b, now, ready, MIDDLE, &delay);
}

/* Fail so often that it opens, at now. */
static void
open_at(struct breaker *b, uint64_t now)
{
	for (int i = 0; i < BREAKER_FAILURES - 1; i++)
		assert_int_equal(failure(b, now, 0), BREAKER_CLOSED);
	assert_int_equal(failure(b, now, 0), BREAKER_OPENED);
}

static void
the_sixth_failure_within_a_minute_opens_it(void **state)
{
	struct breaker b = { .count = 0 };

	(void)state;
	delay = 4711;
	assert_int_equal(failure(&b, 1000, 0), BREAKER_CLOSED);
	assert_int_equal(failure(&b, 2000, 0), BREAKER_CLOSED);
	assert_int_equal(failure(&b, 30000, 0), BREAKER_CLOSED);
	assert_int_equal(failure(&b, 40000, 0), BREAKER_CLOSED);
	assert_int_equal(failure(&b, 60000, 0), BREAKER_CLOSED);
	assert_int_equal(delay, 4711); /* somebody else's matter */
	assert_int_equal(failure(&b, 60999, 0), BREAKER_OPENED);
	assert_int_equal(delay, 15000);
}

static void
six_failures_in_more_than_a_minute_do_not(void **state)
{
	struct breaker b = { .count = 0 };

	(void)state;
	/* Every 12 s: never six of them within 60 s. */
	for (uint64_t now = 0; now < 100 * 12000; now += 12000)
		assert_int_equal(failure(&b, now, 0), BREAKER_CLOSED);
}

static void
only_the_last_minute_counts(void **state)
{
	struct breaker b = { .count = 0 };

	(void)state;
	for (uint64_t now = 0; now < 5; now++)
		assert_int_equal(failure(&b, now, 0), BREAKER_CLOSED);
	for (uint64_t now = 70000; now < 70005; now++)
		assert_int_equal(failure(&b, now, 0), BREAKER_CLOSED);
	assert_int_equal(failure(&b, 70005, 0), BREAKER_OPENED);
}

static void
runs_that_served_for_a_while_count_too(void **state)
{
	struct breaker b = { .count = 0 };
	uint64_t now = 0;

	(void)state;
	for (int i = 0; i < 5; i++, now += 11000)
		assert_int_equal(failure(&b, now, 10900), BREAKER_CLOSED);
	assert_int_equal(failure(&b, now, 10900), BREAKER_OPENED);
}

static void
each_try_that_fails_doubles_the_wait_up_to_a_minute(void **state)
{
	static const uint32_t waits[] = { 30000, 60000, 60000, 60000 };
	struct breaker b = { .count = 0 };
	uint64_t now = 5000;

	(void)state;
	open_at(&b, now);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		now += delay;
		assert_int_equal(failure(&b, now, 0), BREAKER_STAYS);
		assert_int_equal(delay, waits[i]);
	}
}

static void
a_try_that_is_ready_but_does_not_last_fails_at_once(void **state)
{
	struct breaker b = { .count = 0 };

	(void)state;
	open_at(&b, 0);
	assert_int_equal(
	    failure(&b, 30000, BACKOFF_STABLE_MS - 1), BREAKER_STAYS);
	assert_int_equal(delay, 30000);
}

static void
a_try_that_lasts_closes_it(void **state)
{
	struct breaker b = { .count = 0 };

	(void)state;
	open_at(&b, 0);
	assert_int_equal(failure(&b, 15000, 0), BREAKER_STAYS);
	/* As if nothing had been: five more are free, and the first wait is
	 * the shortest again. */
	for (uint64_t now = 55000; now < 55005; now++)
		assert_int_equal(
		    failure(&b, now, now == 55000 ? BACKOFF_STABLE_MS : 0),
		    BREAKER_CLOSED);
	assert_int_equal(failure(&b, 55005, 0), BREAKER_OPENED);
	assert_int_equal(delay, 15000);
}

static void
the_jitter_is_a_quarter_either_way(void **state)
{
	(void)state;
	for (uint64_t random = 0; random <= UINT32_MAX; random += 0x1fffff) {
		struct breaker b = { .count = 0 };

		open_at(&b, 0);
		(void)breaker_fail(&b, 0, 0, (uint32_t)random, &delay);
		assert_in_range(delay, 22500, 37500);
	}
	{
		struct breaker a = { .count = 0 }, z = { .count = 0 };

		open_at(&a, 0);
		open_at(&z, 0);
		(void)breaker_fail(&a, 0, 0, 0, &delay);
		assert_int_equal(delay, 22500);
		(void)breaker_fail(&z, 0, 0, UINT32_MAX, &delay);
		assert_int_equal(delay, 37500);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sixth_failure_within_a_minute_opens_it),
		cmocka_unit_test(six_failures_in_more_than_a_minute_do_not),
		cmocka_unit_test(only_the_last_minute_counts),
		cmocka_unit_test(runs_that_served_for_a_while_count_too),
		cmocka_unit_test(
		    each_try_that_fails_doubles_the_wait_up_to_a_minute),
		cmocka_unit_test(
		    a_try_that_is_ready_but_does_not_last_fails_at_once),
		cmocka_unit_test(a_try_that_lasts_closes_it),
		cmocka_unit_test(the_jitter_is_a_quarter_either_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
