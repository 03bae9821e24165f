/* gateway.c: the supervisor as a whole. */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "console.h"
#include "front.h"
#include "gateway.h"
#include "listen.h"
#include "logfile.h"
#include "plan.h"
#include "proto/buf.h"
#include "proto/log.h"
#include "service.h"
#include "setup.h"
#include "status.h"
#include "summary.h"

/* The summary waits this long for slow backends. */
#define SUMMARY_MS 3000

/* Jobs get five seconds to end (run.c).  What is left after six and a half
 * is killed by its reaper, and after eight by us, reapers included. */
#define STOP_MS 6500
#define KILL_MS 1500

enum {
	ON_TERM,
	ON_INT,
	ON_HUP,
	ON_USR1,
	ON_USR2,
	SIGNALS
};

struct gateway {
	const struct config *config;
	struct plan *plan;
	struct loop *loop;
	struct console *console;
	struct logfile *logfile;
	struct listeners listeners;
	struct processes *processes;
	struct front *front;
	struct service **services; /* config->backend_count of them */
	struct event *signals[SIGNALS];
	struct event *summary_timer;
	struct event *stop_timer;
	char *url;
	uint32_t generation; /* of the last link */
	bool front_said_hello;
	bool summary_shown;
	bool stopping;
	bool killing;
	int status;
};

static void
arm(struct event *timer, unsigned int ms)
{
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(timer, &tv);
}

/* What the console shows that is not a log record; the file gets it too. */
static void
gateway_print(struct gateway *gw, const char *line)
{
	struct buf out = { .mem = NULL };

	if (buf_add_format(&out, "%s\n", line) == 0)
		console_write(gw->console, buf_data(&out), buf_len(&out));
	buf_free(&out);
	logfile_quiet(gw->logfile, LOG_LEVEL_INFO, line);
}

static void
gateway_show_summary(struct gateway *gw)
{
	size_t n = gw->config->backend_count;
	struct summary_row *rows = calloc(n + 1, sizeof(*rows));
	struct buf out = { .mem = NULL };
	struct summary summary = { .version = MCPGW_VERSION,
		.url = gw->url,
		.config = gw->config->path,
		.log = logfile_path(gw->logfile),
		.count = n,
		.rows = rows };

	for (size_t i = 0; rows != NULL && i < n; i++) {
		rows[i].name = service_name(gw->services[i]);
		rows[i].state = service_state(gw->services[i]);
		rows[i].disabled = service_is_disabled(gw->services[i]);
		rows[i].tools = service_tools(gw->services[i]);
		rows[i].reason = service_reason(gw->services[i]);
	}
	if (rows != NULL &&
	    summary_render(&out, &summary, console_has_colour(gw->console),
		console_width(gw->console)) == 0)
		console_write(gw->console, buf_data(&out), buf_len(&out));
	buf_free(&out);
	free(rows);
}

/* Once: when every backend has settled, or when it takes too long. */
static void
gateway_finish_start(struct gateway *gw)
{
	if (gw->summary_shown || gw->stopping)
		return;
	gw->summary_shown = true;
	(void)event_del(gw->summary_timer);
	gateway_show_summary(gw);
	logfile_hush(gw->logfile, false);
}

static void
gateway_check_started(struct gateway *gw)
{
	if (gw->summary_shown || !gw->front_said_hello)
		return;
	for (size_t i = 0; i < gw->config->backend_count; i++) {
		if (!service_is_settled(gw->services[i]))
			return;
	}
	gateway_finish_start(gw);
}

static void
gateway_on_summary_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	gateway_finish_start(arg);
}

/* A link is two ends of one socket: one for the front, one for the worker. */
static void
gateway_link(struct gateway *gw, struct service *service)
{
	int sv[2];

	if (!front_is_running(gw->front) || !service_can_link(service))
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		sv) == -1) {
		log_error("backend %s: cannot be linked to the front: %s",
		    service_name(service), strerror(errno));
		service_no_link(service, "could not be linked to the front");
		return;
	}
	gw->generation++;
	service_send_link(service, gw->generation, &sv[0]);
	front_send_link(
	    gw->front, service_number(service), gw->generation, &sv[1]);
}

static void
gateway_tell_front(struct gateway *gw, const struct service *service)
{
	char *json;

	if (!front_is_running(gw->front))
		return;
	json = setup_backend(backend_state_name(service_state(service)),
	    service_reason(service), service_retry_ms(service));
	if (json == NULL)
		log_error("front: out of memory");
	else
		front_send_backend(gw->front, service_number(service), json);
	free(json);
}

static void
gateway_on_changed(void *arg, struct service *service)
{
	struct gateway *gw = arg;

	gateway_tell_front(gw, service);
	gateway_check_started(gw);
}

static void
gateway_on_link(void *arg, struct service *service)
{
	gateway_link(arg, service);
}

/* Until the summary is there, which says the same in a better shape. */
static void
gateway_on_tell(void *arg, enum log_level level, const char *text)
{
	struct gateway *gw = arg;

	if (gw->summary_shown)
		log_record(level, text);
	else
		logfile_quiet(gw->logfile, level, text);
}

/*
 * What children have to say below a warning is for the file: the console shows
 * what became of a backend.  Until the summary is there even what a worker
 * complains of is, because the summary shows the reason.
 */
static void
gateway_on_record(
    void *arg, enum role role, enum log_level level, const char *text)
{
	struct gateway *gw = arg;

	if (level < LOG_LEVEL_WARNING ||
	    (!gw->summary_shown && role != ROLE_FRONT))
		logfile_quiet(gw->logfile, level, text);
	else
		log_record(level, text);
}

static const struct service_handlers service_handlers = {
	.changed = gateway_on_changed,
	.link = gateway_on_link,
	.tell = gateway_on_tell,
};

static void
gateway_on_front_started(void *arg)
{
	struct gateway *gw = arg;

	for (size_t i = 0; i < gw->config->backend_count; i++) {
		gateway_tell_front(gw, gw->services[i]);
		gateway_link(gw, gw->services[i]);
	}
}

static void
gateway_on_front_hello(void *arg)
{
	struct gateway *gw = arg;

	gw->front_said_hello = true;
	gateway_check_started(gw);
}

static void
gateway_stop(struct gateway *gw)
{
	gw->stopping = true;
	logfile_hush(gw->logfile, false);
	(void)event_del(gw->summary_timer);
	listen_close(&gw->listeners);
	front_stop(gw->front);
	for (size_t i = 0; i < gw->config->backend_count; i++)
		service_stop(gw->services[i]);
	if (processes_count(gw->processes) == 0)
		loop_stop(gw->loop);
	else
		arm(gw->stop_timer, STOP_MS);
}

/* Time is over: first everything by its reaper, then the reapers too. */
static void
gateway_kill(struct gateway *gw)
{
	if (gw->killing) {
		loop_stop(gw->loop); /* processes_free() kills the rest */
		return;
	}
	gw->killing = true;
	front_kill(gw->front);
	for (size_t i = 0; i < gw->config->backend_count; i++)
		service_kill(gw->services[i]);
	arm(gw->stop_timer, KILL_MS);
}

static void
gateway_on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_warning("gateway: not everything ended in time");
	gateway_kill(arg);
}

static void
gateway_on_idle(void *arg)
{
	struct gateway *gw = arg;

	if (gw->stopping)
		loop_stop(gw->loop);
}

static void
gateway_on_front_useless(void *arg)
{
	struct gateway *gw = arg;

	gw->status = 1;
	if (!gw->stopping)
		gateway_stop(gw);
}

static const struct front_handlers front_handlers = {
	.started = gateway_on_front_started,
	.hello = gateway_on_front_hello,
	.useless = gateway_on_front_useless,
};

static void
gateway_on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	struct gateway *gw = arg;

	(void)what;
	if (gw->stopping) {
		log_info("gateway: a second signal: stopping at once");
		if (!gw->killing)
			gateway_kill(gw);
		return;
	}
	gateway_stop(gw);
	log_info(
	    "gateway: stopping (%s)", number == SIGINT ? "SIGINT" : "SIGTERM");
}

static void
gateway_on_other_signal(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	(void)arg;
	log_warning("gateway: SIG%s: not supported by this version; restart it "
		    "to apply a changed configuration",
	    sigabbrev_np((int)number));
}

/* The state of everything, for whoever asks with SIGUSR2. */
static void
gateway_on_status_signal(evutil_socket_t number, short what, void *arg)
{
	struct gateway *gw = arg;
	struct status_backend backend;
	struct status_front front;
	char text[STATUS_TEXT_MAX];

	(void)number;
	(void)what;
	front_status(gw->front, &front);
	log_record(LOG_LEVEL_INFO, status_front_text(text, &front));
	for (size_t i = 0; i < gw->config->backend_count; i++) {
		service_status(gw->services[i], &backend);
		log_record(LOG_LEVEL_INFO, status_backend_text(text, &backend));
	}
}

static int
gateway_catch_signals(struct gateway *gw)
{
	static const struct {
		int number;
		event_callback_fn callback;
	} caught[SIGNALS] = {
		[ON_TERM] = { SIGTERM, gateway_on_stop_signal },
		[ON_INT] = { SIGINT, gateway_on_stop_signal },
		[ON_HUP] = { SIGHUP, gateway_on_other_signal },
		[ON_USR1] = { SIGUSR1, gateway_on_other_signal },
		[ON_USR2] = { SIGUSR2, gateway_on_status_signal },
	};

	for (int i = 0; i < SIGNALS; i++) {
		gw->signals[i] = evsignal_new(loop_base(gw->loop),
		    caught[i].number, caught[i].callback, gw);
		if (gw->signals[i] == NULL ||
		    event_add(gw->signals[i], NULL) == -1)
			return -1;
	}
	gw->summary_timer =
	    event_new(loop_base(gw->loop), -1, 0, gateway_on_summary_timer, gw);
	gw->stop_timer =
	    event_new(loop_base(gw->loop), -1, 0, gateway_on_stop_timer, gw);
	return gw->summary_timer != NULL && gw->stop_timer != NULL ? 0 : -1;
}

static int
gateway_listen(struct gateway *gw, char **error)
{
	const char *host = gw->config->host;
	bool v6 = strchr(host, ':') != NULL;

	if (listen_open(&gw->listeners, host, gw->config->port, error) == -1)
		return -1;
	if (asprintf(&gw->url, "http://%s%s%s:%u/sse", v6 ? "[" : "", host,
		v6 ? "]" : "", gw->listeners.port) == -1) {
		gw->url = NULL;
		return -1;
	}
	return 0;
}

static int
gateway_open_log(struct gateway *gw, char **error)
{
	if ((gw->console = console_new(gw->loop, STDOUT_FILENO)) == NULL)
		return -1;
	gw->logfile = logfile_open(
	    gw->config->log_dir, gw->config->log_level, gw->console, error);
	if (gw->logfile == NULL)
		return -1;
	log_set_level(logfile_level(gw->logfile));
	log_set_sink(logfile_sink, gw->logfile);
	return 0;
}

static int
gateway_make_front(struct gateway *gw, char **error)
{
	char *setup = plan_front(gw->plan, logfile_level(gw->logfile), error);

	if (setup == NULL)
		return -1;
	gw->front = front_new(gw->loop, gw->processes, setup, &gw->listeners,
	    &front_handlers, gw);
	return gw->front != NULL ? 0 : -1;
}

static int
gateway_make_services(struct gateway *gw, char **error)
{
	size_t n = gw->config->backend_count;
	struct service_spec spec;

	gw->services = calloc(n + 1, sizeof(*gw->services));
	if (gw->services == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (plan_service(gw->plan, i, logfile_level(gw->logfile), &spec,
			error) == -1)
			return -1;
		gw->services[i] = service_new(
		    gw->loop, gw->processes, &spec, &service_handlers, gw);
		if (gw->services[i] == NULL ||
		    (spec.remote && !spec.config->disabled &&
			processes_find(
			    gw->processes, PROGRAM_WORKER_HTTP, error) == -1))
			return -1;
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
	if (gateway_make_front(gw, error) == -1)
		return -1;
	return gateway_make_services(gw, error);
}

struct gateway *
gateway_new(const struct config *config, char **error)
{
	struct gateway *gw = calloc(1, sizeof(*gw));

	*error = NULL;
	if (gw == NULL)
		return NULL;
	gw->config = config;
	if ((gw->loop = loop_new(false)) == NULL ||
	    (gw->plan = plan_new(config, error)) == NULL ||
	    gateway_open_log(gw, error) == -1 ||
	    gateway_listen(gw, error) == -1 ||
	    gateway_make_processes(gw, error) == -1 ||
	    gateway_catch_signals(gw) == -1) {
		if (gw->logfile != NULL && *error != NULL)
			logfile_quiet(gw->logfile, LOG_LEVEL_CRITICAL, *error);
		gateway_free(&gw);
	}
	return gw;
}

void
gateway_free(struct gateway **gateway)
{
	struct gateway *gw = *gateway;

	if (gw == NULL)
		return;
	if (gw->processes != NULL)
		processes_on_idle(gw->processes, NULL, NULL);
	processes_free(&gw->processes);
	for (size_t i = 0;
	     gw->services != NULL && i < gw->config->backend_count; i++)
		service_free(&gw->services[i]);
	free(gw->services);
	front_free(&gw->front);
	listen_close(&gw->listeners);
	for (int i = 0; i < SIGNALS; i++) {
		if (gw->signals[i] != NULL)
			event_free(gw->signals[i]);
	}
	if (gw->summary_timer != NULL)
		event_free(gw->summary_timer);
	if (gw->stop_timer != NULL)
		event_free(gw->stop_timer);
	log_set_sink(NULL, NULL);
	logfile_close(&gw->logfile);
	console_free(&gw->console);
	plan_free(&gw->plan);
	free(gw->url);
	loop_free(&gw->loop);
	free(gw);
	*gateway = NULL;
}

int
gateway_run(struct gateway *gw)
{
	char line[512];

	plan_tell(gw->plan);
	(void)snprintf(line, sizeof(line), "listening on %s", gw->url);
	gateway_print(gw, line);
	if (gw->listeners.beyond)
		log_warning(
		    "gateway: other machines can reach %s, and there is "
		    "no authentication: whoever does can run every tool; "
		    "see \"host\" in mcp-gateway.json(5)",
		    gw->url);
	logfile_hush(gw->logfile, true);
	arm(gw->summary_timer, SUMMARY_MS);
	front_start(gw->front);
	for (size_t i = 0; i < gw->config->backend_count && !gw->stopping; i++)
		service_start(gw->services[i]);
	gateway_check_started(gw);
	loop_run(gw->loop);
	if (console_dropped(gw->console) > 0)
		log_info("console: %lu lines found no room",
		    console_dropped(gw->console));
	log_info("gateway: stopped");
	return gw->status;
}
