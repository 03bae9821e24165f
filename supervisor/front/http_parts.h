/*
 * http_parts.h: what the files of the HTTP server share: http.c (routes),
 * http_message.c (what requests have), http_sse.c, http_streamable.c,
 * http_answer.c (answers), http_access.c (Host, Origin, CORS), http_auth.c (who
 * asks, and how often), http_health.c (probes).
 */
#ifndef FRONT_HTTP_PARTS_H
#define FRONT_HTTP_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <event2/http.h>

#include "proto/json.h"

#include "http.h"
#include "siphash.h"

struct client;
struct evhttp_bound_socket;
struct principal;
struct session;
struct session_endpoint;
struct stream;

/* Host names resolve to a few addresses each (CONFIG_LISTEN_MAX of them), and
 * while a configuration is replaced there may be twice as many. */
#define HTTP_LISTENERS_MAX 64U

/* The head of an answer that has no headers but those that all have. */
#define HTTP_HEAD_MAX 256U

struct http_listener {
	uint64_t id;
	char *address; /* for logs */
	struct evhttp_bound_socket *bound;
};

struct http_server {
	struct front *front;
	struct evhttp *evhttp;
	struct siphash_key token_key;
	bool draining;
	struct http_listener listeners[HTTP_LISTENERS_MAX];
	size_t listener_count;
	time_t date_at;
	char date[40];
	char text[HTTP_HEAD_MAX + HTTP_SHORT_MAX]; /* being put together */
};

/* One request and what answers it: for one call of the handler. */
struct http_exchange {
	struct http_server *http;
	struct evhttp_request *req;
	struct client *client;
	enum evhttp_cmd_type method;
	/* Of the endpoint that is meant, as wellknown.h wants it. */
	const char *path;
	size_t path_len;
	/* Headers, NULL when absent. */
	const char *host;
	const char *origin;
	const char *authorization;
	const char *content_type;
	const char *session_id;
	const char *protocol_version;
	const char *last_event_id;
	unsigned int accepts; /* HTTP_ACCEPTS_... */
	bool streamable;      /* an endpoint of Streamable HTTP is meant */
};

/* What a client takes (RFC 9110, 12.5.1). */
#define HTTP_ACCEPTS_OTHER  1U
#define HTTP_ACCEPTS_JSON   2U
#define HTTP_ACCEPTS_EVENTS 4U
#define HTTP_ACCEPTS_ALL    (HTTP_ACCEPTS_JSON | HTTP_ACCEPTS_EVENTS)

/* When to come back, of what ends by itself within milliseconds as a rule: the
 * answers that are awaited, our restart. */
#define HTTP_RETRY_SOON_S 1U
/* And of what ends when somebody leaves. */
#define HTTP_RETRY_LATER_S 10U

/* ---- http_answer.c: each ends the exchange ---------------------------- */

/* A text of this Content-Type. */
void http_answer_as(struct http_exchange *x, int status, const char *type,
    const char *text, size_t len);
/* No content at all. */
void http_answer_empty(struct http_exchange *x, int status);
/* A short text. */
void http_answer(struct http_exchange *x, int status, const char *text);
void http_answer_json(
    struct http_exchange *x, int status, const char *json, size_t len);
/* An error in JSON, as the guard's; retry_s: when to come back, 0: no word. */
void http_refuse(
    struct http_exchange *x, int status, uint32_t retry_s, const char *why);
/* 405, with the methods that would do. */
void http_answer_method(struct http_exchange *x, const char *allow);
/* 307 to a path with this query, "" or from '?' on. */
void http_answer_redirect(
    struct http_exchange *x, const char *path, const char *query);
/* Add a header to the answer; texts are copied. */
void http_add_header(
    struct http_exchange *x, const char *name, const char *value);

/* ---- http.c ----------------------------------------------------------- */

/* May new work begin?  False when it was answered: the gateway is stopping. */
bool http_takes_work(struct http_exchange *x);

/* ---- http_message.c --------------------------------------------------- */

/* What an Accept header has of HTTP_ACCEPTS_..., never 0.  What one range has
 * is accepted, however another one judges it (RFC 9110, 12.5.1). */
unsigned int http_accepts(const char *accept);

/* Is the body said to be JSON? */
bool http_has_json(const struct http_exchange *x);

/* The body, in one piece; valid for the exchange.  "" without one. */
const char *http_body(struct http_exchange *x, size_t *len);

/* The value of name in "?a=b&c=d"; NULL when it is not there. */
const char *http_query_value(const char *query, const char *name, size_t *len);

/* Read "STREAM-EVENT", the id of an event as we send it.  False: it is none. */
bool http_event_id(const char *text, uint32_t *stream, uint32_t *event);

/* May one more request be in flight?  False when it was answered. */
bool http_has_room(struct http_exchange *x, const struct session *session);

/* Is there such an endpoint for this principal, spelled as the policy and the
 * query say?  False when it was answered. */
bool http_endpoint_check(struct http_exchange *x,
    const struct principal *principal, struct session_endpoint *endpoint,
    const char *query);

/* Was the session opened at this endpoint? */
bool http_endpoint_matches(
    const struct session_endpoint *endpoint, const struct session *session);

/* Messages of one batch: each costs an answer. */
#define HTTP_BATCH_MAX 1024U
/* For so long a batch may keep all others waiting; the requests that are left
 * are refused then. */
#define HTTP_BATCH_MS 500U
/* JSON that rpc_parse() found to be an array, as messages of a session. */
struct http_batch {
	struct json_iter elements;
};
/* False when the session's revision has no batches, or it is empty or has more
 * than HTTP_BATCH_MAX messages. */
bool http_batch_read(struct http_batch *batch, const struct session *session,
    const char *text, size_t len);
/* Handle all its messages; answers go to the stream.  Each request but the
 * first counts as if it had come by itself. */
void http_batch_run(struct http_exchange *x, struct http_batch *batch,
    struct session *session, struct stream *stream);

/* ---- http_sse.c ------------------------------------------------------- */

/* POST /messages/; GET of an endpoint. */
void http_sse_message(struct http_exchange *x, const char *query);
void http_sse_stream(struct http_exchange *x, struct session_endpoint *endpoint,
    const char *query);

/* ---- http_streamable.c ------------------------------------------------ */

/* Any method of an endpoint. */
void http_streamable(struct http_exchange *x, struct session_endpoint *endpoint,
    const char *query);

/* ---- http_access.c ---------------------------------------------------- */

/*
 * May this request be made, as http_origin.h says?  any_host: whatever its Host
 * is.  Marks the answer for a listed Origin.  False when it was answered.
 */
bool http_access_check(struct http_exchange *x, bool any_host);

/* Answer an OPTIONS request for a route with these methods (Fetch, 3.2.2). */
void http_access_preflight(struct http_exchange *x, const char *methods);

/* ---- http_auth.c ------------------------------------------------------ */

/* May this address ask now?  False when it was answered: 429. */
bool http_auth_admit(struct http_exchange *x);

/*
 * Who asks (RFC 6750): valid for this exchange.  NULL when nobody who may, or
 * too often, which was answered.
 */
struct principal *http_auth_principal(struct http_exchange *x);

/* May the same principal ask once more in this exchange?  NULL, or why not. */
const char *http_auth_again(
    struct http_exchange *x, struct principal *principal);

/* ---- http_health.c ---------------------------------------------------- */

void http_health_alive(struct http_exchange *x);
void http_health_ready(struct http_exchange *x);

/* ---- metrics.c -------------------------------------------------------- */

/* Prometheus' text format, for whoever may call: of the backends that he sees,
 * and of all clients where he sees every backend. */
void http_metrics(struct http_exchange *x);

#endif
