/* wrap: mono_ms */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "calls.h"

uint64_t __wrap_mono_ms(void);

static uint64_t now = 1000;

uint64_t
__wrap_mono_ms(void)
{
	return now;
}

static struct rpc_message
message(const char *text)
{
	struct rpc_problem problem;
	struct rpc_message msg;

	assert_int_equal(rpc_parse(&msg, text, strlen(text), &problem), 0);
	return msg;
}

#define CALL                                                                   \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","             \
	"\"params\":{\"name\":\"bash/bash\"}}"

static void
test_a_call_is_remembered_with_its_end(void **state)
{
	struct calls *calls = calls_new();
	struct rpc_message msg = message(CALL);
	const struct call *call;
	uint32_t place;

	(void)state;
	place = calls_begin(calls, 65537, 3, 7, "alice", &msg);
	call = calls_find(calls, 65537);
	assert_non_null(call);
	assert_false(call->done);
	assert_int_equal(call->session, 7);
	assert_string_equal(call->token, "alice");
	assert_int_equal(call->request_len, strlen(CALL));
	assert_int_equal(call->name_len, 9);
	assert_memory_equal(call->name, "bash/bash", 9);
	now += 25;
	calls_end(calls, place, 65537, REQUEST_ANSWERED, 200);
	assert_true(call->done);
	assert_int_equal(call->ended_ms - call->began_ms, 25);
	assert_int_equal(call->response_len, 200);
	/* What ended stays as it was. */
	calls_end(calls, place, 65537, REQUEST_LINK_LOST, 0);
	assert_string_equal(calls_end_name(call->end), "answered");
	calls_free(&calls);
}

static void
test_the_oldest_is_forgotten_first(void **state)
{
	struct calls *calls = calls_new();
	struct rpc_message msg = message(CALL);
	const struct call *call = NULL;
	uint32_t first = 0;
	uint64_t number = CALLS_MAX + 1;

	(void)state;
	for (uint64_t i = 1; i <= CALLS_MAX + 1; i++) {
		uint32_t place = calls_begin(calls, i, 0, 0, NULL, &msg);

		if (i == 1)
			first = place;
	}
	assert_null(calls_find(calls, 1));
	/* Its place is another's now. */
	calls_end(calls, first, 1, REQUEST_ANSWERED, 1);
	assert_false(calls_find(calls, CALLS_MAX + 1)->done);
	while ((call = calls_before(calls, call)) != NULL)
		assert_int_equal(call->number, number--);
	assert_int_equal(number, 1);
	calls_free(&calls);
}

static void
test_nothing_is_found_before_the_first_call(void **state)
{
	struct calls *calls = calls_new();

	(void)state;
	assert_null(calls_before(calls, NULL));
	assert_null(calls_find(calls, 0));
	calls_free(&calls);
}

static void
test_a_long_uri_is_cut_and_a_request_without_either_has_no_name(void **state)
{
	struct calls *calls = calls_new();
	struct rpc_message msg = message(
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\","
	    "\"params\":{\"uri\":\"test://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}");

	(void)state;
	(void)calls_begin(calls, 1, 0, 0, NULL, &msg);
	assert_int_equal(calls_find(calls, 1)->name_len, CALL_NAME_MAX);
	msg = message("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
	(void)calls_begin(calls, 2, 0, 0, NULL, &msg);
	assert_int_equal(calls_find(calls, 2)->name_len, 0);
	calls_free(&calls);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_is_remembered_with_its_end),
		cmocka_unit_test(test_the_oldest_is_forgotten_first),
		cmocka_unit_test(test_nothing_is_found_before_the_first_call),
		cmocka_unit_test(
		    test_a_long_uri_is_cut_and_a_request_without_either_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
