#include "dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/log.h"
#include "proto/mcp.h"

#include "ask.h"
#include "catalogue.h"
#include "dispatch_parts.h"
#include "front.h"
#include "instances.h"
#include "link.h"
#include "session.h"

static const struct json_span absent = { NULL, 0 };

static void
answer_error(struct stream *stream, const struct rpc_message *msg, int code,
    const char *text)
{
	stream_answer_error(stream, msg->id, code, text, absent);
}

/* ---- the session itself ----------------------------------------------- */

static void
on_set_level(struct stream *stream, const struct rpc_message *msg)
{
	struct session *session = stream->session;
	int level = mcp_level_find(msg->level);

	if (level < 0) {
		answer_error(stream, msg, RPC_INVALID_PARAMS,
		    "\"level\" must be debug, info, notice, warning, error, "
		    "critical, alert or emergency");
		return;
	}
	session_set_level(session, (enum mcp_level)level);
	instances_set_level(session);
	stream_answer_result(stream, msg->id, "{}");
}

static void
on_list(struct stream *stream, const struct rpc_message *msg,
    enum catalog_kind kind)
{
	struct session *session = stream->session;
	const struct catalogue_lens lens = session_lens(session);
	struct catalogue_text *text;

	if (catalogue_page(session->front->catalogue, &lens, kind, msg->cursor,
		&text) == -1) {
		answer_error(stream, msg, RPC_INVALID_PARAMS, "Invalid cursor");
		return;
	}
	stream_answer_list(stream, msg->id, text);
	catalogue_text_release(text);
}

/* ---- requests that a backend answers ---------------------------------- */

static void
answer_unknown(struct stream *stream, const struct rpc_message *msg,
    const char *what, struct json_span name)
{
	char text[512];
	char decoded[256];
	ssize_t len = json_string_decode(name, decoded, sizeof(decoded));

	if (errno == ENOTUNIQ)
		snprintf(text, sizeof(text),
		    "Several backends have a %s \"%s\"; use its full name",
		    what, len >= 0 ? log_str(decoded, (size_t)len) : "");
	else
		snprintf(text, sizeof(text), "Unknown %s: %s", what,
		    len >= 0 ? log_str(decoded, (size_t)len) : "(too long)");
	answer_error(stream, msg, RPC_INVALID_PARAMS, text);
}

/* The backend that a name begins with, "server/tool" or "server__tool", or the
 * only one that the session sees, if it is away and therefore not listed; or
 * NULL. */
static struct link *
find_absent(const struct session *session, struct json_span name)
{
	const struct front *front = session->front;
	const struct catalogue_lens lens = session_lens(session);
	char text[256];

	if (json_string_decode(name, text, sizeof(text)) == -1)
		return NULL;
	for (size_t i = 0; i < front->slots; i++) {
		const char *server;
		size_t len;

		if (front->links[i] == NULL || link_is_up(front->links[i]) ||
		    !catalogue_sees(front->catalogue, &lens, i))
			continue;
		if (session->server != NULL) /* all names are its own */
			return front->links[i];
		server = link_name(front->links[i]);
		len = strlen(server);
		if (strncmp(text, server, len) == 0 &&
		    (text[len] == '/' || strncmp(text + len, "__", 2) == 0))
			return front->links[i];
	}
	return NULL;
}

struct link *
dispatch_link(struct stream *stream, const struct rpc_message *msg, size_t slot)
{
	struct link *backend = stream->session->front->links[slot];
	struct link *link = instances_link(stream->session, backend);

	if (link == NULL)
		link_refuse(backend, stream, msg, RPC_INTERNAL_ERROR,
		    errno == EAGAIN
			? "was not asked: there are too many instances"
			: "was not asked: the gateway has too little memory");
	return link;
}

/* The backend, or an instance of it, answers; with replaces what unless it is
 * absent. */
static void
pass_on(struct stream *stream, const struct rpc_message *msg, size_t slot,
    struct json_span what, struct json_span with)
{
	struct link *link = dispatch_link(stream, msg, slot);

	if (link != NULL)
		link_request(link, stream, msg, what, with);
}

/* Pass it on by the name of a tool or a prompt. */
static void
on_named(struct stream *stream, const struct rpc_message *msg,
    enum catalog_kind kind, struct json_span name, const char *what)
{
	struct session *session = stream->session;
	const struct catalogue_lens lens = session_lens(session);
	struct front *front = session->front;
	struct catalogue_route route;
	struct link *away;

	if (catalogue_find_name(front->catalogue, &lens, kind, name, &route) ==
	    -1) {
		if (errno == ENOENT &&
		    (away = find_absent(session, name)) != NULL)
			link_refuse_absent(away, stream, msg);
		else
			answer_unknown(stream, msg, what, name);
		return;
	}
	pass_on(stream, msg, route.slot, name, route.name);
}

static void
on_read(struct stream *stream, const struct rpc_message *msg)
{
	struct session *session = stream->session;
	const struct catalogue_lens lens = session_lens(session);
	struct front *front = session->front;
	struct catalogue_route route;

	if (catalogue_find_uri(front->catalogue, &lens, msg->uri, &route) == -1)
		dispatch_no_resource(stream, msg);
	else
		pass_on(stream, msg, route.slot, msg->uri, route.name);
}

static void
on_complete(struct stream *stream, const struct rpc_message *msg)
{
	struct session *session = stream->session;
	const struct catalogue_lens lens = session_lens(session);
	struct front *front = session->front;
	struct catalogue_route route;
	struct json_span what;
	int found;

	if (json_string_is(msg->ref_type, "ref/prompt")) {
		what = msg->ref_name;
		found = catalogue_find_name(
		    front->catalogue, &lens, CATALOG_PROMPTS, what, &route);
	} else {
		what = msg->ref_uri;
		found = catalogue_find_template(
		    front->catalogue, &lens, what, &route);
	}
	if (found == -1) {
		answer_unknown(stream, msg,
		    json_string_is(msg->ref_type, "ref/prompt") ? "prompt"
								: "template",
		    what);
		return;
	}
	if (!link_completes(front->links[route.slot])) {
		stream_answer_result(stream, msg->id,
		    "{\"completion\":{\"values\":[],\"total\":0,"
		    "\"hasMore\":false}}");
		return;
	}
	pass_on(stream, msg, route.slot, what, route.name);
}

void
dispatch_request(struct stream *stream, const struct rpc_message *msg)
{
	struct session *session = stream->session;
	const char *problem;

	session->calls++;
	if (session->state == SESSION_OPENING &&
	    msg->method != MCP_INITIALIZE && msg->method != MCP_PING) {
		answer_error(
		    stream, msg, RPC_INVALID_REQUEST, "Send initialize first");
		return;
	}
	if ((problem = rpc_check_params(msg)) != NULL) {
		answer_error(stream, msg, RPC_INVALID_PARAMS, problem);
		return;
	}
	switch (msg->method) {
	case MCP_TOOLS_CALL:
		on_named(stream, msg, CATALOG_TOOLS, msg->name, "tool");
		return;
	case MCP_PROMPTS_GET:
		on_named(stream, msg, CATALOG_PROMPTS, msg->name, "prompt");
		return;
	case MCP_RESOURCES_READ:
		on_read(stream, msg);
		return;
	case MCP_RESOURCES_SUBSCRIBE:
		dispatch_subscribe(stream, msg);
		return;
	case MCP_RESOURCES_UNSUBSCRIBE:
		dispatch_unsubscribe(stream, msg);
		return;
	case MCP_COMPLETION_COMPLETE:
		on_complete(stream, msg);
		return;
	case MCP_TOOLS_LIST:
		on_list(stream, msg, CATALOG_TOOLS);
		return;
	case MCP_RESOURCES_LIST:
		on_list(stream, msg, CATALOG_RESOURCES);
		return;
	case MCP_RESOURCES_TEMPLATES_LIST:
		on_list(stream, msg, CATALOG_TEMPLATES);
		return;
	case MCP_PROMPTS_LIST:
		on_list(stream, msg, CATALOG_PROMPTS);
		return;
	case MCP_INITIALIZE:
		dispatch_initialize(stream, msg);
		return;
	case MCP_PING:
		stream_answer_result(stream, msg->id, "{}");
		return;
	case MCP_LOGGING_SET_LEVEL:
		on_set_level(stream, msg);
		return;
	case MCP_UNKNOWN:
	case MCP_INITIALIZED:
	case MCP_CANCELLED:
	case MCP_PROGRESS:
	case MCP_ROOTS_LIST_CHANGED:
	case MCP_MESSAGE:
	case MCP_TOOLS_LIST_CHANGED:
	case MCP_RESOURCES_LIST_CHANGED:
	case MCP_RESOURCES_UPDATED:
	case MCP_PROMPTS_LIST_CHANGED:
	case MCP_ELICITATION_COMPLETE:
	case MCP_SAMPLING_CREATE_MESSAGE:
	case MCP_ELICITATION_CREATE:
	case MCP_ROOTS_LIST:
		break;
	}
	answer_error(stream, msg, RPC_METHOD_NOT_FOUND, "Method not found");
}

/* ---- notifications ---------------------------------------------------- */

/* MCP cancellation: only the sender's own requests; a late one is ignored. */
static void
on_cancelled(struct session *session, const struct rpc_message *msg)
{
	struct request *request;

	TAILQ_FOREACH (request, &session->requests, of_session) {
		if (json_scalar_equal(
			request_bytes(&request->id), msg->request_id)) {
			link_cancel(request, msg->reason);
			return;
		}
	}
}

static void
on_notification(struct session *session, const struct rpc_message *msg)
{
	if (msg->method == MCP_CANCELLED)
		on_cancelled(session, msg);
	else if (msg->method == MCP_PROGRESS)
		asks_progress(session, msg);
	else if (msg->method == MCP_ROOTS_LIST_CHANGED)
		instances_roots_changed(session);
}

void
dispatch_other(struct session *session, const struct rpc_message *msg)
{
	if (msg->kind == RPC_NOTIFICATION)
		on_notification(session, msg);
	else
		asks_answer(session, msg);
}
