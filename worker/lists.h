/*
 * lists.h: what a backend offers: all pages of its tools, resources, resource
 * templates and prompts, asked for again whenever it says that they changed.
 */
#ifndef WORKER_LISTS_H
#define WORKER_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"
#include "proto/jsonrpc.h"
#include "proto/msg.h"

struct lists;
struct loop;

/* A backend that has more pages than this is turning in a circle. */
#define LISTS_PAGES_MAX 100
/* All lists of a backend together: what one frame may carry. */
#define LISTS_BYTES_MAX ((size_t)MSG_JSON_MAX)
/* A cursor is an opaque word, and goes into our next request. */
#define LISTS_CURSOR_MAX 4096
/* Changes announced within this time are fetched together. */
#define LISTS_DEBOUNCE_MS 50
/*
 * and a long list, which costs the front time whenever it changes, is fetched
 * no faster than 8 MB in a second.
 */
#define LISTS_BYTES_PER_MS 8000

struct lists_handlers {
	/* Send one request to the backend.  0, or -1 with errno. */
	int (*send)(void *arg, const char *text, size_t len, int64_t id);
	/* The next id for a request of the worker's own. */
	uint32_t (*next_id)(void *arg);
	/* The items of this kind are other bytes than before. */
	void (*changed)(void *arg, enum catalog_kind kind);
	/*
	 * Every list that lists_start() asked for has come or failed; once for
	 * each start.  kinds is the set of those that are other bytes than
	 * before.
	 */
	void (*complete)(void *arg, unsigned int kinds);
};

/*
 * name is the backend's; timeout_ms bounds each page of a list that is fetched
 * again (the first ones are bounded by the backend's start).  name, handlers
 * and arg are borrowed.  NULL with errno ENOMEM.
 */
struct lists *lists_new(struct loop *loop, const char *name,
    uint32_t timeout_ms, const struct lists_handlers *handlers, void *arg);
void lists_free(struct lists **lists);

/*
 * Ask for these kinds, a set of 1U << enum catalog_kind; complete() follows.
 * After lists_stop() what was known stays until then, but for other kinds.
 */
void lists_start(struct lists *lists, unsigned int kinds);

/* Ask for nothing more; answers that are on their way are not used. */
void lists_stop(struct lists *lists);

/* The backend says that this kind changed. */
void lists_changed(struct lists *lists, enum catalog_kind kind);

/* A response came: false when its id is not of one of ours. */
bool lists_response(
    struct lists *lists, const struct rpc_message *msg, int64_t id);

/*
 * A response had to be refused, or none will come; why says more.
 * False when the id is not of one of ours.
 */
bool lists_failed(struct lists *lists, int64_t id, const char *why);

/* True when this id must not be used for another request. */
bool lists_await(const struct lists *lists, int64_t id);

/* A page was asked for and has not come. */
bool lists_busy(const struct lists *lists);

/* All items of this kind, a JSON array; "[]" until they are known. */
struct json_span lists_items(const struct lists *lists, enum catalog_kind kind);

/* How many there are. */
size_t lists_count(const struct lists *lists, enum catalog_kind kind);

#endif
