/* catalogue_find.c: whose a name or a URI is. */
#include <errno.h>
#include <string.h>

#include "catalogue_parts.h"
#include "template.h"
#include "uri.h"

/* Steps that looking one URI up in all templates may take: some milliseconds.
 */
#define TEMPLATE_WORK_MAX ((size_t)4 << 20)

/* The longest decoded name that is looked up: a backend's name, a tool's. */
#define LOOKUP_MAX 1024U

/* Decode a JSON string without NUL bytes; 0, or -1 with errno ENOENT. */
static int
decode(struct json_span string, char *text, size_t size)
{
	ssize_t n = json_string_decode(string, text, size);

	if (n == -1 || strlen(text) != (size_t)n) {
		errno = ENOENT;
		return -1;
	}
	return 0;
}

/* The route to an entry that was asked for as text. */
static int
found(
    struct catalogue_route *route, const struct view_entry *e, const char *text)
{
	route->slot = e->slot;
	route->name = e->item->key;
	if (strcmp(text, e->item->name) == 0)
		route->name = (struct json_span){ NULL, 0 };
	return 0;
}

int
catalogue_find_name(const struct catalogue *cat,
    const struct catalogue_lens *lens, enum catalog_kind kind,
    struct json_span name, struct catalogue_route *route)
{
	const struct view *view = catalogue_view(cat, lens->audience, kind);
	const struct view_entry *e;
	char text[LOOKUP_MAX];

	if (decode(name, text, sizeof(text)) == -1)
		return -1;
	if ((e = view_find(view->shown, text)) == NULL)
		e = view_find(view->loose, text);
	if (e == NULL || e == &view_several) {
		errno = e == NULL ? ENOENT : ENOTUNIQ;
		return -1;
	}
	return found(route, e, text);
}

/* The entry whose template matches with the most literal characters; *rest is
 * the URI that its backend knows. */
static const struct view_entry *
best_template(
    const struct view *view, const char *uri, size_t *work, const char **rest)
{
	const struct view_entry *e, *best = NULL;
	ssize_t literals, most = -1;
	size_t prefix;

	for (e = view->entries; e < view->entries + view->count; e++) {
		prefix = strlen(e->prefix);
		if (strncmp(uri, e->prefix, prefix) != 0)
			continue;
		literals = template_match(e->item->name, uri + prefix, work);
		if (literals == -1 || literals + (ssize_t)prefix <= most)
			continue;
		most = literals + (ssize_t)prefix;
		best = e;
		*rest = uri + prefix;
	}
	return best;
}

/* Route by template: as it was written, then as a URL library would. */
static int
find_by_template(const struct catalogue *cat, const struct catalogue_lens *lens,
    const char *uri, const char *normal, struct catalogue_route *route)
{
	const struct view *view =
	    catalogue_view(cat, lens->audience, CATALOG_TEMPLATES);
	const struct view_entry *e;
	const char *rest = NULL;
	size_t work = TEMPLATE_WORK_MAX;

	e = best_template(view, uri, &work, &rest);
	if (e == NULL && strcmp(uri, normal) != 0)
		e = best_template(view, normal, &work, &rest);
	if (e == NULL) {
		errno = ENOENT;
		return -1;
	}
	route->slot = e->slot;
	route->name = (struct json_span){ NULL, 0 };
	if (e->prefix[0] == '\0')
		return 0;
	buf_consume(cat->route, buf_len(cat->route));
	if (json_add_string(cat->route, rest, strlen(rest)) == -1)
		return -1;
	route->name.at = buf_data(cat->route);
	route->name.len = buf_len(cat->route);
	return 0;
}

int
catalogue_find_uri(const struct catalogue *cat,
    const struct catalogue_lens *lens, struct json_span uri,
    struct catalogue_route *route)
{
	const struct view *resources =
	    catalogue_view(cat, lens->audience, CATALOG_RESOURCES);
	const struct view *templates =
	    catalogue_view(cat, lens->audience, CATALOG_TEMPLATES);
	const struct view_entry *e;
	char text[URI_MAX + 1], normal[URI_NORMAL_MAX];

	if (decode(uri, text, sizeof(text)) == -1)
		return -1;
	if ((e = view_find(resources->shown, text)) != NULL)
		return found(route, e, text);
	uri_normalise(text, normal);
	if ((e = view_find(resources->loose, normal)) != NULL)
		return found(route, e, text);
	if (find_by_template(cat, lens, text, normal, route) == 0)
		return 0;
	if (view_only_scheme(resources, templates, text, &route->slot)) {
		route->name = (struct json_span){ NULL, 0 };
		return 0;
	}
	errno = ENOENT;
	return -1;
}

int
catalogue_find_template(const struct catalogue *cat,
    const struct catalogue_lens *lens, struct json_span uri,
    struct catalogue_route *route)
{
	const struct view *view =
	    catalogue_view(cat, lens->audience, CATALOG_TEMPLATES);
	const struct view_entry *e;
	char text[URI_MAX + 1];

	if (decode(uri, text, sizeof(text)) == -1)
		return -1;
	if ((e = view_find(view->shown, text)) != NULL)
		return found(route, e, text);
	/* A reference may be to a resource as well. */
	return catalogue_find_uri(cat, lens, uri, route);
}
