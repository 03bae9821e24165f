/* catalogue_scope.c: who sees what of the backends. */
#include <stdlib.h>
#include <string.h>

#include "catalogue_parts.h"

/* ---- scopes ----------------------------------------------------------- */

void
scope_clear(struct scope *scope)
{
	for (size_t kind = 0; kind < CATALOG_KINDS; kind++) {
		struct kind_state *state = &scope->kinds[kind];

		view_free(&state->view);
		state->stale = true;
		for (size_t i = 0; i < NAMES_SPELLINGS; i++) {
			pages_release(&state->lists[i].pages);
			state->lists[i].outdated = true;
		}
	}
	scope->compared = false;
}

/* What was built from a kind's offers is out of date. */
static void
scope_outdate(struct scope *scope, enum catalog_kind kind)
{
	struct kind_state *tools = &scope->kinds[CATALOG_TOOLS];

	scope->kinds[kind].stale = true;
	for (size_t i = 0; i < NAMES_SPELLINGS; i++)
		scope->kinds[kind].lists[i].outdated = true;
	if (kind != CATALOG_RESOURCES && kind != CATALOG_TEMPLATES)
		return;
	scope->compared = false;
	/* They may name resources, whose URIs may be shown otherwise now. */
	for (size_t i = 0; tools->view.ui && i < NAMES_SPELLINGS; i++)
		tools->lists[i].outdated = true;
}

static void
scope_outdate_all(struct scope *scope)
{
	for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++)
		scope_outdate(scope, (enum catalog_kind)kind);
}

void
scope_forget(const struct catalogue *cat, struct scope *scope)
{
	lh_table_delete(scope->audience->servers, scope->server);
	TAILQ_REMOVE(&cat->cache->servers, scope, of_servers);
	cat->cache->count--;
	scope_clear(scope);
	free(scope->server);
	free(scope);
}

/* NULL with ENOMEM. */
static struct scope *
scope_new(const struct catalogue *cat, struct audience *a, const char *server,
    size_t slot)
{
	struct scope *scope;

	if (cat->cache->count == CATALOGUE_SERVER_SCOPES_MAX)
		scope_forget(cat, TAILQ_FIRST(&cat->cache->servers));
	if (a->servers == NULL &&
	    (a->servers = lh_kchar_table_new(16, NULL)) == NULL)
		return NULL;
	if ((scope = calloc(1, sizeof(*scope))) == NULL)
		return NULL;
	scope->audience = a;
	scope->slot = slot;
	scope->server = strdup(server);
	if (scope->server == NULL ||
	    lh_table_insert(a->servers, scope->server, scope) == -1) {
		free(scope->server);
		free(scope);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&cat->cache->servers, scope, of_servers);
	cat->cache->count++;
	scope_clear(scope);
	return scope;
}

/* The slot of a server that the audience sees. */
static bool
find_server(const struct catalogue *cat, const struct audience *a,
    const char *server, size_t *slot)
{
	void *found;

	if (!lh_table_lookup_ex(cat->names, server, &found) ||
	    !a->sees[(uintptr_t)found - 1])
		return false;
	*slot = (uintptr_t)found - 1;
	return true;
}

struct scope *
scope_of_server(
    const struct catalogue *cat, struct audience *a, const char *server)
{
	struct scope *scope;
	void *found;
	size_t slot;

	if (a->servers != NULL &&
	    lh_table_lookup_ex(a->servers, server, &found))
		return found;
	if (find_server(cat, a, server, &slot) &&
	    (scope = scope_new(cat, a, server, slot)) != NULL)
		return scope;
	return &cat->nobody->all;
}

int
scope_build(
    const struct catalogue *cat, struct scope *scope, enum catalog_kind kind)
{
	const struct audience *a = scope->audience;
	const bool own = scope->server != NULL;
	struct kind_state *state = &scope->kinds[kind];
	const struct view_source source = {
		.backends = cat->backends,
		.order = own ? &scope->slot : a->order,
		.count = own ? 1 : a->count,
		.tools = a->tools,
		.own = own,
		.pluses = cat->pluses,
		.sees = a->sees,
	};

	scope->compared = false;
	view_free(&state->view);
	state->stale = view_build(&state->view, kind, &source) == -1;
	return state->stale ? -1 : 0;
}

bool
scope_collides(const struct catalogue *cat, struct scope *scope)
{
	const struct view *resources, *templates;

	if (scope->server != NULL)
		return false;
	resources = scope_view(cat, scope, CATALOG_RESOURCES);
	templates = scope_view(cat, scope, CATALOG_TEMPLATES);
	if (!scope->compared) {
		scope->collides = resources->collides || templates->collides ||
		    (templates->anything && scope->audience->count > 1) ||
		    view_schemes_collide(resources, templates);
		scope->compared = true;
	}
	return scope->collides;
}

/* ---- audiences -------------------------------------------------------- */

void
audience_free(const struct catalogue *cat, struct audience **audience)
{
	struct audience *a = *audience;
	struct scope *scope, *next;

	if (a == NULL)
		return;
	TAILQ_FOREACH_SAFE (scope, &cat->cache->servers, of_servers, next)
		if (scope->audience == a)
			scope_forget(cat, scope);
	if (a->servers != NULL)
		lh_table_free(a->servers);
	scope_clear(&a->all);
	policy_list_free(&a->backends);
	policy_list_free(&a->tools);
	free(a);
	*audience = NULL;
}

struct audience *
audience_new(char *const *backends, char *const *tools)
{
	struct audience *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	a->all.audience = a;
	scope_clear(&a->all);
	a->backends = policy_list_copy(backends);
	a->tools = policy_list_copy(tools);
	if (a->backends != NULL && a->tools != NULL)
		return a;
	policy_list_free(&a->backends);
	policy_list_free(&a->tools);
	free(a);
	return NULL;
}

void
audience_choose(const struct catalogue *cat, struct audience *a,
    const size_t *order, size_t n)
{
	memset(a->sees, 0, sizeof(a->sees));
	a->count = 0;
	for (size_t i = 0; i < n; i++) {
		if (!policy_matches(a->backends, cat->backends[order[i]]->name))
			continue;
		a->order[a->count++] = order[i];
		a->sees[order[i]] = true;
	}
	scope_outdate_all(&a->all);
}

void
scopes_choose(const struct catalogue *cat)
{
	struct scope *scope, *next;

	TAILQ_FOREACH_SAFE (scope, &cat->cache->servers, of_servers, next)
		if (find_server(
			cat, scope->audience, scope->server, &scope->slot))
			scope_outdate_all(scope);
		else
			scope_forget(cat, scope);
}

void
scopes_outdate(const struct catalogue *cat, size_t slot, enum catalog_kind kind)
{
	struct scope *scope;

	for (size_t i = 0; i < cat->audience_count; i++)
		if (cat->audiences[i]->sees[slot])
			scope_outdate(&cat->audiences[i]->all, kind);
	TAILQ_FOREACH (scope, &cat->cache->servers, of_servers)
		if (scope->slot == slot)
			scope_outdate(scope, kind);
}

/* ---- lenses ----------------------------------------------------------- */

bool
catalogue_has_server(const struct catalogue *cat, size_t audience,
    const char *name, size_t *slot)
{
	return find_server(cat, catalogue_audience(cat, audience), name, slot);
}

bool
catalogue_sees(
    const struct catalogue *cat, const struct catalogue_lens *lens, size_t slot)
{
	const struct audience *a = catalogue_audience(cat, lens->audience);
	size_t only;

	if (lens->server == NULL)
		return a->sees[slot];
	return find_server(cat, a, lens->server, &only) && only == slot;
}

bool
catalogue_collides(
    const struct catalogue *cat, const struct catalogue_lens *lens)
{
	return lens->server == NULL &&
	    scope_collides(cat, catalogue_scope(cat, lens));
}
