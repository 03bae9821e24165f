/* test_watch.c: who is called dead, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch.h"

static void
one_that_answers_is_asked_forever(void **state)
{
	struct watch w = { .missed = 0 };

	(void)state;
	for (uint64_t now = 0; now < 100000 * WATCH_TICK_MS;
	     now += WATCH_TICK_MS) {
		assert_true(watch_tick(&w));
		assert_true(watch_pong(&w, now));
	}
}

static void
five_unanswered_in_a_row_are_the_end(void **state)
{
	struct watch w = { .missed = 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(watch_tick(&w));
	assert_false(watch_tick(&w));
	assert_false(watch_tick(&w));
}

static void
the_last_moment_is_early_enough(void **state)
{
	struct watch w = { .missed = 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 5; i++)
			assert_true(watch_tick(&w));
		assert_true(watch_pong(&w, 0));
	}
	for (int i = 0; i < 5; i++)
		assert_true(watch_tick(&w));
	assert_false(watch_tick(&w));
}

static void
time_that_passes_without_ticks_is_no_ones_fault(void **state)
{
	struct watch w = { .missed = 0 };

	(void)state;
	assert_true(watch_tick(&w));
	assert_true(watch_pong(&w, 1000));
	assert_true(watch_tick(&w));
	/* Here we were stopped for a day: one late tick, then it answers. */
	assert_true(watch_tick(&w));
	assert_true(watch_pong(&w, 86400000));
	assert_true(watch_pong(&w, 86400000));
	for (int i = 0; i < 5; i++)
		assert_true(watch_tick(&w));
}

static void
answers_to_nothing_are_a_crime_only_in_a_flood(void **state)
{
	struct watch w = { .missed = 0 };
	unsigned int n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(watch_pong(&w, 0));
	while (n < 10000000 && watch_pong(&w, 0))
		n++;
	assert_in_range(n, 1000, 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_answers_is_asked_forever),
		cmocka_unit_test(five_unanswered_in_a_row_are_the_end),
		cmocka_unit_test(the_last_moment_is_early_enough),
		cmocka_unit_test(
		    time_that_passes_without_ticks_is_no_ones_fault),
		cmocka_unit_test(
		    answers_to_nothing_are_a_crime_only_in_a_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
