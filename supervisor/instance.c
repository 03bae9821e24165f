/* instance.c: instances of a backend, each for one client. */
#include <sys/resource.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"
#include "roster_parts.h"
#include "setup.h"

/* A reason of an outcome, and words around it. */
#define REPORT_MAX (OUTCOME_TEXT_MAX + CONFIG_NAME_MAX + 128)
/* What clients hear of it is shorter: its beginning says most. */
#define TROUBLE_MAX 256
#define REFUSAL_MAX (TROUBLE_MAX + 128)

struct instance {
	TAILQ_ENTRY(instance) link;
	struct roster *roster;
	struct member *member; /* stays until this is gone */
	struct service *service;
	struct config *config; /* the service's; held */
	bool waits;            /* it is started when another one is gone */
	bool ended;            /* it was told to, or has */
	bool quiet;  /* the front has no use for a word of it any more */
	bool worked; /* it was ready */
};

/* ---- how many ---- */

/* It serves a client, or will. */
static bool
is_live(const struct instance *i)
{
	return !i->ended && service_state(i->service) != BACKEND_STOPPING;
}

static unsigned int
count_live(const struct member *m)
{
	const struct instance *i;
	unsigned int n = 0;

	TAILQ_FOREACH (i, &m->roster->instances, link)
		n += i->member == m && is_live(i);
	return n;
}

/* Those that have processes, or had some when that was looked at last. */
static unsigned int
count_running(const struct member *m)
{
	const struct instance *i;
	unsigned int n = 0;

	TAILQ_FOREACH (i, &m->roster->instances, link)
		n += i->member == m && !i->waits;
	return n;
}

bool
instances_are_used(const struct member *m)
{
	return m->instances > 0 && count_live(m) > 0;
}

/* Are there descriptors for one more run? */
static bool
has_descriptors(const struct roster *roster)
{
	size_t runs = roster->count + roster->instance_count + 1;
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur >=
	    runs * INSTANCE_DESCRIPTORS + INSTANCE_DESCRIPTORS_SPARED;
}

/* ---- which there may not be ---- */

/* Why this member can have none at all, or NULL. */
static const char *
refuse_backend(const struct member *m)
{
	if (m == NULL)
		return "does not exist";
	if (m->roster->ending)
		return "has no instance to spare: the gateway is stopping";
	if (m->part != PART_SERVING)
		return "does not serve: it replaces another one, or is "
		       "replaced or removed";
	if (service_is_disabled(m->service))
		return "is disabled in the configuration";
	if (m->backend->session == CONFIG_SHARED)
		return "is shared by all its clients";
	return m->stopped ? "was stopped by mcp-gatewayctl" : NULL;
}

/* Why there can be no more of them now, into text; or NULL. */
static const char *
refuse_number(const struct member *m, char text[REFUSAL_MAX])
{
	const struct roster *roster = m->roster;
	uint64_t now = mono_ms();

	if (now < m->instances_retry_ms)
		(void)snprintf(text, REFUSAL_MAX,
		    "has instances that do not come up: %.*s; tried again in "
		    "%.0f s",
		    TROUBLE_MAX, m->trouble,
		    (double)(m->instances_retry_ms - now) / 1000);
	else if (count_live(m) >= m->rules->max_instances)
		(void)snprintf(text, REFUSAL_MAX,
		    "has all of its %u instances in use (\"max_instances\")",
		    count_live(m));
	else if (roster->instance_count >= INSTANCES_MAX)
		(void)snprintf(text, REFUSAL_MAX,
		    "has no instance to spare: the gateway has %d of all "
		    "backends, and no more are possible",
		    INSTANCES_MAX);
	else if (!has_descriptors(roster))
		(void)snprintf(text, REFUSAL_MAX,
		    "has no instance to spare: no descriptors are left; raise "
		    "the limit of open files (ulimit -n, LimitNOFILE=)");
	else
		return NULL;
	return text;
}

void
instance_refuse(struct roster *roster, uint32_t key, const char *why)
{
	char *json = setup_no_instance(why);

	/* Without memory it hears of no reason, but it hears. */
	front_send_instance(
	    roster->front, key, 0, json != NULL ? json : "{\"error\":\"\"}");
	free(json);
}

/* ---- what a service says ---- */

/* One was never ready: when that happens again and again none is started for a
 * while.  How often clients can make one end that was ready is for their rates
 * to say. */
static void
note_failure(struct member *m, const char *reason)
{
	char text[REPORT_MAX];
	uint32_t delay;
	enum breaker_verdict verdict =
	    breaker_fail(&m->breaker, mono_ms(), 0, arc4random(), &delay);

	if (verdict == BREAKER_CLOSED)
		return;
	(void)strlcpy(m->trouble,
	    reason != NULL ? reason : "no reason is known", sizeof(m->trouble));
	m->instances_retry_ms = mono_ms() + delay;
	if (verdict != BREAKER_OPENED)
		return;
	(void)snprintf(text, sizeof(text),
	    "backend %s: %d instances failed within %u s: %s; more are started "
	    "in %.0f s",
	    m->backend->name, BREAKER_FAILURES, BREAKER_WINDOW_MS / 1000,
	    m->trouble, delay / 1000.0);
	m->roster->handlers->tell(m->roster->arg, LOG_LEVEL_ERROR, text);
}

static void
note_success(struct instance *i)
{
	i->worked = true;
	memset(&i->member->breaker, 0, sizeof(i->member->breaker));
	i->member->instances_retry_ms = 0;
}

static void
instance_on_changed(void *arg, struct service *service)
{
	struct instance *i = arg;
	enum backend_state state = service_state(service);

	if (!i->quiet)
		member_send_state(i->roster, service);
	if (state == BACKEND_READY)
		note_success(i);
	else if (state == BACKEND_FAILED && !i->quiet && !i->worked)
		note_failure(i->member, service_reason(service));
	if (state == BACKEND_FAILED)
		i->ended = true;
	roster_touch(i->roster);
}

static void
instance_on_link(void *arg, struct service *service)
{
	struct instance *i = arg;

	if (!i->quiet)
		(void)member_send_link(i->roster, service);
}

/* They come and go with clients: only what is wrong with one is for the
 * console. */
static void
instance_on_tell(void *arg, enum log_level level, const char *text)
{
	struct instance *i = arg;

	i->roster->handlers->note(i->roster->arg, level, text);
}

static const struct service_handlers service_handlers = {
	.changed = instance_on_changed,
	.link = instance_on_link,
	.tell = instance_on_tell,
};

/* ---- instances come and go ---- */

/* Of one that runs no more, or never did. */
static void
instance_free(struct instance **instance)
{
	struct instance *i = *instance;

	service_free(&i->service);
	config_free(&i->config);
	free(i);
	*instance = NULL;
}

/* One that is not started yet; NULL with *error, the caller's, or NULL when
 * memory ran out. */
static struct instance *
instance_make(struct member *m, unsigned int capabilities, char **error)
{
	struct roster *roster = m->roster;
	size_t place = (size_t)(m->backend - m->backend_config->backends);
	struct instance *i = calloc(1, sizeof(*i));
	struct service_spec spec;

	*error = NULL;
	if (i == NULL)
		return NULL;
	i->roster = roster;
	i->member = m;
	i->config = config_ref(m->backend_config);
	if (plan_instance(m->plan, place, ++roster->last_number, capabilities,
		log_get_level(), &spec, error) == -1) {
		instance_free(&i);
		return NULL;
	}
	spec.once = true;
	if (asprintf(&spec.name, "%s instance %ju", m->backend->name,
		(uintmax_t)spec.number) == -1)
		spec.name = NULL;
	i->service = service_new(
	    roster->loop, roster->processes, &spec, &service_handlers, i);
	if (i->service == NULL)
		instance_free(&i);
	return i;
}

static void
instance_add(struct instance *i)
{
	TAILQ_INSERT_TAIL(&i->roster->instances, i, link);
	i->roster->instance_count++;
	i->member->instances++;
}

static void
instance_remove(struct instance *i)
{
	TAILQ_REMOVE(&i->roster->instances, i, link);
	i->roster->instance_count--;
	i->member->instances--;
	instance_free(&i);
}

void
instance_want(struct roster *roster, uint64_t number, uint32_t key,
    unsigned int capabilities)
{
	struct member *m = roster_by_number(roster, number);
	const char *why = refuse_backend(m);
	char text[REFUSAL_MAX], *error;
	struct instance *i;

	if (why == NULL)
		why = refuse_number(m, text);
	if (why != NULL) {
		instance_refuse(roster, key, why);
		return;
	}
	i = instance_make(m, capabilities, &error);
	if (i == NULL) {
		log_error("backend %s: cannot make an instance: %s",
		    m->backend->name, error != NULL ? error : "out of memory");
		note_failure(m, error != NULL ? error : "out of memory");
		/* The reason is about files of ours: not for clients. */
		instance_refuse(roster, key,
		    "has no instance to spare: the gateway's log says why");
		free(error);
		return;
	}
	i->waits = count_running(m) >= m->rules->max_instances;
	instance_add(i);
	/* First, because the run may be over when it was started. */
	front_send_instance(
	    roster->front, key, service_number(i->service), NULL);
	if (!i->waits)
		service_start(i->service);
}

/* Nobody needs it any more, once. */
static void
instance_end(struct instance *i)
{
	if (i->ended)
		return;
	i->ended = true;
	if (!i->waits) {
		service_stop(i->service);
	} else { /* it has nothing that could end */
		i->waits = false;
		if (!i->quiet)
			member_send_state(i->roster, i->service);
	}
	roster_touch(i->roster);
}

void
instance_release(struct roster *roster, uint64_t number)
{
	struct instance *i;

	TAILQ_FOREACH (i, &roster->instances, link) {
		if (service_number(i->service) == number) {
			i->quiet = true;
			instance_end(i);
			return;
		}
	}
}

void
instances_front_gone(struct roster *roster)
{
	struct instance *i;

	TAILQ_FOREACH (i, &roster->instances, link) {
		i->quiet = true;
		instance_end(i);
	}
}

void
instances_end(struct roster *roster, const struct member *m)
{
	struct instance *i;

	TAILQ_FOREACH (i, &roster->instances, link) {
		if (m == NULL || i->member == m)
			instance_end(i);
	}
}

void
instances_kill(struct roster *roster)
{
	struct instance *i;

	TAILQ_FOREACH (i, &roster->instances, link)
		service_kill(i->service);
}

/* No process of it is left, and none is to come. */
static bool
is_gone(const struct instance *i)
{
	enum backend_state state = service_state(i->service);

	return i->ended && (state == BACKEND_DOWN || state == BACKEND_FAILED);
}

void
instances_look(struct roster *roster)
{
	struct instance *i, *next;

	for (i = TAILQ_FIRST(&roster->instances); i != NULL; i = next) {
		next = TAILQ_NEXT(i, link);
		if (is_gone(i))
			instance_remove(i);
	}
	TAILQ_FOREACH (i, &roster->instances, link) {
		if (!i->waits ||
		    count_running(i->member) >= i->member->rules->max_instances)
			continue;
		i->waits = false;
		service_start(i->service);
	}
}

void
instances_free(struct roster *roster)
{
	struct instance *i;

	while ((i = TAILQ_FIRST(&roster->instances)) != NULL)
		instance_remove(i);
}

/* ---- what is there ---- */

void
instance_each(const struct member *m,
    void (*each)(void *arg, const struct status_backend *instance), void *arg)
{
	struct status_backend status;
	const struct instance *i;

	TAILQ_FOREACH (i, &m->roster->instances, link) {
		if (i->member != m)
			continue;
		service_status(i->service, &status);
		status.part = i->waits ? "waiting"
		    : i->ended         ? "leaving"
				       : "serving";
		each(arg, &status);
	}
}
