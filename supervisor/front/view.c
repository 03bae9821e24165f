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

/* In the table of schemes: more than one backend uses it. */
#define SEVERAL_BACKENDS UINTPTR_MAX

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

/* Insert a URI or template: as it is, or behind "server+". */
static int
show_uri(struct view *v, struct view_entry *e, const struct view_backend *b)
{
	char *text;

	e->prefix = "";
	text = strdup(e->item->name);
	if (text != NULL && view_find(v->shown, text) != NULL) {
		free(text);
		e->prefix = b->plus;
		text = join(b->plus, e->item->name, "", "");
	}
	if (text != NULL && view_find(v->shown, text) != NULL) {
		free(text);
		return 0;
	}
	return insert(v->shown, text, e) == -1 ? -1 : 1;
}

static int
add_safe(struct view *v, struct view_entry *e, const struct view_backend *b)
{
	char safe[NAMES_SAFE_MAX + 1];
	unsigned int attempt;

	for (attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		names_safe(b->name, e->item->name, attempt, safe);
		if (view_find(v->shown, safe) == NULL)
			return insert(v->shown, strdup(safe), e);
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
	return insert(v->loose, strdup(e->item->name), e);
}

/* What a URL library makes of the URI that is shown; the first one has it. */
static int
add_normal(struct view *v, struct view_entry *e)
{
	char normal[URI_NORMAL_MAX];
	char *text;

	uri_normalise(e->item->name, normal);
	if ((text = join(e->prefix, normal, "", "")) == NULL)
		return -1;
	if (view_find(v->loose, text) != NULL) {
		free(text);
		return 0;
	}
	return insert(v->loose, text, e);
}

static int
add_scheme(struct view *v, const struct view_entry *e)
{
	char scheme[URI_SCHEME_MAX + 1];
	const uintptr_t self = e->slot + 1;
	struct lh_entry *found;

	if (uri_scheme(e->item->name, scheme) == 0)
		return 0;
	found = lh_table_lookup_entry(v->schemes, scheme);
	if (found == NULL)
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): a number */
		return insert(v->schemes, strdup(scheme), (void *)self);
	if ((uintptr_t)found->v != self)
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): a number */
		found->v = (void *)SEVERAL_BACKENDS;
	return 0;
}

/* Spellings that may be had only when every item is shown. */
static int
add_others(
    struct view *v, enum catalog_kind kind, const struct view_source *source)
{
	struct view_entry *e;
	int ret = 0;

	for (e = v->entries; e < v->entries + v->count && ret == 0; e++) {
		switch (kind) {
		case CATALOG_TOOLS:
		case CATALOG_PROMPTS:
			ret = add_safe(v, e, source->backends[e->slot]);
			if (ret == 0)
				ret = add_bare(v, e);
			break;
		case CATALOG_RESOURCES:
			ret = add_normal(v, e);
			if (ret == 0)
				ret = add_scheme(v, e);
			break;
		case CATALOG_TEMPLATES:
			ret = add_scheme(v, e);
			break;
		}
	}
	return ret;
}

static int
allocate(struct view *v, size_t items)
{
	/* Two spellings an item, and a table that is not more than half full
	 * never grows. */
	const int size = (int)(4 * items + 16);

	v->entries = calloc(items + 1, sizeof(*v->entries));
	v->shown = lh_kchar_table_new(size, free_key);
	v->loose = lh_kchar_table_new(size, free_key);
	v->schemes = lh_kchar_table_new(16, free_key);
	if (v->entries == NULL || v->shown == NULL || v->loose == NULL ||
	    v->schemes == NULL) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
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

static int
show_all(struct view *v, enum catalog_kind kind,
    const struct view_source *source, size_t slot)
{
	const bool named = kind == CATALOG_TOOLS || kind == CATALOG_PROMPTS;
	const struct view_backend *b = source->backends[slot];
	const struct offer *offer = &b->offers[kind];
	struct view_entry *e;
	size_t i;
	int shown = 1;

	for (i = 0; i < offer->count; i++) {
		e = &v->entries[v->count];
		*e = (struct view_entry){ .slot = slot,
			.item = &offer->items[i] };
		if (kind == CATALOG_TOOLS)
			shown = is_let_through(source, b, e->item->name);
		if (kind != CATALOG_TOOLS || shown == 1)
			shown = named ? show_name(v, e, b) : show_uri(v, e, b);
		if (shown == -1)
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
	if (allocate(view, items) == -1)
		goto fail;
	for (i = 0; i < source->count; i++)
		if (show_all(view, kind, source, source->order[i]) == -1)
			goto fail;
	if (add_others(view, kind, source) == -1)
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

bool
view_only_scheme(const struct view *resources, const struct view *templates,
    const char *uri, size_t *slot)
{
	char scheme[URI_SCHEME_MAX + 1];
	uintptr_t a, b;

	if (uri_scheme(uri, scheme) == 0)
		return false;
	a = scheme_owner(resources, scheme);
	b = scheme_owner(templates, scheme);
	if (a == 0)
		a = b;
	if (a == 0 || a == SEVERAL_BACKENDS || (b != 0 && b != a))
		return false;
	*slot = a - 1;
	return true;
}
