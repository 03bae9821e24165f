/* load_client.c: what mcpload's clients say, and in which order. */
#include "load.h"

#include <inttypes.h>

#include "jscan.h"

static void
post_json(struct client *cl, const char *body, size_t n)
{
	char head[1200];
	int hn = snprintf(head, sizeof(head),
	    "POST %s HTTP/1.1\r\nHost: %s\r\n"
	    "Content-Type: application/json\r\n"
	    "Accept: application/json, text/event-stream\r\n"
	    "%s%s%s%s%s%sContent-Length: %zu\r\n\r\n",
	    cl->post_path, opt.host, cl->session[0] ? "Mcp-Session-Id: " : "",
	    cl->session, cl->session[0] ? "\r\n" : "",
	    cl->session[0] ? "MCP-Protocol-Version: " : "",
	    cl->session[0] ? opt.version : "", cl->session[0] ? "\r\n" : "", n);

	cl->got_reply = cl->got_http = 0;
	cl->sent_at = now_ns();
	conn_send(&cl->post, head, (size_t)hn, body, n);
}

static void
send_get(struct client *cl, struct conn *c)
{
	char head[1200];
	int hn = snprintf(head, sizeof(head),
	    "GET %s HTTP/1.1\r\nHost: %s\r\n"
	    "Accept: text/event-stream\r\n%s%s%s%s%s%s\r\n",
	    opt.path, opt.host, cl->session[0] ? "Mcp-Session-Id: " : "",
	    cl->session, cl->session[0] ? "\r\n" : "",
	    cl->session[0] ? "MCP-Protocol-Version: " : "",
	    cl->session[0] ? opt.version : "", cl->session[0] ? "\r\n" : "");

	conn_send(c, head, (size_t)hn, "", 0);
}

static void
send_initialize(struct client *cl)
{
	char body[400];
	int n = snprintf(body, sizeof(body),
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","
	    "\"params\":{\"protocolVersion\":\"%s\",\"capabilities\":{},"
	    "\"clientInfo\":{\"name\":\"mcpload\",\"version\":\"1\"}}}",
	    opt.version);

	cl->id = 0;
	post_json(cl, body, (size_t)n);
}

static void
send_initialized(struct client *cl)
{
	static const char body[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";

	post_json(cl, body, sizeof(body) - 1);
	cl->got_reply = 1; /* a notification has no answer */
}

void
send_request(struct client *cl)
{
	static char *body;
	size_t size = opt.arg_bytes + 512;
	size_t n;

	if (!body && !(body = malloc(size)))
		abort();
	cl->id = ++load.issued;
	if (strcmp(opt.method, "tools/call"))
		n = (size_t)snprintf(body, size,
		    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
		    ",\"method\":\"%s\",\"params\":{}}",
		    cl->id, opt.method);
	else if (opt.blob_bytes)
		n = (size_t)snprintf(body, size,
		    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
		    ",\"method\":\"tools/call\",\"params\":{\"name\":"
		    "\"%s\",\"arguments\":{\"size\":%ld}}}",
		    cl->id, opt.tool, opt.blob_bytes);
	else
		n = (size_t)snprintf(body, size,
		    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
		    ",\"method\":\"tools/call\",\"params\":{\"name\":"
		    "\"%s\",\"arguments\":{\"text\":\"%s\"}}}",
		    cl->id, opt.tool, load.arg_text);
	post_json(cl, body, n);
}

/* One JSON-RPC message arrived for this client. */
void
on_message(struct client *cl, const char *text, size_t n)
{
	static const char *const keys[] = { "id", "result", "error" };
	static const char *const result_keys[] = { "isError" };
	struct jslice m[3], e;
	char id[24];

	if (js_members(text, n, keys, m, 3, 0)) {
		note_error("bad JSON", text, n);
		return;
	}
	if (!m[0].p || (!m[1].p && !m[2].p))
		return; /* a notification or a server request */
	snprintf(id, sizeof(id), "%" PRIu64, cl->id);
	if (!js_is(m[0], id)) {
		load.strays++; /* somebody else's answer: a leak between
				  sessions */
		return;
	}
	cl->got_reply = 1;
	cl->done_at = now_ns();
	if (m[2].p) {
		note_error("error answer", text, n);
		cl->done_at = 0;
	} else if (!js_members(m[1].p, m[1].n, result_keys, &e, 1, 1) &&
	    js_is(e, "true")) {
		note_error("tool error", text, n);
		cl->done_at = 0;
	} else if (opt.expect && cl->id &&
	    !memmem(text, n, opt.expect, strlen(opt.expect))) {
		note_error("not what was expected", text, n);
		cl->done_at = 0;
	}
}

/* Take whole events out of the body buffer of an event stream. */
void
on_sse_bytes(struct conn *c)
{
	struct client *cl = c->cl;
	size_t used = 0;

	for (;;) {
		char *p = c->body.p + used, *end = c->body.p + c->body.n;
		char *stop = NULL, *line, *data = NULL;
		size_t data_n = 0;
		int is_endpoint = 0;

		for (char *q = p;
		     q && q < end;) { /* the blank line that ends it */
			char *nl = memchr(q, '\n', (size_t)(end - q));

			if (!nl)
				break;
			if (nl == q || (nl == q + 1 && *q == '\r')) {
				stop = nl + 1;
				break;
			}
			q = nl + 1;
		}
		if (!stop)
			break;
		for (line = p; line < stop;) {
			char *nl = memchr(line, '\n', (size_t)(stop - line));
			size_t len = (size_t)(nl - line);

			if (len && line[len - 1] == '\r')
				len--;
			if (len >= 5 && !memcmp(line, "data:", 5)) {
				data = line + 5;
				data_n = len - 5;
				if (data_n && *data == ' ')
					data++, data_n--;
			} else if (len >= 15 &&
			    !memcmp(line, "event: endpoint", 15)) {
				is_endpoint = 1;
			} else if (len >= 14 &&
			    !memcmp(line, "event:endpoint", 14)) {
				is_endpoint = 1;
			}
			line = nl + 1;
		}
		if (is_endpoint && data) {
			char *slash = data;

			if (data_n > 7 && !memcmp(data, "http://", 7))
				slash = memchr(data + 7, '/', data_n - 7);
			if (slash)
				snprintf(cl->post_path, sizeof(cl->post_path),
				    "%.*s",
				    (int)(data_n - (size_t)(slash - data)),
				    slash);
			if (cl->phase == PH_STREAM)
				cl->got_reply = cl->got_http = 1;
		} else if (data && data_n) {
			on_message(cl, data, data_n);
		}
		used = (size_t)(stop - c->body.p);
	}
	if (used)
		buf_eat(&c->body, used);
}

static void
client_ready(struct client *cl)
{
	cl->phase = opt.mode == MODE_HOLD ? PH_HELD : PH_READY;
	load.in_handshake--;
	load.ready++;
	if (opt.mode == MODE_HOLD) { /* an idle client needs no memory */
		buf_free(&cl->post.in);
		buf_free(&cl->post.out);
		buf_free(&cl->post.body);
		buf_free(&cl->stream.out);
	}
}

void
client_step(struct client *cl)
{
	switch (cl->phase) {
	case PH_NEW:
		load.in_handshake++;
		snprintf(cl->post_path, sizeof(cl->post_path), "%s", opt.path);
		if (opt.sse) {
			cl->phase = PH_STREAM;
			send_get(cl, &cl->stream);
		} else {
			cl->phase = PH_INIT;
			send_initialize(cl);
		}
		break;
	case PH_STREAM:
		if (opt.mode ==
		    MODE_HOLD) { /* endpoint known: that is a session */
			client_ready(cl);
			break;
		}
		cl->phase = PH_INIT;
		send_initialize(cl);
		break;
	case PH_INIT:
		if (!cl->done_at) {
			client_dead(cl);
			break;
		}
		cl->phase = PH_NOTIFY;
		send_initialized(cl);
		break;
	case PH_NOTIFY:
		if (opt.no_stream)
			conn_close(&cl->post);
		else if (opt.mode == MODE_HOLD) {
			cl->phase = PH_GET;
			cl->got_reply = cl->got_http = 0;
			send_get(cl, &cl->post);
			break;
		}
		client_ready(cl);
		break;
	case PH_GET:
		if (cl->post.status != 200) {
			client_dead(cl);
			break;
		}
		client_ready(cl);
		break;
	case PH_RUN:
		if (cl->done_at) {
			cl->errors_in_row = 0;
			if (load.measuring)
				samples_add(
				    &load.lat, cl->done_at - cl->sent_at);
		} else if (++cl->errors_in_row > 20) {
			client_dead(cl);
			break;
		}
		cl->done_at = 0;
		if (load.stopping) {
			cl->phase = PH_READY;
			break;
		}
		send_request(cl);
		break;
	case PH_READY:
	case PH_HELD:
	case PH_DEAD:
		break;
	}
}
