/*
 * greeting.h: the worker's own conversation with a backend of the initialize
 * era: initialize, notifications/initialized, and its lists; again when the
 * backend has forgotten its session.
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

/*
 * A backend that forgets its session more often than this in a minute is better
 * begun anew at the supervisor's pace.
 */
#define GREETING_RENEWALS_MAX 10U
#define GREETING_RENEWALS_MS  60000U

struct greeting_handlers {
	/* Send one message to the backend: transport.h.  0, or -1 with errno.
	 */
	int (*send)(void *arg, const char *text, size_t len, int64_t id);
	/* The next id for a request of the worker's own. */
	uint32_t (*next_id)(void *arg);
	/* The backend chose this revision; notifications/initialized follows.
	 */
	void (*agreed)(void *arg, const struct mcp_revision *revision);
	/*
	 * The backend is ready: greeting_result() and all lists are known.
	 * kinds is the set of 1U << enum catalog_kind that are other bytes than
	 * before.
	 */
	void (*up)(void *arg, unsigned int kinds);
	/* A list is other bytes than before; only while it is up. */
	void (*changed)(void *arg, enum catalog_kind kind);
	/* The backend cannot be used.  why continues "the backend …". */
	void (*failed)(void *arg, const char *why);
};

/*
 * name is the backend's, request_timeout_ms that of a request, and
 * startup_timeout_ms bounds a renewal (the first greeting is bounded by the
 * supervisor).  capabilities is what it declares, a set of enum mcp_capability.
 * name, handlers and arg are borrowed until greeting_free().  NULL with errno
 * ENOMEM.
 */
struct greeting *greeting_new(struct loop *loop, const char *name,
    uint32_t request_timeout_ms, uint32_t startup_timeout_ms,
    unsigned int capabilities, const struct greeting_handlers *handlers,
    void *arg);
void greeting_free(struct greeting **greeting);

/* Send initialize. */
void greeting_start(struct greeting *greeting);

/*
 * The backend has forgotten the session: send initialize at once, and the rest
 * once it is answered; up() follows again, or failed().
 */
void greeting_restart(struct greeting *greeting);

/* A response came.  False when it answers none of these requests. */
bool greeting_response(
    struct greeting *greeting, const struct rpc_message *msg, int64_t id);

/* A response had to be refused.  False as above. */
bool greeting_refused(struct greeting *greeting, int64_t id, const char *why);

/*
 * A request gets no answer; why continues "the backend …".  False as above.
 */
bool greeting_failed(struct greeting *greeting, int64_t id, const char *why);

/* True when this id must not be used for another request. */
bool greeting_awaits(const struct greeting *greeting, int64_t id);

/* A request of these is not answered. */
bool greeting_is_busy(const struct greeting *greeting);

/* The backend says that this kind changed. */
void greeting_list_changed(struct greeting *greeting, enum catalog_kind kind);

/* True once notifications/initialized was sent: what follows is heard in that
 * session. */
bool greeting_is_begun(const struct greeting *greeting);

/* True from up() on, until it is to be restarted. */
bool greeting_is_up(const struct greeting *greeting);

/* What was agreed on; NULL until initialize is answered. */
const struct mcp_revision *greeting_revision(const struct greeting *greeting);

/* The backend declared that it takes logging/setLevel. */
bool greeting_has_logging(const struct greeting *greeting);

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
