/* test_process_watch.c: children that do not answer, or too often. */
#include "process_fixture.h"

/* Our own ticks: nobody waits for them. */
static void
tick(struct fixture *f, int times)
{
	for (int i = 0; i < times; i++)
		processes_tick(f->processes);
}

static void
one_that_does_not_answer_is_killed(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	start(f, FOREVER);
	until_hello(f);
	tick(f, 5);
	loop_turn(f);
	assert_false(f->gone);
	tick(f, 1);
	until_gone(f);
	assert_int_equal(WTERMSIG(f->status), SIGKILL);
	assert_string_equal(f->why, "did not answer for 5 s");
}

static void
one_that_is_stopped_is_killed_too(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	start(f, FOREVER);
	until_hello(f);
	assert_int_equal(kill(process_pid(f->process), SIGSTOP), 0);
	tick(f, 6);
	until_gone(f);
	assert_string_equal(f->why, "did not answer for 5 s");
}

static void
before_its_hello_it_is_not_asked(void **state)
{
	struct fixture *f = *state;
	char keep[128], path[64];
	struct stat st;

	(void)snprintf(keep, sizeof(keep), "exec cat <&3 >%s/later", f->dir);
	start(f, keep);
	tick(f, 5);
	process_close(f->process);
	until_gone(f);
	assert_false(f->killed);
	path_of(f, "later", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void
one_that_says_no_hello_is_killed(void **state)
{
	struct fixture *f = *state;

	start(f, FOREVER);
	tick(f, 5);
	assert_int_equal(kill(process_pid(f->process), 0), 0);
	tick(f, 1);
	until_gone(f);
	assert_int_equal(WTERMSIG(f->status), SIGKILL);
	assert_string_equal(f->why, "did not say HELLO in time");
}

/* A HELLO that we had no time to hear for long is as good as any. */
static void
a_late_hello_counts(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	start(f, FOREVER);
	tick(f, 5);
	until_hello(f);
	tick(f, 5);
	assert_null(f->process->killed);
	tick(f, 1);
	until_gone(f);
	assert_string_equal(f->why, "did not answer for 5 s");
}

static void
one_that_answers_lives_and_what_it_says_is_kept(void **state)
{
	struct fixture *f = *state;
	char answer[256];

	/* For each PING, a header and nothing else, its next PONG. */
	will_send(f, MSG_HELLO, 0, HELLO);
	for (unsigned int n = 1; n <= 20; n++)
		will_send_later(f, MSG_PONG, n, "");
	(void)snprintf(answer, sizeof(answer),
	    "exec 4<%s/later; while dd bs=24 count=1 <&3 >/dev/null 2>&1;"
	    "do dd bs=24 count=1 <&4 >&3 2>/dev/null; done",
	    f->dir);
	start(f, answer);
	until_hello(f);
	assert_int_equal(process_pong(f->process), 0);
	for (unsigned int n = 1; n <= 20; n++) {
		tick(f, 1);
		while (!f->gone && process_pong(f->process) != n)
			loop_turn(f);
		assert_false(f->gone);
	}
	assert_int_equal(f->frames, 0); /* its owner hears nothing of it */
	process_kill(f->process, "enough");
	until_gone(f);
}

static void
answers_that_nobody_asked_for_are_no_crime(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	for (unsigned int n = 1; n <= 20; n++)
		will_send(f, MSG_PONG, n, "");
	start(f, "exit 4");
	until_gone(f);
	assert_false(f->killed);
	assert_int_equal(WEXITSTATUS(f->status), 4);
}

static void
a_flood_of_answers_is_punished(void **state)
{
	struct fixture *f = *state;
	char more[256];

	will_send(f, MSG_HELLO, 0, HELLO);
	for (unsigned int n = 0; n < 1000; n++)
		will_send_later(f, MSG_PONG, n, "");
	(void)snprintf(
	    more, sizeof(more), "while cat %s/later >&3; do :; done", f->dir);
	start(f, more);
	until_gone(f);
	assert_true(f->killed);
}

static void
an_answer_before_hello_is_punished(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_PONG, 1, "");
	start(f, FOREVER);
	until_gone(f);
	assert_true(f->killed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_does_not_answer_is_killed),
		TEST(one_that_is_stopped_is_killed_too),
		TEST(before_its_hello_it_is_not_asked),
		TEST(one_that_says_no_hello_is_killed),
		TEST(a_late_hello_counts),
		TEST(one_that_answers_lives_and_what_it_says_is_kept),
		TEST(answers_that_nobody_asked_for_are_no_crime),
		TEST(a_flood_of_answers_is_punished),
		TEST(an_answer_before_hello_is_punished),
	};

	/* As mcp-gatewayd begins: whoever runs the test may leave some open. */
	closefrom(STDERR_FILENO + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
