/*
 * catalogue.h: what all backends offer, under the names that clients see, and
 * whose a name or a URI is.  Who sees what is said by a policy: which backends
 * are in the lists, which of their tools, and for whom (policy.h, "audience").
 */
#ifndef FRONT_CATALOGUE_H
#define FRONT_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json.h"
#include "proto/msg.h"

#include "names.h"
#include "policy.h"

struct catalogue;

/* How somebody looks at the catalogue. */
struct catalogue_lens {
	size_t audience;              /* of the policy */
	enum names_spelling spelling; /* of names in lists */
	const char *server; /* the name of the only backend that is seen, whose
			       names and URIs are its own; NULL: all of them */
};

/*
 * A page of a list has at most so many items, and bytes unless one item alone
 * has more.  Most clients read the first page only: what real gateways list,
 * some 1,000 tools in 1 MB, shall be on it, and a page is written as one
 * message into a stream's queue (session.h, 8 MiB).
 */
#define CATALOGUE_PAGE_ITEMS_MAX 5000U
#define CATALOGUE_PAGE_MAX       ((size_t)2 << 20)

/* Places of backends: one POLICY may replace them all. */
#define CATALOGUE_SLOTS (2 * (size_t)POLICY_BACKENDS_MAX)

/* One without backends, which audience 0 sees.  NULL with errno ENOMEM. */
struct catalogue *catalogue_new(void);
void catalogue_free(struct catalogue **cat);

/* A backend takes a free slot; it is in no list until catalogue_arrange() says
 * so.  The name is copied.  0, or -1 with errno ENOMEM. */
int catalogue_add(struct catalogue *cat, size_t slot, const char *name);
/* It is gone; the slot is free once it is not in the arrangement either. */
void catalogue_remove(struct catalogue *cat, size_t slot);

/*
 * Have the lists that a policy says: the serving backends in its order, their
 * filters, its audiences.  slots[i] is that of policy->backends[i].  What is
 * kept of the policy is copied.  0, or -1 with errno ENOMEM: nothing can be
 * said of the catalogue then.
 */
int catalogue_arrange(
    struct catalogue *cat, const struct policy *policy, const size_t *slots);

/*
 * Replace what a backend offers of one kind; json is a JSON array of items as
 * the backend sent them.  An item without a usable name (or uri, uriTemplate)
 * and the second of equal names are left out and counted in *skipped.
 * 0, or -1 with errno EINVAL (not a valid JSON array) or ENOMEM.
 */
int catalogue_set(struct catalogue *cat, size_t slot, enum catalog_kind kind,
    const char *json, size_t len, size_t *skipped);

/* A backend offers nothing any more. */
void catalogue_clear(struct catalogue *cat, size_t slot);

/* Of what the other has not offered yet, it offers what this one does. */
void catalogue_copy(struct catalogue *cat, size_t from, size_t to);

/* True when the audience sees a serving backend of this name; *slot is its. */
bool catalogue_has_server(const struct catalogue *cat, size_t audience,
    const char *name, size_t *slot);

/* True when the backend in this slot is seen through the lens. */
bool catalogue_sees(const struct catalogue *cat,
    const struct catalogue_lens *lens, size_t slot);

/* How many items audience 0 sees of a kind, of all backends. */
size_t catalogue_count(const struct catalogue *cat, enum catalog_kind kind);

/* How many audiences there are. */
size_t catalogue_audiences(const struct catalogue *cat);

/* Sessions look through this lens: its lists are kept by the next
 * catalogue_render(). */
void catalogue_use(struct catalogue *cat, const struct catalogue_lens *lens);

/*
 * Bring the rendered lists of audience 0, all of it and with slashes, and of
 * the lenses in use up to date, and forget all others.  Returns the kinds of
 * which some list now differs from what it was, as a bit set (1 << kind).  Call
 * it once per turn after changes: clients are told only of lists that differ.
 */
unsigned int catalogue_render(struct catalogue *cat);

/* A page of a rendered list, or another message, shared by all that are sending
 * it. */
struct catalogue_text {
	size_t references;
	size_t queued; /* of these, how many are streams' queues */
	size_t *left;  /* where it counts once these are all; NULL: not yet */
	uint32_t version; /* of the whole list: equal for equal lists of a kind
			     that are alive */
	size_t len;
	char data[]; /* {"tools":[…]}: the result of the list request */
};

/* The first page of the list of a kind as it was rendered last, or is now
 * through a lens that is new; release it when sent. */
struct catalogue_text *catalogue_list(struct catalogue *cat,
    const struct catalogue_lens *lens, enum catalog_kind kind);

/*
 * The page that a client asks for: the first one where cursor is absent or
 * null, else the one of the cursor that stood in the page before.  It is the
 * caller's to release.  0, or -1 with errno EINVAL when it is no cursor of this
 * list as it is now.  MCP 2025-11-25, "Pagination".
 */
int catalogue_page(struct catalogue *cat, const struct catalogue_lens *lens,
    enum catalog_kind kind, struct json_span cursor,
    struct catalogue_text **text);

void catalogue_text_release(struct catalogue_text *text);

/*
 * The same for what waits in the queue of a stream.  *left is the sum of the
 * lengths of texts that only queues refer to any more: old lists, and messages;
 * it must outlive the queues.
 */
void catalogue_text_queue(struct catalogue_text *text, size_t *left);
void catalogue_text_unqueue(struct catalogue_text *text);

/* Where a request goes, and the name that its backend knows. */
struct catalogue_route {
	size_t slot;
	struct json_span name; /* a JSON string with quotes, to be spliced in;
				  absent when it is unchanged; valid until the
				  next change of the catalogue and the next
				  find */
};

/*
 * Find a tool or prompt that is seen through the lens by any of its names:
 * "server/tool", the safe spelling "server__tool", or the bare "tool" where
 * only one backend has it; a bare name of the server that the lens shows goes
 * before.  0, or -1 with errno ENOENT, or ENOTUNIQ for a bare name of several
 * backends.
 */
int catalogue_find_name(const struct catalogue *cat,
    const struct catalogue_lens *lens, enum catalog_kind kind,
    struct json_span name, struct catalogue_route *route);

/*
 * Find whose a resource URI is: listed exactly, else behind a backend's
 * "server+", listed in another spelling of the same URI, by the longest
 * matching template, or by a scheme that only one backend uses.  The server
 * that the lens shows gets what is not its "server+" unchanged.  0, or -1 with
 * ENOENT.
 */
int catalogue_find_uri(const struct catalogue *cat,
    const struct catalogue_lens *lens, struct json_span uri,
    struct catalogue_route *route);

/* The same for the template of a completion's ref/resource. */
int catalogue_find_template(const struct catalogue *cat,
    const struct catalogue_lens *lens, struct json_span uri,
    struct catalogue_route *route);

/*
 * True when some URI, template or scheme that is seen through the lens belongs
 * to several backends: URIs in what backends say may have to be shown
 * otherwise.  False where one server is seen.
 */
bool catalogue_collides(
    const struct catalogue *cat, const struct catalogue_lens *lens);

struct buf;
/*
 * Steps that all URIs of one message, or of one list, may take to be looked up:
 * some ten milliseconds, since backends say how many there are.
 */
#define CATALOGUE_SHOWN_WORK ((size_t)16 << 20)

/*
 * How a client that reads this URI of the backend in slot back reaches it:
 * true when that takes "server+uri", which is then appended to out, as text;
 * false when the URI is right as it is.  URIs that clients read themselves
 * (http, https, data) are right unless they are listed as another backend's.
 * *work, at first CATALOGUE_SHOWN_WORK, is what is left for a message; once it
 * is 0 all URIs become "server+uri", which is never wrong.
 */
bool catalogue_shown_uri(const struct catalogue *cat,
    const struct catalogue_lens *lens, size_t slot, const char *uri, size_t len,
    struct buf *out, size_t *work);

#endif
