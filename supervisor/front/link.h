/* link.h: the front's end of what it shares with one worker. */
#ifndef FRONT_LINK_H
#define FRONT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/jsonrpc.h"

#include "catalogue.h"
#include "request.h"

struct front;
struct link;
struct session;

/* Bytes that may wait for a worker that does not read before requests to its
 * backend are refused. */
#define LINK_QUEUE_MAX ((size_t)16 << 20)
/* Requests in flight of one backend: one that answers nobody shall not fill the
 * table for all (REQUESTS_MAX). */
#define LINK_REQUESTS_MAX 16384U
/* Socket buffer of a link: a 1 MB result in few turns. */
#define LINK_SOCKET_BUFFER (1 << 20)
/* A backend that will be back at once keeps its place in the lists: clients
 * would only learn of two changes that cancel out.  One that stays away for
 * this long loses it. */
#define LINK_ABSENT_MS 2000
/* A notifications/resources/updated is a URI and little else, and is copied for
 * everyone who subscribed; longer ones are ignored. */
#define LINK_UPDATE_MAX ((size_t)64 << 10)

struct link *link_new(struct front *front, size_t backend, const char *name);
void link_free(struct link **link);

/* Use this end of a new link, taken, instead of the one before. */
void link_attach(struct link *link, int *fd);

/* What the supervisor says of the backend (a BACKEND payload).  -1 with errno
 * EINVAL when it is not what the table says. */
int link_set_state(struct link *link, const char *json, size_t len);

/* Requests in flight on it. */
struct request_list *link_requests(struct link *link);

/* The backend is there: requests can be sent to it. */
bool link_is_up(const struct link *link);

/* Has the backend declared (or need not declare) completion? */
bool link_completes(const struct link *link);

/* Has the backend declared that one can subscribe to its resources? */
bool link_subscribes(const struct link *link);

/*
 * Send a client's request to the backend.  with replaces the span what of the
 * message (a name or URI) unless it is absent.  The result is the table's, as
 * of request_begin(); NULL when it was not sent, which the client was told.
 */
struct request *link_request(struct link *link, struct session *session,
    const struct rpc_message *msg, struct json_span what,
    struct json_span with);

/* Answer a request with an error: it was not sent to the backend, which (why)
 * "was not asked: …". */
void link_refuse(struct link *link, struct session *session,
    const struct rpc_message *msg, int code, const char *why);

/* Answer a request with an error: its backend is not there, and why, and when
 * it is tried again. */
void link_refuse_absent(
    struct link *link, struct session *session, const struct rpc_message *msg);

/* Tell the backend that nobody waits for this request any more, and end it. */
void link_cancel(struct request *request, struct json_span reason);

/* Tell the backend the most verbose log level that a client wants. */
void link_set_level(struct link *link, enum mcp_level level);

/* Send SUBSCRIBE or UNSUBSCRIBE (subscriptions_tell); arg is the front. */
int link_tell(void *arg, size_t backend, bool subscribe, struct json_span uri);

#endif
