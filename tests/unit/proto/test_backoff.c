/* How delays grow, where they stop, and what they forget. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/backoff.h"

/* The value of the random number that leaves a delay as it is, roughly. */
#define MIDDLE 0x80000000U

static void
the_first_delay_is_a_tenth_of_a_second(void **state)
{
	struct backoff b = { 0 };

	(void)state;
	assert_int_equal(backoff_fail(&b, 0, MIDDLE), BACKOFF_FIRST_MS);
	assert_int_equal(b.failures, 1);
}

static void
delays_double_up_to_the_last_for_a_thousand_failures(void **state)
{
	struct backoff b = { 0 };
	uint64_t expected = BACKOFF_FIRST_MS;

	(void)state;
	for (unsigned int i = 0; i <= 1000; i++) {
		uint32_t delay = backoff_fail(&b, i % 2, MIDDLE);

		assert_in_range(delay, expected - 1, expected + 1);
		assert_int_equal(b.failures, i + 1);
		expected *= 2;
		if (expected > BACKOFF_LAST_MS)
			expected = BACKOFF_LAST_MS;
	}
}

static void
jitter_is_a_quarter_either_way(void **state)
{
	(void)state;
	for (unsigned int failures = 0; failures <= 1000; failures++) {
		struct backoff low = { failures };
		struct backoff high = { failures };
		struct backoff middle = { failures };
		uint32_t plain = backoff_fail(&middle, 0, MIDDLE);
		uint32_t least = backoff_fail(&low, 0, 0);
		uint32_t most = backoff_fail(&high, 0, UINT32_MAX);

		assert_int_equal(least, plain - plain / 4);
		assert_int_equal(most, plain + plain / 4);
	}
}

static void
every_random_number_stays_inside_the_jitter(void **state)
{
	(void)state;
	for (uint64_t random = 0; random <= UINT32_MAX; random += 65537) {
		struct backoff b = { 9 };
		uint32_t delay = backoff_fail(&b, 0, (uint32_t)random);

		assert_in_range(delay, 38400, 64000); /* 51200 less, more */
	}
}

static void
a_stable_run_forgets_the_failures_before_it(void **state)
{
	struct backoff b = { 500 };

	(void)state;
	assert_int_equal(
	    backoff_fail(&b, BACKOFF_STABLE_MS - 1, MIDDLE), BACKOFF_LAST_MS);
	assert_int_equal(
	    backoff_fail(&b, BACKOFF_STABLE_MS, MIDDLE), BACKOFF_FIRST_MS);
	assert_int_equal(b.failures, 1);
	assert_int_equal(
	    backoff_fail(&b, UINT64_MAX, MIDDLE), BACKOFF_FIRST_MS);
}

static void
the_count_does_not_wrap(void **state)
{
	struct backoff b = { UINT_MAX - 1 };

	(void)state;
	assert_int_equal(backoff_fail(&b, 0, MIDDLE), BACKOFF_LAST_MS);
	assert_int_equal(backoff_fail(&b, 0, MIDDLE), BACKOFF_LAST_MS);
	assert_true(b.failures == UINT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_delay_is_a_tenth_of_a_second),
		cmocka_unit_test(
		    delays_double_up_to_the_last_for_a_thousand_failures),
		cmocka_unit_test(jitter_is_a_quarter_either_way),
		cmocka_unit_test(every_random_number_stays_inside_the_jitter),
		cmocka_unit_test(a_stable_run_forgets_the_failures_before_it),
		cmocka_unit_test(the_count_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
