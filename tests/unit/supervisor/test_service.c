/*
 * test_service.c: what becomes of a backend whose parts fail.  Its worker and
 * its reaper are shell scripts that write prepared frames to their channel.
 */
/* wrap: backoff_fail */
/* wrap: breaker_fail */
/* wrap: job_stop */
/* wrap: mono_ms */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "breaker.h"
#include "job.h"
#include "proto/backoff.h"
#include "proto/frame.h"
#include "service.h"

#define PATIENCE_S 30
#define HELLO      "{\"role\":\"%s\",\"version\":\"" MCPGW_VERSION "\"}"
#define READY                                                                  \
	"{\"revision\":\"x\",\"server\":\"y\",\"tools\":3,\"resources\":0,"    \
	"\"templates\":0,\"prompts\":0}"
#define OBITUARY "{\"why\":\"was refused\",\"stderr\":[\"no\",\"luck\"]}"

/* The clock, which only tests move. */
static uint64_t now = 1000000;
/* The last wait that the breaker wanted; it gets none. */
static uint32_t breaker_wait;
/* What job_stop() was asked for, and whether the worker had left by then. */
static struct {
	unsigned int calls, wait_ms;
	bool after_worker;
} stopped;

struct fixture {
	char dir[32];
	struct loop *loop;
	struct processes *processes;
	struct config_backend config;
	struct service *service;
	enum backend_state until;
	char states[256];
	char told[2048];
	unsigned int warnings, errors;
};

static struct fixture *current;

uint64_t
__wrap_mono_ms(void)
{
	return now;
}

uint32_t
__wrap_backoff_fail(struct backoff *b, uint64_t run_ms, uint32_t random)
{
	(void)b;
	(void)run_ms;
	(void)random;
	return 0;
}

enum breaker_verdict __real_breaker_fail(struct breaker *breaker,
    uint64_t now_ms, uint64_t ready_ms, uint32_t random, uint32_t *delay);

enum breaker_verdict
__wrap_breaker_fail(struct breaker *breaker, uint64_t now_ms, uint64_t ready_ms,
    uint32_t random, uint32_t *delay)
{
	enum breaker_verdict verdict =
	    __real_breaker_fail(breaker, now_ms, ready_ms, random, delay);

	if (verdict != BREAKER_CLOSED) {
		breaker_wait = *delay;
		*delay = 1;
	}
	return verdict;
}

static const char *
path_of(const char *name)
{
	static char path[64];

	(void)snprintf(path, sizeof(path), "%s/%s", current->dir, name);
	return path;
}

/* The reaper of these tests does not read what it is told. */
void
__wrap_job_stop(struct job *job, unsigned int wait_ms, unsigned int term_ms)
{
	(void)term_ms;
	stopped.calls++;
	stopped.wait_ms = wait_ms;
	stopped.after_worker = access(path_of("bye"), F_OK) == 0;
	job_kill_reaper(job, "stopped");
}

static void
on_changed(void *arg, struct service *service)
{
	struct fixture *f = arg;

	(void)strlcat(f->states, backend_state_name(service_state(service)),
	    sizeof(f->states));
	(void)strlcat(f->states, " ", sizeof(f->states));
	if (service_state(service) == f->until)
		loop_stop(f->loop);
}

static void
on_link(void *arg, struct service *service)
{
	(void)arg;
	assert_true(service_can_link(service));
}

static void
on_tell(void *arg, enum log_level level, const char *text)
{
	struct fixture *f = arg;

	f->warnings += level == LOG_LEVEL_WARNING;
	f->errors += level == LOG_LEVEL_ERROR;
	(void)strlcat(f->told, text, sizeof(f->told));
	(void)strlcat(f->told, "\n", sizeof(f->told));
}

static const struct service_handlers handlers = {
	.changed = on_changed,
	.link = on_link,
	.tell = on_tell,
};

/* ---- the programs ---- */

static void
add_frame(const char *name, enum msg_type type, const char *json)
{
	const struct frame frame = { .length = (uint32_t)strlen(json),
		.type = (uint16_t)type };
	unsigned char head[FRAME_HEADER_LEN];
	FILE *file = fopen(path_of(name), "a");

	assert_non_null(file);
	frame_encode(head, &frame);
	assert_int_equal(fwrite(head, 1, sizeof(head), file), sizeof(head));
	assert_int_equal(fwrite(json, 1, strlen(json), file), strlen(json));
	assert_int_equal(fclose(file), 0);
}

static void
write_program(const char *name, const char *frames, const char *then)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_true(fprintf(file, "#!/bin/sh\ncd %s; cat %s >&3\n%s\n",
			current->dir, frames, then) > 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_of(name), 0700), 0);
}

/* The worker says HELLO and what is in "worker-says", and does this. */
static void
the_worker_then(const char *script)
{
	write_program("mcp-gateway-worker", "worker-says", script);
	write_program("mcp-gateway-worker-http", "worker-says", script);
}

static const char *const files[] = { "mcp-gateway-front", "mcp-gateway-worker",
	"mcp-gateway-worker-http", "mcp-gateway-reaper", "worker-says",
	"reaper-says", "heard", "bye", "count" };
#define FILES (sizeof(files) / sizeof(files[0]))

static int
set_up(void **state)
{
	static char name[] = "x";
	struct fixture *f = calloc(1, sizeof(*f));
	char hello[128], *error = NULL;

	current = f;
	(void)strlcpy(f->dir, "/tmp/test_service.XXXXXX", sizeof(f->dir));
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(hello, sizeof(hello), HELLO, "worker");
	add_frame("worker-says", MSG_HELLO, hello);
	(void)snprintf(hello, sizeof(hello), HELLO, "reaper");
	add_frame("reaper-says", MSG_HELLO, hello);
	write_program("mcp-gateway-front", "/dev/null", "exit 1");
	write_program(
	    "mcp-gateway-reaper", "reaper-says", "cat <&3 >/dev/null");
	the_worker_then("exit 1");
	f->loop = loop_new(false);
	f->processes = processes_new(f->loop, f->dir, &error);
	if (f->processes == NULL)
		fail_msg("%s", error);
	assert_int_equal(
	    processes_find(f->processes, PROGRAM_WORKER_HTTP, &error), 0);
	f->config.name = name;
	f->config.startup_timeout_ms = PATIENCE_S * 1000;
	memset(&stopped, 0, sizeof(stopped));
	(void)alarm(PATIENCE_S);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	(void)alarm(0);
	processes_free(&f->processes);
	service_free(&f->service);
	loop_free(&f->loop);
	for (size_t i = 0; i < FILES; i++)
		(void)unlink(path_of(files[i]));
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static void
start(struct fixture *f, bool remote, bool has_job)
{
	const struct service_spec spec = {
		.config = &f->config,
		.worker_setup = strdup("{\"worker\":1}"),
		.reaper_setup = has_job ? strdup("{\"reaper\":1}") : NULL,
		.pipe_size = 65536,
		.remote = remote,
	};

	f->service = service_new(f->loop, f->processes, &spec, &handlers, f);
	assert_non_null(f->service);
	service_start(f->service);
}

static void
until(struct fixture *f, enum backend_state state)
{
	f->until = state;
	while (service_state(f->service) != state)
		loop_run(f->loop);
}

/* The types of the frames that the worker heard, PING left out. */
static void
assert_heard(const enum msg_type *types, size_t n)
{
	unsigned char head[FRAME_HEADER_LEN];
	FILE *file = fopen(path_of("heard"), "r");
	struct frame frame;
	size_t i = 0;

	assert_non_null(file);
	while (fread(head, 1, sizeof(head), file) == sizeof(head)) {
		assert_int_equal(frame_decode(&frame, head, sizeof(head)), 1);
		assert_int_equal(fseek(file, (long)frame.length, SEEK_CUR), 0);
		if (frame.type == MSG_PING)
			continue;
		assert_true(i < n);
		assert_int_equal(frame.type, types[i]);
		i++;
	}
	assert_int_equal(i, n);
	assert_int_equal(fclose(file), 0);
}

/* ---- the tests ---- */

static void
six_failures_give_it_rest_and_each_try_after_that_is_one_line(void **state)
{
	struct fixture *f = *state;

	add_frame("worker-says", MSG_OBITUARY, OBITUARY);
	the_worker_then("exit 80");
	start(f, true, false);
	until(f, BACKEND_FAILED);
	assert_string_equal(f->states,
	    "starting setup stopping backoff starting setup stopping backoff "
	    "starting setup stopping backoff starting setup stopping backoff "
	    "starting setup stopping backoff starting setup stopping failed ");
	assert_int_equal(f->warnings, 5);
	assert_int_equal(f->errors, 1);
	assert_non_null(strstr(f->told,
	    "backend x: failed 6 times within 60 s: was refused "
	    "(its last words: no | luck); tried again in "));
	assert_in_range(breaker_wait, 11250, 18750);
	assert_int_equal(service_retry_ms(f->service), 1);
	assert_string_equal(service_reason(f->service),
	    "was refused (its last words: no | luck)");
	until(f, BACKEND_STARTING);
	until(f, BACKEND_FAILED);
	assert_int_equal(f->warnings, 6);
	assert_int_equal(f->errors, 1);
	assert_in_range(breaker_wait, 22500, 37500);
	service_stop(f->service);
	assert_int_equal(service_state(f->service), BACKEND_DOWN);
}

/* One for a single client: whoever needs it wants another one. */
static void
one_that_is_started_once_is_not_tried_again(void **state)
{
	struct fixture *f = *state;
	const struct service_spec spec = {
		.config = &f->config,
		.name = strdup("x instance 7"),
		.once = true,
		.worker_setup = strdup("{\"worker\":1}"),
		.pipe_size = 65536,
		.remote = true,
	};

	add_frame("worker-says", MSG_OBITUARY, OBITUARY);
	the_worker_then("exit 80");
	f->service = service_new(f->loop, f->processes, &spec, &handlers, f);
	assert_non_null(f->service);
	assert_string_equal(service_name(f->service), "x instance 7");
	service_start(f->service);
	until(f, BACKEND_FAILED);
	assert_string_equal(f->states, "starting setup stopping failed ");
	assert_string_equal(f->told,
	    "backend x instance 7: was refused (its last words: no | luck)\n");
	assert_int_equal(f->warnings, 1);
	assert_int_equal(service_retry_ms(f->service), -1);
	/* It is what it was called whatever its backend is. */
	service_rebind(f->service, &f->config);
	assert_string_equal(service_name(f->service), "x instance 7");
	service_stop(f->service);
	assert_int_equal(service_state(f->service), BACKEND_DOWN);
}

static void
a_try_that_lasts_ends_the_rest(void **state)
{
	struct fixture *f = *state;

	/* It works from the sixth start on, and until it is killed. */
	add_frame("worker-says", MSG_READY, READY);
	the_worker_then("echo >>count; [ $(wc -l <count) -ge 6 ] || exit 80;"
			"exec sleep 1000");
	start(f, true, false);
	until(f, BACKEND_FAILED);
	until(f, BACKEND_READY);
	assert_null(service_reason(f->service));
	now += BACKOFF_STABLE_MS;
	service_no_link(f->service, "died of age");
	until(f, BACKEND_BACKOFF); /* and not FAILED */
	assert_string_equal(
	    service_reason(f->service), "its worker died of age");
	until(f, BACKEND_READY);
	service_kill(f->service);
}

static void
a_try_that_is_ready_for_an_instant_does_not(void **state)
{
	struct fixture *f = *state;

	add_frame("worker-says", MSG_READY, READY);
	the_worker_then("echo >>count; [ $(wc -l <count) -ge 6 ] || exit 80;"
			"exec sleep 1000");
	start(f, true, false);
	until(f, BACKEND_FAILED);
	until(f, BACKEND_READY);
	now += BACKOFF_STABLE_MS - 1;
	service_no_link(f->service, "died young");
	until(f, BACKEND_FAILED);
	assert_int_equal(f->errors, 1); /* said once per opening */
}

static void
a_wrong_configuration_is_not_tried_again(void **state)
{
	struct fixture *f = *state;

	the_worker_then("exit 78");
	start(f, true, false);
	until(f, BACKEND_FAILED);
	assert_int_equal(f->errors, 1);
	assert_int_equal(f->warnings, 0);
	assert_true(service_retry_ms(f->service) == -1);
}

static void
each_kind_of_worker_is_told_what_it_needs(void **state)
{
	static const enum msg_type stdio[] = { MSG_SETUP, MSG_JOB_STDIN,
		MSG_JOB_STDOUT, MSG_JOB_STDERR };
	static const enum msg_type port[] = { MSG_SETUP, MSG_JOB_STDOUT,
		MSG_JOB_STDERR };
	static const struct {
		bool remote, has_job;
		const enum msg_type *types;
		size_t count;
	} kinds[] = { { false, true, stdio, 4 }, { true, true, port, 3 },
		{ true, false, port, 1 } };
	struct fixture *f = *state;

	add_frame("worker-says", MSG_READY, READY);
	the_worker_then("cat <&3 >heard");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		start(f, kinds[i].remote, kinds[i].has_job);
		until(f, BACKEND_READY);
		service_stop(f->service);
		until(f, BACKEND_DOWN);
		assert_heard(kinds[i].types, kinds[i].count);
		service_free(&f->service);
	}
}

static void
a_server_is_stopped_when_its_worker_has_taken_leave(void **state)
{
	struct fixture *f = *state;

	add_frame("worker-says", MSG_READY, READY);
	the_worker_then("cat <&3 >heard; echo >bye");
	start(f, true, true);
	until(f, BACKEND_READY);
	service_stop(f->service);
	assert_int_equal(stopped.calls, 0);
	assert_int_equal(service_state(f->service), BACKEND_STOPPING);
	until(f, BACKEND_DOWN);
	assert_int_equal(stopped.calls, 1);
	assert_true(stopped.after_worker);
	assert_int_equal(stopped.wait_ms, 0); /* SIGTERM at once */
}

static void
a_worker_that_takes_no_leave_does_not_hold_its_server_up(void **state)
{
	struct fixture *f = *state;

	add_frame("worker-says", MSG_READY, READY);
	the_worker_then("exec sleep 1000");
	start(f, true, true);
	until(f, BACKEND_READY);
	service_stop(f->service);
	until(f, BACKEND_DOWN);
	assert_int_equal(stopped.calls, 1);
}

static void
a_worker_is_told_that_its_server_went_with_its_reaper(void **state)
{
	static const enum msg_type types[] = { MSG_SETUP, MSG_JOB_STDOUT,
		MSG_JOB_STDERR, MSG_STOP };
	struct fixture *f = *state;

	write_program("mcp-gateway-reaper", "reaper-says", "exit 1");
	the_worker_then("exec cat <&3 >heard");
	start(f, true, true);
	until(f, BACKEND_BACKOFF);
	assert_string_equal(
	    service_reason(f->service), "its reaper exited with status 1");
	assert_heard(types, 4);
}

static void
a_job_that_reads_its_stdin_is_stopped_with_its_worker(void **state)
{
	struct fixture *f = *state;

	add_frame("worker-says", MSG_READY, READY);
	the_worker_then("cat <&3 >heard");
	start(f, false, true);
	until(f, BACKEND_READY);
	service_stop(f->service);
	assert_int_equal(stopped.calls, 1);
	assert_in_range(stopped.wait_ms, 1, 10000);
	until(f, BACKEND_DOWN);
}

static void
a_server_elsewhere_that_never_greets_is_given_up_in_time(void **state)
{
	struct fixture *f = *state;

	f->config.startup_timeout_ms = 1;
	the_worker_then("cat <&3 >heard; echo >bye");
	start(f, true, false);
	until(f, BACKEND_BACKOFF);
	assert_int_equal(access(path_of("bye"), F_OK), 0); /* not killed */
	assert_non_null(strstr(
	    f->told, "backend x: did not complete initialize within 0.001 s"));
}

static void
its_status_counts_starts(void **state)
{
	struct fixture *f = *state;
	struct status_backend status;
	char text[STATUS_TEXT_MAX];

	add_frame("worker-says", MSG_READY, READY);
	the_worker_then("cat <&3 >heard");
	start(f, true, false);
	until(f, BACKEND_READY);
	now += 12000;
	service_status(f->service, &status);
	assert_string_equal(status_backend_text(text, &status),
	    "backend x: ready for 12 s, 3 tools, 1 start");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(
		    six_failures_give_it_rest_and_each_try_after_that_is_one_line),
		TEST(one_that_is_started_once_is_not_tried_again),
		TEST(a_try_that_lasts_ends_the_rest),
		TEST(a_try_that_is_ready_for_an_instant_does_not),
		TEST(a_wrong_configuration_is_not_tried_again),
		TEST(each_kind_of_worker_is_told_what_it_needs),
		TEST(a_server_is_stopped_when_its_worker_has_taken_leave),
		TEST(a_worker_that_takes_no_leave_does_not_hold_its_server_up),
		TEST(a_worker_is_told_that_its_server_went_with_its_reaper),
		TEST(a_job_that_reads_its_stdin_is_stopped_with_its_worker),
		TEST(a_server_elsewhere_that_never_greets_is_given_up_in_time),
		TEST(its_status_counts_starts),
	};

	closefrom(STDERR_FILENO + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
