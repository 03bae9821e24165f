/* test_held.c: who may hold how much of requests that are not whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "held.h"

#define MAX ((size_t)100)

static struct held all;
static size_t mine, yours;
static size_t share[4];

static int
set_up(void **state)
{
	(void)state;
	all = (struct held){ .max = MAX };
	mine = yours = 0;
	memset(share, 0, sizeof(share));
	return 0;
}

/* One connection holds so much beyond what is free. */
static bool
hold(size_t *address, size_t i, size_t beyond)
{
	return held_set(&all, address, &share[i], HELD_FREE + beyond);
}

static void
what_is_free_is_free_for_all(void **state)
{
	(void)state;
	assert_true(hold(&mine, 0, MAX));
	assert_true(held_set(&all, &mine, &share[1], HELD_FREE));
	assert_true(held_set(&all, &yours, &share[2], 1));
	assert_int_equal(all.bytes, MAX);
	assert_int_equal(share[1] + share[2], 0);
}

static void
one_request_may_hold_all(void **state)
{
	(void)state;
	assert_true(hold(&mine, 0, MAX));
	assert_false(hold(&mine, 0, MAX + 1));
	assert_int_equal(all.bytes, MAX + 1);
	assert_true(held_set(&all, &mine, &share[0], 0));
	assert_int_equal(all.bytes, 0);
	assert_int_equal(mine, 0);
}

static void
an_address_leaves_as_much_to_others(void **state)
{
	(void)state;
	assert_true(hold(&mine, 0, 25));
	assert_true(hold(&mine, 1, 25));
	assert_false(hold(&mine, 2, 1));
	assert_true(held_set(&all, &mine, &share[2], 0));
	assert_true(hold(&yours, 3, 50));
	assert_int_equal(all.bytes, MAX);
	assert_false(hold(&yours, 3, 51));
}

static void
who_holds_less_is_never_refused(void **state)
{
	(void)state;
	assert_false(hold(&mine, 0, 3 * MAX));
	assert_true(hold(&mine, 0, 2 * MAX));
	assert_false(hold(&yours, 1, 1));
	assert_true(hold(&mine, 0, 10));
	assert_true(hold(&yours, 1, 2));
	assert_int_equal(all.bytes, 12);
	assert_int_equal(mine, 10);
	assert_int_equal(yours, 2);
}

/* A smaller limit than is held already. */
static void
over_the_limit_nobody_may_hold_more(void **state)
{
	(void)state;
	assert_true(hold(&mine, 0, 20));
	assert_true(hold(&mine, 1, 20));
	all.max = 30;
	assert_false(hold(&mine, 1, 21));
	assert_false(hold(&yours, 2, 1));
	assert_true(hold(&mine, 1, 0));
	assert_true(hold(&mine, 0, 4));
	assert_true(hold(&mine, 1, 5));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(what_is_free_is_free_for_all),
		TEST(one_request_may_hold_all),
		TEST(an_address_leaves_as_much_to_others),
		TEST(who_holds_less_is_never_refused),
		TEST(over_the_limit_nobody_may_hold_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
