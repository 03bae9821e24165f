/*
 * test_job.c: real jobs under a real reaper, mcp-gateway-reaper of this build.
 * A test knows that a process is gone because the pipe that it holds is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "job_fixture.h"

static void
an_exit_status_is_reported(void **state)
{
	struct fixture *f = *state;

	start(f, "exit 7");
	wait_gone(f);
	assert_true(f->ended);
	assert_int_equal(f->end.kind, SETUP_JOB_EXIT);
	assert_int_equal(f->end.value, 7);
	assert_true(output_is_closed(f));
}

static void
a_signal_is_reported(void **state)
{
	struct fixture *f = *state;

	start(f, "kill -SEGV $$");
	wait_gone(f);
	assert_true(f->ended);
	assert_int_equal(f->end.kind, SETUP_JOB_SIGNAL);
	assert_int_equal(f->end.value, SIGSEGV);
}

static void
a_missing_program_is_reported_with_errno(void **state)
{
	struct fixture *f = *state;
	char name[] = "test", command[] = "no-such-program-\"here\"";
	char *args[] = { NULL };
	const struct config_backend backend = {
		.name = name, .command = command, .args = args
	};

	start_backend(f, &backend);
	wait_gone(f);
	assert_true(f->ended);
	assert_int_equal(f->end.kind, SETUP_JOB_SPAWN);
	assert_int_equal(f->end.value, ENOENT);
	assert_string_equal(f->end.what, "exec no-such-program-\"here\"");
	assert_true(output_is_closed(f));
}

static void
a_file_that_is_no_program_is_reported_with_errno(void **state)
{
	struct fixture *f = *state;
	char name[] = "test", command[] = "/etc/passwd";
	char *args[] = { NULL };
	const struct config_backend backend = {
		.name = name, .command = command, .args = args
	};

	start_backend(f, &backend);
	wait_gone(f);
	assert_int_equal(f->end.kind, SETUP_JOB_SPAWN);
	assert_int_equal(f->end.value, EACCES);
}

static void
a_missing_folder_is_reported_with_errno(void **state)
{
	struct fixture *f = *state;
	char name[] = "test", command[] = "/bin/true";
	char *args[] = { NULL };
	const struct config_backend backend = {
		.name = name, .command = command, .args = args
	};
	const struct setup_job job = {
		.env = environ, .cwd = "/no/such", .limits = no_limits
	};

	start_job(f, setup_reaper(&backend, LOG_LEVEL_INFO, &job));
	wait_gone(f);
	assert_int_equal(f->end.kind, SETUP_JOB_SPAWN);
	assert_int_equal(f->end.value, ENOENT);
	assert_string_equal(f->end.what, "chdir /no/such");
}

static void
what_the_job_leaves_behind_is_killed(void **state)
{
	struct fixture *f = *state;

	/* A session of its own, no signal but SIGKILL, and stdout held. */
	start(f,
	    "setsid sh -c 'trap \"\" TERM HUP INT; echo up; sleep 1000' &"
	    "read line; exit 5");
	wait_for(f, "up\n");
	assert_int_equal(write(f->pipes.input, "x\n", 2), 2);
	wait_gone(f);
	assert_int_equal(f->end.kind, SETUP_JOB_EXIT);
	assert_int_equal(f->end.value, 5);
	assert_true(output_is_closed(f));
}

static void
a_tree_of_sessions_is_killed_to_its_last_leaf(void **state)
{
	struct fixture *f = *state;

	start(f,
	    "n='trap \"\" TERM; echo leaf; sleep 1000';"
	    "for i in 1 2 3; do"
	    "  setsid sh -c \"(setsid sh -c '$n' &); (setsid sh -c '$n' &);"
	    "    sleep 1000\" &"
	    "done; wait");
	wait_for(f, "leaf\nleaf\nleaf\nleaf\nleaf\nleaf\n");
	job_stop(f->job, 0, 0);
	wait_gone(f);
	assert_true(f->ended);
	assert_true(output_is_closed(f));
}

static void
a_job_that_ends_when_its_stdin_closes_is_not_signalled(void **state)
{
	struct fixture *f = *state;

	start(f,
	    "trap 'exit 99' TERM; echo up; while read line; do :; done;"
	    "exit 4");
	wait_for(f, "up\n");
	(void)close(f->pipes.input);
	f->pipes.input = -1;
	job_stop(f->job, 20000, 20000);
	wait_gone(f);
	assert_int_equal(f->end.kind, SETUP_JOB_EXIT);
	assert_int_equal(f->end.value, 4);
}

static void
stop_sends_sigterm_when_waiting_is_over(void **state)
{
	struct fixture *f = *state;

	start(f, "trap 'exit 6' TERM; echo up; while :; do sleep 0.01; done");
	wait_for(f, "up\n");
	job_stop(f->job, 0, 20000);
	wait_gone(f);
	assert_int_equal(f->end.kind, SETUP_JOB_EXIT);
	assert_int_equal(f->end.value, 6);
}

static void
a_job_that_ignores_sigterm_is_killed(void **state)
{
	struct fixture *f = *state;

	start(f, "trap '' TERM; echo up; while :; do sleep 0.01; done");
	wait_for(f, "up\n");
	job_stop(f->job, 10, 20);
	wait_gone(f);
	assert_int_equal(f->end.kind, SETUP_JOB_SIGNAL);
	assert_int_equal(f->end.value, SIGKILL);
	assert_true(output_is_closed(f));
}

static void
a_stopped_job_can_still_be_ended(void **state)
{
	struct fixture *f = *state;

	start(f, "trap 'exit 8' TERM; echo up; kill -STOP $$; exit 1");
	wait_for(f, "up\n");
	job_stop(f->job, 0, 20000);
	wait_gone(f);
	assert_int_equal(f->end.kind, SETUP_JOB_EXIT);
}

static void
a_second_stop_without_time_kills_everything(void **state)
{
	struct fixture *f = *state;

	start(f,
	    "trap '' TERM HUP;"
	    "setsid sh -c 'trap \"\" TERM; echo up; sleep 1000' &"
	    "sleep 1000");
	wait_for(f, "up\n");
	job_stop(f->job, 0, 600000);
	job_stop(f->job, 0, 0);
	wait_gone(f);
	assert_true(f->ended);
	assert_int_equal(f->end.kind, SETUP_JOB_SIGNAL);
	assert_int_equal(f->end.value, SIGKILL);
	assert_true(output_is_closed(f));
}

/* The number of the reaper: the parent of the job's main process. */
static pid_t
reaper_of(const struct fixture *f)
{
	return (pid_t)strtol(strstr(f->output, "ppid=") + 5, NULL, 10);
}

static void
what_a_killed_reaper_leaves_behind_is_killed(void **state)
{
	struct fixture *f = *state;

	start(f,
	    "trap '' TERM HUP; echo ppid=$PPID;"
	    "setsid sh -c 'trap \"\" TERM; echo up; sleep 1000' &"
	    "sleep 1000");
	wait_for(f, "up\n");
	assert_int_equal(kill(reaper_of(f), SIGKILL), 0);
	wait_gone(f);
	assert_false(f->ended);
	assert_string_equal(f->why, "was killed by signal 9 (Killed)");
	assert_true(output_is_closed(f));
}

static void
children_that_we_know_survive_the_sweep(void **state)
{
	struct fixture *f = *state;
	struct fixture other = { .loop = f->loop, .processes = f->processes };

	start(&other,
	    "trap 'exit 3' TERM; echo up; while :; do sleep 0.01;"
	    "done");
	wait_for(&other, "up\n");
	start(f, "echo ppid=$PPID; echo up; sleep 1000");
	wait_for(f, "up\n");
	assert_int_equal(kill(reaper_of(f), SIGKILL), 0);
	wait_gone(f);
	assert_non_null(other.job);
	job_stop(other.job, 0, 20000);
	wait_gone(&other);
	/* It was there to be asked. */
	assert_int_equal(other.end.kind, SETUP_JOB_EXIT);
	assert_int_equal(other.end.value, 3);
	job_pipes_close(&other.pipes);
}

static void
a_job_has_three_descriptors_and_a_session_of_its_own(void **state)
{
	struct fixture *f = *state;

	/* The shell's own descriptors are 10 and more. */
	start(f,
	    "for n in 0 1 2 3 4 5 6 7 8 9; do"
	    "  [ -e /proc/$$/fd/$n ] && echo fd=$n;"
	    "done;"
	    "read pid comm st ppid pgrp session rest < /proc/$$/stat;"
	    "echo $((pid - pgrp)) $((pid - session)) done");
	wait_for(f, "done\n");
	assert_string_equal(f->output, "fd=0\nfd=1\nfd=2\n0 0 done\n");
	wait_gone(f);
}

static void
a_job_has_every_signal_as_a_new_process_has_it(void **state)
{
	struct fixture *f = *state;

	start(f, "exec cat /proc/self/status");
	wait_gone(f);
	(void)output_is_closed(f);
	assert_non_null(strstr(f->output, "SigBlk:\t0000000000000000"));
	assert_non_null(strstr(f->output, "SigIgn:\t0000000000000000"));
	assert_non_null(strstr(f->output, "SigCgt:\t0000000000000000"));
}

static void
a_job_gets_its_environment_and_folder(void **state)
{
	struct fixture *f = *state;
	char name[] = "test", sh[] = "sh", option[] = "-c",
	     script[] = "echo $PWD $A $# $1", zero[] = "sh", odd[] = "a b\n\"";
	char *args[] = { option, script, zero, odd, NULL };
	char cwd[] = "/usr", path[] = "PATH=/usr/bin:/bin", a[] = "A=x=\"y\"";
	char *env[] = { path, a, NULL };
	const struct config_backend backend = {
		.name = name, .command = sh, .args = args
	};
	const struct setup_job job = {
		.env = env, .cwd = cwd, .limits = no_limits
	};
	char *json = setup_reaper(&backend, LOG_LEVEL_INFO, &job);

	start_job(f, json);
	wait_gone(f);
	(void)output_is_closed(f);
	assert_string_equal(f->output, "/usr x=\"y\" 1 a b \"\n");
}

static void
a_job_of_another_user_is_that_user(void **state)
{
	struct fixture *f = *state;
	char name[] = "test", sh[] = "/bin/sh", option[] = "-c",
	     script[] = "id -un; id -G; grep NoNewPrivs /proc/self/status;"
			"trap '' TERM; sleep 1000";
	char *args[] = { option, script, NULL };
	const struct config_backend backend = {
		.name = name, .command = sh, .args = args
	};
	const struct setup_job job = { .env = environ,
		.user = { true, "nobody", 65534, 65534 },
		.limits = no_limits };

	if (geteuid() != 0)
		skip();
	start_job(f, setup_reaper(&backend, LOG_LEVEL_INFO, &job));
	wait_for(f, "NoNewPrivs");
	assert_int_equal(strncmp(f->output, "nobody\n65534\n", 13), 0);
	job_stop(f->job, 10, 10);
	wait_gone(f);
	assert_true(output_is_closed(f));
}

static void
our_ends_of_the_pipes_do_not_block(void **state)
{
	struct fixture *f = *state;

	start(f, "read line");
	assert_true(fcntl(f->pipes.input, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(f->pipes.output, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(f->pipes.error, F_GETFD) & FD_CLOEXEC);
	job_stop(f->job, 0, 0);
	wait_gone(f);
}

static void
a_job_with_a_port_reads_nothing_and_is_not_told(void **state)
{
	struct fixture *f = *state;

	f->no_input = true;
	start(f, "read line; echo read=$? >&2; readlink /proc/$$/fd/0; exit 2");
	assert_int_equal(f->pipes.input, -1);
	wait_gone(f);
	(void)output_is_closed(f);
	assert_string_equal(f->output, "/dev/null\n");
	assert_int_equal(f->end.value, 2);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, job_set_up, job_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_exit_status_is_reported),
		TEST(a_signal_is_reported),
		TEST(a_missing_program_is_reported_with_errno),
		TEST(a_file_that_is_no_program_is_reported_with_errno),
		TEST(a_missing_folder_is_reported_with_errno),
		TEST(what_the_job_leaves_behind_is_killed),
		TEST(a_tree_of_sessions_is_killed_to_its_last_leaf),
		TEST(a_job_that_ends_when_its_stdin_closes_is_not_signalled),
		TEST(stop_sends_sigterm_when_waiting_is_over),
		TEST(a_job_that_ignores_sigterm_is_killed),
		TEST(a_stopped_job_can_still_be_ended),
		TEST(a_second_stop_without_time_kills_everything),
		TEST(what_a_killed_reaper_leaves_behind_is_killed),
		TEST(children_that_we_know_survive_the_sweep),
		TEST(a_job_has_three_descriptors_and_a_session_of_its_own),
		TEST(a_job_has_every_signal_as_a_new_process_has_it),
		TEST(a_job_gets_its_environment_and_folder),
		TEST(a_job_of_another_user_is_that_user),
		TEST(our_ends_of_the_pipes_do_not_block),
		TEST(a_job_with_a_port_reads_nothing_and_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
