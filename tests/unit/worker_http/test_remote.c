/* test_remote.c: which of the two transports a backend with a url speaks. */
// wrap: exchange_start
// wrap: exchange_cancel
// wrap: exchange_pause
// wrap: exchange_is_sent
// wrap: event_add
// wrap: event_del
// wrap: event_free
// wrap: event_pending
// wrap: http_new
// wrap: http_free
#include "remote.h"
#include "transport_fixture.h"

static const char *http_wrong;

struct http *
__wrap_http_new(
    struct loop *loop, const struct setup_remote *remote, const char **why)
{
	assert_ptr_equal(loop, world.loop);
	assert_string_equal(remote->url, URL);
	*why = http_wrong;
	errno = EINVAL;
	http_wrong = NULL;
	return *why == NULL ? (struct http *)&world : NULL;
}

void
__wrap_http_free(struct http **http)
{
	*http = NULL;
}

static struct setup setup;

static void
open_world(enum remote_type type, bool has_job)
{
	const char *why = NULL;
	int none = -1;

	setup = (struct setup){ .name = (char *)(uintptr_t) "b",
		.message_size = 64U << 20,
		.remote = { .type = type,
		    .url = (char *)(uintptr_t)URL,
		    .has_job = has_job } };
	world.transport = remote_open(
	    world.loop, &setup, &none, &none, &owner_events, NULL, &why);
	assert_non_null(world.transport);
	assert_int_equal(send_text(INITIALIZE, 1), 0);
}

static struct exchange *
greet_legacy(void)
{
	struct exchange *get = next(EXCHANGE_GET);

	head(get, 200, EVENT_STREAM);
	(void)body(get, "event: endpoint\ndata: /m\n\n");
	assert_string_equal(
	    post_of(INITIALIZE)->request.url, "http://127.0.0.1:8080/m");
	world.agree = true;
	(void)body(get, EVENT(RESULT(1)));
	expect("message " RESULT(1) "\n");
	answer(post_of("initialized"), 202, "", "");
	return get;
}

static void
streamable_http_is_asked_for_first(void **state)
{
	struct exchange *get;

	(void)state;
	open_world(REMOTE_AUTO, false);
	world.agree = true;
	answer(post_of("initialize"), 200, JSON, RESULT(1));
	expect("message " RESULT(1) "\n");
	answer(post_of("initialized"), 202, "", "");
	get = next(EXCHANGE_GET);
	assert_string_equal(get->request.revision, "2025-11-25");
	/* No answer to a call means another transport. */
	assert_int_equal(ask(5), 0);
	answer(post_of("\"id\":5"), 405, "", "");
	expect("failed 5 refused: answered 405 (Reason) without a "
	       "Content-Type\n");
	expect_none();
}

static void
a_refusal_means_http_and_sse(void **state)
{
	static const long statuses[] = { 400, 404, 405, 406, 415, 422 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct exchange *get;

		open_world(REMOTE_AUTO, false);
		answer(post_of("initialize"), statuses[i], "text/plain", "no");
		expect("");
		get = greet_legacy();
		assert_int_equal(ask(5), 0);
		(void)post_of("\"id\":5");
		(void)body(get, EVENT(RESULT(5)));
		expect("message " RESULT(5) "\n");
		done(get, EXCHANGE_DONE, "");
		expect("lost: closed its event stream\n");
		world.transport->ops->free(world.transport);
	}
	world.transport = NULL;
}

static void
other_answers_do_not(void **state)
{
	static const long statuses[] = { 200, 302, 401, 403, 407, 429, 500,
		503 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		open_world(REMOTE_AUTO, false);
		answer(post_of("initialize"), statuses[i], "text/plain", "no");
		assert_non_null(strstr(world.heard, "failed 1 "));
		world.heard[0] = '\0';
		expect_none();
		world.transport->ops->free(world.transport);
	}
	world.transport = NULL;
}

static void
an_error_with_our_id_is_an_answer(void **state)
{
	(void)state;
	open_world(REMOTE_AUTO, false);
	answer(post_of("initialize"), 400, JSON,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}");
	expect("message {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}\n");
	expect_none();
}

static void
no_connection_is_no_refusal(void **state)
{
	(void)state;
	open_world(REMOTE_AUTO, false);
	done(post_of("initialize"), EXCHANGE_UNREACHABLE, "is down");
	expect("failed 1 not sent: is down\nlost: is down\n");
	expect_none();
}

static void
when_both_are_refused_both_are_told(void **state)
{
#define BOTH                                                                   \
	"answered 405 (Reason) with text/plain; asked for HTTP+SSE, it "       \
	"answered 404 (Reason) with text/html\n"
	(void)state;
	open_world(REMOTE_AUTO, false);
	answer(post_of("initialize"), 405, "text/plain", "no");
	answer(next(EXCHANGE_GET), 404, "text/html", "<p>");
	expect("failed 1 not sent: " BOTH "lost: " BOTH);
}

static void
what_was_said_of_reading_holds_for_the_second(void **state)
{
	struct exchange *get;

	(void)state;
	open_world(REMOTE_AUTO, false);
	world.transport->ops->set_reading(world.transport, false);
	answer(post_of("initialize"), 405, "text/plain", "no");
	get = next(EXCHANGE_GET);
	head(get, 200, EVENT_STREAM);
	(void)body(get, EVENT("{}"));
	expect("");
	world.transport->ops->set_reading(world.transport, true);
	turn();
	expect("message {}\n");
}

static void
a_backend_of_type_http_does_not_fall_back(void **state)
{
	(void)state;
	open_world(REMOTE_HTTP, false);
	answer(post_of("initialize"), 405, "text/plain", "no");
	expect("failed 1 refused: answered 405 (Reason) with text/plain\n");
	expect_none();
}

static void
a_backend_of_type_sse_is_asked_for_nothing_else(void **state)
{
	(void)state;
	open_world(REMOTE_SSE, false);
	(void)greet_legacy();
}

static void
a_backend_with_a_job_is_waited_for(void **state)
{
	static const enum remote_type types[] = { REMOTE_AUTO, REMOTE_HTTP,
		REMOTE_SSE };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		open_world(types[i], true);
		for (int n = 0; n < 2; n++) {
			done(next(types[i] == REMOTE_SSE ? EXCHANGE_GET
							 : EXCHANGE_POST),
			    EXCHANGE_UNREACHABLE, "refused the connection");
			expect("");
			wait_ms(REMOTE_POLL_MS);
		}
		turn();
		world.seen = world.last;
		world.transport->ops->free(world.transport);
	}
	world.transport = NULL;
}

static void
it_can_be_freed_between_the_two(void **state)
{
	struct exchange *ex;

	(void)state;
	open_world(REMOTE_AUTO, false);
	ex = post_of("initialize");
	head(ex, 405, "");
	ex->over = true;
	ex->handlers->done(ex->arg, EXCHANGE_DONE, "");
}

static void
what_is_wrong_with_the_setup_fails_it(void **state)
{
	const char *why = NULL;
	int none = -1;

	(void)state;
	setup = (struct setup){ .name = (char *)(uintptr_t) "b",
		.message_size = 64U << 20,
		.remote = { .url = (char *)(uintptr_t)URL } };
	http_wrong = "has a ca_file without a certificate in it";
	assert_null(remote_open(
	    world.loop, &setup, &none, &none, &owner_events, NULL, &why));
	assert_int_equal(errno, EINVAL);
	assert_string_equal(why, "has a ca_file without a certificate in it");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)
	const struct CMUnitTest tests[] = {
		TEST(streamable_http_is_asked_for_first),
		TEST(a_refusal_means_http_and_sse),
		TEST(other_answers_do_not),
		TEST(an_error_with_our_id_is_an_answer),
		TEST(no_connection_is_no_refusal),
		TEST(when_both_are_refused_both_are_told),
		TEST(what_was_said_of_reading_holds_for_the_second),
		TEST(a_backend_of_type_http_does_not_fall_back),
		TEST(a_backend_of_type_sse_is_asked_for_nothing_else),
		TEST(a_backend_with_a_job_is_waited_for),
		TEST(it_can_be_freed_between_the_two),
		TEST(what_is_wrong_with_the_setup_fails_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
