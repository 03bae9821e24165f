/*
 * test_process.c: children that do not keep to the rules.  They are shell
 * scripts which write prepared frames to their channel.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "processes.h"
#include "proto/frame.h"

#define PATIENCE_S 30
#define HELLO      "{\"role\":\"worker\",\"version\":\"" MCPGW_VERSION "\"}"

struct fixture {
	char dir[32];
	struct loop *loop;
	struct processes *processes;
	struct process *process;
	bool hello;
	unsigned int frames;
	bool refuse; /* the owner finds every frame wrong */
	bool gone;
	int status;
	bool killed;
	char why[LOG_STR_MAX];
	bool obituary;
	char log[1024];
};

static void
on_hello(void *arg)
{
	struct fixture *f = arg;

	f->hello = true;
}

static bool
on_frame(void *arg, const struct frame *frame, const char *payload)
{
	struct fixture *f = arg;

	(void)frame;
	(void)payload;
	f->frames++;
	return !f->refuse;
}

static void
on_gone(void *arg, const struct process_end *end)
{
	struct fixture *f = arg;

	assert_false(f->gone);
	f->gone = true;
	f->process = NULL;
	f->status = end->status;
	f->killed = end->killed != NULL;
	(void)process_end_text(end, f->why, sizeof(f->why));
	f->obituary = end->said_obituary;
	loop_stop(f->loop);
}

static const struct process_handlers handlers = {
	.hello = on_hello, .frame = on_frame, .gone = on_gone
};

static void
on_record(void *arg, enum role role, enum log_level level, const char *text)
{
	struct fixture *f = arg;

	(void)role;
	(void)level;
	(void)strlcat(f->log, text, sizeof(f->log));
	(void)strlcat(f->log, "\n", sizeof(f->log));
}

static void
path_of(const struct fixture *f, const char *name, char dst[64])
{
	(void)snprintf(dst, 64, "%s/%s", f->dir, name);
}

static void
write_file(
    const struct fixture *f, const char *name, const void *bytes, size_t n)
{
	char path[64];
	FILE *file;

	path_of(f, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

/* Append a frame to a file. */
static void
add_frame(const struct fixture *f, const char *name, enum msg_type type,
    unsigned int flags, const char *json)
{
	const struct frame frame = { .length = (uint32_t)strlen(json),
		.type = (uint16_t)type,
		.flags = (uint16_t)flags };
	unsigned char head[FRAME_HEADER_LEN];
	char path[64];
	FILE *file;

	frame_encode(head, &frame);
	path_of(f, name, path);
	file = fopen(path, "a");
	assert_non_null(file);
	assert_int_equal(fwrite(head, 1, sizeof(head), file), sizeof(head));
	assert_int_equal(fwrite(json, 1, strlen(json), file), strlen(json));
	assert_int_equal(fclose(file), 0);
}

/* To the file that the child sends when it starts. */
static void
will_send(const struct fixture *f, enum msg_type type, unsigned int flags,
    const char *json)
{
	add_frame(f, "frames", type, flags, json);
}

/* To a file that it may send from. */
static void
will_send_later(const struct fixture *f, enum msg_type type, unsigned int flags,
    const char *json)
{
	add_frame(f, "later", type, flags, json);
}

static const char *const names[] = { "mcp-gateway-front", "mcp-gateway-worker",
	"mcp-gateway-reaper", "frames", "later" };

static int
set_up(void **state)
{
	static const char nothing[] = "#!/bin/sh\nexit 1\n";
	struct fixture *f = calloc(1, sizeof(*f));
	char *error = NULL;

	(void)strlcpy(f->dir, "/tmp/test_process.XXXXXX", sizeof(f->dir));
	assert_non_null(mkdtemp(f->dir));
	for (size_t i = 0; i < 3; i++)
		write_file(f, names[i], nothing, sizeof(nothing) - 1);
	f->loop = loop_new(false);
	f->processes = processes_new(f->loop, f->dir, &error);
	if (f->processes == NULL)
		fail_msg("%s", error);
	processes_on_record(f->processes, on_record, f);
	(void)alarm(PATIENCE_S);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char path[64];

	(void)alarm(0);
	processes_free(&f->processes);
	loop_free(&f->loop);
	for (size_t i = 0; i < 5; i++) {
		path_of(f, names[i], path);
		(void)unlink(path);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

/* The child sends its frames and does this. */
static void
start(struct fixture *f, const char *then)
{
	char script[256];
	int n;

	n = snprintf(script, sizeof(script),
	    "#!/bin/sh\n[ -f %s/frames ] && cat %s/frames >&3\n%s\n", f->dir,
	    f->dir, then);
	write_file(f, "mcp-gateway-worker", script, (size_t)n);
	f->process = process_start(
	    f->processes, PROGRAM_WORKER, "worker x", NULL, &handlers, f);
	assert_non_null(f->process);
}

static void
until_gone(struct fixture *f)
{
	while (!f->gone)
		loop_run(f->loop);
	assert_int_equal(processes_count(f->processes), 0);
}

/* Wait for events once, and handle them. */
static void
loop_turn(struct fixture *f)
{
	assert_int_equal(event_base_loop(loop_base(f->loop), EVLOOP_ONCE), 0);
}

static void
until_hello(struct fixture *f)
{
	while (!f->hello)
		loop_turn(f);
}

/* Only a child that is killed ends this. */
#define FOREVER "exec sleep 1000"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(a_child_has_its_channel_and_nothing_else),
		TEST(nothing_is_sent_to_one_that_is_closed),
		TEST(one_that_does_not_answer_is_killed),
		TEST(one_that_is_stopped_is_killed_too),
		TEST(before_its_hello_it_is_not_asked),
		TEST(one_that_says_no_hello_is_killed),
		TEST(a_late_hello_counts),
		TEST(one_that_answers_lives_and_what_it_says_is_kept),
		TEST(answers_that_nobody_asked_for_are_no_crime),
		TEST(a_flood_of_answers_is_punished),
		TEST(an_answer_before_hello_is_punished),
		TEST(a_program_that_not_all_need_may_be_missing),
		TEST(a_missing_program_is_named_with_both_places),
	};

	/* As mcp-gatewayd begins: whoever runs the test may leave some open. */
	closefrom(STDERR_FILENO + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
