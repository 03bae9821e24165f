/* roster.c: the live services, and what the front is told of them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "roster_parts.h"

void
roster_touch(struct roster *roster)
{
	deferred_queue(roster->loop, &roster->look);
}

/* ---- the list ---- */

/* Behind all that do not leave; leaving ones behind those. */
static void
roster_insert(struct roster *roster, struct member *m)
{
	struct member *at;

	TAILQ_FOREACH (at, &roster->members, link) {
		if (at->part == PART_LEAVING && m->part != PART_LEAVING)
			break;
	}
	if (at != NULL)
		TAILQ_INSERT_BEFORE(at, m, link);
	else
		TAILQ_INSERT_TAIL(&roster->members, m, link);
}

void
roster_add(struct member *m, enum part part)
{
	assert(m->roster->count < ROSTER_MAX);
	m->part = part;
	m->roster->count++;
	roster_insert(m->roster, m);
	roster_touch(m->roster);
}

static void
roster_remove(struct member *m)
{
	struct roster *roster = m->roster;

	TAILQ_REMOVE(&roster->members, m, link);
	roster->count--;
	member_free(&m);
	if (!event_pending(roster->tidy, EV_TIMEOUT, NULL))
		loop_arm(roster->tidy, ROSTER_TIDY_MS);
}

/* ---- members change ---- */

/* Clients may have asked it something that is not answered yet. */
static bool
roster_is_busy(const struct member *m)
{
	return roster_is_ready(m) || instances_are_used(m);
}

void
roster_leave(struct member *m, unsigned int drain_ms)
{
	struct roster *roster = m->roster;

	if (m->part == PART_LEAVING)
		return;
	TAILQ_REMOVE(&roster->members, m, link);
	m->part = PART_LEAVING;
	m->waits = false;
	roster_insert(roster, m);
	roster_touch(roster);
	if (!roster_is_busy(m) || !front_is_running(roster->front))
		member_end(m);
	else
		loop_arm(m->timer, drain_ms);
}

void
roster_promote(struct member *m, unsigned int drain_ms)
{
	struct member *before = roster_serving(m->roster, m->backend->name);

	assert(m->part == PART_STANDBY);
	m->part = PART_SERVING;
	if (before == NULL)
		return;
	TAILQ_REMOVE(&m->roster->members, m, link);
	TAILQ_INSERT_AFTER(&m->roster->members, before, m, link);
	roster_leave(before, drain_ms);
}

/* Behind all others of the list that do not leave. */
static void
roster_move_back(struct roster *roster, struct member *m)
{
	if (m == NULL)
		return;
	TAILQ_REMOVE(&roster->members, m, link);
	roster_insert(roster, m);
}

void
roster_arrange(struct roster *roster, const struct config *config)
{
	for (size_t i = 0; i < config->backend_count; i++) {
		const char *name = config->backends[i].name;

		roster_move_back(roster, roster_serving(roster, name));
		roster_move_back(roster, roster_standby(roster, name));
	}
}

static struct member *
roster_find(const struct roster *roster, const char *name, enum part part)
{
	struct member *m;

	TAILQ_FOREACH (m, &roster->members, link) {
		if (m->part == part && strcmp(m->backend->name, name) == 0)
			break;
	}
	return m;
}

struct member *
roster_serving(const struct roster *roster, const char *name)
{
	return roster_find(roster, name, PART_SERVING);
}

struct member *
roster_standby(const struct roster *roster, const char *name)
{
	return roster_find(roster, name, PART_STANDBY);
}

struct member *
roster_by_number(const struct roster *roster, uint64_t number)
{
	struct member *m;

	TAILQ_FOREACH (m, &roster->members, link) {
		if (service_number(m->service) == number)
			break;
	}
	return m;
}

const struct members *
roster_members(const struct roster *roster)
{
	return &roster->members;
}

size_t
roster_count(const struct roster *roster)
{
	return roster->count;
}

/* ---- what the front is told ---- */

char *
roster_policy(const struct roster *roster, const struct config *config,
    struct member *const *more, size_t count)
{
	size_t n = 0, max = roster->count + count;
	struct policy_text_backend *list = calloc(max + 1, sizeof(*list));
	const struct member *m;
	char *text;

	if (list == NULL)
		return NULL;
	TAILQ_FOREACH (m, &roster->members, link)
		list[n++] =
		    (struct policy_text_backend){ service_number(m->service),
			    m->part, m->backend->session, m->rules };
	for (size_t i = 0; i < count; i++)
		list[n++] = (struct policy_text_backend){
			service_number(more[i]->service), PART_STANDBY,
			more[i]->backend->session, more[i]->rules
		};
	text = policy_text(config, list, n);
	free(list);
	return text;
}

/* What did not work is tried again with the next tidying. */
void
roster_publish(struct roster *roster, const struct config *config)
{
	char *text = roster_policy(roster, config, NULL, 0);
	struct member *m;

	roster->config = config;
	if (text == NULL) {
		log_error(
		    "front: its rules cannot be sent now: %s", strerror(errno));
		loop_arm(roster->tidy, ROSTER_TIDY_MS);
		return;
	}
	(void)event_del(roster->tidy);
	if (!front_is_running(roster->front)) {
		free(text);
		return;
	}
	if (roster->told == NULL || strcmp(roster->told, text) != 0)
		front_send_policy(roster->front, text);
	free(roster->told);
	roster->told = text;
	TAILQ_FOREACH (m, &roster->members, link) {
		if (!m->introduced)
			member_introduce(m);
	}
}

static void
roster_on_tidy(evutil_socket_t fd, short what, void *arg)
{
	struct roster *roster = arg;

	(void)fd;
	(void)what;
	if (roster->config != NULL)
		roster_publish(roster, roster->config);
}

/* ---- what the front says ---- */

void
roster_front_started(struct roster *roster)
{
	struct member *m;

	free(roster->told);
	roster->told = NULL;
	TAILQ_FOREACH (m, &roster->members, link) {
		m->introduced = false;
		m->listed = false;
	}
}

void
roster_front_gone(struct roster *roster)
{
	struct member *m;

	roster_front_started(roster);
	TAILQ_FOREACH (m, &roster->members, link) {
		if (m->part == PART_LEAVING)
			member_end(m);
	}
	instances_front_gone(roster);
}

void
roster_listed(struct roster *roster, uint64_t number, uint32_t generation)
{
	struct member *m = roster_by_number(roster, number);

	if (m != NULL) /* else it ended meanwhile */
		member_listed(m, generation);
}

void
roster_drained(struct roster *roster, uint64_t number)
{
	struct member *m = roster_by_number(roster, number);

	if (m != NULL && m->part == PART_LEAVING)
		member_end(m);
}

/* ---- at the end of a turn ---- */

/* What leaves and has nothing left ends; what has ended goes. */
static void
roster_sweep(struct roster *roster)
{
	struct member *m, *next;

	for (m = TAILQ_FIRST(&roster->members); m != NULL; m = next) {
		next = TAILQ_NEXT(m, link);
		if (m->part != PART_LEAVING)
			continue;
		if (!roster_is_busy(m))
			member_end(m);
		if (m->ended && m->instances == 0 &&
		    service_state(m->service) == BACKEND_DOWN)
			roster_remove(m);
	}
}

static void
roster_look(void *arg)
{
	struct roster *roster = arg;
	struct member *m;

	instances_look(roster);
	roster_sweep(roster);
	TAILQ_FOREACH (m, &roster->members, link) {
		if (m->waits)
			roster_start(m);
	}
	roster->handlers->changed(roster->arg);
}

/* ---- the object ---- */

struct roster *
roster_new(struct loop *loop, struct processes *processes, struct front *front,
    const struct roster_handlers *handlers, void *arg)
{
	struct roster *roster = calloc(1, sizeof(*roster));

	if (roster == NULL)
		return NULL;
	roster->loop = loop;
	roster->processes = processes;
	roster->front = front;
	roster->handlers = handlers;
	roster->arg = arg;
	TAILQ_INIT(&roster->members);
	TAILQ_INIT(&roster->instances);
	deferred_init(&roster->look, roster_look, roster);
	roster->tidy =
	    event_new(loop_base(loop), -1, 0, roster_on_tidy, roster);
	if (roster->tidy == NULL)
		roster_free(&roster);
	return roster;
}

void
roster_free(struct roster **roster)
{
	struct roster *r = *roster;
	struct member *m;

	if (r == NULL)
		return;
	instances_free(r);
	while ((m = TAILQ_FIRST(&r->members)) != NULL) {
		TAILQ_REMOVE(&r->members, m, link);
		member_free(&m);
	}
	deferred_cancel(&r->look);
	if (r->tidy != NULL)
		event_free(r->tidy);
	free(r->told);
	free(r);
	*roster = NULL;
}

void
roster_stop(struct roster *roster)
{
	struct member *m;

	if (roster->ending)
		return;
	roster->ending = true;
	TAILQ_FOREACH (m, &roster->members, link) {
		m->waits = false;
		if (m->part == PART_LEAVING)
			member_end(m);
		else
			service_stop(m->service);
	}
	instances_end(roster, NULL);
}

void
roster_kill(struct roster *roster)
{
	struct member *m;

	TAILQ_FOREACH (m, &roster->members, link)
		service_kill(m->service);
	instances_kill(roster);
}
