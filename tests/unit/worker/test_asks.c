/* test_asks.c: what the backend asks clients gets exactly one answer. */
/* wrap: mono_ms */
/* wrap: loop_arm */
#include <event2/event.h>

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "answers.h"
#include "asks.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/mcp.h"

#define HEARD_MAX ((size_t)4 << 20)

static struct {
	uint64_t now;
	struct event *timer;
	uint64_t timer_at;
	struct loop *loop;
	struct answers *answers;
	struct asks *asks;
	int send_errno; /* the backend does not take messages */
	int ask_errno;  /* nor the front */
	bool pending;
	char *heard; /* what went out since this was last asked */
	size_t heard_len;
} world;

uint64_t __wrap_mono_ms(void);
void __wrap_loop_arm(struct event *timer, uint64_t ms);

uint64_t
__wrap_mono_ms(void)
{
	return world.now;
}

void
__wrap_loop_arm(struct event *timer, uint64_t ms)
{
	world.timer = timer;
	world.timer_at = world.now + ms;
}

__attribute__((format(printf, 1, 2))) static void
hear(const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(world.heard + world.heard_len,
	    HEARD_MAX - world.heard_len, format, ap);
	va_end(ap);
	assert_true(n > 0 && (size_t)n < HEARD_MAX - world.heard_len);
	world.heard_len += (size_t)n;
}

/* Exactly this went out since the last time. */
static void
expect(const char *text)
{
	assert_string_equal(world.heard, text);
	world.heard_len = 0;
	world.heard[0] = '\0';
}

/* This is in it; the whole text stays. */
static void
expect_part(const char *text)
{
	if (strstr(world.heard, text) == NULL)
		fail_msg("%s is not in %s", text, world.heard);
}

static void
forget_heard(void)
{
	world.heard_len = 0;
	world.heard[0] = '\0';
}

static size_t
times(const char *text)
{
	size_t n = 0;

	for (const char *at = world.heard; (at = strstr(at, text)) != NULL;
	     at++)
		n++;
	return n;
}

static int
on_send(void *arg, const char *text, size_t len, int64_t id)
{
	(void)arg;
	assert_int_equal(id, 0);
	assert_null(memchr(text, '\n', len));
	if (world.send_errno != 0) {
		errno = world.send_errno;
		return -1;
	}
	hear("sent %.*s\n", len > 400 ? 400 : (int)len, text);
	return 0;
}

static int
on_ask(void *arg, uint32_t number, int64_t about, struct json_span text)
{
	(void)arg;
	if (world.ask_errno != 0) {
		errno = world.ask_errno;
		return -1;
	}
	hear("ask %" PRIu32 " %" PRId64 " %.*s\n", number, about,
	    text.len > 400 ? 400 : (int)text.len, text.at);
	return 0;
}

static void
on_retract(void *arg, uint32_t number, struct json_span reason)
{
	(void)arg;
	hear("retract %" PRIu32 " %.*s\n", number, (int)reason.len,
	    reason.at == NULL ? "" : reason.at);
}

static void
on_pending(void *arg, bool any)
{
	(void)arg;
	assert_int_not_equal(any, world.pending);
	world.pending = any;
}

static const struct asks_handlers handlers = {
	.send = on_send,
	.ask = on_ask,
	.retract = on_retract,
	.pending = on_pending,
};

static void
ignore_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

static void
make_asks(unsigned int capabilities)
{
	asks_free(&world.asks);
	world.asks = asks_new(
	    world.loop, "b", capabilities, world.answers, &handlers, NULL);
	assert_non_null(world.asks);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.now = 1000;
	log_set_sink(ignore_log, NULL);
	world.heard = calloc(1, HEARD_MAX);
	world.loop = loop_new(false);
	if (world.heard == NULL || world.loop == NULL)
		return -1;
	world.answers = answers_new("b", on_send, NULL);
	if (world.answers == NULL)
		return -1;
	make_asks(MCP_CAPABILITIES_ALL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	asks_free(&world.asks);
	answers_free(&world.answers);
	loop_free(&world.loop);
	free(world.heard);
	log_set_sink(NULL, NULL);
	return 0;
}

/* ---- what a test does ---- */

static bool
request_text(const char *text, size_t len, int64_t about)
{
	struct rpc_problem problem;
	struct rpc_message msg;

	assert_int_equal(rpc_parse(&msg, text, len, &problem), 0);
	return asks_request(world.asks, &msg, about);
}

#define ROOTS(id)                                                              \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"roots/list\"}"
#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static bool
request(const char *text)
{
	return request_text(text, strlen(text), 0);
}

static void
cancel(const char *params)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	char text[8192];
	int n;

	n = snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":%s}",
	    params);
	assert_true(n > 0 && (size_t)n < sizeof(text));
	assert_int_equal(rpc_parse(&msg, text, (size_t)n, &problem), 0);
	asks_cancelled(world.asks, &msg);
}

static void
answer(uint32_t number, const char *text)
{
	asks_answer(
	    world.asks, number, (struct json_span){ text, strlen(text) });
}

/* Time passes, and the timer runs if it is due. */
static void
wait_ms(uint64_t ms)
{
	world.now += ms;
	if (world.timer == NULL || world.timer_at > world.now)
		return;
	world.timer_at = UINT64_MAX;
	event_get_callback(world.timer)(
	    -1, EV_TIMEOUT, event_get_callback_arg(world.timer));
}

/* ---- tests ---- */

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
without_a_front_it_is_refused_at_once(void **state)
{
	static const struct {
		int error;
		const char *why;
	} cases[] = {
		{ ENOTCONN, "No client is there" },
		{ ECANCELED, "The request that it belongs to is over" },
		{ EAGAIN, "too busy" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		forget_heard();
		world.ask_errno = cases[i].error;
		assert_true(request(ROOTS("1")));
		expect_part("\"id\":1,\"error\":{\"code\":-32603");
		expect_part(cases[i].why);
		assert_false(world.pending);
	}
	forget_heard();
	wait_ms(ASKS_PENDING_MS);
	expect("");
}

static void
a_front_that_is_gone_fails_all_of_them_once(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	assert_true(request(ROOTS("2")));
	world.ask_errno = EBUSY;
	assert_true(request(ROOTS("3")));
	forget_heard();
	asks_front_gone(world.asks);
	assert_int_equal(times("sent "), 3);
	for (int i = 1; i <= 3; i++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "\"id\":%d,\"error\"", i);
		assert_int_equal(times(want), 1);
	}
	assert_int_equal(times("The client is gone"), 3);
	assert_false(world.pending);
	forget_heard();
	asks_front_gone(world.asks);
	answer(1, RESULT("1"));
	wait_ms(ASKS_PENDING_MS);
	expect("");
}

static void
a_session_that_is_over_is_not_answered(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	assert_true(request(ROOTS("2")));
	world.ask_errno = EBUSY;
	assert_true(request(ROOTS("3")));
	world.send_errno = EAGAIN;
	answer(2, RESULT("2"));
	forget_heard();
	asks_forget(world.asks);
	expect("retract 1 \n");
	assert_false(world.pending);
	world.send_errno = 0;
	world.ask_errno = 0;
	asks_up(world.asks);
	wait_ms(ASKS_PENDING_MS);
	expect("");
	/* The same ids in the next one are others. */
	assert_true(request(ROOTS("1")));
	expect("ask 4 0 " ROOTS("1") "\n");
}

static void
what_comes_too_early_is_held_until_the_front_can_hear_it(void **state)
{
	(void)state;
	world.ask_errno = EBUSY;
	assert_true(request(ROOTS("1")));
	assert_true(request(ROOTS("2")));
	assert_true(request(ROOTS("3")));
	expect("");
	assert_false(world.pending);
	asks_up(world.asks); /* and it still cannot */
	cancel("{\"requestId\":2}");
	expect("");
	world.ask_errno = 0;
	asks_up(world.asks);
	expect("ask 1 0 " ROOTS("1") "\nask 3 0 " ROOTS("3") "\n");
	assert_true(world.pending);
	wait_ms(ASKS_HELD_MS);
	expect("");
	answer(3, RESULT("1"));
	expect("sent " RESULT("3") "\n");
}

static void
what_is_held_is_not_held_for_long(void **state)
{
	(void)state;
	world.ask_errno = EBUSY;
	assert_true(request(ROOTS("1")));
	wait_ms(ASKS_HELD_MS - 1);
	expect("");
	wait_ms(1);
	expect_part("sent {\"jsonrpc\":\"2.0\",\"id\":1,\"error\"");
	forget_heard();
	world.ask_errno = ENOTCONN;
	asks_up(world.asks);
	expect("");
}

static void
nobody_is_waited_for_without_end(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	world.now += 1000;
	assert_true(request(ROOTS("2")));
	forget_heard();
	wait_ms(ASKS_PENDING_MS - 1001);
	expect("");
	wait_ms(1);
	expect("sent {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,"
	       "\"message\":\"No client has answered within 15 minutes\"}}\n"
	       "retract 1 \n");
	assert_true(world.pending);
	wait_ms(1000);
	expect_part("\"id\":2,\"error\"");
	assert_false(world.pending);
}

static void
an_answer_that_is_not_taken_is_sent_again(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	forget_heard();
	world.send_errno = EAGAIN;
	answer(1, RESULT("9"));
	/* It is not pending, and its id is not free. */
	assert_false(world.pending);
	answer(1, RESULT("9"));
	wait_ms(ASKS_RETRY_MS);
	world.send_errno = 0;
	assert_true(request(ROOTS("1")));
	expect_part("-32600");
	forget_heard();
	wait_ms(ASKS_RETRY_MS);
	expect("sent " RESULT("1") "\n");
	wait_ms(ASKS_PENDING_MS);
	expect("");
}

static void
an_answer_that_is_not_wanted_any_more_is_not_sent_again(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	world.send_errno = EAGAIN;
	answer(1, RESULT("9"));
	forget_heard();
	cancel("{\"requestId\":1}");
	world.send_errno = 0;
	wait_ms(ASKS_RETRY_MS);
	expect("");
}

static void
answers_that_are_too_large_to_keep_become_errors(void **state)
{
	const size_t size = ASKS_BYTES_MAX;
	char *text = malloc(size + 64);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', size);
	(void)snprintf(text + size, 64, "%s", RESULT("0"));
	assert_true(request(ROOTS("1")));
	assert_true(request(ROOTS("2")));
	forget_heard();
	world.send_errno = EAGAIN;
	answer(1, text);
	answer(2, RESULT("2"));
	free(text);
	world.send_errno = 0;
	wait_ms(ASKS_RETRY_MS);
	assert_int_equal(times("sent "), 2);
	expect_part("\"id\":2,\"error\":{\"code\":-32603");
	expect_part("The answer was lost");
}

static void
a_transport_that_is_over_wants_no_answers(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	forget_heard();
	world.send_errno = EPIPE;
	answer(1, RESULT("9"));
	world.send_errno = 0;
	wait_ms(ASKS_PENDING_MS);
	expect("");
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_request_goes_to_the_front_and_its_answer_back),
		TEST(an_answer_that_is_late_or_unknown_is_dropped),
		TEST(an_answer_that_is_none_becomes_an_error),
		TEST(only_what_was_declared_is_asked),
		TEST(a_second_request_with_the_same_id_is_refused),
		TEST(an_id_of_the_greatest_length_comes_back_whole),
		TEST(only_so_many_pend_and_the_rest_is_refused),
		TEST(only_so_many_bytes_pend_and_the_rest_is_refused),
		TEST(the_longest_message_passes_the_flood_and_a_flood_does_not),
		TEST(a_cancelled_request_is_taken_back_and_not_answered),
		TEST(a_reason_that_is_too_long_is_left_out),
		TEST(without_a_front_it_is_refused_at_once),
		TEST(a_front_that_is_gone_fails_all_of_them_once),
		TEST(a_session_that_is_over_is_not_answered),
		TEST(what_comes_too_early_is_held_until_the_front_can_hear_it),
		TEST(what_is_held_is_not_held_for_long),
		TEST(nobody_is_waited_for_without_end),
		TEST(an_answer_that_is_not_taken_is_sent_again),
		TEST(an_answer_that_is_not_wanted_any_more_is_not_sent_again),
		TEST(answers_that_are_too_large_to_keep_become_errors),
		TEST(a_transport_that_is_over_wants_no_answers),
		TEST(progress_goes_to_who_asked_for_it),
		TEST(changed_roots_are_told_only_where_that_was_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
