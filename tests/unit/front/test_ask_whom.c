/*
 * test_ask_whom.c: which client a question of a backend is for, and how many
 * may wait for answers.
 */
#include "ask_fixture.h"

static const char too_late[] = "The client did not answer within 10 minutes";
static const char too_many[] = "Too many questions are not answered yet";

/* ---- whom a question is for ------------------------------------------- */

static void
a_question_goes_with_the_answer_of_its_request(void **state)
{
	uint64_t number;

	(void)state;
	number = call(&links[0], &post);
	call(&links[0], &streams[1]); /* somebody else's */
	ask_well(&links[0], number, 1, &post);
	post.dropped = true;
	ask_well(&links[0], number, 2, &streams[0]);
	post.dropped = false;
	post.request = NULL;
	ask_well(&links[0], number, 3, &streams[0]);
	streams[0].dropped = true;
	said_count = 0;
	ask(&links[0], number, 4);
	assert_int_equal(said_count, 1);
	assert_refused(0, &links[0], 4, RPC_INTERNAL_ERROR,
	    "The client has no stream open over which it could be asked");
	assert_int_equal(for_nobody, 0);
}

static void
a_question_that_may_be_for_several_is_for_nobody(void **state)
{
	uint64_t second;

	(void)state;
	ask(&links[0], 0, 1);
	assert_int_equal(said_count, 1);
	assert_refused(0, &links[0], 1, RPC_INTERNAL_ERROR,
	    "No client is being served that could be asked; with "
	    "\\\"session\\\": \\\"per-client\\\" each has a server of its own");
	call(&links[0], &post);
	call(&links[0], &post); /* the same client's */
	second = call(&links[0], &streams[1]);
	said_count = 0;
	ask(&links[0], 0, 2);
	assert_int_equal(said_count, 1);
	assert_refused(0, &links[0], 2, RPC_INTERNAL_ERROR,
	    "Which client is meant cannot be told; with \\\"session\\\": "
	    "\\\"per-client\\\" or \\\"auto\\\" each has a server of its own");
	assert_int_equal(for_nobody, 2);
	end_call(&links[0], second);
	ask_well(&links[0], 0, 3, &post);
}

static void
a_question_of_a_request_that_is_over_is_refused(void **state)
{
	uint64_t number;
	uint64_t others;

	(void)state;
	links[0].owner = &sessions[0];
	number = call(&links[0], &post);
	others = call(&links[1], &streams[1]);
	end_call(&links[0], number);
	ask(&links[0], number, 1);
	ask(&links[0], others, 2); /* in flight at another backend */
	assert_int_equal(said_count, 2);
	assert_refused(0, &links[0], 1, RPC_INTERNAL_ERROR,
	    "The request that this belongs to is over");
	assert_refused(1, &links[0], 2, RPC_INTERNAL_ERROR,
	    "The request that this belongs to is over");
	assert_int_equal(for_nobody, 0);
}

static void
a_client_is_asked_only_what_it_can(void **state)
{
	static const char text[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}";
	static const char unknown[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"client/other\"}";
	static const char no_request[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"roots/list\"}";
	static const char cannot[] =
	    "The client did not declare that it can do this";

	(void)state;
	links[0].owner = &sessions[0];
	asks_begin(&links[0], 0, 1, text, sizeof(text) - 1);
	asks_begin(&links[0], 0, 2, unknown, sizeof(unknown) - 1);
	asks_begin(&links[0], 0, 3, no_request, sizeof(no_request) - 1);
	asks_begin(&links[0], 0, 4, "{", 1);
	assert_int_equal(said_count, 4);
	assert_refused(0, &links[0], 1, RPC_METHOD_NOT_FOUND, cannot);
	assert_refused(1, &links[0], 2, RPC_METHOD_NOT_FOUND, cannot);
	assert_refused(
	    2, &links[0], 3, RPC_INTERNAL_ERROR, "This is no request");
	assert_refused(
	    3, &links[0], 4, RPC_INTERNAL_ERROR, "This is no request");
	sessions[0].capabilities |= MCP_CAN_LIST_ROOTS;
	asks_begin(&links[0], 0, 5, text, sizeof(text) - 1);
	assert_int_equal(said_count, 5);
	assert_ptr_equal(said[4].to, &streams[0]);
	assert_int_equal(asks_count(front.asks), 1);
}

/* ---- limits ----------------------------------------------------------- */

static void
a_session_is_asked_only_so_much_at_a_time(void **state)
{
	const uint32_t more = ASKS_SESSION_MAX + 1;
	uint64_t first;

	(void)state;
	links[0].owner = &sessions[0];
	links[1].owner = &sessions[1];
	first = ask_well(&links[0], 0, 1, &streams[0]);
	for (uint32_t i = 2; i <= ASKS_SESSION_MAX; i++)
		ask_well(&links[0], 0, i, &streams[0]);
	said_count = 0;
	ask(&links[0], 0, more);
	assert_int_equal(said_count, 1);
	assert_refused(0, &links[0], more, RPC_INTERNAL_ERROR, too_many);
	assert_int_equal(sessions[0].ask_count, ASKS_SESSION_MAX);
	ask_well(&links[1], 0, 1, &streams[1]); /* another client */
	said_count = 0;
	answer(&sessions[0], first);
	assert_answered(0, &links[0], 1, first);
	ask_well(&links[0], 0, more, &streams[0]);
	said_count = 0;
	ask(&links[0], 0, more + 1);
	assert_int_equal(said_count, 1);
	assert_refused(0, &links[0], more + 1, RPC_INTERNAL_ERROR, too_many);
}

static void
all_are_asked_only_so_much_at_a_time(void **state)
{
	struct session *last = &sessions[SESSIONS - 1];
	struct stream *stream = &streams[SESSIONS - 1];
	uint32_t number = 0;

	(void)state;
	for (size_t i = 0; i + 1 < SESSIONS; i++) {
		links[0].owner = &sessions[i];
		for (size_t n = 0; n < ASKS_SESSION_MAX; n++)
			ask_well(&links[0], 0, ++number, &streams[i]);
	}
	assert_int_equal(asks_count(front.asks), ASKS_MAX);
	links[1].owner = last;
	said_count = 0;
	ask(&links[1], 0, 1);
	assert_int_equal(said_count, 1);
	assert_refused(0, &links[1], 1, RPC_INTERNAL_ERROR, too_many);
	assert_int_equal(last->ask_count, 0);
	answer(&sessions[0], 1);
	ask_well(&links[1], 0, 2, stream);
	said_count = 0;
	ask(&links[1], 0, 3);
	assert_refused(0, &links[1], 3, RPC_INTERNAL_ERROR, too_many);

	/* However many there are, each is ended once. */
	said_count = 0;
	wait_until(now + ASK_MS);
	assert_int_equal(said_count, 2 * ASKS_MAX);
	assert_refused(1, &links[0], 2, RPC_INTERNAL_ERROR, too_late);
	assert_refused(
	    2 * ASKS_MAX - 1, &links[1], 2, RPC_INTERNAL_ERROR, too_late);
	assert_int_equal(asks_count(front.asks), 0);
	ask_well(&links[1], 0, 4, stream);
}

static void
a_refused_question_takes_no_place(void **state)
{
	(void)state;
	links[0].owner = &sessions[0];
	too_old = true;
	for (uint32_t i = 0; i <= ASKS_SESSION_MAX; i++) {
		ask(&links[0], 0, i);
		assert_int_equal(said_count, i + 1);
		assert_refused(i, &links[0], i, RPC_INTERNAL_ERROR,
		    "The client's revision cannot be asked this");
	}
	assert_int_equal(asks_count(front.asks), 0);
	too_old = false;
	ask_well(&links[0], 0, 100, &streams[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_goes_with_the_answer_of_its_request),
		TEST(a_question_that_may_be_for_several_is_for_nobody),
		TEST(a_question_of_a_request_that_is_over_is_refused),
		TEST(a_client_is_asked_only_what_it_can),
		TEST(a_session_is_asked_only_so_much_at_a_time),
		TEST(all_are_asked_only_so_much_at_a_time),
		TEST(a_refused_question_takes_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
