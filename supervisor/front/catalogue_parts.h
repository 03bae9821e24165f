/*
 * catalogue_parts.h: what the files of the catalogue share: catalogue.c (the
 * backends), catalogue_scope.c (who sees what of them), catalogue_find.c (whose
 * a name is), catalogue_uri.c (whose a URI is), catalogue_list.c (the lists as
 * they are), catalogue_render.c (lists as texts), catalogue_text.c (who holds
 * them).
 */
#ifndef FRONT_CATALOGUE_PARTS_H
#define FRONT_CATALOGUE_PARTS_H

#include <sys/queue.h>

#include <inttypes.h>

#include "proto/buf.h"

#include "catalogue.h"
#include "view.h"

/*
 * Scopes of one server that there may be: as many as tokens.  Of more, the
 * oldest is forgotten, and made again when somebody looks.
 */
#define CATALOGUE_SERVER_SCOPES_MAX 1024U

/* ---- lists as texts --------------------------------------------------- */

struct page {
	struct catalogue_text *text;
	size_t items; /* bytes before what tells whether another one follows */
};

/* A whole list; equal ones are held once. */
struct pages {
	LIST_ENTRY(pages) of_bucket;
	size_t references;
	enum catalog_kind kind;
	size_t count; /* at least 1 */
	struct page page[];
};

#define CATALOGUE_BUCKETS 256U

/* A cursor: the version of the list, the number of the page. */
#define CATALOGUE_CURSOR "%08" PRIx32 ".%zu"

/* ---- who sees what ---------------------------------------------------- */

struct kind_state {
	struct view view;
	bool stale; /* the view is of offers that are gone */
	/* By spelling; one that does not differ by it has NAMES_SLASH only. */
	struct {
		struct pages *pages; /* NULL: nobody asked yet */
		bool outdated;       /* they may be of another view */
	} lists[NAMES_SPELLINGS];
};

/* The backends that some lenses show: all of an audience, or one of them. */
struct scope {
	TAILQ_ENTRY(scope) of_servers;
	struct audience *audience;
	char *server;               /* NULL: all */
	size_t slot;                /* of the server */
	bool used[NAMES_SPELLINGS]; /* since the last catalogue_render() */
	bool compared;              /* collides is of these views */
	bool collides;
	struct kind_state kinds[CATALOG_KINDS];
};

struct audience {
	char **backends; /* patterns, as in the policy */
	char **tools;
	size_t count;
	size_t
	    order[POLICY_BACKENDS_MAX]; /* slots that it sees, count of them */
	bool sees[CATALOGUE_SLOTS];
	struct scope all;
	struct lh_table *servers; /* by name: the scope; NULL: none yet */
};

TAILQ_HEAD(scope_list, scope);

/* What a lookup may change behind a catalogue that it does not change. */
struct catalogue_cache {
	struct scope_list servers; /* the oldest first */
	size_t count;
	struct buf route; /* the name of the last route that had to be made */
};

struct catalogue {
	struct view_backend *backends[CATALOGUE_SLOTS]; /* NULL: free */
	struct lh_table *names;  /* of those in the lists: slot + 1 */
	struct lh_table *pluses; /* "server+" of the same */
	struct audience **audiences;
	size_t audience_count;
	struct audience *nobody; /* sees nothing; of what is no audience */
	LIST_HEAD(, pages) buckets[CATALOGUE_BUCKETS];
	struct pages *nothing[CATALOG_KINDS]; /* for want of memory */
	uint32_t version; /* of the last list that was new */
	struct catalogue_cache *cache;
};

/* An audience that has these rules; NULL with ENOMEM. */
struct audience *audience_new(char *const *backends, char *const *tools);
void audience_free(const struct catalogue *cat, struct audience **audience);

/* It sees what its rules say of the n backends in the lists; what was built is
 * of others. */
void audience_choose(const struct catalogue *cat, struct audience *a,
    const size_t *order, size_t n);

/* The same for what is seen of one server alone, once the audiences have
 * chosen. */
void scopes_choose(const struct catalogue *cat);

/* What the backend offers of a kind is another. */
void scopes_outdate(
    const struct catalogue *cat, size_t slot, enum catalog_kind kind);

/* Its audience, or one that sees nothing: a session that is about to end may
 * have one of a policy that is gone. */
static inline struct audience *
catalogue_audience(const struct catalogue *cat, size_t audience)
{
	return audience < cat->audience_count ? cat->audiences[audience]
					      : cat->nobody;
}

/* What an audience sees of one server; nothing where that is none of its. */
struct scope *scope_of_server(
    const struct catalogue *cat, struct audience *a, const char *server);

/* What a lens shows. */
static inline struct scope *
catalogue_scope(const struct catalogue *cat, const struct catalogue_lens *lens)
{
	struct audience *a = catalogue_audience(cat, lens->audience);

	return lens->server == NULL ? &a->all
				    : scope_of_server(cat, a, lens->server);
}

/* Forget one of a server. */
void scope_forget(const struct catalogue *cat, struct scope *scope);
/* Forget what was built of it. */
void scope_clear(struct scope *scope);

/* Bring the view up to date; -1 without memory: it is empty then. */
int scope_build(
    const struct catalogue *cat, struct scope *scope, enum catalog_kind kind);

/* The view of the offers as they are; empty when there is no memory for it. */
static inline const struct view *
scope_view(
    const struct catalogue *cat, struct scope *scope, enum catalog_kind kind)
{
	if (scope->kinds[kind].stale)
		(void)scope_build(cat, scope, kind);
	return &scope->kinds[kind].view;
}

/* True when a client that reads a URI back might reach another backend. */
bool scope_collides(const struct catalogue *cat, struct scope *scope);

/* catalogue_shown_uri() of a scope. */
bool scope_shown_uri(const struct catalogue *cat, struct scope *scope,
    size_t slot, const char *uri, size_t len, struct buf *out, size_t *work);

/* Decode a JSON string without NUL bytes; 0, or -1 with errno ENOENT. */
int catalogue_decode(struct json_span string, char *text, size_t size);

/* The route to an entry that was asked for as text. */
void catalogue_found(struct catalogue_route *route, const struct view_entry *e,
    const char *text);

/* An empty list of each kind.  0, or -1 with ENOMEM. */
int catalogue_make_nothing(struct catalogue *cat);

/* Render a list, which is the caller's; NULL with ENOMEM. */
struct pages *pages_render(struct catalogue *cat, struct scope *scope,
    enum catalog_kind kind, enum names_spelling spelling);
/* Give one's share of it back. */
void pages_release(struct pages **pages);

#endif
