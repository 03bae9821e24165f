/* view.h: all items of one kind as clients see them, and tables to find them.
 */
#ifndef FRONT_VIEW_H
#define FRONT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/linkhash.h>

#include "names.h"
#include "offer.h"

struct view_backend {
	char *name;
	char *slash;  /* "name/", escaped to stand in a JSON string */
	char *plus;   /* "name+": begins a scheme; no other's in the lists is
			 equal */
	char **allow; /* patterns of its tools' names (policy_backend) */
	char **deny;
	struct offer offers[CATALOG_KINDS];
};

/* One item that clients see.  Its name is what its backend calls it between
 * prefix and tail. */
struct view_entry {
	size_t slot; /* of its backend */
	const struct offer_item *item;
	const char *prefix; /* JSON text, "" for none; borrowed */
	const char *safe;   /* its safe spelling; NULL: it has none */
	bool renamed;       /* the backend's name cannot be read in that */
	char tail[NAMES_TAIL_LEN + 1];
};

/* Zeroed: nothing. */
struct view {
	struct view_entry *entries; /* in the order of the list */
	size_t count;
	struct lh_table *shown;   /* every unique spelling: its entry */
	struct lh_table *loose;   /* bare names, or normal URIs: the entry */
	struct lh_table *schemes; /* of URIs: the backend's slot + 1 */
	bool collides; /* a URI or its scheme belongs to several backends */
	bool anything; /* a template begins with no scheme */
	bool ui;       /* a tool may name a resource by its URI */
};

/* Stands in the tables for what several backends have. */
extern const struct view_entry view_several;

/* Whose offers, in which order, and which of their tools. */
struct view_source {
	struct view_backend *const *backends; /* by slot */
	const size_t *order;                  /* slots */
	size_t count;
	char *const *tools; /* patterns of "backend/tool"; empty: all */
	bool own;           /* names and URIs are those of the only backend */
	struct lh_table *pluses; /* see view_plus() */
	const bool *sees;
};

/*
 * Build the view of a kind from the backends' offers, which it borrows.  0, or
 * -1 with errno ENOMEM; *view is then empty.
 */
int view_build(struct view *view, enum catalog_kind kind,
    const struct view_source *source);

/* Free what is in it; it is then empty. */
void view_free(struct view *view);

/* The entry that a table has for this text, view_several, or NULL. */
const struct view_entry *view_find(struct lh_table *table, const char *text);

/*
 * The length of the "server+" that a URI begins with, and the slot of that
 * backend; 0 when it is none of those that are seen.  pluses has each
 * backend's slot + 1 under its "server+".
 */
size_t view_plus(
    struct lh_table *pluses, const bool *sees, const char *uri, size_t *slot);

/* The slot + 1 of the only backend that uses the scheme of the URI, 0 for none,
 * VIEW_SEVERAL for more. */
#define VIEW_SEVERAL UINTPTR_MAX
uintptr_t view_scheme(const struct view *view, const char *uri);

/* True when both use a scheme, not of the web, that is not the same backend's.
 */
bool view_schemes_collide(
    const struct view *resources, const struct view *templates);

/* The slot of the only backend that uses the scheme; false for none. */
bool view_only_scheme(const struct view *resources,
    const struct view *templates, const char *uri, size_t *slot);

#endif
