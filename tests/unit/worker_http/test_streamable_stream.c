/* test_streamable_stream.c: event streams that end and go on. */
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

/* ---- streams that go on ---- */

static void
a_stream_with_ids_goes_on_after_the_time_that_it_names(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, EVENT_STREAM);
	(void)body(ex, "retry: 3000\nid: e1\ndata:\n\n");
	done(ex, EXCHANGE_DONE, "");
	expect_none();
	wait_ms(3000);
	ex = next(EXCHANGE_GET);
	assert_string_equal(ex->request.last_event_id, "e1");
	assert_string_equal(ex->request.accept, "text/event-stream");
	assert_string_equal(ex->request.session, "s1");
	head(ex, 200, EVENT_STREAM);
	(void)body(ex, "id: e2\n" EVENT("{\"method\":\"a\"}"));
	expect("message {\"method\":\"a\"}\n");
	done(ex, EXCHANGE_BROKEN, "reset the connection");
	wait_ms(3000);
	ex = next(EXCHANGE_GET);
	assert_string_equal(ex->request.last_event_id, "e2");
	answer(ex, 200, EVENT_STREAM, EVENT(RESULT(5)));
	expect("message " RESULT(5) "\n");
	expect_none();
}

static void
without_events_it_goes_on_more_and_more_slowly(void **state)
{
	static const int64_t waits[] = { 1000, 2000, 4000, 8000, 16000, 32000,
		60000, 60000 };
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, EVENT_STREAM);
	(void)body(ex, "id: e1\ndata:\n\n");
	done(ex, EXCHANGE_DONE, "");
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		wait_ms(waits[i]);
		ex = next(EXCHANGE_GET);
		assert_string_equal(ex->request.last_event_id, "e1");
		if (i % 2 == 0)
			answer(ex, 200, EVENT_STREAM, ": nothing\n");
		else
			done(ex, EXCHANGE_BROKEN, "reset the connection");
	}
	expect("");
}

static void
a_server_that_names_no_time_to_wait_is_not_asked_without_one(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	answer(ex, 200, EVENT_STREAM, "retry: 0\nid: e1\ndata:\n\n");
	wait_ms(50);
	answer(next(EXCHANGE_GET), 200, EVENT_STREAM,
	    "retry: 99999999\nid: e1\ndata:\n\n");
	wait_ms(STREAMABLE_RETRY_MAX_MS);
	(void)next(EXCHANGE_GET);
}

static void
a_refusal_to_go_on_fails_the_call(void **state)
{
	static const struct {
		long status;
		const char *type;
	} refusals[] = { { 400, JSON }, { 404, JSON }, { 405, "" },
		{ 200, JSON }, { 200, "text/html" }, { 302, "" },
		{ 500, "text/html" } };
	struct exchange *ex = begin_call();

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		answer(ex, 200, EVENT_STREAM, "id: e1\ndata:\n\n");
		wait_ms(STREAMABLE_RETRY_MS);
		answer(next(EXCHANGE_GET), refusals[i].status, refusals[i].type,
		    "{}");
		expect("failed 5 unknown: closed the stream before its "
		       "answer\n");
		assert_int_equal(streamable_status(world.transport), 0);
		assert_int_equal(ask(5), 0);
		ex = post_of("\"id\":5");
	}
}

static void
a_call_whose_stream_cannot_be_reached_is_unknown(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	answer(ex, 200, EVENT_STREAM, "id: e1\ndata:\n\n");
	wait_ms(STREAMABLE_RETRY_MS);
	done(next(EXCHANGE_GET), EXCHANGE_UNREACHABLE, "is down");
	expect("failed 5 unknown: is down\nlost: is down\n");
}

static void
an_id_that_is_no_header_is_not_gone_on_with(void **state)
{
	static char text[EXCHANGE_TOKEN_MAX + 64];
	struct exchange *ex = begin_call();

	(void)state;
	(void)snprintf(text, sizeof(text), "id: %0*d\ndata:\n\n",
	    (int)EXCHANGE_TOKEN_MAX + 1, 7);
	answer(ex, 200, EVENT_STREAM, text);
	expect("failed 5 unknown: closed the stream before its answer\n");
	assert_int_equal(ask(6), 0);
	answer(post_of("\"id\":6"), 200, EVENT_STREAM, "id: e1\ndata:\n\n");
	world.start_errno = EINVAL;
	wait_ms(STREAMABLE_RETRY_MS);
	expect("failed 6 unknown: closed the stream before its answer\n");
}

static void
a_call_that_nobody_waits_for_does_not_go_on(void **state)
{
	uint64_t at;

	(void)state;
	(void)begin_open("s1");
	at = world.transport->ops->position(world.transport);
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 200, EVENT_STREAM, "id: e1\ndata:\n\n");
	assert_false(world.transport->ops->withdraw(world.transport, at));
	wait_ms(STREAMABLE_ABANDONED_MS);
	expect("failed 5 unknown: did not answer a request that was given "
	       "up\n");
	expect_none();
}

static void
a_stream_of_a_session_that_is_gone_does_not_go_on(void **state)
{
	struct exchange *a = begin_call();

	(void)state;
	assert_int_equal(ask(6), 0);
	answer(post_of("\"id\":6"), 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	answer(a, 200, EVENT_STREAM, "id: e1\ndata:\n\n");
	expect("failed 5 unknown: closed the stream before its answer\n");
}

/* ---- the GET stream ---- */

static void
the_get_stream_is_opened_again_where_it_was(void **state)
{
	struct exchange *get = begin_open("s1");

	(void)state;
	(void)body(get, "id: g1\n" EVENT("{\"method\":\"a\"}"));
	expect("message {\"method\":\"a\"}\n");
	done(get, EXCHANGE_DONE, "");
	wait_ms(STREAMABLE_RETRY_MS);
	get = next(EXCHANGE_GET);
	assert_string_equal(get->request.last_event_id, "g1");
	done(get, EXCHANGE_BROKEN, "reset the connection");
	wait_ms(2 * STREAMABLE_RETRY_MS);
	answer(next(EXCHANGE_GET), 503, "text/html", "");
	wait_ms(4 * STREAMABLE_RETRY_MS);
	(void)next(EXCHANGE_GET);
	expect("");
}

static void
a_server_without_a_get_stream_is_asked_once_in_a_session(void **state)
{
	static const long statuses[] = { 405, 404, 400, 401 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (i == 0)
			open_world(false);
		answer(greet("s1"), statuses[i], "text/plain", "no");
		expect_none();
		assert_int_equal(world.timers_len, 0);
		assert_int_equal(ask(5), 0);
		answer(post_of("\"id\":5"), 404, "text/plain", "?");
		expect("renew: " FORGOTTEN "\n");
		world.transport->ops->withdraw(world.transport,
		    world.transport->ops->position(world.transport) - 2);
	}
}

static void
a_get_stream_that_is_not_one_is_not_asked_for_again(void **state)
{
	(void)state;
	open_world(false);
	answer(greet("s1"), 200, "text/html", "<p>");
	expect_none();
	assert_int_equal(world.timers_len, 0);
	expect("");
}

static void
a_get_stream_that_is_gone_with_its_session_begins_another(void **state)
{
	struct exchange *get = begin_open("s1");

	(void)state;
	done(get, EXCHANGE_DONE, "");
	wait_ms(2 * STREAMABLE_RETRY_MS); /* no event came */
	answer(next(EXCHANGE_GET), 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	get = greet("s2");
	assert_null(get->request.last_event_id);
}

static void
an_event_over_the_limit_does_not_end_the_get_stream_for_good(void **state)
{
	static char text[1 << 18];
	struct exchange *get = begin_open("s1");
	bool more = true;

	(void)state;
	memset(text, 'a', sizeof(text));
	(void)body(get, "id: g1\n\ndata: ");
	while (more)
		more = body_bytes(get, text, sizeof(text));
	wait_ms(STREAMABLE_RETRY_MS);
	(void)next(EXCHANGE_GET);
	expect("");
}

static void
a_get_stream_that_cannot_be_reached_is_the_end(void **state)
{
	(void)state;
	open_world(false);
	done(greet("s1"), EXCHANGE_UNREACHABLE, "refused the connection");
	expect("lost: refused the connection\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)
	const struct CMUnitTest tests[] = {
		TEST(a_stream_with_ids_goes_on_after_the_time_that_it_names),
		TEST(without_events_it_goes_on_more_and_more_slowly),
		TEST(
		    a_server_that_names_no_time_to_wait_is_not_asked_without_one),
		TEST(a_refusal_to_go_on_fails_the_call),
		TEST(a_call_whose_stream_cannot_be_reached_is_unknown),
		TEST(an_id_that_is_no_header_is_not_gone_on_with),
		TEST(a_call_that_nobody_waits_for_does_not_go_on),
		TEST(a_stream_of_a_session_that_is_gone_does_not_go_on),
		TEST(the_get_stream_is_opened_again_where_it_was),
		TEST(a_server_without_a_get_stream_is_asked_once_in_a_session),
		TEST(a_get_stream_that_is_not_one_is_not_asked_for_again),
		TEST(a_get_stream_that_is_gone_with_its_session_begins_another),
		TEST(
		    an_event_over_the_limit_does_not_end_the_get_stream_for_good),
		TEST(a_get_stream_that_cannot_be_reached_is_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
