#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "uri.h"
#include "view.h"

/* A spelling that is still taken after so many hashes was made to be. */
#define ATTEMPTS_MAX 8U

const struct view_entry view_several;

static void
free_key(struct lh_entry *entry)
{
	free(lh_entry_k(entry));
}

const struct view_entry *
view_find(struct lh_table *table, const char *text)
{
	void *found;

	if (table == NULL || !lh_table_lookup_ex(table, text, &found))
		return NULL;
	return found;
}

/* Takes text, which may be NULL for want of memory, also when it fails. */
static int
insert(struct lh_table *table, char *text, const void *value)
{
	if (text == NULL || lh_table_insert(table, text, value) == -1) {
		free(text);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static char *
join(const char *a, const char *b, const char *c, const char *d)
{
	char *text;

	return asprintf(&text, "%s%s%s%s", a, b, c, d) == -1 ? NULL : text;
}

/*
 * Insert "server/tool"; where another server and tool already make the same
 * text, the later one gets a tail.  1, 0 when it cannot be shown, -1 on ENOMEM.
 */
static int
show_name(struct view *v, struct view_entry *e, const struct view_backend *b)
{
	unsigned int attempt;
	char *text;

	for (attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		if (attempt > 0)
			names_tail(
			    b->name, e->item->name, attempt - 1, e->tail);
		text = join(b->name, "/", e->item->name, e->tail);
		if (text == NULL || view_find(v->shown, text) == NULL) {
			e->prefix = b->slash;
			return insert(v->shown, text, e) == -1 ? -1 : 1;
		}
		free(text);
	}
	return 0;
}

size_t
view_plus(
    struct lh_table *pluses, const bool *sees, const char *uri, size_t *slot)
{
	char head[URI_HEAD_MAX + 1];
	const size_t len = uri_head(uri, head);
	void *found;

	if (len == 0 || !lh_table_lookup_ex(pluses, head, &found) ||
	    !sees[(uintptr_t)found - 1])
		return 0;
	*slot = (uintptr_t)found - 1;
	return len;
}

/* True when a client that reads the URI of a backend back as it is would reach
 * another one, or the same with another URI. */
static bool
is_misread(const struct view *v, enum catalog_kind kind,
    const struct view_source *source, const struct view_entry *e,
    const char *normal)
{
	const struct view_entry *other;
	size_t slot;

	if (view_find(v->shown, e->item->name) != NULL ||
	    view_plus(source->pluses, source->sees, e->item->name, &slot) > 0)
		return true;
	if (kind != CATALOG_RESOURCES)
		return false;
	other = view_find(v->loose, normal);
	return other != NULL && other->slot != e->slot;
}

/* Insert what a URL library makes of the URI that is shown; of several of one
 * backend the first one has it. */
static int
add_normal(struct view *v, struct view_entry *e, const char *normal)
{
	char *text;

	if ((text = join(e->prefix, normal, "", "")) == NULL)
		return -1;
	if (view_find(v->loose, text) != NULL) {
		free(text);
		return 0;
	}
	return insert(v->loose, text, e);
}

/* Insert a URI or template: as it is, or behind "server+". */
static int
show_uri(struct view *v, enum catalog_kind kind,
    const struct view_source *source, struct view_entry *e)
{
	char normal[URI_NORMAL_MAX];
	char *text;

	uri_normalise(e->item->name, normal);
	e->prefix = "";
	if (!source->own && is_misread(v, kind, source, e, normal)) {
		e->prefix = source->backends[e->slot]->plus;
		v->collides = true;
	}
	text = join(e->prefix, e->item->name, "", "");
	if (text != NULL && view_find(v->shown, text) != NULL) {
		free(text);
		return 0;
	}
	if (insert(v->shown, text, e) == -1 ||
	    (kind == CATALOG_RESOURCES && add_normal(v, e, normal) == -1))
		return -1;
	return 1;
}

/* One that cannot have a safe spelling is in no list of these. */
static int
add_safe(struct view *v, struct view_entry *e, const struct view_backend *b)
{
	char safe[NAMES_SAFE_MAX + 1];
	unsigned int attempt;
	char *text;

	for (attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		e->renamed = !names_safe(b->name, e->item->name, attempt, safe);
		if (view_find(v->shown, safe) != NULL)
			continue;
		text = strdup(safe);
		if (insert(v->shown, text, e) == -1)
			return -1;
		e->safe = text;
		break;
	}
	return 0;
}

/* Within one backend names are unique: the same name again is another's. */
static int
add_bare(struct view *v, struct view_entry *e)
{
	struct lh_entry *found;

	found = lh_table_lookup_entry(v->loose, e->item->name);
	if (found != NULL) {
		found->v = &view_several;
		return 0;
	}
	if (lh_table_insert(v->loose, e->item->name, e) == -1) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static int
add_scheme(struct view *v, const struct view_entry *e)
{
	char scheme[URI_SCHEME_MAX + 1];
	const uintptr_t self = e->slot + 1;
	struct lh_entry *found;

	if (uri_scheme(e->item->name, scheme) == 0) {
		v->anything = true;
		return 0;
	}
	found = lh_table_lookup_entry(v->schemes, scheme);
	if (found == NULL)
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): a number */
		return insert(v->schemes, strdup(scheme), (void *)self);
	if ((uintptr_t)found->v == self)
		return 0;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): a number */
	found->v = (void *)VIEW_SEVERAL;
	v->collides = v->collides || !uri_scheme_is_web(scheme);
	return 0;
}

/* Spellings that may be had only when every item is shown. */
static int
add_others(struct view *v, const struct view_source *source)
{
	struct view_entry *e;

	for (e = v->entries; e < v->entries + v->count; e++)
		if (add_safe(v, e, source->backends[e->slot]) == -1 ||
		    add_bare(v, e) == -1)
			return -1;
	return 0;
}

static bool
is_named(enum catalog_kind kind)
{
	return kind == CATALOG_TOOLS || kind == CATALOG_PROMPTS;
}

/* A table that is not more than half full never grows. */
static int
allocate(struct view *v, enum catalog_kind kind, bool own, size_t items)
{
	const int size = (int)(2 * items + 16);
	const bool named = is_named(kind);

	v->entries = calloc(items, sizeof(*v->entries));
	/* Names that clients and the backend share are the offer's text. */
	v->shown = lh_kchar_table_new(
	    named && !own ? 2 * size : size, named && own ? NULL : free_key);
	if (v->entries == NULL || v->shown == NULL)
		return -1;
	if ((named && !own) || kind == CATALOG_RESOURCES) {
		v->loose = lh_kchar_table_new(size, named ? NULL : free_key);
		if (v->loose == NULL)
			return -1;
	}
	if (named)
		return 0;
	v->schemes = lh_kchar_table_new(16, free_key);
	return v->schemes == NULL ? -1 : 0;
}

/* Insert the name that the backend has itself. */
static int
show_own(struct view *v, struct view_entry *e)
{
	e->prefix = "";
	return lh_table_insert(v->shown, e->item->name, e) == -1 ? -1 : 1;
}

/* Tools that the rules keep back are like none.  1, 0, or -1 on ENOMEM. */
static int
is_let_through(const struct view_source *source, const struct view_backend *b,
    const char *tool)
{
	char *whole;
	int ret;

	if (!policy_matches(b->allow, tool) ||
	    (b->deny[0] != NULL && policy_matches(b->deny, tool)))
		return 0;
	if (source->tools[0] == NULL)
		return 1;
	if ((whole = join(b->name, "/", tool, "")) == NULL)
		return -1;
	ret = policy_matches(source->tools, whole) ? 1 : 0;
	free(whole);
	return ret;
}

/* 1 when clients see the item, 0 when not, -1 on ENOMEM. */
static int
show(struct view *v, enum catalog_kind kind, const struct view_source *source,
    struct view_entry *e)
{
	const struct view_backend *b = source->backends[e->slot];
	int shown = 1;

	if (kind == CATALOG_TOOLS)
		shown = is_let_through(source, b, e->item->name);
	if (shown != 1)
		return shown;
	if (is_named(kind))
		shown = source->own ? show_own(v, e) : show_name(v, e, b);
	else if ((shown = show_uri(v, kind, source, e)) == 1 &&
	    add_scheme(v, e) == -1)
		shown = -1;
	if (shown == 1 && (e->item->traits & OFFER_UI) != 0)
		v->ui = true;
	return shown;
}

static int
show_all(struct view *v, enum catalog_kind kind,
    const struct view_source *source, size_t slot)
{
	const struct offer *offer = &source->backends[slot]->offers[kind];
	struct view_entry *e;
	int shown;

	for (size_t i = 0; i < offer->count; i++) {
		e = &v->entries[v->count];
		*e = (struct view_entry){ .slot = slot,
			.item = &offer->items[i] };
		if ((shown = show(v, kind, source, e)) == -1)
			return -1;
		v->count += (size_t)shown;
	}
	return 0;
}

int
view_build(
    struct view *view, enum catalog_kind kind, const struct view_source *source)
{
	size_t i, items = 0;

	*view = (struct view){ 0 };
	for (i = 0; i < source->count; i++)
		items += source->backends[source->order[i]]->offers[kind].count;
	if (items == 0)
		return 0;
	if (allocate(view, kind, source->own, items) == -1)
		goto fail;
	for (i = 0; i < source->count; i++)
		if (show_all(view, kind, source, source->order[i]) == -1)
			goto fail;
	if (is_named(kind) && !source->own && add_others(view, source) == -1)
		goto fail;
	return 0;
fail:
	view_free(view);
	errno = ENOMEM;
	return -1;
}

void
view_free(struct view *view)
{
	free(view->entries);
	if (view->shown != NULL)
		lh_table_free(view->shown);
	if (view->loose != NULL)
		lh_table_free(view->loose);
	if (view->schemes != NULL)
		lh_table_free(view->schemes);
	*view = (struct view){ 0 };
}

static uintptr_t
scheme_owner(const struct view *view, const char *scheme)
{
	void *found;

	if (view->schemes == NULL ||
	    !lh_table_lookup_ex(view->schemes, scheme, &found))
		return 0;
	return (uintptr_t)found;
}

uintptr_t
view_scheme(const struct view *view, const char *uri)
{
	char scheme[URI_SCHEME_MAX + 1];

	if (uri_scheme(uri, scheme) == 0)
		return 0;
	return scheme_owner(view, scheme);
}

bool
view_schemes_collide(const struct view *resources, const struct view *templates)
{
	struct lh_entry *entry;
	uintptr_t other;

	if (resources->schemes == NULL)
		return false;
	lh_foreach(resources->schemes, entry)
	{
		other = scheme_owner(templates, lh_entry_k(entry));
		if (other != 0 && other != (uintptr_t)entry->v &&
		    !uri_scheme_is_web(lh_entry_k(entry)))
			return true;
	}
	return false;
}

bool
view_only_scheme(const struct view *resources, const struct view *templates,
    const char *uri, size_t *slot)
{
	uintptr_t a = view_scheme(resources, uri);
	uintptr_t b = view_scheme(templates, uri);

	if (a == 0)
		a = b;
	if (a == 0 || a == VIEW_SEVERAL || (b != 0 && b != a))
		return false;
	*slot = a - 1;
	return true;
}
