/*
 * http_streamable.c: Streamable HTTP for clients of 2025-03-26 to 2025-11-25:
 * POST, GET and DELETE of one endpoint.  MCP transports, "Streamable HTTP".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "proto/buf.h"
#include "proto/jsonrpc.h"
#include "proto/log.h"
#include "proto/mcp.h"

#include "dispatch.h"
#include "front.h"
#include "http_parts.h"
#include "http_words.h"
#include "policy.h"
#include "principal.h"
#include "session.h"

/* What implementations of MCP use for refusals by a transport. */
#define TRANSPORT_ERROR   (-32000)
#define SESSION_NOT_FOUND (-32001)

#define METHODS "GET, POST, DELETE"

static const struct json_span absent = { NULL, 0 };

/* A JSON-RPC error in place of an answer. */
static void
refuse(struct http_exchange *x, int status, struct json_span id, int code,
    const char *text)
{
	struct buf error = { 0 };

	if (rpc_add_error(&error, id, code, text, absent) == 0)
		http_answer_json(x, status, buf_data(&error), buf_len(&error));
	else
		http_refuse(x, status, 0, "Out of memory");
	buf_free(&error);
}

/* ---- what every request must have ------------------------------------- */

/* MCP 2025-06-18, "Protocol Version Header". */
static bool
check_version(struct http_exchange *x)
{
	const char *version = x->protocol_version;
	const struct mcp_revision *revision;

	if (version == NULL)
		return true;
	revision = mcp_revision_find(version, strlen(version));
	if (revision != NULL && revision->legacy)
		return true;
	refuse(x, 400, absent, TRANSPORT_ERROR,
	    "Bad Request: Unsupported protocol version (supported versions: "
	    "2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07)");
	return false;
}

/* The session of a request, used once more; NULL when it was answered. */
static struct session *
find_session(struct http_exchange *x, const struct principal *principal,
    const struct session_endpoint *endpoint)
{
	struct session *session = NULL;
	const char *id = x->session_id;

	if (id == NULL) {
		refuse(x, 400, absent, TRANSPORT_ERROR,
		    "Bad Request: Mcp-Session-Id header is required");
		return NULL;
	}
	/* Whose else's it is, is nobody's business. */
	if (session_find(x->http->front->sessions, id, strlen(id), &session) ==
		SESSION_FOUND &&
	    session->streamable && session->principal == principal &&
	    http_endpoint_matches(endpoint, session) && session_touch(session))
		return session;
	refuse(x, 404, absent, SESSION_NOT_FOUND, "Session not found");
	return NULL;
}

/* ---- POST ------------------------------------------------------------- */

/* A request: its answer is the answer to the POST. */
static void
on_request(struct http_exchange *x, struct session *session,
    const struct rpc_message *msg, bool opens)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(x->req);
	struct stream *stream = stream_open_post(session, x->req, 1);
	struct stream *last;
	uint32_t number;

	if (stream == NULL) {
		if (opens)
			session_close(session, "out of memory");
		http_refuse(x, 503, HTTP_RETRY_SOON_S, "Out of memory");
		return;
	}
	number = session->last_stream;
	stream->opens = opens;
	dispatch_request(stream, msg);
	/* It is gone when it was answered at once. */
	last = TAILQ_LAST(&session->streams, stream_list);
	if (last == NULL || last->number != number)
		return;
	evbuffer_drain(body, evbuffer_get_length(body));
	stream_wait(last);
}

/* The first request of a client. */
static void
on_initialize(struct http_exchange *x, struct principal *principal,
    const struct session_endpoint *endpoint, const struct rpc_message *msg)
{
	struct sessions *sessions = x->http->front->sessions;
	struct session *session;
	const char *problem;

	if (!http_takes_work(x))
		return;
	if ((problem = rpc_check_params(msg)) != NULL) {
		refuse(x, 400, msg->id, RPC_INVALID_PARAMS, problem);
		return;
	}
	if (!sessions_make_room(sessions, principal)) {
		principal->refused++;
		http_refuse(x, 503, HTTP_RETRY_LATER_S, "Too many sessions");
		return;
	}
	if ((session = session_open(sessions, principal, endpoint)) == NULL) {
		http_refuse(x, 503, HTTP_RETRY_SOON_S, "Out of memory");
		return;
	}
	on_request(x, session, msg, true);
}

/* How many requests a batch has; -1 when it has an initialize. */
static ssize_t
count_requests(struct http_batch batch)
{
	struct json_span element;
	struct rpc_problem problem;
	struct rpc_message msg;
	ssize_t n = 0;

	while (json_iter_element(&batch.elements, &element)) {
		if (rpc_parse(&msg, element.at, element.len, &problem) == -1)
			n++; /* gets an answer, too */
		else if (msg.method == MCP_INITIALIZE)
			return -1;
		else if (msg.kind == RPC_REQUEST)
			n++;
	}
	return n;
}

/* MCP 2025-03-26, "Batching".  Answers come as events, each when it is there.
 */
static void
on_batch(struct http_exchange *x, struct session *session, const char *text,
    size_t len)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(x->req);
	struct http_batch batch;
	struct stream *stream = NULL;
	ssize_t requests;

	if (!http_batch_read(&batch, session, text, len) ||
	    (requests = count_requests(batch)) == -1) {
		refuse(x, 400, absent, RPC_INVALID_REQUEST,
		    "Invalid Request: no such batch is possible here");
		return;
	}
	if (requests > 0) {
		if (!http_has_room(x, session))
			return;
		/* One more than there are, which is ours. */
		stream =
		    stream_open_post(session, x->req, (uint32_t)requests + 1);
		if (stream == NULL) {
			http_refuse(x, 503, HTTP_RETRY_SOON_S, "Out of memory");
			return;
		}
		stream->batch = true;
	}
	http_batch_run(x, &batch, session, stream);
	evbuffer_drain(body, evbuffer_get_length(body));
	if (stream == NULL) {
		http_answer_empty(x, 202);
		return;
	}
	stream_wait(stream);
	stream_unanswer(stream);
}

/* A message of a session. */
static void
on_message(struct http_exchange *x, struct session *session,
    const struct rpc_message *msg)
{
	if (msg->kind != RPC_REQUEST) {
		dispatch_other(session, msg);
		http_answer_empty(x, 202);
	} else if (msg->method == MCP_INITIALIZE) {
		refuse(x, 400, msg->id, RPC_INVALID_REQUEST,
		    "Invalid Request: Server already initialized");
	} else if (http_takes_work(x) && http_has_room(x, session)) {
		on_request(x, session, msg, false);
	}
}

static bool
check_post(struct http_exchange *x)
{
	if (!http_has_json(x))
		refuse(x, 415, absent, TRANSPORT_ERROR,
		    "Unsupported Media Type: Content-Type must be "
		    "application/json");
	else if ((x->accepts & HTTP_ACCEPTS_ALL) != HTTP_ACCEPTS_ALL)
		refuse(x, 406, absent, TRANSPORT_ERROR,
		    "Not Acceptable: Client must accept both application/json "
		    "and text/event-stream");
	else
		return check_version(x);
	return false;
}

static void
on_post(struct http_exchange *x, struct principal *principal,
    const struct session_endpoint *endpoint)
{
	struct session *session;
	struct rpc_problem problem;
	struct rpc_message msg;
	const char *text;
	size_t len;
	bool valid;

	if (!check_post(x))
		return;
	text = http_body(x, &len);
	valid = rpc_parse(&msg, text, len, &problem) == 0;
	if (valid && msg.kind == RPC_REQUEST && msg.method == MCP_INITIALIZE &&
	    x->session_id == NULL) {
		on_initialize(x, principal, endpoint, &msg);
		return;
	}
	if (!valid && !problem.is_array) {
		refuse(x, 400, problem.id, problem.code, problem.text);
		return;
	}
	if ((session = find_session(x, principal, endpoint)) == NULL)
		return;
	if (valid)
		on_message(x, session, &msg);
	else if (http_takes_work(x))
		on_batch(x, session, text, len);
}

/* ---- GET, DELETE ------------------------------------------------------ */

static void
resume(struct http_exchange *x, struct session *session)
{
	uint32_t stream;
	uint32_t event;

	if (!http_event_id(x->last_event_id, &stream, &event))
		refuse(x, 400, absent, TRANSPORT_ERROR,
		    "Bad Request: this is no event id of ours");
	else if (stream == 0 && event <= session->main_events)
		stream_resume_get(session, x->req, event);
	else if (stream == 0 ||
	    stream_resume_post(session, x->req, stream, event) == -1)
		refuse(x, 400, absent, TRANSPORT_ERROR,
		    "Bad Request: nothing is known of what followed this "
		    "event");
}

static void
on_get(struct http_exchange *x, const struct principal *principal,
    const struct session_endpoint *endpoint)
{
	struct session *session;

	if ((x->accepts & HTTP_ACCEPTS_EVENTS) == 0) {
		refuse(x, 406, absent, TRANSPORT_ERROR,
		    "Not Acceptable: Client must accept text/event-stream");
		return;
	}
	if (!check_version(x) ||
	    (session = find_session(x, principal, endpoint)) == NULL)
		return;
	if (x->last_event_id != NULL)
		resume(x, session);
	else if (!http_takes_work(x))
		return;
	else if (session_listens(session))
		refuse(x, 409, absent, TRANSPORT_ERROR,
		    "Conflict: Only one SSE stream is allowed per session");
	else
		stream_open_get(session, x->req);
}

/* MCP transports, "Session Management", 5. */
static void
on_delete(struct http_exchange *x, const struct principal *principal,
    const struct session_endpoint *endpoint)
{
	struct session *session;

	if (!check_version(x) ||
	    (session = find_session(x, principal, endpoint)) == NULL)
		return;
	session_close(session, "its client ended it");
	http_answer_empty(x, 200);
}

void
http_streamable(struct http_exchange *x, struct session_endpoint *endpoint,
    const char *query)
{
	struct principal *principal;

	endpoint->streamable = true;
	endpoint->spelling = NAMES_SAFE;
	if ((principal = http_auth_principal(x)) == NULL ||
	    !http_endpoint_check(x, principal, endpoint, query))
		return;
	switch (x->method) {
	case EVHTTP_REQ_POST:
		on_post(x, principal, endpoint);
		break;
	case EVHTTP_REQ_GET:
		on_get(x, principal, endpoint);
		break;
	case EVHTTP_REQ_DELETE:
		on_delete(x, principal, endpoint);
		break;
	default:
		http_add_header(x, "Allow", METHODS);
		refuse(x, 405, absent, TRANSPORT_ERROR, "Method not allowed.");
		break;
	}
}
