/* link.h: the front's end of what it shares with one worker. */
#ifndef FRONT_LINK_H
#define FRONT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/jsonrpc.h"

#include "policy.h"
#include "request.h"

struct front;
struct link;
struct session;
struct stream;

/* Bytes that may wait for a worker that does not read before requests to its
 * backend are refused. */
#define LINK_QUEUE_MAX ((size_t)16 << 20)
/* Requests in flight of one backend, whatever a policy allows: one that answers
 * nobody shall not fill the table for all (REQUESTS_MAX). */
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

/* A backend that is on standby until link_set_part(), in this slot. */
struct link *link_new(
    struct front *front, size_t slot, uint64_t number, const char *name);
/* Requests in flight on it fail, each once; its worker sees the end. */
void link_free(struct link **link);

/* What becomes of the backend, and how many requests may be in flight. */
void link_set_part(
    struct link *link, enum policy_part part, uint32_t requests_max);
enum policy_part link_part(const struct link *link);

/* All is drained: have drain.h told whenever it has no request in flight. */
void link_watch(struct link *link);

/* Where it is among those that one can subscribe to (subscriptions.h), and the
 * one that is there. */
size_t link_place(const struct link *link);
struct link *link_at(const struct front *front, size_t place);

uint64_t link_number(const struct link *link);
const char *link_name(const struct link *link);

/* Use this end of a new link, taken, instead of the one before; LISTED will say
 * that it is this one whose lists came. */
void link_attach(struct link *link, uint32_t generation, int *fd);

/* What the supervisor says of the backend (a BACKEND payload).  -1 with errno
 * EINVAL when it is not what the table says. */
int link_set_state(struct link *link, const char *json, size_t len);

/* How long requests took, in milliseconds: upper bounds, for histograms. */
#define LINK_TIMES 9
extern const uint32_t link_times[LINK_TIMES];

/* What became of all requests so far. */
struct link_count {
	uint64_t ended[REQUEST_END_KINDS];
	uint64_t refused;              /* were never sent */
	uint64_t took[LINK_TIMES + 1]; /* by time; the last: longer */
	uint64_t took_ms;              /* all together */
};
const struct link_count *link_count(const struct link *link);

/* It takes the place of another one, whose counts go on in it. */
void link_take_count(struct link *link, const struct link *from);

/* Requests in flight on it. */
size_t link_in_flight(const struct link *link);
struct request_list *link_requests(struct link *link);

/* True when it is not listed yet but may be soon: then it may have the place in
 * the lists of the one that it replaces, and loses it as if it had gone away.
 */
bool link_keep_place(struct link *link);

/* The backend is there: requests can be sent to it. */
bool link_is_up(const struct link *link);

/* True when no serving backend is in its first start any more: each was listed,
 * or has failed, or is not wanted. */
bool links_settled(const struct front *front);

/* What the backend says of itself in its greeting: a JSON string, borrowed, or
 * absent.  At most LINK_INSTRUCTIONS_MAX bytes; longer ones are left out. */
#define LINK_INSTRUCTIONS_MAX 8192U
struct json_span link_instructions(const struct link *link);

/* Has the backend declared (or need not declare) completion? */
bool link_completes(const struct link *link);

/* Has the backend declared that one can subscribe to its resources? */
bool link_subscribes(const struct link *link);

/*
 * Send a client's request, which came by way of this stream, to the backend.
 * with replaces the span what of the message (a name or URI) unless it is
 * absent.  The result is the table's, as of request_begin(); NULL when it was
 * not sent, which the client was told.
 */
struct request *link_request(struct link *link, struct stream *stream,
    const struct rpc_message *msg, struct json_span what,
    struct json_span with);

/* Answer a request with an error: it was not sent to the backend, which (why)
 * "was not asked: …". */
void link_refuse(struct link *link, struct stream *stream,
    const struct rpc_message *msg, int code, const char *why);

/* Answer a request with an error: its backend is not there, and why, and when
 * it is tried again. */
void link_refuse_absent(
    struct link *link, struct stream *stream, const struct rpc_message *msg);

/* Tell the backend that nobody waits for this request any more, and end it. */
void link_cancel(struct request *request, struct json_span reason);

/* Tell the backend the most verbose log level that a client wants. */
void link_set_level(struct link *link, enum mcp_level level);

/* Send SUBSCRIBE or UNSUBSCRIBE (subscriptions_tell); arg is the front. */
int link_tell(void *arg, size_t slot, bool subscribe, struct json_span uri);

#endif
