/* http_target.h: what the target of a request means, and nothing of the rest of
 * the request.  RFC 9112, 3.2.1. */
#ifndef FRONT_HTTP_TARGET_H
#define FRONT_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

/* The longest name of a backend; config.h allows no longer ones. */
#define HTTP_SERVER_MAX 64U
/* "/servers/NAME/mcp", each byte of the name escaped. */
#define HTTP_ENDPOINT_MAX (9 + 3 * HTTP_SERVER_MAX + 4)

#define HTTP_PATH_SSE      "/sse"
#define HTTP_PATH_MCP      "/mcp"
#define HTTP_PATH_MESSAGES "/messages/"
/* RFC 9728, 3.1: followed by the path of an endpoint, or by nothing. */
#define HTTP_PATH_METADATA "/.well-known/oauth-protected-resource"

enum http_route {
	HTTP_ROUTE_NONE,
	HTTP_ROUTE_MESSAGES,
	HTTP_ROUTE_SSE,
	HTTP_ROUTE_MCP,
	HTTP_ROUTE_METADATA,
	HTTP_ROUTE_ALIVE,
	HTTP_ROUTE_READY,
	HTTP_ROUTE_METRICS,
	HTTP_ROUTE_TO_MESSAGES, /* spelled without its '/' */
	HTTP_ROUTE_TO_SSE,      /* or with one */
	HTTP_ROUTE_TO_MCP,
};

struct http_target {
	enum http_route route;
	const char *query; /* of the text: "", or from '?' on */
	/* The path of the endpoint that is meant, as it is spelled, or what
	 * follows HTTP_PATH_METADATA; never '"' or '\\' in it. */
	const char *path;
	size_t path_len;
	char server[HTTP_SERVER_MAX + 1]; /* "": none is named */
};

/* Read a target, which is visible ASCII: the guard has seen to it.  *target has
 * pointers into text. */
void http_target_read(struct http_target *target, const char *text);

/* Is this the path of an endpoint, /sse, /mcp or one of a single server,
 * whether there is such a server or not? */
bool http_target_is_endpoint(const char *path, size_t len);

#endif
