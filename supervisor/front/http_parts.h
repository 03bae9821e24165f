/*
 * http_parts.h: what the files of the HTTP server share: http.c (routes),
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

#include "http.h"
#include "siphash.h"
#include "wellknown.h"

struct client;
struct evhttp_bound_socket;
struct principal;

/* Host names resolve to a few addresses each (CONFIG_LISTEN_MAX of them), and
 * while a configuration is replaced there may be twice as many. */
#define HTTP_LISTENERS_MAX 64U

struct http_listener {
	uint64_t id;
	char *address; /* for logs */
	struct evhttp_bound_socket *bound;
};

struct http_server {
	struct front *front;
	struct evhttp *evhttp;
	struct wellknown wellknown;
	struct siphash_key token_key;
	bool draining;
	struct http_listener listeners[HTTP_LISTENERS_MAX];
	size_t listener_count;
	time_t date_at;
	char date[40];
};

/* One request and what answers it: for one call of the handler. */
struct http_exchange {
	struct http_server *http;
	struct evhttp_request *req;
	struct client *client;
	enum evhttp_cmd_type method;
	/* Headers, NULL when absent. */
	const char *host;
	const char *origin;
	const char *authorization;
	const char *content_type;
};

/* ---- http_answer.c: each ends the exchange ---------------------------- */

/* A text of this Content-Type. */
void http_answer_as(struct http_exchange *x, int status, const char *type,
    const char *text, size_t len);
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

/* ---- http_health.c ---------------------------------------------------- */

void http_health_alive(struct http_exchange *x);
void http_health_ready(struct http_exchange *x);

/* ---- metrics.c -------------------------------------------------------- */

/* Prometheus' text format, for whoever may call: of the backends that he sees,
 * and of all clients where he sees every backend. */
void http_metrics(struct http_exchange *x);

#endif
