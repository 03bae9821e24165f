/*
 * test_subscriptions.c: who subscribed to what, whatever crosses on its way.
 * The test is the backend: it keeps what it was told and decides what it
 * answers, and when.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/msg.h"

#include "session.h"
#include "subscriptions.h"
#include "uri.h"

#define SESSIONS 3
#define URI      "test://a"

static struct subscriptions *all;
static struct session sessions[SESSIONS];
static char told[4096]; /* "+" or "-", the backend, the URI, a space; … */
static bool refuse;     /* the queue is full */
static char heard[4096];

static int
tell(void *arg, size_t backend, bool subscribe, struct json_span uri)
{
	size_t at = strlen(told);

	assert_ptr_equal(arg, &all);
	assert_true(uri.len <= MSG_URI_MAX);
	if (refuse)
		return -1;
	if (uri.len < sizeof(told) - at - 16)
		snprintf(told + at, sizeof(told) - at, "%c%zu%.*s ",
		    subscribe ? '+' : '-', backend, (int)uri.len, uri.at);
	return 0;
}

static void
assert_told(const char *expected)
{
	assert_string_equal(told, expected);
	told[0] = '\0';
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
	told[0] = heard[0] = '\0';
	refuse = false;
	all = subscriptions_new(2, tell, &all);
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
	assert_null(all);
	subscriptions_free(&all);
	return 0;
}

/* ---- short for the tests ---------------------------------------------- */

static struct subscription_change *
join_as(size_t session, size_t backend, const char *uri, const char *shown)
{
	struct subscription_change *change;

	assert_int_equal(subscriptions_join(all, &sessions[session], backend,
			     uri, shown, &change),
	    0);
	return change;
}

static struct subscription_change *
join(size_t session)
{
	return join_as(session, 0, URI, URI);
}

static struct subscription_change *
leave(size_t session)
{
	struct subscription_change *change;

	subscriptions_leave(all, &sessions[session], 0, URI, &change);
	return change;
}

static void
end(struct subscription_change *change, enum subscription_outcome outcome)
{
	assert_non_null(change);
	subscription_end(&change, outcome);
	assert_null(change);
}

/* Subscribe where the backend has to be asked, and says yes. */
static void
join_asking(size_t session, const char *uri)
{
	end(join_as(session, 0, uri, uri), SUBSCRIPTION_ACCEPTED);
}

static void
note(void *arg, struct session *session, const char *shown, size_t len)
{
	size_t at = strlen(heard);

	(void)arg;
	snprintf(heard + at, sizeof(heard) - at, "%zu:%.*s ",
	    (size_t)(session - sessions), (int)len, shown == NULL ? "" : shown);
}

/* An update: "session:URI " for each that heard it, the last to join first. */
static void
assert_heard(const char *uri, const char *expected)
{
	heard[0] = '\0';
	subscriptions_updated(all, 0, uri, strlen(uri), note, NULL);
	assert_string_equal(heard, expected);
}

/* ---- the usual -------------------------------------------------------- */

static void
the_first_asks_and_the_others_are_answered(void **state)
{
	struct subscription_change *change;

	(void)state;
	change = join(0);
	assert_non_null(change);
	assert_heard(URI, ""); /* it counts from the answer on */
	end(change, SUBSCRIPTION_ACCEPTED);
	assert_heard(URI, "0: ");
	assert_null(join(1));
	assert_null(join(1));
	assert_int_equal(subscriptions_count(all), 2);
	assert_heard(URI, "1: 0: ");
	assert_null(leave(0));
	assert_null(leave(0));
	assert_heard(URI, "1: ");
	assert_null(leave(2)); /* has not subscribed */
	change = leave(1);
	assert_non_null(change);
	assert_heard(URI, "");
	end(change, SUBSCRIPTION_ACCEPTED);
	assert_int_equal(subscriptions_count(all), 0);
	assert_told("");
	assert_non_null(change = join(0)); /* the backend is asked again */
	end(change, SUBSCRIPTION_REFUSED);
}

static void
a_refused_one_does_not_count(void **state)
{
	(void)state;
	end(join(0), SUBSCRIPTION_REFUSED);
	assert_heard(URI, "");
	assert_int_equal(subscriptions_count(all), 0);
	assert_null(leave(0));
	assert_told("");
	end(join(0), SUBSCRIPTION_ACCEPTED);
	assert_heard(URI, "0: ");
}

static void
an_unknown_outcome_is_undone_at_the_backend(void **state)
{
	(void)state;
	end(join(0), SUBSCRIPTION_UNKNOWN);
	assert_told("-0\"test://a\" ");
	assert_heard(URI, "");
}

static void
the_last_session_that_ends_unsubscribes_once(void **state)
{
	(void)state;
	join_asking(0, URI);
	assert_null(join(1));
	join_asking(0, "test://b");
	subscriptions_leave_all(&sessions[0]);
	assert_told("-0\"test://b\" ");
	assert_heard(URI, "1: ");
	subscriptions_leave_all(&sessions[1]);
	assert_told("-0\"test://a\" ");
	assert_int_equal(subscriptions_count(all), 0);
}

static void
backends_and_uris_are_kept_apart(void **state)
{
	struct subscription_change *change;

	(void)state;
	join_asking(0, URI);
	assert_non_null(change = join_as(1, 1, URI, URI));
	end(change, SUBSCRIPTION_ACCEPTED);
	assert_heard(URI, "0: ");
	assert_heard("test://A", "");
	assert_heard("test:///a", "");
	assert_heard("test://", "");
	assert_heard("", "");
	subscriptions_leave_all(&sessions[1]);
	assert_told("-1\"test://a\" ");
}

/* ---- what crosses ----------------------------------------------------- */

static void
two_that_ask_at_once_both_ask(void **state)
{
	const enum subscription_outcome outcomes[] = { SUBSCRIPTION_ACCEPTED,
		SUBSCRIPTION_REFUSED, SUBSCRIPTION_UNKNOWN };

	(void)state;
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++) {
			struct subscription_change *first = join(0);
			struct subscription_change *second = join(1);
			char expected[16] = "";

			if (j == 0)
				strlcat(expected, "1: ", sizeof(expected));
			if (i == 0)
				strlcat(expected, "0: ", sizeof(expected));
			/* The answers may come in any order. */
			if ((i + j) % 2 == 0) {
				end(first, outcomes[i]);
				end(second, outcomes[j]);
			} else {
				end(second, outcomes[j]);
				end(first, outcomes[i]);
				if (i == 0 && j == 0)
					strlcpy(expected,
					    "0: 1: ", sizeof(expected));
			}
			assert_heard(URI, expected);
			subscriptions_leave_all(&sessions[0]);
			subscriptions_leave_all(&sessions[1]);
			/* Once, where it may be subscribed to. */
			assert_told(i == 1 && j == 1 ? "" : "-0\"test://a\" ");
			assert_int_equal(subscriptions_count(all), 0);
		}
	}
}

static void
leaving_before_the_answer_leaves(void **state)
{
	struct subscription_change *change = join(0);

	(void)state;
	assert_null(leave(0));
	assert_told(""); /* the backend may not have seen the request */
	end(change, SUBSCRIPTION_ACCEPTED);
	assert_heard(URI, "");
	assert_told("-0\"test://a\" ");
	change = join(0);
	assert_null(leave(0));
	end(change, SUBSCRIPTION_REFUSED);
	assert_told("");
}

static void
leaving_and_joining_before_the_answer_counts_by_the_later(void **state)
{
	struct subscription_change *first = join(0);
	struct subscription_change *second;

	(void)state;
	assert_null(leave(0));
	second = join(0);
	end(first, SUBSCRIPTION_ACCEPTED);
	assert_heard(URI, "");
	end(second, SUBSCRIPTION_REFUSED);
	assert_heard(URI, "");
	assert_told("-0\"test://a\" ");
	first = join(0);
	assert_null(leave(0));
	second = join(0);
	end(first, SUBSCRIPTION_REFUSED);
	end(second, SUBSCRIPTION_ACCEPTED);
	assert_heard(URI, "0: ");
	assert_told("");
}

static void
the_last_does_not_unsubscribe_whom_another_joins(void **state)
{
	struct subscription_change *first = join(0);
	struct subscription_change *second = join(1);

	(void)state;
	end(first, SUBSCRIPTION_ACCEPTED);
	assert_null(leave(0)); /* the second's request is in flight */
	end(second, SUBSCRIPTION_ACCEPTED);
	assert_heard(URI, "1: ");
	assert_told("");
	subscriptions_leave_all(&sessions[1]);
	assert_told("-0\"test://a\" ");
	/* The same, but the second is refused: nobody is left. */
	first = join(0);
	second = join(1);
	end(first, SUBSCRIPTION_ACCEPTED);
	assert_null(leave(0));
	end(second, SUBSCRIPTION_REFUSED);
	assert_told("-0\"test://a\" ");
}

static void
joining_while_another_leaves_is_told_again(void **state)
{
	struct subscription_change *leaving, *joining;

	(void)state;
	for (int order = 0; order < 2; order++) {
		join_asking(0, URI);
		leaving = leave(0);
		joining = join(1);
		assert_non_null(joining);
		if (order == 0)
			end(leaving, SUBSCRIPTION_ACCEPTED);
		end(joining, SUBSCRIPTION_ACCEPTED);
		if (order == 1) {
			assert_told("");
			end(leaving, SUBSCRIPTION_ACCEPTED);
		}
		/* Which of them the backend saw last cannot be known. */
		assert_told("+0\"test://a\" ");
		assert_heard(URI, "1: ");
		subscriptions_leave_all(&sessions[1]);
		assert_told("-0\"test://a\" ");
	}
}

static void
a_refused_unsubscribe_is_told_again_once(void **state)
{
	(void)state;
	join_asking(0, URI);
	end(leave(0), SUBSCRIPTION_REFUSED);
	assert_told("-0\"test://a\" ");
	join_asking(0, URI);
	end(leave(0), SUBSCRIPTION_UNKNOWN);
	assert_told("-0\"test://a\" ");
	assert_heard(URI, "");
}

static void
a_session_that_ends_while_it_asks_is_forgotten(void **state)
{
	struct subscription_change *change = join(0);

	(void)state;
	/* Its requests are cancelled before. */
	end(change, SUBSCRIPTION_UNKNOWN);
	subscriptions_leave_all(&sessions[0]);
	assert_told("-0\"test://a\" ");
	/* Another's request is in flight: nothing is undone. */
	change = join(0);
	join_asking(1, URI);
	end(change, SUBSCRIPTION_UNKNOWN);
	subscriptions_leave_all(&sessions[0]);
	assert_told("");
	assert_heard(URI, "1: ");
}

/* ---- the backend goes and comes --------------------------------------- */

static void
what_is_subscribed_is_told_to_the_next_process(void **state)
{
	struct subscription_change *change;

	(void)state;
	join_asking(0, URI);
	join_asking(1, "test://b");
	change = join_as(2, 0, "test://c", "test://c");
	subscriptions_lost(all, 0);
	end(change, SUBSCRIPTION_UNKNOWN);
	told[0] = '\0'; /* the link is down: nothing really goes */
	subscriptions_renew(all, 0);
	assert_told("+0\"test://a\" +0\"test://b\" ");
	assert_heard(URI, "0: ");
	/* Nothing was answered yet: the next one asks. */
	assert_non_null(change = join(1));
	end(change, SUBSCRIPTION_ACCEPTED);
	assert_null(join(2));
	assert_told("");
}

static void
while_the_backend_is_away_leaving_needs_nobody(void **state)
{
	(void)state;
	join_asking(0, URI);
	subscriptions_lost(all, 0);
	subscriptions_leave(all, &sessions[0], 0, URI, NULL);
	subscriptions_renew(all, 0);
	assert_told("");
	assert_int_equal(subscriptions_count(all), 0);
}

static void
what_is_in_flight_when_greeted_anew_is_told_again(void **state)
{
	struct subscription_change *change = join(0);

	(void)state;
	subscriptions_renew(all, 0);
	assert_told("");
	end(change, SUBSCRIPTION_ACCEPTED); /* perhaps by the old session */
	assert_told("+0\"test://a\" ");
	change = leave(0);
	subscriptions_renew(all, 0);
	end(change, SUBSCRIPTION_ACCEPTED);
	assert_told("");
}

static void
what_could_not_be_told_is_told_later(void **state)
{
	(void)state;
	join_asking(0, URI);
	join_asking(1, "test://b");
	refuse = true;
	subscriptions_leave_all(&sessions[0]);
	subscriptions_renew(all, 0);
	subscriptions_retry(all, 0);
	refuse = false;
	assert_told("");
	subscriptions_retry(all, 0);
	assert_told("-0\"test://a\" +0\"test://b\" ");
	subscriptions_retry(all, 0);
	assert_told("");
	/* Nobody wants it now, but somebody does before it could be told. */
	refuse = true;
	subscriptions_leave_all(&sessions[1]);
	refuse = false;
	join_asking(2, "test://b");
	subscriptions_retry(all, 0);
	assert_told("");
}

/* ---- names ------------------------------------------------------------ */

static void
clients_hear_the_uri_that_they_use(void **state)
{
	const char *uri;
	size_t backend;

	(void)state;
	end(join_as(0, 0, URI, "one+test://a"), SUBSCRIPTION_ACCEPTED);
	assert_null(join(1));
	assert_heard(URI, "1: 0:one+test://a ");
	assert_heard("test://a/b", "1: 0:one+test://a/b ");
	assert_true(
	    subscriptions_find(&sessions[0], "one+test://a", &backend, &uri));
	assert_int_equal(backend, 0);
	assert_string_equal(uri, URI);
	assert_false(subscriptions_find(&sessions[0], URI, &backend, &uri));
	assert_true(subscriptions_find(&sessions[1], URI, &backend, &uri));
	/* The later name of the same resource counts, once. */
	assert_null(join(0));
	assert_int_equal(sessions[0].subscription_count, 1);
	assert_heard(URI, "0: 1: ");
	/* The same name of another resource moves the subscription. */
	end(join_as(0, 1, "test://z", URI), SUBSCRIPTION_ACCEPTED);
	assert_heard(URI, "1: ");
	assert_true(subscriptions_find(&sessions[0], URI, &backend, &uri));
	assert_int_equal(backend, 1);
	assert_string_equal(uri, "test://z");
}

static void
what_is_being_asked_for_is_found_too(void **state)
{
	struct request request = { 0 };
	const char *uri;
	size_t backend;

	(void)state;
	request.change = join_as(0, 0, URI, "one+test://a");
	TAILQ_INSERT_TAIL(&sessions[0].requests, &request, of_session);
	assert_true(
	    subscriptions_find(&sessions[0], "one+test://a", &backend, &uri));
	assert_string_equal(uri, URI);
	assert_null(leave(0));
	assert_false(
	    subscriptions_find(&sessions[0], "one+test://a", &backend, &uri));
	end(request.change, SUBSCRIPTION_REFUSED);
}

static void
who_subscribed_above_hears_of_what_is_below(void **state)
{
	(void)state;
	join_asking(0, "test://dir");
	join_asking(1, "test://dir/");
	join_asking(2, "test://dir/file");
	assert_heard("test://dir", "0: ");
	assert_heard("test://dir/", "1: 0: ");
	assert_heard("test://dir/file", "2: 1: 0: ");
	assert_heard("test://dir/file2", "1: 0: ");
	assert_heard("test://dir/file/x/y", "2: 1: 0: ");
	assert_heard("test://dirt", "");
	assert_heard("test://dir?x", "");
	assert_heard("test:/", "");
	/* Who is told of the nearest is not told again. */
	assert_null(join_as(2, 0, "test://dir", "dir"));
	assert_heard("test://dir/file", "2: 1: 0: ");
	assert_heard("test://dir/other", "1: 2:dir/other 0: ");
}

static void
a_slash_that_a_library_added_is_not_doubled(void **state)
{
	(void)state;
	end(join_as(0, 0, "https://host", "https://host/"),
	    SUBSCRIPTION_ACCEPTED);
	assert_heard("https://host/a", "0:https://host/a ");
	assert_heard("https://host", "0:https://host/ ");
}

static void
bytes_of_any_kind_are_only_bytes(void **state)
{
	static const char with_nul[] = "test://a\0/b";

	(void)state;
	join_asking(0, URI);
	subscriptions_updated(
	    all, 0, with_nul, sizeof(with_nul) - 1, note, NULL);
	assert_string_equal(heard, "");
	join_asking(0, "\xff\xfe\x01\"\\");
	assert_heard("\xff\xfe\x01\"\\", "0: ");
	subscriptions_renew(all, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_first_asks_and_the_others_are_answered),
		TEST(a_refused_one_does_not_count),
		TEST(an_unknown_outcome_is_undone_at_the_backend),
		TEST(the_last_session_that_ends_unsubscribes_once),
		TEST(backends_and_uris_are_kept_apart),
		TEST(two_that_ask_at_once_both_ask),
		TEST(leaving_before_the_answer_leaves),
		TEST(leaving_and_joining_before_the_answer_counts_by_the_later),
		TEST(the_last_does_not_unsubscribe_whom_another_joins),
		TEST(joining_while_another_leaves_is_told_again),
		TEST(a_refused_unsubscribe_is_told_again_once),
		TEST(a_session_that_ends_while_it_asks_is_forgotten),
		TEST(what_is_subscribed_is_told_to_the_next_process),
		TEST(while_the_backend_is_away_leaving_needs_nobody),
		TEST(what_is_in_flight_when_greeted_anew_is_told_again),
		TEST(what_could_not_be_told_is_told_later),
		TEST(clients_hear_the_uri_that_they_use),
		TEST(what_is_being_asked_for_is_found_too),
		TEST(who_subscribed_above_hears_of_what_is_below),
		TEST(a_slash_that_a_library_added_is_not_doubled),
		TEST(bytes_of_any_kind_are_only_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
