/* member.c: one live service, and what the front is told of it. */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "roster_parts.h"
#include "setup.h"

/* What clients of one hear that waits for a port. */
#define WAITS                                                                  \
	"waits for the one that it replaces, which answers what it was asked"

/* ---- what the front is told of one ---- */

void
member_send_state(struct roster *roster, const struct service *s)
{
	char *json;

	if (!front_is_running(roster->front))
		return;
	json = setup_backend(backend_state_name(service_state(s)),
	    service_reason(s), service_retry_ms(s));
	if (json == NULL)
		log_error("front: out of memory");
	else
		front_send_backend(roster->front, service_number(s), json);
	free(json);
}

static void
member_tell_front(const struct member *m)
{
	if (m->introduced)
		member_send_state(m->roster, m->service);
}

/* A link is two ends of one socket: one for the front, one for the worker. */
uint32_t
member_send_link(struct roster *roster, struct service *s)
{
	uint32_t generation;
	int sv[2];

	if (!front_is_running(roster->front) || !service_can_link(s))
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		sv) == -1) {
		log_error("backend %s: cannot be linked to the front: %s",
		    service_name(s), strerror(errno));
		service_no_link(s, "could not be linked to the front");
		return 0;
	}
	generation = ++roster->generation;
	service_send_link(s, generation, &sv[0]);
	front_send_link(roster->front, service_number(s), generation, &sv[1]);
	return generation;
}

static void
member_link(struct member *m)
{
	uint32_t generation =
	    m->introduced ? member_send_link(m->roster, m->service) : 0;

	if (generation == 0)
		return;
	m->listed = false;
	m->generation = generation;
}

void
member_introduce(struct member *m)
{
	m->introduced = true;
	member_tell_front(m);
	member_link(m);
}

/* ---- what a service says ---- */

/* LISTED and what the worker says come over two channels, so that the lists may
 * be there before it is known that the worker is, and after its end is. */
static bool
may_be_listed(enum backend_state state)
{
	return state == BACKEND_SETUP || state == BACKEND_READY;
}

void
member_listed(struct member *m, uint32_t generation)
{
	enum backend_state state = service_state(m->service);

	if (generation != m->generation ||
	    (state != BACKEND_STARTING && !may_be_listed(state)))
		return;
	m->listed = true;
	roster_touch(m->roster);
}

static void
member_on_changed(void *arg, struct service *service)
{
	struct member *m = arg;

	if (!may_be_listed(service_state(service)))
		m->listed = false;
	member_tell_front(m);
	roster_touch(m->roster);
}

static void
member_on_link(void *arg, struct service *service)
{
	(void)service;
	member_link(arg);
}

static void
member_on_tell(void *arg, enum log_level level, const char *text)
{
	struct member *m = arg;

	m->roster->handlers->tell(m->roster->arg, level, text);
}

static const struct service_handlers service_handlers = {
	.changed = member_on_changed,
	.link = member_on_link,
	.tell = member_on_tell,
};

/* ---- members come and go ---- */

void
member_free(struct member **member)
{
	struct member *m = *member;

	service_free(&m->service);
	if (m->timer != NULL)
		event_free(m->timer);
	plan_free(&m->plan);
	config_free(&m->backend_config);
	config_free(&m->rules_config);
	free(m);
	*member = NULL;
}

/* Of one that leaves: it ends with its instances, once. */
void
member_end(struct member *m)
{
	if (m->ended)
		return;
	m->ended = true;
	(void)event_del(m->timer);
	service_stop(m->service);
	instances_end(m->roster, m);
	roster_touch(m->roster);
}

static void
member_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct member *m = arg;

	(void)fd;
	(void)what;
	log_warning("backend %s: calls in flight are waited for no longer: "
		    "\"drain_timeout\" is over",
	    service_name(m->service));
	member_end(m);
}

struct member *
roster_make(struct roster *roster, struct plan *plan, struct config *config,
    size_t place, char **error)
{
	struct member *m = calloc(1, sizeof(*m));
	struct service_spec spec;

	*error = NULL;
	if (m == NULL)
		return NULL;
	m->roster = roster;
	roster_rebind(m, plan, config, place);
	m->timer =
	    event_new(loop_base(roster->loop), -1, 0, member_on_timer, m);
	if (m->timer == NULL)
		goto fail;
	if (m->backend->url != NULL && !m->backend->disabled &&
	    processes_find(roster->processes, PROGRAM_WORKER_HTTP, error) == -1)
		goto fail;
	if (plan_service(plan, place, ++roster->last_number, log_get_level(),
		&spec, error) == -1)
		goto fail;
	m->service = service_new(
	    roster->loop, roster->processes, &spec, &service_handlers, m);
	if (m->service == NULL)
		goto fail;
	return m;
fail:
	member_free(&m);
	return NULL;
}

void
roster_discard(struct member **member)
{
	if (*member != NULL)
		member_free(member);
}

/* Does somebody else sit on the port that it needs? */
static bool
member_must_wait(const struct member *m)
{
	const struct member *other;

	TAILQ_FOREACH (other, &m->roster->members, link) {
		if (other != m && !other->waits &&
		    strcmp(other->backend->name, m->backend->name) == 0 &&
		    roster_share_port(other->backend, m->backend) &&
		    service_state(other->service) != BACKEND_DOWN)
			return true;
	}
	return false;
}

void
roster_start(struct member *m)
{
	if (m->stopped || m->roster->ending || service_is_disabled(m->service))
		return;
	m->waits = member_must_wait(m);
	service_explain(m->service, m->waits ? WAITS : "");
	if (m->waits)
		member_tell_front(m);
	else
		service_start(m->service);
}

/* ---- members change ---- */

bool
roster_is_settled(const struct member *m)
{
	if (m->listed || m->stopped || service_is_disabled(m->service))
		return true;
	return service_is_settled(m->service) &&
	    service_state(m->service) != BACKEND_READY;
}

bool
roster_is_ready(const struct member *m)
{
	return service_state(m->service) == BACKEND_READY;
}

bool
roster_share_port(
    const struct config_backend *a, const struct config_backend *b)
{
	return a->url != NULL && a->command != NULL && b->url != NULL &&
	    b->command != NULL;
}

void
roster_set_rules(struct member *m, struct config *config, size_t place)
{
	struct config *before = m->rules_config;

	m->rules = &config->backends[place];
	m->rules_config = config_ref(config);
	config_free(&before);
}

void
roster_rebind(
    struct member *m, struct plan *plan, struct config *config, size_t place)
{
	struct config *before = m->backend_config;

	plan_free(&m->plan);
	m->plan = plan_ref(plan);
	m->backend = &config->backends[place];
	m->backend_config = config_ref(config);
	if (m->service != NULL)
		service_rebind(m->service, m->backend);
	config_free(&before);
	roster_set_rules(m, config, place);
}
