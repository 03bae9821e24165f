/*
 * limit_httpd - what an HTTP front costs on this machine, one layer at a time.
 *
 *   limit_httpd PORT MODE
 *
 * MODE  raw    bare epoll loop, the least HTTP that keeps a client content
 *       hello  evhttp, fixed answer
 *       jsonc  evhttp, json-c parses the body and builds the answer
 *       scan   evhttp, jscan finds id/method/params, answer is spliced text
 *       sse    evhttp, every GET becomes an idle event stream with one
 *              endpoint event; POST answers like scan
 *       changelist  like hello, with EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST
 *       tuned  like changelist, with a Date header kept for a second, its own
 *              Content-Length and a free-list allocator under libevent
 *
 * jsonc and scan answer a valid tools/call echo, so mcpload can drive them as
 * if they were MCP servers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "jscan.h"
#include "pool_alloc.h"
#include "stats.h"

#define ADD_LIT(eb, lit) evbuffer_add(eb, lit, sizeof(lit) - 1)

#define INIT_RESULT                                                            \
	"{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}}," \
	"\"serverInfo\":{\"name\":\"limit\",\"version\":\"1\"}}"
#define HELLO "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}"

static void
reply_json(struct evhttp_request *req, struct evbuffer *out)
{
	evhttp_add_header(evhttp_request_get_output_headers(req),
	    "Content-Type", "application/json");
	evhttp_send_reply(req, 200, "OK", out);
}

static void
on_hello(struct evhttp_request *req, void *arg)
{
	struct evbuffer *out = evbuffer_new();

	(void)arg;
	evbuffer_add(out, HELLO, sizeof(HELLO) - 1);
	reply_json(req, out);
	evbuffer_free(out);
}

static void
on_tuned(struct evhttp_request *req, void *arg)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);
	struct evbuffer *out = evbuffer_new();

	evhttp_add_header(h, "Date", http_date(arg));
	evhttp_add_header(h, "Content-Length", "48");
	evbuffer_add_reference(out, HELLO, sizeof(HELLO) - 1, NULL, NULL);
	reply_json(req, out);
	evbuffer_free(out);
}

static void
on_jsonc(struct evhttp_request *req, void *arg)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req), *out;
	size_t n = evbuffer_get_length(in), len;
	struct json_tokener *tok = json_tokener_new();
	const char *text = (const char *)evbuffer_pullup(in, -1);
	struct json_object *msg = json_tokener_parse_ex(tok, text, (int)n);
	struct json_object *id, *method, *params, *args, *val, *ans, *res;

	(void)arg;
	json_tokener_free(tok);
	if (!msg || !json_object_object_get_ex(msg, "method", &method)) {
		json_object_put(msg);
		evhttp_send_error(req, 400, "bad");
		return;
	}
	if (!json_object_object_get_ex(msg, "id", &id)) {
		json_object_put(msg);
		evhttp_send_reply(req, 202, "Accepted", NULL);
		return;
	}
	ans = json_object_new_object();
	json_object_object_add(ans, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(ans, "id", json_object_get(id));
	if (!strcmp(json_object_get_string(method), "initialize")) {
		res = json_tokener_parse(INIT_RESULT);
	} else {
		struct json_object *part = json_object_new_object();
		struct json_object *content = json_object_new_array();

		res = json_object_new_object();
		json_object_object_add(
		    part, "type", json_object_new_string("text"));
		if (json_object_object_get_ex(msg, "params", &params) &&
		    json_object_object_get_ex(params, "arguments", &args) &&
		    json_object_object_get_ex(args, "text", &val))
			json_object_object_add(
			    part, "text", json_object_get(val));
		json_object_array_add(content, part);
		json_object_object_add(res, "content", content);
	}
	json_object_object_add(ans, "result", res);
	text = json_object_to_json_string_length(
	    ans, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	out = evbuffer_new();
	evbuffer_add(out, text, len);
	reply_json(req, out);
	evbuffer_free(out);
	json_object_put(ans);
	json_object_put(msg);
}

static void
on_scan(struct evhttp_request *req, void *arg)
{
	static const char *const keys[] = { "id", "method", "params" };
	static const char *const call_keys[] = { "name", "arguments" };
	static const char *const arg_keys[] = { "text" };
	struct evbuffer *in = evhttp_request_get_input_buffer(req), *out;
	size_t n = evbuffer_get_length(in);
	const char *text = (const char *)evbuffer_pullup(in, -1);
	struct jslice m[3], call[2], val = { NULL, 0 };

	(void)arg;
	if (js_members(text, n, keys, m, 3, 0) || !m[1].p) {
		evhttp_send_error(req, 400, "bad");
		return;
	}
	if (!m[0].p) {
		evhttp_send_reply(req, 202, "Accepted", NULL);
		return;
	}
	out = evbuffer_new();
	ADD_LIT(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	evbuffer_add(out, m[0].p, m[0].n);
	ADD_LIT(out, ",\"result\":");
	if (js_is(m[1], "\"initialize\"")) {
		ADD_LIT(out, INIT_RESULT "}");
	} else {
		if (m[2].p &&
		    !js_members(m[2].p, m[2].n, call_keys, call, 2, 1) &&
		    call[1].p)
			js_members(call[1].p, call[1].n, arg_keys, &val, 1, 1);
		ADD_LIT(out, "{\"content\":[{\"type\":\"text\",\"text\":");
		evbuffer_add(out, val.p ? val.p : "\"\"", val.p ? val.n : 2);
		ADD_LIT(out, "}]}}");
	}
	reply_json(req, out);
	evbuffer_free(out);
}

static void
on_sse(struct evhttp_request *req, void *arg)
{
	struct evbuffer *out;

	if (evhttp_request_get_command(req) != EVHTTP_REQ_GET) {
		on_scan(req, arg);
		return;
	}
	out = evbuffer_new();
	evhttp_add_header(evhttp_request_get_output_headers(req),
	    "Content-Type", "text/event-stream");
	evhttp_send_reply_start(req, 200, "OK");
	evbuffer_add_printf(out,
	    "event: endpoint\ndata: /message?sessionId=%p\n\n", (void *)req);
	evhttp_send_reply_chunk(req, out);
	evbuffer_free(out);
}

static int
listen_on(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 1024)) {
		perror("listen");
		exit(1);
	}
	return fd;
}

static _Noreturn void
run_raw(int port)
{
	static const char answer[] =
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: 48\r\n\r\n" HELLO;
	int lfd = listen_on(port), ep = epoll_create1(0), one = 1;
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = lfd };

	epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev);
	for (;;) {
		struct epoll_event evs[64];
		int n = epoll_wait(ep, evs, 64, -1);

		for (int i = 0; i < n; i++) {
			char buf[8192];
			int fd = evs[i].data.fd;
			ssize_t r;

			if (fd == lfd) {
				fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK);
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
				    sizeof(one));
				ev.data.fd = fd;
				epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
				continue;
			}
			r = recv(fd, buf, sizeof(buf), 0);
			if (r <= 0) {
				close(fd);
				continue;
			}
			/* wrk does not pipeline: one read is one request here
			 */
			if (memmem(buf, (size_t)r, "\r\n\r\n", 4))
				send(fd, answer, sizeof(answer) - 1,
				    MSG_NOSIGNAL);
		}
	}
}

static void
on_term(evutil_socket_t sig, short what, void *base)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(base);
}

int
main(int argc, char **argv)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base;
	struct evhttp *http;
	struct event *term;

	_Static_assert(sizeof(HELLO) - 1 == 48, "Content-Length in run_raw");
	if (argc != 3)
		return 2;
	on_signal_do(SIGPIPE, SIG_IGN);
	if (!strcmp(argv[2], "raw"))
		run_raw(number(argv[1]));
	if (!strcmp(argv[2], "tuned")) {
		event_config_free(cfg);
		event_set_mem_functions(pool_malloc, pool_realloc, pool_free);
		cfg = event_config_new();
	}
	if (!strcmp(argv[2], "changelist") || !strcmp(argv[2], "tuned"))
		event_config_set_flag(
		    cfg, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	http = evhttp_new(base);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_gencb(http,
	    !strcmp(argv[2], "jsonc")       ? on_jsonc
		: !strcmp(argv[2], "scan")  ? on_scan
		: !strcmp(argv[2], "sse")   ? on_sse
		: !strcmp(argv[2], "tuned") ? on_tuned
					    : on_hello,
	    base);
	if (evhttp_bind_socket(
		http, "127.0.0.1", (ev_uint16_t)number(argv[1]))) {
		perror("bind");
		return 1;
	}
	term = evsignal_new(base, SIGTERM, on_term, base);
	event_add(term, NULL);
	event_base_dispatch(base);
	event_free(term);
	evhttp_free(http);
	event_base_free(base);
	return 0;
}
