/* gateway.c: the supervisor as a whole. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "change.h"
#include "ending.h"
#include "gateway_parts.h"
#include "instance.h"
#include "notify.h"
#include "proto/clock.h"
#include "startup.h"
#include "status.h"
#include "where.h"

/* ---- what the parts tell ---- */

static void
gateway_on_changed(void *arg)
{
	struct gateway *gw = arg;

	startup_look(gw);
	reload_look(gw->reload);
}

static void
gateway_on_tell(void *arg, enum log_level level, const char *text)
{
	startup_tell(arg, level, text);
}

static void
gateway_on_record(
    void *arg, enum role role, enum log_level level, const char *text)
{
	startup_record(arg, role, level, text);
}

static void
gateway_on_idle(void *arg)
{
	ending_on_idle(arg);
}

/* What a worker has to say is for the log alone too. */
static void
gateway_on_note(void *arg, enum log_level level, const char *text)
{
	startup_record(arg, ROLE_WORKER, level, text);
}

static const struct roster_handlers roster_handlers = {
	.changed = gateway_on_changed,
	.tell = gateway_on_tell,
	.note = gateway_on_note,
};

/* ---- what the front tells ---- */

static void
gateway_on_front_started(void *arg)
{
	struct gateway *gw = arg;

	roster_front_started(gw->roster);
	roster_publish(gw->roster, gw->config);
	for (size_t i = 0; i < gw->listeners.count; i++)
		front_send_listen(gw->front, &gw->listeners.at[i]);
}

static void
gateway_on_front_hello(void *arg)
{
	startup_front_is_there(arg);
}

static void
gateway_on_front_gone(void *arg)
{
	struct gateway *gw = arg;

	roster_front_gone(gw->roster);
	queries_fail_all(gw->queries);
	ending_drained(gw);
}

static void
gateway_on_front_useless(void *arg)
{
	struct gateway *gw = arg;

	gw->status = 1;
	ending_stop(gw);
}

static void
gateway_on_listed(void *arg, uint64_t number, uint32_t generation)
{
	struct gateway *gw = arg;

	roster_listed(gw->roster, number, generation);
}

static void
gateway_on_drained(void *arg, enum drained what, uint64_t number)
{
	struct gateway *gw = arg;

	switch (what) {
	case DRAINED_BACKEND:
		roster_drained(gw->roster, number);
		break;
	case DRAINED_ALL:
		ending_drained(gw);
		break;
	}
}

static void
gateway_on_want(
    void *arg, uint64_t number, uint32_t key, unsigned int capabilities)
{
	struct gateway *gw = arg;

	if (gw->phase == GATEWAY_RUNS)
		instance_want(gw->roster, number, key, capabilities);
	else
		instance_refuse(gw->roster, key,
		    "has no instance to spare: the gateway is stopping");
}

static void
gateway_on_release(void *arg, uint64_t number)
{
	struct gateway *gw = arg;

	instance_release(gw->roster, number);
}

static void
gateway_on_report(void *arg, uint64_t id, const char *json, size_t len)
{
	struct gateway *gw = arg;

	queries_answer(gw->queries, id, json, len);
}

static const struct front_handlers front_handlers = {
	.started = gateway_on_front_started,
	.hello = gateway_on_front_hello,
	.gone = gateway_on_front_gone,
	.useless = gateway_on_front_useless,
	.listed = gateway_on_listed,
	.drained = gateway_on_drained,
	.want = gateway_on_want,
	.release = gateway_on_release,
	.report = gateway_on_report,
};

/* ---- signals and timers ---- */

static void
gateway_on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	struct gateway *gw = arg;

	(void)what;
	if (gw->phase == GATEWAY_RUNS)
		log_info(
		    "gateway: stopping (SIG%s)", sigabbrev_np((int)number));
	ending_begin(gw);
}

static void
gateway_on_hup(evutil_socket_t number, short what, void *arg)
{
	struct gateway *gw = arg;

	(void)number;
	(void)what;
	reload_request(gw->reload, NULL, NULL);
}

static void
gateway_on_usr1(evutil_socket_t number, short what, void *arg)
{
	struct gateway *gw = arg;

	(void)number;
	(void)what;
	if (logfile_reopen(gw->logfile) == 0)
		log_info("gateway: the log was opened again (SIGUSR1)");
}

static void
log_backend(void *arg, const struct status_backend *backend)
{
	char text[STATUS_TEXT_MAX];

	(void)arg;
	log_record(LOG_LEVEL_INFO, status_backend_text(text, backend));
}

/* The state of everything, for whoever asks with SIGUSR2. */
static void
gateway_on_usr2(evutil_socket_t number, short what, void *arg)
{
	struct gateway *gw = arg;
	struct status_front front;
	char text[STATUS_TEXT_MAX];

	(void)number;
	(void)what;
	front_status(gw->front, &front);
	log_record(LOG_LEVEL_INFO, status_front_text(text, &front));
	gateway_each(gw, log_backend, NULL);
}

static void
gateway_on_summary_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	startup_give_up_waiting(arg);
}

static void
gateway_on_end_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ending_on_timer(arg);
}

/* We are alive when this runs; at the end the front need not be. */
static void
gateway_on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	const struct gateway *gw = arg;

	(void)fd;
	(void)what;
	if (gw->phase >= GATEWAY_STOPS || front_is_alive(gw->front))
		notify_watchdog();
}

static int
gateway_catch_signals(struct gateway *gw)
{
	static const struct {
		int number;
		event_callback_fn callback;
	} caught[GATEWAY_SIGNALS] = {
		[ON_TERM] = { SIGTERM, gateway_on_stop_signal },
		[ON_INT] = { SIGINT, gateway_on_stop_signal },
		[ON_HUP] = { SIGHUP, gateway_on_hup },
		[ON_USR1] = { SIGUSR1, gateway_on_usr1 },
		[ON_USR2] = { SIGUSR2, gateway_on_usr2 },
	};

	for (int i = 0; i < GATEWAY_SIGNALS; i++) {
		gw->signals[i] = evsignal_new(loop_base(gw->loop),
		    caught[i].number, caught[i].callback, gw);
		if (gw->signals[i] == NULL ||
		    event_add(gw->signals[i], NULL) == -1)
			return -1;
	}
	return 0;
}

static int
gateway_make_timers(struct gateway *gw)
{
	struct event_base *base = loop_base(gw->loop);
	uint64_t ms = notify_watchdog_ms();
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000) * 1000 };

	gw->summary_timer =
	    event_new(base, -1, 0, gateway_on_summary_timer, gw);
	gw->end_timer = event_new(base, -1, 0, gateway_on_end_timer, gw);
	gw->watchdog = event_new(base, -1, EV_PERSIST, gateway_on_watchdog, gw);
	if (gw->summary_timer == NULL || gw->end_timer == NULL ||
	    gw->watchdog == NULL)
		return -1;
	return ms > 0 ? event_add(gw->watchdog, &tv) : 0;
}

/* ---- the object ---- */

static int
gateway_make_plan(struct gateway *gw, char **error)
{
	if ((gw->cgroup = cgroup_new()) == NULL)
		gw->cgroup_error = errno;
	gw->plan = plan_new(gw->config, gw->cgroup, gw->cgroup_error, error);
	return gw->plan != NULL ? 0 : -1;
}

static int
gateway_open_log(struct gateway *gw, char **error)
{
	if ((gw->console = console_new(gw->loop, STDOUT_FILENO)) == NULL)
		return -1;
	gw->logfile = logfile_open(gw->config, gw->console, error);
	if (gw->logfile == NULL)
		return -1;
	log_set_level(logfile_level(gw->logfile));
	log_set_sink(logfile_sink, gw->logfile);
	return 0;
}

static int
gateway_listen(struct gateway *gw, char **error)
{
	if (listen_open(&gw->listeners, gw->config, NULL, error) == -1 ||
	    change_check_beyond(gw->config, &gw->listeners, error) == -1)
		return -1;
	gw->urls = where_urls(gw->config, &gw->listeners);
	return gw->urls != NULL ? 0 : -1;
}

static int
gateway_make_front(struct gateway *gw, char **error)
{
	char *setup = plan_front(gw->plan, logfile_level(gw->logfile), error);

	if (setup == NULL)
		return -1;
	gw->front =
	    front_new(gw->loop, gw->processes, setup, &front_handlers, gw);
	return gw->front != NULL ? 0 : -1;
}

static int
gateway_make_roster(struct gateway *gw, char **error)
{
	gw->roster = roster_new(
	    gw->loop, gw->processes, gw->front, &roster_handlers, gw);
	if (gw->roster == NULL)
		return -1;
	for (size_t i = 0; i < gw->config->backend_count; i++) {
		struct member *m =
		    roster_make(gw->roster, gw->plan, gw->config, i, error);

		if (m == NULL)
			return -1;
		roster_add(m, PART_SERVING);
	}
	return 0;
}

static int
gateway_make_processes(struct gateway *gw, char **error)
{
	gw->processes = processes_new(gw->loop, plan_bindir(gw->plan), error);
	if (gw->processes == NULL)
		return -1;
	processes_on_idle(gw->processes, gateway_on_idle, gw);
	processes_on_record(gw->processes, gateway_on_record, gw);
	if (gateway_make_front(gw, error) == -1 ||
	    gateway_make_roster(gw, error) == -1)
		return -1;
	gw->queries = queries_new(gw->loop);
	gw->reload = reload_new(gw);
	return gw->queries != NULL && gw->reload != NULL ? 0 : -1;
}

/* All of it, in the order in which each needs the one before. */
static int
gateway_make(struct gateway *gw, char **error)
{
	if ((gw->loop = loop_new(false)) == NULL ||
	    gateway_make_plan(gw, error) == -1 ||
	    gateway_open_log(gw, error) == -1 ||
	    gateway_listen(gw, error) == -1 ||
	    gateway_make_processes(gw, error) == -1 ||
	    gateway_make_timers(gw) == -1)
		return -1;
	gw->verbs = verbs_new(gw, gw->loop, gw->config, error);
	if (gw->verbs == NULL)
		return -1;
	return gateway_catch_signals(gw);
}

struct gateway *
gateway_new(
    struct config *config, const struct gateway_source *source, char **error)
{
	struct gateway *gw = calloc(1, sizeof(*gw));

	*error = NULL;
	if (gw == NULL)
		return NULL;
	gw->config = config_ref(config);
	gw->source = *source;
	gw->started_ms = mono_ms();
	if (gateway_make(gw, error) == -1) {
		if (gw->logfile != NULL && *error != NULL)
			logfile_quiet(gw->logfile, LOG_LEVEL_CRITICAL, *error);
		gateway_free(&gw);
	}
	return gw;
}

static void
gateway_free_events(struct gateway *gw)
{
	struct event *const timers[] = { gw->summary_timer, gw->end_timer,
		gw->watchdog };

	for (int i = 0; i < GATEWAY_SIGNALS; i++) {
		if (gw->signals[i] != NULL)
			event_free(gw->signals[i]);
	}
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		if (timers[i] != NULL)
			event_free(timers[i]);
	}
}

void
gateway_free(struct gateway **gateway)
{
	struct gateway *gw = *gateway;

	if (gw == NULL)
		return;
	/* Whoever waits for an answer gets one before the way to them goes. */
	if (gw->reload != NULL)
		reload_abandon(gw->reload);
	queries_free(&gw->queries);
	verbs_free(&gw->verbs);
	if (gw->processes != NULL)
		processes_on_idle(gw->processes, NULL, NULL);
	processes_free(&gw->processes);
	reload_free(&gw->reload);
	roster_free(&gw->roster);
	front_free(&gw->front);
	listen_close(&gw->listeners);
	gateway_free_events(gw);
	log_set_sink(NULL, NULL);
	logfile_close(&gw->logfile);
	console_free(&gw->console);
	plan_free(&gw->plan);
	cgroup_free(&gw->cgroup);
	where_free(&gw->urls);
	loop_free(&gw->loop);
	config_free(&gw->config);
	free(gw);
	*gateway = NULL;
}

int
gateway_run(struct gateway *gw)
{
	struct member *m;

	startup_begin(gw);
	front_start(gw->front);
	TAILQ_FOREACH (m, roster_members(gw->roster), link)
		roster_start(m);
	startup_look(gw);
	loop_run(gw->loop);
	if (console_dropped(gw->console) > 0)
		log_info("console: %lu lines found no room",
		    console_dropped(gw->console));
	log_info("gateway: stopped");
	return gw->status;
}
