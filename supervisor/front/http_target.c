#include "http_target.h"

#include <assert.h>
#include <string.h>

#define PATH_SERVERS "/servers/"

/* Is target this path, with or without a query?  Compared byte by byte: what is
 * not spelled like a route is none. */
static const char *
match_path(const char *target, const char *path)
{
	size_t n = strlen(path);

	if (strncmp(target, path, n) != 0 ||
	    (target[n] != '\0' && target[n] != '?'))
		return NULL;
	return target + n;
}

static const struct {
	const char *path;
	enum http_route route;
} routes[] = {
	{ HTTP_PATH_MCP, HTTP_ROUTE_MCP },
	{ HTTP_PATH_MESSAGES, HTTP_ROUTE_MESSAGES },
	{ HTTP_PATH_SSE, HTTP_ROUTE_SSE },
	{ "/healthz", HTTP_ROUTE_ALIVE },
	{ "/readyz", HTTP_ROUTE_READY },
	{ "/metrics", HTTP_ROUTE_METRICS },
	{ "/messages", HTTP_ROUTE_TO_MESSAGES },
	{ HTTP_PATH_SSE "/", HTTP_ROUTE_TO_SSE },
	{ HTTP_PATH_MCP "/", HTTP_ROUTE_TO_MCP },
};

static bool
find_plain(struct http_target *target, const char *text)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		target->query = match_path(text, routes[i].path);
		if (target->query != NULL) {
			target->route = routes[i].route;
			return true;
		}
	}
	return false;
}

/* ---- endpoints of single servers -------------------------------------- */

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Names are any text, of which a URL has much escaped (RFC 3986, 2.1).  It is
 * only ever compared with names: what "%2f" or ".." would be in a path is of no
 * meaning.  Returns the '/' behind it, or NULL: it is no name.
 */
static const char *
read_server(char server[HTTP_SERVER_MAX + 1], const char *text)
{
	size_t n = 0;
	char c;
	int high, low;

	for (; *text != '/'; server[n++] = c) {
		c = *text++;
		if (c == '\0' || c == '?' || c == '"' || c == '\\' ||
		    n == HTTP_SERVER_MAX)
			return NULL;
		if (c != '%')
			continue;
		if ((high = digit_of(text[0])) == -1 ||
		    (low = digit_of(text[1])) == -1 || high + low == 0)
			return NULL;
		c = (char)(high << 4 | low);
		text += 2;
	}
	server[n] = '\0';
	return n > 0 ? text : NULL;
}

/* "/servers/NAME/sse" and "/servers/NAME/mcp". */
static bool
find_server(struct http_target *target, const char *text)
{
	const char *end;

	if (strncmp(text, PATH_SERVERS, sizeof(PATH_SERVERS) - 1) != 0)
		return false;
	end = read_server(target->server, text + sizeof(PATH_SERVERS) - 1);
	if (end != NULL &&
	    (target->query = match_path(end, HTTP_PATH_MCP)) != NULL)
		target->route = HTTP_ROUTE_MCP;
	else if (end != NULL &&
	    (target->query = match_path(end, HTTP_PATH_SSE)) != NULL)
		target->route = HTTP_ROUTE_SSE;
	else
		target->server[0] = '\0'; /* of no endpoint */
	return target->server[0] != '\0';
}

/* ---- all of it -------------------------------------------------------- */

static bool
find_metadata(struct http_target *target, const char *text)
{
	const size_t n = sizeof(HTTP_PATH_METADATA) - 1;

	if (strncmp(text, HTTP_PATH_METADATA, n) != 0 ||
	    strchr("/?", text[n]) == NULL) /* the end is among them */
		return false;
	target->route = HTTP_ROUTE_METADATA;
	target->path = text + n;
	target->path_len = strcspn(text + n, "?");
	target->query = text + n + target->path_len;
	return true;
}

void
http_target_read(struct http_target *target, const char *text)
{
	target->server[0] = '\0';
	target->path = text;
	if (!find_plain(target, text) && !find_server(target, text)) {
		if (find_metadata(target, text))
			return;
		target->route = HTTP_ROUTE_NONE;
		target->query = text + strcspn(text, "?");
	}
	if (target->route == HTTP_ROUTE_MESSAGES) {
		target->path = HTTP_PATH_SSE; /* it is a part of that */
		target->path_len = sizeof(HTTP_PATH_SSE) - 1;
	} else if (target->route == HTTP_ROUTE_MCP ||
	    target->route == HTTP_ROUTE_SSE) {
		target->path_len = (size_t)(target->query - text);
	} else {
		target->path_len = 0;
	}
}

bool
http_target_is_endpoint(const char *path, size_t len)
{
	struct http_target target;
	char text[HTTP_ENDPOINT_MAX + 1];

	if (len > HTTP_ENDPOINT_MAX)
		return false;
	memcpy(text, path, len);
	text[len] = '\0';
	http_target_read(&target, text);
	return (target.route == HTTP_ROUTE_MCP ||
		   target.route == HTTP_ROUTE_SSE) &&
	    *target.query == '\0';
}
