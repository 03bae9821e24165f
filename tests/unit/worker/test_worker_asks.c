/* test_worker_asks.c: what a backend asks clients, through the whole worker. */
// wrap: sandbox_enter
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CAPABILITIES "127"

#include "asks.h"
#include "fake_transport.h"

#define ROOTS "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"roots/list\"}"
#define SAMPLE                                                                 \
	"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"sampling/createMessage\"}"

/* A frame about an ask goes to the worker. */
static void
tell(struct world *w, enum msg_type type, uint32_t number, const char *text)
{
	const struct frame frame = { .length = (uint32_t)strlen(text),
		.type = (uint16_t)type,
		.client = number };
	unsigned char header[FRAME_HEADER_LEN];

	frame_encode(header, &frame);
	write_steps(w->front, (const char *)header, sizeof(header), SIZE_MAX);
	write_steps(w->front, text, strlen(text), SIZE_MAX);
}

/* The next frame is this about an ask; returns its number. */
static uint32_t
expect_ask(struct world *w, enum msg_type type, uint64_t id, const char *part)
{
	expect(w, type, id);
	assert_int_not_equal(w->frame.client, 0);
	if (strstr(w->payload, part) == NULL)
		fail_msg("%s is not in %s", part, w->payload);
	return w->frame.client;
}

static void
a_backend_asks_and_gets_its_answer(void **state)
{
	struct world *w = begin_ready();
	uint32_t number;

	(void)state;
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":\"s\\u0031\",\r\"method\":"
	    "\"elicitation/create\",\"params\":{\"_meta\":{"
	    "\"progressToken\":0.5}}}");
	number = expect_ask(w, MSG_ASK, 0,
	    "\"id\":\"s\\u0031\", \"method\":\"elicitation/create\"");
	tell(w, MSG_ASK_PROGRESS, number,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
	    "\"params\":{\"progressToken\":\"gw\",\n\"progress\":1}}");
	(void)hear_with(w, "\"progressToken\":0.5, \"progress\":1");
	tell(w, MSG_ANSWER, number,
	    "{\"jsonrpc\":\"2.0\",\"id\":\"gw\",\"result\":\n"
	    "{\"action\":\"accept\"}}");
	assert_string_equal(hear(w),
	    "{\"jsonrpc\":\"2.0\",\"id\":\"s\\u0031\",\"result\": "
	    "{\"action\":\"accept\"}}");
	tell(w, MSG_ROOTS_CHANGED, 0, "");
	(void)hear_with(w, "\"notifications/roots/list_changed\"");
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"method\":"
	    "\"notifications/elicitation/complete\",\"params\":{}}");
	expect(w, MSG_NOTIFY, 0);
	settle(w);
	end(w);
}

static void
a_backend_that_changes_its_mind_takes_it_back(void **state)
{
	struct world *w = begin_ready();
	uint32_t number;

	(void)state;
	answer(w, ROOTS, 5);
	number = expect_ask(w, MSG_ASK, 0, "roots/list");
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":5,\"reason\":\"never mind\"}}");
	assert_int_equal(
	    expect_ask(w, MSG_RETRACT, 0, "\"never mind\""), number);
	tell(w, MSG_ANSWER, number,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	settle(w); /* an answer would have come before */
	end(w);
}

static void
a_front_that_goes_leaves_no_request_without_an_answer(void **state)
{
	struct world *w = begin_ready();
	uint32_t number;

	(void)state;
	call(w, FIRST);
	answer(w, ROOTS, 1);
	answer(w, SAMPLE, 2);
	(void)expect_ask(w, MSG_ASK, 0, "roots/list");
	number = expect_ask(w, MSG_ASK, 0, "sampling/");
	close_fd(&w->front);
	(void)hear_with(w, "notifications/cancelled");
	assert_int_equal(hear_with(w, "\"error\":{\"code\":-32603"), 1);
	assert_int_equal(hear_with(w, "The client is gone"), 2);
	/* Without a front there is nobody to ask, and it is said at once. */
	answer(w, ROOTS, 3);
	assert_int_equal(hear_with(w, "No client is there"), 3);
	/* The next one knows nothing of it. */
	open_link(w);
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	tell(w, MSG_ANSWER, number,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	settle(w);
	answer(w, ROOTS, 1);
	assert_true(expect_ask(w, MSG_ASK, 0, "roots/list") > number);
	end(w);
}

static void
what_is_asked_before_the_lists_are_known_goes_out_with_them(void **state)
{
	struct world *w = begin(60000);
	uint32_t number;

	(void)state;
	answer_initialize(w, "2025-11-25", "{\"tools\":{}}");
	(void)hear_with(w, "\"notifications/initialized\"");
	answer(w, ROOTS, 1);
	answer_tools(w, "[]");
	expect_catalogs(w, "[]");
	number = expect_ask(w, MSG_ASK, 0, "roots/list");
	tell(w, MSG_ANSWER, number,
	    "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"roots\":[]}}");
	assert_int_equal(hear_with(w, "\"roots\":[]"), 1);
	end(w);
}

static void
a_batch_may_ask_and_is_answered_one_by_one(void **state)
{
	struct world *w = begin_ready_with(60000, "2025-03-26");
	uint32_t numbers[2];

	(void)state;
	answer(w,
	    "[" ROOTS
	    ",{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}," SAMPLE "]",
	    1, 3);
	numbers[0] = expect_ask(w, MSG_ASK, 0, "roots/list");
	numbers[1] = expect_ask(w, MSG_ASK, 0, "sampling/");
	assert_string_equal(
	    hear(w), "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}]");
	for (int i = 1; i >= 0; i--) {
		tell(w, MSG_ANSWER, numbers[i],
		    "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
		assert_int_equal(hear_with(w, "\"result\":{}"), i == 0 ? 1 : 3);
	}
	end(w);
}

static void
calls_do_not_expire_while_a_client_is_asked(void **state)
{
	struct world *w = begin_ready_with(300, "2025-11-25");
	struct pollfd p = { .fd = w->front, .events = POLLIN };
	uint32_t number;

	(void)state;
	call(w, FIRST);
	answer(w, ROOTS, 1);
	number = expect_ask(w, MSG_ASK, 0, "roots/list");
	assert_int_equal(poll(&p, 1, 600), 0);
	tell(w, MSG_ANSWER, number,
	    "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
	(void)hear_with(w, "\"id\":1,\"result\"");
	/* It has its whole time again, and no more. */
	expect(w, MSG_FAIL, FIRST);
	assert_non_null(strstr(w->payload, "did not answer within 0.3 s"));
	end(w);
}

static void
what_is_asked_on_the_way_of_an_answer_belongs_to_its_call(void **state)
{
	static const char message[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
	    "\"params\":{\"level\":\"info\",\"data\":1}}";
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	call(w, FIRST);
	call(w, FIRST + 1);
	answer(w, "about %d " ROOTS, FIRST + 1, 1);
	(void)expect_ask(w, MSG_ASK, FIRST + 1, "roots/list");
	answer(w, "about %d %s", FIRST, message);
	expect_text(w, MSG_EVENT, FIRST, message);
	/* What came elsewhere, or with an answer to the worker, is nobody's. */
	answer(w, "%s", message);
	expect_text(w, MSG_NOTIFY, 0, message);
	answer(w, "about 3 %s", message);
	expect_text(w, MSG_NOTIFY, 0, message);
	answer(w, "about 3 " ROOTS, 2);
	(void)expect_ask(w, MSG_ASK, 0, "roots/list");
	end(w);
}

static void
nobody_is_asked_about_a_call_that_is_over(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	call(w, FIRST);
	send_frame(w->front, MSG_CANCEL, 0, FIRST, "", -1);
	(void)hear_with(w, "notifications/cancelled");
	answer(w, "about %d " ROOTS, FIRST, 7);
	assert_int_equal(hear_with(w, "it belongs to is over"), 7);
	answer(w,
	    "about %d {\"jsonrpc\":\"2.0\",\"method\":"
	    "\"notifications/message\",\"params\":{\"level\":\"info\"}}",
	    FIRST);
	settle(w); /* neither an event nor a notification came */
	end(w);
}

static void
a_new_session_does_not_get_the_answers_of_the_old_one(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });
	uint32_t number;
	uint64_t id;

	(void)state;
	answer(w, ROOTS, 1);
	number = expect_ask(w, MSG_ASK, 0, "roots/list");
	answer(w, "renew forgot");
	assert_int_equal(expect_ask(w, MSG_RETRACT, 0, ""), number);
	id = hear_with(w, "\"initialize\"");
	/* Neither is sent, and a call tells that both have been seen. */
	tell(w, MSG_ANSWER, number,
	    "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
	tell(w, MSG_ROOTS_CHANGED, 0, "");
	call(w, FIRST);
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"result\":{\"protocolVersion\":\"2025-06-18\","
	    "\"capabilities\":{\"tools\":{}}}}",
	    id);
	assert_string_equal(hear(w), "agreed 2025-06-18");
	(void)hear_with(w, "notifications/initialized");
	answer_tools(w, "[{\"name\":\"t\"}]");
	expect(w, MSG_GREETING, 0);
	answer(w, ROOTS, 1);
	assert_int_not_equal(expect_ask(w, MSG_ASK, 0, "roots/list"), number);
	settle(w);
	end(w);
}

static void
a_backend_that_is_lost_is_not_waited_for(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });
	uint32_t number;

	(void)state;
	answer(w, ROOTS, 1);
	number = expect_ask(w, MSG_ASK, 0, "roots/list");
	answer(w, "lost closed the connection");
	assert_int_equal(expect_ask(w, MSG_RETRACT, 0, ""), number);
	expect_end(w, ROLE_EXIT_BACKEND, "closed the connection");
}

static void
log_messages_with_answers_reach_the_front_up_to_a_limit(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });
	int n = 0;

	(void)state;
	call(w, FIRST);
	for (int i = 0; i < 3000; i++)
		answer(w,
		    "about %d {\"jsonrpc\":\"2.0\",\"method\":"
		    "\"notifications/message\",\"params\":{}}",
		    FIRST);
	answer(w, RESULT, FIRST, 1);
	for (get_frame(w, w->front); w->frame.type == MSG_EVENT;
	     get_frame(w, w->front))
		n++;
	assert_int_equal(w->frame.type, MSG_RESPONSE);
	assert_in_range(n, 1000, 2500);
	end(w);
}

static void
every_request_of_a_flood_gets_one_answer(void **state)
{
	enum {
		FLOOD = 3000
	};
	struct world *w = begin_ready();
	static unsigned char answered[FLOOD];

	(void)state;
	for (int i = 0; i < FLOOD; i++)
		answer(w, ROOTS, i);
	for (unsigned int i = 0; i < ASKS_MAX; i++)
		(void)expect_ask(w, MSG_ASK, 0, "roots/list");
	for (unsigned int i = ASKS_MAX; i < FLOOD; i++)
		answered[hear_with(w, "\"error\":{\"code\":-32603")]++;
	close_fd(&w->front);
	for (unsigned int i = 0; i < ASKS_MAX; i++)
		answered[hear_with(w, "The client is gone")]++;
	for (int i = 0; i < FLOOD; i++)
		assert_int_equal(answered[i], 1);
	open_link(w);
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	settle(w);
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_asks_and_gets_its_answer),
		cmocka_unit_test(a_backend_that_changes_its_mind_takes_it_back),
		cmocka_unit_test(
		    a_front_that_goes_leaves_no_request_without_an_answer),
		cmocka_unit_test(
		    what_is_asked_before_the_lists_are_known_goes_out_with_them),
		cmocka_unit_test(a_batch_may_ask_and_is_answered_one_by_one),
		cmocka_unit_test(calls_do_not_expire_while_a_client_is_asked),
		cmocka_unit_test(
		    what_is_asked_on_the_way_of_an_answer_belongs_to_its_call),
		cmocka_unit_test(nobody_is_asked_about_a_call_that_is_over),
		cmocka_unit_test(
		    a_new_session_does_not_get_the_answers_of_the_old_one),
		cmocka_unit_test(a_backend_that_is_lost_is_not_waited_for),
		cmocka_unit_test(every_request_of_a_flood_gets_one_answer),
		cmocka_unit_test(
		    log_messages_with_answers_reach_the_front_up_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
