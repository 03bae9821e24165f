/* test_streamable_reply.c: what its responses mean. */
// wrap: exchange_start
// wrap: exchange_cancel
// wrap: exchange_pause
// wrap: exchange_is_sent
// wrap: event_add
// wrap: event_del
// wrap: event_free
// wrap: event_pending
#include "streamable_fixture.h"

/* ---- answers ---- */

static void
a_json_answer_is_a_message(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, JSON);
	(void)body(ex, "{\"jsonrpc\":\"2.0\",");
	expect("");
	(void)body(ex, "\"id\":5,\"result\":{}}");
	expect("");
	done(ex, EXCHANGE_DONE, "");
	expect("message " RESULT(5) "\n");
}

static void
an_array_with_the_answer_is_a_message(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	answer(ex, 200, JSON, " [" RESULT(4) "," RESULT(5) "]");
	expect("message  [" RESULT(4) "," RESULT(5) "]\n");
}

static void
json_that_is_another_answer_fails_the_call(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	answer(ex, 200, JSON, RESULT(6));
	expect("failed 5 unknown: answered with something that is not the "
	       "response\n");
}

static void
an_error_without_an_id_fails_the_call_with_its_text(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	answer(ex, 200, JSON,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
	    "\"message\":\"Parse\\u001berror\"}}");
	expect("failed 5 unknown: answered with an error that names no "
	       "request: Parse\\x1berror\n");
}

static void
a_json_answer_over_the_limit_is_stopped(void **state)
{
	static char text[1 << 18];
	struct exchange *ex = begin_call();

	(void)state;
	memset(text, ' ', sizeof(text));
	head(ex, 200, JSON);
	for (size_t n = 0; n < MESSAGE_MAX; n += sizeof(text))
		assert_true(body_bytes(ex, text, sizeof(text)));
	assert_false(body(ex, " "));
	expect("failed 5 unknown: answered with more than 64 MiB\n");
}

static void
a_json_answer_that_breaks_is_none(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, JSON);
	(void)body(ex, RESULT(5));
	done(ex, EXCHANGE_BROKEN, "closed the connection");
	expect("failed 5 unknown: closed the connection\n");
}

static void
events_are_messages_as_they_come(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, EVENT_STREAM);
	(void)body(ex, "id: 1\ndata:\n\n: hello\n\n");
	expect("");
	(void)body(ex, "event: message\r\ndata: {\"method\":\"a\"}\r\n\r\nda");
	expect("message {\"method\":\"a\"}\n");
	(void)body(ex, "ta: {\"x\":\ndata: 1}\n\nevent: other\ndata: y\n\n");
	expect("message {\"x\":\n1}\n");
	(void)body(ex, EVENT(RESULT(5)));
	expect("message " RESULT(5) "\n");
	(void)body(ex, EVENT("{\"method\":\"late\"}"));
	expect("message {\"method\":\"late\"}\n");
	done(ex, EXCHANGE_DONE, "");
	expect("");
}

static void
an_event_over_the_limit_fails_the_call(void **state)
{
	static char text[1 << 18];
	struct exchange *ex = begin_call();
	bool more = true;
	size_t n;

	(void)state;
	memset(text, 'a', sizeof(text));
	head(ex, 200, EVENT_STREAM);
	(void)body(ex, "id: 9\n\ndata: ");
	for (n = 0; more && n < 4 * MESSAGE_MAX; n += sizeof(text))
		more = body_bytes(ex, text, sizeof(text));
	assert_in_range(n, MESSAGE_MAX, 2 * MESSAGE_MAX);
	expect("failed 5 unknown: sent an event of more than 64 MiB\n");
	expect_none();
}

static void
a_stream_without_ids_that_ends_early_fails_the_call(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, EVENT_STREAM);
	(void)body(ex, EVENT("{\"method\":\"a\"}"));
	(void)body(ex, EVENT(RESULT(4)));
	(void)body(ex, EVENT("{\"id\":5,\"method\":\"ping\"}"));
	done(ex, EXCHANGE_DONE, "");
	expect("message {\"method\":\"a\"}\nmessage " RESULT(
	    4) "\nmessage {\"id\":5,\"method\":\"ping\"}\n"
	       "failed 5 unknown: closed the stream before its answer\n");
}

static void
an_answer_in_a_stream_that_breaks_counts(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, EVENT_STREAM);
	(void)body(ex, EVENT(RESULT(5)));
	done(ex, EXCHANGE_BROKEN, "reset the connection");
	expect("message " RESULT(5) "\n");
}

static void
a_202_leaves_the_answer_to_the_get_stream(void **state)
{
	struct exchange *get = begin_open("s1");

	(void)state;
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 202, "text/plain", "Accepted");
	assert_int_equal(ask(6), 0);
	answer(post_of("\"id\":6"), 202, JSON, "");
	expect("");
	(void)body(get, EVENT(RESULT(5)));
	expect("message " RESULT(5) "\n");
}

static void
a_202_without_a_get_stream_fails_the_call(void **state)
{
	(void)state;
	begin_without_stream("s1");
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 202, "", "");
	expect("failed 5 unknown: accepted the request and has no stream for "
	       "its answer\n");
}

/* ---- refusals ---- */

struct refusal {
	long status;
	const char *type;
	const char *text;
	const char *location;
	const char *heard;
};

#define ERROR_OF(id)                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":" #id                                     \
	",\"error\":{\"code\":-32000,\"message\":\"Bad\"}}"

static const struct refusal refusals[] = {
	{ 200, "text/html", "<html>", NULL,
	    "unknown: answered 200 (Reason) with text/html instead of JSON or "
	    "events" },
	{ 200, "", "x", NULL,
	    "unknown: answered 200 (Reason) without a Content-Type" },
	{ 302, "text/html", "", "http://evil/",
	    "refused: answered 302 (Reason) and wants to be asked at "
	    "http://evil/; redirects are not followed, correct \"url\"" },
	{ 307, "", "", NULL,
	    "refused: answered 307 (Reason); redirects are not followed, "
	    "correct \"url\"" },
	{ 400, JSON, ERROR_OF(null), NULL,
	    "refused: answered 400 (Reason): Bad" },
	{ 400, "text/html", "<p>", NULL,
	    "refused: answered 400 (Reason) with text/html" },
	{ 401, "text/html", "<p>", NULL,
	    "refused: answered 401 (Reason); check its \"headers\"" },
	{ 403, JSON, ERROR_OF(5), NULL,
	    "refused: answered 403 (Reason): Bad; check its \"headers\"" },
	{ 404, "text/plain", "none", NULL,
	    "refused: answered 404 (Reason) with text/plain" },
	{ 405, "", "", NULL,
	    "refused: answered 405 (Reason) without a Content-Type" },
	{ 429, JSON, "{}", NULL,
	    "refused: answered 429 (Reason) with application/json" },
	{ 500, JSON, ERROR_OF(6), NULL, "unknown: answered 500 (Reason): Bad" },
	{ 503, "text/html", "<p>", NULL,
	    "unknown: answered 503 (Reason) with text/html" },
};

static void
each_status_says_what_it_means(void **state)
{
	(void)state;
	begin_without_stream(NULL);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		const struct exchange_head h = { .status = r->status,
			.reason = "Reason",
			.type = r->type,
			.location = r->location };
		struct exchange *ex;
		char text[512];

		assert_int_equal(ask(5), 0);
		ex = post_of("\"id\":5");
		head_is(ex, &h);
		(void)body(ex, r->text);
		done(ex, EXCHANGE_DONE, "");
		(void)snprintf(text, sizeof(text), "failed 5 %s\n", r->heard);
		expect(text);
		assert_int_equal(streamable_status(world.transport), r->status);
	}
}

static void
an_error_page_with_our_id_is_the_answer(void **state)
{
	static const long statuses[] = { 400, 404, 422, 500 };

	(void)state;
	begin_without_stream(NULL);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(ask(5), 0);
		answer(post_of("\"id\":5"), statuses[i], JSON, ERROR_OF(5));
		expect("message " ERROR_OF(5) "\n");
	}
}

static void
an_endless_error_page_is_not_read_on(void **state)
{
	static char text[1 << 15];
	struct exchange *ex = begin_call();
	size_t n = 0;

	(void)state;
	memset(text, ' ', sizeof(text));
	head(ex, 500, "text/html");
	while (body_bytes(ex, text, sizeof(text)))
		n += sizeof(text);
	assert_int_equal(n, STREAMABLE_PAGE_MAX);
	expect("failed 5 unknown: answered 500 (Reason) with text/html\n");
}

static void
a_status_counts_when_its_page_breaks(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 422, JSON);
	done(ex, EXCHANGE_BROKEN, "reset the connection");
	expect("failed 5 refused: answered 422 (Reason) with "
	       "application/json\n");
}

static void
a_compression_that_was_not_asked_for_is_refused(void **state)
{
	static const char *const types[] = { JSON, EVENT_STREAM };
	struct exchange *ex;

	(void)state;
	begin_without_stream(NULL);
	for (size_t i = 0; i < 2; i++) {
		const struct exchange_head h = { .status = 200,
			.reason = "OK",
			.type = types[i],
			.encoded = true };

		assert_int_equal(ask(5), 0);
		ex = post_of("\"id\":5");
		head_is(ex, &h);
		assert_false(body(ex, "\x1f\x8b"));
		expect("failed 5 unknown: answered in a compression that was "
		       "not asked for\n");
	}
}

static void
what_notifications_meet_is_ignored(void **state)
{
	static const long statuses[] = { 200, 202, 204, 302, 400, 404, 500 };

	(void)state;
	(void)begin_open("s1");
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		assert_int_equal(send_text("{}", 0), 0);
		answer(post_of("{}"), statuses[i], JSON, "{\"ok\":true}");
	}
	assert_int_equal(send_text("{}", 0), 0);
	done(post_of("{}"), EXCHANGE_BROKEN, "did not answer");
	expect("");
	expect_none();
}

static void
a_header_that_is_not_valid_fails_its_message_only(void **state)
{
	(void)state;
	(void)begin_open("s1");
	world.start_errno = EINVAL;
	assert_int_equal(ask(5), 0);
	assert_int_equal(ask(6), 0);
	(void)post_of("\"id\":6");
	expect("failed 5 not sent: cannot be asked: a header is not valid\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)
	const struct CMUnitTest tests[] = {
		TEST(a_json_answer_is_a_message),
		TEST(an_array_with_the_answer_is_a_message),
		TEST(json_that_is_another_answer_fails_the_call),
		TEST(an_error_without_an_id_fails_the_call_with_its_text),
		TEST(a_json_answer_over_the_limit_is_stopped),
		TEST(a_json_answer_that_breaks_is_none),
		TEST(events_are_messages_as_they_come),
		TEST(an_event_over_the_limit_fails_the_call),
		TEST(a_stream_without_ids_that_ends_early_fails_the_call),
		TEST(an_answer_in_a_stream_that_breaks_counts),
		TEST(a_202_leaves_the_answer_to_the_get_stream),
		TEST(a_202_without_a_get_stream_fails_the_call),
		TEST(each_status_says_what_it_means),
		TEST(an_error_page_with_our_id_is_the_answer),
		TEST(an_endless_error_page_is_not_read_on),
		TEST(a_status_counts_when_its_page_breaks),
		TEST(a_compression_that_was_not_asked_for_is_refused),
		TEST(what_notifications_meet_is_ignored),
		TEST(a_header_that_is_not_valid_fails_its_message_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
