/* test_streamable.c: messages to a server of Streamable HTTP. */
// wrap: exchange_start
// wrap: exchange_cancel
// wrap: exchange_pause
// wrap: exchange_is_sent
// wrap: event_add
// wrap: event_del
// wrap: event_free
// wrap: event_pending
#include "streamable_fixture.h"

/* ---- the greeting ---- */

static void
initialize_goes_first_and_alone(void **state)
{
	(void)state;
	open_world(false);
	assert_int_equal(ask(5), 0);
	assert_string_equal(post_of("initialize")->request.accept,
	    "application/json, text/event-stream");
	expect_none();
}

static void
initialized_goes_next_and_the_rest_waits_for_its_status(void **state)
{
	struct exchange *ex;

	(void)state;
	open_world(false);
	assert_int_equal(ask(5), 0);
	answer_initialize("s1");
	ex = post_of("notifications/initialized");
	assert_int_equal(ex->request.timeout_ms, EXCHANGE_STATUS_MS);
	expect_none();
	head(ex, 202, "");
	expect_none();
	done(ex, EXCHANGE_DONE, "");
	(void)post_of("\"id\":5");
	(void)next(EXCHANGE_GET);
	expect_none();
}

static void
the_rest_goes_on_when_initialized_is_refused(void **state)
{
	(void)state;
	open_world(false);
	answer_initialize(NULL);
	assert_int_equal(ask(5), 0);
	answer(post_of("initialized"), 400, "text/plain", "?");
	(void)post_of("\"id\":5");
	expect("");
}

static void
every_request_names_session_and_revision(void **state)
{
	struct exchange *get, *ex;

	(void)state;
	open_world(false);
	get = greet("s1");
	assert_string_equal(get->request.session, "s1");
	assert_string_equal(get->request.revision, "2025-11-25");
	assert_string_equal(get->request.accept, "text/event-stream");
	assert_null(get->request.last_event_id);
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	assert_string_equal(ex->request.url, URL);
	assert_string_equal(ex->request.session, "s1");
	assert_string_equal(ex->request.revision, "2025-11-25");
	assert_int_equal(ex->request.timeout_ms, 0);
}

static void
an_old_revision_has_no_header(void **state)
{
	struct exchange *ex;

	(void)state;
	open_world(false);
	answer(post_of("initialize"), 200, JSON, RESULT(1));
	expect("message " RESULT(1) "\n");
	world.transport->ops->agreed(
	    world.transport, mcp_revision_find("2025-03-26", 10));
	assert_int_equal(send_text(INITIALIZED, 0), 0);
	ex = post_of("initialized");
	assert_null(ex->request.revision);
	assert_null(ex->request.session);
}

static void
a_session_id_that_cannot_be_used_fails_initialize(void **state)
{
	const struct exchange_head h = { .status = 200,
		.reason = "OK",
		.type = JSON,
		.session = "s",
		.bad_session = true };
	struct exchange *ex;

	(void)state;
	open_world(false);
	ex = post_of("initialize");
	head_is(ex, &h);
	assert_false(body(ex, RESULT(1)));
	expect("failed 1 unknown: named a session id that cannot be used\n");
}

static void
initialize_may_be_answered_by_an_event_and_is_not_waited_for(void **state)
{
	struct exchange *ex;

	(void)state;
	open_world(false);
	ex = post_of("initialize");
	head(ex, 200, EVENT_STREAM);
	world.agree = true;
	(void)body(ex, EVENT(RESULT(1)));
	expect("message " RESULT(1) "\n");
	(void)post_of("initialized");
	/* The stream that stays open is ended one day. */
	wait_ms(STREAMABLE_ABANDONED_MS);
	assert_true(ex->over);
	expect("");
}

/* ---- the queue ---- */

static void
a_waiting_message_can_be_taken_back_and_is_not_sent(void **state)
{
	uint64_t at;

	(void)state;
	open_world(false);
	assert_int_equal(ask(4), 0);
	at = world.transport->ops->position(world.transport);
	assert_int_equal(ask(5), 0);
	assert_int_equal(ask(6), 0);
	assert_true(world.transport->ops->withdraw(world.transport, at));
	assert_false(world.transport->ops->withdraw(world.transport, at));
	answer_initialize(NULL);
	answer(post_of("initialized"), 202, "", "");
	(void)post_of("\"id\":4");
	(void)post_of("\"id\":6");
	(void)next(EXCHANGE_GET);
	expect_none();
	expect("");
}

static void
a_post_whose_body_is_not_asked_for_can_be_taken_back(void **state)
{
	struct exchange *ex;
	uint64_t at;

	(void)state;
	(void)begin_open("s1");
	at = world.transport->ops->position(world.transport);
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	ex->sent = false;
	assert_true(world.transport->ops->withdraw(world.transport, at));
	assert_true(ex->over);
	expect("");
}

static void
a_post_under_way_is_left_time_for_its_answer(void **state)
{
	struct exchange *ex;
	uint64_t at;

	(void)state;
	(void)begin_open("s1");
	at = world.transport->ops->position(world.transport);
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	assert_false(world.transport->ops->withdraw(world.transport, at));
	assert_false(ex->over);
	answer(ex, 200, JSON, RESULT(5));
	expect("message " RESULT(5) "\n");
	assert_false(is_waiting_ms(STREAMABLE_ABANDONED_MS));
}

static void
a_post_that_nobody_waits_for_is_ended(void **state)
{
	struct exchange *ex;
	uint64_t at;

	(void)state;
	(void)begin_open("s1");
	at = world.transport->ops->position(world.transport);
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	assert_false(world.transport->ops->withdraw(world.transport, at));
	wait_ms(STREAMABLE_ABANDONED_MS);
	assert_true(ex->over);
	expect("failed 5 unknown: did not answer a request that was given "
	       "up\n");
}

static void
the_queue_has_an_end(void **state)
{
	static char text[(1 << 20) + 1];
	size_t n = 0;

	(void)state;
	open_world(false);
	memset(text, ' ', sizeof(text) - 1);
	while (send_text(text, 5) == 0)
		n++;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(n, STREAMABLE_QUEUE_MAX / (sizeof(text) - 1));
}

static void
messages_that_the_server_has_taken_do_not_fill_the_queue(void **state)
{
	static char text[(1 << 20) + 1];

	(void)state;
	(void)begin_open("s1");
	memset(text, ' ', sizeof(text) - 1);
	for (int64_t id = 2; id < 40; id++) {
		assert_int_equal(send_text(text, id), 0);
		head(post_of("   "), 200, EVENT_STREAM);
	}
}

static void
requests_over_the_limit_wait_and_answers_pass_them(void **state)
{
	struct exchange *first = NULL, *ex;

	(void)state;
	(void)begin_open("s1");
	for (unsigned int i = 0; i <= STREAMABLE_EXCHANGES_MAX; i++)
		assert_int_equal(ask(100 + i), 0);
	assert_int_equal(send_text("{\"answer\":1}", 0), 0);
	for (unsigned int i = 0; i < STREAMABLE_EXCHANGES_MAX; i++) {
		ex = post_of("tools/call");
		first = first == NULL ? ex : first;
	}
	(void)post_of("{\"answer\":1}");
	expect_none();
	answer(first, 200, JSON, RESULT(100));
	(void)post_of("\"id\":868");
	expect_none();
}

/* ---- ends ---- */

static void
what_cannot_be_reached_ends_all_of_it(void **state)
{
	static const enum exchange_outcome outcomes[] = { EXCHANGE_UNREACHABLE,
		EXCHANGE_UNTRUSTED };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct exchange *ex;

		open_world(false);
		assert_int_equal(ask(5), 0);
		assert_int_equal(send_text("{}", 0), 0);
		assert_int_equal(ask(6), 0);
		ex = post_of("initialize");
		done(ex, outcomes[i], "is down");
		expect("failed 1 not sent: is down\nfailed 5 not sent: is "
		       "down\nfailed 6 not sent: is down\nlost: is down\n");
		assert_int_equal(ask(7), -1);
		assert_int_equal(errno, EPIPE);
		expect_none();
		world.transport->ops->free(world.transport);
	}
	world.transport = NULL;
}

static void
those_under_way_are_left_to_the_owner(void **state)
{
	struct exchange *a = begin_call();
	struct exchange *b;

	(void)state;
	world.give_up = true;
	world.position = world.transport->ops->position(world.transport);
	assert_int_equal(ask(6), 0);
	b = post_of("\"id\":6");
	b->sent = false;
	assert_int_equal(ask(7), 0);
	done(post_of("\"id\":7"), EXCHANGE_UNREACHABLE, "is down");
	expect("failed 7 not sent: is down\nlost: is down\n");
	assert_true(world.withdrawn); /* it never went out */
	assert_true(a->over);
	assert_true(b->over);
}

static void
what_breaks_fails_its_message_only(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	done(ex, EXCHANGE_NOT_SENT, "closed the connection");
	expect("failed 5 not sent: closed the connection\n");
	assert_int_equal(ask(6), 0);
	done(post_of("\"id\":6"), EXCHANGE_BROKEN, "reset the connection");
	expect("failed 6 unknown: reset the connection\n");
	assert_int_equal(ask(7), 0);
	answer(post_of("\"id\":7"), 200, JSON, RESULT(7));
	expect("message " RESULT(7) "\n");
}

static void
a_server_that_is_about_to_start_is_waited_for(void **state)
{
	(void)state;
	open_world(true);
	assert_int_equal(ask(5), 0);
	for (int i = 0; i < 3; i++) {
		done(post_of("initialize"), EXCHANGE_UNREACHABLE, "refused");
		expect("");
		expect_none();
		wait_ms(50);
	}
	answer_initialize("s1");
	answer(post_of("initialized"), 202, "", "");
	done(post_of("\"id\":5"), EXCHANGE_UNREACHABLE, "refused");
	expect("failed 5 not sent: refused\nlost: refused\n");
}

static void
a_wrong_certificate_is_not_waited_for(void **state)
{
	(void)state;
	open_world(true);
	done(post_of("initialize"), EXCHANGE_UNTRUSTED, "has expired");
	expect("failed 1 not sent: has expired\nlost: has expired\n");
}

/* ---- goodbye ---- */

static void
a_session_is_said_goodbye_to(void **state)
{
	static const enum exchange_outcome outcomes[] = { EXCHANGE_DONE,
		EXCHANGE_BROKEN, EXCHANGE_UNREACHABLE };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct exchange *ex;

		(void)begin_open("s1");
		assert_true(world.transport->ops->close(world.transport));
		assert_false(world.transport->ops->close(world.transport));
		assert_int_equal(ask(5), -1);
		assert_int_equal(errno, EPIPE);
		ex = next(EXCHANGE_DELETE);
		assert_string_equal(ex->request.session, "s1");
		assert_string_equal(ex->request.revision, "2025-11-25");
		assert_int_equal(ex->request.timeout_ms, STREAMABLE_GOODBYE_MS);
		done(ex, outcomes[i], "why");
		expect("lost: was closed\n");
		world.transport->ops->free(world.transport);
	}
	world.transport = NULL;
}

static void
without_a_session_there_is_nobody_to_say_goodbye_to(void **state)
{
	(void)state;
	(void)begin_open(NULL);
	assert_false(world.transport->ops->close(world.transport));
	expect_none();
}

static void
all_of_it_can_be_freed_at_any_time(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, EVENT_STREAM);
	world.transport->ops->set_reading(world.transport, false);
	(void)body(ex, EVENT("{\"n\":1}") "data: half");
	assert_int_equal(ask(6), 0);
	turn();
	assert_true(world.transport->ops->close(world.transport));
	assert_int_equal(ask(7), -1);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)
	const struct CMUnitTest tests[] = {
		TEST(initialize_goes_first_and_alone),
		TEST(initialized_goes_next_and_the_rest_waits_for_its_status),
		TEST(the_rest_goes_on_when_initialized_is_refused),
		TEST(every_request_names_session_and_revision),
		TEST(an_old_revision_has_no_header),
		TEST(a_session_id_that_cannot_be_used_fails_initialize),
		TEST(
		    initialize_may_be_answered_by_an_event_and_is_not_waited_for),
		TEST(a_waiting_message_can_be_taken_back_and_is_not_sent),
		TEST(a_post_whose_body_is_not_asked_for_can_be_taken_back),
		TEST(a_post_under_way_is_left_time_for_its_answer),
		TEST(a_post_that_nobody_waits_for_is_ended),
		TEST(the_queue_has_an_end),
		TEST(messages_that_the_server_has_taken_do_not_fill_the_queue),
		TEST(requests_over_the_limit_wait_and_answers_pass_them),
		TEST(what_cannot_be_reached_ends_all_of_it),
		TEST(those_under_way_are_left_to_the_owner),
		TEST(what_breaks_fails_its_message_only),
		TEST(a_server_that_is_about_to_start_is_waited_for),
		TEST(a_wrong_certificate_is_not_waited_for),
		TEST(a_session_is_said_goodbye_to),
		TEST(without_a_session_there_is_nobody_to_say_goodbye_to),
		TEST(all_of_it_can_be_freed_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
