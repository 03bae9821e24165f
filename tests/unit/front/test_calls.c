#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "calls.h"

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
	struct request request = { .number = 65537, .began_ms = 1000 };
	const struct call *call;

	(void)state;
	calls_begin(calls, &request, 3, 7, "alice", &msg);
	call = calls_find(calls, 65537);
	assert_non_null(call);
	assert_false(call->done);
	assert_int_equal(call->session, 7);
	assert_string_equal(call->token, "alice");
	assert_int_equal(call->request_len, strlen(CALL));
	assert_int_equal(call->name_len, 9);
	assert_memory_equal(call->name, "bash/bash", 9);
	request.answer_len = 200;
	calls_end(calls, &request, REQUEST_ANSWERED, 1025);
	assert_true(call->done);
	assert_int_equal(call->began_ms, 1000);
	assert_int_equal(call->ended_ms, 1025);
	assert_int_equal(call->response_len, 200);
	/* What ended stays as it was. */
	calls_end(calls, &request, REQUEST_LINK_LOST, 1026);
	assert_string_equal(calls_end_name(call->end), "answered");
	calls_free(&calls);
}

static void
test_the_oldest_is_forgotten_first(void **state)
{
	struct calls *calls = calls_new();
	struct rpc_message msg = message(CALL);
	struct request first = { .number = 1 };
	const struct call *call = NULL;
	uint64_t number = CALLS_MAX + 1;

	(void)state;
	calls_begin(calls, &first, 0, 0, NULL, &msg);
	for (uint64_t i = 2; i <= CALLS_MAX + 1; i++) {
		struct request request = { .number = i };

		calls_begin(calls, &request, 0, 0, NULL, &msg);
	}
	assert_null(calls_find(calls, 1));
	/* Its place is another's now. */
	calls_end(calls, &first, REQUEST_ANSWERED, 1);
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
	struct request request = { .number = 1 };
	struct rpc_message msg = message(
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\","
	    "\"params\":{\"uri\":\"test://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}");

	(void)state;
	calls_begin(calls, &request, 0, 0, NULL, &msg);
	assert_int_equal(calls_find(calls, 1)->name_len, CALL_NAME_MAX);
	msg = message("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
	request.number = 2;
	calls_begin(calls, &request, 0, 0, NULL, &msg);
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
