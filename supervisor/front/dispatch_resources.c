/* dispatch_resources.c: requests about resources that need more than a route.
 */
#include <errno.h>
#include <string.h>

#include "proto/buf.h"

#include "catalogue.h"
#include "dispatch_parts.h"
#include "front.h"
#include "link.h"
#include "session.h"
#include "subscriptions.h"
#include "uri.h"

static const struct json_span absent = { NULL, 0 };

/* MCP resources, "Error Handling": -32002 with the URI. */
void
dispatch_no_resource(struct stream *stream, const struct rpc_message *msg)
{
	struct buf data = { 0 };

	if (buf_add_text(&data, "{\"uri\":") == 0 &&
	    buf_add(&data, msg->uri.at, msg->uri.len) == 0 &&
	    buf_add_text(&data, "}") == 0) {
		struct json_span span = { buf_data(&data), buf_len(&data) };

		stream_answer_error(stream, msg->id, RPC_RESOURCE_NOT_FOUND,
		    "Resource not found", span);
	} else {
		stream_unanswer(stream);
	}
	buf_free(&data);
}

/* Ask the backend for a change; with is the URI that it knows, or absent. */
static void
ask_for_change(struct stream *stream, const struct rpc_message *msg,
    struct link *link, struct json_span with,
    struct subscription_change *change)
{
	struct request *request;

	request = link_request(link, stream, msg, msg->uri, with);
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
void
dispatch_subscribe(struct stream *stream, const struct rpc_message *msg)
{
	struct session *session = stream->session;
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
		dispatch_no_resource(stream, msg);
		return;
	}
	if ((link = dispatch_link(stream, msg, route.slot)) == NULL)
		return;
	if (!link_subscribes(front->links[route.slot]))
		link_refuse(link, stream, msg, RPC_METHOD_NOT_FOUND,
		    "does not support subscriptions to its resources");
	else if (subscriptions_join(front->subscriptions, session,
		     link_place(link), uri, shown, &change) == -1)
		link_refuse(link, stream, msg, RPC_INTERNAL_ERROR,
		    why_not_subscribed(errno));
	else if (change == NULL)
		stream_answer_result(stream, msg->id, "{}");
	else
		ask_for_change(stream, msg, link, route.name, change);
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

void
dispatch_unsubscribe(struct stream *stream, const struct rpc_message *msg)
{
	struct session *session = stream->session;
	struct front *front = session->front;
	struct subscription_change *change = NULL;
	struct buf text = { 0 };
	struct json_span with;
	struct link *link;
	size_t slot;
	char uri[URI_MAX + 1];

	if (find_subscribed(session, msg, &slot, uri) == 0) {
		link = link_at(front, slot);
		subscriptions_leave(front->subscriptions, session, slot, uri,
		    link_is_up(link) ? &change : NULL);
	}
	if (change == NULL) {
		stream_answer_result(stream, msg->id, "{}");
		return;
	}
	with = absent;
	if (!json_string_is(msg->uri, uri) &&
	    json_add_string(&text, uri, strlen(uri)) == 0)
		with = (struct json_span){ buf_data(&text), buf_len(&text) };
	ask_for_change(stream, msg, link, with, change);
	buf_free(&text);
}
