/* load_http.c: mcpload's connections and the answers on them. */
#include "load.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

void
note_error(const char *what, const char *text, size_t n)
{
	load.errors++;
	if (load.first_error[0])
		return;
	snprintf(load.first_error, sizeof(load.first_error), "%s: %.*s", what,
	    (int)(n > 120 ? 120 : n), text ? text : "");
	for (char *p = load.first_error; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			*p = '\'';
}

void
conn_close(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->connecting = c->in_body = c->closing = 0;
	c->in.n = c->out.n = c->out_done = c->body.n = 0;
}

void
client_dead(struct client *cl)
{
	if (cl->phase == PH_DEAD)
		return;
	if (cl->phase < PH_READY)
		load.in_handshake--;
	else
		load.ready--;
	cl->phase = PH_DEAD;
	load.dead++;
	conn_close(&cl->post);
	conn_close(&cl->stream);
}

static void
conn_watch(struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (c->events == events)
		return;
	epoll_ctl(
	    load.epfd, c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &ev);
	c->events = events;
}

static int
conn_open(struct conn *c)
{
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -1;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (opt.sources > 1) {
		struct sockaddr_in src = { .sin_family = AF_INET };

		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
		    sizeof(one));
		src.sin_addr.s_addr =
		    htonl(0x7f000002u + (uint32_t)c->cl->source);
		if (bind(c->fd, (void *)&src, sizeof(src)) < 0)
			return -1;
	}
	c->events = 0;
	c->connecting = 0;
	if (connect(c->fd, (void *)&opt.addr, sizeof(opt.addr)) < 0) {
		if (errno != EINPROGRESS)
			return -1;
		c->connecting = 1;
	}
	conn_watch(c, c->connecting ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return 0;
}

void
conn_flush(struct conn *c)
{
	while (c->out_done < c->out.n) {
		ssize_t w = send(c->fd, c->out.p + c->out_done,
		    c->out.n - c->out_done, MSG_NOSIGNAL);

		if (w < 0 && (errno == EAGAIN || errno == EINTR)) {
			conn_watch(c, EPOLLIN | EPOLLOUT);
			return;
		}
		if (w < 0)
			return; /* the read side reports the failure */
		c->out_done += (size_t)w;
	}
	c->out.n = c->out_done = 0;
	conn_watch(c, EPOLLIN);
}

void
conn_send(
    struct conn *c, const char *head, size_t hn, const char *body, size_t bn)
{
	if (c->fd < 0 && conn_open(c) < 0) {
		note_error("connect", strerror(errno), strlen(strerror(errno)));
		client_dead(c->cl);
		return;
	}
	buf_add(&c->out, head, hn);
	buf_add(&c->out, body, bn);
	if (!c->connecting)
		conn_flush(c);
}

static const char *
header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strchr(head, '\n'); p && *++p; p = strchr(p, '\n'))
		if (!strncasecmp(p, name, n) && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " ");
	return NULL;
}

static void
on_head(struct conn *c, const char *head)
{
	struct client *cl = c->cl;
	const char *v;

	c->status = number(head + 9);
	v = header(head, "content-type");
	c->is_sse = v && !strncasecmp(v, "text/event-stream", 17);
	v = header(head, "connection");
	c->closing = v && !strncasecmp(v, "close", 5);
	v = header(head, "mcp-session-id");
	if (v && !cl->session[0])
		snprintf(cl->session, sizeof(cl->session), "%.*s",
		    (int)strcspn(v, "\r\n"), v);
	c->in_body = 1;
	c->body.n = 0;
	c->chunk_state = 0;
	c->left = 0;
	if ((v = header(head, "transfer-encoding")) &&
	    !strncasecmp(v, "chunked", 7)) {
		c->kind = BODY_CHUNKED;
	} else if ((v = header(head, "content-length"))) {
		c->kind = BODY_LENGTH;
		c->left = strtoull(v, NULL, 10);
	} else if (c->status == 204 || c->status == 304 || c->status == 202) {
		c->kind = BODY_NONE;
	} else {
		c->kind = BODY_EOF;
	}
	if (cl->phase == PH_GET && c->status == 200 && c->is_sse)
		cl->got_reply = cl->got_http = 1;
}

/* Move body bytes from c->in to c->body; return 1 when the answer is whole. */
static int
take_body(struct conn *c)
{
	size_t used = 0;
	int whole = 0;

	if (c->kind == BODY_NONE)
		return 1;
	while (!whole) {
		char *p = c->in.p + used;
		size_t n = c->in.n - used, k;

		if (c->kind == BODY_EOF) {
			buf_add(&c->body, p, n);
			used += n;
			break;
		}
		if (c->kind == BODY_LENGTH) {
			k = n < c->left ? n : (size_t)c->left;
			buf_add(&c->body, p, k);
			used += k;
			c->left -= k;
			whole = !c->left;
			break;
		}
		if (c->chunk_state == 1) {
			k = n < c->left ? n : (size_t)c->left;
			buf_add(&c->body, p, k);
			used += k;
			c->left -= k;
			if (c->left)
				break;
			c->chunk_state = 2;
		} else {
			char *nl = n ? memchr(p, '\n', n) : NULL;

			if (!nl)
				break;
			used += (size_t)(nl - p) + 1;
			if (c->chunk_state == 2) {
				c->chunk_state = 0;
			} else if (c->chunk_state == 3) {
				whole = nl - p <= 1;
			} else {
				c->left = strtoull(p, NULL, 16);
				c->chunk_state = c->left ? 1 : 3;
			}
		}
	}
	buf_eat(&c->in, used);
	return whole;
}

/* The HTTP answer on c is complete. */
static void
conn_done(struct conn *c)
{
	struct client *cl = c->cl;

	if (c->status >= 400) {
		char what[32];

		snprintf(what, sizeof(what), "HTTP %d", c->status);
		note_error(what, c->body.p, c->body.n);
		cl->got_reply = 1;
		cl->done_at = 0;
	} else if (!c->is_sse && c->body.n && c->status == 200) {
		on_message(cl, c->body.p, c->body.n);
	}
	c->in_body = 0;
	c->body.n = 0;
	cl->got_http = 1;
	if (c->closing)
		conn_close(c);
}

/* The peer closed, or the connection failed (r is -1). */
static void
conn_ended(struct conn *c, ssize_t r)
{
	struct client *cl = c->cl;
	int whole = c->in_body && c->kind == BODY_EOF;
	int busy = c == &cl->stream || c->in_body || !cl->got_http;
	const char *why = r < 0 ? strerror(errno) : "EOF";

	if (whole) {
		conn_done(c);
		conn_close(c);
		client_step(cl);
		return;
	}
	conn_close(c);
	if (!busy) {
		load.reconnects++; /* an idle keep-alive ended */
		return;
	}
	note_error(
	    c == &cl->stream ? "stream closed" : "closed", why, strlen(why));
	if (c == &cl->stream || cl->phase < PH_RUN ||
	    ++cl->errors_in_row > 20) {
		client_dead(cl);
		return;
	}
	load.reconnects++;
	cl->got_reply = cl->got_http = 1;
	cl->done_at = 0;
	client_step(cl);
}

/* Take whole answers, and what there is of the next one, out of c->in. */
static void
conn_parse(struct conn *c)
{
	while (c->in.n) {
		int whole;

		if (!c->in_body) {
			char *e = memmem(c->in.p, c->in.n, "\r\n\r\n", 4);
			size_t hn;

			if (!e)
				break;
			hn = (size_t)(e - c->in.p) + 4;
			e[2] = '\0';
			if (number(c->in.p + 9) == 100) {
				buf_eat(&c->in, hn);
				continue;
			}
			on_head(c, c->in.p);
			buf_eat(&c->in, hn);
		}
		whole = take_body(c);
		if (c->is_sse && c->body.n)
			on_sse_bytes(c);
		if (whole)
			conn_done(c);
		if (!whole || c->fd < 0)
			break;
	}
}

void
conn_readable(struct conn *c)
{
	struct client *cl = c->cl;

	for (;;) {
		ssize_t r;

		buf_reserve(&c->in, cl->phase < PH_RUN ? 4096 : 65536);
		r = recv(c->fd, c->in.p + c->in.n, c->in.cap - c->in.n, 0);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (r <= 0) {
			conn_ended(c, r);
			return;
		}
		c->in.n += (size_t)r;
		load.bytes_in += (uint64_t)r;
		conn_parse(c);
		if (cl->got_reply && cl->got_http)
			client_step(cl);
		if (c->fd < 0)
			return;
		if (c->in.n < c->in.cap && (size_t)r < 4096)
			return; /* short read: epoll will call again */
	}
}
