/* test_streamable_limits.c: how much at once, and answers on another stream. */
// wrap: exchange_start
// wrap: exchange_cancel
// wrap: exchange_pause
// wrap: exchange_is_sent
// wrap: event_add
// wrap: event_del
// wrap: event_free
// wrap: event_pending
// wrap: held_change
#include "carrier.h"
#include "streamable_fixture.h"

#define KIB       ((size_t)1024)
#define FORGOTTEN "answered 404 (Reason) with text/plain"
#define TOO_MANY                                                               \
	"has more than 256 MiB of answers under way, this one among them"
#define NO_STREAM "accepted the request and has no stream for its answer"

/* Every byte counts as so many. */
static size_t weight = 1;

bool __real_held_change(struct held *held, size_t *counted, size_t bytes);

bool
__wrap_held_change(struct held *held, size_t *counted, size_t bytes)
{
	return __real_held_change(held, counted, bytes * weight);
}

static int
begin(void **state)
{
	weight = 1;
	return begin_world(state);
}

/* ---- connections ---- */

static void
connections_are_made_a_few_at_a_time(void **state)
{
	struct exchange *first = NULL, *ex;
	uint64_t last = 0;

	(void)state;
	(void)begin_open("s1");
	world.stalled = true;
	for (unsigned int i = 0; i < CARRIER_CONNECTING_MAX + 3; i++) {
		last = world.transport->ops->position(world.transport);
		assert_int_equal(ask(100 + i), 0);
	}
	for (unsigned int i = 0; i < CARRIER_CONNECTING_MAX; i++) {
		ex = next(EXCHANGE_POST);
		first = first == NULL ? ex : first;
	}
	expect_none();
	/* Those that wait can be taken back. */
	assert_true(world.transport->ops->withdraw(world.transport, last));
	first->begun = true;
	first->handlers->begun(first->arg);
	(void)post_of("\"id\":132");
	expect_none();
	done(ex, EXCHANGE_NOT_SENT, "did not accept a connection within 5 s");
	expect("failed 131 not sent: did not accept a connection within 5 "
	       "s\n");
	(void)post_of("\"id\":133");
	expect_none();
}

static void
one_that_is_taken_back_before_it_has_a_connection_makes_room(void **state)
{
	uint64_t first;

	(void)state;
	(void)begin_open("s1");
	world.stalled = true;
	first = world.transport->ops->position(world.transport);
	for (unsigned int i = 0; i <= CARRIER_CONNECTING_MAX; i++)
		assert_int_equal(ask(100 + i), 0);
	for (unsigned int i = 0; i < CARRIER_CONNECTING_MAX; i++)
		(void)next(EXCHANGE_POST);
	expect_none();
	assert_true(world.transport->ops->withdraw(world.transport, first));
	(void)post_of("\"id\":132");
}

static void
streams_that_ended_together_go_on_one_after_the_other(void **state)
{
	const unsigned int more = 2;

	(void)state;
	(void)begin_open("s1");
	for (unsigned int i = 0; i < CARRIER_CONNECTING_MAX + more; i++) {
		assert_int_equal(ask(100 + i), 0);
		answer(post_of("tools/call"), 200, EVENT_STREAM,
		    "id: e1\ndata:\n\n");
	}
	world.stalled = true;
	for (unsigned int i = 0; i < CARRIER_CONNECTING_MAX; i++) {
		wait_ms(STREAMABLE_RETRY_MS);
		(void)next(EXCHANGE_GET);
	}
	for (unsigned int i = 0; i < more; i++)
		wait_ms(STREAMABLE_RETRY_MS);
	expect_none();
	world.stalled = false;
	turn();
	wait_ms(50);
	(void)next(EXCHANGE_GET);
	wait_ms(50);
	(void)next(EXCHANGE_GET);
	expect_none();
}

/* ---- memory ---- */

/* The beginning of an answer of so many KiB. */
static bool
begin_answer(struct exchange *ex, const char *type, size_t kib)
{
	static char text[64 * KIB];

	memset(text, ' ', sizeof(text));
	head(ex, 200, type);
	if (strcmp(type, EVENT_STREAM) == 0)
		assert_true(body(ex, "data:"));
	return body_bytes(ex, text, kib * KIB);
}

static void
answers_that_are_too_much_together_fail_who_asks_for_more(void **state)
{
	static const char *const types[] = { JSON, EVENT_STREAM };
	struct exchange *ex[5];

	(void)state;
	(void)begin_open("s1");
	for (size_t t = 0; t < 2; t++) {
		weight = KIB; /* so that 256 KiB are the limit */
		for (unsigned int i = 0; i < 5; i++) {
			assert_int_equal(ask(100 + i), 0);
			ex[i] = post_of("tools/call");
			assert_int_equal(
			    begin_answer(ex[i], types[t], i < 4 ? 63 : 10),
			    i < 4);
		}
		expect("failed 104 unknown: " TOO_MANY "\n");
		/* The others go on, and leave room. */
		weight = 1;
		for (unsigned int i = 0; i < 4; i++)
			done(ex[i], EXCHANGE_BROKEN, "is gone");
		expect("failed 100 unknown: is gone\n"
		       "failed 101 unknown: is gone\n"
		       "failed 102 unknown: is gone\n"
		       "failed 103 unknown: is gone\n");
	}
	weight = HELD_MAX / KIB;
	assert_int_equal(ask(105), 0);
	answer(post_of("\"id\":105"), 200, JSON, RESULT(105));
	expect("message " RESULT(105) "\n");
}

static void
what_waits_to_be_read_counts(void **state)
{
	struct exchange *get = begin_open("s1");
	struct exchange *ex;

	(void)state;
	world.transport->ops->set_reading(world.transport, false);
	weight = HELD_MAX / 350;
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	answer(ex, 200, JSON, RESULT(5));
	assert_int_equal(ask(6), 0);
	ex = post_of("\"id\":6");
	answer(ex, 200, JSON, RESULT(6));
	assert_int_equal(ask(7), 0);
	head(ex = post_of("\"id\":7"), 200, JSON);
	assert_false(body(ex, RESULT(7)));
	expect("failed 7 unknown: " TOO_MANY "\n");
	weight = 1;
	assert_false(get->over);
	world.transport->ops->set_reading(world.transport, true);
	turn();
	expect("message " RESULT(5) "\nmessage " RESULT(6) "\n");
}

static void
one_turn_does_not_bring_messages_without_end(void **state)
{
	struct exchange *ex = begin_call();
	size_t fed;

	(void)state;
	head(ex, 200, EVENT_STREAM);
	/* libcurl goes on while it is not told to stop. */
	for (fed = 0; !ex->paused && fed < INBOX_TURN_MAX; fed++)
		assert_true(ex->handlers->body(ex->arg, EVENT("{}"), 10));
	assert_in_range(fed, 1000, INBOX_TURN_MAX / 100);
	turn();
	assert_int_equal(world.messages, fed + 1); /* and initialize's */
	assert_false(ex->paused);
}

static void
an_answer_for_which_there_is_no_room_is_none(void **state)
{
	struct exchange *ex = begin_call();

	(void)state;
	head(ex, 200, EVENT_STREAM);
	weight = HELD_MAX / 8;
	assert_false(body(ex, "id: e9\n" EVENT(RESULT(5))));
	expect("failed 5 unknown: " TOO_MANY "\n");
	expect_none();
}

static void
a_greeting_passes_a_full_queue(void **state)
{
	static char text[(1 << 20) + 1];
	struct exchange *get = begin_open("s1");

	(void)state;
	memset(text, ' ', sizeof(text) - 1);
	world.stalled = true;
	while (send_text(text, 7) == 0)
		;
	assert_int_equal(errno, EAGAIN);
	done(get, EXCHANGE_DONE, "");
	wait_ms(2 * STREAMABLE_RETRY_MS);
	for (unsigned int i = 0; i < STREAMABLE_QUEUE_MAX >> 20; i++)
		(void)next(EXCHANGE_POST);
	answer(next(EXCHANGE_GET), 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\n");
	answer_initialize("s2");
	(void)post_of("notifications/initialized");
}

/* ---- answers on another stream ---- */

static void
requests_whose_stream_is_refused_for_good_fail_then(void **state)
{
	struct exchange *get;

	(void)state;
	open_world(false);
	get = greet("s1");
	for (int i = 5; i < 8; i++) {
		assert_int_equal(ask(i), 0);
		answer(post_of("tools/call"), 202, "", "");
	}
	expect("");
	answer(get, 405, "text/plain", "no");
	expect("failed 5 unknown: " NO_STREAM "\nfailed 6 unknown: " NO_STREAM
	       "\nfailed 7 unknown: " NO_STREAM "\n");
}

static void
what_was_answered_does_not_fail_with_the_stream(void **state)
{
	struct exchange *get = begin_open("s1");

	(void)state;
	for (int i = 5; i < 8; i++) {
		assert_int_equal(ask(i), 0);
		answer(post_of("tools/call"), 202, "", "");
	}
	(void)body(get, EVENT(RESULT(6)));
	expect("message " RESULT(6) "\n");
	done(get, EXCHANGE_DONE, "");
	wait_ms(STREAMABLE_RETRY_MS);
	answer(next(EXCHANGE_GET), 404, "text/plain", "?");
	expect("renew: " FORGOTTEN "\nfailed 5 unknown: has forgotten the "
	       "session that was to bring the answer\nfailed 7 unknown: has "
	       "forgotten the session that was to bring the answer\n");
	answer(greet("s2"), 405, "text/plain", "no");
	expect("");
}

static void
a_post_whose_answer_came_elsewhere_is_not_waited_for(void **state)
{
	struct exchange *get = begin_open("s1");
	struct exchange *ex;

	(void)state;
	assert_int_equal(ask(5), 0);
	head(ex = post_of("\"id\":5"), 200, EVENT_STREAM);
	assert_int_equal(ask(6), 0);
	head(post_of("\"id\":6"), 200, EVENT_STREAM);
	(void)body(get, EVENT(RESULT(5)));
	expect("message " RESULT(5) "\n");
	assert_false(ex->over);
	wait_ms(STREAMABLE_ABANDONED_MS);
	assert_true(ex->over);
	assert_false(is_waiting_ms(STREAMABLE_ABANDONED_MS));
	expect("");
}

static void
the_same_answer_in_json_is_dropped(void **state)
{
	struct exchange *get = begin_open("s1");
	struct exchange *ex;

	(void)state;
	assert_int_equal(ask(5), 0);
	ex = post_of("\"id\":5");
	(void)body(get, EVENT(RESULT(5)));
	answer(ex, 200, JSON, RESULT(5));
	expect("message " RESULT(5) "\n");
}

static void
a_request_of_the_server_with_our_id_is_no_answer(void **state)
{
	static const char *const heads[] = {
		"data: {\"jsonrpc\":\"2.0\",\"id\":5,\"params\":{\"p\":",
		"data: {\"method\":\"ping\",\"params\":{\"p\":",
	};
	static const char *const ends[] = { "},\"method\":\"ping\"}\n\n",
		"},\"jsonrpc\":\"2.0\",\"id\":5}\n\n" };
	char text[1024];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct exchange *ex = begin_call();

		head(ex, 200, EVENT_STREAM);
		(void)snprintf(
		    text, sizeof(text), "%s\"%0600d\"%s", heads[i], 0, ends[i]);
		assert_true(body(ex, text));
		world.heard[0] = '\0';
		assert_false(is_waiting_ms(STREAMABLE_ABANDONED_MS));
		done(ex, EXCHANGE_DONE, "");
		expect("failed 5 unknown: closed the stream before its "
		       "answer\n");
		world.transport->ops->free(world.transport);
	}
	world.transport = NULL;
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end_world)
	const struct CMUnitTest tests[] = {
		TEST(connections_are_made_a_few_at_a_time),
		TEST(
		    one_that_is_taken_back_before_it_has_a_connection_makes_room),
		TEST(streams_that_ended_together_go_on_one_after_the_other),
		TEST(answers_that_are_too_much_together_fail_who_asks_for_more),
		TEST(what_waits_to_be_read_counts),
		TEST(one_turn_does_not_bring_messages_without_end),
		TEST(an_answer_for_which_there_is_no_room_is_none),
		TEST(a_greeting_passes_a_full_queue),
		TEST(requests_whose_stream_is_refused_for_good_fail_then),
		TEST(what_was_answered_does_not_fail_with_the_stream),
		TEST(a_post_whose_answer_came_elsewhere_is_not_waited_for),
		TEST(the_same_answer_in_json_is_dropped),
		TEST(a_request_of_the_server_with_our_id_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
