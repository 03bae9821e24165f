/* test_session_room.c: which session leaves where there is no room for another.
 */
#include "session_fixture.h"

/* ---- room ------------------------------------------------------------- */

static bool
make_room(const struct principal *principal)
{
	bool room = sessions_make_room(front.sessions, principal);

	end_turn();
	return room;
}

static void
nobody_leaves_while_there_is_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		open_session(&alice, true);
	assert_true(make_room(&alice)); /* any number */
	follow(IDLE_MS, LIFETIME_MS, 4);
	assert_true(make_room(&alice));
	assert_int_equal(sessions_count(front.sessions), 3);
}

static void
the_one_not_used_for_longest_leaves(void **state)
{
	struct client *first = open_session(&alice, true);
	struct client *second = open_session(&alice, true);
	struct client *third = open_session(&alice, true);

	(void)state;
	follow(IDLE_MS, LIFETIME_MS, 3);
	pass(10);
	assert_true(touch(first));
	assert_true(make_room(&alice));
	assert_false(lives(second));
	assert_true(lives(first));
	assert_true(lives(third));
	assert_reason("another one needed its place");
	open_session(&alice, true);
	assert_true(make_room(&alice));
	assert_false(lives(third));
	assert_true(lives(first));
}

static void
ones_own_leave_before_those_of_others(void **state)
{
	struct client *bobs = open_session(&bob, true);
	struct client *first = open_session(&alice, true);
	struct client *second = open_session(&alice, true);

	(void)state;
	follow(IDLE_MS, LIFETIME_MS, 3);
	assert_true(make_room(&alice));
	assert_true(lives(bobs)); /* though it is older */
	assert_false(lives(first));
	assert_true(lives(second));
}

static void
those_of_others_leave_when_one_has_none(void **state)
{
	struct client *first = open_session(&bob, true);
	struct client *second = open_session(&bob, true);

	(void)state;
	follow(IDLE_MS, LIFETIME_MS, 2);
	assert_true(make_room(&alice));
	assert_false(lives(first));
	assert_true(lives(second));
}

static void
none_leaves_that_is_in_use(void **state)
{
	struct client *posts = open_session(&alice, true);
	struct client *calls = open_session(&alice, true);
	struct client *sse = open_session(&alice, false);
	struct client *bobs = open_session(&bob, true);
	struct request *request;

	(void)state;
	post(posts);
	hang_up(posts);
	post(calls);
	request = call(calls);
	hang_up(calls);
	follow(IDLE_MS, LIFETIME_MS, 4);
	assert_true(make_room(&alice));
	assert_false(lives(bobs)); /* the only one that rests */
	bobs = open_session(&bob, true);
	post(bobs);
	hang_up(bobs);
	assert_false(make_room(&alice));
	assert_false(make_room(&bob));
	assert_true(lives(posts) && lives(calls) && lives(sse) && lives(bobs));
	assert_int_equal(cancelled, 0);
	request_end(front.requests, request);
	end_post(calls);
	assert_true(make_room(&alice));
	assert_false(lives(calls));
	assert_true(lives(posts) && lives(sse) && lives(bobs));
	end_post(posts);
	end_post(bobs);
}

static void
as_many_leave_as_are_too_many(void **state)
{
	struct client *bobs = open_session(&bob, true);
	struct client *old = open_session(&bob, true);
	struct client *own = open_session(&alice, true);
	struct client *used = open_session(&alice, true);
	struct client *last = open_session(&bob, true);

	(void)state;
	post(used);
	hang_up(used);
	follow(IDLE_MS, LIFETIME_MS, 3); /* which ends none by itself */
	assert_int_equal(sessions_count(front.sessions), 5);
	assert_true(make_room(&alice));
	assert_false(lives(own) || lives(bobs) || lives(old));
	assert_true(lives(used) && lives(last));
	end_post(used);
}

/* Else each of a flood would look at all sessions that there are. */
static void
whoever_tries_all_the_time_waits_for_the_next_tick(void **state)
{
	struct client *busy = open_session(&alice, true);

	(void)state;
	post(busy);
	hang_up(busy);
	follow(IDLE_MS, LIFETIME_MS, 1);
	for (size_t i = 0; i < 100000; i++)
		assert_false(make_room(&bob));
	end_post(busy);
	assert_false(make_room(&bob));
	assert_true(lives(busy));
	pass(100);
	assert_true(make_room(&bob));
	assert_false(lives(busy));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_leaves_while_there_is_room),
		TEST(the_one_not_used_for_longest_leaves),
		TEST(ones_own_leave_before_those_of_others),
		TEST(those_of_others_leave_when_one_has_none),
		TEST(none_leaves_that_is_in_use),
		TEST(as_many_leave_as_are_too_many),
		TEST(whoever_tries_all_the_time_waits_for_the_next_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
