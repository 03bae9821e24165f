/* test_asks_end.c: requests to clients that no client answers get exactly one
 * answer all the same, and it arrives. */
#include "asks_fixture.h"

static void
without_a_front_it_is_refused_at_once(void **state)
{
	static const struct {
		int error;
		const char *why;
	} cases[] = {
		{ ENOTCONN, "No client is there" },
		{ ECANCELED, "The request that it belongs to is over" },
		{ EAGAIN, "too busy" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		forget_heard();
		world.ask_errno = cases[i].error;
		assert_true(request(ROOTS("1")));
		expect_part("\"id\":1,\"error\":{\"code\":-32603");
		expect_part(cases[i].why);
		assert_false(world.pending);
	}
	forget_heard();
	wait_ms(ASKS_PENDING_MS);
	expect("");
}

static void
a_front_that_is_gone_fails_all_of_them_once(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	assert_true(request(ROOTS("2")));
	world.ask_errno = EBUSY;
	assert_true(request(ROOTS("3")));
	forget_heard();
	asks_front_gone(world.asks);
	assert_int_equal(times("sent "), 3);
	for (int i = 1; i <= 3; i++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "\"id\":%d,\"error\"", i);
		assert_int_equal(times(want), 1);
	}
	assert_int_equal(times("The client is gone"), 3);
	assert_false(world.pending);
	forget_heard();
	asks_front_gone(world.asks);
	answer(1, RESULT("1"));
	wait_ms(ASKS_PENDING_MS);
	expect("");
}

static void
a_session_that_is_over_is_not_answered(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	assert_true(request(ROOTS("2")));
	world.ask_errno = EBUSY;
	assert_true(request(ROOTS("3")));
	world.send_errno = EAGAIN;
	answer(2, RESULT("2"));
	forget_heard();
	asks_forget(world.asks);
	expect("retract 1 \n");
	assert_false(world.pending);
	world.send_errno = 0;
	world.ask_errno = 0;
	asks_up(world.asks);
	wait_ms(ASKS_PENDING_MS);
	expect("");
	/* The same ids in the next one are others. */
	assert_true(request(ROOTS("1")));
	expect("ask 4 0 " ROOTS("1") "\n");
}

static void
what_comes_too_early_is_held_until_the_front_can_hear_it(void **state)
{
	(void)state;
	world.ask_errno = EBUSY;
	assert_true(request(ROOTS("1")));
	assert_true(request(ROOTS("2")));
	assert_true(request(ROOTS("3")));
	expect("");
	assert_false(world.pending);
	asks_up(world.asks); /* and it still cannot */
	cancel("{\"requestId\":2}");
	expect("");
	world.ask_errno = 0;
	asks_up(world.asks);
	expect("ask 1 0 " ROOTS("1") "\nask 3 0 " ROOTS("3") "\n");
	assert_true(world.pending);
	wait_ms(ASKS_HELD_MS);
	expect("");
	answer(3, RESULT("1"));
	expect("sent " RESULT("3") "\n");
}

static void
what_is_held_is_not_held_for_long(void **state)
{
	(void)state;
	world.ask_errno = EBUSY;
	assert_true(request(ROOTS("1")));
	wait_ms(ASKS_HELD_MS - 1);
	expect("");
	wait_ms(1);
	expect_part("sent {\"jsonrpc\":\"2.0\",\"id\":1,\"error\"");
	forget_heard();
	world.ask_errno = ENOTCONN;
	asks_up(world.asks);
	expect("");
}

static void
nobody_is_waited_for_without_end(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	world.now += 1000;
	assert_true(request(ROOTS("2")));
	forget_heard();
	wait_ms(ASKS_PENDING_MS - 1001);
	expect("");
	wait_ms(1);
	expect("sent {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,"
	       "\"message\":\"No client has answered within 15 minutes\"}}\n"
	       "retract 1 \n");
	assert_true(world.pending);
	wait_ms(1000);
	expect_part("\"id\":2,\"error\"");
	assert_false(world.pending);
}

static void
an_answer_that_is_not_taken_is_sent_again(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	forget_heard();
	world.send_errno = EAGAIN;
	answer(1, RESULT("9"));
	/* It is not pending, and its id is not free. */
	assert_false(world.pending);
	answer(1, RESULT("9"));
	wait_ms(ASKS_RETRY_MS);
	world.send_errno = 0;
	assert_true(request(ROOTS("1")));
	expect_part("-32600");
	forget_heard();
	wait_ms(ASKS_RETRY_MS);
	expect("sent " RESULT("1") "\n");
	wait_ms(ASKS_PENDING_MS);
	expect("");
}

static void
an_answer_that_is_not_wanted_any_more_is_not_sent_again(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	world.send_errno = EAGAIN;
	answer(1, RESULT("9"));
	forget_heard();
	cancel("{\"requestId\":1}");
	world.send_errno = 0;
	wait_ms(ASKS_RETRY_MS);
	expect("");
}

static void
answers_that_are_too_large_to_keep_become_errors(void **state)
{
	const size_t size = ASKS_BYTES_MAX;
	char *text = malloc(size + 64);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', size);
	(void)snprintf(text + size, 64, "%s", RESULT("0"));
	assert_true(request(ROOTS("1")));
	assert_true(request(ROOTS("2")));
	forget_heard();
	world.send_errno = EAGAIN;
	answer(1, text);
	answer(2, RESULT("2"));
	free(text);
	world.send_errno = 0;
	wait_ms(ASKS_RETRY_MS);
	assert_int_equal(times("sent "), 2);
	expect_part("\"id\":2,\"error\":{\"code\":-32603");
	expect_part("The answer was lost");
}

static void
a_transport_that_is_over_wants_no_answers(void **state)
{
	(void)state;
	assert_true(request(ROOTS("1")));
	forget_heard();
	world.send_errno = EPIPE;
	answer(1, RESULT("9"));
	world.send_errno = 0;
	wait_ms(ASKS_PENDING_MS);
	expect("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(without_a_front_it_is_refused_at_once),
		IN_WORLD(a_front_that_is_gone_fails_all_of_them_once),
		IN_WORLD(a_session_that_is_over_is_not_answered),
		IN_WORLD(
		    what_comes_too_early_is_held_until_the_front_can_hear_it),
		IN_WORLD(what_is_held_is_not_held_for_long),
		IN_WORLD(nobody_is_waited_for_without_end),
		IN_WORLD(an_answer_that_is_not_taken_is_sent_again),
		IN_WORLD(
		    an_answer_that_is_not_wanted_any_more_is_not_sent_again),
		IN_WORLD(answers_that_are_too_large_to_keep_become_errors),
		IN_WORLD(a_transport_that_is_over_wants_no_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
