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

#include "proto/buf.h"
#include "proto/log.h"

#include "client.h"
#include "front.h"
#include "guard.h"
#include "guard_http.h"
#include "http_parts.h"
#include "http_target.h"
#include "http_words.h"
#include "instances.h"
#include "policy.h"
#include "principal.h"
#include "session.h"
#include "wellknown.h"

/* RFC 9728, 3.1: for everybody. */
static void
on_metadata(struct http_exchange *x, const struct http_target *target)
{
	struct buf json = { 0 };

	if (wellknown_add_metadata(&json, x->http->front->policy, target->path,
		target->path_len) == -1) {
		if (errno == ENOENT)
			http_answer(x, 404, "Not Found");
		else
			http_refuse(x, 503, HTTP_RETRY_SOON_S, "Out of memory");
	} else if (x->method == EVHTTP_REQ_GET ||
	    x->method == EVHTTP_REQ_HEAD) {
		http_answer_json(x, 200, buf_data(&json), buf_len(&json));
	} else {
		http_answer_method(x, "GET, HEAD");
	}
	buf_free(&json);
}

/* ---- routes ----------------------------------------------------------- */

/* A browser asks before a page's request (Fetch, 3.2.2). */
static void
on_options(struct http_exchange *x, enum http_route route)
{
	switch (route) {
	case HTTP_ROUTE_MESSAGES:
	case HTTP_ROUTE_TO_MESSAGES:
		http_access_preflight(x, "POST");
		break;
	case HTTP_ROUTE_SSE:
	case HTTP_ROUTE_TO_SSE:
		http_access_preflight(x, "GET");
		break;
	case HTTP_ROUTE_MCP:
	case HTTP_ROUTE_TO_MCP:
		http_access_preflight(x, "GET, POST, DELETE");
		break;
	case HTTP_ROUTE_METADATA:
	case HTTP_ROUTE_ALIVE:
	case HTTP_ROUTE_READY:
	case HTTP_ROUTE_METRICS:
		http_access_preflight(x, "GET, HEAD");
		break;
	case HTTP_ROUTE_NONE:
		http_answer(x, 404, "Not Found");
		break;
	}
}

static void
run_route(struct http_exchange *x, const struct http_target *target)
{
	struct session_endpoint endpoint = {
		.server = target->server[0] != '\0' ? target->server : NULL,
	};

	switch (target->route) {
	case HTTP_ROUTE_MCP:
		http_streamable(x, &endpoint, target->query);
		break;
	case HTTP_ROUTE_MESSAGES:
		http_sse_message(x, target->query);
		break;
	case HTTP_ROUTE_SSE:
		http_sse_stream(x, &endpoint, target->query);
		break;
	case HTTP_ROUTE_METADATA:
		on_metadata(x, target);
		break;
	case HTTP_ROUTE_ALIVE:
		http_health_alive(x);
		break;
	case HTTP_ROUTE_READY:
		http_health_ready(x);
		break;
	case HTTP_ROUTE_METRICS:
		http_metrics(x);
		break;
	case HTTP_ROUTE_TO_MESSAGES:
		http_answer_redirect(x, HTTP_PATH_MESSAGES, target->query);
		break;
	case HTTP_ROUTE_TO_SSE:
		http_answer_redirect(x, HTTP_PATH_SSE, target->query);
		break;
	case HTTP_ROUTE_TO_MCP:
		http_answer_redirect(x, HTTP_PATH_MCP, target->query);
		break;
	case HTTP_ROUTE_NONE:
		http_answer(x, 404, "Not Found");
		break;
	}
}

static void
refuse_for_now(struct http_exchange *x, const char *why)
{
	http_add_header(x, "Connection", "close");
	http_refuse(x, 503, HTTP_RETRY_SOON_S, why);
}

bool
http_takes_work(struct http_exchange *x)
{
	if (!x->http->draining)
		return true;
	refuse_for_now(x, "The gateway is stopping");
	return false;
}

/*
 * Is there a reason why nobody is served?  True when it was answered.  While we
 * stop, what belongs to work under way may still come: a client answers what it
 * was asked, cancels, or comes back for an answer.
 */
static bool
is_away(struct http_exchange *x, enum http_route route)
{
	if (x->http->front->policy == NULL) {
		refuse_for_now(x, "The gateway is starting");
		return true;
	}
	return route != HTTP_ROUTE_MCP && route != HTTP_ROUTE_MESSAGES &&
	    !http_takes_work(x);
}

static void
answer_request(struct http_exchange *x, const char *text)
{
	struct http_target target;
	bool probe;

	http_target_read(&target, text);
	x->path = target.path;
	x->path_len = target.path_len;
	x->streamable =
	    target.route == HTTP_ROUTE_MCP || target.route == HTTP_ROUTE_TO_MCP;
	probe = target.route == HTTP_ROUTE_ALIVE ||
	    target.route == HTTP_ROUTE_READY;
	if (x->http->front->policy != NULL && !http_access_check(x, probe))
		return;
	if (probe && x->method != EVHTTP_REQ_OPTIONS) {
		run_route(x, &target);
		return;
	}
	if (is_away(x, target.route) || !http_auth_admit(x))
		return;
	if (x->method == EVHTTP_REQ_OPTIONS)
		on_options(x, target.route);
	else
		run_route(x, &target);
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
		case HTTP_HEADER_ACCEPT:
			x->accepts |= http_accepts(header->value);
			break;
		case HTTP_HEADER_MCP_PROTOCOL_VERSION:
			x->protocol_version = header->value;
			break;
		case HTTP_HEADER_MCP_SESSION_ID:
			x->session_id = header->value;
			break;
		case HTTP_HEADER_LAST_EVENT_ID:
			x->last_event_id = header->value;
			break;
		case HTTP_HEADER_OTHER:
		case HTTP_HEADER_CONTENT_LENGTH:
		case HTTP_HEADER_TRANSFER_ENCODING:
		case HTTP_HEADER_EXPECT:
		case HTTP_HEADER_MCP_METHOD:
		case HTTP_HEADER_MCP_NAME:
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
	if (x.accepts == 0) /* no such header */
		x.accepts = HTTP_ACCEPTS_ALL;
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
	const struct policy *policy = front->policy;
	size_t links =
	    policy->backend_count + policy_instances(policy, INSTANCES_MAX);

	if (principals_update(front->principals, policy) == -1)
		return -1;
	guard_set_limits(front->guard, &policy->limits, links);
	sessions_follow_policy(front->sessions);
	return 0;
}

void
http_drain(struct http_server *http)
{
	http->draining = true;
}
