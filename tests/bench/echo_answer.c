/* echo_answer.c: what the echo servers say, over stdio and over HTTP. */
#include <stdio.h>

#include "echo_answer.h"
#include "jscan.h"

#define PUT(lit) buf_add(out, lit, sizeof(lit) - 1)

static void
put_slice(struct buf *out, struct jslice s)
{
	buf_add(out, s.p, s.n);
}

static void
begin_result(struct buf *out, struct jslice id)
{
	PUT("{\"jsonrpc\":\"2.0\",\"id\":");
	put_slice(out, id);
	PUT(",\"result\":");
}

static void
put_error(struct buf *out, struct jslice id, int code, const char *msg)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
	    ",\"error\":{\"code\":%d,\"message\":\"%s\"}}", code, msg);

	PUT("{\"jsonrpc\":\"2.0\",\"id\":");
	put_slice(out, id);
	buf_add(out, text, (size_t)n);
}

static void
do_initialize(struct buf *out, struct jslice id, struct jslice params)
{
	static const char *const keys[] = { "protocolVersion" };
	struct jslice ver = { NULL, 0 };

	if (params.p)
		js_members(params.p, params.n, keys, &ver, 1, 1);
	begin_result(out, id);
	PUT("{\"protocolVersion\":");
	if (ver.p)
		put_slice(out, ver);
	else
		PUT("\"2025-06-18\"");
	PUT(",\"capabilities\":{\"tools\":{}},\"serverInfo\":"
	    "{\"name\":\"echo-backend\",\"version\":\"1.0.0\"}}}");
}

static unsigned int more_tools;

void
echo_add_tools(unsigned int count)
{
	more_tools = count;
}

static void
do_tools_list(struct buf *out, struct jslice id)
{
	char tool[400];

	begin_result(out, id);
	PUT("{\"tools\":["
	    "{\"name\":\"echo\",\"description\":\"Answer the given text\","
	    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"text\":"
	    "{\"type\":\"string\"}},\"required\":[\"text\"]}},"
	    "{\"name\":\"blob\",\"description\":\"Answer size bytes of text\","
	    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"size\":"
	    "{\"type\":\"integer\"}},\"required\":[\"size\"]}}");
	for (unsigned int i = 0; i < more_tools; i++) {
		int n = snprintf(tool, sizeof(tool),
		    ",{\"name\":\"more_%u\",\"description\":\"One of many: it "
		    "is here to be listed, and says as much of itself as tools "
		    "do.\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
		    "{\"path\":{\"type\":\"string\",\"description\":\"Where\"},"
		    "\"limit\":{\"type\":\"integer\",\"minimum\":1}},"
		    "\"required\":[\"path\"]}}",
		    i);

		buf_add(out, tool, (size_t)n);
	}
	PUT("]}}");
}

static void
do_tools_call(struct buf *out, struct jslice id, struct jslice params)
{
	static const char *const call_keys[] = { "name", "arguments" };
	static const char *const arg_keys[] = { "text", "size" };
	struct jslice call[2], arg[2] = { { NULL, 0 }, { NULL, 0 } };

	if (!params.p ||
	    js_members(params.p, params.n, call_keys, call, 2, 1)) {
		put_error(out, id, -32602, "bad params");
		return;
	}
	if (call[1].p)
		js_members(call[1].p, call[1].n, arg_keys, arg, 2, 0);
	if (js_is(call[0], "\"echo\"") && arg[0].p) {
		begin_result(out, id);
		PUT("{\"content\":[{\"type\":\"text\",\"text\":");
		put_slice(out, arg[0]);
		PUT("}]}}");
	} else if (js_is(call[0], "\"blob\"") && arg[1].p) {
		long size = strtol(arg[1].p, NULL, 10);

		if (size < 0 || size > 64L << 20) {
			put_error(out, id, -32602, "size out of range");
			return;
		}
		begin_result(out, id);
		PUT("{\"content\":[{\"type\":\"text\",\"text\":\"");
		buf_reserve(out, (size_t)size);
		memset(out->p + out->n, 'x', (size_t)size);
		out->n += (size_t)size;
		PUT("\"}]}}");
	} else {
		put_error(out, id, -32602, "unknown tool");
	}
}

bool
echo_answer(struct buf *out, const char *text, size_t n)
{
	static const char *const keys[] = { "id", "method", "params" };
	struct jslice m[3];

	if (js_members(text, n, keys, m, 3, 0) || !m[1].p)
		return false; /* not a request: a response or garbage */
	if (!m[0].p)
		return false; /* a notification */
	if (js_is(m[1], "\"tools/call\"")) {
		do_tools_call(out, m[0], m[2]);
	} else if (js_is(m[1], "\"tools/list\"")) {
		do_tools_list(out, m[0]);
	} else if (js_is(m[1], "\"initialize\"")) {
		do_initialize(out, m[0], m[2]);
	} else if (js_is(m[1], "\"ping\"")) {
		begin_result(out, m[0]);
		PUT("{}}");
	} else {
		put_error(out, m[0], -32601, "Method not found");
	}
	return true;
}
