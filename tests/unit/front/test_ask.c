/*
 * test_ask.c: each question of a backend ends once: with an answer, when its
 * time is up, or with whoever asked or is asked.
 */
#include "ask_fixture.h"

static const char too_late[] = "The client did not answer within 10 minutes";

/* ---- time ------------------------------------------------------------- */

static void
after_ten_minutes_both_are_told_once(void **state)
{
	uint64_t id;

	(void)state;
	links[0].owner = &sessions[0];
	id = ask_well(&links[0], 0, 7, &streams[0]);
	assert_int_equal(timer.due_ms, 5000 + 600000);
	wait_until(5000 + 599999);
	assert_int_equal(said_count, 1);
	assert_int_equal(asks_count(front.asks), 1);
	wait_until(5000 + 600000);
	assert_int_equal(said_count, 3);
	assert_cancelled(1, &streams[0], id, "\"timed out\"");
	assert_refused(2, &links[0], 7, RPC_INTERNAL_ERROR, too_late);
	assert_int_equal(asks_count(front.asks), 0);
	assert_int_equal(sessions[0].ask_count, 0);
	assert_true(TAILQ_EMPTY(&links[0].asks));
	assert_int_equal(timer.due_ms, NEVER);
	/* Too late, for all of them. */
	answer(&sessions[0], id);
	asks_retract(&links[0], 7, NULL, 0);
	asks_link_lost(&links[0]);
	asks_session_gone(&sessions[0]);
	assert_int_equal(said_count, 3);
}

static void
a_timer_that_runs_early_ends_nothing(void **state)
{
	(void)state;
	links[0].owner = &sessions[0];
	ask_well(&links[0], 0, 7, &streams[0]);
	now += ASK_MS - 1;
	timer.due_ms = NEVER;
	timer.run(-1, EV_TIMEOUT, timer.arg);
	assert_int_equal(said_count, 1);
	assert_int_equal(asks_count(front.asks), 1);
	assert_int_equal(timer.due_ms, now + 1);
}

static void
the_oldest_ends_first_and_the_next_is_waited_for(void **state)
{
	const uint64_t began = now;
	uint64_t ids[4];

	(void)state;
	links[0].owner = &sessions[0];
	links[1].owner = &sessions[1];
	ids[0] = ask_well(&links[0], 0, 1, &streams[0]);
	wait_until(began + 100);
	ids[1] = ask_well(&links[1], 0, 1, &streams[1]);
	ids[2] = ask_well(&links[0], 0, 2, &streams[0]);
	wait_until(began + 2250);
	ids[3] = ask_well(&links[1], 0, 2, &streams[1]);
	assert_int_equal(timer.due_ms, began + ASK_MS);

	said_count = 0;
	wait_until(began + ASK_MS);
	assert_int_equal(said_count, 2);
	assert_cancelled(0, &streams[0], ids[0], "\"timed out\"");
	assert_refused(1, &links[0], 1, RPC_INTERNAL_ERROR, too_late);
	assert_int_equal(timer.due_ms, began + ASK_MS + 100);

	wait_until(began + ASK_MS + 100);
	assert_int_equal(said_count, 6);
	assert_cancelled(2, &streams[1], ids[1], "\"timed out\"");
	assert_refused(3, &links[1], 1, RPC_INTERNAL_ERROR, too_late);
	assert_cancelled(4, &streams[0], ids[2], "\"timed out\"");
	assert_refused(5, &links[0], 2, RPC_INTERNAL_ERROR, too_late);
	assert_int_equal(asks_count(front.asks), 1);
	assert_int_equal(timer.due_ms, began + ASK_MS + 2250);

	wait_until(began + ASK_MS + 2250);
	assert_int_equal(said_count, 8);
	assert_cancelled(6, &streams[1], ids[3], "\"timed out\"");
	assert_refused(7, &links[1], 2, RPC_INTERNAL_ERROR, too_late);
	assert_int_equal(asks_count(front.asks), 0);
	assert_int_equal(timer.due_ms, NEVER);
}

static void
the_time_of_an_answered_one_is_not_that_of_the_next(void **state)
{
	const uint64_t began = now;
	uint64_t first;
	uint64_t second;

	(void)state;
	links[0].owner = &sessions[0];
	first = ask_well(&links[0], 0, 1, &streams[0]);
	wait_until(began + 1000);
	second = ask_well(&links[0], 0, 2, &streams[0]);
	answer(&sessions[0], first);
	assert_answered(2, &links[0], 1, first);
	wait_until(began + ASK_MS + 999);
	assert_int_equal(said_count, 3);
	assert_int_equal(timer.due_ms, began + ASK_MS + 1000);
	wait_until(began + ASK_MS + 1000);
	assert_int_equal(said_count, 5);
	assert_cancelled(3, &streams[0], second, "\"timed out\"");
	assert_refused(4, &links[0], 2, RPC_INTERNAL_ERROR, too_late);
}

static void
a_timeout_without_a_listener_or_a_worker_tells_who_is_left(void **state)
{
	uint64_t id;

	(void)state;
	links[0].owner = &sessions[0];
	links[1].owner = &sessions[1];
	ask_well(&links[0], 0, 1, &streams[0]);
	id = ask_well(&links[1], 0, 2, &streams[1]);
	sessions[0].main = NULL;
	links[1].chan = NULL;
	said_count = 0;
	wait_until(now + ASK_MS);
	assert_int_equal(said_count, 2);
	assert_refused(0, &links[0], 1, RPC_INTERNAL_ERROR, too_late);
	assert_cancelled(1, &streams[1], id, "\"timed out\"");
	assert_int_equal(asks_count(front.asks), 0);
}

/* ---- answers ---------------------------------------------------------- */

static void
an_answer_is_passed_on_once_and_is_the_last_word(void **state)
{
	uint64_t id;

	(void)state;
	links[0].owner = &sessions[0];
	id = ask_well(&links[0], 0, 7, &streams[0]);
	answer(&sessions[0], id);
	assert_int_equal(said_count, 2);
	assert_answered(1, &links[0], 7, id);
	answer(&sessions[0], id);
	asks_retract(&links[0], 7, NULL, 0);
	wait_until(now + 2 * ASK_MS);
	assert_int_equal(said_count, 2);
	assert_int_equal(timer.due_ms, NEVER);
}

static void
nobody_answers_for_another_or_what_was_not_asked(void **state)
{
	static const char *const strangers[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\"}}",
	};
	struct rpc_message msg;
	uint64_t id;

	(void)state;
	links[0].owner = &sessions[0];
	id = ask_well(&links[0], 0, 7, &streams[0]);
	assert_int_equal(id, 1);
	answer(&sessions[1], id);
	answer(&sessions[0], id + 1);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
		parse(&msg, strangers[i]);
		asks_answer(&sessions[0], &msg);
	}
	assert_int_equal(said_count, 1);
	answer(&sessions[0], id);
	assert_int_equal(said_count, 2);
	assert_answered(1, &links[0], 7, id);
}

static void
progress_goes_to_who_asked_and_ends_nothing(void **state)
{
	static const char text[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
	    "\"params\":{\"progressToken\":1,\"progress\":5}}";
	struct rpc_message msg;

	(void)state;
	links[0].owner = &sessions[0];
	assert_int_equal(ask_well(&links[0], 0, 7, &streams[0]), 1);
	parse(&msg, text);
	asks_progress(&sessions[1], &msg); /* it was not asked */
	assert_int_equal(said_count, 1);
	asks_progress(&sessions[0], &msg);
	assert_int_equal(said_count, 2);
	assert_ptr_equal(said[1].to, links[0].chan);
	assert_int_equal(said[1].type, MSG_ASK_PROGRESS);
	assert_int_equal(said[1].number, 7);
	assert_string_equal(said[1].text, text);
	assert_int_equal(asks_count(front.asks), 1);
	/* It is no answer either: the time is up as it was. */
	assert_int_equal(timer.due_ms, now + ASK_MS);
}

/* ---- what ends -------------------------------------------------------- */

static void
a_retracted_question_is_cancelled_and_not_answered(void **state)
{
	static const char newline[] = "\"a\"\n";
	uint64_t ids[4];

	(void)state;
	links[0].owner = &sessions[0];
	links[1].owner = &sessions[1];
	for (uint32_t i = 0; i < 4; i++)
		ids[i] = ask_well(&links[0], 0, i, &streams[0]);
	ask_well(&links[1], 0, 0, &streams[1]); /* the same number, elsewhere */
	said_count = 0;
	asks_retract(&links[0], 0, "\"never mind\"", 12);
	asks_retract(&links[0], 1, NULL, 0);
	asks_retract(&links[0], 2, "{\"no\":1}", 8); /* no string */
	asks_retract(&links[0], 3, newline, sizeof(newline) - 1);
	assert_int_equal(said_count, 4);
	assert_cancelled(0, &streams[0], ids[0], "\"never mind\"");
	for (size_t i = 1; i < 4; i++)
		assert_cancelled(i, &streams[0], ids[i], NULL);
	assert_int_equal(asks_count(front.asks), 1);
	asks_retract(&links[0], 0, NULL, 0);
	for (size_t i = 0; i < 4; i++)
		answer(&sessions[0], ids[i]);
	assert_int_equal(said_count, 4);
}

static void
who_asked_a_client_that_is_gone_is_told_once(void **state)
{
	uint64_t number;
	uint64_t id;

	(void)state;
	number = call(&links[0], &post);
	links[1].owner = &sessions[0];
	ask_well(&links[0], number, 1, &post);
	ask_well(&links[1], 0, 2, &streams[0]);
	links[1].owner = &sessions[1];
	id = ask_well(&links[1], 0, 3, &streams[1]);
	said_count = 0;
	asks_session_gone(&sessions[0]);
	assert_int_equal(said_count, 2); /* and nobody else */
	assert_refused(
	    0, &links[0], 1, RPC_INTERNAL_ERROR, "The client is gone");
	assert_refused(
	    1, &links[1], 2, RPC_INTERNAL_ERROR, "The client is gone");
	/* As session_close() goes on. */
	end_call(&links[0], number);
	asks_session_gone(&sessions[0]);
	assert_int_equal(said_count, 2);
	answer(&sessions[1], id);
	assert_int_equal(said_count, 3);
	assert_answered(2, &links[1], 3, id);
}

static void
clients_of_a_backend_that_is_gone_are_told_once(void **state)
{
	uint64_t numbers[2];
	uint64_t ids[3];

	(void)state;
	numbers[0] = call(&links[0], &post);
	numbers[1] = call(&links[0], &streams[1]);
	streams[1].request = post.request;
	ids[0] = ask_well(&links[0], numbers[0], 1, &post);
	ids[1] = ask_well(&links[0], numbers[1], 2, &streams[1]);
	links[1].owner = &sessions[0];
	ids[2] = ask_well(&links[1], 0, 1, &streams[0]);
	said_count = 0;
	asks_link_lost(&links[0]);
	assert_int_equal(said_count, 2); /* and nothing to its worker */
	assert_cancelled(0, &post, ids[0], "\"its server is gone\"");
	assert_cancelled(1, &streams[1], ids[1], "\"its server is gone\"");
	/* As link_fail() goes on. */
	end_call(&links[0], numbers[0]);
	end_call(&links[0], numbers[1]);
	asks_link_lost(&links[0]);
	answer(&sessions[0], ids[0]);
	answer(&sessions[1], ids[1]);
	assert_int_equal(said_count, 2);
	answer(&sessions[0], ids[2]);
	assert_int_equal(said_count, 3);
	assert_answered(2, &links[1], 1, ids[2]);
}

static void
a_question_ends_with_the_request_that_it_came_with(void **state)
{
	uint64_t number;
	uint64_t with;
	uint64_t maybe;

	(void)state;
	number = call(&links[0], &post);
	with = ask_well(&links[0], number, 1, &post);
	maybe = ask_well(&links[0], 0, 2, &post);
	said_count = 0;
	end_call(&links[0], number);
	assert_int_equal(said_count, 2);
	assert_cancelled(0, &streams[0], with, "\"its request is over\"");
	assert_refused(1, &links[0], 1, RPC_INTERNAL_ERROR,
	    "The request that this belongs to is over");
	/* Of the other it is not certain whose it is: it waits. */
	assert_int_equal(asks_count(front.asks), 1);
	wait_until(now + ASK_MS);
	assert_int_equal(said_count, 4);
	assert_cancelled(2, &streams[0], maybe, "\"timed out\"");
	assert_refused(3, &links[0], 2, RPC_INTERNAL_ERROR, too_late);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(after_ten_minutes_both_are_told_once),
		TEST(a_timer_that_runs_early_ends_nothing),
		TEST(the_oldest_ends_first_and_the_next_is_waited_for),
		TEST(the_time_of_an_answered_one_is_not_that_of_the_next),
		TEST(
		    a_timeout_without_a_listener_or_a_worker_tells_who_is_left),
		TEST(an_answer_is_passed_on_once_and_is_the_last_word),
		TEST(nobody_answers_for_another_or_what_was_not_asked),
		TEST(progress_goes_to_who_asked_and_ends_nothing),
		TEST(a_retracted_question_is_cancelled_and_not_answered),
		TEST(who_asked_a_client_that_is_gone_is_told_once),
		TEST(clients_of_a_backend_that_is_gone_are_told_once),
		TEST(a_question_ends_with_the_request_that_it_came_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
