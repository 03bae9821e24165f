/* http_sse.c: HTTP+SSE for clients: a stream for a session, and POSTs. */
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "proto/jsonrpc.h"
#include "proto/log.h"

#include "dispatch.h"
#include "front.h"
#include "http_parts.h"
#include "policy.h"
#include "principal.h"
#include "session.h"

static struct session *
find_session(struct http_exchange *x, const struct principal *principal,
    const char *query)
{
	struct session *session = NULL;
	enum session_lookup found;
	const char *id;
	size_t len;

	/* The second is what the reference server calls it. */
	if ((id = http_query_value(query, "session_id", &len)) == NULL &&
	    (id = http_query_value(query, "sessionId", &len)) == NULL) {
		http_answer(x, 400, "session_id is required");
		return NULL;
	}
	found = session_find(x->http->front->sessions, id, len, &session);
	if (found == SESSION_FOUND && !session->streamable &&
	    session->principal == principal)
		return session;
	/* Whose else's it is, is nobody's business. */
	if (found == SESSION_MALFORMED)
		http_answer(x, 400, "Invalid session ID");
	else
		http_answer(x, 404, "Could not find session");
	return NULL;
}

/* A batch, where JSON-RPC's are not taken away by the revision. */
static void
on_batch(struct http_exchange *x, struct session *session, const char *text,
    size_t len)
{
	struct http_batch batch;

	if (!http_batch_read(&batch, session, text, len)) {
		http_answer(x, 400, "Could not parse message");
		return;
	}
	http_batch_run(x, &batch, session, session->main);
	http_answer(x, 202, "Accepted");
}

void
http_sse_message(struct http_exchange *x, const char *query)
{
	struct principal *principal;
	struct session *session;
	struct rpc_problem problem;
	struct rpc_message msg;
	const char *text;
	size_t len;

	if ((principal = http_auth_principal(x)) == NULL)
		return;
	if (x->method != EVHTTP_REQ_POST) {
		http_answer_method(x, "POST");
		return;
	}
	if (!http_has_json(x)) {
		http_answer(x, 415, "Content-Type must be application/json");
		return;
	}
	if ((session = find_session(x, principal, query)) == NULL)
		return;
	text = http_body(x, &len);
	if (rpc_parse(&msg, text, len, &problem) == -1) {
		if (problem.is_array) {
			if (http_takes_work(x))
				on_batch(x, session, text, len);
			return;
		}
		log_debug("session %u: a message that is not JSON-RPC",
		    session->handle);
		http_answer(x, 400, "Could not parse message");
		return;
	}
	if (msg.kind == RPC_REQUEST &&
	    (!http_takes_work(x) || !http_has_room(x, session)))
		return;
	if (msg.kind == RPC_REQUEST)
		dispatch_request(session->main, &msg);
	else
		dispatch_other(session, &msg);
	http_answer(x, 202, "Accepted");
}

void
http_sse_stream(struct http_exchange *x, struct session_endpoint *endpoint,
    const char *query)
{
	struct sessions *sessions = x->http->front->sessions;
	struct principal *principal;

	endpoint->spelling = NAMES_SLASH;
	if ((principal = http_auth_principal(x)) == NULL)
		return;
	if (x->method != EVHTTP_REQ_GET) {
		http_answer_method(x, "GET");
	} else if (!http_endpoint_check(x, principal, endpoint, query)) {
		return;
	} else if (!sessions_make_room(sessions, principal)) {
		principal->refused++;
		http_refuse(x, 503, HTTP_RETRY_LATER_S, "Too many sessions");
	} else {
		session_open_sse(sessions, x->req, principal, endpoint);
	}
}
