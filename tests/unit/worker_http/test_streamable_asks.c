/* test_streamable_asks.c: what the server asks, and how answers reach it. */
// wrap: exchange_start
// wrap: exchange_cancel
// wrap: exchange_pause
// wrap: exchange_is_sent
// wrap: event_add
// wrap: event_del
// wrap: event_free
// wrap: event_pending
#include "carrier.h"
#include "streamable_fixture.h"

#define ASK       "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"roots/list\"}"
#define ANSWER    "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"roots\":[]}}"
#define FORGOTTEN "answered 404 (Reason) with text/plain"

/* One more message came, about this request. */
static void
expect_about(int64_t about)
{
	assert_int_equal(world.about, about);
	world.about = -1;
	world.heard[0] = '\0';
}

static void
a_message_is_about_the_request_with_whose_answer_it_came(void **state)
{
	struct exchange *get, *a, *b;

	(void)state;
	get = begin_open("s1");
	assert_int_equal(ask(5), 0);
	head(a = post_of("\"id\":5"), 200, EVENT_STREAM);
	assert_int_equal(ask(6), 0);
	head(b = post_of("\"id\":6"), 200, EVENT_STREAM);
	(void)body(b, EVENT(ASK));
	expect_about(6);
	(void)body(a, EVENT(ASK));
	expect_about(5);
	(void)body(get, EVENT(ASK));
	expect_about(0);
	(void)body(a, EVENT(RESULT(5)));
	expect_about(5);
	assert_int_equal(ask(7), 0);
	answer(post_of("\"id\":7"), 200, JSON, RESULT(7));
	expect_about(7);
	/* The response to what is no request has nothing to be about. */
	assert_int_equal(send_text(ANSWER, 0), 0);
	answer(post_of(ANSWER), 200, EVENT_STREAM, EVENT(ASK));
	expect_about(0);
}

static void
a_stream_that_goes_on_is_about_the_same_request(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	answer(ex, 200, EVENT_STREAM, "id: e1\ndata:\n\n");
	wait_ms(STREAMABLE_RETRY_MS);
	head(ex = next(EXCHANGE_GET), 200, EVENT_STREAM);
	(void)body(ex, EVENT(ASK));
	expect_about(5);
}

static void
an_answer_is_a_post_of_its_own_in_the_session(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, EVENT_STREAM);
	(void)body(ex, EVENT(ASK));
	assert_int_equal(send_text(ANSWER, 0), 0);
	ex = post_of(ANSWER);
	assert_string_equal(ex->request.session, "s1");
	assert_non_null(ex->request.revision);
	answer(ex, 202, "", "");
	expect("message " ASK "\n");
}

/* As many requests as may be under way, each with a stream. */
static void
fill_the_window(struct exchange **calls)
{
	for (unsigned int i = 0; i < STREAMABLE_EXCHANGES_MAX; i++) {
		assert_int_equal(ask(100 + i), 0);
		head(calls[i] = post_of("tools/call"), 200, EVENT_STREAM);
	}
}

static void
answers_pass_a_full_window(void **state)
{
	static struct exchange *calls[STREAMABLE_EXCHANGES_MAX];
	struct exchange *answers[CARRIER_ASIDES_MAX];

	(void)state;
	(void)begin_open("s1");
	fill_the_window(calls);
	assert_int_equal(ask(900), 0); /* which has to wait */
	for (unsigned int i = 0; i < CARRIER_ASIDES_MAX; i++)
		(void)body(calls[i], EVENT(ASK));
	for (unsigned int i = 0; i < CARRIER_ASIDES_MAX; i++)
		assert_int_equal(send_text(ANSWER, 0), 0);
	for (unsigned int i = 0; i < CARRIER_ASIDES_MAX; i++)
		answers[i] = post_of(ANSWER);
	/* One more than go at once waits for just one of them. */
	assert_int_equal(send_text("{\"more\":1}", 0), 0);
	expect_none();
	answer(answers[0], 202, "", "");
	(void)post_of("{\"more\":1}");
	expect_none();
	answer(calls[0], 200, EVENT_STREAM, EVENT(RESULT(100)));
	(void)post_of("\"id\":900");
}

static void
answers_that_wait_are_not_for_another_session(void **state)
{
	(void)state;
	(void)begin_open("s1");
	for (unsigned int i = 0; i <= CARRIER_ASIDES_MAX; i++)
		assert_int_equal(send_text(ANSWER, 0), 0);
	for (unsigned int i = 0; i < CARRIER_ASIDES_MAX; i++)
		(void)post_of(ANSWER);
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	answer_initialize("s2");
	answer(post_of("notifications/initialized"), 202, "", "");
	(void)post_of("\"id\":5");
	(void)next(EXCHANGE_GET);
	expect_none();
}

static void
a_session_that_is_over_asks_nobody(void **state)
{
	struct exchange *old = begin_call();

	(void)state;
	head(old, 200, EVENT_STREAM);
	assert_int_equal(ask(6), 0);
	answer(post_of("\"id\":6"), 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	answer_initialize("s2");
	(void)body(old, EVENT(ASK));
	expect("");
	(void)body(old, EVENT(RESULT(5)));
	expect("message " RESULT(5) "\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_about_the_request_with_whose_answer_it_came),
		TEST(a_stream_that_goes_on_is_about_the_same_request),
		TEST(an_answer_is_a_post_of_its_own_in_the_session),
		TEST(answers_pass_a_full_window),
		TEST(answers_that_wait_are_not_for_another_session),
		TEST(a_session_that_is_over_asks_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
