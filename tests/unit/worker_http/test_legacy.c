/* test_legacy.c: HTTP+SSE as a transport. */
// wrap: exchange_start
// wrap: exchange_cancel
// wrap: exchange_pause
// wrap: exchange_is_sent
// wrap: event_add
// wrap: event_del
// wrap: event_free
// wrap: event_pending
#include "legacy.h"
#include "transport_fixture.h"

#define BASE     "http://127.0.0.1:8080/sse"
#define ENDPOINT "event: endpoint\ndata: /message?sessionId=1\n\n"

static struct exchange *
open_world(bool patient)
{
	struct exchange *get;

	world.transport = legacy_new(
	    world.loop, NULL, BASE, MESSAGE_MAX, patient, &owner_events, NULL);
	assert_non_null(world.transport);
	assert_int_equal(send_text(INITIALIZE, 1), 0);
	get = next(EXCHANGE_GET);
	assert_string_equal(get->request.url, BASE);
	assert_string_equal(get->request.accept, "text/event-stream");
	assert_int_equal(get->request.timeout_ms, 0);
	return get;
}

static struct exchange *
begin_endpoint(void)
{
	struct exchange *get = open_world(false);

	head(get, 200, EVENT_STREAM);
	(void)body(get, ENDPOINT);
	return get;
}

/* The greeting is done. */
static struct exchange *
begin_open(void)
{
	struct exchange *get = begin_endpoint();

	answer(post_of("\"initialize\""), 202, "text/plain", "Accepted");
	world.agree = true;
	(void)body(get, EVENT(RESULT(1)));
	expect("message " RESULT(1) "\n");
	answer(post_of("initialized"), 202, "text/plain", "Accepted");
	return get;
}

static void
messages_wait_for_the_endpoint(void **state)
{
	struct exchange *get = open_world(false);
	struct exchange *ex;

	(void)state;
	expect_none();
	head(get, 200, EVENT_STREAM);
	(void)body(get, ": hello\n\nevent: endpoint\n");
	expect_none();
	/* As mcp-go 0.17 writes it. */
	(void)body(get, "data: http://localhost:8080/message?sessionId=1\r\n");
	expect_none();
	(void)body(get, "\r\n");
	ex = post_of("\"initialize\"");
	assert_string_equal(
	    ex->request.url, "http://127.0.0.1:8080/message?sessionId=1");
	assert_null(ex->request.session);
	assert_int_equal(ex->request.timeout_ms, 0);
}

static void
an_endpoint_of_another_origin_is_the_end(void **state)
{
	struct exchange *get = open_world(false);

	(void)state;
	head(get, 200, EVENT_STREAM);
	(void)body(get, "event: endpoint\ndata: http://evil.example/m\n\n");
	expect("failed 1 not sent: announced an endpoint on another origin: "
	       "http://evil.example/m\nlost: announced an endpoint on another "
	       "origin: http://evil.example/m\n");
	assert_true(get->over);
	expect_none();
}

static void
a_second_endpoint_counts_when_it_is_allowed(void **state)
{
	struct exchange *get = begin_open();

	(void)state;
	(void)body(get, "event: endpoint\ndata: /other\n\n");
	assert_int_equal(ask(5), 0);
	assert_string_equal(
	    post_of("\"id\":5")->request.url, "http://127.0.0.1:8080/other");
	(void)body(get, "event: endpoint\ndata: http://127.0.0.1:81/m\n\n");
	expect("lost: announced an endpoint on another origin: "
	       "http://127.0.0.1:81/m\n");
}

static void
the_greeting_goes_first_and_alone(void **state)
{
	struct exchange *get = begin_endpoint();
	struct exchange *ex;

	(void)state;
	assert_int_equal(ask(5), 0);
	(void)post_of("\"initialize\"");
	expect_none();
	/* Its POST may well be answered later than it. */
	world.agree = true;
	(void)body(get, EVENT(RESULT(1)));
	expect("message " RESULT(1) "\n");
	ex = post_of("initialized");
	expect_none();
	answer(ex, 202, "", "");
	(void)post_of("\"id\":5");
}

static void
answers_come_over_the_stream_and_only_there(void **state)
{
	struct exchange *get = begin_open();
	struct exchange *ex;

	(void)state;
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	(void)body(get, "data:{\"method\":\"ping\",\"id\":1}\r\n\r\n");
	expect("message {\"method\":\"ping\",\"id\":1}\n");
	(void)body(get, "event: message\rdata:" RESULT(5) "\r\r");
	expect("message " RESULT(5) "\n");
	/* mcp-go 0.17 repeats it in the POST's response. */
	answer(ex, 202, JSON, RESULT(5));
	expect("");
}

static void
other_events_are_ignored(void **state)
{
	struct exchange *get = begin_open();

	(void)state;
	(void)body(get, "event: heartbeat\ndata: x\n\ndata:\n\nid: 7\n\n");
	expect("");
}

static void
a_refused_post_fails_its_call(void **state)
{
	(void)state;
	(void)begin_open();
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 400, JSON,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32602,"
	    "\"message\":\"Invalid session ID\"}}");
	expect("failed 5 refused: answered 400 (Reason): Invalid session "
	       "ID\n");
	assert_int_equal(ask(6), 0);
	answer(post_of("\"id\":6"), 500, JSON,
	    "{\"jsonrpc\":\"2.0\",\"id\":6,\"error\":{\"code\":1,"
	    "\"message\":\"x\"}}");
	expect("message {\"jsonrpc\":\"2.0\",\"id\":6,\"error\":{\"code\":1,"
	       "\"message\":\"x\"}}\n");
	assert_int_equal(ask(7), 0);
	answer(post_of("\"id\":7"), 404, "text/plain", "?");
	expect("failed 7 refused: answered 404 (Reason) with text/plain\n");
	assert_int_equal(ask(8), 0);
	done(post_of("\"id\":8"), EXCHANGE_BROKEN, "reset the connection");
	expect("failed 8 unknown: reset the connection\n");
	assert_int_equal(ask(9), 0);
	answer(post_of("\"id\":9"), 307, "", "");
	expect("failed 9 refused: answered 307 (Reason); redirects are not "
	       "followed, correct \"url\"\n");
}

static void
an_endless_answer_to_a_post_is_not_read(void **state)
{
	static char text[1 << 15];
	struct exchange *ex;

	(void)state;
	(void)begin_open();
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	head(ex, 200, EVENT_STREAM);
	while (body_bytes(ex, text, sizeof(text)))
		continue;
	expect("");
}

static void
the_end_of_the_stream_is_the_end(void **state)
{
	static const enum exchange_outcome outcomes[] = { EXCHANGE_DONE,
		EXCHANGE_BROKEN };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct exchange *get = begin_open();

		assert_int_equal(ask(5), 0);
		(void)post_of("\"id\":5");
		done(get, outcomes[i], i == 0 ? "" : "reset it");
		expect("lost: closed its event stream\n");
		assert_int_equal(ask(6), -1);
		assert_int_equal(errno, EPIPE);
		world.transport->ops->free(world.transport);
	}
	world.transport = NULL;
}

static void
a_stream_that_is_none_is_the_end(void **state)
{
	static const struct {
		long status;
		const char *type;
		const char *why;
	} wrong[] = {
		{ 404, "text/html", "answered 404 (Reason) with text/html" },
		{ 401, "text/html",
		    "answered 401 (Reason); check its \"headers\"" },
		{ 200, "text/html",
		    "answered 200 (Reason) with text/html instead of events" },
		{ 200, "", "answered 200 (Reason) without a Content-Type" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct exchange *get = open_world(false);
		char text[512];

		answer(get, wrong[i].status, wrong[i].type, "<p>");
		(void)snprintf(text, sizeof(text),
		    "failed 1 not sent: %s\nlost: %s\n", wrong[i].why,
		    wrong[i].why);
		expect(text);
		world.transport->ops->free(world.transport);
	}
	world.transport = NULL;
}

static void
an_event_over_the_limit_is_the_end(void **state)
{
	static char text[1 << 18];
	struct exchange *get = begin_open();
	bool more = true;

	(void)state;
	memset(text, 'a', sizeof(text));
	(void)body(get, "data: ");
	while (more)
		more = body_bytes(get, text, sizeof(text));
	expect("lost: sent an event of more than 64 MiB\n");
}

static void
a_server_that_is_about_to_start_is_waited_for(void **state)
{
	struct exchange *get = open_world(true);

	(void)state;
	for (int i = 0; i < 3; i++) {
		done(get, EXCHANGE_UNREACHABLE, "refused the connection");
		expect("");
		expect_none();
		wait_ms(50);
		get = next(EXCHANGE_GET);
	}
	head(get, 200, EVENT_STREAM);
	(void)body(get, ENDPOINT);
	done(post_of("initialize"), EXCHANGE_UNREACHABLE, "is down");
	expect("failed 1 not sent: is down\nlost: is down\n");
}

static void
nobody_is_waited_for_without_patience(void **state)
{
	struct exchange *get = open_world(false);

	(void)state;
	done(get, EXCHANGE_UNREACHABLE, "refused the connection");
	expect("failed 1 not sent: refused the connection\nlost: refused the "
	       "connection\n");
}

static void
the_stream_waits_for_an_owner_that_does_not_read(void **state)
{
	struct exchange *get = begin_open();

	(void)state;
	world.transport->ops->set_reading(world.transport, false);
	(void)body(get, EVENT("{\"n\":1}"));
	assert_true(get->paused);
	expect("");
	done(get, EXCHANGE_DONE, "");
	expect("");
	world.transport->ops->set_reading(world.transport, true);
	turn();
	expect("message {\"n\":1}\nlost: closed its event stream\n");
}

static void
there_is_no_goodbye(void **state)
{
	(void)state;
	(void)begin_open();
	assert_false(world.transport->ops->close(world.transport));
	expect_none();
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)
	const struct CMUnitTest tests[] = {
		TEST(messages_wait_for_the_endpoint),
		TEST(an_endpoint_of_another_origin_is_the_end),
		TEST(a_second_endpoint_counts_when_it_is_allowed),
		TEST(the_greeting_goes_first_and_alone),
		TEST(answers_come_over_the_stream_and_only_there),
		TEST(other_events_are_ignored),
		TEST(a_refused_post_fails_its_call),
		TEST(an_endless_answer_to_a_post_is_not_read),
		TEST(the_end_of_the_stream_is_the_end),
		TEST(a_stream_that_is_none_is_the_end),
		TEST(an_event_over_the_limit_is_the_end),
		TEST(a_server_that_is_about_to_start_is_waited_for),
		TEST(nobody_is_waited_for_without_patience),
		TEST(the_stream_waits_for_an_owner_that_does_not_read),
		TEST(there_is_no_goodbye),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
