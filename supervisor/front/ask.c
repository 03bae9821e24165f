#include "ask.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/log.h"

#include "adapt_session.h"
#include "ask_completions.h"
#include "ask_parts.h"
#include "front.h"
#include "link_parts.h"
#include "session.h"

static const struct json_span absent = { NULL, 0 };

/* Decimal digits of an ask's id, and a NUL. */
#define ID_MAX 21

/* ---- to the backend --------------------------------------------------- */

static void
answer_link(struct link *link, uint32_t number, const char *json, size_t len)
{
	struct frame frame = { .type = MSG_ANSWER, .client = number };

	if (link->chan == NULL)
		return;
	frame.length = (uint32_t)len;
	/* A worker that takes nothing is about to be replaced. */
	(void)chan_send(link->chan, &frame, json);
}

static void
refuse(struct link *link, uint32_t number, int code, const char *why)
{
	struct buf text = { 0 };

	if (rpc_add_error(&text, absent, code, why, absent) == 0)
		answer_link(link, number, buf_data(&text), buf_len(&text));
	buf_free(&text);
}

/* ---- to the client ---------------------------------------------------- */

/* Where a client is spoken to about a request, or NULL. */
static struct stream *
stream_about(struct session *session, struct link *link, uint64_t number)
{
	struct request *request = request_find(link->front->requests, number);

	if (request != NULL && request->session == session &&
	    request->stream->request != NULL && !request->stream->dropped)
		return request->stream;
	return session_listens(session) ? session->main : NULL;
}

/* The client shall not answer any more; reason is a JSON string, or absent. */
static void
tell_cancelled(const struct ask *ask, struct json_span reason)
{
	struct stream *stream =
	    stream_about(ask->session, ask->link, ask->request);
	struct buf text = { 0 };
	int failed;

	failed = buf_add_format(&text,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":%llu",
	    (unsigned long long)ask->id);
	if (reason.at != NULL)
		failed |= buf_add_text(&text, ",\"reason\":") |
		    buf_add(&text, reason.at, reason.len);
	failed |= buf_add_text(&text, "}}");
	if (failed == 0 && stream != NULL)
		stream_send_text(stream, buf_data(&text), buf_len(&text));
	buf_free(&text);
}

/* ---- the table -------------------------------------------------------- */

static void
ask_free(struct ask *ask)
{
	struct asks *asks = ask->link->front->asks;

	TAILQ_REMOVE(&asks->all, ask, of_all);
	TAILQ_REMOVE(&ask->link->asks, ask, of_link);
	TAILQ_REMOVE(&ask->session->asks, ask, of_session);
	ask->session->ask_count--;
	asks->count--;
	free(ask);
}

static struct ask *
ask_new(struct link *link, struct session *session, uint64_t request,
    uint32_t number)
{
	struct asks *asks = link->front->asks;
	struct ask *ask;

	if (session->ask_count >= ASKS_SESSION_MAX || asks->count >= ASKS_MAX) {
		errno = EAGAIN;
		return NULL;
	}
	if ((ask = calloc(1, sizeof(*ask))) == NULL)
		return NULL;
	ask->link = link;
	ask->session = session;
	ask->request = request;
	ask->number = number;
	ask->id = ++asks->last_id;
	ask->until_ms = mono_ms() + ASK_MS;
	TAILQ_INSERT_TAIL(&asks->all, ask, of_all);
	TAILQ_INSERT_TAIL(&link->asks, ask, of_link);
	TAILQ_INSERT_TAIL(&session->asks, ask, of_session);
	session->ask_count++;
	asks->count++;
	return ask;
}

static void
asks_arm(struct asks *asks)
{
	struct ask *oldest = TAILQ_FIRST(&asks->all);
	struct timeval wait = { 0, 0 };
	uint64_t now = mono_ms();

	if (oldest == NULL || evtimer_pending(asks->timer, NULL))
		return;
	if (oldest->until_ms > now) {
		wait.tv_sec = (time_t)((oldest->until_ms - now) / 1000);
		wait.tv_usec =
		    (suseconds_t)((oldest->until_ms - now) % 1000) * 1000;
	}
	evtimer_add(asks->timer, &wait);
}

static void
asks_on_timer(evutil_socket_t fd, short what, void *arg)
{
	static const struct json_span reason = { "\"timed out\"", 11 };
	struct asks *asks = arg;
	uint64_t now = mono_ms();
	struct ask *ask;

	(void)fd;
	(void)what;
	while (
	    (ask = TAILQ_FIRST(&asks->all)) != NULL && ask->until_ms <= now) {
		tell_cancelled(ask, reason);
		refuse(ask->link, ask->number, RPC_INTERNAL_ERROR,
		    "The client did not answer within 10 minutes");
		ask_free(ask);
	}
	asks_arm(asks);
}

struct asks *
asks_new(struct front *front)
{
	struct asks *asks;

	if ((asks = calloc(1, sizeof(*asks))) == NULL)
		return NULL;
	TAILQ_INIT(&asks->all);
	asks->timer = evtimer_new(loop_base(front->loop), asks_on_timer, asks);
	if (asks->timer == NULL)
		asks_free(&asks);
	return asks;
}

void
asks_free(struct asks **asks)
{
	if (*asks == NULL)
		return;
	assert(TAILQ_EMPTY(&(*asks)->all));
	if ((*asks)->timer != NULL)
		event_free((*asks)->timer);
	free(*asks);
	*asks = NULL;
}

size_t
asks_count(const struct asks *asks)
{
	return asks->count;
}

/* ---- whom a backend means --------------------------------------------- */

/*
 * The request that an ask belongs to: the one that it came with, if that is
 * still waited for; of one that came with none the newest of the only client
 * that has any there.  NULL: nobody knows.
 */
static struct request *
find_request(struct link *link, uint64_t number)
{
	struct request *request = request_find(link->front->requests, number);
	struct request *newest = NULL;

	if (number != 0)
		return request != NULL && request->link == link ? request
								: NULL;
	TAILQ_FOREACH (request, &link->requests, of_link) {
		if (newest != NULL && newest->session != request->session)
			return NULL;
		newest = request;
	}
	return newest;
}

/* Whom to ask; NULL, with a reason, when nobody can be. */
static struct session *
find_session(struct link *link, uint64_t *number, const char **why)
{
	struct request *request = find_request(link, *number);

	if (*number != 0 && request == NULL) {
		*why = "The request that this belongs to is over";
		return NULL;
	}
	*number = request != NULL ? request->number : 0;
	if (link->owner != NULL)
		return link->owner;
	if (request != NULL)
		return request->session;
	*why = link->request_count == 0
	    ? "No client is being served that could be asked; with "
	      "\"session\": \"per-client\" each has a server of its own"
	    : "Which client is meant cannot be told; with \"session\": "
	      "\"per-client\" or \"auto\" each has a server of its own";
	link_asked_for_nobody(link);
	return NULL;
}

/* ---- ASK -------------------------------------------------------------- */

/* Pass it on: its id and its progress token are ours.  NULL, or what is wrong,
 * and there is no ask any more. */
static const char *
send_ask(struct stream *stream, struct ask *ask, const struct rpc_message *msg)
{
	struct splice text;
	struct buf adapted = { 0 };
	const char *why = NULL;
	char id[ID_MAX];
	int len;

	len = snprintf(id, sizeof(id), "%llu", (unsigned long long)ask->id);
	splice_init(&text, msg->text.at, msg->text.len);
	splice_replace(&text, msg->id, id, (size_t)len);
	if (msg->meta_progress_token.at != NULL)
		splice_replace(
		    &text, msg->meta_progress_token, id, (size_t)len);
	if (adapt_session_message(ask->session, ask->link->slot, msg->method,
		msg, &text, &adapted) == 0)
		stream_send(stream, &text, msg->newline);
	else
		why = errno == ENOTSUP
		    ? "The client's revision cannot be asked this"
		    : "The gateway has too little memory";
	buf_free(&adapted);
	if (why != NULL)
		ask_free(ask);
	return why;
}

/* NULL when it was passed on, else what is wrong. */
static const char *
begin(struct link *link, struct session *session, uint64_t request,
    uint32_t number, const struct rpc_message *msg)
{
	struct stream *stream;
	struct ask *ask;

	if ((stream = stream_about(session, link, request)) == NULL)
		return "The client has no stream open over which it could be "
		       "asked";
	if ((ask = ask_new(link, session, request, number)) == NULL)
		return errno == EAGAIN
		    ? "Too many questions are not answered yet"
		    : "The gateway has too little memory";
	if (msg->method == MCP_ELICITATION_CREATE)
		ask_completions_note(
		    link, session, json_get(msg->params, "elicitationId"));
	asks_arm(link->front->asks);
	return send_ask(stream, ask, msg);
}

static bool
can(const struct session *session, const struct rpc_message *msg)
{
	unsigned int needed = adapt_check_ask(msg->method, msg->params);

	return needed != 0 && (session->capabilities & needed) == needed;
}

void
asks_begin(struct link *link, uint64_t request, uint32_t number,
    const char *json, size_t len)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	struct session *session;
	const uint64_t came_with = request;
	const char *why = NULL;
	int code = RPC_INTERNAL_ERROR;

	if (rpc_parse(&msg, json, len, &problem) == -1 ||
	    msg.kind != RPC_REQUEST)
		why = "This is no request";
	else if ((session = find_session(link, &request, &why)) != NULL &&
	    !can(session, &msg)) {
		code = RPC_METHOD_NOT_FOUND;
		why = "The client did not declare that it can do this";
	} else if (session != NULL)
		why = begin(link, session, request, number, &msg);
	if (why == NULL) {
		TAILQ_LAST(&link->asks, ask_list)->certain =
		    came_with != 0 && came_with == request;
		return;
	}
	log_debug(
	    "backend %s: a question of its is refused: %s", link->name, why);
	refuse(link, number, code, why);
}

void
asks_retract(struct link *link, uint32_t number, const char *reason, size_t len)
{
	struct json_span span = { reason, len };
	struct json_scan scan;
	struct ask *ask;

	TAILQ_FOREACH (ask, &link->asks, of_link)
		if (ask->number == number)
			break;
	if (ask == NULL)
		return; /* answered in the meantime */
	if (len == 0 || json_kind(span) != JSON_STRING ||
	    json_scan(reason, len, NULL, 0, NULL, &scan) == -1 || scan.newline)
		span = absent;
	tell_cancelled(ask, span);
	ask_free(ask);
}

/* ---- what clients say ------------------------------------------------- */

static struct ask *
find_ask(struct session *session, struct json_span id)
{
	struct ask *ask;
	int64_t number;

	if (id.at == NULL || json_integer(id, &number) == -1)
		return NULL;
	TAILQ_FOREACH (ask, &session->asks, of_session)
		if (ask->id == (uint64_t)number)
			return ask;
	return NULL;
}

void
asks_answer(struct session *session, const struct rpc_message *msg)
{
	struct ask *ask = find_ask(session, msg->id);

	if (ask == NULL) {
		log_debug(
		    "session %u: an answer to no question", session->handle);
		return;
	}
	answer_link(ask->link, ask->number, msg->text.at, msg->text.len);
	ask_free(ask);
}

void
asks_progress(struct session *session, const struct rpc_message *msg)
{
	struct frame frame = { .type = MSG_ASK_PROGRESS };
	struct ask *ask = find_ask(session, msg->progress_token);

	if (ask == NULL || ask->link->chan == NULL)
		return;
	frame.client = ask->number;
	frame.length = (uint32_t)msg->text.len;
	(void)chan_send(ask->link->chan, &frame, msg->text.at);
}

/* ---- what ends -------------------------------------------------------- */

void
asks_link_lost(struct link *link)
{
	static const struct json_span reason = { "\"its server is gone\"", 20 };
	struct ask *ask;

	while ((ask = TAILQ_FIRST(&link->asks)) != NULL) {
		tell_cancelled(ask, reason);
		ask_free(ask);
	}
	ask_completions_forget_link(link);
}

void
asks_request_ended(struct link *link, uint64_t request)
{
	static const struct json_span reason = { "\"its request is over\"",
		21 };
	struct ask *ask;
	struct ask *next;

	TAILQ_FOREACH_SAFE (ask, &link->asks, of_link, next) {
		if (ask->request != request)
			continue;
		ask->request = 0; /* whose stream may be gone */
		if (!ask->certain)
			continue;
		tell_cancelled(ask, reason);
		refuse(link, ask->number, RPC_INTERNAL_ERROR,
		    "The request that this belongs to is over");
		ask_free(ask);
	}
}

void
asks_session_gone(struct session *session)
{
	struct ask *ask;

	while ((ask = TAILQ_FIRST(&session->asks)) != NULL) {
		refuse(ask->link, ask->number, RPC_INTERNAL_ERROR,
		    "The client is gone");
		ask_free(ask);
	}
	ask_completions_forget_session(session);
}
