/* operate.c: what people ask of a running gateway; see gateway.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway_parts.h"
#include "instance.h"
#include "proto/clock.h"
#include "refusal.h"

/* What clients hear of a backend that somebody stopped. */
#define STOPPED "stopped by mcp-gatewayctl"

void
gateway_reload(struct gateway *gw, gateway_reloaded *done, void *arg)
{
	reload_request(gw->reload, done, arg);
}

void
gateway_check(struct gateway *gw, gateway_reloaded *done, void *arg)
{
	reload_check(gw, done, arg);
}

void
gateway_set_log_level(struct gateway *gw, enum log_level level)
{
	enum log_level before = log_get_level();

	logfile_set_level(gw->logfile, level);
	log_set_level(logfile_level(gw->logfile));
	if (log_get_level() != before)
		processes_set_level(gw->processes, log_get_level());
}

/* ---- start, stop, restart ---- */

/* The place of a name in the configuration; backend_count when it has none. */
static size_t
find_place(const struct config *config, const char *name)
{
	size_t i = 0;

	while (i < config->backend_count &&
	    strcmp(config->backends[i].name, name) != 0)
		i++;
	return i;
}

/* Another one of the same name. */
static struct member *
make_another(struct gateway *gw, const struct member *m, char **error)
{
	size_t place = find_place(gw->config, m->backend->name);

	if (place == gw->config->backend_count) {
		(void)refuse(error,
		    "\"%s\" is being removed by a reload right now",
		    m->backend->name);
		return NULL;
	}
	if (roster_count(gw->roster) >= ROSTER_MAX) {
		(void)refuse(error,
		    "too many backends still finish what they were asked; try "
		    "again when they have ended (\"drain_timeout\")");
		return NULL;
	}
	return roster_make(gw->roster, gw->plan, gw->config, place, error);
}

/* It takes the place of who serves now, who leaves. */
static void
take_over(struct gateway *gw, struct member *m)
{
	roster_add(m, PART_STANDBY);
	roster_promote(m, gw->config->drain_timeout_ms);
	roster_publish(gw->roster, gw->config);
	roster_start(m);
}

static int
act_start(struct gateway *gw, struct member *serving, char **error)
{
	struct member *standby =
	    roster_standby(gw->roster, serving->backend->name);

	if (serving->stopped) {
		serving->stopped = false;
		roster_start(serving);
		return 0;
	}
	if (standby != NULL && service_try_now(standby->service))
		return 0;
	if (service_try_now(serving->service))
		return 0;
	return refuse(error, "\"%s\" is not stopped: its state is %s",
	    serving->backend->name,
	    serving->waits
		? "waiting for the one that it replaces"
		: backend_state_name(service_state(serving->service)));
}

static int
act_stop(struct gateway *gw, struct member *serving, char **error)
{
	struct member *standby =
	    roster_standby(gw->roster, serving->backend->name);
	struct member *m;

	if (serving->stopped)
		return refuse(
		    error, "\"%s\" is stopped", serving->backend->name);
	if ((m = make_another(gw, serving, error)) == NULL)
		return -1;
	m->stopped = true;
	service_explain(m->service, STOPPED);
	if (standby != NULL)
		roster_leave(standby, gw->config->drain_timeout_ms);
	take_over(gw, m);
	return 0;
}

static int
act_restart(struct gateway *gw, struct member *serving, char **error)
{
	struct member *standby =
	    roster_standby(gw->roster, serving->backend->name);
	struct member *m;

	if (serving->stopped)
		return act_start(gw, serving, error);
	if (serving->waits ||
	    (standby != NULL && !service_try_now(standby->service)))
		return refuse(error, "\"%s\" is being replaced right now",
		    serving->backend->name);
	if (standby != NULL)
		return 0;
	if ((m = make_another(gw, serving, error)) == NULL)
		return -1;
	if (!roster_is_ready(serving) ||
	    roster_share_port(serving->backend, m->backend)) {
		take_over(gw, m);
		return 0;
	}
	roster_add(m, PART_STANDBY);
	roster_publish(gw->roster, gw->config);
	roster_start(m);
	return 0;
}

int
gateway_act(
    struct gateway *gw, const char *name, enum gateway_act act, char **error)
{
	struct member *serving = roster_serving(gw->roster, name);

	*error = NULL;
	if (gw->phase != GATEWAY_RUNS)
		return refuse(error, "the gateway is stopping");
	if (serving == NULL && roster_standby(gw->roster, name) != NULL)
		return refuse(
		    error, "\"%s\" is being added by a reload right now", name);
	if (serving == NULL)
		return refuse(error,
		    "there is no backend \"%s\"; mcp-gatewayctl status shows "
		    "all",
		    name);
	if (service_is_disabled(serving->service))
		return refuse(error,
		    "\"%s\" is disabled in the configuration; remove "
		    "\"disabled\" there and reload",
		    name);
	switch (act) {
	case GATEWAY_START:
		return act_start(gw, serving, error);
	case GATEWAY_STOP:
		return act_stop(gw, serving, error);
	case GATEWAY_RESTART:
		return act_restart(gw, serving, error);
	}
	return -1;
}

/* ---- what is there ---- */

void
gateway_each(struct gateway *gw,
    void (*each)(void *arg, const struct status_backend *backend), void *arg)
{
	struct status_backend backend;
	const struct member *m;

	TAILQ_FOREACH (m, roster_members(gw->roster), link) {
		service_status(m->service, &backend);
		backend.part =
		    m->stopped ? "stopped" : policy_text_part(m->part);
		backend.session = policy_text_session(m->backend->session);
		backend.instances = m->instances;
		each(arg, &backend);
	}
}

void
gateway_each_instance(struct gateway *gw, uint64_t number,
    void (*each)(void *arg, const struct status_backend *instance), void *arg)
{
	const struct member *m;

	TAILQ_FOREACH (m, roster_members(gw->roster), link) {
		if (service_number(m->service) == number)
			instance_each(m, each, arg);
	}
}

static const char *
phase_name(const struct gateway *gw)
{
	switch (gw->phase) {
	case GATEWAY_RUNS:
		return reload_is_under_way(gw->reload) ? "reloading"
						       : "running";
	case GATEWAY_DRAINS:
	case GATEWAY_STOPS:
	case GATEWAY_KILLS:
		break;
	}
	return "draining";
}

void
gateway_status(const struct gateway *gw, struct status_gateway *ret)
{
	struct status_front front;

	front_status(gw->front, &front);
	*ret = (struct status_gateway){
		.version = MCPGW_VERSION,
		.config = gw->config->path,
		.log = logfile_path(gw->logfile),
		.state = phase_name(gw),
		.pid = getpid(),
		.front = front.pid,
		.for_ms = mono_ms() - gw->started_ms,
		.reloads = reload_count(gw->reload),
		.reload_error = reload_error(gw->reload),
		.addresses = gw->urls,
	};
}

void
gateway_query(struct gateway *gw, const char *query, gateway_answered *answered,
    void *arg)
{
	uint64_t id = queries_add(gw->queries, answered, arg);

	if (id == 0)
		answered(arg, NULL, 0);
	else if (!front_send_query(gw->front, id, query))
		queries_answer(gw->queries, id, NULL, 0);
}
