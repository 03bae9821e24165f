#include "link_parts.h"

#include <string.h>

#include "proto/buf.h"
#include "proto/log.h"
#include "proto/mcp.h"

#include "adapt_session.h"
#include "ask.h"
#include "catalogue.h"
#include "front.h"
#include "instances.h"
#include "lists.h"
#include "session.h"

/* ---- what the backend is ---------------------------------------------- */

/* For people and models; without memory for them they are not told. */
static void
read_instructions(struct link *link, struct json_span text)
{
	buf_consume(&link->instructions, buf_len(&link->instructions));
	if (json_kind(text) == JSON_STRING && text.len > 2 &&
	    text.len <= LINK_INSTRUCTIONS_MAX)
		(void)buf_add(&link->instructions, text.at, text.len);
}

static void
read_capabilities(struct link *link, struct json_span result)
{
	struct json_span capabilities = json_get(result, "capabilities");
	struct json_span version = json_get(result, "protocolVersion");
	struct json_span subscribe;
	const struct mcp_revision *revision = NULL;
	char text[32];
	ssize_t n;

	n = json_string_decode(version, text, sizeof(text));
	if (n >= 0)
		revision = mcp_revision_find(text, (size_t)n);
	link->completes = revision == NULL ||
	    !revision->completions_capability ||
	    json_get(capabilities, "completions").at != NULL;
	link->logs = json_get(capabilities, "logging").at != NULL;
	read_instructions(link, json_get(result, "instructions"));
	subscribe = json_get(json_get(capabilities, "resources"), "subscribe");
	link->subscribes =
	    json_kind(subscribe) == JSON_BOOLEAN && *subscribe.at == 't';
}

/* First on every link, and again when the backend was greeted anew: then what
 * is in flight goes on. */
static void
on_greeting(struct link *link, const char *json, size_t len)
{
	struct json_span result = { json, len };
	struct json_scan scan;

	if (json_scan(json, len, NULL, 0, NULL, &scan) == -1 ||
	    json_kind(result) != JSON_OBJECT) {
		log_error(
		    "backend %s: its worker sent no greeting", link->name);
		return;
	}
	read_capabilities(link, result);
	if (link->owner != NULL) {
		instances_greeted(link);
		deferred_queue(link->front->loop, &link->renew);
		return;
	}
	if (!link->greeted)
		link->awaited = (1U << CATALOG_KINDS) - 1;
	link->greeted = true;
	link_came_back(link);
	deferred_queue(link->front->loop, &link->renew);
}

static void
on_catalog(struct link *link, unsigned int kind, const char *json, size_t len)
{
	static const char *const kinds[CATALOG_KINDS] = {
		[CATALOG_TOOLS] = "tools",
		[CATALOG_RESOURCES] = "resources",
		[CATALOG_TEMPLATES] = "resource templates",
		[CATALOG_PROMPTS] = "prompts",
	};
	size_t skipped;

	if (link->owner != NULL)
		return; /* its backend's are shown */
	if (!link->greeted)
		return; /* GREETING goes first; without it nobody unlists it */
	if (kind >= CATALOG_KINDS ||
	    catalogue_set(link->front->catalogue, link->slot,
		(enum catalog_kind)kind, json, len, &skipped) == -1) {
		log_error(
		    "backend %s: its list %u cannot be used", link->name, kind);
		return;
	}
	if (skipped > 0)
		log_warning("backend %s: %zu of its %s have no usable or no "
			    "unique name and are not shown",
		    link->name, skipped, kinds[kind]);
	/* All four follow the first GREETING: clients are told once. */
	link->awaited &= ~(1U << kind);
	if (link->awaited != 0)
		return;
	lists_changed(link->front);
	if (!link->listed) {
		link->listed = true;
		link_report(link, MSG_LISTED, 0);
	}
}

/* ---- answers ---------------------------------------------------------- */

static struct request *
find_request(struct link *link, uint64_t number)
{
	struct request *request;

	request = request_find(link->front->requests, number);
	if (request == NULL || request->link != link) {
		log_debug(
		    "backend %s: an answer that nobody waits for", link->name);
		return NULL;
	}
	return request;
}

/* The id is the client's own again; what else changes is up to the client's
 * revision, and to URIs that several backends have. */
static void
pass_response(
    struct link *link, struct request *request, const struct rpc_message *msg)
{
	struct json_span id = request_bytes(&request->id);
	struct splice answer;
	struct buf adapted = { 0 };

	if (msg->kind == RPC_ERROR)
		asks_note_required(link, request->session, msg->error);
	splice_init(&answer, msg->text.at, msg->text.len);
	splice_replace(&answer, msg->id, id.at, id.len);
	if (adapt_session_message(request->session, link->slot, request->method,
		msg, &answer, &adapted) == 0)
		stream_answer(request->stream, &answer, msg->newline);
	else
		stream_answer_error(request->stream, id, RPC_INTERNAL_ERROR,
		    "The answer cannot be shown to a client of this revision: "
		    "it would become too long",
		    link_data(link, LINK_UNKNOWN));
	buf_free(&adapted);
}

/* The backend's answer. */
static void
on_response(struct link *link, uint64_t number, const char *json, size_t len)
{
	struct request *request = find_request(link, number);
	struct rpc_problem problem;
	struct rpc_message msg;
	struct json_span id;
	enum subscription_outcome outcome = SUBSCRIPTION_UNKNOWN;
	enum request_end_kind end = REQUEST_FAILED;

	if (request == NULL)
		return;
	request->answer_len = (uint32_t)len;
	id = request_bytes(&request->id);
	if (rpc_parse(&msg, json, len, &problem) == -1 ||
	    (msg.kind != RPC_RESULT && msg.kind != RPC_ERROR) ||
	    msg.id.at == NULL) {
		stream_answer_error(request->stream, id, RPC_INTERNAL_ERROR,
		    "The backend's answer is not valid JSON-RPC",
		    link_data(link, LINK_UNKNOWN));
	} else {
		pass_response(link, request, &msg);
		end = msg.kind == RPC_RESULT ? REQUEST_ANSWERED
					     : REQUEST_BACKEND_ERROR;
		outcome = msg.kind == RPC_RESULT ? SUBSCRIPTION_ACCEPTED
						 : SUBSCRIPTION_REFUSED;
	}
	link_end(link, request, end, outcome);
}

/* What a FAIL says of what it speaks of: did it run? */
static enum subscription_outcome
outcome_of(struct json_span error)
{
	struct json_span outcome = json_get(json_get(error, "data"), "outcome");

	return json_string_is(outcome, "not_sent") ||
		json_string_is(outcome, "refused")
	    ? SUBSCRIPTION_REFUSED
	    : SUBSCRIPTION_UNKNOWN;
}

/* The gateway's own failure in place of an answer. */
static void
on_fail(struct link *link, uint64_t number, const char *json, size_t len)
{
	struct request *request = find_request(link, number);
	enum subscription_outcome outcome = SUBSCRIPTION_UNKNOWN;
	struct json_span error = { json, len };
	struct json_span id;
	struct json_scan scan;
	struct buf text = { 0 };

	if (request == NULL)
		return;
	id = request_bytes(&request->id);
	if (json_scan(json, len, NULL, 0, NULL, &scan) == -1 ||
	    json_kind(error) != JSON_OBJECT || scan.newline) {
		stream_answer_error(request->stream, id, RPC_INTERNAL_ERROR,
		    "The request failed", link_data(link, LINK_UNKNOWN));
		link_end(link, request, REQUEST_FAILED, outcome);
		return;
	}
	outcome = outcome_of(error);
	if (buf_add_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":") == 0 &&
	    buf_add(&text, id.at, id.len) == 0 &&
	    buf_add_text(&text, ",\"error\":") == 0 &&
	    buf_add(&text, json, len) == 0 && buf_add_text(&text, "}") == 0)
		stream_answer_text(
		    request->stream, buf_data(&text), buf_len(&text));
	else
		stream_unanswer(request->stream);
	buf_free(&text);
	link_end(link, request, REQUEST_FAILED, outcome);
}

/* A log message goes to who asked for its level. */
static void
send_message(struct stream *stream, const struct rpc_message *msg)
{
	struct splice text;

	if (stream->session->level > mcp_level_find(msg->level))
		return;
	splice_init(&text, msg->text.at, msg->text.len);
	stream_send(stream, &text, msg->newline);
}

/* Progress: the token becomes the client's own again. */
static void
send_progress(struct request *request, const struct rpc_message *msg)
{
	struct json_span token = request_bytes(&request->token);
	struct splice event;

	if (token.at == NULL || msg->progress_token.at == NULL)
		return;
	splice_init(&event, msg->text.at, msg->text.len);
	splice_replace(&event, msg->progress_token, token.at, token.len);
	stream_send(request->stream, &event, msg->newline);
}

/* A notification that belongs to one request. */
static void
on_event(struct link *link, uint64_t number, const char *json, size_t len)
{
	struct request *request;
	struct rpc_problem problem;
	struct rpc_message msg;

	request = request_find(link->front->requests, number);
	if (request == NULL || request->link != link ||
	    rpc_parse(&msg, json, len, &problem) == -1 ||
	    msg.kind != RPC_NOTIFICATION)
		return;
	if (msg.method == MCP_PROGRESS)
		send_progress(request, &msg);
	else if (msg.method == MCP_MESSAGE)
		send_message(request->stream, &msg);
}

/* ---- the whole backend ------------------------------------------------ */

/* One who does not see the backend shall not hear from it. */
static bool
hears_of(const void *arg, const struct session *session)
{
	const struct catalogue_lens lens = session_lens(session);
	const struct link *link = arg;

	return catalogue_sees(link->front->catalogue, &lens, link->slot);
}

/*
 * A log message of the whole backend.  It may be about what one client asked
 * for, so it goes to that client alone: the one with requests in flight.  While
 * nobody has any it is news for all who see the backend; while several have,
 * whose it is cannot be told, and nobody gets it.
 */
static void
on_message(struct link *link, const struct rpc_message *msg)
{
	struct splice text;
	struct request *request;
	struct request *only = NULL;

	TAILQ_FOREACH (request, &link->requests, of_link) {
		if (only != NULL && only->session != request->session)
			return;
		only = request;
	}
	if (only != NULL) {
		send_message(only->stream, msg);
		return;
	}
	if (link->owner != NULL) {
		if (link->owner->main != NULL)
			send_message(link->owner->main, msg);
		return;
	}
	splice_init(&text, msg->text.at, msg->text.len);
	sessions_send(link->front->sessions, mcp_level_find(msg->level), &text,
	    msg->newline, hears_of, link);
}

struct update {
	const struct link *link;
	const struct rpc_message *msg;
};

static void
deliver_update(
    void *arg, struct session *session, const char *shown, size_t len)
{
	const struct update *update = arg;
	const struct rpc_message *msg = update->msg;
	struct splice text;
	struct buf uri = { 0 };

	if (!hears_of(update->link, session))
		return;
	splice_init(&text, msg->text.at, msg->text.len);
	if (shown != NULL && json_add_string(&uri, shown, len) == 0)
		splice_replace(&text, msg->uri, buf_data(&uri), buf_len(&uri));
	session_send(session, &text, msg->newline);
	buf_free(&uri);
}

/* A resource changed: news for those who subscribed to it, and nobody else. */
static void
on_updated(struct link *link, const struct rpc_message *msg)
{
	struct update update = { link, msg };
	char uri[MSG_URI_MAX];
	ssize_t len;

	if (msg->text.len > LINK_UPDATE_MAX)
		return;
	len = json_string_decode(msg->uri, uri, sizeof(uri));
	if (len >= 0)
		subscriptions_updated(link->front->subscriptions, link->place,
		    uri, (size_t)len, deliver_update, &update);
}

static void
on_notify(struct link *link, const char *json, size_t len)
{
	struct rpc_problem problem;
	struct rpc_message msg;

	if (rpc_parse(&msg, json, len, &problem) == -1 ||
	    msg.kind != RPC_NOTIFICATION)
		return;
	if (msg.method == MCP_MESSAGE)
		on_message(link, &msg);
	else if (msg.method == MCP_RESOURCES_UPDATED)
		on_updated(link, &msg);
	else if (msg.method == MCP_ELICITATION_COMPLETE)
		asks_complete(link, &msg);
}

void
link_on_frame(
    void *arg, const struct frame *frame, const char *payload, int *fd)
{
	struct link *link = arg;

	(void)fd;
	switch ((enum msg_type)frame->type) {
	case MSG_RESPONSE:
		on_response(link, frame->id, payload, frame->length);
		break;
	case MSG_EVENT:
		on_event(link, frame->id, payload, frame->length);
		break;
	case MSG_FAIL:
		on_fail(link, frame->id, payload, frame->length);
		break;
	case MSG_NOTIFY:
		on_notify(link, payload, frame->length);
		break;
	case MSG_GREETING:
		on_greeting(link, payload, frame->length);
		break;
	case MSG_CATALOG:
		on_catalog(link, frame->flags, payload, frame->length);
		break;
	case MSG_ASK:
		asks_begin(
		    link, frame->id, frame->client, payload, frame->length);
		break;
	case MSG_RETRACT:
		asks_retract(link, frame->client, payload, frame->length);
		break;
	case MSG_HELLO:
	case MSG_SETUP:
	case MSG_READY:
	case MSG_LOG:
	case MSG_OBITUARY:
	case MSG_LOGLEVEL:
	case MSG_LISTEN:
	case MSG_UNLISTEN:
	case MSG_POLICY:
	case MSG_BACKEND:
	case MSG_LINK:
	case MSG_JOB_STDIN:
	case MSG_JOB_STDOUT:
	case MSG_JOB_STDERR:
	case MSG_STOP:
	case MSG_REQUEST:
	case MSG_CANCEL:
	case MSG_CLIENT_LEVEL:
	case MSG_SUBSCRIBE:
	case MSG_UNSUBSCRIBE:
	case MSG_PING:
	case MSG_PONG:
	case MSG_LISTED:
	case MSG_DRAIN:
	case MSG_DRAINED:
	case MSG_QUERY:
	case MSG_REPORT:
	case MSG_CONTROL:
	case MSG_RESULT:
	case MSG_ANSWER:
	case MSG_ASK_PROGRESS:
	case MSG_ROOTS_CHANGED:
	case MSG_WANT:
	case MSG_INSTANCE:
	case MSG_RELEASE:
		break; /* the channel lets none of these pass */
	}
}
