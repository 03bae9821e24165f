/*
 * echo_backend - the cheapest possible stdio MCP server, for benchmarks.
 *
 * Newline-delimited JSON-RPC on stdin and stdout.  Its own cost per request is
 * a fraction of a microsecond plus one read and one write for each batch, so
 * what a benchmark measures is whatever stands in front of it.
 *
 *   echo {"text": "..."}   answers the same text
 *   blob {"size": N}       answers N bytes of text
 *
 * usage: echo_backend [--tools N]     N extra dummy tools in tools/list
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jscan.h"

struct buf {
	char *p;
	size_t n, cap;
};

static struct buf out;
static int extra_tools;

static void *
xrealloc(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p)
		abort();
	return p;
}

static void
reserve(struct buf *b, size_t more)
{
	if (b->n + more <= b->cap)
		return;
	b->cap = (b->n + more) * 2;
	b->p = xrealloc(b->p, b->cap);
}

static void
put(const char *s, size_t n)
{
	reserve(&out, n);
	memcpy(out.p + out.n, s, n);
	out.n += n;
}

#define PUT(lit) put(lit, sizeof(lit) - 1)

static void
put_slice(struct jslice s)
{
	put(s.p, s.n);
}

static void
begin_result(struct jslice id)
{
	PUT("{\"jsonrpc\":\"2.0\",\"id\":");
	put_slice(id);
	PUT(",\"result\":");
}

static void
put_error(struct jslice id, int code, const char *msg)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
	    ",\"error\":{\"code\":%d,\"message\":\"%s\"}}\n", code, msg);

	PUT("{\"jsonrpc\":\"2.0\",\"id\":");
	put_slice(id);
	put(text, (size_t)n);
}

static void
do_initialize(struct jslice id, struct jslice params)
{
	static const char *const keys[] = { "protocolVersion" };
	struct jslice ver = { NULL, 0 };

	if (params.p)
		js_members(params.p, params.n, keys, &ver, 1, 1);
	begin_result(id);
	PUT("{\"protocolVersion\":");
	if (ver.p)
		put_slice(ver);
	else
		PUT("\"2025-06-18\"");
	PUT(",\"capabilities\":{\"tools\":{}},\"serverInfo\":"
	    "{\"name\":\"echo-backend\",\"version\":\"1.0.0\"}}}\n");
}

static void
do_tools_list(struct jslice id)
{
	begin_result(id);
	PUT("{\"tools\":["
	    "{\"name\":\"echo\",\"description\":\"Answer the given text\","
	    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"text\":"
	    "{\"type\":\"string\"}},\"required\":[\"text\"]}},"
	    "{\"name\":\"blob\",\"description\":\"Answer size bytes of text\","
	    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"size\":"
	    "{\"type\":\"integer\"}},\"required\":[\"size\"]}}");
	for (int i = 0; i < extra_tools; i++) {
		char text[256];
		int n = snprintf(text, sizeof(text),
		    ",{\"name\":\"dummy_%d\",\"description\":\"Dummy "
		    "tool number %d\",\"inputSchema\":{\"type\":\"object\","
		    "\"properties\":{\"q\":{\"type\":\"string\"}}}}",
		    i, i);
		put(text, (size_t)n);
	}
	PUT("]}}\n");
}

static void
do_tools_call(struct jslice id, struct jslice params)
{
	static const char *const call_keys[] = { "name", "arguments" };
	static const char *const arg_keys[] = { "text", "size" };
	struct jslice call[2], arg[2] = { { NULL, 0 }, { NULL, 0 } };

	if (!params.p ||
	    js_members(params.p, params.n, call_keys, call, 2, 1)) {
		put_error(id, -32602, "bad params");
		return;
	}
	if (call[1].p)
		js_members(call[1].p, call[1].n, arg_keys, arg, 2, 0);
	if (js_is(call[0], "\"echo\"") && arg[0].p) {
		begin_result(id);
		PUT("{\"content\":[{\"type\":\"text\",\"text\":");
		put_slice(arg[0]);
		PUT("}]}}\n");
	} else if (js_is(call[0], "\"blob\"") && arg[1].p) {
		long size = strtol(arg[1].p, NULL, 10);

		if (size < 0 || size > 64L << 20) {
			put_error(id, -32602, "size out of range");
			return;
		}
		begin_result(id);
		PUT("{\"content\":[{\"type\":\"text\",\"text\":\"");
		reserve(&out, (size_t)size);
		memset(out.p + out.n, 'x', (size_t)size);
		out.n += (size_t)size;
		PUT("\"}]}}\n");
	} else {
		put_error(id, -32602, "unknown tool");
	}
}

static void
handle_line(const char *line, size_t n)
{
	static const char *const keys[] = { "id", "method", "params" };
	struct jslice m[3];

	if (js_members(line, n, keys, m, 3, 0) || !m[1].p)
		return; /* not a request: a response or garbage */
	if (!m[0].p)
		return; /* a notification */
	if (js_is(m[1], "\"tools/call\"")) {
		do_tools_call(m[0], m[2]);
	} else if (js_is(m[1], "\"tools/list\"")) {
		do_tools_list(m[0]);
	} else if (js_is(m[1], "\"initialize\"")) {
		do_initialize(m[0], m[2]);
	} else if (js_is(m[1], "\"ping\"")) {
		begin_result(m[0]);
		PUT("{}}\n");
	} else {
		put_error(m[0], -32601, "Method not found");
	}
}

static int
flush(void)
{
	size_t done = 0;

	while (done < out.n) {
		ssize_t w = write(STDOUT_FILENO, out.p + done, out.n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		done += (size_t)w;
	}
	out.n = 0;
	return 0;
}

int
main(int argc, char **argv)
{
	struct buf in = { 0 };
	size_t seen = 0; /* bytes already searched for a newline */

	if (argc == 3 && !strcmp(argv[1], "--tools"))
		extra_tools = (int)strtol(argv[2], NULL, 10);
	for (;;) {
		char *line, *nl;
		ssize_t r;

		reserve(&in, 65536);
		r = read(STDIN_FILENO, in.p + in.n, in.cap - in.n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0;
		in.n += (size_t)r;
		line = in.p;
		while ((nl = memchr(in.p + seen, '\n', in.n - seen))) {
			handle_line(line, (size_t)(nl - line));
			line = nl + 1;
			seen = (size_t)(line - in.p);
		}
		in.n -= (size_t)(line - in.p);
		memmove(in.p, line, in.n);
		seen = in.n;
		if (flush())
			return 1;
	}
}
