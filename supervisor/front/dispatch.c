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
#include "lists.h"
#include "session.h"
#include "subscriptions.h"
#include "uri.h"

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
	const char *who = session->principal->name;
	char name[128];
	char version[64];
	ssize_t name_len = -1;
	ssize_t version_len = -1;

	if (!session->logged)
		return;
	if (json_kind(msg->client_info) == JSON_OBJECT) {
		name_len = json_string_decode(
		    json_get(msg->client_info, "name"), name, sizeof(name));
		version_len =
		    json_string_decode(json_get(msg->client_info, "version"),
			version, sizeof(version));
	}
	log_info("session %u: opened by %s %s of %s, revision %s",
	    session->handle,
	    name_len >= 0 ? log_str(name, (size_t)name_len) : "a client",
	    version_len >= 0 ? log_str(version, (size_t)version_len) : "",
	    log_str(who, strlen(who)), session->revision->name);
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
	    "\"resources\":{\"subscribe\":true,\"listChanged\":true},"
	    "\"prompts\":{\"listChanged\":true},"
	    "\"logging\":{}%s},"
	    "\"serverInfo\":{\"name\":\"mcp-gateway\","
	    "\"title\":\"MCP Gateway\",\"version\":\"%s\"}}",
	    session->revision->name,
	    session->revision->completions_capability ? ",\"completions\":{}"
						      : "",
	    MCPGW_VERSION);
	lists_begin(session);
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
	for (size_t i = 0; after != before && i < front->slots; i++)
		if (front->links[i] != NULL)
			link_set_level(front->links[i], (enum mcp_level)after);
	session_send_result(session, msg->id, "{}");
}

static void
on_list(struct session *session, const struct rpc_message *msg,
    enum catalog_kind kind)
{
	const struct catalogue_lens lens = session_lens(session);
	struct catalogue_text *text;

	/* The lists are whole: no cursor was ever handed out. */
	if (msg->cursor.at != NULL) {
		answer_error(
		    session, msg, RPC_INVALID_PARAMS, "Invalid cursor");
		return;
	}
	text = catalogue_list(session->front->catalogue, &lens, kind);
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

/* The backend that a name begins with, "server/tool" or "server__tool", if the
 * session would see it and it is away and therefore not listed; or NULL. */
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
		server = link_name(front->links[i]);
		len = strlen(server);
		if (strncmp(text, server, len) == 0 &&
		    (text[len] == '/' || strncmp(text + len, "__", 2) == 0))
			return front->links[i];
	}
	return NULL;
}

/* Pass it on by the name of a tool or a prompt. */
static void
on_named(struct session *session, const struct rpc_message *msg,
    enum catalog_kind kind, struct json_span name, const char *what)
{
	const struct catalogue_lens lens = session_lens(session);
	struct front *front = session->front;
	struct catalogue_route route;
	struct link *away;

	if (catalogue_find_name(front->catalogue, &lens, kind, name, &route) ==
	    -1) {
		if (errno == ENOENT &&
		    (away = find_absent(session, name)) != NULL)
			link_refuse_absent(away, session, msg);
		else
			answer_unknown(session, msg, what, name);
		return;
	}
	link_request(front->links[route.slot], session, msg, name, route.name);
}

/* MCP resources, "Error Handling": -32002 with the URI. */
static void
answer_no_resource(struct session *session, const struct rpc_message *msg)
{
	struct buf data = { 0 };

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
on_read(struct session *session, const struct rpc_message *msg)
{
	const struct catalogue_lens lens = session_lens(session);
	struct front *front = session->front;
	struct catalogue_route route;

	if (catalogue_find_uri(front->catalogue, &lens, msg->uri, &route) == -1)
		answer_no_resource(session, msg);
	else
		link_request(front->links[route.slot], session, msg, msg->uri,
		    route.name);
}

/* ---- subscriptions ---------------------------------------------------- */

/* Ask the backend for a change; with is the URI that it knows, or absent. */
static void
ask_for_change(struct session *session, const struct rpc_message *msg,
    struct link *link, struct json_span with,
    struct subscription_change *change)
{
	struct request *request;

	request = link_request(link, session, msg, msg->uri, with);
	if (request == NULL)
		subscription_end(&change, SUBSCRIPTION_REFUSED);
	else
		request->change = change;
}

static const char *
why_not_subscribed(int error)
{
	switch (error) {
	case EDQUOT:
		return "was not asked: this session has too many subscriptions";
	case ENOSPC:
		return "was not asked: the gateway has too many subscriptions";
	case EMSGSIZE:
		return "was not asked: the URI is too long to subscribe to";
	default:
		return "was not asked: the gateway has too little memory";
	}
}

/* The URI that the backend knows, decoded. */
static int
decode_route(const struct catalogue_route *route, struct json_span uri,
    char text[URI_MAX + 1])
{
	if (route->name.at != NULL)
		uri = route->name;
	return json_string_decode(uri, text, URI_MAX + 1) == -1 ? -1 : 0;
}

/* MCP resources, "Subscriptions". */
static void
on_subscribe(struct session *session, const struct rpc_message *msg)
{
	const struct catalogue_lens lens = session_lens(session);
	struct front *front = session->front;
	struct subscription_change *change;
	struct catalogue_route route;
	struct link *link;
	char shown[URI_MAX + 1];
	char uri[URI_MAX + 1];

	if (catalogue_find_uri(front->catalogue, &lens, msg->uri, &route) ==
		-1 ||
	    json_string_decode(msg->uri, shown, sizeof(shown)) == -1 ||
	    decode_route(&route, msg->uri, uri) == -1) {
		answer_no_resource(session, msg);
		return;
	}
	link = front->links[route.slot];
	if (link_is_up(link) && !link_subscribes(link))
		link_refuse(link, session, msg, RPC_METHOD_NOT_FOUND,
		    "does not support subscriptions to its resources");
	else if (subscriptions_join(front->subscriptions, session, route.slot,
		     uri, shown, &change) == -1)
		link_refuse(link, session, msg, RPC_INTERNAL_ERROR,
		    why_not_subscribed(errno));
	else if (change == NULL)
		session_send_result(session, msg->id, "{}");
	else
		ask_for_change(session, msg, link, route.name, change);
}

/*
 * Whose a URI is, for unsubscribing: what the session subscribed to, be it
 * listed any more or not.  uri is what its backend knows.
 */
static int
find_subscribed(struct session *session, const struct rpc_message *msg,
    size_t *slot, char uri[URI_MAX + 1])
{
	const struct catalogue_lens lens = session_lens(session);
	struct catalogue *catalogue = session->front->catalogue;
	struct catalogue_route route;
	char shown[URI_MAX + 1];
	const char *found;

	if (json_string_decode(msg->uri, shown, sizeof(shown)) == -1)
		return -1;
	if (subscriptions_find(session, shown, slot, &found)) {
		strlcpy(uri, found, URI_MAX + 1);
		return 0;
	}
	if (catalogue_find_uri(catalogue, &lens, msg->uri, &route) == -1)
		return -1;
	*slot = route.slot;
	return decode_route(&route, msg->uri, uri);
}

static void
on_unsubscribe(struct session *session, const struct rpc_message *msg)
{
	struct front *front = session->front;
	struct subscription_change *change = NULL;
	struct buf text = { 0 };
	struct json_span with;
	struct link *link;
	size_t slot;
	char uri[URI_MAX + 1];

	if (find_subscribed(session, msg, &slot, uri) == 0) {
		link = front->links[slot];
		subscriptions_leave(front->subscriptions, session, slot, uri,
		    link_is_up(link) ? &change : NULL);
	}
	if (change == NULL) {
		session_send_result(session, msg->id, "{}");
		return;
	}
	with = absent;
	if (!json_string_is(msg->uri, uri) &&
	    json_add_string(&text, uri, strlen(uri)) == 0)
		with = (struct json_span){ buf_data(&text), buf_len(&text) };
	ask_for_change(session, msg, link, with, change);
	buf_free(&text);
}

static void
on_complete(struct session *session, const struct rpc_message *msg)
{
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
		answer_unknown(session, msg,
		    json_string_is(msg->ref_type, "ref/prompt") ? "prompt"
								: "template",
		    what);
		return;
	}
	if (!link_completes(front->links[route.slot])) {
		session_send_result(session, msg->id,
		    "{\"completion\":{\"values\":[],\"total\":0,"
		    "\"hasMore\":false}}");
		return;
	}
	link_request(front->links[route.slot], session, msg, what, route.name);
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
	case MCP_RESOURCES_SUBSCRIBE:
		on_subscribe(session, msg);
		return;
	case MCP_RESOURCES_UNSUBSCRIBE:
		on_unsubscribe(session, msg);
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
