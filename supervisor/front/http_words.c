/*
 * http_words.c: character classes and words, compared without a copy.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "http_words.h"

static const char *const names[] = {
	[HTTP_HEADER_HOST] = "host",
	[HTTP_HEADER_ORIGIN] = "origin",
	[HTTP_HEADER_AUTHORIZATION] = "authorization",
	[HTTP_HEADER_CONTENT_TYPE] = "content-type",
	[HTTP_HEADER_CONTENT_LENGTH] = "content-length",
	[HTTP_HEADER_TRANSFER_ENCODING] = "transfer-encoding",
	[HTTP_HEADER_EXPECT] = "expect",
	[HTTP_HEADER_MCP_PROTOCOL_VERSION] = "mcp-protocol-version",
	[HTTP_HEADER_MCP_SESSION_ID] = "mcp-session-id",
	[HTTP_HEADER_MCP_METHOD] = "mcp-method",
	[HTTP_HEADER_MCP_NAME] = "mcp-name",
	[HTTP_HEADER_LAST_EVENT_ID] = "last-event-id",
	[HTTP_HEADER_ACCEPT] = "accept",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == HTTP_HEADERS,
    "every header has a name");

/* What may stand in a token (RFC 9110, 5.6.2): from the space to DEL. */
/* clang-format off */
static const uint8_t token[256] = { [0x20] =
	0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0,
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0,
};
/* clang-format on */

enum http_method
http_words_method(const char *text, size_t len)
{
	static const struct {
		char name[8];
		uint8_t len;
	} methods[] = {
		[HTTP_METHOD_OTHER] = { "", 0 },
		[HTTP_METHOD_GET] = { "GET", 3 },
		[HTTP_METHOD_POST] = { "POST", 4 },
		[HTTP_METHOD_DELETE] = { "DELETE", 6 },
		[HTTP_METHOD_OPTIONS] = { "OPTIONS", 7 },
		[HTTP_METHOD_HEAD] = { "HEAD", 4 },
	};
	unsigned int i;

	for (i = HTTP_METHOD_GET; i <= HTTP_METHOD_HEAD; i++)
		if (methods[i].len == len &&
		    memcmp(text, methods[i].name, len) == 0)
			return (enum http_method)i;
	return HTTP_METHOD_OTHER;
}

/* The headers of a length, as far as there are any. */
#define EQUALLY_LONG 3
static const uint8_t by_length[][EQUALLY_LONG] = {
	[4] = { HTTP_HEADER_HOST },
	[6] = { HTTP_HEADER_ORIGIN, HTTP_HEADER_ACCEPT, HTTP_HEADER_EXPECT },
	[8] = { HTTP_HEADER_MCP_NAME },
	[10] = { HTTP_HEADER_MCP_METHOD },
	[12] = { HTTP_HEADER_CONTENT_TYPE },
	[13] = { HTTP_HEADER_AUTHORIZATION, HTTP_HEADER_LAST_EVENT_ID },
	[14] = { HTTP_HEADER_CONTENT_LENGTH, HTTP_HEADER_MCP_SESSION_ID },
	[17] = { HTTP_HEADER_TRANSFER_ENCODING },
	[20] = { HTTP_HEADER_MCP_PROTOCOL_VERSION },
};

enum http_header
http_words_header(const char *text, size_t len)
{
	const uint8_t *header;
	size_t i;

	if (len >= sizeof(by_length) / sizeof(by_length[0]))
		return HTTP_HEADER_OTHER;
	header = by_length[len];
	for (i = 0; i < EQUALLY_LONG && header[i] != HTTP_HEADER_OTHER; i++)
		if (http_words_equal(text, names[header[i]], len))
			return (enum http_header)header[i];
	return HTTP_HEADER_OTHER;
}

/*
 * Of all visible bytes only an upper-case letter becomes a lower-case one, and
 * none but itself a digit or '-', by the bit 0x20.
 */
bool
http_words_equal(const char *text, const char *word, size_t len)
{
	const uint64_t lower = UINT64_C(0x2020202020202020);
	uint64_t a, b;
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		memcpy(&a, text + i, 8);
		memcpy(&b, word + i, 8);
		if ((a | lower) != b)
			return false;
	}
	for (; i < len; i++)
		if ((text[i] | 0x20) != word[i])
			return false;
	return true;
}

const char *
http_words_skip_token(const char *at, const char *end)
{
	const unsigned char *u;

	for (; end - at >= 4; at += 4) {
		u = (const unsigned char *)at;
		if (!(token[u[0]] & token[u[1]] & token[u[2]] & token[u[3]]))
			break;
	}
	while (at < end && token[(unsigned char)*at])
		at++;
	return at;
}

const char *
http_words_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 307, "Temporary Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};
	size_t i;

	/* By far the most frequent. */
	if (status == 202)
		return "Accepted";
	if (status == 200)
		return "OK";
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

size_t
http_words_error(char body[HTTP_ERROR_MAX], const char *why)
{
	return (size_t)snprintf(body, HTTP_ERROR_MAX,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
	    "\"message\":\"%.160s\"}}",
	    why);
}

size_t
http_words_refusal(char text[HTTP_REFUSAL_MAX], int status, const char *why)
{
	char body[HTTP_ERROR_MAX];
	size_t len = http_words_error(body, why);

	return (size_t)snprintf(text, HTTP_REFUSAL_MAX,
	    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%s%s"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    status, http_words_reason(status),
	    status == 405 ? "Allow: GET, POST, DELETE\r\n" : "",
	    status == 503 ? "Retry-After: 1\r\n" : "", len, body);
}
