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

#include "jscan.h"
#include "pool_alloc.h"

#define ADD_LIT(eb, lit) evbuffer_add(eb, lit, sizeof(lit) - 1)

static int use_jsonc, direct, big_pipes, eager, nagle, tuned;
static struct event_base *base;

/* ---- byte buffers ------------------------------------------------------- */

struct buf {
	char *p;
	size_t n, cap, done; /* done: bytes already written out */
};

static void
buf_reserve(struct buf *b, size_t more)
{
	if (b->n + more <= b->cap)
		return;
	b->cap = (b->n + more) * 2;
	b->p = realloc(b->p, b->cap);
	if (!b->p)
		abort();
}

static void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (!n)
		return;
	buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void
buf_eat(struct buf *b, size_t n)
{
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
}

/* Write what is pending; 0 when all is out, 1 when the peer is full, -1 on
 * error. */
static int
buf_flush(struct buf *b, int fd)
{
	while (b->done < b->n) {
		ssize_t w = write(fd, b->p + b->done, b->n - b->done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return errno == EAGAIN ? 1 : -1;
		b->done += (size_t)w;
	}
	b->n = b->done = 0;
	return 0;
}

static ssize_t
buf_read(struct buf *b, int fd)
{
	ssize_t r;

	buf_reserve(b, big_pipes ? 1 << 20 : 1 << 16);
	r = read(fd, b->p + b->n, b->cap - b->n);
	if (r > 0)
		b->n += (size_t)r;
	return r;
}

/* Parse and serialize once, as a design that hands trees around would. */
static void
jsonc_round_trip(struct buf *out, const char *text, size_t n)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o = json_tokener_parse_ex(tok, text, (int)n);
	size_t len;
	const char *s = json_object_to_json_string_length(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	buf_add(out, s, len);
	json_object_put(o);
	json_tokener_free(tok);
}

/* ---- child and worker ---------------------------------------------------- */

static void
set_nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void
spawn_child(char **argv, int *to, int *from)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		exit(1);
	if (big_pipes) {
		fcntl(in[0], F_SETPIPE_SZ, 1 << 20);
		fcntl(out[0], F_SETPIPE_SZ, 1 << 20);
	}
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	set_nonblock(in[1]);
	set_nonblock(out[0]);
	*to = in[1];
	*from = out[0];
}

/* Frames from the front become lines to the child, and the other way round. */
static void
run_worker(int front, char **argv)
{
	struct buf fin = { 0 }, cin = { 0 }, to_child = { 0 }, to_front = { 0 };
	int child_in, child_out, running = 1;
	size_t seen = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	spawn_child(argv, &child_in, &child_out);
	set_nonblock(front);
	while (running) {
		struct pollfd p[3] = { { .fd = front, .events = POLLIN },
			{ .fd = child_out, .events = POLLIN },
			{ .fd = to_child.n ? child_in : -1,
			    .events = POLLOUT } };
		size_t used = 0;

		if (to_front.n)
			p[0].events |= POLLOUT;
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents & (POLLIN | POLLHUP)) {
			if (buf_read(&fin, front) == 0)
				running = 0;
			while (fin.n - used >= 4) {
				uint32_t len;

				memcpy(&len, fin.p + used, 4);
				if (fin.n - used - 4 < len)
					break;
				if (use_jsonc)
					jsonc_round_trip(
					    &to_child, fin.p + used + 4, len);
				else
					buf_add(
					    &to_child, fin.p + used + 4, len);
				buf_add(&to_child, "\n", 1);
				used += 4 + (size_t)len;
			}
			if (used)
				buf_eat(&fin, used);
		}
		if (p[1].revents & (POLLIN | POLLHUP)) {
			char *line, *nl;

			if (buf_read(&cin, child_out) == 0)
				running = 0;
			line = cin.p;
			while (
			    (nl = memchr(cin.p + seen, '\n', cin.n - seen))) {
				uint32_t len = (uint32_t)(nl - line);
				size_t at = to_front.n;

				buf_add(&to_front, &len, 4);
				if (use_jsonc) {
					jsonc_round_trip(&to_front, line, len);
					len = (uint32_t)(to_front.n - at - 4);
					memcpy(to_front.p + at, &len, 4);
				} else {
					buf_add(&to_front, line, len);
				}
				line = nl + 1;
				seen = (size_t)(line - cin.p);
			}
			if (line != cin.p)
				buf_eat(&cin, (size_t)(line - cin.p));
			seen = cin.n;
		}
		if (to_child.n && buf_flush(&to_child, child_in) < 0)
			running = 0;
		if (to_front.n && buf_flush(&to_front, front) < 0)
			running = 0;
	}
	close(child_in); /* the child ends when its pipes do */
	close(child_out);
	while (wait(NULL) > 0)
		;
}

/* ---- front: sessions and pending requests ---------------------------------
 */

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

/* ---- front: the link to the worker (or to the child) ------------------------
 */

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

	if (!direct)
		buf_add(&front_link.out, &len, 4);
	buf_add(&front_link.out, text, head);
	buf_add(&front_link.out, num, (size_t)k);
	buf_add(&front_link.out, id.p + id.n, tail);
	if (direct)
		buf_add(&front_link.out, "\n", 1);
	if (eager)
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
		if (tuned) {
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
	if (use_jsonc) {
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
	if (direct) {
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
	if (direct)
		front_link.seen = b->n;
}

/* ---- front: HTTP
 * ----------------------------------------------------------------- */

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

	if (use_jsonc && n) { /* the extra tree this design would build */
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

/* ---- start
 * ------------------------------------------------------------------------ */

static volatile sig_atomic_t stop;

static void
on_term(evutil_socket_t sig, short what, void *base)
{
	(void)sig;
	(void)what;
	stop = 1;
	event_base_loopbreak(base);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = { { "hop", 1, 0, 'h' },
		{ "json", 1, 0, 'j' }, { "epoll-changelist", 0, 0, 'c' },
		{ "big-pipes", 0, 0, 'b' }, { "eager", 0, 0, 'e' },
		{ "nagle", 0, 0, 'n' }, { "tuned", 0, 0, 't' },
		{ 0, 0, 0, 0 } };
	struct event_config *cfg;
	int changelist = 0;
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	struct event *term, *rd;
	int o, port;
	pid_t worker;

	if (argc < 3)
		return 2;
	port = atoi(argv[1]);
	optind = 2;
	while ((o = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		switch (o) {
		case 'h':
			direct = !strcmp(optarg, "direct");
			break;
		case 'j':
			use_jsonc = !strcmp(optarg, "jsonc");
			break;
		case 'c':
			changelist = 1;
			break;
		case 't':
			tuned = 1;
			break;
		case 'b':
			big_pipes = 1;
			break;
		case 'e':
			eager = 1;
			break;
		case 'n':
			nagle = 1;
			break;
		default:
			return 2;
		}
	}
	if (optind >= argc)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	if (direct) {
		spawn_child(argv + optind, &front_link.wfd, &front_link.rfd);
	} else {
		int sv[2], size = 1 << 20;

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
			return 1;
		if (big_pipes)
			for (int i = 0; i < 2; i++)
				setsockopt(sv[i], SOL_SOCKET, SO_SNDBUF, &size,
				    sizeof(size));
		worker = fork();
		if (worker == 0) {
			close(sv[0]);
			run_worker(sv[1], argv + optind);
			_exit(0);
		}
		close(sv[1]);
		set_nonblock(sv[0]);
		front_link.rfd = front_link.wfd = sv[0];
	}
	if (tuned)
		event_set_mem_functions(pool_malloc, pool_realloc, pool_free);
	cfg = event_config_new();
	if (changelist)
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
		return 1;
	}
	if (!nagle) { /* accepted sockets inherit it from the listener on Linux
		       */
		int one = 1;

		setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP,
		    TCP_NODELAY, &one, sizeof(one));
	}
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
