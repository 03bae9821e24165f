/* worker.c: the process around one backend. */
#include <event2/event.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "diagnostics.h"
#include "proto/buf.h"
#include "proto/chan.h"
#include "proto/clock.h"
#include "proto/json.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/role.h"
#include "setup.h"
#include "worker.h"

/* Log records may queue up to here; the rest is for what must arrive. */
#define LOG_QUEUE_MAX (CHAN_QUEUE_MAX / 2)

enum worker_state {
	WORKER_NEW,     /* SETUP is awaited */
	WORKER_WAITING, /* for the ends of the job's pipes, if there are any */
	WORKER_RUNNING, /* the backend is talked to */
	WORKER_LEAVING, /* it is told goodbye */
	WORKER_ENDING,  /* its standard error may say why */
	WORKER_ENDED,
};

enum job_pipe {
	JOB_IN,
	JOB_OUT,
	JOB_ERR
};
#define JOB_PIPES 3

struct worker {
	const struct worker_kind *kind;
	enum worker_state state;
	struct loop *loop;
	struct chan *control;
	struct setup setup;
	int job[JOB_PIPES]; /* until the backend starts */
	struct backend *backend;
	struct diagnostics *diagnostics;
	struct event *moment; /* how long a state may last that ends it */
	int exit_code;
	uint64_t records_dropped;
	char why[512];
	struct buf ready; /* the last one sent */
};

static const char *const state_names[] = {
	[WORKER_NEW] = "new",
	[WORKER_WAITING] = "waiting",
	[WORKER_RUNNING] = "running",
	[WORKER_LEAVING] = "leaving",
	[WORKER_ENDING] = "ending",
	[WORKER_ENDED] = "ended",
};

/* The only place that writes w->state. */
static void
worker_transition(struct worker *w, enum worker_state to, const char *why)
{
	static const unsigned int may_become[] = {
		[WORKER_NEW] = 1U << WORKER_WAITING | 1U << WORKER_ENDED,
		[WORKER_WAITING] = 1U << WORKER_RUNNING | 1U << WORKER_ENDED,
		[WORKER_RUNNING] = 1U << WORKER_LEAVING | 1U << WORKER_ENDING |
		    1U << WORKER_ENDED,
		[WORKER_LEAVING] = 1U << WORKER_ENDED,
		[WORKER_ENDING] = 1U << WORKER_ENDED,
		[WORKER_ENDED] = 0,
	};

	assert(may_become[w->state] & 1U << to);
	log_debug("worker: %s -> %s (%s)", state_names[w->state],
	    state_names[to], why);
	w->state = to;
}

/* End the process with this code; the loop returns at the end of the turn. */
static void
worker_end(struct worker *w, enum role_exit code, const char *why)
{
	if (w->state == WORKER_ENDED)
		return;
	worker_transition(w, WORKER_ENDED, why);
	w->exit_code = (int)code;
	loop_stop(w->loop);
}

static int
send_control(struct worker *w, enum msg_type type, unsigned int flags,
    const char *text, size_t len)
{
	const struct frame frame = { .length = (uint32_t)len,
		.type = (uint16_t)type,
		.flags = (uint16_t)flags };

	if (w->control == NULL) {
		errno = EPIPE;
		return -1;
	}
	return chan_send(w->control, &frame, text);
}

/* Records go to the supervisor; those that it does not take are counted. */
static void
log_to_supervisor(void *arg, enum log_level level, const char *text)
{
	struct worker *w = arg;
	size_t len = strlen(text);
	char dropped[64];
	int n;

	if (w->records_dropped > 0) {
		n = snprintf(dropped, sizeof(dropped),
		    "worker: %" PRIu64 " log records dropped",
		    w->records_dropped);
		if (send_control(
			w, MSG_LOG, LOG_LEVEL_WARNING, dropped, (size_t)n) == 0)
			w->records_dropped = 0;
	}
	if (len > MSG_LOG_MAX)
		len = MSG_LOG_MAX;
	if (w->control == NULL || chan_queued(w->control) > LOG_QUEUE_MAX ||
	    send_control(w, MSG_LOG, level, text, len) == -1)
		w->records_dropped++;
}

/* ---- how it ends ---- */

static void
send_obituary(struct worker *w)
{
	struct buf b = { 0 };

	/* The last frame: it needs no room to be left. */
	chan_set_queue_max(w->control, SIZE_MAX / 2);
	if (buf_add_text(&b, "{\"why\":") == 0 &&
	    json_add_string(&b, w->why, strlen(w->why)) == 0 &&
	    buf_add_text(&b, ",\"stderr\":") == 0 &&
	    diagnostics_add_last(w->diagnostics, &b) == 0 &&
	    buf_add_text(&b, "}") == 0)
		(void)send_control(
		    w, MSG_OBITUARY, 0, buf_data(&b), buf_len(&b));
	buf_free(&b);
}

static void
finish(struct worker *w)
{
	diagnostics_finish(w->diagnostics);
	backend_report(w->backend);
	send_obituary(w);
	worker_end(w, (enum role_exit)w->exit_code, w->why);
}

static void
on_moment_over(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (w->state == WORKER_ENDING)
		finish(w);
	else if (w->state == WORKER_LEAVING)
		worker_end(w, ROLE_EXIT_PARENT_GONE, "no time is left");
}

static void
on_diagnostics_ended(void *arg)
{
	struct worker *w = arg;

	if (w->state == WORKER_ENDING)
		finish(w);
}

/*
 * The backend is of no use any more.  What it wrote to standard error is on its
 * way: wait for its end, but not long.
 */
static void
begin_end(struct worker *w, enum role_exit code, const char *why)
{
	static const struct timeval wait = { 0, WORKER_LAST_WORDS_MS * 1000 };

	if (w->state == WORKER_LEAVING)
		worker_end(w, ROLE_EXIT_PARENT_GONE, why);
	if (w->state != WORKER_RUNNING)
		return;
	(void)strlcpy(w->why, why, sizeof(w->why));
	/* The supervisor tells it to people, with what else it knows. */
	log_info("backend %s: it %s", w->setup.name, why);
	worker_transition(w, WORKER_ENDING, why);
	w->exit_code = (int)code;
	/* At once where nothing more can come. */
	event_add(w->moment,
	    diagnostics_ended(w->diagnostics) ? &(struct timeval){ 0, 0 }
					      : &wait);
}

/* True when nothing is left to write, or cannot be. */
static bool
flush_once(struct worker *w)
{
	bool done = w->backend == NULL || backend_flush_link(w->backend);

	chan_flush(w->control);
	return done && chan_queued(w->control) == 0;
}

/* Write what is queued, for a short time: nothing else is left to do. */
static void
flush_all(struct worker *w)
{
	static const struct timeval wait = { 0, WORKER_FLUSH_MS * 1000 };
	uint64_t until = mono_ms() + WORKER_FLUSH_MS;

	event_add(w->moment, &wait);
	while (!flush_once(w) && mono_ms() < until)
		if (event_base_loop(loop_base(w->loop), EVLOOP_ONCE) != 0)
			return;
}

/* ---- what the backend says ---- */

static void
on_ready(void *arg)
{
	struct worker *w = arg;
	struct buf b = { 0 };

	if (backend_add_ready(w->backend, &b) == 0 &&
	    (buf_len(&b) != buf_len(&w->ready) ||
		memcmp(buf_data(&b), buf_data(&w->ready), buf_len(&b)) != 0) &&
	    send_control(w, MSG_READY, 0, buf_data(&b), buf_len(&b)) == 0) {
		buf_free(&w->ready);
		w->ready = b;
		return;
	}
	buf_free(&b);
}

static void
on_failed(void *arg, const char *why)
{
	begin_end(arg, ROLE_EXIT_GREETING, why);
}

static void
on_lost(void *arg, const char *why)
{
	begin_end(arg, ROLE_EXIT_BACKEND, why);
}

static const struct backend_handlers backend_handlers = {
	.ready = on_ready,
	.failed = on_failed,
	.lost = on_lost,
};

/* ---- what the supervisor says ---- */

/* This end of the job's pipes is to come. */
static bool
is_due(const struct worker *w, enum job_pipe which)
{
	if (w->job[which] != -1)
		return false;
	return w->kind->talks_to_job ||
	    (w->setup.remote.has_job && which != JOB_IN);
}

/*
 * What the job says to people is read: its standard error, and its standard
 * output unless that carries the messages.
 */
static int
open_diagnostics(struct worker *w)
{
	if (w->job[JOB_ERR] != -1 &&
	    diagnostics_open(w->diagnostics, DIAGNOSTICS_STDERR,
		&w->job[JOB_ERR], on_diagnostics_ended, w) == -1)
		return -1;
	if (w->kind->talks_to_job || w->job[JOB_OUT] == -1)
		return 0;
	return diagnostics_open(w->diagnostics, DIAGNOSTICS_STDOUT,
	    &w->job[JOB_OUT], on_diagnostics_ended, w);
}

/* All that is needed is there: talk to the backend. */
static void
start(struct worker *w)
{
	struct transport *transport;
	const char *why = NULL;
	int error;

	if (open_diagnostics(w) == -1) {
		log_error("backend %s: the job's pipes cannot be used: %s",
		    w->setup.name, strerror(errno));
		worker_end(w, ROLE_EXIT_OSERR, "the job's pipes");
		return;
	}
	transport = w->kind->open(w->loop, &w->setup, &w->job[JOB_IN],
	    &w->job[JOB_OUT], &backend_transport_events, w->backend, &why);
	if (transport == NULL) {
		error = errno;
		if (why == NULL)
			(void)snprintf(w->why, sizeof(w->why),
			    "cannot be talked to: %s", strerror(error));
		else
			(void)strlcpy(w->why, why, sizeof(w->why));
		log_error("backend %s: it %s", w->setup.name, w->why);
		send_obituary(w);
		/* What is configured wrong stays wrong. */
		worker_end(w,
		    error == EINVAL ? ROLE_EXIT_CONFIG : ROLE_EXIT_OSERR,
		    "no transport");
		return;
	}
	worker_transition(w, WORKER_RUNNING, "all is there");
	backend_start(w->backend, transport);
}

static void
start_if_complete(struct worker *w)
{
	if (!is_due(w, JOB_IN) && !is_due(w, JOB_OUT) && !is_due(w, JOB_ERR))
		start(w);
}

/* Our slice of the configuration; false when it is none for this program. */
static bool
read_setup(struct worker *w, const char *payload, size_t len)
{
	if (setup_parse(&w->setup, payload, len) == -1) {
		log_error("worker: SETUP is not what was agreed on");
		return false;
	}
	if (w->kind->talks_to_job != (w->setup.remote.url == NULL)) {
		log_error("backend %s: this program is not for backends %s a "
			  "url",
		    w->setup.name, w->kind->talks_to_job ? "with" : "without");
		return false;
	}
	return true;
}

/* It has secrets, and the channel's buffer would keep them until it is needed
 * again. */
static void
wipe(const char *payload, size_t len)
{
	char *bytes;

	memcpy(&bytes, &payload, sizeof(bytes));
	explicit_bzero(bytes, len);
}

/* False, with a record, when it is not as it must be. */
static bool
give_up_rights(struct worker *w)
{
	const char *missing;

	if (role_drop(&w->setup.identity) == -1) {
		log_error("worker: privileges could not be dropped: %s",
		    strerror(errno));
		return false;
	}
	if (sandbox_enter(w->kind->sandbox, &missing) == -1) {
		log_error("worker: the sandbox could not be entered: %s",
		    strerror(errno));
		return false;
	}
	/* The front warns of it. */
	if (missing != NULL)
		log_debug("worker: this kernel has no %s", missing);
	return true;
}

static void
on_setup(struct worker *w, const char *payload, size_t len)
{
	bool good = read_setup(w, payload, len);

	wipe(payload, len);
	if (!good) {
		worker_end(w, ROLE_EXIT_PROTOCOL, "a wrong SETUP");
		return;
	}
	log_set_level(w->setup.log_level);
	role_title(w->setup.name);
	if (!give_up_rights(w)) {
		worker_end(w, ROLE_EXIT_PRIVILEGE, "privileges");
		return;
	}
	w->backend = backend_new(w->loop, &w->setup, &backend_handlers, w);
	w->diagnostics = diagnostics_new(w->loop, w->setup.name);
	if (w->backend == NULL || w->diagnostics == NULL) {
		worker_end(w, ROLE_EXIT_MEMORY, "out of memory");
		return;
	}
	worker_transition(w, WORKER_WAITING, "SETUP");
	start_if_complete(w);
}

/* False when this end is not to come, or came before. */
static bool
on_job_pipe(struct worker *w, enum job_pipe which, int *fd)
{
	if (w->state != WORKER_WAITING || !is_due(w, which))
		return false;
	w->job[which] = *fd;
	*fd = -1;
	start_if_complete(w);
	return true;
}

static void
on_job_ended(struct worker *w)
{
	if (w->state == WORKER_RUNNING)
		backend_job_ended(w->backend);
}

static void
on_link(struct worker *w, int *fd, uint32_t generation)
{
	if (backend_link(w->backend, fd, generation) == -1)
		log_error("backend %s: link %" PRIu32 " cannot be used: %s",
		    w->setup.name, generation, strerror(errno));
	else
		log_debug("backend %s: link %" PRIu32 " opened", w->setup.name,
		    generation);
}

/* False when this frame may not come now. */
static bool
handle(
    struct worker *w, const struct frame *frame, const char *payload, int *fd)
{
	bool set_up = w->state != WORKER_NEW;

	if (frame->type == MSG_SETUP && !set_up)
		on_setup(w, payload, frame->length);
	else if (frame->type == MSG_LOGLEVEL)
		log_set_level((enum log_level)frame->flags);
	else if (frame->type == MSG_STOP && set_up)
		on_job_ended(w);
	else if (frame->type == MSG_LINK && set_up)
		on_link(w, fd, frame->client);
	else if (frame->type == MSG_JOB_STDIN)
		return on_job_pipe(w, JOB_IN, fd);
	else if (frame->type == MSG_JOB_STDOUT)
		return on_job_pipe(w, JOB_OUT, fd);
	else if (frame->type == MSG_JOB_STDERR)
		return on_job_pipe(w, JOB_ERR, fd);
	else
		return false;
	return true;
}

static void
on_frame(void *arg, const struct frame *frame, const char *payload, int *fd)
{
	struct worker *w = arg;

	/* Alive in every state, at the end of it too. */
	if (frame->type == MSG_PING) {
		(void)send_control(w, MSG_PONG, 0, NULL, 0);
		return;
	}
	if (w->state == WORKER_ENDED || handle(w, frame, payload, fd))
		return;
	log_error("worker: %s does not belong into state %s",
	    msg_name(frame->type), state_names[w->state]);
	worker_end(w, ROLE_EXIT_PROTOCOL, "a frame out of place");
}

/* Nothing is wanted of us any more: leave politely, but not slowly. */
static void
leave(struct worker *w)
{
	static const struct timeval wait = { 0, WORKER_GOODBYE_MS * 1000 };

	if (w->state == WORKER_RUNNING && backend_close(w->backend)) {
		worker_transition(w, WORKER_LEAVING, "the channel is closed");
		event_add(w->moment, &wait);
	} else {
		worker_end(w, ROLE_EXIT_PARENT_GONE, "the channel is closed");
	}
}

static void
on_control_closed(void *arg, const char *why)
{
	if (strcmp(why, "closed") == 0)
		leave(arg);
	else
		worker_end(arg, ROLE_EXIT_PROTOCOL, why);
}

static const struct chan_handlers control_handlers = {
	.frame = on_frame,
	.closed = on_control_closed,
};

/* ---- the process ---- */

static int
open_all(struct worker *w, int channel_fd)
{
	w->loop = loop_new(false);
	if (w->loop == NULL)
		return -1;
	w->control = chan_new(w->loop, &channel_fd, ROLE_WORKER,
	    ROLE_SUPERVISOR, &control_handlers, w);
	w->moment = evtimer_new(loop_base(w->loop), on_moment_over, w);
	return w->control == NULL || w->moment == NULL ? -1 : 0;
}

static void
close_all(struct worker *w)
{
	unsigned int i;

	log_set_sink(NULL, NULL);
	backend_free(&w->backend);
	diagnostics_free(&w->diagnostics);
	for (i = 0; i < JOB_PIPES; i++)
		if (w->job[i] != -1)
			close(w->job[i]);
	if (w->moment != NULL)
		event_free(w->moment);
	chan_free(&w->control);
	loop_free(&w->loop);
	setup_free(&w->setup);
	buf_free(&w->ready);
}

int
worker_main(int channel_fd, const struct worker_kind *kind)
{
	static const char hello[] =
	    "{\"role\":\"worker\",\"version\":\"" MCPGW_VERSION "\"}";
	struct worker w = { .kind = kind,
		.exit_code = ROLE_EXIT_OSERR,
		.job = { -1, -1, -1 } };

	if (open_all(&w, channel_fd) == 0) {
		(void)send_control(&w, MSG_HELLO, 0, hello, sizeof(hello) - 1);
		log_set_sink(log_to_supervisor, &w);
		loop_run(w.loop);
		if (w.exit_code != ROLE_EXIT_PARENT_GONE)
			flush_all(&w);
	}
	close_all(&w);
	return w.exit_code;
}
