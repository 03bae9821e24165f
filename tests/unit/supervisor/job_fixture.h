/*
 * job_fixture.h: real jobs under a real reaper, mcp-gateway-reaper of this
 * build.  A test knows that a process is gone because the pipe that it holds is
 * closed.
 */
#ifndef TEST_JOB_FIXTURE_H
#define TEST_JOB_FIXTURE_H

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "job.h"

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

static inline void
on_ended(void *arg, const struct setup_job_end *end)
{
	struct fixture *f = arg;

	f->ended = true;
	f->end = *end;
}

static inline void
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
static inline char *
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

static inline int
job_set_up(void **state)
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

static inline int
job_tear_down(void **state)
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
static inline void
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

static inline void
start_backend(struct fixture *f, const struct config_backend *backend)
{
	const struct setup_job job = { .env = environ, .limits = no_limits };
	char *json = setup_reaper(backend, LOG_LEVEL_INFO, &job);

	assert_non_null(json);
	start_job(f, json);
}

static inline void
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

static inline void
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
static inline void
wait_for(struct fixture *f, const char *text)
{
	struct event *event = event_new(loop_base(f->loop), f->pipes.output,
	    EV_READ | EV_PERSIST, on_output, f);

	f->wait_for = text;
	(void)event_add(event, NULL);
	loop_run(f->loop);
	event_free(event);
}

static inline void
wait_gone(struct fixture *f)
{
	while (f->job != NULL)
		loop_run(f->loop);
}

/* True when nobody holds the job's stdout any more: end of file, not EAGAIN. */
static inline bool
output_is_closed(struct fixture *f)
{
	ssize_t n;

	while ((n = read(f->pipes.output, f->output + f->output_len,
		    sizeof(f->output) - 1 - f->output_len)) > 0)
		f->output_len += (size_t)n;
	return n == 0;
}

#endif
