/* change.c: what a new configuration changes. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "config_diff.h"
#include "gateway_parts.h"
#include "proto/msg.h"
#include "refusal.h"
#include "where.h"

/* What becomes of one backend of the new configuration. */
enum fate {
	FATE_STAYS,  /* it goes on, and so does its standby */
	FATE_RETURN, /* it goes on; its standby is not wanted any more */
	FATE_NEW,    /* there was none, or it is replaced */
};

struct change {
	struct config *config;
	struct plan *plan;
	enum fate *fates;     /* by place */
	struct member **made; /* those that are new; n of them not added yet */
	size_t made_count;
	size_t *made_place;
	bool has_sockets;
	struct listeners before;
	struct listeners listeners; /* the gateway's own after that */
	char **urls;
	struct change_counts counts;
};

int
change_refuse(struct config_errors *errors, const char *path, char *text)
{
	size_t len = strlen(path);
	char *own;

	errors->count = 0;
	errors->list = NULL;
	if (text == NULL)
		return -1;
	/* Every error is shown with the path before it. */
	if (strncmp(text, path, len) == 0 &&
	    strncmp(text + len, ": ", 2) == 0) {
		own = strdup(text + len + 2);
		free(text);
		text = own;
	}
	errors->list = calloc(1, sizeof(*errors->list));
	if (errors->list == NULL || text == NULL) {
		free(errors->list);
		errors->list = NULL;
		free(text);
		return -1;
	}
	errors->list[0].text = text;
	errors->count = 1;
	return -1;
}

/* ---- what is the same ---- */

/* Its processes would be started the same way. */
static bool
is_same(const struct member *m, const struct config *config, size_t place)
{
	const struct config_backend *be = &config->backends[place];

	if (config_diff_backend(m->backend, be) == CONFIG_REPLACED)
		return false;
	return be->command == NULL ||
	    !config_diff_jobs(m->backend_config, config);
}

static enum fate
find_fate(
    const struct roster *roster, const struct config *config, size_t place)
{
	const char *name = config->backends[place].name;
	const struct member *serving = roster_serving(roster, name);
	const struct member *standby = roster_standby(roster, name);

	if (standby != NULL && is_same(standby, config, place))
		return FATE_STAYS;
	if (serving == NULL || !is_same(serving, config, place))
		return FATE_NEW;
	return standby != NULL ? FATE_RETURN : FATE_STAYS;
}

static bool
is_configured(const struct config *config, const struct member *m)
{
	for (size_t i = 0; i < config->backend_count; i++) {
		if (strcmp(config->backends[i].name, m->backend->name) == 0)
			return true;
	}
	return false;
}

static void
count_backends(struct change *change, const struct roster *roster)
{
	const struct config *config = change->config;
	const struct member *m;

	for (size_t i = 0; i < config->backend_count; i++) {
		change->fates[i] = find_fate(roster, config, i);
		if (change->fates[i] == FATE_STAYS)
			continue;
		if (roster_serving(roster, config->backends[i].name) != NULL)
			change->counts.replaced++;
		else
			change->counts.added++;
	}
	TAILQ_FOREACH (m, roster_members(roster), link) {
		if (m->part == PART_SERVING && !is_configured(config, m))
			change->counts.removed++;
	}
}

/* ---- what is made ---- */

static int
make_members(struct change *change, struct gateway *gw, char **error)
{
	struct config *config = change->config;

	for (size_t i = 0; i < config->backend_count; i++) {
		struct member *m;

		if (change->fates[i] != FATE_NEW)
			continue;
		m = roster_make(gw->roster, change->plan, config, i, error);
		if (m == NULL)
			return -1;
		change->made_place[change->made_count] = i;
		change->made[change->made_count++] = m;
	}
	if (roster_count(gw->roster) + change->made_count <= ROSTER_MAX)
		return 0;
	return refuse(error,
	    "%zu backends that were replaced or removed still finish what they "
	    "were asked, and no more than %d can be there at once; try again "
	    "when they have ended (\"drain_timeout\")",
	    roster_count(gw->roster) - gw->config->backend_count, ROSTER_MAX);
}

/* The largest POLICY that is needed, before anything depends on it. */
static int
check_policy(struct change *change, struct gateway *gw, char **error)
{
	char *text = roster_policy(
	    gw->roster, change->config, change->made, change->made_count);

	if (text == NULL) {
		if (errno != E2BIG)
			return -1;
		return refuse(error,
		    "the rules and backends have more than %u bytes together "
		    "in the message that carries them; shorten the lists of "
		    "\"tokens\" and \"tools\"",
		    MSG_POLICY_MAX);
	}
	free(text);
	return 0;
}

static bool
has_listener(const struct listeners *listeners, uint32_t number)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (listeners->at[i].number == number)
			return true;
	}
	return false;
}

/* How many of these the others do not have. */
static unsigned int
count_missing(const struct listeners *these, const struct listeners *others)
{
	unsigned int n = 0;

	for (size_t i = 0; i < these->count; i++)
		n += !has_listener(others, these->at[i].number);
	return n;
}

/* Undo listen_open(): what it took over goes back. */
static void
return_sockets(struct change *change, struct listeners *ours)
{
	struct listeners made = { .count = 0 };

	for (size_t i = 0; i < change->listeners.count; i++) {
		const struct listener *l = &change->listeners.at[i];

		if (!has_listener(&change->before, l->number))
			made.at[made.count++] = *l;
	}
	listen_close(&made);
	*ours = change->before;
	change->has_sockets = false;
}

int
change_check_beyond(const struct config *config,
    const struct listeners *listeners, char **error)
{
	if (config->token_count > 0 || config->insecure)
		return 0;
	for (size_t i = 0; i < listeners->count; i++) {
		if (listeners->at[i].beyond)
			return refuse(error,
			    "%s: other machines can reach %s, and whoever does "
			    "could run every tool: add \"tokens\" "
			    "(mcp-gatewayctl token makes one), listen on "
			    "127.0.0.1, or write \"insecure\": true",
			    config->path, listeners->at[i].address);
	}
	return 0;
}

/* The last that can fail, because it cannot be undone by forgetting it. */
static int
open_sockets(struct change *change, struct gateway *gw, char **error)
{
	change->before = gw->listeners;
	if (listen_open(&change->listeners, change->config, &gw->listeners,
		error) == -1)
		return -1;
	change->has_sockets = true;
	change->urls = where_urls(change->config, &change->listeners);
	if (change->urls == NULL ||
	    change_check_beyond(change->config, &change->listeners, error) ==
		-1) {
		return_sockets(change, &gw->listeners);
		return -1;
	}
	change->counts.addresses =
	    count_missing(&change->listeners, &change->before) +
	    count_missing(&change->before, &change->listeners);
	return 0;
}

/* Do clients see of the same backends what they saw before? */
static void
compare_rules(struct change *change, struct gateway *gw)
{
	const struct config *new = change->config;
	const struct member *m;
	char *a = policy_text(gw->config, NULL, 0);
	char *b = policy_text(new, NULL, 0);

	change->counts.rules = a == NULL || b == NULL || strcmp(a, b) != 0 ||
	    gw->config->log_level != new->log_level;
	free(a);
	free(b);
	TAILQ_FOREACH (m, roster_members(gw->roster), link) {
		for (size_t i = 0; i < new->backend_count; i++) {
			if (m->part == PART_SERVING &&
			    strcmp(m->rules->name, new->backends[i].name) ==
				0 &&
			    config_diff_backend(m->rules, &new->backends[i]) ==
				CONFIG_RULES)
				change->counts.rules = true;
		}
	}
}

static int
prepare(struct change *change, struct gateway *gw, bool only_ask, char **error)
{
	size_t n = change->config->backend_count;

	change->fates = calloc(n + 1, sizeof(*change->fates));
	change->made = calloc(n + 1, sizeof(struct member *));
	change->made_place = calloc(n + 1, sizeof(*change->made_place));
	if (change->fates == NULL || change->made == NULL ||
	    change->made_place == NULL)
		return -1;
	change->plan =
	    plan_new(change->config, gw->cgroup, gw->cgroup_error, error);
	if (change->plan == NULL)
		return -1;
	if (only_ask)
		plan_only_ask(change->plan);
	count_backends(change, gw->roster);
	compare_rules(change, gw);
	if (make_members(change, gw, error) == -1 ||
	    check_policy(change, gw, error) == -1)
		return -1;
	return only_ask ? 0 : open_sockets(change, gw, error);
}

struct change *
change_prepare(struct gateway *gw, bool only_ask, struct config_errors *errors)
{
	struct change *change = calloc(1, sizeof(*change));
	char *error = NULL;

	memset(errors, 0, sizeof(*errors));
	if (change == NULL)
		return NULL;
	if (gw->source.load(gw->source.arg, &change->config, errors) == -1) {
		change->config = NULL;
		change_free(&change);
		return NULL;
	}
	if (prepare(change, gw, only_ask, &error) == -1) {
		(void)change_refuse(errors, change->config->path, error);
		change_free(&change);
	}
	return change;
}

void
change_free(struct change **change)
{
	struct change *c = *change;

	if (c == NULL)
		return;
	assert(!c->has_sockets);
	for (size_t i = 0; i < c->made_count; i++)
		roster_discard(&c->made[i]);
	plan_free(&c->plan);
	config_free(&c->config);
	where_free(&c->urls);
	free(c->fates);
	free(c->made);
	free(c->made_place);
	free(c);
	*change = NULL;
}

const struct change_counts *
change_counts(const struct change *change)
{
	return &change->counts;
}

/* ---- what is applied ---- */

/* The gateway's sockets are those that nobody wants any more. */
static void
close_unwanted(struct gateway *gw)
{
	for (size_t i = 0; i < gw->listeners.count; i++) {
		log_info("gateway: not listening on %s any more",
		    gw->listeners.at[i].address);
		front_send_unlisten(gw->front, gw->listeners.at[i].number);
	}
	listen_close(&gw->listeners);
}

static void
open_wanted(struct gateway *gw, const struct listeners *before)
{
	for (size_t i = 0; i < gw->listeners.count; i++) {
		const struct listener *l = &gw->listeners.at[i];

		if (has_listener(before, l->number))
			continue;
		log_info("gateway: listening on %s", l->address);
		front_send_listen(gw->front, l);
	}
}

/* After this change->plan and so on are the old ones, to be freed. */
static void
take_configuration(struct change *change, struct gateway *gw)
{
	struct config *config = gw->config;
	struct plan *plan = gw->plan;
	char **urls = gw->urls;

	gw->config = change->config;
	gw->plan = change->plan;
	gw->urls = change->urls;
	gw->listeners = change->listeners;
	change->has_sockets = false;
	change->config = config;
	change->plan = plan;
	change->urls = urls;
}

/* A new one for a name of which none may be there. */
static void
add_new(struct gateway *gw, struct member *m, size_t place)
{
	struct member *standby = roster_standby(gw->roster, m->backend->name);
	struct member *serving = roster_serving(gw->roster, m->backend->name);
	unsigned int drain_ms = gw->config->drain_timeout_ms;

	if (standby != NULL)
		roster_leave(standby, drain_ms);
	m->fresh = true;
	roster_add(m, PART_STANDBY);
	if (serving == NULL)
		return;
	roster_set_rules(serving, gw->config, place);
	if (!roster_is_ready(serving) ||
	    roster_share_port(serving->backend, m->backend))
		roster_promote(m, drain_ms);
}

/* One that goes on. */
static void
keep(struct gateway *gw, size_t place, bool drop_standby)
{
	const char *name = gw->config->backends[place].name;
	struct member *standby = roster_standby(gw->roster, name);
	struct member *serving = roster_serving(gw->roster, name);

	if (standby != NULL && drop_standby)
		roster_leave(standby, gw->config->drain_timeout_ms);
	else if (standby != NULL)
		roster_rebind(standby, gw->plan, gw->config, place);
	if (serving == NULL)
		return;
	if (standby != NULL && !drop_standby)
		roster_set_rules(serving, gw->config, place);
	else
		roster_rebind(serving, gw->plan, gw->config, place);
}

/* Of those that are in the configuration no more: all that do not serve anybody
 * or, at the switch, all. */
static void
remove_old(struct gateway *gw, bool all)
{
	struct member *m, *next;

	for (m = TAILQ_FIRST(roster_members(gw->roster)); m != NULL; m = next) {
		next = TAILQ_NEXT(m, link);
		if (m->part == PART_LEAVING || is_configured(gw->config, m))
			continue;
		if (all || m->part == PART_STANDBY || !roster_is_ready(m))
			roster_leave(m, gw->config->drain_timeout_ms);
	}
}

static bool
has_standby(const struct roster *roster)
{
	const struct member *m;

	TAILQ_FOREACH (m, roster_members(roster), link) {
		if (m->part == PART_STANDBY && !roster_is_settled(m))
			return true;
	}
	return false;
}

void
change_apply(struct change *change, struct gateway *gw)
{
	const char *fixed = config_diff_fixed(gw->config, change->config);
	struct config *config = change->config;
	size_t made = 0;

	assert(change->has_sockets);
	if (fixed != NULL)
		log_warning("reload: \"%s\" differs, which a running gateway "
			    "cannot take over: restart it for that",
		    fixed);
	close_unwanted(gw); /* first: who may come through them may change */
	take_configuration(change, gw);
	gateway_set_log_level(gw, config->log_level);
	for (size_t i = 0; i < config->backend_count; i++) {
		if (change->fates[i] == FATE_NEW)
			add_new(gw, change->made[made++], i);
		else
			keep(gw, i, change->fates[i] == FATE_RETURN);
	}
	remove_old(gw, false);
	if (!has_standby(gw->roster))
		change_switch(gw);
	else
		roster_publish(gw->roster, gw->config);
	open_wanted(gw, &change->before);
	for (size_t i = 0; i < made; i++)
		roster_start(change->made[i]);
	change->made_count = 0; /* the roster's now */
}

/* It can serve, or is not meant to.  One that fails for good does not: what ran
 * before the typing error runs on. */
static struct member *
find_promotable(const struct roster *roster)
{
	struct member *m;

	TAILQ_FOREACH (m, roster_members(roster), link) {
		if (m->part == PART_STANDBY &&
		    (m->listed || service_is_disabled(m->service)))
			break;
	}
	return m;
}

bool
change_promote(struct gateway *gw)
{
	struct member *m;
	bool any = false;

	while ((m = find_promotable(gw->roster)) != NULL) {
		roster_promote(m, gw->config->drain_timeout_ms);
		any = true;
	}
	return any;
}

static struct member *
find_alone(const struct roster *roster)
{
	struct member *m;

	TAILQ_FOREACH (m, roster_members(roster), link) {
		if (m->part == PART_STANDBY &&
		    roster_serving(roster, m->backend->name) == NULL)
			break;
	}
	return m;
}

void
change_switch(struct gateway *gw)
{
	struct member *m;

	(void)change_promote(gw);
	while ((m = find_alone(gw->roster)) != NULL)
		roster_promote(m, gw->config->drain_timeout_ms);
	remove_old(gw, true);
	roster_arrange(gw->roster, gw->config);
	roster_publish(gw->roster, gw->config);
}
