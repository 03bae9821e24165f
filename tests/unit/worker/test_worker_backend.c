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

/* Far more of these than may pass. */
static void
flood_with(const char *text, const char *dropped)
{
	struct world *w = begin_ready();
	int n = 0;

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
	expect_log(w, dropped);
	end(w);
}

static void
log_messages_of_the_backend_reach_the_front_up_to_a_limit(void **state)
{
	(void)state;
	flood_with("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
		   "\"params\":{\"level\":\"info\",\"data\":1}}",
	    "notifications/message dropped");
}

static void
updates_of_resources_reach_the_front_up_to_a_limit(void **state)
{
	(void)state;
	flood_with(
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
	    "\"params\":{\"uri\":\"x:1\"}}",
	    "notifications/resources/updated dropped");
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
	assert_string_equal(
	    hear(w), "[{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}]");
	end(w);
}

static void
a_batch_of_requests_is_answered_with_one_array(void **state)
{
	struct world *w = begin_ready_with(60000, "2025-03-26");
	const char *line;

	(void)state;
	say(w, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},");
	say(w, "{\"jsonrpc\":\"2.0\",\"method\":\"x\"},");
	say(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"roots/list\"}]\n");
	line = hear(w);
	assert_ptr_equal(strstr(line,
			     "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},"
			     "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"error\":{"),
	    line);
	assert_string_equal(line + strlen(line) - 3, "}}]");
	/* Nothing is sent for a batch without requests. */
	say(w, "[{\"jsonrpc\":\"2.0\",\"method\":\"x\"}]\n");
	settle(w);
	end(w);
}

static void
a_large_batch_is_answered_in_several_arrays(void **state)
{
	static const char one[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
	struct world *w = begin_ready_with(60000, "2025-03-26");
	const int count = 60000; /* 2 MB of answers */
	size_t heard = 0;
	int arrays = 0;
	const size_t size = (size_t)count * sizeof(one) + sizeof("]\n");
	char *text = malloc(size);
	char *at = text;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < count; i++)
		at += snprintf(
		    at, sizeof(one) + 1, "%c%s", i == 0 ? '[' : ',', one);
	(void)strlcpy(at, "]\n", size - (size_t)(at - text));
	say(w, text);
	for (free(text); heard < (size_t)count; arrays++) {
		char *array = hear(w);

		assert_int_equal(array[0], '[');
		assert_int_equal(array[strlen(array) - 1], ']');
		for (at = array; (at = strstr(at, "result")) != NULL; at++)
			heard++;
	}
	assert_int_equal(heard, count);
	assert_in_range(arrays, 2, 12);
	settle(w);
	end(w);
}

static void
a_line_of_byte_order_marks_is_only_a_bad_line(void **state)
{
	enum {
		MARKS = 1 << 20
	};
	struct world *w = begin_ready();
	char *text = malloc((size_t)MARKS * 3 + 2);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < MARKS; i++)
		memcpy(text + 3 * i, "\xef\xbb\xbf", 3);
	memcpy(text + (size_t)MARKS * 3, "\n", 2);
	say(w, text);
	free(text);
	call(w, FIRST);
	say(w, "\xef\xbb\xbf");
	answer(w, RESULT, FIRST, 1);
	expect_result(w, FIRST, 1);
	end(w);
}

static void
a_list_that_is_not_answered_again_is_cancelled(void **state)
{
	struct world *w = begin_ready_with(100, "2025-11-25");
	char text[64];
	uint64_t id;

	(void)state;
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"method\":"
	    "\"notifications/tools/list_changed\"}");
	id = hear_with(w, "tools/list");
	(void)snprintf(text, sizeof(text), "\"requestId\":%" PRIu64 ",", id);
	(void)hear_with(w, "\"notifications/cancelled\"");
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"result\":{\"tools\":[7]}}",
	    id); /* late: not used */
	settle(w);
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

static void
the_answer_about_the_log_level_is_awaited(void **state)
{
	struct world *w = begin_ready();
	uint64_t id;

	(void)state;
	send_frame(w->front, MSG_CLIENT_LEVEL, MCP_LEVEL_INFO, 0, "", -1);
	id = hear_with(w, "logging/setLevel");
	for (int i = 0; i < 2; i++)
		answer(w,
		    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}",
		    id);
	settle(w);
	close_fd(&w->out);
	expect_log(w, "dropped in all: 1 responses");
	expect_exit(w, ROLE_EXIT_BACKEND);
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
		    updates_of_resources_reach_the_front_up_to_a_limit),
		cmocka_unit_test(
		    a_changed_list_is_told_once_and_only_when_it_differs),
		cmocka_unit_test(batches_are_taken_where_the_revision_has_them),
		cmocka_unit_test(
		    a_batch_of_requests_is_answered_with_one_array),
		cmocka_unit_test(a_large_batch_is_answered_in_several_arrays),
		cmocka_unit_test(batches_are_refused_elsewhere),
		cmocka_unit_test(a_line_of_byte_order_marks_is_only_a_bad_line),
		cmocka_unit_test(
		    a_list_that_is_not_answered_again_is_cancelled),
		cmocka_unit_test(the_wanted_log_level_is_passed_on_once),
		cmocka_unit_test(the_answer_about_the_log_level_is_awaited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
