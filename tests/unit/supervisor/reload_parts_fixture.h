/*
 * reload_parts_fixture.h: what stands in for the parts of a gateway that have
 * processes, sockets and files: services that do nothing by themselves, a front
 * that is a list of what it was told.
 */
/* wrap: service_new */
/* wrap: service_free */
/* wrap: service_start */
/* wrap: service_stop */
/* wrap: service_try_now */
/* wrap: service_rebind */
/* wrap: service_explain */
/* wrap: service_number */
/* wrap: service_name */
/* wrap: service_state */
/* wrap: service_is_disabled */
/* wrap: service_is_settled */
/* wrap: service_tools */
/* wrap: service_reason */
/* wrap: service_retry_ms */
/* wrap: service_can_link */
/* wrap: service_send_link */
/* wrap: front_is_running */
/* wrap: front_send_policy */
/* wrap: front_send_backend */
/* wrap: front_send_link */
/* wrap: front_send_instance */
/* wrap: front_send_listen */
/* wrap: front_send_unlisten */
/* wrap: listen_open */
/* wrap: listen_close */
/* wrap: plan_new */
/* wrap: plan_free */
/* wrap: plan_only_ask */
/* wrap: plan_ref */
/* wrap: plan_service */
/* wrap: plan_instance */
/* wrap: processes_find */
/* wrap: processes_set_level */
/* wrap: logfile_set_level */
/* wrap: logfile_level */
/* wrap: notify_reloading */
/* wrap: notify_ready */
/* wrap: mono_ms */
/* wrap: event_add */
#ifndef TEST_RELOAD_PARTS_FIXTURE_H
#define TEST_RELOAD_PARTS_FIXTURE_H

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
	char *name; /* of an instance, else NULL */
	const struct config_backend *config;
	const struct service_handlers *handlers;
	void *arg;
	enum backend_state state;
	bool tried;
	unsigned int starts, stops;
	char reason[128];
	uint32_t generation; /* of the last link */
};

struct plan {
	unsigned int references;
	const struct config *config;
	bool only_ask;
};

/* By number: those that are there. */
#define SERVICES 1100
static struct service *services[SERVICES];

static struct {
	struct loop *loop;
	struct gateway gateway;
	const char *text; /* of the configuration; NULL: it cannot be read */
	const char *plan_error;
	const char *instance_error; /* of plan_instance() */
	const char *listen_error;
	bool beyond;
	uint64_t now;
	bool front;          /* there is one */
	char policy[131072]; /* the last one */
	unsigned int policies;
	unsigned int loads;
	char frames[8192];         /* what else it was told */
	bool knows[SERVICES];      /* the instances that it was told of */
	unsigned int capabilities; /* of the last one */
	struct {
		struct event *event;
		uint64_t ms;
	} timers[2048]; /* those that wait */
	size_t timer_count;
	unsigned int done;
	char summary[2048];
	char error[1024];
	int level;
	unsigned int reloading, ready; /* what the service manager was told */
	unsigned int sockets_closed;
	unsigned int folders; /* that were made */
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
	s->name = spec->name;
	s->config = spec->config;
	assert_int_equal(spec->once, spec->name != NULL);
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
	free((*service)->name);
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
	return s->name != NULL ? s->name : s->config->name;
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
	char wanted[64];

	(void)front;
	if (f.knows[number]) {
		told("state %llu %s;", (unsigned long long)number, json);
		return;
	}
	/* Nothing may be said of one that it was not told of. */
	(void)snprintf(wanted, sizeof(wanted), "{\"number\":%llu,",
	    (unsigned long long)number);
	assert_non_null(strstr(f.policy, wanted));
}

void
__wrap_front_send_instance(
    struct front *front, uint32_t key, uint64_t number, const char *json)
{
	(void)front;
	assert_true((number == 0) == (json != NULL));
	if (number == 0) {
		told("none %u %s;", key, json);
		return;
	}
	f.knows[number] = true;
	told("instance %u %llu;", key, (unsigned long long)number);
}

void
__wrap_front_send_link(
    struct front *front, uint64_t number, uint32_t generation, int *fd)
{
	(void)front;
	services[number]->generation = generation;
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
	plan->references = 1;
	plan->config = config;
	return plan;
}

struct plan *
__wrap_plan_ref(struct plan *plan)
{
	plan->references++;
	return plan;
}

void
__wrap_plan_free(struct plan **plan)
{
	if (*plan != NULL && --(*plan)->references == 0)
		free(*plan);
	*plan = NULL;
}

void
__wrap_plan_only_ask(struct plan *plan)
{
	plan->only_ask = true;
}

int
__wrap_plan_service(const struct plan *plan, size_t place, uint64_t number,
    enum log_level level, struct service_spec *ret, char **error)
{
	(void)level;
	(void)error;
	f.folders += !plan->only_ask;
	*ret = (struct service_spec){
		.number = number,
		.config = &plan->config->backends[place],
	};
	return 0;
}

int
__wrap_plan_instance(const struct plan *plan, size_t place, uint64_t number,
    unsigned int capabilities, enum log_level level, struct service_spec *ret,
    char **error)
{
	if (f.instance_error != NULL)
		return refuse(error, "%s", f.instance_error);
	f.capabilities = capabilities;
	return __wrap_plan_service(plan, place, number, level, ret, error);
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

#endif
