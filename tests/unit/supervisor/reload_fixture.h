/*
 * reload_fixture.h: a gateway without processes: its services do nothing by
 * themselves, its front is a list of what it was told, its clock stands still.
 */
#ifndef TEST_RELOAD_FIXTURE_H
#define TEST_RELOAD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "gateway_parts.h"
#include "notify.h"
#include "refusal.h"
#include "where.h"

/* ---- services ---- */

struct service {
	uint64_t number;
	const struct config_backend *config;
	const struct service_handlers *handlers;
	void *arg;
	enum backend_state state;
	bool tried;
	unsigned int starts, stops;
	char reason[128];
};

struct plan {
	const struct config *config;
};

/* By number: those that are there. */
#define SERVICES 1100
static struct service *services[SERVICES];

static struct {
	struct loop *loop;
	struct gateway gateway;
	const char *text; /* of the configuration; NULL: it cannot be read */
	const char *plan_error;
	const char *listen_error;
	bool beyond;
	uint64_t now;
	bool front;         /* there is one */
	char policy[65536]; /* the last one */
	unsigned int policies;
	unsigned int loads;
	char frames[8192]; /* what else it was told */
	struct {
		struct event *event;
		uint64_t ms;
	} timers[2048]; /* those that wait */
	size_t timer_count;
	unsigned int done;
	char summary[1024];
	char error[1024];
	int level;
	unsigned int reloading, ready; /* what the service manager was told */
	unsigned int sockets_closed;
	uint32_t socket_number;
} f;

static void __attribute__((format(printf, 1, 2))) told(const char *format, ...)
{
	size_t len = strlen(f.frames);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(f.frames + len, sizeof(f.frames) - len, format, args);
	va_end(args);
}

struct service *
__wrap_service_new(struct loop *loop, struct processes *processes,
    const struct service_spec *spec, const struct service_handlers *handlers,
    void *arg)
{
	struct service *s = calloc(1, sizeof(*s));

	(void)loop;
	(void)processes;
	assert_non_null(s);
	assert_in_range(spec->number, 1, SERVICES - 1);
	assert_null(services[spec->number]);
	s->number = spec->number;
	s->config = spec->config;
	s->handlers = handlers;
	s->arg = arg;
	services[s->number] = s;
	return s;
}

void
__wrap_service_free(struct service **service)
{
	if (*service == NULL)
		return;
	services[(*service)->number] = NULL;
	free(*service);
	*service = NULL;
}

static void
become(struct service *s, enum backend_state state)
{
	s->state = state;
	s->handlers->changed(s->arg, s);
}

void
__wrap_service_start(struct service *s)
{
	assert_int_equal(s->state, BACKEND_DOWN);
	if (s->config->disabled)
		return;
	s->starts++;
	become(s, BACKEND_STARTING);
	s->handlers->link(s->arg, s);
}

void
__wrap_service_stop(struct service *s)
{
	s->stops++;
	if (s->state == BACKEND_BACKOFF || s->state == BACKEND_FAILED)
		become(s, BACKEND_DOWN);
	else if (s->state != BACKEND_DOWN)
		become(s, BACKEND_STOPPING);
}

bool
__wrap_service_try_now(struct service *s)
{
	if (s->state != BACKEND_BACKOFF && s->state != BACKEND_FAILED)
		return false;
	s->starts++;
	become(s, BACKEND_STARTING);
	return true;
}

void
__wrap_service_rebind(struct service *s, const struct config_backend *config)
{
	s->config = config;
}

void
__wrap_service_explain(struct service *s, const char *why)
{
	(void)strlcpy(s->reason, why, sizeof(s->reason));
}

uint64_t
__wrap_service_number(const struct service *s)
{
	return s->number;
}

const char *
__wrap_service_name(const struct service *s)
{
	return s->config->name;
}

enum backend_state
__wrap_service_state(const struct service *s)
{
	return s->state;
}

bool
__wrap_service_is_disabled(const struct service *s)
{
	return s->config->disabled;
}

bool
__wrap_service_is_settled(const struct service *s)
{
	return s->tried || s->config->disabled;
}

unsigned int
__wrap_service_tools(const struct service *s)
{
	return s->state == BACKEND_READY ? 1 : 0;
}

const char *
__wrap_service_reason(const struct service *s)
{
	return s->reason[0] != '\0' ? s->reason : NULL;
}

int64_t
__wrap_service_retry_ms(const struct service *s)
{
	(void)s;
	return -1;
}

bool
__wrap_service_can_link(const struct service *s)
{
	return s->state == BACKEND_STARTING || s->state == BACKEND_READY;
}

void
__wrap_service_send_link(struct service *s, uint32_t generation, int *fd)
{
	(void)s;
	(void)generation;
	assert_int_equal(close(*fd), 0);
	*fd = -1;
}

/* ---- the front, sockets, plans ---- */

bool
__wrap_front_is_running(const struct front *front)
{
	(void)front;
	return f.front;
}

void
__wrap_front_send_policy(struct front *front, const char *json)
{
	const char *backends = strstr(json, "\"backends\":[{\"number");

	(void)front;
	f.policies++;
	(void)strlcpy(
	    f.policy, backends != NULL ? backends : "none", sizeof(f.policy));
}

void
__wrap_front_send_backend(
    struct front *front, uint64_t number, const char *json)
{
	(void)front;
	(void)json;
	/* Nothing may be said of one that it was not told of. */
	char wanted[64];

	(void)snprintf(wanted, sizeof(wanted), "{\"number\":%llu,",
	    (unsigned long long)number);
	assert_non_null(strstr(f.policy, wanted));
}

void
__wrap_front_send_link(
    struct front *front, uint64_t number, uint32_t generation, int *fd)
{
	(void)front;
	(void)generation;
	told("link %llu;", (unsigned long long)number);
	assert_int_equal(close(*fd), 0);
	*fd = -1;
}

void
__wrap_front_send_listen(struct front *front, const struct listener *listener)
{
	(void)front;
	told("listen %u;", listener->number);
}

void
__wrap_front_send_unlisten(struct front *front, uint32_t number)
{
	(void)front;
	told("unlisten %u;", number);
}

/* One socket for each port. */
int
__wrap_listen_open(struct listeners *ret, const struct config *config,
    struct listeners *old, char **error)
{
	struct listener *l = &ret->at[0];

	if (f.listen_error != NULL)
		return refuse(error, "%s", f.listen_error);
	ret->count = 1;
	if (old != NULL && old->count == 1 && old->at[0].port == config->port) {
		*l = old->at[0];
		old->count = 0;
		return 0;
	}
	memset(l, 0, sizeof(*l));
	l->number = ++f.socket_number;
	l->port = config->port;
	l->beyond = f.beyond;
	l->fd = -1;
	(void)snprintf(l->address, sizeof(l->address), "127.0.0.1:%u", l->port);
	return 0;
}

void
__wrap_listen_close(struct listeners *listeners)
{
	f.sockets_closed += (unsigned int)listeners->count;
	listeners->count = 0;
}

struct plan *
__wrap_plan_new(const struct config *config, struct cgroup *cgroup,
    int cgroup_error, char **error)
{
	struct plan *plan;

	(void)cgroup;
	(void)cgroup_error;
	if (f.plan_error != NULL) {
		(void)refuse(error, "%s", f.plan_error);
		return NULL;
	}
	plan = calloc(1, sizeof(*plan));
	assert_non_null(plan);
	plan->config = config;
	return plan;
}

void
__wrap_plan_free(struct plan **plan)
{
	free(*plan);
	*plan = NULL;
}

int
__wrap_plan_service(const struct plan *plan, size_t place, uint64_t number,
    enum log_level level, struct service_spec *ret, char **error)
{
	(void)level;
	(void)error;
	*ret = (struct service_spec){
		.number = number,
		.config = &plan->config->backends[place],
	};
	return 0;
}

int
__wrap_processes_find(
    struct processes *processes, enum program program, char **error)
{
	(void)processes;
	(void)program;
	(void)error;
	return 0;
}

void
__wrap_processes_set_level(struct processes *processes, enum log_level level)
{
	(void)processes;
	f.level = (int)level;
}

void
__wrap_logfile_set_level(struct logfile *logfile, enum log_level level)
{
	(void)logfile;
	f.level = (int)level;
}

enum log_level
__wrap_logfile_level(const struct logfile *logfile)
{
	(void)logfile;
	return (enum log_level)f.level;
}

void
__wrap_notify_reloading(void)
{
	f.reloading++;
}

void
__wrap_notify_ready(const char *status)
{
	(void)status;
	f.ready++;
}

/* ---- time ---- */

uint64_t
__wrap_mono_ms(void)
{
	return f.now;
}

int __real_event_add(struct event *event, const struct timeval *wait);

/* What waits is run by hand, and the rest at once. */
int
__wrap_event_add(struct event *event, const struct timeval *wait)
{
	if (wait == NULL || (wait->tv_sec == 0 && wait->tv_usec == 0))
		return __real_event_add(event, wait);
	assert_in_range(f.timer_count, 0, 2047);
	f.timers[f.timer_count].event = event;
	f.timers[f.timer_count++].ms =
	    (uint64_t)wait->tv_sec * 1000 + (uint64_t)wait->tv_usec / 1000;
	return __real_event_add(event, wait);
}

static void
stop_turning(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_stop(arg);
}

/* Let everything happen that can without time going by. */
static void
turn(void)
{
	struct event *event =
	    event_new(loop_base(f.loop), -1, 0, stop_turning, f.loop);

	for (int i = 0; i < 4; i++) {
		event_active(event, EV_TIMEOUT, 1);
		loop_run(f.loop);
	}
	event_free(event);
}

/* So much, and what waited for it last is due. */
static void
time_goes_by(uint64_t ms)
{
	size_t i = f.timer_count;

	while (i > 0 && f.timers[i - 1].ms != ms)
		i--;
	assert_int_not_equal(i, 0);
	assert_true(event_pending(f.timers[i - 1].event, EV_TIMEOUT, NULL));
	f.now += ms;
	f.timers[i - 1].ms = 0;
	(void)event_del(f.timers[i - 1].event);
	event_active(f.timers[i - 1].event, EV_TIMEOUT, 1);
	turn();
}

/* ---- the gateway ---- */

static int
load(void *arg, struct config **ret, struct config_errors *errors)
{
	(void)arg;
	f.loads++;
	return config_parse(ret, "/c.json", f.text, strlen(f.text), errors);
}

static void
roster_on_changed(void *arg)
{
	(void)arg;
	reload_look(f.gateway.reload);
}

static void
roster_on_tell(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

static void
drop_record(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

/* Everything of a gateway that serves this configuration, all of it ready. */
static void
serve(const char *text)
{
	static const struct roster_handlers handlers = {
		.changed = roster_on_changed, .tell = roster_on_tell
	};
	struct gateway *gw = &f.gateway;
	struct config_errors errors;
	char *error = NULL;

	f.text = text;
	gw->source = (struct gateway_source){ .load = load };
	if (load(NULL, &gw->config, &errors) == -1)
		fail_msg("%s", errors.list[0].text);
	f.loads = 0;
	gw->loop = f.loop;
	gw->plan = __wrap_plan_new(gw->config, NULL, 0, &error);
	assert_int_equal(
	    __wrap_listen_open(&gw->listeners, gw->config, NULL, &error), 0);
	gw->roster = roster_new(f.loop, NULL, NULL, &handlers, NULL);
	gw->reload = reload_new(gw);
	gw->summary_shown = gw->front_said_hello = true;
	f.front = true;
	for (size_t i = 0; i < gw->config->backend_count; i++) {
		struct member *m =
		    roster_make(gw->roster, gw->plan, gw->config, i, &error);

		assert_non_null(m);
		roster_add(m, PART_SERVING);
	}
	roster_publish(gw->roster, gw->config);
	for (uint64_t i = 1; i <= gw->config->backend_count; i++)
		__wrap_service_start(services[i]);
}

/* It greeted and was listed; the front says so too. */
static void
is_ready(uint64_t number)
{
	assert_non_null(services[number]);
	become(services[number], BACKEND_SETUP);
	services[number]->tried = true;
	become(services[number], BACKEND_READY);
	roster_listed(f.gateway.roster, number);
	turn();
}

static void
has_failed(uint64_t number, enum backend_state state)
{
	assert_non_null(services[number]);
	services[number]->tried = true;
	become(services[number], state);
	turn();
}

static void
is_gone(uint64_t number)
{
	assert_non_null(services[number]);
	assert_int_equal(services[number]->state, BACKEND_STOPPING);
	become(services[number], BACKEND_DOWN);
	turn();
	assert_null(services[number]);
}

static void
on_done(void *arg, const struct config_errors *errors, const char *summary)
{
	(void)arg;
	f.done++;
	f.summary[0] = f.error[0] = '\0';
	if (summary != NULL)
		(void)strlcpy(f.summary, summary, sizeof(f.summary));
	if (errors != NULL && errors->count > 0)
		(void)strlcpy(f.error, errors->list[0].text, sizeof(f.error));
	assert_true((errors == NULL) == (summary != NULL));
}

static void
reload(const char *text)
{
	f.now += RELOAD_EVERY_MS;
	f.text = text;
	gateway_reload(&f.gateway, on_done, NULL);
	turn();
}

/* The last POLICY has exactly these: "a1 serving, b2 leaving". */
static void
assert_parts(const char *expected)
{
	char parts[1024] = "";
	const char *at = f.policy;

	while ((at = strstr(at, "{\"number\":")) != NULL) {
		unsigned long long number = 0;
		char name[32], part[32];
		size_t len = strlen(parts);

		assert_int_equal(sscanf(at,
				     "{\"number\":%llu,\"name\":\"%31[^\"]\","
				     "\"part\":\"%31[^\"]\"",
				     &number, name, part),
		    3);
		(void)snprintf(parts + len, sizeof(parts) - len, "%s%s%llu %s",
		    len > 0 ? ", " : "", name, number, part);
		at++;
	}
	assert_string_equal(parts, expected);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	memset(services, 0, sizeof(services));
	f.now = 1000000;
	f.level = LOG_LEVEL_INFO;
	log_set_sink(drop_record, NULL);
	f.loop = loop_new(false);
	return f.loop == NULL;
}

static int
tear_down(void **state)
{
	struct gateway *gw = &f.gateway;

	(void)state;
	reload_abandon(gw->reload);
	reload_free(&gw->reload);
	roster_free(&gw->roster);
	plan_free(&gw->plan);
	where_free(&gw->urls);
	config_free(&gw->config);
	loop_free(&f.loop);
	for (size_t i = 0; i < SERVICES; i++)
		assert_null(services[i]);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
