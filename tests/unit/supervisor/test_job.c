/*
 * test_job.c: real jobs under a real reaper, mcp-gateway-reaper of this build.
 * A test knows that a process is gone because the pipe that it holds is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "job.h"
#include "shortfall.h"

/* Far more than any test needs; nothing waits for it but a test that fails. */
#define PATIENCE_S 30

struct fixture {
	struct loop *loop;
	struct processes *processes;
	struct job *job;
	struct job_pipes pipes;
	bool ended;
	struct setup_job_end end;
	char why[LOG_STR_MAX];
	char output[16384];
	size_t output_len;
	const char *wait_for;
	bool no_input;
};

static void
on_ended(void *arg, const struct setup_job_end *end)
{
	struct fixture *f = arg;

	f->ended = true;
	f->end = *end;
}

static void
on_gone(void *arg, const char *why)
{
	struct fixture *f = arg;

	f->job = NULL;
	(void)strlcpy(f->why, why, sizeof(f->why));
	loop_stop(f->loop);
}

static const struct job_handlers handlers = { on_ended, on_gone };

/* This program is BUILD/tests/unit/NAME, the reaper BUILD/mcp-gateway-reaper.
 */
static char *
build_folder(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = '\0';
	return path;
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char *error = NULL;

	f->pipes = (struct job_pipes){ -1, -1, -1 };
	f->loop = loop_new(false);
	assert_non_null(f->loop);
	f->processes = processes_new(f->loop, build_folder(), &error);
	if (f->processes == NULL)
		fail_msg("%s", error);
	(void)alarm(PATIENCE_S);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	(void)alarm(0);
	job_pipes_close(&f->pipes);
	processes_free(&f->processes);
	loop_free(&f->loop);
	free(f);
	return 0;
}

/* With this SETUP, which is freed. */
static void
start_job(struct fixture *f, char *json)
{
	const struct job_spec spec = { .subject = "reaper test",
		.setup = json,
		.pipe_size = 65536,
		.no_input = f->no_input };

	f->job = job_start(f->processes, &spec, &f->pipes, &handlers, f);
	free(json);
	assert_non_null(f->job);
}

static const struct setup_limits no_limits = { CONFIG_UNLIMITED,
	CONFIG_UNLIMITED, CONFIG_UNLIMITED, CONFIG_UNLIMITED, CONFIG_UNLIMITED,
	CONFIG_UNLIMITED, 0 };

static void
start_backend(struct fixture *f, const struct config_backend *backend)
{
	const struct setup_job job = { .env = environ, .limits = no_limits };
	char *json = setup_reaper(backend, LOG_LEVEL_INFO, &job);

	assert_non_null(json);
	start_job(f, json);
}

static void
start(struct fixture *f, const char *script)
{
	char name[] = "test", sh[] = "/bin/sh", option[] = "-c";
	char *copy = strdup(script);
	char *args[] = { option, copy, NULL };
	const struct config_backend backend = {
		.name = name, .command = sh, .args = args
	};

	start_backend(f, &backend);
	free(copy);
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	ssize_t n;

	(void)what;
	n = read(fd, f->output + f->output_len,
	    sizeof(f->output) - 1 - f->output_len);
	assert_true(n > 0);
	f->output_len += (size_t)n;
	if (strstr(f->output, f->wait_for) != NULL)
		loop_stop(f->loop);
}

/* Turn until the job has written this. */
static void
wait_for(struct fixture *f, const char *text)
{
	struct event *event = event_new(loop_base(f->loop), f->pipes.output,
	    EV_READ | EV_PERSIST, on_output, f);

	f->wait_for = text;
	(void)event_add(event, NULL);
	loop_run(f->loop);
	event_free(event);
}

static void
wait_gone(struct fixture *f)
{
	while (f->job != NULL)
		loop_run(f->loop);
}

/* True when nobody holds the job's stdout any more: end of file, not EAGAIN. */
static bool
output_is_closed(struct fixture *f)
{
	ssize_t n;

	while ((n = read(f->pipes.output, f->output + f->output_len,
		    sizeof(f->output) - 1 - f->output_len)) > 0)
		f->output_len += (size_t)n;
	return n == 0;
}

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

/* sh -c script as this user, with these limits and this sandbox. */
struct confined {
	struct setup_user user;
	struct setup_limits limits;
	struct config_sandbox sandbox;
	bool new_privileges;
	const char *home;
	const char *tmp;
};

static char *nothing[] = { NULL };

static void
start_confined(
    struct fixture *f, const struct confined *how, const char *script)
{
	char name[] = "test", sh[] = "/bin/sh", option[] = "-c";
	/* Else all of /tmp would be its own. */
	char path[] = "PATH=/usr/bin:/bin", tmp[] = "TMPDIR=/none";
	char *copy = strdup(script), *env[] = { path, tmp, NULL };
	char *args[] = { option, copy, NULL };
	const struct config_backend backend = { .name = name,
		.command = sh,
		.args = args,
		.new_privileges = how->new_privileges,
		.sandbox = how->sandbox };
	const struct setup_job job = { .env = env,
		.user = how->user,
		.home = how->home,
		.tmp = how->tmp,
		.limits = how->limits };

	start_job(f, setup_reaper(&backend, LOG_LEVEL_INFO, &job));
	free(copy);
	wait_gone(f);
	(void)output_is_closed(f);
}

#define UNLIMITED CONFIG_UNLIMITED
/* A user that no system knows; its process limit is nobody else's. */
#define OWN_USER                                                               \
	{                                                                      \
		true, NULL, 60999, 60999                                       \
	}
#define NO_LIMITS                                                              \
	{                                                                      \
		UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED,         \
		    UNLIMITED, 0                                               \
	}

static void
must_say(const struct fixture *f, const char *part)
{
	if (strstr(f->output, part) == NULL)
		fail_msg("no %s in %s", part, f->output);
}

static void
a_job_with_an_id_of_its_own_has_nothing_of_root(void **state)
{
	const struct confined how = { .user = OWN_USER, .limits = NO_LIMITS };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	start_confined(f, &how, "id -u; id -G; cat /proc/self/status");
	assert_int_equal(strncmp(f->output, "60999\n60999\n", 12), 0);
	must_say(f, "CapInh:\t0000000000000000");
	must_say(f, "CapPrm:\t0000000000000000");
	must_say(f, "CapEff:\t0000000000000000");
	must_say(f, "CapBnd:\t0000000000000000");
	must_say(f, "CapAmb:\t0000000000000000");
	must_say(f, "NoNewPrivs:\t1");
	must_say(f, "Seccomp:\t2");
}

static void
set_uid_programs_work_where_they_are_allowed(void **state)
{
	const struct confined how = {
		.user = OWN_USER, .limits = NO_LIMITS, .new_privileges = true
	};
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	start_confined(f, &how, "cat /proc/self/status");
	must_say(f, "NoNewPrivs:\t0");
	must_say(f, "Seccomp:\t0");
	assert_null(strstr(f->output, "CapBnd:\t0000000000000000"));
}

static void
limits_are_both_soft_and_hard(void **state)
{
	const struct confined how = { .limits = { UNLIMITED, UNLIMITED,
					  UNLIMITED, UNLIMITED, 64, 4096, 0 } };
	struct fixture *f = *state;

	start_confined(
	    f, &how, "cat /proc/self/limits | tr -s ' ' | cut -d' ' -f1-6");
	must_say(f, "Max open files 64 64 ");
	must_say(f, "Max file size 4096 4096 ");
	must_say(f, "Max core file size 0 0");
}

static void
a_user_of_its_own_cannot_fork_beyond_its_limit(void **state)
{
	const struct confined how = { .user = OWN_USER,
		.limits = { UNLIMITED, UNLIMITED, UNLIMITED, 3, UNLIMITED,
		    UNLIMITED, 0 } };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	start_confined(f, &how,
	    "sleep 1000 & sleep 1000 & (sleep 1000; echo more) & echo up");
	assert_null(strstr(f->output, "more"));
	assert_int_equal(f->end.kind, SETUP_JOB_EXIT);
	assert_int_not_equal(f->end.value, 0);
}

static void
what_nobody_needs_is_denied_to_a_job(void **state)
{
	const struct confined how = { .limits = NO_LIMITS };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip(); /* it would fail anyway */
	start_confined(f, &how,
	    "mount -t tmpfs x /mnt; echo mount $?;"
	    "nsenter -t 1 -n true; echo nsenter $?;"
	    "unshare -U true; echo unshare $?");
	assert_null(strstr(f->output, "mount 0"));
	assert_null(strstr(f->output, "nsenter 0"));
	must_say(f, "unshare 0\n");
}

static void
its_folder_for_temporary_files_is_made(void **state)
{
	char folder[] = "/tmp/mcpgw-unit-XXXXXX", tmp[64], script[128];
	struct confined how = { .user = OWN_USER, .limits = NO_LIMITS };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chown(folder, 60999, 60999), 0);
	(void)snprintf(tmp, sizeof(tmp), "%s/tmp", folder);
	(void)snprintf(script, sizeof(script), "stat -c '%%a %%u' %s", tmp);
	how.tmp = tmp;
	start_confined(f, &how, script);
	assert_string_equal(f->output, "700 60999\n");
	assert_int_equal(rmdir(tmp), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
who_may_not_be_where_we_are_goes_home(void **state)
{
	char folder[] = "/tmp/mcpgw-unit-XXXXXX", before[PATH_MAX];
	struct confined how = {
		.user = OWN_USER, .limits = NO_LIMITS, .home = "/usr"
	};
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_non_null(getcwd(before, sizeof(before)));
	assert_non_null(mkdtemp(folder)); /* for root alone */
	assert_int_equal(chdir(folder), 0);
	start_confined(f, &how, "pwd");
	assert_int_equal(chdir(before), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_string_equal(f->output, "/usr\n");
}

/* ---- sandbox ---- */

static bool
have_landlock(int version)
{
	return shortfall_landlock() >= version;
}

static void
a_sandbox_leaves_what_is_listed(void **state)
{
	char folder[] = "/tmp/mcpgw-unit-XXXXXX", in[64], out[64], path[96];
	char script[512], *reads[] = { in, NULL }, *writes[] = { out, NULL };
	struct confined how = { .limits = NO_LIMITS,
		.sandbox = { .set = true,
		    .read = reads,
		    .write = writes,
		    .connect = nothing } };
	struct fixture *f = *state;

	if (!have_landlock(1))
		skip();
	assert_non_null(mkdtemp(folder));
	(void)snprintf(in, sizeof(in), "%s/in", folder);
	(void)snprintf(out, sizeof(out), "%s/out", folder);
	assert_int_equal(mkdir(in, 0755), 0);
	assert_int_equal(mkdir(out, 0755), 0);
	(void)snprintf(script, sizeof(script),
	    "exec 2>/dev/null; cd /;"
	    "ls %s; echo in $?; (echo x >%s/f); echo wrote in $?;"
	    "(echo x >%s/f); echo wrote out $?; ls %s; echo above $?;"
	    "ls /usr >/dev/null; echo usr $?; ls /var; echo var $?;"
	    "unshare -U true; echo unshare $?",
	    in, in, out, folder);
	start_confined(f, &how, script);
	must_say(f, "in 0\n");
	must_say(f, "wrote out 0\n");
	must_say(f, "usr 0\n");
	assert_null(strstr(f->output, "wrote in 0"));
	assert_null(strstr(f->output, "above 0"));
	assert_null(strstr(f->output, "var 0"));
	assert_null(strstr(f->output, "unshare 0"));
	(void)snprintf(path, sizeof(path), "%s/f", out);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(in), 0);
	assert_int_equal(rmdir(out), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
a_sandbox_keeps_ports_and_signals(void **state)
{
	char any[] = "1", *ports[] = { any, NULL };
	struct confined how = { .limits = NO_LIMITS,
		.sandbox = { .set = true,
		    .read = nothing,
		    .write = nothing,
		    .connect = ports } };
	struct fixture *f = *state;
	char script[512];

	if (!have_landlock(6))
		skip();
	/* Port 1 is refused by nobody who listens, port 2 by the sandbox. */
	(void)snprintf(script, sizeof(script),
	    "python3 -c 'import errno, socket, os\n"
	    "for port in 1, 2:\n"
	    "    try: socket.create_connection((\"127.0.0.1\", port))\n"
	    "    except OSError as e: print(errno.errorcode[e.errno])\n"
	    "try: os.kill(%ld, 0)\n"
	    "except OSError as e: print(errno.errorcode[e.errno])\n'",
	    (long)getpid());
	start_confined(f, &how, script);
	assert_string_equal(f->output, "ECONNREFUSED\nEACCES\nEPERM\n");
}

static void
a_private_network_has_a_loopback_only(void **state)
{
	struct confined how = { .limits = NO_LIMITS,
		.sandbox = { .set = true,
		    .read = nothing,
		    .write = nothing,
		    .connect = nothing,
		    .private_network = true } };
	struct fixture *f = *state;

	start_confined(f, &how,
	    "cat /proc/self/net/dev | grep -c :;"
	    "python3 -c 'import socket\n"
	    "s = socket.create_server((\"127.0.0.1\", 0))\n"
	    "print(\"bound\")'");
	if (f->end.kind == SETUP_JOB_SPAWN && geteuid() != 0)
		skip(); /* no user namespaces here */
	assert_string_equal(f->output, "1\nbound\n");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(a_job_with_an_id_of_its_own_has_nothing_of_root),
		TEST(set_uid_programs_work_where_they_are_allowed),
		TEST(limits_are_both_soft_and_hard),
		TEST(a_user_of_its_own_cannot_fork_beyond_its_limit),
		TEST(what_nobody_needs_is_denied_to_a_job),
		TEST(its_folder_for_temporary_files_is_made),
		TEST(who_may_not_be_where_we_are_goes_home),
		TEST(a_sandbox_leaves_what_is_listed),
		TEST(a_sandbox_keeps_ports_and_signals),
		TEST(a_private_network_has_a_loopback_only),
		TEST(our_ends_of_the_pipes_do_not_block),
		TEST(a_job_with_a_port_reads_nothing_and_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
