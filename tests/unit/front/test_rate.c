/* test_rate.c: token buckets: what is in them, and when there is more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rate.h"

#define NOW UINT64_C(1000000)

static void
a_new_bucket_holds_a_burst(void **state)
{
	struct rate_bucket bucket = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    rate_take(&bucket, rate_interval(1), 5, NOW), 0);
	assert_int_equal(rate_take(&bucket, rate_interval(1), 5, NOW), 1);
}

static void
one_more_comes_each_interval(void **state)
{
	const uint64_t interval = rate_interval(10); /* 100 ms */
	struct rate_bucket bucket = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(rate_take(&bucket, interval, 3, NOW), 0);
	assert_int_not_equal(rate_take(&bucket, interval, 3, NOW + 99), 0);
	assert_int_equal(rate_take(&bucket, interval, 3, NOW + 100), 0);
	assert_int_not_equal(rate_take(&bucket, interval, 3, NOW + 199), 0);
	assert_int_equal(rate_take(&bucket, interval, 3, NOW + 200), 0);
}

static void
a_bucket_holds_no_more_than_a_burst(void **state)
{
	struct rate_bucket bucket = { 0 };

	(void)state;
	assert_int_equal(rate_take(&bucket, rate_interval(1), 2, NOW), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    rate_take(&bucket, rate_interval(1), 2, 2 * NOW), 0);
	assert_int_equal(rate_take(&bucket, rate_interval(1), 2, 2 * NOW), 1);
}

static void
refusals_take_nothing(void **state)
{
	struct rate_bucket bucket = { 0 };

	(void)state;
	assert_int_equal(rate_take(&bucket, rate_interval(1), 1, NOW), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(
		    rate_take(&bucket, rate_interval(1), 1, NOW + 500), 1);
	assert_int_equal(
	    rate_take(&bucket, rate_interval(1), 1, NOW + 1000), 0);
}

static void
the_wait_is_in_whole_seconds_rounded_up(void **state)
{
	const uint64_t ten_s = UINT64_C(10000000000);
	struct rate_bucket bucket = { 0 };

	(void)state;
	assert_int_equal(rate_take(&bucket, ten_s, 1, NOW), 0);
	assert_int_equal(rate_take(&bucket, ten_s, 1, NOW), 10);
	assert_int_equal(rate_take(&bucket, ten_s, 1, NOW + 1), 10);
	assert_int_equal(rate_take(&bucket, ten_s, 1, NOW + 1000), 9);
	assert_int_equal(rate_take(&bucket, ten_s, 1, NOW + 9999), 1);
	assert_int_equal(rate_take(&bucket, ten_s, 1, NOW + 10000), 0);
}

static void
waiting_as_told_is_enough(void **state)
{
	static const uint32_t rates[] = { 1, 2, 3, 7, 1000, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct rate_bucket bucket = { 0 };
		const uint64_t interval = rate_interval(rates[i]);
		uint32_t wait;

		while ((wait = rate_take(&bucket, interval, 50, NOW)) == 0)
			;
		assert_int_equal(
		    rate_wait(&bucket, interval, 50, NOW + wait * 1000), 0);
	}
}

/* A rule that was wider, before a new policy. */
static void
a_bucket_is_never_emptier_than_empty(void **state)
{
	struct rate_bucket bucket = { 0 };

	(void)state;
	for (int i = 0; i < 3600; i++)
		assert_int_equal(
		    rate_take(&bucket, rate_interval(1), 3600, NOW), 0);
	assert_int_equal(rate_take(&bucket, rate_interval(10), 20, NOW), 1);
	assert_int_equal(
	    rate_take(&bucket, rate_interval(10), 20, NOW + 100), 0);
}

static void
looking_takes_nothing(void **state)
{
	struct rate_bucket bucket = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    rate_wait(&bucket, rate_interval(1), 1, NOW), 0);
	assert_int_equal(rate_take(&bucket, rate_interval(1), 1, NOW), 0);
	assert_int_equal(rate_wait(&bucket, rate_interval(1), 1, NOW), 1);
}

static void
the_greatest_numbers_do_not_overflow(void **state)
{
	struct rate_bucket bucket = { 0 };
	const uint64_t years = UINT64_C(100) * 365 * 86400 * 1000;

	(void)state;
	assert_int_equal(
	    rate_take(&bucket, rate_interval(1), UINT32_MAX, years), 0);
	assert_int_equal(rate_interval(UINT32_MAX), 0);
	assert_int_equal(rate_interval(0), rate_interval(1));
	assert_int_equal(rate_take(&bucket, rate_interval(1), 0, 2 * years), 0);
	assert_int_equal(rate_take(&bucket, rate_interval(1), 0, 2 * years), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_bucket_holds_a_burst),
		cmocka_unit_test(one_more_comes_each_interval),
		cmocka_unit_test(a_bucket_holds_no_more_than_a_burst),
		cmocka_unit_test(refusals_take_nothing),
		cmocka_unit_test(the_wait_is_in_whole_seconds_rounded_up),
		cmocka_unit_test(waiting_as_told_is_enough),
		cmocka_unit_test(a_bucket_is_never_emptier_than_empty),
		cmocka_unit_test(looking_takes_nothing),
		cmocka_unit_test(the_greatest_numbers_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
