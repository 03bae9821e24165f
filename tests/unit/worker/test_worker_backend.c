/* test_worker_backend.c: what a backend says by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker_fixture.h"

static void
requests_of_the_backend_are_answered(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":\"p\\n1\",\"method\":\"ping\"}");
	assert_string_equal(
	    hear(w), "{\"jsonrpc\":\"2.0\",\"id\":\"p\\n1\",\"result\":{}}");
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"roots/list\"}");
	(void)hear_with(w, "\"id\":0,\"error\":{\"code\":-32601");
	end(w);
}

static void
log_messages_of_the_backend_reach_the_front_up_to_a_limit(void **state)
{
	static const char text[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
	    "\"params\":{\"level\":\"info\",\"data\":1}}";
	struct world *w = begin_ready();
	int n = 0;

	(void)state;
	call(w, FIRST);
	for (int i = 0; i < 3000; i++)
		answer(w, "%s", text);
	answer(w, RESULT, FIRST, 1);
	for (get_frame(w, w->front); w->frame.type == MSG_NOTIFY;
	     get_frame(w, w->front)) {
		assert_string_equal(w->payload, text);
		n++;
	}
	assert_int_equal(w->frame.type, MSG_RESPONSE);
	assert_in_range(n, 1000, 2500);
	expect_log(w, "notifications/message dropped");
	end(w);
}

static void
a_changed_list_is_told_once_and_only_when_it_differs(void **state)
{
	static const char changed[] = "{\"jsonrpc\":\"2.0\",\"method\":"
				      "\"notifications/tools/list_changed\"}";
	struct world *w = begin_ready();

	(void)state;
	for (int i = 0; i < 10; i++)
		answer(w, "%s", changed);
	answer_tools(w, "[{\"name\":\"t\"}]"); /* the same bytes */
	settle(w);
	answer(w, "%s", changed);
	(void)hear_with(w, "tools/list");
	answer(w, "%s", changed); /* while the list is on its way */
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"tools\":[1]}}");
	expect_text(w, MSG_CATALOG, 0, "[1]");
	answer_tools(w, "[1,2]");
	expect_text(w, MSG_CATALOG, 0, "[1,2]");
	expect_control(w, MSG_READY);
	assert_non_null(strstr(w->payload, "\"tools\":2,"));
	end(w);
}

static void
batches_are_taken_where_the_revision_has_them(void **state)
{
	struct world *w = begin_ready_with(60000, "2025-03-26");

	(void)state;
	call(w, FIRST);
	call(w, FIRST + 1);
	say(w, " [");
	say(w, "{\"jsonrpc\":\"2.0\",\"id\":65537,\"result\":{\"n\":1}} , 5, ");
	say(w, "{\"jsonrpc\":\"2.0\",\"id\":65536,\"result\":{\"n\":2}},");
	say(w, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}] \n");
	expect_result(w, FIRST + 1, 1);
	expect_result(w, FIRST, 2);
	(void)hear_with(w, "\"id\":9,\"result\":{}");
	end(w);
}

static void
batches_are_refused_elsewhere(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	say(w, "[{\"jsonrpc\":\"2.0\",\"id\":65536,\"result\":{\"n\":1}}]\n");
	settle(w);
	end(w);
}

static void
the_wanted_log_level_is_passed_on_once(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	send_frame(w->front, MSG_CLIENT_LEVEL, MCP_LEVEL_NOTICE, 0, "", -1);
	send_frame(w->front, MSG_CLIENT_LEVEL, MCP_LEVEL_NOTICE, 0, "", -1);
	(void)hear_with(w,
	    "\"method\":\"logging/setLevel\",\"params\":{\"level\":\"notice\"}");
	settle(w);
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_of_the_backend_are_answered),
		cmocka_unit_test(
		    log_messages_of_the_backend_reach_the_front_up_to_a_limit),
		cmocka_unit_test(
		    a_changed_list_is_told_once_and_only_when_it_differs),
		cmocka_unit_test(batches_are_taken_where_the_revision_has_them),
		cmocka_unit_test(batches_are_refused_elsewhere),
		cmocka_unit_test(the_wanted_log_level_is_passed_on_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
