/* service.c: one configured backend kept running. */
#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "job.h"
#include "outcome.h"
#include "proto/backoff.h"
#include "proto/clock.h"
#include "proto/role.h"
#include "service.h"
#include "setup.h"

/* The worker has the same time limit and knows more to say about it, so that it
 * gets to say it first. */
#define STARTUP_EXTRA_MS 250

/* A job whose worker is gone is of no use: it gets the time that a program
 * needs to notice that its stdin is closed, then SIGTERM and time to save its
 * work. */
#define ORPHAN_WAIT_MS 150
#define ORPHAN_TERM_MS 2000

/* A job that is stopped with the gateway. */
#define STOP_WAIT_MS 2000
#define STOP_TERM_MS 3000

/* What a worker needs to pass on the last lines and end when its job ended. */
#define WORKER_END_MS 500

/* What a reaper may need beyond the deadlines it was given; then its channel is
 * closed, which makes it kill everything; then it is killed itself. */
#define REAPER_EXTRA_MS 2000
#define REAPER_KILL_MS  5000

struct service {
	struct loop *loop;
	struct processes *processes;
	struct service_spec spec;
	const struct service_handlers *handlers;
	void *arg;
	struct backend be;
	bool wanted;
	char *worker_subject;
	char *reaper_subject;

	/* This run. */
	struct job *job;        /* NULL when gone */
	struct process *worker; /* NULL when gone */
	struct event *timer;    /* of the state */
	struct event *worker_timer;
	uint64_t started_ms;
	uint64_t ready_ms; /* 0: never */
	struct setup_ready ready;
	bool stop_hastened; /* its reaper was told to kill */
	struct outcome outcome;

	/* Across runs. */
	struct backoff backoff;
	uint64_t retry_at; /* of BACKOFF */
	bool tried;        /* a run has ended, one way or the other */
	char reason[OUTCOME_TEXT_MAX];
};

static void
arm(struct event *timer, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(timer, &tv);
}

static void __attribute__((format(printf, 3, 4)))
service_tell(struct service *s, enum log_level level, const char *format, ...)
{
	char text[OUTCOME_TEXT_MAX + 256];
	va_list args;
	int n;

	n = snprintf(text, sizeof(text), "backend %s: ", s->be.name);
	va_start(args, format);
	(void)vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	va_end(args);
	s->handlers->tell(s->arg, level, text);
}

/* Change the state and tell everybody.  False when the event means nothing. */
static bool
service_event(struct service *s, enum backend_event event, const char *why)
{
	if (!backend_event(&s->be, event, why))
		return false;
	s->handlers->changed(s->arg, s);
	return true;
}

static bool
is_active(const struct service *s)
{
	return s->be.state == BACKEND_STARTING ||
	    s->be.state == BACKEND_SETUP || s->be.state == BACKEND_READY;
}

/* No process of this run is left. */
static void
service_all_gone(struct service *s)
{
	uint64_t now = mono_ms();
	uint32_t delay;

	(void)event_del(s->timer);
	(void)event_del(s->worker_timer);
	s->tried = true;
	if (!s->wanted) {
		(void)service_event(s, BACKEND_EV_GONE_UNWANTED, "stopped");
		return;
	}
	outcome_text(&s->outcome, s->reason);
	if (s->outcome.permanent) {
		service_tell(s, LOG_LEVEL_ERROR,
		    "%s; it is not tried again before the gateway is restarted",
		    s->reason);
		(void)service_event(s, BACKEND_EV_GONE_FAILED, s->reason);
		return;
	}
	delay = backoff_fail(&s->backoff,
	    s->ready_ms != 0 ? now - s->ready_ms : 0, arc4random());
	s->retry_at = now + delay;
	service_tell(s, LOG_LEVEL_WARNING, "%s; next try in %.1f s", s->reason,
	    delay / 1000.0);
	(void)service_event(s, BACKEND_EV_GONE_RETRY, s->reason);
	arm(s->timer, delay);
}

static void
service_check_gone(struct service *s)
{
	if (s->be.state == BACKEND_STOPPING && s->job == NULL &&
	    s->worker == NULL)
		service_all_gone(s);
}

/* Something ended or must end: so must everything. */
static void
service_end(struct service *s, unsigned int wait_ms, unsigned int term_ms)
{
	if (!is_active(s))
		return;
	(void)service_event(s, BACKEND_EV_END,
	    s->outcome.cause[0] != '\0' ? s->outcome.cause : "ends");
	arm(s->timer, (uint64_t)wait_ms + term_ms + REAPER_EXTRA_MS);
	if (s->job != NULL && !s->outcome.job_ended) {
		s->outcome.stop_sent = true;
		job_stop(s->job, wait_ms, term_ms);
	}
	service_check_gone(s);
}

static void
service_on_job_ended(void *arg, const struct setup_job_end *end)
{
	struct service *s = arg;

	outcome_job(&s->outcome, end);
	arm(s->worker_timer, WORKER_END_MS);
	service_end(s, 0, ORPHAN_TERM_MS);
}

static void
service_on_job_gone(void *arg, const char *why)
{
	struct service *s = arg;

	s->job = NULL;
	if (!s->outcome.job_ended && !s->stop_hastened)
		outcome_because(&s->outcome, "its reaper %s", why);
	if (s->worker != NULL)
		arm(s->worker_timer, WORKER_END_MS);
	service_end(s, 0, 0);
	service_check_gone(s);
}

static const struct job_handlers job_handlers = {
	.ended = service_on_job_ended,
	.gone = service_on_job_gone,
};

static void
service_on_hello(void *arg)
{
	(void)service_event(arg, BACKEND_EV_HELLO, "the worker is there");
}

/* "23 tools", into dst. */
static const char *
tools_text(const struct service *s, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%u tool%s", s->ready.tools,
	    s->ready.tools == 1 ? "" : "s");
	return dst;
}

static bool
service_on_ready(struct service *s, const char *json, size_t len)
{
	struct setup_ready ready;
	unsigned int before = s->ready.tools;
	bool first = s->be.state == BACKEND_SETUP;
	char text[32];

	if (setup_parse_ready(&ready, json, len) == -1)
		return false;
	if (s->be.state == BACKEND_STOPPING)
		return true; /* it does not know yet */
	if (!first && s->be.state != BACKEND_READY)
		return false;
	s->ready = ready;
	if (first) {
		s->ready_ms = mono_ms();
		s->reason[0] = '\0';
		s->tried = true;
		(void)event_del(s->timer);
		service_tell(s, LOG_LEVEL_INFO, "ready in %.2f s, %s",
		    (double)(s->ready_ms - s->started_ms) / 1000.0,
		    tools_text(s, text, sizeof(text)));
	} else if (before != ready.tools) {
		service_tell(s, LOG_LEVEL_INFO, "now has %s",
		    tools_text(s, text, sizeof(text)));
	}
	/* That counts changed changes nothing for the front, which would be
	 * told as often as a worker likes. */
	return !first || service_event(s, BACKEND_EV_READY, "listed");
}

static bool
service_on_frame(void *arg, const struct frame *frame, const char *payload)
{
	struct service *s = arg;
	struct setup_last_words words;

	if (frame->type == MSG_READY)
		return service_on_ready(s, payload, frame->length);
	if (frame->type != MSG_OBITUARY ||
	    setup_parse_last_words(&words, payload, frame->length) == -1)
		return false;
	outcome_words(&s->outcome, &words);
	arm(s->worker_timer, WORKER_END_MS);
	service_end(s, ORPHAN_WAIT_MS, ORPHAN_TERM_MS);
	return true;
}

static void
service_on_worker_gone(void *arg, const struct process_end *end)
{
	struct service *s = arg;
	char why[LOG_STR_MAX];

	s->worker = NULL;
	(void)event_del(s->worker_timer);
	if (WIFEXITED(end->status)) {
		s->outcome.lost = WEXITSTATUS(end->status) == ROLE_EXIT_BACKEND;
		if (WEXITSTATUS(end->status) == ROLE_EXIT_CONFIG)
			s->outcome.permanent = true;
	}
	if (s->outcome.words.why[0] == '\0' && !s->outcome.job_ended)
		outcome_because(&s->outcome, "its worker %s",
		    process_end_text(end, why, sizeof(why)));
	service_end(s, ORPHAN_WAIT_MS, ORPHAN_TERM_MS);
	service_check_gone(s);
}

static const struct process_handlers worker_handlers = {
	.hello = service_on_hello,
	.frame = service_on_frame,
	.gone = service_on_worker_gone,
};

static void
service_on_worker_timer(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	if (s->worker != NULL)
		process_kill(s->worker, "did not end with its job");
}

/* The job and its reaper are late. */
static void
service_hasten(struct service *s)
{
	if (s->job == NULL)
		return;
	if (s->stop_hastened) {
		job_kill_reaper(s->job, "did not end its job in time");
		return;
	}
	s->stop_hastened = true;
	job_kill(s->job);
	arm(s->timer, REAPER_KILL_MS);
}

static void service_run(struct service *s);

static void
service_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	switch (s->be.state) {
	case BACKEND_STARTING:
	case BACKEND_SETUP:
		outcome_because(&s->outcome,
		    "did not complete initialize within %g s",
		    s->spec.config->startup_timeout_ms / 1000.0);
		service_end(s, 0, ORPHAN_TERM_MS);
		break;
	case BACKEND_STOPPING:
		service_hasten(s);
		break;
	case BACKEND_BACKOFF:
		service_run(s);
		break;
	case BACKEND_DOWN:
	case BACKEND_READY:
	case BACKEND_FAILED:
		break;
	}
}

static void
service_forget_run(struct service *s)
{
	s->ready_ms = 0;
	memset(&s->ready, 0, sizeof(s->ready));
	memset(&s->outcome, 0, sizeof(s->outcome));
	s->stop_hastened = false;
}

/* Everything is sent at once: the worker reads it when it is there. */
static void
service_brief_worker(struct service *s, struct job_pipes *pipes)
{
	struct frame setup = { .type = MSG_SETUP };
	struct frame input = { .type = MSG_JOB_STDIN };
	struct frame output = { .type = MSG_JOB_STDOUT };
	struct frame error = { .type = MSG_JOB_STDERR };

	process_send(s->worker, &setup, s->spec.worker_setup);
	process_send_fd(s->worker, &input, NULL, &pipes->input);
	process_send_fd(s->worker, &output, NULL, &pipes->output);
	process_send_fd(s->worker, &error, NULL, &pipes->error);
	s->handlers->link(s->arg, s);
}

/* From DOWN or BACKOFF: start the job and its worker. */
static void
service_run(struct service *s)
{
	struct job_pipes pipes = { -1, -1, -1 };

	service_forget_run(s);
	s->started_ms = mono_ms();
	(void)service_event(s, BACKEND_EV_START, "wanted");
	s->job = job_start(s->processes, s->reaper_subject,
	    s->spec.reaper_setup, s->spec.pipe_size, &pipes, &job_handlers, s);
	if (s->job != NULL)
		s->worker = process_start(s->processes, ROLE_WORKER,
		    s->worker_subject, NULL, &worker_handlers, s);
	if (s->worker == NULL) {
		outcome_because(&s->outcome, "cannot start its %s: %s",
		    s->job == NULL ? "reaper" : "worker", strerror(errno));
		job_pipes_close(&pipes);
		service_end(s, 0, ORPHAN_TERM_MS);
		return;
	}
	service_brief_worker(s, &pipes);
	arm(s->timer,
	    (uint64_t)s->spec.config->startup_timeout_ms + STARTUP_EXTRA_MS);
}

struct service *
service_new(struct loop *loop, struct processes *processes,
    const struct service_spec *spec, const struct service_handlers *handlers,
    void *arg)
{
	struct service *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		free(spec->worker_setup);
		free(spec->reaper_setup);
		return NULL;
	}
	s->loop = loop;
	s->processes = processes;
	s->spec = *spec;
	s->handlers = handlers;
	s->arg = arg;
	s->be.name = spec->config->name;
	s->timer = event_new(loop_base(loop), -1, 0, service_on_timer, s);
	s->worker_timer =
	    event_new(loop_base(loop), -1, 0, service_on_worker_timer, s);
	if (asprintf(&s->worker_subject, "worker %s", s->be.name) == -1)
		s->worker_subject = NULL;
	if (asprintf(&s->reaper_subject, "reaper %s", s->be.name) == -1)
		s->reaper_subject = NULL;
	if (s->timer == NULL || s->worker_timer == NULL ||
	    s->worker_subject == NULL || s->reaper_subject == NULL)
		service_free(&s);
	return s;
}

void
service_free(struct service **service)
{
	struct service *s = *service;

	if (s == NULL)
		return;
	if (s->timer != NULL)
		event_free(s->timer);
	if (s->worker_timer != NULL)
		event_free(s->worker_timer);
	free(s->spec.worker_setup);
	free(s->spec.reaper_setup);
	free(s->worker_subject);
	free(s->reaper_subject);
	free(s);
	*service = NULL;
}

void
service_start(struct service *s)
{
	if (s->spec.config->disabled)
		return;
	s->wanted = true;
	service_run(s);
}

void
service_stop(struct service *s)
{
	s->wanted = false;
	if (s->worker != NULL) {
		process_close(s->worker);
		arm(s->worker_timer, WORKER_END_MS);
	}
	service_end(s, STOP_WAIT_MS, STOP_TERM_MS);
	if (s->be.state == BACKEND_BACKOFF || s->be.state == BACKEND_FAILED) {
		(void)event_del(s->timer);
		(void)service_event(s, BACKEND_EV_GONE_UNWANTED, "stopped");
	}
}

void
service_kill(struct service *s)
{
	if (s->worker != NULL)
		process_kill(s->worker, "killed with the gateway");
	if (s->job != NULL) {
		s->stop_hastened = true;
		job_kill(s->job);
	}
}

size_t
service_number(const struct service *s)
{
	return s->spec.number;
}

const char *
service_name(const struct service *s)
{
	return s->be.name;
}

enum backend_state
service_state(const struct service *s)
{
	return s->be.state;
}

bool
service_is_disabled(const struct service *s)
{
	return s->spec.config->disabled;
}

bool
service_is_settled(const struct service *s)
{
	return s->tried || s->spec.config->disabled;
}

unsigned int
service_tools(const struct service *s)
{
	return s->be.state == BACKEND_READY ? s->ready.tools : 0;
}

const char *
service_reason(const struct service *s)
{
	return s->reason[0] != '\0' ? s->reason : NULL;
}

int64_t
service_retry_ms(const struct service *s)
{
	uint64_t now = mono_ms();

	if (s->be.state != BACKEND_BACKOFF)
		return -1;
	return s->retry_at > now ? (int64_t)(s->retry_at - now) : 0;
}

bool
service_can_link(const struct service *s)
{
	return s->worker != NULL && is_active(s);
}

void
service_send_link(struct service *s, uint32_t generation, int *fd)
{
	struct frame frame = {
		.type = MSG_LINK, .id = s->spec.number, .client = generation
	};

	process_send_fd(s->worker, &frame, NULL, fd);
}

void
service_no_link(struct service *s, const char *why)
{
	process_kill(s->worker, why);
}
