/*
 * catalogue_render.c: lists as texts.  The items stay the backends' bytes, with
 * only the names changed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt.h"
#include "catalogue_parts.h"

/* Room for what ends a page. */
#define END_MAX 64U

static const struct {
	const char *begin;
	const char *key; /* of an item's name */
} words[CATALOG_KINDS] = {
	[CATALOG_TOOLS] = { "{\"tools\":[", "name" },
	[CATALOG_RESOURCES] = { "{\"resources\":[", "uri" },
	[CATALOG_TEMPLATES] = { "{\"resourceTemplates\":[", "uriTemplate" },
	[CATALOG_PROMPTS] = { "{\"prompts\":[", "name" },
};

/* ---- pages ------------------------------------------------------------ */

void
pages_release(struct pages **pages)
{
	struct pages *p = *pages;

	*pages = NULL;
	if (p == NULL || --p->references > 0)
		return;
	LIST_REMOVE(p, of_bucket);
	for (size_t i = 0; i < p->count; i++)
		catalogue_text_release(p->page[i].text);
	free(p);
}

/* Of one that is in no bucket yet. */
static void
pages_drop(struct pages *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->page[i].text);
	free(p);
}

/* True when the items are the same; what ends their pages is ours. */
static bool
are_equal(const struct pages *a, const struct pages *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->page[i].items != b->page[i].items)
			return false;
	for (size_t i = 0; i < a->count; i++)
		if (memcmp(a->page[i].text->data, b->page[i].text->data,
			a->page[i].items) != 0)
			return false;
	return true;
}

/* Write what ends the pages of a list of this version. */
static void
end_pages(struct pages *p, uint32_t version)
{
	for (size_t i = 0; i < p->count; i++) {
		struct catalogue_text *text = p->page[i].text;
		char *end = text->data + p->page[i].items;
		int n;

		n = i + 1 == p->count
		    ? snprintf(end, END_MAX, "]}")
		    : snprintf(end, END_MAX,
			  "],\"nextCursor\":\"" CATALOGUE_CURSOR "\"}", version,
			  i + 1);
		text->len = p->page[i].items + (size_t)n;
		text->version = version;
	}
}

/* Takes a list and gives the one that is equal, if somebody has it: it has the
 * same version then, and is held once. */
static struct pages *
share(struct catalogue *cat, struct pages *new)
{
	size_t sum = (size_t) new->kind * 61;
	struct pages *p;

	for (size_t i = 0; i < new->count; i++)
		sum += new->page[i].items;
	LIST_FOREACH (p, &cat->buckets[sum % CATALOGUE_BUCKETS], of_bucket) {
		if (!are_equal(p, new))
			continue;
		pages_drop(new);
		p->references++;
		return p;
	}
	LIST_INSERT_HEAD(
	    &cat->buckets[sum % CATALOGUE_BUCKETS], new, of_bucket);
	end_pages(new, ++cat->version);
	return new;
}

/* ---- writing ---------------------------------------------------------- */

struct writer {
	const struct catalogue *cat;
	struct scope *scope;
	enum catalog_kind kind;
	enum names_spelling spelling;
	struct adapt_rules rules;
	size_t work;      /* that is left for URIs */
	size_t slot;      /* of the backend whose item is being adapted */
	struct buf item;  /* that item */
	struct buf page;  /* the page that is being written */
	size_t count;     /* its items */
	struct pages *to; /* those that are finished */
};

static bool
writer_shown(void *arg, const char *uri, size_t len, struct buf *out)
{
	struct writer *w = arg;

	return scope_shown_uri(
	    w->cat, w->scope, w->slot, uri, len, out, &w->work);
}

static void
writer_init(struct writer *w, struct kind_state *state)
{
	w->work = CATALOGUE_SHOWN_WORK;
	w->rules.revision = mcp_revision_latest_legacy();
	w->rules.uris = state->view.ui && scope_collides(w->cat, w->scope);
	w->rules.shown = writer_shown;
	w->rules.arg = w;
	adapt_prepare(&w->rules);
}

/* Finish the page.  0, or -1 with ENOMEM. */
static int
finish_page(struct writer *w)
{
	const size_t len = buf_len(&w->page);
	const size_t count = w->to == NULL ? 0 : w->to->count;
	struct catalogue_text *text;
	struct pages *to;

	to = realloc(w->to, sizeof(*to) + (count + 1) * sizeof(*to->page));
	if (to == NULL)
		return -1;
	w->to = to;
	to->count = count;
	if ((text = calloc(1, sizeof(*text) + len + END_MAX)) == NULL)
		return -1;
	memcpy(text->data, buf_data(&w->page), len);
	text->references = 1;
	to->page[to->count].text = text;
	to->page[to->count++].items = len;
	buf_consume(&w->page, len);
	w->count = 0;
	return buf_add_text(&w->page, words[w->kind].begin);
}

/* The item as clients understand it, and its name in that.  -1 with ENOMEM. */
static int
adapt(struct writer *w, const struct view_entry *e, struct json_span *text,
    struct json_span *key)
{
	const unsigned int traits = e->item->traits;
	int ret;

	*text = e->item->text;
	*key = e->item->key;
	if ((traits & OFFER_UNCOMMON) == 0 &&
	    ((traits & OFFER_UI) == 0 || !w->rules.uris))
		return 0;
	w->slot = e->slot;
	buf_consume(&w->item, buf_len(&w->item));
	if ((ret = adapt_tool(&w->rules, *text, &w->item)) == 1) {
		text->at = buf_data(&w->item);
		text->len = buf_len(&w->item);
		*key = json_get(*text, words[w->kind].key);
	}
	/* One that would become too long is better than none. */
	return ret == -1 && errno == ENOMEM ? -1 : 0;
}

static char *
put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

/* How much longer than the backend's an item may be. */
static size_t
most_added(const struct view_entry *e)
{
	return strlen(e->prefix) + NAMES_TAIL_LEN + NAMES_SAFE_MAX + 2 +
	    sizeof(",\"title\":") + e->item->key.len;
}

/* Write the name as the list spells it, in its quotes. */
static char *
put_name(char *at, const struct writer *w, const struct view_entry *e,
    struct json_span key)
{
	if (w->spelling == NAMES_SLASH || e->safe == NULL) {
		at = put(at, "\"", 1);
		at = put(at, e->prefix, strlen(e->prefix));
		at = put(at, key.at + 1, key.len - 2);
		at = put(at, e->tail, strlen(e->tail));
		return put(at, "\"", 1);
	}
	at = put(at, "\"", 1);
	at = put(at, e->safe, strlen(e->safe));
	at = put(at, "\"", 1);
	/* People shall see what it is called. */
	if (e->renamed && (e->item->traits & OFFER_TITLED) == 0) {
		at = put(at, ",\"title\":", strlen(",\"title\":"));
		at = put(at, key.at, key.len);
	}
	return at;
}

static int
add_entry(struct writer *w, const struct view_entry *e)
{
	struct json_span text, key;
	size_t most;
	char *at, *start;

	if (adapt(w, e, &text, &key) == -1)
		return -1;
	most = text.len + most_added(e) + 1;
	if (w->count == CATALOGUE_PAGE_ITEMS_MAX ||
	    (w->count > 0 &&
		buf_len(&w->page) + most + END_MAX > CATALOGUE_PAGE_MAX)) {
		if (finish_page(w) == -1)
			return -1;
	}
	if ((start = at = buf_reserve(&w->page, most)) == NULL)
		return -1;
	if (w->count++ > 0)
		*at++ = ',';
	at = put(at, text.at, (size_t)(key.at - text.at));
	at = put_name(at, w, e, key);
	at = put(at, key.at + key.len,
	    text.len - key.len - (size_t)(key.at - text.at));
	buf_commit(&w->page, (size_t)(at - start));
	return 0;
}

static int
add_entries(struct writer *w, const struct view *view)
{
	if (buf_add_text(&w->page, words[w->kind].begin) == -1)
		return -1;
	for (size_t i = 0; i < view->count; i++) {
		const struct view_entry *e = &view->entries[i];

		/* What has no safe spelling cannot be had by it. */
		if (w->spelling == NAMES_SAFE && e->safe == NULL)
			continue;
		if (add_entry(w, e) == -1)
			return -1;
	}
	return finish_page(w);
}

struct pages *
pages_render(struct catalogue *cat, struct scope *scope, enum catalog_kind kind,
    enum names_spelling spelling)
{
	struct writer w = {
		.cat = cat, .scope = scope, .kind = kind, .spelling = spelling
	};
	struct kind_state *state = &scope->kinds[kind];
	int ret;

	if (state->stale && scope_build(cat, scope, kind) == -1)
		return NULL;
	writer_init(&w, state);
	ret = add_entries(&w, &state->view);
	buf_free(&w.item);
	buf_free(&w.page);
	if (ret == -1) {
		if (w.to != NULL)
			pages_drop(w.to);
		errno = ENOMEM;
		return NULL;
	}
	w.to->references = 1;
	w.to->kind = kind;
	return share(cat, w.to);
}
