#include "link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "proto/buf.h"
#include "proto/chan.h"
#include "proto/log.h"
#include "proto/mcp.h"

#include "front.h"
#include "lists.h"
#include "session.h"

struct link {
	struct front *front;
	size_t backend;
	char *name;
	char *error_data[2]; /* error.data for "not_sent" and "unknown" */
	struct chan *chan;   /* NULL while there is no worker */
	bool greeted;        /* GREETING came: requests may be sent */
	bool completes;
	bool logs;
	char state[16];
	char reason[512]; /* why it is not there, for callers; "" unknown */
	struct request_list requests;
	size_t request_count;
};

enum outcome {
	NOT_SENT,
	UNKNOWN, /* it may have run */
};

static struct json_span
outcome_data(const struct link *link, enum outcome outcome)
{
	struct json_span data = { link->error_data[outcome],
		strlen(link->error_data[outcome]) };

	return data;
}

/* ---- ending requests -------------------------------------------------- */

static void
link_end(struct link *link, struct request *request)
{
	request_end(link->front->requests, request);
	link->request_count--;
}

/* Every request in flight gets its one answer. */
static void
link_fail_all(struct link *link, const char *why)
{
	struct request *request;
	char text[768];
	size_t count = 0;

	snprintf(text, sizeof(text),
	    "Backend \"%s\" was lost while it worked on this request: %s",
	    link->name, why);
	while ((request = TAILQ_FIRST(&link->requests)) != NULL) {
		struct session *session = request->session;

		session_send_error(session, request_bytes(&request->id),
		    RPC_INTERNAL_ERROR, text, outcome_data(link, UNKNOWN));
		link_end(link, request);
		count++;
	}
	if (count > 0)
		log_warning("backend %s: %zu requests failed: %s", link->name,
		    count, why);
}

void
link_cancel(struct request *request, struct json_span reason)
{
	struct link *link = request->link;
	struct frame frame = { 0 };

	if (link->chan != NULL) {
		frame.type = MSG_CANCEL;
		frame.id = request->number;
		frame.client = request->session->handle;
		if (reason.at != NULL && reason.len <= MSG_CANCEL_MAX)
			frame.length = (uint32_t)reason.len;
		(void)chan_send(link->chan, &frame, reason.at);
	}
	link_end(link, request);
}

/* ---- from the worker -------------------------------------------------- */

static void
on_greeting(struct link *link, const char *json, size_t len)
{
	struct json_span result = { json, len };
	struct json_span capabilities;
	struct json_span version;
	const struct mcp_revision *revision = NULL;
	struct json_scan scan;
	char text[32];
	ssize_t n;

	if (json_scan(json, len, NULL, 0, NULL, &scan) == -1 ||
	    json_kind(result) != JSON_OBJECT) {
		log_error(
		    "backend %s: its worker sent no greeting", link->name);
		return;
	}
	version = json_get(result, "protocolVersion");
	n = json_string_decode(version, text, sizeof(text));
	if (n >= 0)
		revision = mcp_revision_find(text, (size_t)n);
	capabilities = json_get(result, "capabilities");
	link->completes = revision == NULL || !revision->completions_capability;
	link->logs = false;
	if (json_kind(capabilities) == JSON_OBJECT) {
		if (json_get(capabilities, "completions").at != NULL)
			link->completes = true;
		link->logs = json_get(capabilities, "logging").at != NULL;
	}
	link->greeted = true;
	if (sessions_level(link->front->sessions) >= 0)
		link_set_level(link,
		    (enum mcp_level)sessions_level(link->front->sessions));
}

static void
on_catalog(struct link *link, unsigned int kind, const char *json, size_t len)
{
	size_t skipped;

	if (kind >= CATALOG_KINDS ||
	    catalogue_set(link->front->catalogue, link->backend,
		(enum catalog_kind)kind, json, len, &skipped) == -1) {
		log_error(
		    "backend %s: its list %u cannot be used", link->name, kind);
		return;
	}
	if (skipped > 0)
		log_warning("backend %s: %zu items of list %u have no usable "
			    "or no unique name and are not shown",
		    link->name, skipped, kind);
	lists_changed(link->front);
}

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

/* The backend's answer: only its id changes. */
static void
on_response(struct link *link, uint64_t number, const char *json, size_t len)
{
	struct request *request = find_request(link, number);
	struct rpc_problem problem;
	struct rpc_message msg;
	struct splice answer;
	struct json_span id;

	if (request == NULL)
		return;
	id = request_bytes(&request->id);
	if (rpc_parse(&msg, json, len, &problem) == -1 ||
	    (msg.kind != RPC_RESULT && msg.kind != RPC_ERROR) ||
	    msg.id.at == NULL) {
		session_send_error(request->session, id, RPC_INTERNAL_ERROR,
		    "The backend's answer is not valid JSON-RPC",
		    outcome_data(link, UNKNOWN));
	} else {
		splice_init(&answer, json, len);
		splice_replace(&answer, msg.id, id.at, id.len);
		session_send(request->session, &answer, msg.newline);
	}
	link_end(link, request);
}

/* The gateway's own failure in place of an answer. */
static void
on_fail(struct link *link, uint64_t number, const char *json, size_t len)
{
	struct request *request = find_request(link, number);
	struct json_span error = { json, len };
	struct json_span id;
	struct json_scan scan;
	struct buf text = { 0 };

	if (request == NULL)
		return;
	id = request_bytes(&request->id);
	if (json_scan(json, len, NULL, 0, NULL, &scan) == -1 ||
	    json_kind(error) != JSON_OBJECT) {
		session_send_error(request->session, id, RPC_INTERNAL_ERROR,
		    "The request failed", outcome_data(link, UNKNOWN));
	} else if (buf_add_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":") == 0 &&
	    buf_add(&text, id.at, id.len) == 0 &&
	    buf_add_text(&text, ",\"error\":") == 0 &&
	    buf_add(&text, json, len) == 0 && buf_add_text(&text, "}") == 0) {
		session_send_text(
		    request->session, buf_data(&text), buf_len(&text));
	}
	buf_free(&text);
	link_end(link, request);
}

/* Progress of one request: the token becomes the client's own again. */
static void
on_event(struct link *link, uint64_t number, const char *json, size_t len)
{
	struct request *request;
	struct rpc_problem problem;
	struct rpc_message msg;
	struct splice event;
	struct json_span token;

	request = request_find(link->front->requests, number);
	if (request == NULL || request->link != link)
		return;
	token = request_bytes(&request->token);
	if (token.at == NULL || rpc_parse(&msg, json, len, &problem) == -1 ||
	    msg.method != MCP_PROGRESS || msg.progress_token.at == NULL)
		return;
	splice_init(&event, json, len);
	splice_replace(&event, msg.progress_token, token.at, token.len);
	session_send(request->session, &event, msg.newline);
}

/*
 * A log message of the whole backend.  It may be about what one client asked
 * for, so it goes to that client alone: the one with requests in flight.  While
 * nobody has any it is news for all; while several have, whose it is cannot be
 * told, and nobody gets it.
 */
static void
on_notify(struct link *link, const char *json, size_t len)
{
	struct splice text;
	struct rpc_problem problem;
	struct rpc_message msg;
	struct request *request;
	struct session *only = NULL;
	int level;

	if (rpc_parse(&msg, json, len, &problem) == -1 ||
	    msg.method != MCP_MESSAGE)
		return;
	level = mcp_level_find(msg.level);
	splice_init(&text, json, len);
	TAILQ_FOREACH (request, &link->requests, of_link) {
		if (only != NULL && only != request->session)
			return;
		only = request->session;
	}
	if (only == NULL)
		sessions_send(link->front->sessions, level, &text, msg.newline);
	else if (only->level <= level)
		session_send(only, &text, msg.newline);
}

static void
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
	case MSG_HELLO:
	case MSG_SETUP:
	case MSG_READY:
	case MSG_LOG:
	case MSG_OBITUARY:
	case MSG_LOGLEVEL:
	case MSG_LISTEN:
	case MSG_BACKEND:
	case MSG_LINK:
	case MSG_JOB_STDIN:
	case MSG_JOB_STDOUT:
	case MSG_JOB_STDERR:
	case MSG_STOP:
	case MSG_REQUEST:
	case MSG_CANCEL:
	case MSG_CLIENT_LEVEL:
		break; /* the channel lets none of these pass */
	}
}

static void
link_on_closed(void *arg, const char *why)
{
	struct link *link = arg;

	log_debug("backend %s: link closed: %s", link->name, why);
	link->greeted = false;
	chan_free(&link->chan);
	link_fail_all(
	    link, strcmp(why, "closed") == 0 ? "its process ended" : why);
}

/* ---- to the worker ---------------------------------------------------- */

void
link_attach(struct link *link, int *fd)
{
	static const struct chan_handlers handlers = {
		.frame = link_on_frame,
		.closed = link_on_closed,
	};

	if (link->chan != NULL) {
		link->greeted = false;
		chan_free(&link->chan);
		link_fail_all(link, "its process was replaced");
	}
	link->chan = chan_new(
	    link->front->loop, fd, ROLE_FRONT, ROLE_WORKER, &handlers, link);
	if (link->chan == NULL) {
		log_error(
		    "backend %s: no link: %s", link->name, strerror(errno));
		return;
	}
	chan_set_queue_max(link->chan, LINK_QUEUE_MAX);
	chan_set_socket_buffer(link->chan, LINK_SOCKET_BUFFER);
}

static size_t
put_number(char *dst, uint64_t number)
{
	char text[REQUEST_NUMBER_MAX + 3];
	size_t n = 0;

	do
		text[n++] = (char)('0' + number % 10);
	while (number /= 10);
	for (size_t i = 0; i < n; i++)
		dst[i] = text[n - 1 - i];
	return n;
}

static void
refuse(struct link *link, struct session *session,
    const struct rpc_message *msg, const char *why)
{
	char text[768];

	snprintf(text, sizeof(text), "Backend \"%s\" %s", link->name, why);
	session_send_error(session, msg->id, RPC_INTERNAL_ERROR, text,
	    outcome_data(link, NOT_SENT));
}

static void
refuse_absent(
    struct link *link, struct session *session, const struct rpc_message *msg)
{
	char why[640];

	snprintf(why, sizeof(why), "is not running (%s)%s%s", link->state,
	    link->reason[0] != '\0' ? ": " : "", link->reason);
	refuse(link, session, msg, why);
}

void
link_request(struct link *link, struct session *session,
    const struct rpc_message *msg, struct json_span what, struct json_span with)
{
	char number[REQUEST_NUMBER_MAX + 3];
	struct frame frame = { .type = MSG_REQUEST };
	struct request *request;
	struct splice text;
	size_t digits;
	char *place;

	if (link->chan == NULL || !link->greeted) {
		refuse_absent(link, session, msg);
		return;
	}
	if (session->request_count >= SESSION_REQUESTS_MAX) {
		refuse(link, session, msg,
		    "was not asked: this session has too many requests in "
		    "flight");
		return;
	}
	if (link->request_count >= LINK_REQUESTS_MAX) {
		refuse(link, session, msg,
		    "was not asked: it has too many requests in flight");
		return;
	}
	request = request_begin(link->front->requests, link, session, msg->id,
	    msg->meta_progress_token);
	if (request == NULL) {
		refuse(link, session, msg,
		    "was not asked: the gateway has too many requests in "
		    "flight");
		return;
	}
	link->request_count++;
	digits = put_number(number, request->number);
	splice_init(&text, msg->text.at, msg->text.len);
	splice_replace(&text, msg->id, number, digits);
	if (with.at != NULL)
		splice_replace(&text, what, with.at, with.len);
	if (msg->meta_progress_token.at != NULL)
		splice_replace(&text, msg->meta_progress_token, number, digits);
	frame.id = request->number;
	frame.client = session->handle;
	frame.length = (uint32_t)splice_length(&text);
	if ((place = chan_send_in_place(link->chan, &frame)) == NULL) {
		refuse(link, session, msg,
		    "does not read its requests; try again later");
		link_end(link, request);
		return;
	}
	splice_write(&text, place);
	if (msg->newline)
		json_flatten(place, frame.length);
}

void
link_set_level(struct link *link, enum mcp_level level)
{
	struct frame frame = { .type = MSG_CLIENT_LEVEL };

	if (link->chan == NULL || !link->greeted || !link->logs)
		return;
	frame.flags = (uint16_t)level;
	(void)chan_send(link->chan, &frame, NULL);
}

/* ---- what the supervisor says ----------------------------------------- */

/*
 * A backend that will be back at once keeps its place in the lists: clients
 * would only learn of two changes that cancel out.  One that stays away loses
 * it.
 */
#define LINK_ABSENT_MS 2000

int
link_set_state(struct link *link, const char *json, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;
	struct json_object *value;
	const char *state = NULL;
	int64_t retry_ms = -1;

	if (tokener == NULL)
		return -1;
	object = json_tokener_parse_ex(tokener, json, (int)len);
	json_tokener_free(tokener);
	if (object == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (json_object_object_get_ex(object, "state", &value))
		state = json_object_get_string(value);
	if (state == NULL) {
		json_object_put(object);
		errno = EINVAL;
		return -1;
	}
	strlcpy(link->state, state, sizeof(link->state));
	link->reason[0] = '\0';
	if (json_object_object_get_ex(object, "error", &value) && value != NULL)
		strlcpy(link->reason, json_object_get_string(value),
		    sizeof(link->reason));
	if (json_object_object_get_ex(object, "retry_ms", &value) &&
	    value != NULL)
		retry_ms = json_object_get_int64(value);
	json_object_put(object);
	if (strcmp(link->state, "failed") == 0 ||
	    strcmp(link->state, "down") == 0 || retry_ms >= LINK_ABSENT_MS) {
		catalogue_clear(link->front->catalogue, link->backend);
		lists_changed(link->front);
	}
	return 0;
}

/* ---- the object ------------------------------------------------------- */

static char *
make_error_data(const char *name, const char *outcome)
{
	struct buf text = { 0 };

	if (buf_add_text(&text, "{\"backend\":") == -1 ||
	    json_add_string(&text, name, strlen(name)) == -1 ||
	    buf_add_format(&text, ",\"outcome\":\"%s\"}", outcome) == -1 ||
	    buf_add(&text, "", 1) == -1) {
		buf_free(&text);
		return NULL;
	}
	return buf_data(&text); /* its memory is the caller's now */
}

struct link *
link_new(struct front *front, size_t backend, const char *name)
{
	struct link *link;

	if ((link = calloc(1, sizeof(*link))) == NULL)
		return NULL;
	TAILQ_INIT(&link->requests);
	link->front = front;
	link->backend = backend;
	strlcpy(link->state, "starting", sizeof(link->state));
	link->name = strdup(name);
	link->error_data[NOT_SENT] = make_error_data(name, "not_sent");
	link->error_data[UNKNOWN] = make_error_data(name, "unknown");
	if (link->name == NULL || link->error_data[NOT_SENT] == NULL ||
	    link->error_data[UNKNOWN] == NULL)
		link_free(&link);
	return link;
}

void
link_free(struct link **link)
{
	if (*link == NULL)
		return;
	chan_free(&(*link)->chan);
	free((*link)->name);
	free((*link)->error_data[NOT_SENT]);
	free((*link)->error_data[UNKNOWN]);
	free(*link);
	*link = NULL;
}

struct request_list *
link_requests(struct link *link)
{
	return &link->requests;
}

bool
link_completes(const struct link *link)
{
	return link->completes;
}
