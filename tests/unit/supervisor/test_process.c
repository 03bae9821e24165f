/* test_process.c: children that do not keep to the rules. */
#include "process_fixture.h"

static void
one_that_keeps_to_the_rules_is_left_alone(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	will_send(f, MSG_READY, 0, "{}");
	will_send(f, MSG_OBITUARY, 0, "{}");
	start(f, "exit 5");
	until_gone(f);
	assert_true(f->hello);
	assert_int_equal(f->frames, 2);
	assert_true(f->obituary);
	assert_false(f->killed);
	assert_int_equal(WEXITSTATUS(f->status), 5);
}

static void
another_version_is_killed(void **state)
{
	struct fixture *f = *state;

	will_send(
	    f, MSG_HELLO, 0, "{\"role\":\"worker\",\"version\":\"9.9.9\"}");
	start(f, FOREVER);
	until_gone(f);
	assert_false(f->hello);
	assert_true(f->killed);
	assert_int_equal(WTERMSIG(f->status), SIGKILL);
}

static void
another_role_is_killed(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0,
	    "{\"role\":\"front\",\"version\":\"" MCPGW_VERSION "\"}");
	start(f, FOREVER);
	until_gone(f);
	assert_true(f->killed);
}

static void
speaking_before_hello_is_punished(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_READY, 0, "{}");
	start(f, FOREVER);
	until_gone(f);
	assert_int_equal(f->frames, 0);
	assert_true(f->killed);
}

static void
a_second_hello_is_punished(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	will_send(f, MSG_HELLO, 0, HELLO);
	start(f, FOREVER);
	until_gone(f);
	assert_true(f->killed);
}

static void
what_is_not_a_workers_to_say_is_punished(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	will_send(f, MSG_STOP, 0, "{}");
	start(f, FOREVER);
	until_gone(f);
	assert_int_equal(f->frames, 0);
	assert_true(f->killed);
}

static void
what_its_owner_refuses_is_punished(void **state)
{
	struct fixture *f = *state;

	f->refuse = true;
	will_send(f, MSG_HELLO, 0, HELLO);
	will_send(f, MSG_READY, 0, "{}");
	will_send(f, MSG_READY, 0, "{}");
	start(f, FOREVER);
	until_gone(f);
	assert_int_equal(f->frames, 1); /* and nothing after it is heard */
	assert_true(f->killed);
}

static void
closing_its_channel_ends_it(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	start(f, "exec sleep 1000 3>&-");
	until_gone(f);
	assert_int_equal(WTERMSIG(f->status), SIGKILL);
}

static void
a_level_that_does_not_exist_is_punished(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_HELLO, 0, HELLO);
	will_send(f, MSG_LOG, 77, "loud");
	start(f, FOREVER);
	until_gone(f);
	assert_true(f->killed);
	assert_string_equal(f->log, "");
}

static void
records_have_the_childs_own_subject_and_are_escaped(void **state)
{
	struct fixture *f = *state;

	will_send(f, MSG_LOG, LOG_LEVEL_INFO, "no subject");
	will_send(f, MSG_LOG, LOG_LEVEL_INFO, "backend x: its own");
	will_send(f, MSG_LOG, LOG_LEVEL_INFO, "backend xy: another's");
	will_send(f, MSG_LOG, LOG_LEVEL_INFO, "worker: its role");
	will_send(f, MSG_LOG, LOG_LEVEL_INFO, "gateway: a\n2026 forged");
	start(f, "exit 0");
	until_gone(f);
	assert_string_equal(f->log,
	    "worker x: no subject\n"
	    "backend x: its own\n"
	    "worker x: backend xy: another's\n"
	    "worker x: its role\n"
	    "worker x: gateway: a\\x0a2026 forged\n");
}

/* At level debug under load that is nobody's fault. */
static void
who_logs_too_much_may_still_say_what_matters(void **state)
{
	struct fixture *f = *state;
	char text[MSG_LOG_MAX + 1];

	memset(text, 'x', MSG_LOG_MAX);
	text[MSG_LOG_MAX] = '\0';
	will_send(f, MSG_HELLO, 0, HELLO);
	for (size_t n = 0; n < BUDGET_BURST; n += MSG_LOG_MAX)
		will_send(f, MSG_LOG, LOG_LEVEL_INFO, text);
	for (size_t n = 0; n < MSG_LOG_MAX; n += BUDGET_RECORD)
		will_send(f, MSG_LOG, LOG_LEVEL_INFO, "");
	for (int i = 0; i < 1000; i++)
		will_send(f, MSG_READY, 0, "{}");
	start(f, "exit 5");
	until_gone(f);
	assert_false(f->killed);
	assert_int_equal(f->frames, 1000);
}

static void
saying_it_without_end_is_punished(void **state)
{
	struct fixture *f = *state;
	char more[256];

	will_send(f, MSG_HELLO, 0, HELLO);
	for (unsigned int n = 0; n < 1000; n++)
		will_send_later(f, MSG_READY, 0, "{}");
	(void)snprintf(
	    more, sizeof(more), "while cat %s/later >&3; do :; done", f->dir);
	start(f, more);
	until_gone(f);
	assert_true(f->killed);
}

static void
a_child_has_its_channel_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	char path[64], text[128] = "";
	FILE *file;

	path_of(f, "frames", path);
	/* The shell's own descriptors are 10 and more. */
	start(f,
	    "for n in 0 1 2 3 4 5 6 7 8 9; do"
	    "  [ -e /proc/$$/fd/$n ] && printf $n >>${0%/*}/frames;"
	    "done; exit 0");
	until_gone(f);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	(void)fclose(file);
	assert_string_equal(text, "0123");
}

static void
nothing_is_sent_to_one_that_is_closed(void **state)
{
	struct fixture *f = *state;
	const struct frame frame = { .type = MSG_SETUP };
	int fd = dup(0);

	start(f, "cat <&3 >/dev/null; exit 3");
	process_close(f->process);
	process_send(f->process, &frame, "{}");
	process_send_fd(f->process,
	    &(const struct frame){ .type = MSG_JOB_STDIN }, NULL, &fd);
	assert_int_equal(fd, -1); /* closed, not leaked */
	until_gone(f);
	assert_false(f->killed);
	assert_int_equal(WEXITSTATUS(f->status), 3);
}

static void
a_program_that_not_all_need_may_be_missing(void **state)
{
	struct fixture *f = *state;
	char *error = NULL;

	assert_int_equal(
	    processes_find(f->processes, PROGRAM_WORKER, &error), 0);
	assert_null(error);
	assert_int_equal(
	    processes_find(f->processes, PROGRAM_WORKER_HTTP, &error), -1);
	assert_non_null(error);
	assert_non_null(strstr(error, "mcp-gateway-worker-http is neither"));
	free(error);
}

static void
a_missing_program_is_named_with_both_places(void **state)
{
	struct fixture *f = *state;
	char *error = NULL;

	assert_null(processes_new(f->loop, "/no/such/folder", &error));
	assert_non_null(error);
	assert_non_null(strstr(error, "/no/such/folder"));
	assert_non_null(strstr(error, "mcp-gateway"));
	free(error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_keeps_to_the_rules_is_left_alone),
		TEST(another_version_is_killed),
		TEST(another_role_is_killed),
		TEST(speaking_before_hello_is_punished),
		TEST(a_second_hello_is_punished),
		TEST(what_is_not_a_workers_to_say_is_punished),
		TEST(what_its_owner_refuses_is_punished),
		TEST(closing_its_channel_ends_it),
		TEST(a_level_that_does_not_exist_is_punished),
		TEST(records_have_the_childs_own_subject_and_are_escaped),
		TEST(who_logs_too_much_may_still_say_what_matters),
		TEST(saying_it_without_end_is_punished),
		TEST(a_child_has_its_channel_and_nothing_else),
		TEST(nothing_is_sent_to_one_that_is_closed),
		TEST(a_program_that_not_all_need_may_be_missing),
		TEST(a_missing_program_is_named_with_both_places),
	};

	/* As mcp-gatewayd begins: whoever runs the test may leave some open. */
	closefrom(STDERR_FILENO + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
