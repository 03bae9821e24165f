/* test_asks.c: what the backend asks clients, and their answers. */
#include "asks_fixture.h"

static void
a_request_goes_to_the_front_and_its_answer_back(void **state)
{
	static const char text[] = ROOTS("\"s\\u0031\"");

	(void)state;
	assert_true(request_text(text, strlen(text), 70000));
	expect("ask 1 70000 " ROOTS("\"s\\u0031\"") "\n");
	assert_true(world.pending);
	answer(1, RESULT("99"));
	expect("sent " RESULT("\"s\\u0031\"") "\n");
	assert_false(world.pending);
}

static void
an_answer_that_is_late_or_unknown_is_dropped(void **state)
{
	(void)state;
	answer(1, RESULT("1"));
	assert_true(request(ROOTS("1")));
	forget_heard();
	answer(0, RESULT("1"));
	answer(2, RESULT("1"));
	expect("");
	answer(1, RESULT("1"));
	answer(1, RESULT("1"));
	expect("sent " RESULT("1") "\n");
}

static void
an_answer_that_is_none_becomes_an_error(void **state)
{
	(void)state;
	assert_true(request(ROOTS("7")));
	forget_heard();
	answer(1, "{\"jsonrpc\":\"2.0\",\"id\":7}");
	expect("sent {\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32603,"
	       "\"message\":\"The client's answer is not valid\"}}\n");
}

static void
only_what_was_declared_is_asked(void **state)
{
	static const struct {
		unsigned int can;
		const char *ask;  /* method and params */
		const char *code; /* NULL: passed on; "": not its business */
	} cases[] = {
#define METHOD(name) "\"method\":\"" name "\""
		{ 0, METHOD("roots/list"), "" },
		{ 0, METHOD("sampling/createMessage"), "" },
		{ 0, METHOD("elicitation/create"), "" },
		{ MCP_CAPABILITIES_SHARED, METHOD("roots/list"), "" },
		{ MCP_CAPABILITIES_ALL, METHOD("tasks/get"), "" },
		{ MCP_CAPABILITIES_ALL, METHOD("tools/list"), "" },
		{ MCP_CAPABILITIES_ALL, METHOD("ping"), "" },
		{ MCP_CAN_LIST_ROOTS, METHOD("roots/list"), NULL },
		{ MCP_CAN_SAMPLE, METHOD("sampling/createMessage"), NULL },
		{ MCP_CAN_SAMPLE,
		    METHOD(
			"sampling/createMessage") ",\"params\":{\"tools\":[]}",
		    "-32602" },
		{ MCP_CAN_SAMPLE,
		    METHOD(
			"sampling/createMessage") ",\"params\":{\"toolChoice\":{}}",
		    "-32602" },
		{ MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS,
		    METHOD(
			"sampling/createMessage") ",\"params\":{\"tools\":[]}",
		    NULL },
		{ MCP_CAN_ELICIT_FORM,
		    METHOD("elicitation/create") ",\"params\":{}", NULL },
		{ MCP_CAN_ELICIT_FORM,
		    METHOD(
			"elicitation/create") ",\"params\":{\"mode\":\"form\"}",
		    NULL },
		{ MCP_CAN_ELICIT_FORM,
		    METHOD(
			"elicitation/create") ",\"params\":{\"mode\":\"url\"}",
		    "-32602" },
		{ MCP_CAN_ELICIT_URL,
		    METHOD(
			"elicitation/create") ",\"params\":{\"mode\":\"url\"}",
		    NULL },
		{ MCP_CAN_ELICIT_URL,
		    METHOD("elicitation/create") ",\"params\":{}", "-32602" },
		{ MCP_CAPABILITIES_ALL,
		    METHOD("elicitation/create") ",\"params\":{\"mode\":7}",
		    "-32602" },
		{ MCP_CAN_LIST_ROOTS,
		    METHOD(
			"roots/list") ",\"params\":{\"_meta\":{\"progressToken\":{}}}",
		    "-32602" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *code = cases[i].code;
		char text[256];

		make_asks(cases[i].can);
		world.pending = false;
		forget_heard();
		(void)snprintf(text, sizeof(text),
		    "{\"jsonrpc\":\"2.0\",\"id\":1,%s}", cases[i].ask);
		assert_int_equal(
		    request(text), code == NULL || code[0] != '\0');
		if (code == NULL)
			expect_part("ask 1 0 {");
		else if (code[0] == '\0')
			expect("");
		else
			expect_part(code);
	}
}

static void
a_second_request_with_the_same_id_is_refused(void **state)
{
	(void)state;
	assert_true(request(ROOTS("\"a\"")));
	forget_heard();
	assert_true(request(ROOTS("\"\\u0061\"")));
	expect_part("sent {\"jsonrpc\":\"2.0\",\"id\":\"\\u0061\",\"error\":"
		    "{\"code\":-32600");
	assert_int_equal(times("ask "), 0);
	/* The first one is not touched, and the id is free after it. */
	forget_heard();
	answer(1, RESULT("1"));
	expect("sent " RESULT("\"a\"") "\n");
	assert_true(request(ROOTS("\"a\"")));
	expect_part("ask 2 ");
}

static void
an_id_of_the_greatest_length_comes_back_whole(void **state)
{
	char id[RPC_ID_MAX + 1], text[RPC_ID_MAX + 128];

	(void)state;
	memset(id, 'x', sizeof(id) - 1);
	id[0] = id[RPC_ID_MAX - 1] = '"';
	id[RPC_ID_MAX] = '\0';
	(void)snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"roots/list\"}", id);
	assert_true(request(text));
	forget_heard();
	answer(1, RESULT("1"));
	(void)snprintf(text, sizeof(text),
	    "sent {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n", id);
	expect(text);
}

static void
only_so_many_pend_and_the_rest_is_refused(void **state)
{
	char text[128];

	(void)state;
	for (unsigned int i = 0; i <= ASKS_MAX; i++) {
		(void)snprintf(text, sizeof(text),
		    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"roots/list\"}",
		    i);
		forget_heard();
		assert_true(request(text));
		if (i < ASKS_MAX)
			expect_part("ask ");
	}
	expect_part("\"code\":-32603,\"message\":\"Too many requests");
	forget_heard();
	answer(ASKS_MAX, RESULT("1"));
	assert_true(request(ROOTS("\"more\"")));
	expect_part("ask ");
}

/* A sampling request of so many bytes and more. */
static char *
large(const char *id, size_t bytes)
{
	char *text = malloc(bytes + 256);
	int n;

	assert_non_null(text);
	n = snprintf(text, 256,
	    "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":"
	    "\"sampling/createMessage\",\"params\":{\"systemPrompt\":\"",
	    id);
	memset(text + n, 'x', bytes);
	(void)snprintf(text + n + bytes, 64, "\"}}");
	return text;
}

static void
only_so_many_bytes_pend_and_the_rest_is_refused(void **state)
{
	char *text;

	(void)state;
	/* One may be longer than the limit, and then there is no room. */
	text = large("1", ASKS_BYTES_MAX + 1);
	assert_true(request(text));
	free(text);
	expect_part("ask 1 ");
	forget_heard();
	assert_true(request(ROOTS("2")));
	expect_part("sent {\"jsonrpc\":\"2.0\",\"id\":2,\"error\"");
	assert_int_equal(times("ask "), 0);
	answer(1, RESULT("1"));
	forget_heard();
	assert_true(request(ROOTS("2")));
	expect_part("ask ");
}

static void
the_longest_message_passes_the_flood_and_a_flood_does_not(void **state)
{
	char *text = large("1", MSG_JSON_MAX - 256);
	unsigned int n;

	(void)state;
	assert_true(request(text));
	free(text);
	expect_part("ask 1 ");
	answer(1, RESULT("1"));
	world.now += 1000; /* which fills up a second's worth */
	for (n = 0; n < 2 * ASKS_PER_SECOND; n++) {
		forget_heard();
		assert_true(request(ROOTS("5")));
		if (times("ask ") == 0)
			break;
		cancel("{\"requestId\":5}");
	}
	assert_in_range(n, ASKS_PER_SECOND, ASKS_PER_SECOND + 1);
	expect_part("\"message\":\"Too many requests to clients in a short");
	wait_ms(ASKS_PENDING_MS);
}

static void
a_cancelled_request_is_taken_back_and_not_answered(void **state)
{
	(void)state;
	assert_true(request(ROOTS("\"a\"")));
	assert_true(request(ROOTS("1")));
	forget_heard();
	cancel("{\"requestId\":\"\\u0061\",\"reason\":\"no \\n need\"}");
	expect("retract 1 \"no \\n need\"\n");
	assert_true(world.pending);
	cancel("{\"requestId\":\"a\"}");
	cancel("{\"requestId\":\"1\"}");
	cancel("{\"requestId\":[1]}");
	cancel("{}");
	answer(1, RESULT("1"));
	expect("");
	cancel("{\"requestId\":1,\"reason\":{}}");
	expect("retract 2 \n");
	assert_false(world.pending);
}

static void
a_reason_that_is_too_long_is_left_out(void **state)
{
	char text[MSG_CANCEL_MAX + 64];
	size_t n;

	(void)state;
	assert_true(request(ROOTS("1")));
	forget_heard();
	n = (size_t)snprintf(
	    text, sizeof(text), "{\"requestId\":1,\"reason\":\"");
	memset(text + n, 'x', MSG_CANCEL_MAX);
	(void)snprintf(text + n + MSG_CANCEL_MAX, 8, "\"}");
	cancel(text);
	expect("retract 1 \n");
}

static void
progress_goes_to_who_asked_for_it(void **state)
{
	static const char text[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
	    "\"params\":{\"progressToken\":1,\"progress\":1}}";
	const struct json_span progress = { text, sizeof(text) - 1 };

	(void)state;
	assert_true(request("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
			    "\"roots/list\",\"params\":{\"_meta\":{"
			    "\"progressToken\":\"mine\"}}}"));
	assert_true(request(ROOTS("2")));
	forget_heard();
	asks_progress(world.asks, 1, progress);
	expect("sent {\"jsonrpc\":\"2.0\",\"method\":"
	       "\"notifications/progress\",\"params\":{\"progressToken\":"
	       "\"mine\",\"progress\":1}}\n");
	asks_progress(world.asks, 2, progress);
	asks_progress(world.asks, 3, progress);
	answer(1, RESULT("1"));
	forget_heard();
	asks_progress(world.asks, 1, progress);
	expect("");
}

static void
changed_roots_are_told_only_where_that_was_promised(void **state)
{
	(void)state;
	asks_roots_changed(world.asks);
	expect("sent {\"jsonrpc\":\"2.0\",\"method\":"
	       "\"notifications/roots/list_changed\"}\n");
	make_asks(MCP_CAPABILITIES_ALL & ~(unsigned int)MCP_CAN_TELL_ROOTS);
	asks_roots_changed(world.asks);
	expect("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_request_goes_to_the_front_and_its_answer_back),
		IN_WORLD(an_answer_that_is_late_or_unknown_is_dropped),
		IN_WORLD(an_answer_that_is_none_becomes_an_error),
		IN_WORLD(only_what_was_declared_is_asked),
		IN_WORLD(a_second_request_with_the_same_id_is_refused),
		IN_WORLD(an_id_of_the_greatest_length_comes_back_whole),
		IN_WORLD(only_so_many_pend_and_the_rest_is_refused),
		IN_WORLD(only_so_many_bytes_pend_and_the_rest_is_refused),
		IN_WORLD(
		    the_longest_message_passes_the_flood_and_a_flood_does_not),
		IN_WORLD(a_cancelled_request_is_taken_back_and_not_answered),
		IN_WORLD(a_reason_that_is_too_long_is_left_out),
		IN_WORLD(progress_goes_to_who_asked_for_it),
		IN_WORLD(changed_roots_are_told_only_where_that_was_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
