#include "http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>

#include "proto/jsonrpc.h"
#include "proto/log.h"

#include "client.h"
#include "dispatch.h"
#include "front.h"
#include "guard.h"
#include "guard_http.h"
#include "http_parts.h"
#include "http_words.h"
#include "policy.h"
#include "principal.h"
#include "session.h"

#define PATH_SSE      "/sse"
#define PATH_MESSAGES "/messages/"
#define PATH_ALIVE    "/healthz"
#define PATH_READY    "/readyz"
#define PATH_METRICS  "/metrics"

/* When to come back, of what ends by itself within milliseconds as a rule: the
 * answers that are awaited, our restart. */
#define RETRY_SOON_S 1U
/* And of what ends when somebody leaves. */
#define RETRY_LATER_S 10U

/* ---- POST /messages/ -------------------------------------------------- */

static bool
is_json(const char *content_type)
{
	static const char json[] = "application/json";
	size_t n = sizeof(json) - 1;

	return content_type != NULL &&
	    strncasecmp(content_type, json, n) == 0 &&
	    (content_type[n] == '\0' || content_type[n] == ';' ||
		content_type[n] == ' ' || content_type[n] == '\t');
}

/* The value of name in "?a=b&c=d"; NULL when it is not there. */
static const char *
query_value(const char *query, const char *name, size_t *len)
{
	size_t name_len = strlen(name);

	while (*query != '\0') {
		size_t part;

		query++; /* '?' or '&' */
		part = strcspn(query, "&");
		if (part > name_len && query[name_len] == '=' &&
		    strncmp(query, name, name_len) == 0) {
			*len = part - name_len - 1;
			return query + name_len + 1;
		}
		query += part;
	}
	return NULL;
}

static struct session *
find_session(struct http_exchange *x, const struct principal *principal,
    const char *query)
{
	struct session *session = NULL;
	enum session_lookup found;
	const char *id;
	size_t len;

	if ((id = query_value(query, "session_id", &len)) == NULL) {
		http_answer(x, 400, "session_id is required");
		return NULL;
	}
	found = session_find(x->http->front->sessions, id, len, &session);
	if (found == SESSION_FOUND && session->principal == principal)
		return session;
	/* Whose else's it is, is nobody's business. */
	if (found == SESSION_MALFORMED)
		http_answer(x, 400, "Invalid session ID");
	else
		http_answer(x, 404, "Could not find session");
	return NULL;
}

/* May one more request be in flight?  What ends requests is let through. */
static bool
has_room(struct http_exchange *x, const struct session *session)
{
	const struct policy_limits *limits = &x->http->front->policy->limits;
	struct principal *principal = session->principal;

	if (session->request_count >= limits->requests_per_session) {
		http_refuse(x, 429, RETRY_SOON_S,
		    "Too many requests of this session are in flight");
	} else if (principal->concurrent > 0 &&
	    principal->in_flight >= principal->concurrent) {
		http_refuse(x, 429, RETRY_SOON_S,
		    "Too many requests with this token are in flight");
	} else {
		return true;
	}
	principal->refused++;
	return false;
}

static void
on_message(struct http_exchange *x, const char *query)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(x->req);
	struct principal *principal;
	struct session *session;
	struct rpc_problem problem;
	struct rpc_message msg;
	size_t len = evbuffer_get_length(body);
	const char *text;

	if ((principal = http_auth_principal(x)) == NULL)
		return;
	if (x->method != EVHTTP_REQ_POST) {
		http_answer_method(x, "POST");
		return;
	}
	if (!is_json(x->content_type)) {
		http_answer(x, 415, "Content-Type must be application/json");
		return;
	}
	if ((session = find_session(x, principal, query)) == NULL)
		return;
	text = len > 0 ? (const char *)evbuffer_pullup(body, -1) : "";
	if (text == NULL || rpc_parse(&msg, text, len, &problem) == -1) {
		log_debug("session %u: a message that is not JSON-RPC",
		    session->handle);
		http_answer(x, 400, "Could not parse message");
		return;
	}
	if (msg.kind == RPC_REQUEST && !has_room(x, session))
		return;
	dispatch(session, &msg);
	http_answer(x, 202, "Accepted");
}

/* ---- GET -------------------------------------------------------------- */

static void
on_stream(struct http_exchange *x)
{
	struct sessions *sessions = x->http->front->sessions;
	struct principal *principal;

	if ((principal = http_auth_principal(x)) == NULL)
		return;
	if (x->method != EVHTTP_REQ_GET) {
		http_answer_method(x, "GET");
	} else if (sessions_full(sessions)) {
		principal->refused++;
		http_refuse(x, 503, RETRY_LATER_S, "Too many sessions");
	} else {
		session_open(sessions, x->req, principal);
	}
}

/* RFC 9728, 3.1: for everybody. */
static void
on_metadata(struct http_exchange *x)
{
	const struct wellknown *wellknown = &x->http->wellknown;

	if (wellknown->metadata == NULL)
		http_answer(x, 404, "Not Found");
	else if (x->method == EVHTTP_REQ_GET || x->method == EVHTTP_REQ_HEAD)
		http_answer_json(
		    x, 200, wellknown->metadata, wellknown->metadata_len);
	else
		http_answer_method(x, "GET, HEAD");
}

/* ---- routes ----------------------------------------------------------- */

/* Is target this path, with or without a query?  Compared byte by byte: what is
 * not spelled like a route is none. */
static const char *
match_path(const char *target, const char *path)
{
	size_t n = strlen(path);

	if (strncmp(target, path, n) != 0 ||
	    (target[n] != '\0' && target[n] != '?'))
		return NULL;
	return target + n;
}

enum route {
	ROUTE_NONE,
	ROUTE_MESSAGES,
	ROUTE_SSE,
	ROUTE_METADATA,
	ROUTE_ALIVE,
	ROUTE_READY,
	ROUTE_METRICS,
	ROUTE_TO_MESSAGES, /* spelled without its '/' */
	ROUTE_TO_SSE,      /* or with one */
};

static enum route
find_route(const char *target, const char **query)
{
	static const struct {
		const char *path;
		enum route route;
	} routes[] = {
		{ PATH_MESSAGES, ROUTE_MESSAGES },
		{ PATH_SSE, ROUTE_SSE },
		{ PATH_ALIVE, ROUTE_ALIVE },
		{ PATH_READY, ROUTE_READY },
		{ PATH_METRICS, ROUTE_METRICS },
		{ WELLKNOWN_PATH, ROUTE_METADATA },
		{ WELLKNOWN_PATH_SSE, ROUTE_METADATA },
		{ "/messages", ROUTE_TO_MESSAGES },
		{ "/sse/", ROUTE_TO_SSE },
	};

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if ((*query = match_path(target, routes[i].path)) != NULL)
			return routes[i].route;
	return ROUTE_NONE;
}

/* A browser asks before a page's request (Fetch, 3.2.2). */
static void
on_options(struct http_exchange *x, enum route route)
{
	switch (route) {
	case ROUTE_MESSAGES:
	case ROUTE_TO_MESSAGES:
		http_access_preflight(x, "POST");
		break;
	case ROUTE_SSE:
	case ROUTE_TO_SSE:
		http_access_preflight(x, "GET");
		break;
	case ROUTE_METADATA:
	case ROUTE_ALIVE:
	case ROUTE_READY:
	case ROUTE_METRICS:
		http_access_preflight(x, "GET, HEAD");
		break;
	case ROUTE_NONE:
		http_answer(x, 404, "Not Found");
		break;
	}
}

static void
run_route(struct http_exchange *x, enum route route, const char *query)
{
	switch (route) {
	case ROUTE_MESSAGES:
		on_message(x, query);
		break;
	case ROUTE_SSE:
		on_stream(x);
		break;
	case ROUTE_METADATA:
		on_metadata(x);
		break;
	case ROUTE_ALIVE:
		http_health_alive(x);
		break;
	case ROUTE_READY:
		http_health_ready(x);
		break;
	case ROUTE_METRICS:
		http_metrics(x);
		break;
	case ROUTE_TO_MESSAGES:
		http_answer_redirect(x, PATH_MESSAGES, query);
		break;
	case ROUTE_TO_SSE:
		http_answer_redirect(x, PATH_SSE, query);
		break;
	case ROUTE_NONE:
		http_answer(x, 404, "Not Found");
		break;
	}
}

/* Is there a reason why nobody is served?  True when it was answered. */
static bool
is_away(struct http_exchange *x)
{
	if (!x->http->draining && x->http->front->policy != NULL)
		return false;
	http_add_header(x, "Connection", "close");
	http_refuse(x, 503, RETRY_SOON_S,
	    x->http->draining ? "The gateway is stopping"
			      : "The gateway is starting");
	return true;
}

static void
answer_request(struct http_exchange *x, const char *target)
{
	const char *query = NULL;
	enum route route = find_route(target, &query);
	bool probe = route == ROUTE_ALIVE || route == ROUTE_READY;

	if (x->http->front->policy != NULL && !http_access_check(x, probe))
		return;
	if (probe && x->method != EVHTTP_REQ_OPTIONS) {
		run_route(x, route, query);
		return;
	}
	if (is_away(x) || !http_auth_admit(x))
		return;
	if (x->method == EVHTTP_REQ_OPTIONS)
		on_options(x, route);
	else
		run_route(x, route, query);
}

/* All headers that we look at, in one walk. */
static void
find_headers(struct http_exchange *x)
{
	const struct evkeyval *header;

	TAILQ_FOREACH (header, evhttp_request_get_input_headers(x->req), next) {
		switch (http_words_header(header->key, strlen(header->key))) {
		case HTTP_HEADER_HOST:
			x->host = header->value;
			break;
		case HTTP_HEADER_ORIGIN:
			x->origin = header->value;
			break;
		case HTTP_HEADER_AUTHORIZATION:
			x->authorization = header->value;
			break;
		case HTTP_HEADER_CONTENT_TYPE:
			x->content_type = header->value;
			break;
		case HTTP_HEADER_OTHER:
		case HTTP_HEADER_CONTENT_LENGTH:
		case HTTP_HEADER_TRANSFER_ENCODING:
		case HTTP_HEADER_EXPECT:
		case HTTP_HEADER_MCP_PROTOCOL_VERSION:
		case HTTP_HEADER_MCP_SESSION_ID:
		case HTTP_HEADER_MCP_METHOD:
		case HTTP_HEADER_MCP_NAME:
		case HTTP_HEADER_LAST_EVENT_ID:
			break;
		}
	}
}

static void
on_http_request(struct evhttp_request *req, void *arg)
{
	struct http_server *http = arg;
	struct http_exchange x = { .http = http, .req = req };
	const char *target = evhttp_request_get_uri(req);

	if (target == NULL) { /* evhttp's own refusal, after the guard's */
		evhttp_send_reply(req, 400, "Bad Request", NULL);
		return;
	}
	x.client = guard_client(http->front->guard, req);
	x.method = evhttp_request_get_command(req);
	find_headers(&x);
	answer_request(&x, target);
}

/* ---- the server ------------------------------------------------------- */

struct http_server *
http_new(struct front *front)
{
	struct http_server *http;

	if ((http = calloc(1, sizeof(*http))) == NULL)
		return NULL;
	http->front = front;
	if ((http->evhttp = evhttp_new(loop_base(front->loop))) == NULL) {
		free(http);
		return NULL;
	}
	arc4random_buf(&http->token_key, sizeof(http->token_key));
	/* The guard judges all of these first, with better answers; evhttp's
	 * limits stand behind it. */
	evhttp_set_max_headers_size(http->evhttp, GUARD_HEAD_MAX + 1);
	evhttp_set_max_body_size(http->evhttp, GUARD_BODY_MAX + 1);
	evhttp_set_allowed_methods(http->evhttp, 0xffff);
	evhttp_set_default_content_type(http->evhttp, NULL);
	evhttp_set_gencb(http->evhttp, on_http_request, http);
	guard_watch_server(front->guard, http->evhttp);
	return http;
}

static struct http_listener *
find_listener(struct http_server *http, uint64_t id)
{
	for (size_t i = 0; i < http->listener_count; i++)
		if (http->listeners[i].id == id)
			return &http->listeners[i];
	return NULL;
}

int
http_listen(struct http_server *http, uint64_t id, const char *address,
    bool local, int *fd)
{
	struct http_listener new = { .id = id };

	if (find_listener(http, id) != NULL) {
		errno = EEXIST;
		return -1;
	}
	if (http->listener_count == HTTP_LISTENERS_MAX) {
		errno = ENFILE;
		return -1;
	}
	/* A blocking socket would hang the process in accept(2). */
	if (evutil_make_socket_nonblocking(*fd) == -1 ||
	    (new.address = strdup(address)) == NULL)
		return -1;
	new.bound = evhttp_accept_socket_with_handle(http->evhttp, *fd);
	if (new.bound == NULL) {
		free(new.address);
		return -1;
	}
	*fd = -1;
	guard_watch_listener(http->front->guard, new.bound);
	http->listeners[http->listener_count++] = new;
	log_debug("clients: listening on %s%s", address,
	    local ? ", users of this machine" : "");
	return 0;
}

void
http_unlisten(struct http_server *http, uint64_t id)
{
	struct http_listener *listener;

	if ((listener = find_listener(http, id)) == NULL)
		return;
	log_debug("clients: listening on %s no more", listener->address);
	guard_unwatch_listener(http->front->guard, listener->bound);
	evhttp_del_accept_socket(http->evhttp, listener->bound);
	free(listener->address);
	*listener = http->listeners[--http->listener_count];
}

int
http_follow_policy(struct http_server *http)
{
	struct front *front = http->front;

	if (principals_update(front->principals, front->policy) == -1 ||
	    wellknown_make(&http->wellknown, front->policy) == -1)
		return -1;
	guard_set_limits(
	    front->guard, &front->policy->limits, front->policy->backend_count);
	sessions_follow_policy(front->sessions);
	return 0;
}

void
http_drain(struct http_server *http)
{
	http->draining = true;
}
