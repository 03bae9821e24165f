/* service.c: one configured backend kept running. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "breaker.h"
#include "proto/backoff.h"
#include "proto/clock.h"
#include "run.h"
#include "service.h"
#include "setup.h"

/* The worker has the same time limit and knows more to say about it, so that it
 * gets to say it first. */
#define STARTUP_EXTRA_MS 250

struct service {
	struct service_spec spec;
	const struct service_handlers *handlers;
	void *arg;
	struct backend be;
	struct run *run;
	struct event *timer; /* of the state */
	bool wanted;
	bool tried; /* a run was ready or has ended */
	unsigned int starts;

	/* This run. */
	uint64_t started_ms;
	uint64_t ready_ms; /* 0: never */
	uint64_t ended_ms;
	struct setup_ready ready;

	/* Across runs. */
	struct backoff backoff;
	struct breaker breaker;
	uint64_t retry_at; /* of BACKOFF and FAILED; 0: never */
	char reason[OUTCOME_TEXT_MAX];
};

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

/* ---- what becomes of a run ---- */

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
service_on_ready(void *arg, const struct setup_ready *ready)
{
	struct service *s = arg;
	unsigned int before = s->ready.tools;
	bool first = s->be.state == BACKEND_SETUP;
	char text[32];

	if (!first && s->be.state != BACKEND_READY)
		return false;
	s->ready = *ready;
	if (first) {
		s->ready_ms = mono_ms();
		s->reason[0] = '\0';
		s->tried = true;
		(void)event_del(s->timer);
		service_tell(s, LOG_LEVEL_INFO, "ready in %.2f s, %s",
		    (double)(s->ready_ms - s->started_ms) / 1000.0,
		    tools_text(s, text, sizeof(text)));
	} else if (before != ready->tools) {
		service_tell(s, LOG_LEVEL_INFO, "now has %s",
		    tools_text(s, text, sizeof(text)));
	}
	/* That counts changed changes nothing for the front, which would be
	 * told as often as a worker likes. */
	return !first || service_event(s, BACKEND_EV_READY, "listed");
}

static void
service_on_ending(void *arg, const char *why)
{
	struct service *s = arg;

	s->ended_ms = mono_ms();
	(void)event_del(s->timer);
	(void)service_event(s, BACKEND_EV_END, why);
}

/* It failed, and may not for ever: when is it tried again? */
static void
service_retry(struct service *s)
{
	uint64_t now = mono_ms();
	uint64_t ready = s->ready_ms != 0 ? s->ended_ms - s->ready_ms : 0;
	uint32_t delay = backoff_fail(&s->backoff, ready, arc4random());
	enum breaker_verdict verdict =
	    breaker_fail(&s->breaker, now, ready, arc4random(), &delay);

	if (verdict == BREAKER_OPENED)
		service_tell(s, LOG_LEVEL_ERROR,
		    "failed %d times within %u s: %s; tried again in %.0f s",
		    BREAKER_FAILURES, BREAKER_WINDOW_MS / 1000, s->reason,
		    delay / 1000.0);
	else
		service_tell(s, LOG_LEVEL_WARNING, "%s; next try in %.1f s",
		    s->reason, delay / 1000.0);
	s->retry_at = now + delay;
	(void)service_event(s,
	    verdict == BREAKER_CLOSED ? BACKEND_EV_GONE_RETRY
				      : BACKEND_EV_GONE_FAILED,
	    s->reason);
	loop_arm(s->timer, delay);
}

static void
service_on_gone(void *arg, const struct outcome *outcome)
{
	struct service *s = arg;

	s->tried = true;
	if (!s->wanted) {
		(void)service_event(s, BACKEND_EV_GONE_UNWANTED, "stopped");
		return;
	}
	outcome_text(outcome, s->reason);
	if (!outcome->permanent && !s->spec.once) {
		service_retry(s);
		return;
	}
	if (s->spec.once)
		service_tell(s, LOG_LEVEL_WARNING, "%s", s->reason);
	else
		service_tell(s, LOG_LEVEL_ERROR,
		    "%s; it is not tried again before a reload that changes "
		    "it, or mcp-gatewayctl start %s",
		    s->reason, s->be.name);
	s->retry_at = 0;
	(void)service_event(s, BACKEND_EV_GONE_FAILED, s->reason);
}

static const struct run_handlers run_handlers = {
	.hello = service_on_hello,
	.ready = service_on_ready,
	.ending = service_on_ending,
	.gone = service_on_gone,
};

/* From DOWN, BACKOFF or FAILED. */
static void
service_run(struct service *s)
{
	s->started_ms = mono_ms();
	s->ready_ms = 0;
	memset(&s->ready, 0, sizeof(s->ready));
	s->starts++;
	(void)service_event(s, BACKEND_EV_START, "wanted");
	/* First, because the run may be over when run_start() returns. */
	loop_arm(s->timer,
	    (uint64_t)s->spec.config->startup_timeout_ms + STARTUP_EXTRA_MS);
	run_start(s->run);
	if (run_can_link(s->run))
		s->handlers->link(s->arg, s);
}

static void
service_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	switch (s->be.state) {
	case BACKEND_STARTING:
	case BACKEND_SETUP:
		run_fail(s->run, "did not complete initialize within %g s",
		    s->spec.config->startup_timeout_ms / 1000.0);
		break;
	case BACKEND_BACKOFF:
	case BACKEND_FAILED:
		service_run(s);
		break;
	case BACKEND_DOWN:
	case BACKEND_READY:
	case BACKEND_STOPPING:
		break;
	}
}

static void
spec_free(const struct service_spec *spec)
{
	free(spec->name);
	free(spec->worker_setup);
	free(spec->reaper_setup);
	free(spec->cgroup);
	free(spec->user);
}

struct service *
service_new(struct loop *loop, struct processes *processes,
    const struct service_spec *spec, const struct service_handlers *handlers,
    void *arg)
{
	const char *name = spec->name != NULL ? spec->name : spec->config->name;
	const struct run_spec run = {
		.name = name,
		.worker_setup = spec->worker_setup,
		.reaper_setup = spec->reaper_setup,
		.cgroup = spec->cgroup,
		.pipe_size = spec->pipe_size,
		.remote = spec->remote,
	};
	struct service *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		spec_free(spec);
		return NULL;
	}
	s->spec = *spec;
	s->handlers = handlers;
	s->arg = arg;
	s->be.name = name;
	s->run = run_new(loop, processes, &run, &run_handlers, s);
	s->timer = event_new(loop_base(loop), -1, 0, service_on_timer, s);
	if (s->run == NULL || s->timer == NULL)
		service_free(&s);
	return s;
}

void
service_free(struct service **service)
{
	struct service *s = *service;

	if (s == NULL)
		return;
	run_free(&s->run);
	if (s->timer != NULL)
		event_free(s->timer);
	spec_free(&s->spec);
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
	run_stop(s->run);
	if (s->be.state == BACKEND_BACKOFF || s->be.state == BACKEND_FAILED) {
		(void)event_del(s->timer);
		(void)service_event(s, BACKEND_EV_GONE_UNWANTED, "stopped");
	}
}

void
service_kill(struct service *s)
{
	run_kill(s->run);
}

void
service_rebind(struct service *s, const struct config_backend *config)
{
	/* The run keeps a name of its own. */
	s->spec.config = config;
	if (s->spec.name == NULL)
		s->be.name = config->name;
}

bool
service_try_now(struct service *s)
{
	if (s->be.state != BACKEND_BACKOFF && s->be.state != BACKEND_FAILED)
		return false;
	memset(&s->backoff, 0, sizeof(s->backoff));
	memset(&s->breaker, 0, sizeof(s->breaker));
	s->wanted = true;
	service_run(s);
	return true;
}

void
service_explain(struct service *s, const char *why)
{
	(void)strlcpy(s->reason, why, sizeof(s->reason));
}

/* ---- what others ask ---- */

uint64_t
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

	if ((s->be.state != BACKEND_BACKOFF && s->be.state != BACKEND_FAILED) ||
	    s->retry_at == 0)
		return -1;
	return s->retry_at > now ? (int64_t)(s->retry_at - now) : 0;
}

unsigned int
service_processes(const struct service *s)
{
	return run_processes(s->run);
}

void
service_status(const struct service *s, struct status_backend *ret)
{
	bool ready = s->be.state == BACKEND_READY;

	*ret = (struct status_backend){
		.name = s->be.name,
		.state = s->be.state,
		.disabled = s->spec.config->disabled,
		.reason = service_reason(s),
		.for_ms = mono_ms() - (ready ? s->ready_ms : s->started_ms),
		.tools = service_tools(s),
		.has_job = s->spec.reaper_setup != NULL,
		.processes = service_processes(s),
		.starts = s->starts,
		.retry_ms = service_retry_ms(s),
		.number = s->spec.number,
		.part = "serving",
		.revision = ready ? s->ready.revision : NULL,
		.server = ready ? s->ready.server : NULL,
		.resources = ready ? s->ready.resources : 0,
		.templates = ready ? s->ready.templates : 0,
		.prompts = ready ? s->ready.prompts : 0,
		.worker = run_worker(s->run),
		.reaper = run_reaper(s->run),
		.user = s->spec.user,
	};
	if (s->be.state == BACKEND_STOPPING)
		ret->for_ms = mono_ms() - s->ended_ms;
	else if (s->be.state == BACKEND_DOWN)
		ret->for_ms = 0;
}

/* ---- links ---- */

bool
service_can_link(const struct service *s)
{
	return run_can_link(s->run);
}

void
service_send_link(struct service *s, uint32_t generation, int *fd)
{
	run_send_link(s->run, s->spec.number, generation, fd);
}

void
service_no_link(struct service *s, const char *why)
{
	run_no_link(s->run, why);
}
