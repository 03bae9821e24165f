/* catalogue_find.c: whose a name is. */
#include <errno.h>
#include <string.h>

#include "catalogue_parts.h"

/* The longest decoded name that is looked up: a backend's name, a tool's. */
#define LOOKUP_MAX 1024U

int
catalogue_decode(struct json_span string, char *text, size_t size)
{
	ssize_t n = json_string_decode(string, text, size);

	if (n == -1 || strlen(text) != (size_t)n) {
		errno = ENOENT;
		return -1;
	}
	return 0;
}

void
catalogue_found(
    struct catalogue_route *route, const struct view_entry *e, const char *text)
{
	route->slot = e->slot;
	route->name = e->item->key;
	if (strcmp(text, e->item->name) == 0)
		route->name = (struct json_span){ NULL, 0 };
}

/* What is no name of the server itself may be what the lists of all servers
 * call one of its items. */
static const struct view_entry *
find_among_all(const struct catalogue *cat, const struct scope *scope,
    enum catalog_kind kind, const char *text)
{
	const struct view *view = scope_view(cat, &scope->audience->all, kind);
	const struct view_entry *e = view_find(view->shown, text);

	return e != NULL && e->slot == scope->slot ? e : NULL;
}

int
catalogue_find_name(const struct catalogue *cat,
    const struct catalogue_lens *lens, enum catalog_kind kind,
    struct json_span name, struct catalogue_route *route)
{
	struct scope *scope = catalogue_scope(cat, lens);
	const struct view *view = scope_view(cat, scope, kind);
	const struct view_entry *e;
	char text[LOOKUP_MAX];

	if (catalogue_decode(name, text, sizeof(text)) == -1)
		return -1;
	if ((e = view_find(view->shown, text)) == NULL)
		e = scope->server == NULL
		    ? view_find(view->loose, text)
		    : find_among_all(cat, scope, kind, text);
	if (e == NULL || e == &view_several) {
		errno = e == NULL ? ENOENT : ENOTUNIQ;
		return -1;
	}
	catalogue_found(route, e, text);
	return 0;
}
