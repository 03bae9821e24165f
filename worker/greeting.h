/*
 * greeting.h: the worker's own conversation with a backend of the initialize
 * era: initialize, notifications/initialized, and its lists.
 */
#ifndef WORKER_GREETING_H
#define WORKER_GREETING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lists.h"
#include "proto/buf.h"
#include "proto/jsonrpc.h"
#include "proto/mcp.h"
#include "proto/msg.h"

struct greeting;
struct loop;

struct greeting_handlers {
	/* Send one message to the backend.  0, or -1 with errno. */
	int (*send)(void *arg, const char *text, size_t len);
	/* The backend is ready: greeting_result() and all lists are known. */
	void (*up)(void *arg);
	/* A list is other bytes than before; only after up(). */
	void (*changed)(void *arg, enum catalog_kind kind);
	/* The backend cannot be used.  why continues "the backend …". */
	void (*failed)(void *arg, const char *why);
};

/*
 * name is the backend's, timeout_ms that of a request.  name, handlers and arg
 * are borrowed until greeting_free().  NULL with errno ENOMEM.
 */
struct greeting *greeting_new(struct loop *loop, const char *name,
    uint32_t timeout_ms, const struct greeting_handlers *handlers, void *arg);
void greeting_free(struct greeting **greeting);

/* Send initialize. */
void greeting_start(struct greeting *greeting);

/*
 * A response came whose id is below 65,536.  False when it answers none of our
 * requests.
 */
bool greeting_response(
    struct greeting *greeting, const struct rpc_message *msg, int64_t id);

/* Such a response had to be refused.  False as above. */
bool greeting_refused(struct greeting *greeting, int64_t id, const char *why);

/* The backend says that this kind changed. */
void greeting_list_changed(struct greeting *greeting, enum catalog_kind kind);

/* True from up() on. */
bool greeting_is_up(const struct greeting *greeting);

/* What was agreed on; NULL until initialize is answered. */
const struct mcp_revision *greeting_revision(const struct greeting *greeting);

/* The backend declared that it takes logging/setLevel. */
bool greeting_has_logging(const struct greeting *greeting);

/* The next id for a request of the worker's own, 1 to 65,535. */
uint32_t greeting_next_id(struct greeting *greeting);

/* The result of initialize as it came, in one line. */
struct json_span greeting_result(const struct greeting *greeting);

/* All items of this kind, a JSON array. */
struct json_span greeting_items(
    const struct greeting *greeting, enum catalog_kind kind);

/*
 * Append the payload of READY.  0, or -1 with errno ENOMEM.
 */
int greeting_add_ready(const struct greeting *greeting, struct buf *b);

#endif
