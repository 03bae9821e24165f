/* test_awaited.c: requests whose answers are to come on another stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "awaited.h"

static void
what_is_answered_is_not_awaited(void **state)
{
	struct awaited awaited = { 0 };

	(void)state;
	for (int64_t id = 1; id <= 3; id++)
		assert_int_equal(awaited_add(&awaited, id), 0);
	awaited_remove(&awaited, 2);
	awaited_remove(&awaited, 2);
	awaited_remove(&awaited, 9);
	assert_int_equal(awaited.count, 2);
	assert_int_equal(awaited.ids[0], 1);
	assert_int_equal(awaited.ids[1], 3);
	awaited_free(&awaited);
	assert_int_equal(awaited.count, 0);
}

static void
over_the_limit_the_oldest_is_forgotten(void **state)
{
	struct awaited awaited = { 0 };

	(void)state;
	for (int64_t id = 0; id <= AWAITED_MAX; id++)
		assert_int_equal(awaited_add(&awaited, id), 0);
	assert_int_equal(awaited.count, AWAITED_MAX);
	assert_int_equal(awaited.ids[0], 1);
	assert_int_equal(awaited.ids[AWAITED_MAX - 1], AWAITED_MAX);
	awaited_free(&awaited);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_answered_is_not_awaited),
		cmocka_unit_test(over_the_limit_the_oldest_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
