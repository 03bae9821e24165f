/*
 * catalogue_parts.h: what the files of the catalogue share: catalogue.c (the
 * backends, and who sees them), catalogue_list.c (the lists as texts),
 * catalogue_find.c (whose a name or URI is).
 */
#ifndef FRONT_CATALOGUE_PARTS_H
#define FRONT_CATALOGUE_PARTS_H

#include "proto/buf.h"

#include "catalogue.h"
#include "view.h"

struct kind_state {
	struct view view;
	bool stale;                  /* the view is of offers that are gone */
	bool unrendered;             /* the text may be of another view */
	struct catalogue_text *text; /* NULL: nobody asked yet */
};

struct audience {
	char **backends; /* patterns, as in the policy */
	char **tools;
	bool used; /* by sessions, since the last catalogue_render() */
	size_t count;
	size_t
	    order[POLICY_BACKENDS_MAX]; /* slots that it sees, count of them */
	bool sees[CATALOGUE_SLOTS];
	struct kind_state kinds[CATALOG_KINDS];
};

struct catalogue {
	struct view_backend *backends[CATALOGUE_SLOTS]; /* NULL: free */
	/* Behind pointers, since a lookup brings what is stale up to date. */
	struct audience **audiences;
	size_t audience_count;
	struct audience *nobody; /* sees nothing; of what is no audience */
	struct catalogue_text *nothing[CATALOG_KINDS]; /* for want of memory */
	uint32_t version;  /* of the last text that was new */
	struct buf *route; /* the name of the last route that had to be made */
};

/* The audience, or one that sees nothing: a session that is about to end may
 * have one of a policy that is gone. */
struct audience *catalogue_audience(
    const struct catalogue *cat, size_t audience);

/* The view of the offers as they are; empty when there is no memory for it. */
const struct view *catalogue_view(
    const struct catalogue *cat, size_t audience, enum catalog_kind kind);

/* An empty list of each kind.  0, or -1 with ENOMEM. */
int catalogue_make_nothing(struct catalogue *cat);

#endif
