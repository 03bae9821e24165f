#include "http.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>

#include "proto/jsonrpc.h"
#include "proto/log.h"

#include "dispatch.h"
#include "front.h"
#include "guard.h"
#include "guard_http.h"
#include "http_origin.h"
#include "session.h"
#include "settings.h"

#define PATH_SSE      "/sse"
#define PATH_MESSAGES "/messages/"

struct http_server {
	struct front *front;
	struct evhttp *evhttp;
	time_t date_at;
	char date[40];
};

/* ---- answers ---------------------------------------------------------- */

/* "Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 5.6.7, made once a second. */
static const char *
http_date(struct http_server *http)
{
	struct timeval now;
	struct tm tm;

	event_base_gettimeofday_cached(loop_base(http->front->loop), &now);
	if (now.tv_sec != http->date_at) {
		http->date_at = now.tv_sec;
		gmtime_r(&now.tv_sec, &tm);
		strftime(http->date, sizeof(http->date),
		    "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
	return http->date;
}

/* A short answer in plain text.  evhttp would print Date and Content-Length for
 * each answer by itself, at the price of half of it. */
static void
answer(struct http_server *http, struct evhttp_request *req, int status,
    const char *reason, const char *text)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	bool head = evhttp_request_get_command(req) == EVHTTP_REQ_HEAD;
	size_t n = strlen(text);
	char length[24];
	char *digit = length + sizeof(length);

	*--digit = '\0';
	do
		*--digit = (char)('0' + n % 10);
	while (n /= 10);
	evhttp_add_header(headers, "Content-Type", "text/plain; charset=utf-8");
	evhttp_add_header(headers, "Date", http_date(http));
	evhttp_add_header(headers, "Content-Length", digit);
	if (!head)
		evbuffer_add(body, text, strlen(text));
	evhttp_send_reply(req, status, reason, NULL);
}

static void
answer_method(
    struct http_server *http, struct evhttp_request *req, const char *allow)
{
	evhttp_add_header(
	    evhttp_request_get_output_headers(req), "Allow", allow);
	answer(http, req, 405, "Method Not Allowed", "Method Not Allowed");
}

/* The target is printable ASCII without spaces: the guard has seen to it. */
static void
answer_redirect(struct http_server *http, struct evhttp_request *req,
    const char *path, const char *query)
{
	char location[GUARD_HEAD_MAX];

	snprintf(location, sizeof(location), "%s%s", path, query);
	evhttp_add_header(
	    evhttp_request_get_output_headers(req), "Location", location);
	answer(http, req, 307, "Temporary Redirect", "");
}

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
find_session(
    struct http_server *http, struct evhttp_request *req, const char *query)
{
	struct session *session = NULL;
	const char *id;
	size_t len;

	if ((id = query_value(query, "session_id", &len)) == NULL) {
		answer(http, req, 400, "Bad Request", "session_id is required");
		return NULL;
	}
	switch (session_find(http->front->sessions, id, len, &session)) {
	case SESSION_MALFORMED:
		answer(http, req, 400, "Bad Request", "Invalid session ID");
		break;
	case SESSION_UNKNOWN:
		answer(http, req, 404, "Not Found", "Could not find session");
		break;
	case SESSION_FOUND:
		break;
	}
	return session;
}

static void
on_message(
    struct http_server *http, struct evhttp_request *req, const char *query)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	struct session *session;
	struct rpc_problem problem;
	struct rpc_message msg;
	size_t len = evbuffer_get_length(body);
	const char *text;

	if (!is_json(evhttp_find_header(
		evhttp_request_get_input_headers(req), "Content-Type"))) {
		answer(http, req, 415, "Unsupported Media Type",
		    "Content-Type must be application/json");
		return;
	}
	if ((session = find_session(http, req, query)) == NULL)
		return;
	text = len > 0 ? (const char *)evbuffer_pullup(body, -1) : "";
	if (text == NULL || rpc_parse(&msg, text, len, &problem) == -1) {
		log_debug("session %u: a message that is not JSON-RPC",
		    session->handle);
		answer(
		    http, req, 400, "Bad Request", "Could not parse message");
		return;
	}
	dispatch(session, &msg);
	answer(http, req, 202, "Accepted", "Accepted");
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

/* Who may ask: see http_origin.h.  DNS rebinding and other web pages. */
static bool
check_origin(struct http_server *http, struct evhttp_request *req)
{
	const struct origin_rules *rules = &http->front->settings->origins;
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	const char *host = evhttp_find_header(headers, "Host");
	const char *origin = evhttp_find_header(headers, "Origin");

	if (!origin_host_allowed(host, rules)) {
		log_warning("client: refused: Host \"%s\" is not allowed",
		    host != NULL ? log_str(host, strlen(host)) : "");
		answer(http, req, 403, "Forbidden", "Invalid Host header");
		return false;
	}
	if (!origin_allowed(origin, host, rules)) {
		log_warning("client: refused: Origin \"%s\" is not allowed",
		    log_str(origin, strlen(origin)));
		answer(http, req, 403, "Forbidden", "Invalid Origin header");
		return false;
	}
	return true;
}

static void
on_http_request(struct evhttp_request *req, void *arg)
{
	struct http_server *http = arg;
	enum evhttp_cmd_type method = evhttp_request_get_command(req);
	const char *target = evhttp_request_get_uri(req);
	const char *query;

	if (target == NULL) { /* evhttp's own refusal, after the guard's */
		evhttp_send_reply(req, 400, "Bad Request", NULL);
		return;
	}
	if (!check_origin(http, req))
		return;
	if ((query = match_path(target, PATH_MESSAGES)) != NULL) {
		if (method == EVHTTP_REQ_POST)
			on_message(http, req, query);
		else
			answer_method(http, req, "POST");
	} else if (match_path(target, PATH_SSE) != NULL) {
		if (method == EVHTTP_REQ_GET)
			session_open(http->front->sessions, req);
		else
			answer_method(http, req, "GET");
	} else if ((query = match_path(target, "/messages")) != NULL) {
		answer_redirect(http, req, PATH_MESSAGES, query);
	} else if ((query = match_path(target, "/sse/")) != NULL) {
		answer_redirect(http, req, PATH_SSE, query);
	} else {
		answer(http, req, 404, "Not Found", "Not Found");
	}
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

int
http_listen(struct http_server *http, int *fd)
{
	struct evhttp_bound_socket *bound;

	/* A blocking socket would hang the process in accept(2). */
	if (evutil_make_socket_nonblocking(*fd) == -1)
		return -1;
	bound = evhttp_accept_socket_with_handle(http->evhttp, *fd);
	if (bound == NULL)
		return -1;
	*fd = -1;
	guard_watch_listener(http->front->guard, bound);
	return 0;
}
