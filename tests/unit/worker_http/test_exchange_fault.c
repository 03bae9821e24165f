/* test_exchange_fault.c: what no connection in time means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exchange_fault.h"

/* An exchange that ended with this, before anything was connected. */
static enum exchange_outcome
judge(CURLcode code, bool heard, char *why)
{
	struct fault fault = { .easy = curl_easy_init(),
		.code = code,
		.text = "",
		.host = "h",
		.address = "",
		.heard = heard };
	enum exchange_outcome outcome;

	assert_non_null(fault.easy);
	outcome = fault_judge(&fault, why);
	curl_easy_cleanup(fault.easy);
	return outcome;
}

static void
a_server_that_is_silent_and_lets_nobody_in_is_not_there(void **state)
{
	char why[FAULT_WHY_MAX];

	(void)state;
	assert_int_equal(
	    judge(CURLE_OPERATION_TIMEDOUT, false, why), EXCHANGE_UNREACHABLE);
	assert_int_equal(judge(CURLE_COULDNT_RESOLVE_HOST, false, why),
	    EXCHANGE_UNREACHABLE);
}

static void
one_that_was_heard_lately_has_too_much_to_do(void **state)
{
	char why[FAULT_WHY_MAX];

	(void)state;
	assert_int_equal(
	    judge(CURLE_OPERATION_TIMEDOUT, true, why), EXCHANGE_NOT_SENT);
	assert_string_equal(why, "could not be found (DNS) within 5 s");
	assert_int_equal(
	    judge(CURLE_COULDNT_RESOLVE_HOST, true, why), EXCHANGE_NOT_SENT);
}

static void
a_refused_connection_is_the_end_whoever_was_heard(void **state)
{
	char why[FAULT_WHY_MAX];

	(void)state;
	assert_int_equal(
	    judge(CURLE_COULDNT_CONNECT, true, why), EXCHANGE_UNREACHABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_server_that_is_silent_and_lets_nobody_in_is_not_there),
		cmocka_unit_test(one_that_was_heard_lately_has_too_much_to_do),
		cmocka_unit_test(
		    a_refused_connection_is_the_end_whoever_was_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
