/* run.c: one run of a backend. */
#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "job.h"
#include "proto/clock.h"
#include "proto/role.h"
#include "run.h"

/* A job whose worker is gone is of no use: it gets the time that a program
 * needs to notice that its stdin is closed, then SIGTERM and time to save its
 * work. */
#define ORPHAN_WAIT_MS 150
#define ORPHAN_TERM_MS 2000

/* A job that is stopped with the gateway. */
#define STOP_WAIT_MS 2000
#define STOP_TERM_MS 3000

/* What a worker needs to pass on the last lines, or to take leave of a server
 * that keeps a session for it, and end. */
#define WORKER_END_MS 500

/* What a reaper may need beyond the deadlines it was given; then it is told to
 * kill everything; then it is killed itself.  Its channel stays open, so that
 * one that hangs is found. */
#define REAPER_EXTRA_MS 2000
#define REAPER_KILL_MS  5000

enum phase {
	PHASE_IDLE,
	PHASE_UP,
	PHASE_ENDING,
};

struct run {
	struct processes *processes;
	struct run_spec spec;
	const struct run_handlers *handlers;
	void *arg;
	char *worker_subject;
	char *reaper_subject;
	struct event *job_timer; /* of the job's end */
	struct event *worker_timer;
	enum phase phase;
	struct job *job;        /* NULL when gone */
	struct process *worker; /* NULL when gone */
	uint64_t signal_at; /* when the job is sent signals, once stop_sent */
	bool hastened;      /* the reaper was told to kill */
	bool late; /* the worker was killed because the job had ended */
	struct outcome outcome;
};

static void
run_check_gone(struct run *run)
{
	if (run->phase != PHASE_ENDING || run->job != NULL ||
	    run->worker != NULL)
		return;
	(void)event_del(run->job_timer);
	(void)event_del(run->worker_timer);
	run->phase = PHASE_IDLE;
	run->handlers->gone(run->arg, &run->outcome);
}

/* The job ends, once; one with a port would not see that its stdin closes. */
static void
run_stop_job(struct run *run, unsigned int wait_ms, unsigned int term_ms)
{
	if (run->job == NULL || run->outcome.stop_sent)
		return;
	if (run->spec.remote)
		wait_ms = 0;
	loop_arm(run->job_timer, (uint64_t)wait_ms + term_ms + REAPER_EXTRA_MS);
	if (run->outcome.job_ended)
		return; /* only its reaper has to go */
	run->outcome.stop_sent = true;
	run->signal_at = mono_ms() + wait_ms;
	job_stop(run->job, wait_ms, term_ms);
}

/* The worker ends by itself when it sees that nobody needs it. */
static void
run_close_worker(struct run *run)
{
	if (run->worker == NULL)
		return;
	process_close(run->worker);
	loop_arm(run->worker_timer, WORKER_END_MS);
}

static void
run_begin_end(struct run *run)
{
	run->phase = PHASE_ENDING;
	run->handlers->ending(run->arg,
	    run->outcome.cause[0] != '\0' ? run->outcome.cause : "ends");
}

/* Something ended or must end: so must everything. */
static void
run_end(struct run *run, unsigned int wait_ms, unsigned int term_ms)
{
	if (run->phase != PHASE_UP)
		return;
	run_begin_end(run);
	run_stop_job(run, wait_ms, term_ms);
	run_check_gone(run);
}

/* ---- the job ---- */

/* The job is gone, so its worker goes too.  A stdio worker sees that the pipes
 * close; one with a url may not. */
static void
run_stop_worker(struct run *run)
{
	const struct frame stop = { .type = MSG_STOP };

	if (run->worker == NULL)
		return;
	if (run->spec.remote)
		process_send(run->worker, &stop, NULL);
	loop_arm(run->worker_timer, WORKER_END_MS);
}

static void
run_on_job_ended(void *arg, const struct setup_job_end *end)
{
	struct run *run = arg;

	run->outcome.signalled =
	    run->outcome.stop_sent && mono_ms() >= run->signal_at;
	outcome_job(&run->outcome, end);
	run_stop_worker(run);
	run_end(run, 0, ORPHAN_TERM_MS);
}

static void
run_on_job_gone(void *arg, const char *why)
{
	struct run *run = arg;

	run->job = NULL;
	if (!run->outcome.job_ended) {
		if (!run->hastened)
			outcome_because(&run->outcome, "its reaper %s", why);
		run_stop_worker(run);
	}
	run_end(run, 0, 0);
	run_check_gone(run);
}

static const struct job_handlers job_handlers = {
	.ended = run_on_job_ended,
	.gone = run_on_job_gone,
};

/* The job and its reaper are late. */
static void
run_on_job_timer(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd;
	(void)what;
	if (run->job == NULL)
		return;
	if (run->hastened) {
		job_kill_reaper(run->job, "did not end its job in time");
		return;
	}
	run->hastened = true;
	job_stop(run->job, 0, 0);
	loop_arm(run->job_timer, REAPER_KILL_MS);
}

/* ---- the worker ---- */

static void
run_on_hello(void *arg)
{
	struct run *run = arg;

	if (run->phase == PHASE_UP)
		run->handlers->hello(run->arg);
}

static bool
run_on_ready(struct run *run, const char *json, size_t len)
{
	struct setup_ready ready;

	if (setup_parse_ready(&ready, json, len) == -1)
		return false;
	/* While all of it ends the worker may not know yet. */
	return run->phase != PHASE_UP || run->handlers->ready(run->arg, &ready);
}

static bool
run_on_frame(void *arg, const struct frame *frame, const char *payload)
{
	struct run *run = arg;
	struct setup_last_words words;

	if (frame->type == MSG_READY)
		return run_on_ready(run, payload, frame->length);
	if (frame->type != MSG_OBITUARY ||
	    setup_parse_last_words(&words, payload, frame->length) == -1)
		return false;
	outcome_words(&run->outcome, &words);
	loop_arm(run->worker_timer, WORKER_END_MS);
	run_end(run, ORPHAN_WAIT_MS, ORPHAN_TERM_MS);
	return true;
}

/* What its exit status says about the job, and about another try. */
static void
run_note_status(struct run *run, int status)
{
	if (!WIFEXITED(status))
		return;
	/* A connection may be lost without the end of the server. */
	run->outcome.lost =
	    WEXITSTATUS(status) == ROLE_EXIT_BACKEND && !run->spec.remote;
	if (WEXITSTATUS(status) == ROLE_EXIT_CONFIG)
		run->outcome.permanent = true;
}

/* Whether all of it ended because the worker did.  Its job may be the first of
 * whom that is heard: it ends when nobody is at its stdin any more. */
static bool
run_blames_worker(const struct run *run, int status)
{
	if (run->outcome.words.why[0] != '\0')
		return false;
	return !run->outcome.job_ended || (WIFSIGNALED(status) && !run->late);
}

static void
run_on_worker_gone(void *arg, const struct process_end *end)
{
	struct run *run = arg;
	char why[LOG_STR_MAX];

	run->worker = NULL;
	(void)event_del(run->worker_timer);
	run_note_status(run, end->status);
	if (run_blames_worker(run, end->status))
		outcome_because(&run->outcome, "its worker %s",
		    process_end_text(end, why, sizeof(why)));
	run_end(run, ORPHAN_WAIT_MS, ORPHAN_TERM_MS);
	/* It has taken leave of the job, which waited for that. */
	run_stop_job(run, 0, STOP_TERM_MS);
	run_check_gone(run);
}

static const struct process_handlers worker_handlers = {
	.hello = run_on_hello,
	.frame = run_on_frame,
	.gone = run_on_worker_gone,
};

static void
run_on_worker_timer(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd;
	(void)what;
	if (run->worker == NULL)
		return;
	run->late = true;
	process_kill(run->worker, "did not end in time");
}

/* ---- from start to end ---- */

/* Everything is sent at once: the worker reads it when it is there. */
static void
run_brief_worker(struct run *run, struct job_pipes *pipes)
{
	const struct frame setup = { .type = MSG_SETUP };
	const struct frame input = { .type = MSG_JOB_STDIN };
	const struct frame output = { .type = MSG_JOB_STDOUT };
	const struct frame error = { .type = MSG_JOB_STDERR };

	process_send(run->worker, &setup, run->spec.worker_setup);
	if (pipes->input != -1)
		process_send_fd(run->worker, &input, NULL, &pipes->input);
	if (pipes->output != -1)
		process_send_fd(run->worker, &output, NULL, &pipes->output);
	if (pipes->error != -1)
		process_send_fd(run->worker, &error, NULL, &pipes->error);
}

static int
run_start_job(struct run *run, struct job_pipes *pipes)
{
	const struct job_spec spec = {
		.subject = run->reaper_subject,
		.setup = run->spec.reaper_setup,
		.cgroup = run->spec.cgroup,
		.pipe_size = run->spec.pipe_size,
		.no_input = run->spec.remote,
	};

	run->job = job_start(run->processes, &spec, pipes, &job_handlers, run);
	if (run->job == NULL)
		outcome_because(&run->outcome, "cannot start its reaper: %s",
		    strerror(errno));
	return run->job != NULL ? 0 : -1;
}

void
run_start(struct run *run)
{
	struct job_pipes pipes = { -1, -1, -1 };

	assert(run->phase == PHASE_IDLE);
	run->phase = PHASE_UP;
	run->hastened = run->late = false;
	memset(&run->outcome, 0, sizeof(run->outcome));
	if (run->spec.reaper_setup != NULL &&
	    run_start_job(run, &pipes) == -1) {
		run_end(run, 0, 0);
		return;
	}
	run->worker = process_start(run->processes,
	    run->spec.remote ? PROGRAM_WORKER_HTTP : PROGRAM_WORKER,
	    run->worker_subject, NULL, &worker_handlers, run);
	if (run->worker == NULL) {
		outcome_because(&run->outcome, "cannot start its worker: %s",
		    strerror(errno));
		job_pipes_close(&pipes);
		run_end(run, 0, ORPHAN_TERM_MS);
		return;
	}
	run_brief_worker(run, &pipes);
}

void
run_stop(struct run *run)
{
	run_close_worker(run);
	if (run->phase == PHASE_UP && run->spec.remote && run->worker != NULL)
		run_begin_end(run); /* the job's turn is after the worker's */
	else
		run_end(run, STOP_WAIT_MS, STOP_TERM_MS);
}

void
run_fail(struct run *run, const char *format, ...)
{
	char why[OUTCOME_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	outcome_because(&run->outcome, "%s", why);
	if (run->job == NULL) /* else the worker sees the job's end */
		run_close_worker(run);
	run_end(run, 0, ORPHAN_TERM_MS);
}

void
run_kill(struct run *run)
{
	if (run->worker != NULL)
		process_kill(run->worker, "killed with the gateway");
	if (run->job != NULL) {
		run->hastened = true;
		job_stop(run->job, 0, 0);
	}
}

unsigned int
run_processes(const struct run *run)
{
	return run->job != NULL ? job_processes(run->job) : 0;
}

pid_t
run_worker(const struct run *run)
{
	return run->worker != NULL ? process_pid(run->worker) : -1;
}

pid_t
run_reaper(const struct run *run)
{
	return run->job != NULL ? job_reaper(run->job) : -1;
}

/* ---- links ---- */

bool
run_can_link(const struct run *run)
{
	return run->worker != NULL && run->phase == PHASE_UP;
}

void
run_send_link(struct run *run, uint64_t backend, uint32_t generation, int *fd)
{
	const struct frame frame = {
		.type = MSG_LINK, .id = backend, .client = generation
	};

	process_send_fd(run->worker, &frame, NULL, fd);
}

void
run_no_link(struct run *run, const char *why)
{
	process_kill(run->worker, why);
}

/* ---- the object ---- */

struct run *
run_new(struct loop *loop, struct processes *processes,
    const struct run_spec *spec, const struct run_handlers *handlers, void *arg)
{
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		return NULL;
	run->processes = processes;
	run->spec = *spec;
	run->spec.name = NULL; /* the subjects have it */
	run->handlers = handlers;
	run->arg = arg;
	run->job_timer =
	    event_new(loop_base(loop), -1, 0, run_on_job_timer, run);
	run->worker_timer =
	    event_new(loop_base(loop), -1, 0, run_on_worker_timer, run);
	if (asprintf(&run->worker_subject, "worker %s", spec->name) == -1)
		run->worker_subject = NULL;
	if (asprintf(&run->reaper_subject, "reaper %s", spec->name) == -1)
		run->reaper_subject = NULL;
	if (run->job_timer == NULL || run->worker_timer == NULL ||
	    run->worker_subject == NULL || run->reaper_subject == NULL)
		run_free(&run);
	return run;
}

void
run_free(struct run **run)
{
	struct run *r = *run;

	if (r == NULL)
		return;
	if (r->job_timer != NULL)
		event_free(r->job_timer);
	if (r->worker_timer != NULL)
		event_free(r->worker_timer);
	job_free(&r->job);
	free(r->worker_subject);
	free(r->reaper_subject);
	free(r);
	*run = NULL;
}
