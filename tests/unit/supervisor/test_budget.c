/* test_budget.c: how much a child may make us write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "budget.h"

#define RECORD (1000 + BUDGET_RECORD)

/* Records of 1,000 bytes that pass at this time. */
static uint64_t
spend_all(struct budget *budget, uint64_t now)
{
	uint64_t n = 0;

	while (budget_spend(budget, 1000, now))
		n++;
	return n;
}

static void
a_burst_passes_and_no_more(void **state)
{
	struct budget budget = { 0, 0 };

	(void)state;
	assert_int_equal(
	    spend_all(&budget, UINT64_C(1) << 40), BUDGET_BURST / RECORD);
	assert_int_equal(spend_all(&budget, UINT64_C(1) << 40), 0);
}

static void
a_second_gives_its_share_back_in_one_step_or_in_many(void **state)
{
	struct budget at_once = { 0, 0 }, slowly = { 0, 0 };
	uint64_t n = 0;

	(void)state;
	(void)spend_all(&at_once, 1000);
	(void)spend_all(&slowly, 1000);
	assert_in_range(spend_all(&at_once, 2000),
	    BUDGET_PER_SECOND / RECORD - 1, BUDGET_PER_SECOND / RECORD + 1);
	for (uint64_t now = 1001; now <= 2000; now++)
		n += spend_all(&slowly, now);
	assert_in_range(
	    n, BUDGET_PER_SECOND / RECORD - 1, BUDGET_PER_SECOND / RECORD + 1);
}

static void
a_long_silence_gives_one_burst(void **state)
{
	struct budget budget = { 0, 0 };

	(void)state;
	(void)spend_all(&budget, 1000);
	assert_int_equal(spend_all(&budget, UINT64_MAX), BUDGET_BURST / RECORD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_passes_and_no_more),
		cmocka_unit_test(
		    a_second_gives_its_share_back_in_one_step_or_in_many),
		cmocka_unit_test(a_long_silence_gives_one_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
