/* http_access.c: may a web page ask, and may it read the answer: Host, Origin,
 * and CORS (the Fetch standard, 3.2). */
#include <stdio.h>
#include <string.h>

#include "proto/log.h"

#include "client.h"
#include "front.h"
#include "http_origin.h"
#include "http_parts.h"
#include "http_words.h"
#include "peer.h"
#include "policy.h"

/* Headers of ours that a page of another origin may send. */
#define ALLOW_HEADERS                                                          \
	"accept, authorization, content-type, last-event-id, mcp-method, "     \
	"mcp-name, mcp-protocol-version, mcp-session-id"
/* What of an answer it may read beyond the simple headers. */
#define EXPOSE_HEADERS "WWW-Authenticate, Retry-After, Mcp-Session-Id"
/* A page may keep a preflight's answer for so many seconds: ten minutes, so
 * that a changed configuration is soon felt. */
#define MAX_AGE "600"

static void
refuse(struct http_exchange *x, const char *header, const char *value,
    const char *key)
{
	char address[PEER_TEXT_MAX];
	char text[64];

	if (client_may_log(x->client))
		log_warning("client %s: refused: %s \"%s\" is not ours, and "
			    "not in \"%s\"",
		    client_format(x->client, address), header,
		    value != NULL ? log_str(value, strlen(value)) : "", key);
	snprintf(text, sizeof(text), "Invalid %s header", header);
	if (x->streamable)
		http_refuse(x, 403, 0, text);
	else
		http_answer(x, 403, text);
}

bool
http_access_check(struct http_exchange *x, bool any_host)
{
	const struct origin_rules *rules = &x->http->front->policy->origins;

	if (!any_host && !x->client->local &&
	    !origin_host_allowed(x->host, rules)) {
		refuse(x, "Host", x->host, "allowed_hosts");
		return false;
	}
	if (x->origin == NULL)
		return true;
	if (!origin_allowed(x->origin, x->host, rules)) {
		refuse(x, "Origin", x->origin, "allowed_origins");
		return false;
	}
	if (origin_listed(x->origin, rules)) {
		http_add_header(x, "Access-Control-Allow-Origin", x->origin);
		http_add_header(
		    x, "Access-Control-Expose-Headers", EXPOSE_HEADERS);
	}
	http_add_header(x, "Vary", "Origin");
	return true;
}

/* A page of our own origin asks for no leave. */
void
http_access_preflight(struct http_exchange *x, const char *methods)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(x->req);
	const struct origin_rules *rules = &x->http->front->policy->origins;

	if (x->origin == NULL || !origin_listed(x->origin, rules) ||
	    evhttp_find_header(headers, "Access-Control-Request-Method") ==
		NULL) {
		http_answer_method(x, methods);
		return;
	}
	http_add_header(x, "Access-Control-Allow-Methods", methods);
	http_add_header(x, "Access-Control-Allow-Headers", ALLOW_HEADERS);
	http_add_header(x, "Access-Control-Max-Age", MAX_AGE);
	evhttp_send_reply(x->req, 204, http_words_reason(204), NULL);
}
