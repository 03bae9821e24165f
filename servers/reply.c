/* reply.c: the messages that a server sends. */
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

void
server_format(struct buf *b, const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n == -1 || buf_add(b, text, (size_t)n) == -1)
		err(1, "message");
	free(text);
}

void
server_quote(struct buf *b, const char *text, size_t len)
{
	if (json_add_string(b, text, len) == -1)
		err(1, "message");
}

static void
send_and_free(struct server *server, struct buf *line)
{
	if (buf_add(line, "\n", 1) == -1)
		err(1, "answer");
	server_send(server, buf_data(line), buf_len(line));
	buf_free(line);
}

void
server_result(
    struct server *server, struct json_span id, const char *result, size_t len)
{
	struct buf line = { 0 };

	server_format(&line,
	    "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":", (int)id.len, id.at);
	if (buf_add(&line, result, len) == -1 || buf_add(&line, "}", 1) == -1)
		err(1, "answer");
	send_and_free(server, &line);
}

void
server_error_data(struct server *server, struct json_span id, int code,
    const char *text, struct json_span data)
{
	struct buf line = { 0 };

	if (rpc_add_error(&line, id, code, text, data) == -1)
		err(1, "answer");
	send_and_free(server, &line);
}

void
server_error(
    struct server *server, struct json_span id, int code, const char *text)
{
	struct json_span none = { NULL, 0 };

	server_error_data(server, id, code, text, none);
}

void
server_tool_text(struct server *server, struct json_span id, const char *text,
    size_t len, bool is_error)
{
	struct buf result = { 0 };

	server_format(&result, "{\"content\":[{\"type\":\"text\",\"text\":");
	server_quote(&result, text, len);
	server_format(
	    &result, "}],\"isError\":%s}", is_error ? "true" : "false");
	server_result(server, id, buf_data(&result), buf_len(&result));
	buf_free(&result);
}

void
server_notify(struct server *server, const char *method, const char *params)
{
	struct buf line = { 0 };

	server_format(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"%s%s}",
	    method, params != NULL ? ",\"params\":" : "",
	    params != NULL ? params : "");
	send_and_free(server, &line);
}
