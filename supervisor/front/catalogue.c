/*
 * catalogue.c: the items stay the backends' bytes.  A list is those bytes with
 * only the names changed, and changes when they do.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"

#include "catalogue.h"
#include "template.h"
#include "uri.h"
#include "view.h"

/* Steps that looking one URI up in all templates may take: some milliseconds.
 */
#define TEMPLATE_WORK_MAX ((size_t)4 << 20)

/* The longest decoded name that is looked up: a backend's name, a tool's. */
#define LOOKUP_MAX 1024U

struct kind_state {
	struct view view;
	bool stale;      /* the view is of offers that are gone */
	bool unrendered; /* the text may be of another view */
	struct catalogue_text *text;
};

struct catalogue {
	struct view_backend *backends;
	size_t n;
	/* Behind pointers, since a lookup brings what is stale up to date. */
	struct kind_state *kinds;
	struct buf *route; /* the name of the last route that had to be made */
};

static const char *const list_key[CATALOG_KINDS] = {
	[CATALOG_TOOLS] = "{\"tools\":[",
	[CATALOG_RESOURCES] = "{\"resources\":[",
	[CATALOG_TEMPLATES] = "{\"resourceTemplates\":[",
	[CATALOG_PROMPTS] = "{\"prompts\":[",
};

/* "name/" as it stands in a JSON string. */
static char *
make_slash(const char *name)
{
	struct buf b = { 0 };
	char *slash = NULL;

	if (json_add_string(&b, name, strlen(name)) == 0 &&
	    asprintf(&slash, "%.*s/", (int)(buf_len(&b) - 2),
		buf_data(&b) + 1) == -1)
		slash = NULL;
	buf_free(&b);
	return slash;
}

/* "name+" made of what a scheme may have; tail tells it from an equal one. */
static char *
make_plus(const char *name, const char *tail)
{
	char *plus, *c;

	/* A scheme begins with a letter. */
	const bool letter =
	    (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');

	if (asprintf(&plus, "%s%s%s+", letter ? "" : "x-", name, tail) == -1)
		return NULL;
	for (c = plus; c[1] != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
		else if (!(*c >= 'a' && *c <= 'z') &&
		    !(*c >= '0' && *c <= '9') && *c != '.')
			*c = '-';
	}
	return plus;
}

static bool
plus_is_taken(const struct catalogue *cat, size_t before, const char *plus)
{
	size_t i;

	for (i = 0; i < before; i++)
		if (strcmp(cat->backends[i].plus, plus) == 0)
			return true;
	return false;
}

static int
add_backend(struct catalogue *cat, size_t i, const char *name)
{
	struct view_backend *b = &cat->backends[i];
	char tail[NAMES_TAIL_LEN + 1];
	unsigned int attempt;

	b->name = strdup(name);
	b->slash = make_slash(name);
	b->plus = make_plus(name, "");
	for (attempt = 0; b->plus != NULL && plus_is_taken(cat, i, b->plus);
	     attempt++) {
		names_tail(name, "", attempt, tail);
		free(b->plus);
		b->plus = make_plus(name, tail);
	}
	if (b->name == NULL || b->slash == NULL || b->plus == NULL) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

struct catalogue *
catalogue_new(const char *const *names, size_t n)
{
	struct catalogue *cat;
	size_t i;

	if ((cat = calloc(1, sizeof(*cat))) == NULL)
		return NULL;
	cat->n = n;
	cat->backends = calloc(n + 1, sizeof(*cat->backends));
	cat->kinds = calloc(CATALOG_KINDS, sizeof(*cat->kinds));
	cat->route = calloc(1, sizeof(*cat->route));
	if (cat->backends == NULL || cat->kinds == NULL || cat->route == NULL)
		goto fail;
	for (i = 0; i < n; i++)
		if (add_backend(cat, i, names[i]) == -1)
			goto fail;
	for (i = 0; i < CATALOG_KINDS; i++)
		cat->kinds[i].stale = cat->kinds[i].unrendered = true;
	/* So that there is a list from the beginning. */
	(void)catalogue_render(cat);
	for (i = 0; i < CATALOG_KINDS; i++)
		if (cat->kinds[i].text == NULL)
			goto fail;
	return cat;
fail:
	catalogue_free(&cat);
	errno = ENOMEM;
	return NULL;
}

static void
free_backend(struct view_backend *b)
{
	size_t kind;

	for (kind = 0; kind < CATALOG_KINDS; kind++)
		offer_free(&b->offers[kind]);
	free(b->name);
	free(b->slash);
	free(b->plus);
}

void
catalogue_free(struct catalogue **cat)
{
	struct catalogue *c = *cat;
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; c->kinds != NULL && i < CATALOG_KINDS; i++) {
		view_free(&c->kinds[i].view);
		catalogue_text_release(c->kinds[i].text);
	}
	for (i = 0; c->backends != NULL && i < c->n; i++)
		free_backend(&c->backends[i]);
	if (c->route != NULL)
		buf_free(c->route);
	free(c->route);
	free(c->kinds);
	free(c->backends);
	free(c);
	*cat = NULL;
}

/* What was built from a kind's offers is out of date. */
static void
outdate(struct catalogue *cat, enum catalog_kind kind)
{
	cat->kinds[kind].stale = true;
	cat->kinds[kind].unrendered = true;
}

int
catalogue_set(struct catalogue *cat, size_t backend, enum catalog_kind kind,
    const char *json, size_t len, size_t *skipped)
{
	struct offer *old = &cat->backends[backend].offers[kind];
	struct offer offer;

	assert(backend < cat->n);
	if (old->json == NULL || old->len != len ||
	    memcmp(old->json, json, len) != 0) {
		if (offer_read(&offer, kind, json, len) == -1)
			return -1;
		offer_free(old);
		*old = offer;
		outdate(cat, kind);
	}
	*skipped = old->skipped;
	return 0;
}

void
catalogue_clear(struct catalogue *cat, size_t backend)
{
	size_t kind;

	assert(backend < cat->n);
	for (kind = 0; kind < CATALOG_KINDS; kind++) {
		if (cat->backends[backend].offers[kind].json == NULL)
			continue;
		offer_free(&cat->backends[backend].offers[kind]);
		outdate(cat, (enum catalog_kind)kind);
	}
}

/* The view of the offers as they are; empty when there is no memory for it. */
static const struct view *
current_view(const struct catalogue *cat, enum catalog_kind kind)
{
	struct kind_state *state = &cat->kinds[kind];

	if (state->stale) {
		view_free(&state->view);
		state->stale =
		    view_build(&state->view, kind, cat->backends, cat->n) == -1;
	}
	return &state->view;
}

size_t
catalogue_count(const struct catalogue *cat, enum catalog_kind kind)
{
	return current_view(cat, kind)->count;
}

/* ---- rendering -------------------------------------------------------- */

static char *
put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

/* The item with its name between prefix and tail. */
static char *
put_entry(char *at, const struct view_entry *e)
{
	const struct json_span text = e->item->text, key = e->item->key;
	const char *inner = key.at + 1;
	const char *close = key.at + key.len - 1;

	at = put(at, text.at, (size_t)(inner - text.at));
	at = put(at, e->prefix, strlen(e->prefix));
	at = put(at, inner, (size_t)(close - inner));
	at = put(at, e->tail, strlen(e->tail));
	return put(at, close, (size_t)(text.at + text.len - close));
}

static struct catalogue_text *
render(const struct view *view, enum catalog_kind kind)
{
	const struct view_entry *e, *end = view->entries + view->count;
	struct catalogue_text *text;
	size_t len = strlen(list_key[kind]) + 2;
	char *at;

	for (e = view->entries; e < end; e++)
		len +=
		    e->item->text.len + strlen(e->prefix) + strlen(e->tail) + 1;
	if ((text = malloc(sizeof(*text) + len)) == NULL)
		return NULL;
	at = put(text->data, list_key[kind], strlen(list_key[kind]));
	for (e = view->entries; e < end; e++) {
		if (e != view->entries)
			*at++ = ',';
		at = put_entry(at, e);
	}
	at = put(at, "]}", 2);
	text->references = 1;
	text->len = (size_t)(at - text->data);
	return text;
}

/* True when the list of the kind differs from what it was. */
static bool
render_kind(struct catalogue *cat, enum catalog_kind kind)
{
	struct kind_state *state = &cat->kinds[kind];
	struct catalogue_text *text, *old = state->text;
	const struct view *view = current_view(cat, kind);

	/* Without memory the old list stays, until the next try. */
	if (state->stale || (text = render(view, kind)) == NULL)
		return false;
	state->unrendered = false;
	if (old != NULL && old->len == text->len &&
	    memcmp(old->data, text->data, text->len) == 0) {
		catalogue_text_release(text);
		return false;
	}
	catalogue_text_release(old);
	state->text = text;
	return true;
}

unsigned int
catalogue_render(struct catalogue *cat)
{
	unsigned int changed = 0;
	unsigned int kind;

	for (kind = 0; kind < CATALOG_KINDS; kind++)
		if (cat->kinds[kind].unrendered &&
		    render_kind(cat, (enum catalog_kind)kind))
			changed |= 1U << kind;
	return changed;
}

struct catalogue_text *
catalogue_list(struct catalogue *cat, enum catalog_kind kind)
{
	struct catalogue_text *text = cat->kinds[kind].text;

	text->references++;
	return text;
}

void
catalogue_text_release(struct catalogue_text *text)
{
	if (text == NULL)
		return;
	assert(text->references > 0);
	if (--text->references == 0)
		free(text);
}

/* ---- finding ---------------------------------------------------------- */

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
	route->backend = e->backend;
	route->name = e->item->key;
	if (strcmp(text, e->item->name) == 0)
		route->name = (struct json_span){ NULL, 0 };
	return 0;
}

int
catalogue_find_name(const struct catalogue *cat, enum catalog_kind kind,
    struct json_span name, struct catalogue_route *route)
{
	const struct view *view = current_view(cat, kind);
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
find_by_template(const struct catalogue *cat, const char *uri,
    const char *normal, struct catalogue_route *route)
{
	const struct view *view = current_view(cat, CATALOG_TEMPLATES);
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
	route->backend = e->backend;
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
catalogue_find_uri(const struct catalogue *cat, struct json_span uri,
    struct catalogue_route *route)
{
	const struct view *resources = current_view(cat, CATALOG_RESOURCES);
	const struct view *templates = current_view(cat, CATALOG_TEMPLATES);
	const struct view_entry *e;
	char text[URI_MAX + 1], normal[URI_NORMAL_MAX];

	if (decode(uri, text, sizeof(text)) == -1)
		return -1;
	if ((e = view_find(resources->shown, text)) != NULL)
		return found(route, e, text);
	uri_normalise(text, normal);
	if ((e = view_find(resources->loose, normal)) != NULL)
		return found(route, e, text);
	if (find_by_template(cat, text, normal, route) == 0)
		return 0;
	if (view_only_scheme(resources, templates, text, &route->backend)) {
		route->name = (struct json_span){ NULL, 0 };
		return 0;
	}
	errno = ENOENT;
	return -1;
}

int
catalogue_find_template(const struct catalogue *cat, struct json_span uri,
    struct catalogue_route *route)
{
	const struct view *view = current_view(cat, CATALOG_TEMPLATES);
	const struct view_entry *e;
	char text[URI_MAX + 1];

	if (decode(uri, text, sizeof(text)) == -1)
		return -1;
	if ((e = view_find(view->shown, text)) != NULL)
		return found(route, e, text);
	/* A reference may be to a resource as well. */
	return catalogue_find_uri(cat, uri, route);
}
