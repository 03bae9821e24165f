/* test_streamable_session.c: sessions of Streamable HTTP, and an owner that
 * does not read. */
// wrap: exchange_start
// wrap: exchange_cancel
// wrap: exchange_pause
// wrap: exchange_is_sent
// wrap: event_add
// wrap: event_del
// wrap: event_free
// wrap: event_pending
#include "streamable_fixture.h"

#define FORGOTTEN "answered 404 (Reason) with text/plain"

/* ---- a session that is forgotten ---- */

static void
a_404_begins_another_session_and_sends_the_message_there(void **state)
{
	struct exchange *get = begin_open("s1");
	struct exchange *ex;

	(void)state;
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	assert_true(get->over);
	answer_initialize("s2");
	assert_int_equal(ask(6), 0);
	answer(post_of("initialized"), 202, "", "");
	ex = post_of("\"id\":5");
	assert_string_equal(ex->request.session, "s2");
	(void)post_of("\"id\":6");
	assert_string_equal(next(EXCHANGE_GET)->request.session, "s2");
	answer(ex, 200, JSON, RESULT(5));
	expect("message " RESULT(5) "\n");
}

static void
a_404_in_the_new_session_is_a_refusal(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	answer(ex, 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	answer_initialize("s2");
	answer(post_of("initialized"), 202, "", "");
	answer(post_of("\"id\":5"), 404, "text/plain", "?");
	expect("failed 5 refused: " FORGOTTEN "\n");
}

static void
a_400_about_the_session_is_the_same(void **state)
{
	static const char *const texts[] = {
		"Bad Request: No valid session ID provided",
		"Bad Request: Server not initialized",
	};
	char text[256];

	(void)state;
	answer(begin_call(), 400, JSON,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
	    "\"message\":\"Bad arguments\"}}");
	expect("failed 5 refused: answered 400 (Reason): Bad arguments\n");
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text),
		    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":"
		    "-32000,\"message\":\"%s\"}}",
		    texts[i]);
		assert_int_equal(ask(6), 0);
		answer(post_of("\"id\":6"), 400, JSON, text);
		(void)snprintf(text, sizeof(text),
		    "renew: answered 400 (Reason): %s\n", texts[i]);
		expect(text);
		answer_initialize("s2");
		answer(post_of("initialized"), 202, "", "");
		answer(post_of("\"id\":6"), 200, JSON, RESULT(6));
		expect("message " RESULT(6) "\n");
		(void)next(EXCHANGE_GET);
	}
}

static void
a_404_with_our_id_is_the_same_unless_it_is_about_the_method(void **state)
{
#define ERROR(code)                                                            \
	"{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":" #code             \
	",\"message\":\"x\"}}"
	(void)state;
	answer(begin_call(), 404, JSON, ERROR(-32601));
	expect("message " ERROR(-32601) "\n");
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 404, JSON, ERROR(-32001));
	expect("renew: has forgotten the session\n");
	answer_initialize("s2");
	answer(post_of("initialized"), 202, "", "");
	answer(post_of("\"id\":5"), 404, JSON, ERROR(-32001));
	expect("message " ERROR(-32001) "\n");
}

static void
others_that_meet_the_404_wait_and_the_rest_goes_on(void **state)
{
	struct exchange *a = begin_call();
	struct exchange *b, *c;

	(void)state;
	assert_int_equal(ask(6), 0);
	b = post_of("\"id\":6");
	assert_int_equal(ask(7), 0);
	c = post_of("\"id\":7");
	answer(b, 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	answer(a, 404, "text/plain", "?");
	answer(c, 200, JSON, RESULT(7));
	expect("message " RESULT(7) "\n");
	answer_initialize("s2");
	answer(post_of("initialized"), 202, "", "");
	/* Oldest first. */
	(void)post_of("\"id\":5");
	(void)post_of("\"id\":6");
	(void)next(EXCHANGE_GET);
	expect_none();
}

static void
without_a_session_a_404_is_a_refusal(void **state)
{
	(void)state;
	(void)begin_open(NULL);
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 404, "text/plain", "?");
	expect("failed 5 refused: " FORGOTTEN "\n");
}

static void
initialize_is_not_repeated(void **state)
{
	(void)state;
	open_world(false);
	answer(post_of("initialize"), 404, "text/plain", "?");
	expect("failed 1 refused: " FORGOTTEN "\n");
	assert_int_equal(streamable_status(world.transport), 404);
	expect_none();
}

static void
nobody_who_renews_is_the_end(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	world.ignore_renew = true;
	answer(ex, 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\nfailed 5 not sent: " FORGOTTEN
	       "\nlost: " FORGOTTEN "\n");
}

static void
a_message_that_waits_for_the_new_session_can_be_taken_back(void **state)
{
	uint64_t at;

	(void)state;
	(void)begin_open("s1");
	at = world.transport->ops->position(world.transport);
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	assert_true(world.transport->ops->withdraw(world.transport, at));
	(void)greet("s2");
	expect_none();
}

static void
what_nobody_waits_for_is_not_repeated(void **state)
{
	struct exchange *ex;
	uint64_t at;

	(void)state;
	(void)begin_open("s1");
	at = world.transport->ops->position(world.transport);
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	assert_false(world.transport->ops->withdraw(world.transport, at));
	answer(ex, 404, "text/plain", "?");
	expect("failed 5 refused: " FORGOTTEN "\n");
	expect_none();
}

/* ---- an owner that does not read ---- */

static void
nothing_is_handed_out_to_an_owner_that_does_not_read(void **state)
{
	struct exchange *get = begin_open("s1");
	struct exchange *ex, *json;

	(void)state;
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	head(ex, 200, EVENT_STREAM);
	assert_int_equal(ask(6), 0);
	json = post_of("\"id\":6");
	world.stop_reading = true;
	(void)body(ex, EVENT("{\"n\":1}") EVENT("{\"n\":2}"));
	expect("message {\"n\":1}\n");
	(void)body(ex, EVENT("{\"n\":3}"));
	assert_true(ex->paused);
	(void)body(get, EVENT("{\"n\":4}"));
	assert_true(get->paused);
	answer(json, 200, JSON, RESULT(6));
	expect("");
	world.transport->ops->set_reading(world.transport, true);
	turn();
	expect("message {\"n\":2}\nmessage {\"n\":3}\nmessage {\"n\":4}\n"
	       "message " RESULT(6) "\n");
	assert_false(ex->paused);
	assert_false(get->paused);
}

static void
an_answer_that_is_not_read_yet_is_one(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	world.transport->ops->set_reading(world.transport, false);
	answer(ex, 200, EVENT_STREAM, EVENT(RESULT(5)));
	expect("");
	world.transport->ops->set_reading(world.transport, true);
	turn();
	expect("message " RESULT(5) "\n");
}

static void
what_came_before_the_end_is_read_before_the_end(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	world.transport->ops->set_reading(world.transport, false);
	answer(ex, 200, JSON, RESULT(5));
	assert_int_equal(ask(6), 0);
	done(post_of("\"id\":6"), EXCHANGE_UNREACHABLE, "is down");
	expect("failed 6 not sent: is down\n");
	world.transport->ops->set_reading(world.transport, true);
	turn();
	expect("message " RESULT(5) "\nlost: is down\n");
	world.transport->ops->set_reading(world.transport, false);
	world.transport->ops->set_reading(world.transport, true);
	turn();
	expect("");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)
	const struct CMUnitTest tests[] = {
		TEST(a_404_begins_another_session_and_sends_the_message_there),
		TEST(a_404_in_the_new_session_is_a_refusal),
		TEST(a_400_about_the_session_is_the_same),
		TEST(
		    a_404_with_our_id_is_the_same_unless_it_is_about_the_method),
		TEST(others_that_meet_the_404_wait_and_the_rest_goes_on),
		TEST(without_a_session_a_404_is_a_refusal),
		TEST(initialize_is_not_repeated),
		TEST(nobody_who_renews_is_the_end),
		TEST(
		    a_message_that_waits_for_the_new_session_can_be_taken_back),
		TEST(what_nobody_waits_for_is_not_repeated),
		TEST(nothing_is_handed_out_to_an_owner_that_does_not_read),
		TEST(an_answer_that_is_not_read_yet_is_one),
		TEST(what_came_before_the_end_is_read_before_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
