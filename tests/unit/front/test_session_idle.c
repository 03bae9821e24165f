/* test_session_idle.c: sessions end that are idle for too long, or too old. */
#include "session_fixture.h"

/* ---- idle ------------------------------------------------------------- */

static void
a_session_that_is_not_used_ends(void **state)
{
	struct client *client = open_session(&alice, true);

	(void)state;
	pass(IDLE_MS - 1);
	assert_true(lives(client));
	assert_int_equal(alice.sessions, 1);
	pass(1);
	assert_false(lives(client));
	assert_int_equal(alice.sessions, 0);
	assert_int_equal(sessions_count(front.sessions), 0);
	assert_reason("its client asks nothing");
}

static void
each_use_begins_its_time_anew(void **state)
{
	struct client *used = open_session(&alice, true);
	struct client *other = open_session(&alice, true);

	(void)state;
	pass(IDLE_MS - 1);
	assert_true(touch(used));
	pass(1);
	assert_true(lives(used));
	assert_false(lives(other));
	pass(IDLE_MS - 2);
	assert_true(lives(used));
	pass(1);
	assert_false(lives(used));
}

static void
one_with_a_stream_is_not_idle(void **state)
{
	struct client *client = open_session(&alice, true);

	(void)state;
	post(client);
	hang_up(client);
	pass(5 * IDLE_MS);
	assert_true(lives(client));
	/* Nor does it keep the others. */
	open_session(&bob, true);
	pass(IDLE_MS);
	assert_true(lives(client));
	assert_int_equal(sessions_count(front.sessions), 1);
	end_post(client);
}

static void
one_whose_stream_ended_has_its_whole_time(void **state)
{
	struct client *client = open_session(&alice, true);

	(void)state;
	post(client);
	hang_up(client);
	pass(3 * IDLE_MS - 1);
	end_post(client);
	pass(IDLE_MS - 1);
	assert_true(lives(client));
	pass(1);
	assert_false(lives(client));
	assert_reason("its client asks nothing");
}

static void
one_with_a_request_in_flight_is_not_idle(void **state)
{
	struct client *client = open_session(&alice, true);
	struct request *request;

	(void)state;
	post(client);
	request = call(client);
	hang_up(client);
	pass(5 * IDLE_MS);
	assert_true(lives(client));
	assert_int_equal(cancelled, 0);
	request_end(front.requests, request);
	end_post(client);
	pass(IDLE_MS);
	assert_false(lives(client));
	assert_int_equal(cancelled, 0);
}

static void
sessions_of_event_streams_are_never_idle(void **state)
{
	struct client *client = open_session(&alice, false);

	(void)state;
	pass(2 * LIFETIME_MS);
	assert_true(lives(client));
}

static void
a_new_policy_counts_for_sessions_that_are_there(void **state)
{
	struct client *client = open_session(&alice, true);

	(void)state;
	pass(IDLE_MS / 2);
	follow(2 * IDLE_MS, LIFETIME_MS, 0);
	pass(IDLE_MS);
	assert_true(lives(client));
	follow(IDLE_MS, LIFETIME_MS, 0);
	pass(1);
	assert_false(lives(client));
}

/* ---- lifetime --------------------------------------------------------- */

/* Use it once in each idle time for so long. */
static void
use_for(struct client *client, uint64_t ms)
{
	while (ms > 0) {
		uint64_t step = ms < IDLE_MS / 2 ? ms : IDLE_MS / 2;

		assert_true(touch(client));
		pass(step);
		ms -= step;
	}
}

static void
one_that_is_used_ends_when_it_is_too_old(void **state)
{
	struct client *client = open_session(&alice, true);

	(void)state;
	use_for(client, LIFETIME_MS - 1);
	assert_true(touch(client));
	pass(1);
	assert_true(lives(client));
	assert_false(touch(client));
	assert_reason("it has lived for as long as it may");
	assert_int_equal(alice.sessions, 0);
}

static void
one_that_is_too_old_lives_while_a_request_is_in_flight(void **state)
{
	struct client *client = open_session(&alice, true);
	struct request *request;

	(void)state;
	post(client);
	request = call(client);
	hang_up(client);
	pass(LIFETIME_MS + IDLE_MS + 1);
	assert_true(touch(client));
	assert_true(touch(client));
	assert_int_equal(cancelled, 0);
	request_end(front.requests, request);
	end_post(client);
	assert_true(lives(client));
	assert_false(touch(client));
	assert_reason("it has lived for as long as it may");
	assert_int_equal(cancelled, 0);
}

static void
one_that_is_too_old_ends_though_it_has_a_stream(void **state)
{
	struct client *client = open_session(&alice, true);

	(void)state;
	post(client);
	hang_up(client);
	pass(LIFETIME_MS - 1);
	assert_true(lives(client));
	pass(IDLE_MS + 1); /* it is looked at as often as it might be idle */
	assert_false(lives(client));
	assert_reason("it has lived for as long as it may");
}

static void
without_a_lifetime_none_is_too_old(void **state)
{
	struct client *client = open_session(&alice, true);

	(void)state;
	follow(IDLE_MS, 0, 0);
	use_for(client, 3 * LIFETIME_MS);
	assert_true(touch(client));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_that_is_not_used_ends),
		TEST(each_use_begins_its_time_anew),
		TEST(one_with_a_stream_is_not_idle),
		TEST(one_whose_stream_ended_has_its_whole_time),
		TEST(one_with_a_request_in_flight_is_not_idle),
		TEST(sessions_of_event_streams_are_never_idle),
		TEST(a_new_policy_counts_for_sessions_that_are_there),
		TEST(one_that_is_used_ends_when_it_is_too_old),
		TEST(one_that_is_too_old_lives_while_a_request_is_in_flight),
		TEST(one_that_is_too_old_ends_though_it_has_a_stream),
		TEST(without_a_lifetime_none_is_too_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
