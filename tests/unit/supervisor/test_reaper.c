/*
 * test_reaper.c: mcp-gateway-reaper of this build, spoken to frame by frame.
 * The tests with a cgroup of the kernel's are skipped where this user may make
 * none.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

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
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"
#include "proto/frame.h"
#include "proto/msg.h"
#include "proto/role.h"

/* Far more than any test needs; nothing waits for it but a test that fails. */
#define PATIENCE_S 30

struct fixture {
	pid_t reaper;
	int channel;
	int input;  /* write end of the job's stdin */
	int output; /* read end of its stdout */
	char folder[64];
	struct frame frame; /* the last one that came, and its payload */
	char payload[1024];
	char text[4096]; /* what the job wrote */
};

/* In the child of the test; this program is BUILD/tests/unit/NAME. */
static void __attribute__((noreturn))
become_reaper(int input, int output, int channel)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < 3 && strrchr(path, '/') != NULL; i++)
		*strrchr(path, '/') = '\0';
	(void)strlcat(path, "/mcp-gateway-reaper", sizeof(path));
	(void)alarm(0);
	if (dup2(input, 0) != -1 && dup2(output, 1) != -1 &&
	    dup2(channel, 3) != -1)
		(void)execl(path, path, (char *)NULL);
	_exit(127);
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int input[2], output[2], sv[2];

	assert_non_null(f);
	(void)alarm(PATIENCE_S);
	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	f->reaper = fork();
	assert_true(f->reaper != -1);
	if (f->reaper == 0)
		become_reaper(input[0], output[1], sv[1]);
	(void)close(input[0]);
	(void)close(output[1]);
	(void)close(sv[1]);
	f->input = input[1];
	f->output = output[0];
	f->channel = sv[0];
	(void)strlcpy(f->folder, "/tmp/mcpgw-unit-XXXXXX", sizeof(f->folder));
	assert_non_null(mkdtemp(f->folder));
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	(void)close(f->channel);
	(void)close(f->input);
	(void)close(f->output);
	if (f->reaper != -1)
		assert_int_equal(waitpid(f->reaper, NULL, 0), f->reaper);
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", f->folder);
	(void)unlink(path);
	(void)rmdir(f->folder);
	(void)alarm(0);
	free(f);
	return 0;
}

static void
tell(struct fixture *f, enum msg_type type, const char *json)
{
	struct frame frame = { .type = (uint16_t)type,
		.length = (uint32_t)strlen(json) };
	unsigned char bytes[4096];

	assert_true(FRAME_HEADER_LEN + frame.length <= sizeof(bytes));
	frame_encode(bytes, &frame);
	memcpy(bytes + FRAME_HEADER_LEN, json, frame.length);
	assert_int_equal(send(f->channel, bytes,
			     FRAME_HEADER_LEN + frame.length, MSG_NOSIGNAL),
	    FRAME_HEADER_LEN + frame.length);
}

static void
expect(struct fixture *f, enum msg_type type)
{
	unsigned char header[FRAME_HEADER_LEN];

	assert_int_equal(recv(f->channel, header, sizeof(header), MSG_WAITALL),
	    sizeof(header));
	assert_int_equal(frame_decode(&f->frame, header, sizeof(header)), 1);
	assert_null(msg_check(&f->frame, ROLE_REAPER, ROLE_SUPERVISOR));
	assert_true(f->frame.length < sizeof(f->payload));
	f->payload[f->frame.length] = '\0';
	if (f->frame.length > 0)
		assert_int_equal(
		    recv(f->channel, f->payload, f->frame.length, MSG_WAITALL),
		    f->frame.length);
	assert_string_equal(msg_name(f->frame.type), msg_name(type));
}

/* How many processes its job has, as it says. */
static int
ping(struct fixture *f)
{
	tell(f, MSG_PING, "");
	expect(f, MSG_PONG);
	return f->frame.flags;
}

/* cgroup and script must need no escapes in JSON. */
static void
start(struct fixture *f, const char *cgroup, const char *script)
{
	const char *quote = cgroup != NULL ? "\"" : "";
	char *json;

	assert_true(
	    asprintf(&json,
		"{\"name\":\"test\",\"command\":\"/bin/sh\",\"args\":[\"-c\","
		"\"%s\"],\"env\":{\"PATH\":\"/usr/bin:/bin\",\"CGROUP\":\"%s\"},"
		"\"cwd\":null,\"user\":null,\"cgroup\":%s%s%s}",
		script, cgroup != NULL ? cgroup : "", quote,
		cgroup != NULL ? cgroup : "null", quote) != -1);
	expect(f, MSG_HELLO);
	tell(f, MSG_SETUP, json);
	free(json);
}

/* Until the job has written this. */
static void
wait_for(struct fixture *f, const char *wanted)
{
	size_t len = strlen(f->text);
	ssize_t n;

	while (strstr(f->text, wanted) == NULL) {
		n = read(f->output, f->text + len, sizeof(f->text) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
		f->text[len] = '\0';
	}
}

/* The report, and then the end. */
static void
expect_end(struct fixture *f, const char *json)
{
	char byte;
	int status;

	expect(f, MSG_OBITUARY);
	assert_string_equal(f->payload, json);
	assert_int_equal(recv(f->channel, &byte, 1, 0), 0);
	assert_int_equal(waitpid(f->reaper, &status, 0), f->reaper);
	f->reaper = -1;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ROLE_EXIT_OK);
	/* Nobody holds its stdout. */
	while (read(f->output, f->text, sizeof(f->text)) > 0)
		continue;
	assert_int_equal(read(f->output, &byte, 1), 0);
}

#define STOP_NOW "{\"wait_ms\":0,\"term_ms\":0}"

static void
a_ping_is_answered_before_there_is_a_job(void **state)
{
	struct fixture *f = *state;

	expect(f, MSG_HELLO);
	assert_int_equal(ping(f), 0);
	assert_int_equal(ping(f), 0);
	tell(f, MSG_SETUP,
	    "{\"name\":\"x\",\"command\":\"/bin/true\",\"args\":[],\"env\":{},"
	    "\"cwd\":null,\"user\":null}");
	expect_end(f, "{\"exit\":0}");
}

static void
all_descendants_are_counted_without_a_cgroup(void **state)
{
	struct fixture *f = *state;

	start(f, NULL,
	    "trap '' TERM; sleep 1000 & setsid sleep 1000 &"
	    "(sh -c 'sleep 1000; :' &); echo up; read line");
	wait_for(f, "up\n");
	/* The shell in the background may still be about to start one. */
	while (ping(f) != 5)
		continue;
	tell(f, MSG_STOP, STOP_NOW);
	expect(f, MSG_OBITUARY);
	assert_string_equal(f->payload, "{\"signal\":9}");
}

static void
a_ping_is_answered_while_the_job_may_end_by_itself(void **state)
{
	struct fixture *f = *state;

	start(f, NULL, "echo up; read line; exit 3");
	wait_for(f, "up\n");
	tell(f, MSG_STOP, "{\"wait_ms\":60000,\"term_ms\":60000}");
	assert_int_equal(ping(f), 1);
	assert_int_equal(write(f->input, "x\n", 2), 2);
	expect_end(f, "{\"exit\":3}");
}

static void
a_ping_is_answered_after_sigterm(void **state)
{
	struct fixture *f = *state;

	start(f, NULL,
	    "trap 'echo term' TERM; echo up; while :; do read line || :; done");
	wait_for(f, "up\n");
	tell(f, MSG_STOP, "{\"wait_ms\":0,\"term_ms\":60000}");
	wait_for(f, "term\n");
	assert_int_equal(ping(f), 1);
	tell(f, MSG_STOP, STOP_NOW);
	expect_end(f, "{\"signal\":9}");
}

static void
a_ping_is_answered_while_everything_is_killed(void **state)
{
	struct fixture *f = *state;

	start(f, NULL, "trap '' TERM; echo up; read line");
	wait_for(f, "up\n");
	/* Both are there before either is looked at. */
	assert_int_equal(kill(f->reaper, SIGSTOP), 0);
	tell(f, MSG_STOP, STOP_NOW);
	tell(f, MSG_PING, "");
	assert_int_equal(kill(f->reaper, SIGCONT), 0);
	expect(f, MSG_PONG);
	expect_end(f, "{\"signal\":9}");
}

/* A pipe in the place of the file that is written to before exec: that waits
 * for a reader, as a folder may for its server. */
static void
start_hanging(struct fixture *f)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", f->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	start(f, f->folder, "echo up; read line");
}

static void
a_ping_is_answered_while_exec_hangs(void **state)
{
	struct fixture *f = *state;

	start_hanging(f);
	assert_int_equal(ping(f), 1); /* whose count reads from the pipe */
	wait_for(f, "up\n");
	assert_int_equal(close(f->input), 0);
	f->input = -1;
	expect(f, MSG_OBITUARY);
	assert_string_equal(f->payload, "{\"exit\":1}");
}

static void
a_stop_ends_a_job_that_hangs_before_exec(void **state)
{
	struct fixture *f = *state;

	start_hanging(f);
	tell(f, MSG_STOP, "{\"wait_ms\":0,\"term_ms\":60000}");
	expect(f, MSG_OBITUARY);
	assert_string_equal(f->payload, "{\"signal\":15}");
}

static void
a_lost_supervisor_ends_a_job_that_hangs_before_exec(void **state)
{
	struct fixture *f = *state;
	int status;

	start_hanging(f);
	assert_int_equal(shutdown(f->channel, SHUT_WR), 0);
	assert_int_equal(waitpid(f->reaper, &status, 0), f->reaper);
	f->reaper = -1;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ROLE_EXIT_PARENT_GONE);
}

static void
stdin_is_given_to_the_job_as_it_is(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(close(f->input), 0);
	f->input = -1;
	start(f, NULL, "cat; echo end; exit 4");
	wait_for(f, "end\n");
	expect_end(f, "{\"exit\":4}");
}

static void
a_cgroup_that_cannot_be_made_changes_nothing(void **state)
{
	struct fixture *f = *state;

	start(f, "/no/such/folder", "sleep 1000 & echo up; read line; exit 5");
	wait_for(f, "up\n");
	assert_int_equal(ping(f), 2);
	assert_int_equal(write(f->input, "x\n", 2), 2);
	expect_end(f, "{\"exit\":5}");
}

static void
a_folder_that_is_no_cgroup_changes_nothing(void **state)
{
	struct fixture *f = *state;

	start(f, f->folder, "sleep 1000 & echo up; read line; exit 5");
	wait_for(f, "up\n");
	assert_int_equal(ping(f), 2);
	assert_int_equal(write(f->input, "x\n", 2), 2);
	expect_end(f, "{\"exit\":5}");
	assert_int_equal(access(f->folder, F_OK), -1);
}

/* ---- with cgroups of the kernel's ---- */

/* A gateway's folder, where this user may make one; skips the test otherwise.
 */
static struct cgroup *
make_gateway(char **job)
{
	struct cgroup *gateway = cgroup_new();

	if (gateway == NULL)
		skip();
	*job = cgroup_path(gateway, 0, "test");
	assert_non_null(*job);
	return gateway;
}

static void
a_job_is_in_its_cgroup_which_goes_with_it(void **state)
{
	struct fixture *f = *state;
	struct cgroup *gateway;
	char *job, line[PATH_MAX];

	gateway = make_gateway(&job);
	start(f, job, "cat /proc/self/cgroup; echo up; read line; exit 6");
	wait_for(f, "up\n");
	(void)snprintf(
	    line, sizeof(line), "/mcp-gateway.%ld/0-test\n", (long)getpid());
	assert_non_null(strstr(f->text, line));
	assert_int_equal(cgroup_count(job), 1);
	assert_int_equal(write(f->input, "x\n", 2), 2);
	expect_end(f, "{\"exit\":6}");
	assert_int_equal(access(job, F_OK), -1);
	free(job);
	cgroup_free(&gateway);
}

static void
cgroups_that_a_job_made_are_counted_and_removed(void **state)
{
	struct fixture *f = *state;
	struct cgroup *gateway;
	char *job;

	gateway = make_gateway(&job);
	start(f, job,
	    "mkdir -p $CGROUP/a/b; setsid sh -c 'echo 0 >$CGROUP/a/b/"
	    "cgroup.procs; echo up; exec sleep 1000' & read line; exit 7");
	wait_for(f, "up\n");
	assert_int_equal(ping(f), 2);
	assert_int_equal(write(f->input, "x\n", 2), 2);
	expect_end(f, "{\"exit\":7}");
	assert_int_equal(access(job, F_OK), -1);
	free(job);
	cgroup_free(&gateway);
}

static void
a_missing_program_leaves_no_cgroup(void **state)
{
	struct fixture *f = *state;
	struct cgroup *gateway;
	char *job, json[PATH_MAX];

	gateway = make_gateway(&job);
	(void)snprintf(json, sizeof(json),
	    "{\"name\":\"x\",\"command\":\"/no/such\",\"args\":[],\"env\":{},"
	    "\"cwd\":null,\"user\":null,\"cgroup\":\"%s\"}",
	    job);
	expect(f, MSG_HELLO);
	tell(f, MSG_SETUP, json);
	expect_end(f, "{\"spawn_errno\":2,\"what\":\"exec /no/such\"}");
	assert_int_equal(access(job, F_OK), -1);
	free(job);
	cgroup_free(&gateway);
}

/* Who closes the channel of one reaper may live on, with other jobs. */
static void
a_living_gateways_other_jobs_are_left_alone(void **state)
{
	struct fixture *f = *state;
	struct cgroup *gateway;
	char *job, *other;
	int status;

	gateway = make_gateway(&job);
	assert_non_null(other = cgroup_path(gateway, 1, "other"));
	assert_int_equal(cgroup_make(other), 0);
	start(f, job, "echo up; read line");
	wait_for(f, "up\n");
	assert_int_equal(shutdown(f->channel, SHUT_WR), 0);
	assert_int_equal(waitpid(f->reaper, &status, 0), f->reaper);
	f->reaper = -1;
	assert_int_equal(access(job, F_OK), -1);
	assert_int_equal(access(other, F_OK), 0);
	free(job);
	free(other);
	cgroup_free(&gateway);
}

/* The reaper of the other job was killed together with the supervisor. */
static void
a_dead_gateways_other_jobs_are_killed_too(void **state)
{
	struct fixture *f = *state;
	struct cgroup *gateway;
	char *job, *other, byte;
	int up[2], status;
	pid_t pid;

	gateway = make_gateway(&job);
	assert_non_null(other = cgroup_path(gateway, 1, "other"));
	*strrchr(other, '/') = '\0';
	cgroup_free(&gateway); /* and its lock */
	assert_int_equal(cgroup_make(other), 0);
	*(other + strlen(other)) = '/';
	assert_int_equal(cgroup_make(other), 0);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	if ((pid = fork()) == 0) {
		(void)alarm(0);
		(void)!write(up[1], cgroup_join(other) == 0 ? "u" : "-", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(byte, 'u');
	start(f, job, "echo up; read line");
	wait_for(f, "up\n");
	assert_int_equal(shutdown(f->channel, SHUT_WR), 0);
	assert_int_equal(waitpid(f->reaper, &status, 0), f->reaper);
	f->reaper = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	*strrchr(other, '/') = '\0';
	assert_int_equal(access(other, F_OK), -1);
	(void)close(up[0]);
	(void)close(up[1]);
	free(job);
	free(other);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_ping_is_answered_before_there_is_a_job),
		T(all_descendants_are_counted_without_a_cgroup),
		T(a_ping_is_answered_while_the_job_may_end_by_itself),
		T(a_ping_is_answered_after_sigterm),
		T(a_ping_is_answered_while_everything_is_killed),
		T(a_ping_is_answered_while_exec_hangs),
		T(a_stop_ends_a_job_that_hangs_before_exec),
		T(a_lost_supervisor_ends_a_job_that_hangs_before_exec),
		T(stdin_is_given_to_the_job_as_it_is),
		T(a_cgroup_that_cannot_be_made_changes_nothing),
		T(a_folder_that_is_no_cgroup_changes_nothing),
		T(a_job_is_in_its_cgroup_which_goes_with_it),
		T(cgroups_that_a_job_made_are_counted_and_removed),
		T(a_missing_program_leaves_no_cgroup),
		T(a_living_gateways_other_jobs_are_left_alone),
		T(a_dead_gateways_other_jobs_are_killed_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
