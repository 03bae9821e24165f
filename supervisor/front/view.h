/* view.h: all items of one kind as clients see them, and tables to find them.
 */
#ifndef FRONT_VIEW_H
#define FRONT_VIEW_H

#include <stdbool.h>
#include <stddef.h>

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
	char tail[NAMES_TAIL_LEN + 1];
};

/* Zeroed: nothing. */
struct view {
	struct view_entry *entries; /* in the order of the list */
	size_t count;
	struct lh_table *shown;   /* every unique spelling: its entry */
	struct lh_table *loose;   /* bare names, or normal URIs: the entry */
	struct lh_table *schemes; /* of URIs: the backend's slot + 1 */
};

/* Stands in the tables for what several backends have. */
extern const struct view_entry view_several;

/* Whose offers, in which order, and which of their tools. */
struct view_source {
	struct view_backend *const *backends; /* by slot */
	const size_t *order;                  /* slots */
	size_t count;
	char *const *tools; /* patterns of "backend/tool"; empty: all */
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

/* The slot of the only backend that uses the scheme; false for none. */
bool view_only_scheme(const struct view *resources,
    const struct view *templates, const char *uri, size_t *slot);

#endif
