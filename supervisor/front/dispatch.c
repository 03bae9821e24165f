#include "dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/log.h"
#include "proto/mcp.h"

#include "catalogue.h"
#include "front.h"
#include "link.h"
#include "session.h"

static const struct json_span absent = { NULL, 0 };

static void
answer_error(struct session *session, const struct rpc_message *msg, int code,
    const char *text)
{
	session_send_error(session, msg->id, code, text, absent);
}

/* ---- the session itself ----------------------------------------------- */

static void
log_client(struct session *session, const struct rpc_message *msg)
{
	char name[128];
	char version[64];
	ssize_t name_len = -1;
	ssize_t version_len = -1;

	if (json_kind(msg->client_info) == JSON_OBJECT) {
		name_len = json_string_decode(
		    json_get(msg->client_info, "name"), name, sizeof(name));
		version_len =
		    json_string_decode(json_get(msg->client_info, "version"),
			version, sizeof(version));
	}
	log_info("session %u: opened by %s %s, revision %s", session->handle,
	    name_len >= 0 ? log_str(name, (size_t)name_len) : "a client",
	    version_len >= 0 ? log_str(version, (size_t)version_len) : "",
	    session->revision->name);
}

/* MCP lifecycle, "Initialization". */
static void
on_initialize(struct session *session, const struct rpc_message *msg)
{
	char result[512];

	if (session->state != SESSION_OPENING) {
		answer_error(session, msg, RPC_INVALID_REQUEST,
		    "This session is initialized already");
		return;
	}
	session->revision = mcp_revision_negotiate(msg->protocol_version);
	session->state = SESSION_ACTIVE;
	snprintf(result, sizeof(result),
	    "{\"protocolVersion\":\"%s\",\"capabilities\":{"
	    "\"tools\":{\"listChanged\":true},"
	    "\"resources\":{\"subscribe\":false,\"listChanged\":true},"
	    "\"prompts\":{\"listChanged\":true},"
	    "\"logging\":{}%s},"
	    "\"serverInfo\":{\"name\":\"mcp-gateway\","
	    "\"title\":\"MCP Gateway\",\"version\":\"%s\"}}",
	    session->revision->name,
	    session->revision->completions_capability ? ",\"completions\":{}"
						      : "",
	    MCPGW_VERSION);
	log_client(session, msg);
	session_send_result(session, msg->id, result);
}

static void
on_set_level(struct session *session, const struct rpc_message *msg)
{
	struct front *front = session->front;
	int before = sessions_level(front->sessions);
	int level = mcp_level_find(msg->level);
	int after;

	if (level < 0) {
		answer_error(session, msg, RPC_INVALID_PARAMS,
		    "\"level\" must be debug, info, notice, warning, error, "
		    "critical, alert or emergency");
		return;
	}
	session_set_level(session, (enum mcp_level)level);
	after = sessions_level(front->sessions);
	for (size_t i = 0; after != before && i < front->backends; i++)
		link_set_level(front->links[i], (enum mcp_level)after);
	session_send_result(session, msg->id, "{}");
}

static void
on_list(struct session *session, const struct rpc_message *msg,
    enum catalog_kind kind)
{
	struct catalogue_text *text;

	/* The lists are whole: no cursor was ever handed out. */
	if (msg->cursor.at != NULL) {
		answer_error(
		    session, msg, RPC_INVALID_PARAMS, "Invalid cursor");
		return;
	}
	text = catalogue_list(session->front->catalogue, kind);
	session_send_list(session, msg->id, text);
	catalogue_text_release(text);
}

/* ---- requests that a backend answers ---------------------------------- */

static void
answer_unknown(struct session *session, const struct rpc_message *msg,
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
	answer_error(session, msg, RPC_INVALID_PARAMS, text);
}

/* Pass it on by the name of a tool or a prompt. */
static void
on_named(struct session *session, const struct rpc_message *msg,
    enum catalog_kind kind, struct json_span name, const char *what)
{
	struct front *front = session->front;
	struct catalogue_route route;

	if (catalogue_find_name(front->catalogue, kind, name, &route) == -1) {
		answer_unknown(session, msg, what, name);
		return;
	}
	link_request(
	    front->links[route.backend], session, msg, name, route.name);
}

/* MCP resources, "Error Handling": -32002 with the URI. */
static void
on_read(struct session *session, const struct rpc_message *msg)
{
	struct front *front = session->front;
	struct catalogue_route route;
	struct buf data = { 0 };

	if (catalogue_find_uri(front->catalogue, msg->uri, &route) == 0) {
		link_request(front->links[route.backend], session, msg,
		    msg->uri, route.name);
		return;
	}
	if (buf_add_text(&data, "{\"uri\":") == 0 &&
	    buf_add(&data, msg->uri.at, msg->uri.len) == 0 &&
	    buf_add_text(&data, "}") == 0) {
		struct json_span span = { buf_data(&data), buf_len(&data) };

		session_send_error(session, msg->id, RPC_RESOURCE_NOT_FOUND,
		    "Resource not found", span);
	}
	buf_free(&data);
}

static void
on_complete(struct session *session, const struct rpc_message *msg)
{
	struct front *front = session->front;
	struct catalogue_route route;
	struct json_span what;
	int found;

	if (json_string_is(msg->ref_type, "ref/prompt")) {
		what = msg->ref_name;
		found = catalogue_find_name(
		    front->catalogue, CATALOG_PROMPTS, what, &route);
	} else {
		what = msg->ref_uri;
		found = catalogue_find_template(front->catalogue, what, &route);
	}
	if (found == -1) {
		answer_unknown(session, msg,
		    json_string_is(msg->ref_type, "ref/prompt") ? "prompt"
								: "template",
		    what);
		return;
	}
	if (!link_completes(front->links[route.backend])) {
		session_send_result(session, msg->id,
		    "{\"completion\":{\"values\":[],\"total\":0,"
		    "\"hasMore\":false}}");
		return;
	}
	link_request(
	    front->links[route.backend], session, msg, what, route.name);
}

static void
on_request(struct session *session, const struct rpc_message *msg)
{
	const char *problem;

	session->calls++;
	if (session->state == SESSION_OPENING &&
	    msg->method != MCP_INITIALIZE && msg->method != MCP_PING) {
		answer_error(
		    session, msg, RPC_INVALID_REQUEST, "Send initialize first");
		return;
	}
	if ((problem = rpc_check_params(msg)) != NULL) {
		answer_error(session, msg, RPC_INVALID_PARAMS, problem);
		return;
	}
	switch (msg->method) {
	case MCP_TOOLS_CALL:
		on_named(session, msg, CATALOG_TOOLS, msg->name, "tool");
		return;
	case MCP_PROMPTS_GET:
		on_named(session, msg, CATALOG_PROMPTS, msg->name, "prompt");
		return;
	case MCP_RESOURCES_READ:
		on_read(session, msg);
		return;
	case MCP_COMPLETION_COMPLETE:
		on_complete(session, msg);
		return;
	case MCP_TOOLS_LIST:
		on_list(session, msg, CATALOG_TOOLS);
		return;
	case MCP_RESOURCES_LIST:
		on_list(session, msg, CATALOG_RESOURCES);
		return;
	case MCP_RESOURCES_TEMPLATES_LIST:
		on_list(session, msg, CATALOG_TEMPLATES);
		return;
	case MCP_PROMPTS_LIST:
		on_list(session, msg, CATALOG_PROMPTS);
		return;
	case MCP_INITIALIZE:
		on_initialize(session, msg);
		return;
	case MCP_PING:
		session_send_result(session, msg->id, "{}");
		return;
	case MCP_LOGGING_SET_LEVEL:
		on_set_level(session, msg);
		return;
	case MCP_UNKNOWN:
	case MCP_RESOURCES_SUBSCRIBE:
	case MCP_RESOURCES_UNSUBSCRIBE:
	case MCP_INITIALIZED:
	case MCP_CANCELLED:
	case MCP_PROGRESS:
	case MCP_ROOTS_LIST_CHANGED:
	case MCP_MESSAGE:
	case MCP_TOOLS_LIST_CHANGED:
	case MCP_RESOURCES_LIST_CHANGED:
	case MCP_RESOURCES_UPDATED:
	case MCP_PROMPTS_LIST_CHANGED:
	case MCP_SAMPLING_CREATE_MESSAGE:
	case MCP_ELICITATION_CREATE:
	case MCP_ROOTS_LIST:
		break;
	}
	answer_error(session, msg, RPC_METHOD_NOT_FOUND, "Method not found");
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

void
dispatch(struct session *session, const struct rpc_message *msg)
{
	switch (msg->kind) {
	case RPC_REQUEST:
		on_request(session, msg);
		break;
	case RPC_NOTIFICATION:
		if (msg->method == MCP_CANCELLED)
			on_cancelled(session, msg);
		break;
	case RPC_RESULT:
	case RPC_ERROR:
		/* We asked nothing. */
		log_debug(
		    "session %u: an answer to no question", session->handle);
		break;
	}
}
