/*
 * catalogue.c: the items stay the backends' bytes.  A list is those bytes with
 * only the names changed, and changes when they do.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_parts.h"

/* ---- names of backends ------------------------------------------------ */

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

/* ---- audiences -------------------------------------------------------- */

/* An audience with these rules, out of those that there are, or a new one. */
static struct audience *
take_audience(struct catalogue *cat, const struct policy_audience *rules)
{
	struct audience *a;

	for (size_t i = 0; i < cat->audience_count; i++) {
		a = cat->audiences[i];
		if (a == NULL ||
		    !policy_lists_equal(a->backends, rules->backends) ||
		    !policy_lists_equal(a->tools, rules->tools))
			continue;
		cat->audiences[i] = NULL;
		return a;
	}
	return audience_new(rules->backends, rules->tools);
}

static void
free_audiences(struct catalogue *cat)
{
	for (size_t i = 0; cat->audiences != NULL && i < cat->audience_count;
	     i++)
		audience_free(cat, &cat->audiences[i]);
	free(cat->audiences);
}

/* Lists of an audience go on where its rules are the same. */
static int
replace_audiences(
    struct catalogue *cat, const struct policy_audience *rules, size_t n)
{
	struct audience **all = calloc(n, sizeof(struct audience *));
	bool whole = all != NULL;

	for (size_t i = 0; whole && i < n; i++)
		whole = (all[i] = take_audience(cat, &rules[i])) != NULL;
	if (all == NULL)
		return -1;
	free_audiences(cat);
	cat->audiences = all;
	cat->audience_count = n;
	return whole ? 0 : -1;
}

size_t
catalogue_audiences(const struct catalogue *cat)
{
	return cat->audience_count;
}

/* ---- the catalogue ---------------------------------------------------- */

static void
free_key(struct lh_entry *entry)
{
	free(lh_entry_k(entry));
}

static void
free_tables(struct catalogue *cat)
{
	if (cat->names != NULL)
		lh_table_free(cat->names);
	if (cat->pluses != NULL)
		lh_table_free(cat->pluses);
	cat->names = cat->pluses = NULL;
}

/* Empty tables of the backends in the lists. */
static int
make_tables(struct catalogue *cat)
{
	free_tables(cat);
	cat->names = lh_kchar_table_new(16, free_key);
	cat->pluses = lh_kchar_table_new(16, free_key);
	return cat->names == NULL || cat->pluses == NULL ? -1 : 0;
}

static int
insert_slot(struct lh_table *table, const char *key, size_t slot)
{
	char *copy = strdup(key);

	/* NOLINTNEXTLINE(performance-no-int-to-ptr): a number */
	const void *number = (void *)(slot + 1);

	if (copy != NULL && lh_table_insert(table, copy, number) == 0)
		return 0;
	free(copy);
	return -1;
}

struct catalogue *
catalogue_new(void)
{
	static char *none[] = { NULL };
	static const struct policy_audience everything = { none, none };
	struct catalogue *cat;

	if ((cat = calloc(1, sizeof(*cat))) == NULL)
		return NULL;
	/* A cursor of the process before this one shall mean nothing. */
	cat->version = arc4random();
	if ((cat->cache = calloc(1, sizeof(*cat->cache))) == NULL) {
		free(cat);
		return NULL;
	}
	TAILQ_INIT(&cat->cache->servers);
	if (make_tables(cat) == -1 ||
	    (cat->nobody = audience_new(none, none)) == NULL ||
	    catalogue_make_nothing(cat) == -1 ||
	    replace_audiences(cat, &everything, 1) == -1) {
		catalogue_free(&cat);
		errno = ENOMEM;
		return NULL;
	}
	(void)catalogue_render(cat);
	return cat;
}

void
catalogue_free(struct catalogue **cat)
{
	struct catalogue *c = *cat;

	if (c == NULL)
		return;
	free_audiences(c);
	audience_free(c, &c->nobody);
	for (size_t i = 0; i < CATALOGUE_SLOTS; i++)
		catalogue_remove(c, i);
	for (size_t kind = 0; kind < CATALOG_KINDS; kind++)
		pages_release(&c->nothing[kind]);
	free_tables(c);
	buf_free(&c->cache->route);
	free(c->cache);
	free(c);
	*cat = NULL;
}

int
catalogue_add(struct catalogue *cat, size_t slot, const char *name)
{
	static char *none[] = { NULL };
	struct view_backend *b;

	assert(slot < CATALOGUE_SLOTS && cat->backends[slot] == NULL);
	if ((b = calloc(1, sizeof(*b))) == NULL)
		return -1;
	cat->backends[slot] = b;
	b->name = strdup(name);
	b->slash = make_slash(name);
	b->allow = policy_list_copy(none);
	b->deny = policy_list_copy(none);
	if (b->name == NULL || b->slash == NULL || b->allow == NULL ||
	    b->deny == NULL) {
		catalogue_remove(cat, slot);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void
catalogue_remove(struct catalogue *cat, size_t slot)
{
	struct view_backend *b = cat->backends[slot];

	if (b == NULL)
		return;
	for (size_t kind = 0; kind < CATALOG_KINDS; kind++)
		offer_free(&b->offers[kind]);
	policy_list_free(&b->allow);
	policy_list_free(&b->deny);
	free(b->name);
	free(b->slash);
	free(b->plus);
	free(b);
	cat->backends[slot] = NULL;
}

static int
set_filters(struct view_backend *b, const struct policy_backend *rules)
{
	char **allow = policy_list_copy(rules->allow);
	char **deny = policy_list_copy(rules->deny);

	if (allow == NULL || deny == NULL) {
		policy_list_free(&allow);
		policy_list_free(&deny);
		return -1;
	}
	policy_list_free(&b->allow);
	policy_list_free(&b->deny);
	b->allow = allow;
	b->deny = deny;
	return 0;
}

/* Those of the backends before are taken already. */
static int
choose_plus(struct catalogue *cat, struct view_backend *b)
{
	char tail[NAMES_TAIL_LEN + 1];
	unsigned int attempt;

	free(b->plus);
	b->plus = make_plus(b->name, "");
	for (attempt = 0; b->plus != NULL &&
	     lh_table_lookup_entry(cat->pluses, b->plus) != NULL;
	     attempt++) {
		names_tail(b->name, "", attempt, tail);
		free(b->plus);
		b->plus = make_plus(b->name, tail);
	}
	return b->plus == NULL ? -1 : 0;
}

/* The backend in this slot is in the lists. */
static int
let_serve(
    struct catalogue *cat, size_t slot, const struct policy_backend *rules)
{
	struct view_backend *b = cat->backends[slot];

	if (set_filters(b, rules) == -1 || choose_plus(cat, b) == -1 ||
	    insert_slot(cat->pluses, b->plus, slot) == -1)
		return -1;
	if (lh_table_lookup_entry(cat->names, b->name) != NULL)
		return 0;
	return insert_slot(cat->names, b->name, slot);
}

int
catalogue_arrange(
    struct catalogue *cat, const struct policy *policy, const size_t *slots)
{
	size_t order[POLICY_BACKENDS_MAX];
	size_t n = 0;

	assert(policy->backend_count <= POLICY_BACKENDS_MAX);
	if (make_tables(cat) == -1)
		return -1;
	for (size_t i = 0; i < policy->backend_count; i++) {
		if (policy->backends[i].part != POLICY_SERVING)
			continue;
		order[n++] = slots[i];
		if (let_serve(cat, slots[i], &policy->backends[i]) == -1)
			return -1;
	}
	if (replace_audiences(cat, policy->audiences, policy->audience_count) ==
	    -1)
		return -1;
	for (size_t i = 0; i < cat->audience_count; i++)
		audience_choose(cat, cat->audiences[i], order, n);
	scopes_choose(cat);
	return 0;
}

/* ---- offers ----------------------------------------------------------- */

int
catalogue_set(struct catalogue *cat, size_t slot, enum catalog_kind kind,
    const char *json, size_t len, size_t *skipped)
{
	struct offer *old = &cat->backends[slot]->offers[kind];
	struct offer offer;

	if (old->json == NULL || old->len != len ||
	    memcmp(old->json, json, len) != 0) {
		if (offer_read(&offer, kind, json, len) == -1)
			return -1;
		offer_free(old);
		*old = offer;
		scopes_outdate(cat, slot, kind);
	}
	*skipped = old->skipped;
	return 0;
}

void
catalogue_clear(struct catalogue *cat, size_t slot)
{
	for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++) {
		struct offer *offer = &cat->backends[slot]->offers[kind];

		if (offer->json == NULL)
			continue;
		offer_free(offer);
		scopes_outdate(cat, slot, (enum catalog_kind)kind);
	}
}

void
catalogue_copy(struct catalogue *cat, size_t from, size_t to)
{
	size_t skipped;

	for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++) {
		const struct offer *here = &cat->backends[from]->offers[kind];

		if (here->json != NULL &&
		    cat->backends[to]->offers[kind].json == NULL)
			/* Without memory clients are told twice. */
			(void)catalogue_set(cat, to, (enum catalog_kind)kind,
			    here->json, here->len, &skipped);
	}
}

size_t
catalogue_count(const struct catalogue *cat, enum catalog_kind kind)
{
	return scope_view(cat, &catalogue_audience(cat, 0)->all, kind)->count;
}
