/*
 * floor - throwaway prototype of the gateway's data path, for measuring.
 *
 *   evhttp front --socketpair, length frames--> worker --pipe, lines--> child
 *
 *   floor PORT [options] -- CHILD [ARGS...]
 *     --hop worker|direct   direct: the front owns the child's pipes itself
 *     --json scan|jsonc     scan: one structural scan per direction, ids are
 *                           spliced; jsonc: the front and the worker each parse
 *                           and serialize every message in each direction
 *     --epoll-changelist    set EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST
 *     --big-pipes           1 MiB pipe and socket buffers
 *     --eager               write to the link at once, not once per loop turn
 *     --tuned               pooled allocator, Date and Content-Length made
 * cheaply
 *     --nagle               leave TCP_NODELAY off, as evhttp does by itself
 *
 * POST /mcp is Streamable HTTP with JSON answers and sessions; GET /mcp is an
 * idle event stream; GET /sse with POST /message is the 2024-11-05 transport.
 * No authentication, limits, restart or logging: this is a floor, not a
 * product.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"
#include "jscan.h"
#include "pool_alloc.h"
#include "stats.h"

#define ADD_LIT(eb, lit) evbuffer_add(eb, lit, sizeof(lit) - 1)

struct how how;
static struct event_base *base;

#define SESSION_SLOTS 65536 /* power of two */

struct session {
	uint64_t key;
	struct evhttp_request *stream; /* the 2024-11-05 event stream */
};

static struct session sessions[SESSION_SLOTS];

static uint64_t
next_random(void)
{
	static uint64_t s = 0x9e3779b97f4a7c15u;

	s ^= s << 13; /* a prototype: a product needs the kernel's generator */
	s ^= s >> 7;
	s ^= s << 17;
	return s | 1;
}

static struct session *
session_find(uint64_t key, int add)
{
	for (uint64_t i = key;; i++) {
		struct session *s = &sessions[i & (SESSION_SLOTS - 1)];

		if (s->key == key)
			return s;
		if (!s->key) {
			if (!add)
				return NULL;
			s->key = key;
			return s;
		}
	}
}

struct pending {
	struct evhttp_request
	    *req; /* NULL: the answer goes to the session stream */
	struct session *session;
	struct evhttp_connection *conn;
	char id[64];
	uint32_t id_n, next_free, used;
};

static struct pending *pend;
static uint32_t pend_cap, pend_free;

static uint32_t
pending_new(void)
{
	uint32_t i = pend_free;

	if (!i) {
		uint32_t cap = pend_cap ? pend_cap * 2 : 256;

		pend = realloc(pend, cap * sizeof(*pend));
		for (uint32_t k = cap; k-- > (pend_cap ? pend_cap : 1);) {
			pend[k].used = 0;
			pend[k].next_free = pend_free;
			pend_free = k;
		}
		pend_cap = cap;
		i = pend_free;
	}
	pend_free = pend[i].next_free;
	pend[i].used = 1;
	return i;
}

static void
pending_drop(uint32_t i)
{
	pend[i].used = 0;
	pend[i].next_free = pend_free;
	pend_free = i;
}

static struct {
	int rfd, wfd;
	struct buf in, out;
	size_t seen;
	struct event *wr;
} front_link;

static void on_link_writable(evutil_socket_t fd, short what, void *arg);

static void
link_flush(void)
{
	if (front_link.out.n && buf_flush(&front_link.out, front_link.wfd) > 0)
		event_add(front_link.wr, NULL);
}

static void
on_link_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	link_flush();
}

/* Send text to the child with its id replaced by the slot number. */
static void
link_send(const char *text, size_t n, struct jslice id, uint32_t slot)
{
	char num[16];
	int k = snprintf(num, sizeof(num), "%" PRIu32, slot);
	size_t head = (size_t)(id.p - text);
	size_t tail = n - head - id.n;
	uint32_t len = (uint32_t)(head + (size_t)k + tail);

	if (!how.direct)
		buf_add(&front_link.out, &len, 4);
	buf_add(&front_link.out, text, head);
	buf_add(&front_link.out, num, (size_t)k);
	buf_add(&front_link.out, id.p + id.n, tail);
	if (how.direct)
		buf_add(&front_link.out, "\n", 1);
	if (how.eager)
		link_flush();
}

static void
send_event(struct evhttp_request *stream, struct evbuffer *body)
{
	struct evbuffer *ev = evbuffer_new();

	ADD_LIT(ev, "event: message\ndata: ");
	evbuffer_add_buffer(ev, body);
	ADD_LIT(ev, "\n\n");
	evhttp_send_reply_chunk(stream, ev);
	evbuffer_free(ev);
}

static void
deliver(struct pending *p, struct evbuffer *body)
{
	if (p->req) {
		evhttp_connection_set_closecb(p->conn, NULL, NULL);
		evhttp_add_header(evhttp_request_get_output_headers(p->req),
		    "Content-Type", "application/json");
		if (how.tuned) {
			struct evkeyvalq *h =
			    evhttp_request_get_output_headers(p->req);
			char len[24], *d = len + sizeof(len);
			size_t n = evbuffer_get_length(body);

			*--d = '\0';
			do
				*--d = (char)('0' + n % 10);
			while (n /= 10);
			evhttp_add_header(h, "Date", http_date(base));
			evhttp_add_header(h, "Content-Length", d);
		}
		evhttp_send_reply(p->req, 200, "OK", body);
	} else if (p->session && p->session->stream) {
		send_event(p->session->stream, body);
	}
}

/* One JSON message came back: give it its own id and answer. */
static void
on_answer(const char *text, size_t n)
{
	static const char *const keys[] = { "id", "result", "error" };
	struct jslice m[3];
	struct evbuffer *body;
	uint32_t slot;

	if (js_members(text, n, keys, m, 3, 0) || !m[0].p ||
	    (!m[1].p && !m[2].p))
		return; /* notifications and server requests: not in the
			   prototype */
	slot = (uint32_t)strtoul(m[0].p, NULL, 10);
	if (slot >= pend_cap || !pend[slot].used)
		return;
	body = evbuffer_new();
	if (how.use_jsonc) {
		struct json_tokener *tok = json_tokener_new();
		struct json_object *o =
		    json_tokener_parse_ex(tok, text, (int)n);
		struct json_object *id;
		size_t len;
		const char *s;
		char idtext[65];

		json_tokener_reset(tok);
		snprintf(idtext, sizeof(idtext), "%.*s", (int)pend[slot].id_n,
		    pend[slot].id);
		id = json_tokener_parse(idtext);
		json_object_object_add(o, "id", id);
		s = json_object_to_json_string_length(o,
		    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
		    &len);
		evbuffer_add(body, s, len);
		json_object_put(o);
		json_tokener_free(tok);
	} else {
		size_t head = (size_t)(m[0].p - text);

		evbuffer_expand(body, n + 64);
		evbuffer_add(body, text, head);
		evbuffer_add(body, pend[slot].id, pend[slot].id_n);
		evbuffer_add(body, m[0].p + m[0].n, n - head - m[0].n);
	}
	deliver(&pend[slot], body);
	evbuffer_free(body);
	pending_drop(slot);
}

static void
on_link_readable(evutil_socket_t fd, short what, void *arg)
{
	struct buf *b = &front_link.in;
	size_t used = 0;

	(void)what;
	(void)arg;
	if (buf_read(b, fd) == 0) {
		fprintf(stderr, "floor: the worker is gone\n");
		exit(1);
	}
	if (how.direct) {
		char *line = b->p, *nl;

		while ((nl = memchr(b->p + front_link.seen, '\n',
			    b->n - front_link.seen))) {
			on_answer(line, (size_t)(nl - line));
			line = nl + 1;
			front_link.seen = (size_t)(line - b->p);
		}
		used = (size_t)(line - b->p);
	} else {
		while (b->n - used >= 4) {
			uint32_t len;

			memcpy(&len, b->p + used, 4);
			if (b->n - used - 4 < len)
				break;
			on_answer(b->p + used + 4, len);
			used += 4 + (size_t)len;
		}
	}
	if (used)
		buf_eat(b, used);
	if (how.direct)
		front_link.seen = b->n;
}

static void
on_client_gone(struct evhttp_connection *conn, void *arg)
{
	uint32_t slot = (uint32_t)(uintptr_t)arg;

	(void)conn;
	if (slot < pend_cap && pend[slot].used) {
		pend[slot].req = NULL; /* the answer is thrown away */
		pend[slot].session = NULL;
	}
}

static void
on_stream_gone(struct evhttp_connection *conn, void *arg)
{
	(void)conn;
	((struct session *)arg)->stream = NULL;
}

static void
open_stream(struct evhttp_request *req, struct session *s, int legacy)
{
	struct evbuffer *out = evbuffer_new();

	evhttp_add_header(evhttp_request_get_output_headers(req),
	    "Content-Type", "text/event-stream");
	evhttp_add_header(evhttp_request_get_output_headers(req),
	    "Cache-Control", "no-cache");
	evhttp_send_reply_start(req, 200, "OK");
	s->stream = req;
	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(req), on_stream_gone, s);
	if (legacy)
		evbuffer_add_printf(out,
		    "event: endpoint\ndata: /message?sessionId=%016" PRIx64
		    "\n\n",
		    s->key);
	else
		ADD_LIT(out, ": open\n\n");
	evhttp_send_reply_chunk(req, out);
	evbuffer_free(out);
}

static void
answer_initialize(
    struct evhttp_request *req, struct session *stream_of, struct jslice id)
{
	struct evbuffer *out = evbuffer_new();
	struct pending p = { 0 };

	ADD_LIT(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	evbuffer_add(out, id.p, id.n);
	evbuffer_add_printf(out,
	    ",\"result\":{\"protocolVersion\":\"2025-06-18\","
	    "\"capabilities\":{\"tools\":{}},\"serverInfo\":"
	    "{\"name\":\"proto\",\"version\":\"1\"}}}");
	if (stream_of) {
		evhttp_send_reply(req, 202, "Accepted", NULL);
		p.session = stream_of;
	} else {
		char key[20];
		struct session *s = session_find(next_random(), 1);

		snprintf(key, sizeof(key), "%016" PRIx64, s->key);
		evhttp_add_header(evhttp_request_get_output_headers(req),
		    "Mcp-Session-Id", key);
		p.req = req;
		p.conn = evhttp_request_get_connection(req);
	}
	deliver(&p, out);
	evbuffer_free(out);
}

static void
on_post(struct evhttp_request *req, struct session *legacy)
{
	static const char *const keys[] = { "id", "method", "params" };
	static const char *const call_keys[] = { "name" };
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);
	const char *text = (const char *)evbuffer_pullup(in, -1);
	struct session *session = legacy;
	struct jslice m[3], name;
	struct pending *p;
	uint32_t slot;
	struct buf tmp = { 0 };

	if (how.use_jsonc && n) { /* the extra tree this design would build */
		jsonc_round_trip(&tmp, text, n);
		text = tmp.p;
		n = tmp.n;
	}
	if (!n || js_members(text, n, keys, m, 3, 0) || !m[1].p ||
	    memchr(text, '\n', n)) {
		evhttp_send_reply(req, 400, "Bad Request", NULL);
		goto out;
	}
	if (m[0].p && js_is(m[1], "\"initialize\"")) {
		answer_initialize(req, legacy, m[0]);
		goto out;
	}
	if (!legacy) {
		const char *h = evhttp_find_header(
		    evhttp_request_get_input_headers(req), "Mcp-Session-Id");

		session = h ? session_find(strtoull(h, NULL, 16), 0) : NULL;
		if (!session) {
			evhttp_send_reply(req, 404, "Not Found", NULL);
			goto out;
		}
	}
	if (!m[0].p) {
		evhttp_send_reply(req, 202, "Accepted", NULL);
		goto out;
	}
	if (m[0].n > sizeof(p->id)) {
		evhttp_send_reply(req, 400, "Bad Request", NULL);
		goto out;
	}
	/* routing: a product looks the name up; here every name has one owner
	 */
	if (js_is(m[1], "\"tools/call\"") &&
	    (!m[2].p || js_members(m[2].p, m[2].n, call_keys, &name, 1, 1) ||
		!name.p)) {
		evhttp_send_reply(req, 400, "Bad Request", NULL);
		goto out;
	}
	slot = pending_new();
	p = &pend[slot];
	memcpy(p->id, m[0].p, m[0].n);
	p->id_n = (uint32_t)m[0].n;
	p->session = session;
	p->req = legacy ? NULL : req;
	p->conn = evhttp_request_get_connection(req);
	if (!legacy)
		evhttp_connection_set_closecb(
		    p->conn, on_client_gone, (void *)(uintptr_t)slot);
	link_send(text, n, m[0], slot);
	if (legacy)
		evhttp_send_reply(req, 202, "Accepted", NULL);
out:
	free(tmp.p);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	const char *uri = evhttp_request_get_uri(req);

	(void)arg;
	if (evhttp_request_get_command(req) == EVHTTP_REQ_GET) {
		if (!strcmp(uri, "/sse"))
			open_stream(req, session_find(next_random(), 1), 1);
		else
			open_stream(req, session_find(next_random(), 1), 0);
	} else if (!strncmp(uri, "/message?sessionId=", 19)) {
		struct session *s =
		    session_find(strtoull(uri + 19, NULL, 16), 0);

		if (s && s->stream)
			on_post(req, s);
		else
			evhttp_send_reply(req, 404, "Not Found", NULL);
	} else {
		on_post(req, NULL);
	}
}

static volatile sig_atomic_t stop;

static void
on_term(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	stop = 1;
	event_base_loopbreak(arg);
}

/* The number of the first argument behind the options, or -1. */
static int
read_options(int argc, char **argv)
{
	static const struct option longs[] = { { "hop", 1, 0, 'h' },
		{ "json", 1, 0, 'j' },
		{ "epoll-changelist", 0, &how.changelist, 1 },
		{ "big-pipes", 0, &how.big_pipes, 1 },
		{ "eager", 0, &how.eager, 1 }, { "nagle", 0, &how.nagle, 1 },
		{ "tuned", 0, &how.tuned, 1 }, { 0, 0, 0, 0 } };
	int o;

	optind = 2;
	while ((o = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (o == 'h')
			how.direct = !strcmp(optarg, "direct");
		else if (o == 'j')
			how.use_jsonc = !strcmp(optarg, "jsonc");
		else if (o != 0)
			return -1;
	}
	return optind < argc ? optind : -1;
}

/* Start the child, behind a worker or not; 0, or -1. */
static int
start_backend(char **argv)
{
	int sv[2], size = 1 << 20;

	if (how.direct) {
		spawn_child(argv, &front_link.wfd, &front_link.rfd);
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		return -1;
	if (how.big_pipes)
		for (int i = 0; i < 2; i++)
			setsockopt(
			    sv[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (fork() == 0) {
		close(sv[0]);
		run_worker(sv[1], argv);
		_exit(0);
	}
	close(sv[1]);
	set_nonblock(sv[0]);
	front_link.rfd = front_link.wfd = sv[0];
	return 0;
}

/* Listen; 0, or -1. */
static int
start_http(int port)
{
	struct event_config *cfg;
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	int one = 1;

	if (how.tuned)
		event_set_mem_functions(pool_malloc, pool_realloc, pool_free);
	cfg = event_config_new();
	if (how.changelist)
		event_config_set_flag(
		    cfg, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	http = evhttp_new(base);
	evhttp_set_allowed_methods(
	    http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE);
	evhttp_set_gencb(http, on_request, NULL);
	bound = evhttp_bind_socket_with_handle(
	    http, "127.0.0.1", (ev_uint16_t)port);
	if (!bound) {
		perror("bind");
		return -1;
	}
	/* Accepted sockets inherit it from the listener on Linux. */
	if (!how.nagle)
		setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP,
		    TCP_NODELAY, &one, sizeof(one));
	return 0;
}

int
main(int argc, char **argv)
{
	struct event *term, *rd;
	int command;

	if (argc < 3 || (command = read_options(argc, argv)) == -1)
		return 2;
	on_signal_do(SIGPIPE, SIG_IGN);
	if (start_backend(argv + command) || start_http(number(argv[1])))
		return 1;
	term = evsignal_new(base, SIGTERM, on_term, base);
	event_add(term, NULL);
	front_link.wr =
	    event_new(base, front_link.wfd, EV_WRITE, on_link_writable, NULL);
	rd = event_new(
	    base, front_link.rfd, EV_READ | EV_PERSIST, on_link_readable, NULL);
	event_add(rd, NULL);
	while (!stop) {
		event_base_loop(base, EVLOOP_ONCE);
		link_flush(); /* everything this turn queued, in one write */
	}
	close(front_link.wfd); /* the worker ends with its link */
	if (front_link.rfd != front_link.wfd)
		close(front_link.rfd);
	while (wait(NULL) > 0)
		;
	return 0;
}
