/* catalogue_list.c: the lists as texts, rendered once for all who see the same.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_parts.h"

static const char *const list_key[CATALOG_KINDS] = {
	[CATALOG_TOOLS] = "{\"tools\":[",
	[CATALOG_RESOURCES] = "{\"resources\":[",
	[CATALOG_TEMPLATES] = "{\"resourceTemplates\":[",
	[CATALOG_PROMPTS] = "{\"prompts\":[",
};

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
	/* An empty view may have none to add to. */
	const struct view_entry *e,
	    *end =
		view->count > 0 ? view->entries + view->count : view->entries;
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
	text->queued = 0;
	text->len = (size_t)(at - text->data);
	return text;
}

static bool
is_same(const struct catalogue_text *a, const struct catalogue_text *b)
{
	return a != NULL && a->len == b->len &&
	    memcmp(a->data, b->data, a->len) == 0;
}

/* Takes text and gives the one that is equal, if some audience has it: it has
 * the same version then, and is held once. */
static struct catalogue_text *
share(
    struct catalogue *cat, enum catalog_kind kind, struct catalogue_text *text)
{
	for (size_t i = 0; i < cat->audience_count; i++) {
		struct catalogue_text *other =
		    cat->audiences[i]->kinds[kind].text;

		if (!is_same(other, text))
			continue;
		catalogue_text_release(text);
		other->references++;
		return other;
	}
	text->version = ++cat->version;
	return text;
}

/* True when the list of the kind differs from what it was. */
static bool
render_kind(struct catalogue *cat, size_t audience, enum catalog_kind kind)
{
	const struct view *view = catalogue_view(cat, audience, kind);
	struct kind_state *state =
	    &catalogue_audience(cat, audience)->kinds[kind];
	struct catalogue_text *text, *old = state->text;

	/* Without memory the old list stays, until the next try. */
	if (state->stale || (text = render(view, kind)) == NULL)
		return false;
	state->unrendered = false;
	if (is_same(old, text)) {
		catalogue_text_release(text);
		return false;
	}
	state->text = share(cat, kind, text);
	catalogue_text_release(old);
	return true;
}

/* What nobody uses shall not be made anew with every change. */
static void
forget(struct audience *a)
{
	for (size_t kind = 0; kind < CATALOG_KINDS; kind++) {
		view_free(&a->kinds[kind].view);
		catalogue_text_release(a->kinds[kind].text);
		a->kinds[kind] =
		    (struct kind_state){ .stale = true, .unrendered = true };
	}
}

unsigned int
catalogue_render(struct catalogue *cat)
{
	unsigned int changed = 0;

	for (size_t i = 0; i < cat->audience_count; i++) {
		struct audience *a = cat->audiences[i];

		if (i > 0 && !a->used) {
			forget(a);
			continue;
		}
		for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++)
			if (a->kinds[kind].unrendered &&
			    render_kind(cat, i, (enum catalog_kind)kind))
				changed |= 1U << kind;
		a->used = false;
	}
	return changed;
}

int
catalogue_make_nothing(struct catalogue *cat)
{
	static const struct view empty;

	for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++)
		if ((cat->nothing[kind] =
			    render(&empty, (enum catalog_kind)kind)) == NULL)
			return -1;
	return 0;
}

struct catalogue_text *
catalogue_list(struct catalogue *cat, const struct catalogue_lens *lens,
    enum catalog_kind kind)
{
	struct kind_state *state =
	    &catalogue_audience(cat, lens->audience)->kinds[kind];
	struct catalogue_text *text;

	if (state->text == NULL)
		(void)render_kind(cat, lens->audience, kind);
	text = state->text != NULL ? state->text : cat->nothing[kind];
	text->references++;
	return text;
}

void
catalogue_text_release(struct catalogue_text *text)
{
	if (text == NULL)
		return;
	assert(text->references > text->queued);
	if (--text->references == 0)
		free(text);
	else if (text->references == text->queued)
		*text->left += text->len;
}

void
catalogue_text_queue(struct catalogue_text *text, size_t *left)
{
	text->left = left;
	text->references++;
	text->queued++;
}

void
catalogue_text_unqueue(struct catalogue_text *text)
{
	assert(text->queued > 0);
	text->queued--;
	if (--text->references > 0)
		return;
	*text->left -= text->len;
	free(text);
}
