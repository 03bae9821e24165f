/*
 * test_subscriptions_move.c: one backend takes the place of another, or goes
 * for good, whatever is in flight.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session.h"
#include "subscriptions.h"

#define SESSIONS 3
#define OLD      4 /* slots */
#define NEW      1
#define SLOTS    5

static struct subscriptions *all;
static struct session sessions[SESSIONS];
static char told[1024]; /* "+" or "-", the slot, the URI, a space; … */
static bool refuse;     /* the queue is full */
static char heard[1024];

static int
tell(void *arg, size_t slot, bool subscribe, struct json_span uri)
{
	size_t at = strlen(told);

	(void)arg;
	if (refuse)
		return -1;
	snprintf(told + at, sizeof(told) - at, "%c%zu%.*s ",
	    subscribe ? '+' : '-', slot, (int)uri.len, uri.at);
	return 0;
}

static void
assert_told(const char *expected)
{
	assert_string_equal(told, expected);
	told[0] = '\0';
}

static void
note(void *arg, struct session *session, const char *shown, size_t len)
{
	size_t at = strlen(heard);

	(void)arg;
	(void)shown;
	(void)len;
	snprintf(heard + at, sizeof(heard) - at, "%zu ",
	    (size_t)(session - sessions));
}

static void
assert_heard(size_t slot, const char *uri, const char *expected)
{
	heard[0] = '\0';
	subscriptions_updated(all, slot, uri, strlen(uri), note, NULL);
	assert_string_equal(heard, expected);
}

static struct subscription_change *
join(size_t session, size_t slot, const char *uri)
{
	struct subscription_change *change;

	assert_int_equal(subscriptions_join(
			     all, &sessions[session], slot, uri, uri, &change),
	    0);
	return change;
}

static struct subscription_change *
leave(size_t session, size_t slot, const char *uri)
{
	struct subscription_change *change;

	subscriptions_leave(all, &sessions[session], slot, uri, &change);
	return change;
}

static void
end(struct subscription_change *change, enum subscription_outcome outcome)
{
	assert_non_null(change);
	subscription_end(&change, outcome);
}

static int
set_up(void **state)
{
	(void)state;
	memset(sessions, 0, sizeof(sessions));
	for (size_t i = 0; i < SESSIONS; i++) {
		TAILQ_INIT(&sessions[i].requests);
		LIST_INIT(&sessions[i].subscriptions);
	}
	told[0] = '\0';
	refuse = false;
	all = subscriptions_new(SLOTS, tell, NULL);
	return all == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < SESSIONS; i++)
		subscriptions_leave_all(&sessions[i]);
	assert_int_equal(subscriptions_count(all), 0);
	subscriptions_free(&all);
	return 0;
}

static void
what_counts_is_the_new_ones(void **state)
{
	size_t slot;
	const char *uri;

	(void)state;
	end(join(0, OLD, "t:a"), SUBSCRIPTION_ACCEPTED);
	assert_null(join(1, OLD, "t:a"));
	end(join(1, OLD, "t:b"), SUBSCRIPTION_ACCEPTED);
	end(join(2, 2, "t:a"), SUBSCRIPTION_ACCEPTED); /* another backend's */
	assert_told("");
	subscriptions_move(all, OLD, NEW);
	assert_told("+1\"t:a\" +1\"t:b\" ");
	assert_heard(OLD, "t:a", "");
	assert_heard(NEW, "t:a", "1 0 ");
	assert_heard(NEW, "t:b/c", "1 ");
	assert_heard(2, "t:a", "2 ");
	assert_true(subscriptions_find(&sessions[0], "t:a", &slot, &uri));
	assert_int_equal(slot, NEW);
	/* Nothing is left for the old one. */
	subscriptions_lost(all, OLD);
	subscriptions_forget(all, OLD);
	assert_heard(NEW, "t:a", "1 0 ");
	/* The next to join asks the new one; the last to leave tells it. */
	end(join(2, NEW, "t:b"), SUBSCRIPTION_ACCEPTED);
	assert_null(leave(1, NEW, "t:b"));
	end(leave(2, NEW, "t:b"), SUBSCRIPTION_ACCEPTED);
	assert_told("");
	subscriptions_leave_all(&sessions[0]);
	subscriptions_leave_all(&sessions[1]);
	assert_told("-1\"t:a\" ");
}

static void
what_the_old_one_accepts_later_the_new_one_is_told(void **state)
{
	struct subscription_change *first = join(0, OLD, "t:a");
	struct subscription_change *second = join(1, OLD, "t:a");

	(void)state;
	subscriptions_move(all, OLD, NEW);
	assert_told("");
	end(first, SUBSCRIPTION_ACCEPTED);
	assert_told(""); /* when nothing is in flight any more */
	assert_heard(NEW, "t:a", "0 ");
	end(second, SUBSCRIPTION_REFUSED);
	assert_told("+1\"t:a\" ");
	assert_heard(NEW, "t:a", "0 ");
	/* What the old one said confirms nothing. */
	end(join(2, NEW, "t:a"), SUBSCRIPTION_ACCEPTED);
}

static void
what_the_old_one_does_not_accept_nobody_is_told(void **state)
{
	struct subscription_change *first = join(0, OLD, "t:a");
	struct subscription_change *second = join(1, OLD, "t:b");

	(void)state;
	subscriptions_move(all, OLD, NEW);
	end(first, SUBSCRIPTION_UNKNOWN); /* it died */
	end(second, SUBSCRIPTION_REFUSED);
	assert_told("");
	assert_int_equal(subscriptions_count(all), 0);
}

static void
leaving_the_old_one_does_not_matter_to_the_new_one(void **state)
{
	struct subscription_change *change;

	(void)state;
	end(join(0, OLD, "t:a"), SUBSCRIPTION_ACCEPTED);
	change = leave(0, OLD, "t:a");
	subscriptions_move(all, OLD, NEW);
	/* While it leaves, another joins. */
	end(join(1, NEW, "t:a"), SUBSCRIPTION_ACCEPTED);
	end(change, SUBSCRIPTION_REFUSED);
	assert_heard(NEW, "t:a", "1 ");
	end(leave(1, NEW, "t:a"), SUBSCRIPTION_ACCEPTED);
	told[0] = '\0';
	assert_int_equal(subscriptions_count(all), 0);
}

static void
a_new_one_that_cannot_be_told_is_told_later(void **state)
{
	(void)state;
	end(join(0, OLD, "t:a"), SUBSCRIPTION_ACCEPTED);
	refuse = true;
	subscriptions_move(all, OLD, NEW);
	assert_told("");
	refuse = false;
	subscriptions_retry(all, NEW);
	assert_told("+1\"t:a\" ");
}

static void
what_is_forgotten_is_nobodys(void **state)
{
	struct subscription_change *change;

	(void)state;
	end(join(0, OLD, "t:a"), SUBSCRIPTION_ACCEPTED);
	assert_null(join(1, OLD, "t:a"));
	change = join(0, OLD, "t:b");
	end(change, SUBSCRIPTION_UNKNOWN); /* as what is in flight ends */
	assert_told("-4\"t:b\" ");
	subscriptions_forget(all, OLD);
	assert_int_equal(subscriptions_count(all), 0);
	assert_int_equal(sessions[0].subscription_count, 0);
	assert_told("");
	assert_heard(OLD, "t:a", "");
	/* The slot is another backend's now. */
	end(join(2, OLD, "t:a"), SUBSCRIPTION_ACCEPTED);
	assert_heard(OLD, "t:a", "2 ");
}

static void
what_is_forgotten_while_another_is_asked_ends_with_that(void **state)
{
	struct subscription_change *change = join(0, OLD, "t:a");

	(void)state;
	subscriptions_move(all, OLD, NEW);
	subscriptions_forget(all, NEW);
	assert_int_equal(subscriptions_count(all), 0);
	end(change, SUBSCRIPTION_ACCEPTED);
	assert_told("");
	assert_heard(NEW, "t:a", "");
	assert_int_equal(subscriptions_count(all), 0);
}

/* Instances become one that is shared: what they have in common, once. */
static void
what_both_have_is_joined(void **state)
{
	(void)state;
	end(join(0, NEW, "t:a"), SUBSCRIPTION_ACCEPTED);
	assert_null(join(1, NEW, "t:a"));
	end(join(1, OLD, "t:a"), SUBSCRIPTION_ACCEPTED);
	assert_null(join(2, OLD, "t:a"));
	end(join(2, OLD, "t:b"), SUBSCRIPTION_ACCEPTED);
	told[0] = '\0';
	subscriptions_move(all, OLD, NEW);
	assert_told("+1\"t:a\" +1\"t:b\" ");
	assert_false(subscriptions_has(all, OLD));
	assert_heard(NEW, "t:a", "1 2 0 ");
	assert_heard(NEW, "t:b", "2 ");
	/* Each of them has one, and the last one unsubscribes. */
	assert_int_equal(subscriptions_count(all), 4);
	for (size_t i = 0; i < SESSIONS; i++) {
		assert_told("");
		subscriptions_leave_all(&sessions[i]);
	}
	assert_told("-1\"t:b\" -1\"t:a\" ");
	assert_false(subscriptions_has(all, NEW));
}

static void
what_is_in_flight_at_the_old_one_is_joined_when_it_ends(void **state)
{
	struct subscription_change *joins = join(0, OLD, "t:a");
	struct subscription_change *refused = join(2, OLD, "t:a");

	(void)state;
	end(join(1, NEW, "t:a"), SUBSCRIPTION_ACCEPTED);
	subscriptions_move(all, OLD, NEW);
	told[0] = '\0';
	assert_heard(NEW, "t:a", "1 ");
	assert_null(leave(1, NEW, "t:a"));
	end(joins, SUBSCRIPTION_ACCEPTED);
	end(refused, SUBSCRIPTION_REFUSED);
	assert_told("+1\"t:a\" ");
	assert_heard(NEW, "t:a", "0 ");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_counts_is_the_new_ones),
		TEST(what_the_old_one_accepts_later_the_new_one_is_told),
		TEST(what_the_old_one_does_not_accept_nobody_is_told),
		TEST(leaving_the_old_one_does_not_matter_to_the_new_one),
		TEST(a_new_one_that_cannot_be_told_is_told_later),
		TEST(what_is_forgotten_is_nobodys),
		TEST(what_is_forgotten_while_another_is_asked_ends_with_that),
		TEST(what_both_have_is_joined),
		TEST(what_is_in_flight_at_the_old_one_is_joined_when_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
