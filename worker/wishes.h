/*
 * wishes.h: what clients want of a backend's session as a whole: a log level,
 * and to hear of resources.  The answers mean something only when they are
 * errors, and then only for the log.
 */
#ifndef WORKER_WISHES_H
#define WORKER_WISHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json.h"
#include "proto/jsonrpc.h"
#include "proto/mcp.h"

struct loop;
struct wishes;

/*
 * Requests whose answers are awaited; an answer to an older one is a stray.  A
 * front may ask for thousands of subscriptions at once, and an answer decides
 * nothing.
 */
#define WISHES_AWAITED_MAX 256U
/* Log records about wishes that were refused: at once, and per second. */
#define WISHES_BURST      20
#define WISHES_PER_SECOND 2

struct wishes_handlers {
	/* Send one request to the backend.  0, or -1 with errno. */
	int (*send)(void *arg, const char *text, size_t len, int64_t id);
	/* The next id for a request of the worker's own. */
	uint32_t (*next_id)(void *arg);
};

/*
 * name is the backend's; name, handlers and arg are borrowed until
 * wishes_free().  NULL with errno ENOMEM.
 */
struct wishes *wishes_new(struct loop *loop, const char *name,
    const struct wishes_handlers *handlers, void *arg);
void wishes_free(struct wishes **wishes);

/*
 * A session begins: nothing is wished of it yet.  The level is asked for again,
 * if the backend declared logging; the front does the same for resources.
 */
void wishes_begin(struct wishes *wishes, bool logging);

/* It is over; what is wished before the next one begins is not sent. */
void wishes_end(struct wishes *wishes);

/* The most verbose level that a client wants; kept. */
void wishes_level(struct wishes *wishes, enum mcp_level level);

/* Subscribe to a resource, or not any more; uri is a JSON string. */
void wishes_subscribe(struct wishes *wishes, bool on, struct json_span uri);

/* A response came.  False when it answers none of these requests. */
bool wishes_response(
    struct wishes *wishes, const struct rpc_message *msg, int64_t id);

/* A response had to be refused.  False as above. */
bool wishes_refused(struct wishes *wishes, int64_t id, const char *why);

/*
 * A request gets no answer; why continues "the backend …".  False as above.
 */
bool wishes_failed(struct wishes *wishes, int64_t id, const char *why);

/* True when this id must not be used for another request. */
bool wishes_await(const struct wishes *wishes, int64_t id);

/* Log now what was dropped and not yet reported. */
void wishes_report(const struct wishes *wishes);

#endif
