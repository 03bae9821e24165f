/* catalogue_uri.c: whose a URI is, and how clients may be told of it. */
#include <errno.h>
#include <string.h>

#include "catalogue_parts.h"
#include "template.h"
#include "uri.h"

/* Steps that looking one URI up in all templates may take: some milliseconds.
 */
#define TEMPLATE_WORK_MAX ((size_t)4 << 20)

/*
 * The same for a URI that a client is told of: some microseconds, since one
 * message may have very many.  One that needs more is shown behind "server+",
 * which is never wrong.
 */
#define SHOWN_WORK_MAX ((size_t)4 << 10)
/* Steps that a URI takes for all but the templates. */
#define SHOWN_WORK_MIN ((size_t)64)

/* The longest URI that clients are told of. */
#define SHOWN_URI_MAX (URI_HEAD_MAX + URI_MAX)

/* Room for a normal spelling behind "server+". */
#define PLUS_NORMAL_MAX (URI_HEAD_MAX + URI_NORMAL_MAX)

static const struct json_span unchanged = { NULL, 0 };

/* The entry whose template matches with the most literal characters.  Those
 * that are shown behind "server+" are found by that. */
static const struct view_entry *
best_template(const struct view *view, const char *uri, size_t *work)
{
	const struct view_entry *e, *best = NULL;
	ssize_t literals, most = -1;
	size_t i;

	for (i = 0; i < view->count; i++) {
		e = &view->entries[i];
		if (*work == 0)
			break;
		if (e->prefix[0] != '\0')
			continue;
		literals = template_match(e->item->name, uri, work);
		if (literals <= most)
			continue;
		most = literals;
		best = e;
	}
	return best;
}

/* As it was written, then as a URL library would. */
static const struct view_entry *
find_by_template(const struct view *templates, const char *uri,
    const char *normal, size_t *work)
{
	const struct view_entry *e = best_template(templates, uri, work);

	if (e == NULL && strcmp(uri, normal) != 0)
		e = best_template(templates, normal, work);
	return e;
}

/* A resource of the backend in this slot, by its own URI. */
static const struct view_entry *
find_own(const struct catalogue *cat, const struct view *resources, size_t slot,
    const char *uri)
{
	const char *plus = cat->backends[slot]->plus;
	const size_t len = strlen(plus);
	char normal[PLUS_NORMAL_MAX];
	const struct view_entry *e;

	e = view_find(resources->shown, uri);
	if (e != NULL && e->slot == slot && e->prefix[0] == '\0')
		return e;
	memcpy(normal, plus, len);
	uri_normalise(uri, normal + len);
	if ((e = view_find(resources->loose, normal)) != NULL)
		return e;
	e = view_find(resources->loose, normal + len);
	return e != NULL && e->slot == slot && e->prefix[0] == '\0' ? e : NULL;
}

/* The route to what a backend itself calls uri; text is what was asked for.
 * 0, or -1 with errno ENOMEM. */
static int
route_to(const struct catalogue *cat, struct catalogue_route *route,
    size_t slot, const char *uri, const char *text)
{
	struct buf *made = &cat->cache->route;

	route->slot = slot;
	route->name = unchanged;
	if (uri == text)
		return 0;
	buf_consume(made, buf_len(made));
	if (json_add_string(made, uri, strlen(uri)) == -1)
		return -1;
	route->name.at = buf_data(made);
	route->name.len = buf_len(made);
	return 0;
}

/* The URI was "server+" and then this. */
static int
find_behind_plus(const struct catalogue *cat, const struct view *resources,
    size_t slot, const char *uri, struct catalogue_route *route)
{
	const struct view_entry *e = find_own(cat, resources, slot, uri);

	if (e == NULL)
		return route_to(cat, route, slot, uri, NULL);
	route->slot = slot;
	route->name = e->item->key;
	return 0;
}

/* Of one server: whatever is not known to be another spelling of its URIs is
 * its own. */
static int
find_in_server(const struct catalogue *cat, struct scope *scope,
    const char *text, struct catalogue_route *route)
{
	const struct view *resources =
	    scope_view(cat, scope, CATALOG_RESOURCES);
	const struct view *templates =
	    scope_view(cat, scope, CATALOG_TEMPLATES);
	size_t slot, len;

	if (view_scheme(resources, text) != 0 ||
	    view_scheme(templates, text) != 0)
		return route_to(cat, route, scope->slot, text, text);
	len = view_plus(cat->pluses, scope->audience->sees, text, &slot);
	if (len == 0 || slot != scope->slot)
		return route_to(cat, route, scope->slot, text, text);
	return find_behind_plus(cat, resources, slot, text + len, route);
}

/* What is not listed, by template or scheme. */
static int
find_unlisted(const struct catalogue *cat, struct scope *scope,
    const char *text, const char *normal, struct catalogue_route *route)
{
	const struct view *resources =
	    scope_view(cat, scope, CATALOG_RESOURCES);
	const struct view *templates =
	    scope_view(cat, scope, CATALOG_TEMPLATES);
	const struct view_entry *e;
	size_t work = TEMPLATE_WORK_MAX;
	size_t slot;

	if ((e = find_by_template(templates, text, normal, &work)) != NULL)
		return route_to(cat, route, e->slot, text, text);
	if (view_only_scheme(resources, templates, text, &slot))
		return route_to(cat, route, slot, text, text);
	errno = ENOENT;
	return -1;
}

/* A URI that is not listed as it is written here. */
static int
find_otherwise(const struct catalogue *cat, struct scope *scope,
    const char *text, struct catalogue_route *route)
{
	const struct view *resources =
	    scope_view(cat, scope, CATALOG_RESOURCES);
	const struct view_entry *e;
	char normal[URI_NORMAL_MAX];
	size_t slot, len = 0;

	if (scope->server == NULL)
		len =
		    view_plus(cat->pluses, scope->audience->sees, text, &slot);
	if (strlen(text) - len > URI_MAX) {
		errno = ENOENT;
		return -1;
	}
	if (len > 0)
		return find_behind_plus(
		    cat, resources, slot, text + len, route);
	uri_normalise(text, normal);
	if ((e = view_find(resources->loose, normal)) != NULL) {
		catalogue_found(route, e, text);
		return 0;
	}
	return scope->server != NULL
	    ? find_in_server(cat, scope, text, route)
	    : find_unlisted(cat, scope, text, normal, route);
}

int
catalogue_find_uri(const struct catalogue *cat,
    const struct catalogue_lens *lens, struct json_span uri,
    struct catalogue_route *route)
{
	struct scope *scope = catalogue_scope(cat, lens);
	const struct view *resources =
	    scope_view(cat, scope, CATALOG_RESOURCES);
	const struct view_entry *e;
	char text[SHOWN_URI_MAX + 1];

	if (catalogue_decode(uri, text, sizeof(text)) == -1)
		return -1;
	if ((e = view_find(resources->shown, text)) == NULL)
		return find_otherwise(cat, scope, text, route);
	catalogue_found(route, e, text);
	return 0;
}

int
catalogue_find_template(const struct catalogue *cat,
    const struct catalogue_lens *lens, struct json_span uri,
    struct catalogue_route *route)
{
	struct scope *scope = catalogue_scope(cat, lens);
	const struct view *view = scope_view(cat, scope, CATALOG_TEMPLATES);
	const struct view_entry *e;
	char text[SHOWN_URI_MAX + 1];

	if (catalogue_decode(uri, text, sizeof(text)) == -1)
		return -1;
	if ((e = view_find(view->shown, text)) != NULL) {
		catalogue_found(route, e, text);
		return 0;
	}
	/* A reference may be to a resource as well. */
	return catalogue_find_uri(cat, lens, uri, route);
}

/* True when a client that reads this back reaches this backend and URI, and
 * that can be told with so much work, of which is left what was not done. */
static bool
is_read_back(const struct catalogue *cat, struct scope *scope, size_t slot,
    const char *uri, size_t *work)
{
	const struct view *resources =
	    scope_view(cat, scope, CATALOG_RESOURCES);
	const struct view *templates =
	    scope_view(cat, scope, CATALOG_TEMPLATES);
	char normal[URI_NORMAL_MAX], scheme[URI_SCHEME_MAX + 1];
	const struct view_entry *e;
	size_t other;

	if ((e = view_find(resources->shown, uri)) != NULL)
		return e->slot == slot && e->prefix[0] == '\0';
	if (view_plus(cat->pluses, scope->audience->sees, uri, &other) > 0)
		return false;
	uri_normalise(uri, normal);
	if ((e = view_find(resources->loose, normal)) != NULL)
		return e->slot == slot;
	/* Clients read these themselves. */
	if (uri_scheme(uri, scheme) > 0 && uri_scheme_is_web(scheme))
		return true;
	e = find_by_template(templates, uri, normal, work);
	if (*work == 0 || e != NULL)
		return *work > 0 && e->slot == slot;
	return view_only_scheme(resources, templates, uri, &other) &&
	    other == slot;
}

/* The same with what all URIs of the message have left. */
static bool
is_right(const struct catalogue *cat, struct scope *scope, size_t slot,
    const char *uri, size_t *work)
{
	size_t most = *work < SHOWN_WORK_MAX ? *work : SHOWN_WORK_MAX;
	size_t left = most, spent;
	bool right;

	if (most == 0)
		return false;
	right = is_read_back(cat, scope, slot, uri, &left);
	spent = most - left + SHOWN_WORK_MIN;
	*work = *work > spent ? *work - spent : 0;
	return right;
}

bool
scope_shown_uri(const struct catalogue *cat, struct scope *scope, size_t slot,
    const char *uri, size_t len, struct buf *out, size_t *work)
{
	const char *plus;
	char text[URI_MAX + 1];

	if (scope->server != NULL || slot >= CATALOGUE_SLOTS ||
	    !scope->audience->sees[slot] || len == 0 || len > URI_MAX ||
	    memchr(uri, '\0', len) != NULL)
		return false;
	memcpy(text, uri, len);
	text[len] = '\0';
	if (is_right(cat, scope, slot, text, work))
		return false;
	plus = cat->backends[slot]->plus;
	return buf_add(out, plus, strlen(plus)) == 0 &&
	    buf_add(out, text, len) == 0;
}

bool
catalogue_shown_uri(const struct catalogue *cat,
    const struct catalogue_lens *lens, size_t slot, const char *uri, size_t len,
    struct buf *out, size_t *work)
{
	return scope_shown_uri(
	    cat, catalogue_scope(cat, lens), slot, uri, len, out, work);
}
