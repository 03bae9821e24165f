/*
 * catalogue_list.c: the lists as they are, rendered once for all who see the
 * same.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "catalogue_parts.h"

/* ---- rendering -------------------------------------------------------- */

/* Lists of one server and of URIs do not differ by the spelling of names. */
static bool
has_spellings(const struct scope *scope, enum catalog_kind kind)
{
	return scope->server == NULL &&
	    (kind == CATALOG_TOOLS || kind == CATALOG_PROMPTS);
}

static bool
is_used(const struct scope *scope)
{
	return scope->used[NAMES_SLASH] || scope->used[NAMES_SAFE];
}

/* Bring a list up to date; true when it differs from what it was. */
static bool
update(struct catalogue *cat, struct scope *scope, enum catalog_kind kind,
    enum names_spelling spelling)
{
	struct kind_state *state = &scope->kinds[kind];
	struct pages *pages, *old = state->lists[spelling].pages;
	bool differs;

	if (!state->lists[spelling].outdated)
		return false;
	/* Without memory the old list stays, until the next try. */
	if ((pages = pages_render(cat, scope, kind, spelling)) == NULL)
		return false;
	differs = pages != old;
	state->lists[spelling].outdated = false;
	state->lists[spelling].pages = pages;
	/* An equal list is the same one, of which this is another share. */
	pages_release(&old);
	return differs;
}

/* What nobody uses shall not be made anew with every change. */
static void
forget(struct scope *scope, enum catalog_kind kind, size_t spelling)
{
	pages_release(&scope->kinds[kind].lists[spelling].pages);
	scope->kinds[kind].lists[spelling].outdated = true;
}

/* always: the lists of audience 0, which are also for who is no client. */
static unsigned int
update_all(struct catalogue *cat, struct scope *scope, bool always)
{
	unsigned int changed = 0;

	for (unsigned int i = 0; i < CATALOG_KINDS; i++) {
		const enum catalog_kind kind = (enum catalog_kind)i;
		const bool apart = has_spellings(scope, kind);

		if (always || !apart || scope->used[NAMES_SLASH])
			changed |=
			    (unsigned int)update(cat, scope, kind, NAMES_SLASH)
			    << i;
		else
			forget(scope, kind, NAMES_SLASH);
		if (apart && scope->used[NAMES_SAFE])
			changed |=
			    (unsigned int)update(cat, scope, kind, NAMES_SAFE)
			    << i;
		else
			forget(scope, kind, NAMES_SAFE);
	}
	return changed;
}

unsigned int
catalogue_render(struct catalogue *cat)
{
	struct scope *scope, *next;
	unsigned int changed = 0;

	for (size_t i = 0; i < cat->audience_count; i++) {
		scope = &cat->audiences[i]->all;
		if (i > 0 && !is_used(scope))
			scope_clear(scope);
		else
			changed |= update_all(cat, scope, i == 0);
		memset(scope->used, 0, sizeof(scope->used));
	}
	TAILQ_FOREACH_SAFE (scope, &cat->cache->servers, of_servers, next) {
		if (!is_used(scope)) {
			scope_forget(cat, scope);
			continue;
		}
		changed |= update_all(cat, scope, false);
		memset(scope->used, 0, sizeof(scope->used));
	}
	return changed;
}

void
catalogue_use(struct catalogue *cat, const struct catalogue_lens *lens)
{
	catalogue_scope(cat, lens)->used[lens->spelling] = true;
}

int
catalogue_make_nothing(struct catalogue *cat)
{
	for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++)
		if ((cat->nothing[kind] = pages_render(cat, &cat->nobody->all,
			 (enum catalog_kind)kind, NAMES_SLASH)) == NULL)
			return -1;
	return 0;
}

/* ---- asking ----------------------------------------------------------- */

/* The list as it was rendered last, or is now. */
static const struct pages *
find_pages(struct catalogue *cat, const struct catalogue_lens *lens,
    enum catalog_kind kind)
{
	struct scope *scope = catalogue_scope(cat, lens);
	const enum names_spelling spelling =
	    has_spellings(scope, kind) ? lens->spelling : NAMES_SLASH;
	const struct pages *pages;

	if (scope->kinds[kind].lists[spelling].pages == NULL)
		(void)update(cat, scope, kind, spelling);
	pages = scope->kinds[kind].lists[spelling].pages;
	return pages != NULL ? pages : cat->nothing[kind];
}

struct catalogue_text *
catalogue_list(struct catalogue *cat, const struct catalogue_lens *lens,
    enum catalog_kind kind)
{
	const struct pages *pages = find_pages(cat, lens, kind);

	pages->page[0].text->references++;
	return pages->page[0].text;
}

/* The page that a cursor of this list is of, or 0. */
static size_t
page_of(const struct pages *pages, struct json_span cursor)
{
	char asked[64], ours[64];

	if (catalogue_decode(cursor, asked, sizeof(asked)) == -1)
		return 0;
	for (size_t i = 1; i < pages->count; i++) {
		(void)snprintf(ours, sizeof(ours), CATALOGUE_CURSOR,
		    pages->page[0].text->version, i);
		if (strcmp(asked, ours) == 0)
			return i;
	}
	return 0;
}

int
catalogue_page(struct catalogue *cat, const struct catalogue_lens *lens,
    enum catalog_kind kind, struct json_span cursor,
    struct catalogue_text **text)
{
	const struct pages *pages = find_pages(cat, lens, kind);
	const enum json_kind is = json_kind(cursor);
	size_t page = 0;

	if (is != JSON_NONE && is != JSON_NULL &&
	    (page = page_of(pages, cursor)) == 0) {
		errno = EINVAL;
		return -1;
	}
	*text = pages->page[page].text;
	(*text)->references++;
	return 0;
}
