/*
 * http_echo_backend - the cheapest possible MCP server over HTTP.
 *
 * A bare epoll loop that answers what echo_backend answers, so that what a
 * benchmark measures is whatever stands in front of it.
 *
 *   /mcp      Streamable HTTP, answers as application/json, no GET stream
 *   /events   Streamable HTTP, answers as event streams, a GET stream is held
 *   /sse      HTTP+SSE (2024-11-05), messages to the endpoint it announces
 *
 * usage: http_echo_backend PORT     on 127.0.0.1
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "echo_answer.h"
#include "stats.h"

/* Descriptors are indexes: a gateway opens fewer connections than this. */
#define FDS_MAX 4096
/* Of one read, and so of what many pipelined requests have at once. */
#define READ_SIZE 65536

struct conn {
	int open;
	int dirty;   /* in the list of those that have something to send */
	int blocked; /* epoll tells when it can be written again */
	int serial;  /* of the stream; a name is not used twice */
	struct buf in, out;
	size_t sent; /* of out */
};

struct request {
	const char *head, *body; /* the head without its empty line */
	size_t head_len, body_len;
};

static struct conn conns[FDS_MAX];
static int dirty[FDS_MAX];
static int dirty_count;
static int poller;
static int sessions; /* given out so far: 1, 2, ... */
static struct buf answer;

static struct buf *
out_of(int fd)
{
	struct conn *c = &conns[fd];

	if (!c->dirty) {
		c->dirty = 1;
		dirty[dirty_count++] = fd;
	}
	return &c->out;
}

static void
watch(int fd, int operation, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	if (epoll_ctl(poller, operation, fd, &ev))
		abort();
}

static void
drop(int fd)
{
	struct conn *c = &conns[fd];

	close(fd);
	c->open = c->blocked = c->serial = 0;
	c->in.n = c->out.n = c->sent = 0;
}

/* ---- what is sent ---- */

static void
put_text(int fd, const char *text)
{
	buf_add(out_of(fd), text, strlen(text));
}

static void
put_status(int fd, const char *status)
{
	put_text(fd, "HTTP/1.1 ");
	put_text(fd, status);
	put_text(fd, "\r\nContent-Length: 0\r\n\r\n");
}

/* One chunk with the answer as an event. */
static void
put_event(int fd)
{
	static const char before[] = "event: message\ndata: ";
	char size[32];

	snprintf(
	    size, sizeof(size), "%zx\r\n", sizeof(before) - 1 + answer.n + 2);
	put_text(fd, size);
	put_text(fd, before);
	buf_add(out_of(fd), answer.p, answer.n);
	put_text(fd, "\n\n\r\n");
}

static void
put_stream_head(int fd)
{
	put_text(fd,
	    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	    "Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void
put_answer(int fd, int as_event, int session)
{
	char head[160];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n",
	    as_event ? "text/event-stream" : "application/json");
	put_text(fd, head);
	if (session) {
		snprintf(head, sizeof(head), "Mcp-Session-Id: %d\r\n", session);
		put_text(fd, head);
	}
	if (as_event) {
		put_text(fd, "Transfer-Encoding: chunked\r\n\r\n");
		put_event(fd);
		put_text(fd, "0\r\n\r\n");
		return;
	}
	snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n", answer.n);
	put_text(fd, head);
	buf_add(out_of(fd), answer.p, answer.n);
}

static void
flush(int fd)
{
	struct conn *c = &conns[fd];

	c->dirty = 0;
	while (c->open && c->sent < c->out.n) {
		ssize_t n = send(
		    fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!c->blocked)
				watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			c->blocked = 1;
			return;
		}
		if (n < 0) {
			drop(fd);
			return;
		}
		c->sent += (size_t)n;
	}
	c->out.n = c->sent = 0;
	if (c->open && c->blocked) {
		watch(fd, EPOLL_CTL_MOD, EPOLLIN);
		c->blocked = 0;
	}
}

/* ---- what comes ---- */

/* The value of a header, a number; -1 when it is not there. */
static int
header(const struct request *r, const char *name)
{
	const char *p = r->head, *end = r->head + r->head_len;
	size_t n = strlen(name);

	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		p++;
		if ((size_t)(end - p) > n && !strncasecmp(p, name, n))
			return number(p + n); /* "\r\n" follows the head */
	}
	return -1;
}

static int
is(const struct request *r, const char *beginning)
{
	size_t n = strlen(beginning);

	return r->head_len >= n && !memcmp(r->head, beginning, n);
}

static void
streamable(int fd, const struct request *r, int as_event)
{
	int session = header(r, "Mcp-Session-Id:"), fresh = 0;

	if (session < 0 && memmem(r->body, r->body_len, "\"initialize\"", 12)) {
		fresh = ++sessions;
	} else if (session < 1 || session > sessions) {
		put_status(
		    fd, session < 0 ? "400 Bad Request" : "404 Not Found");
		return;
	}
	answer.n = 0;
	if (echo_answer(&answer, r->body, r->body_len))
		put_answer(fd, as_event, fresh);
	else
		put_status(fd, "202 Accepted");
}

static void
open_sse(int fd)
{
	char event[80], size[16];
	int n;

	conns[fd].serial = ++sessions;
	n = snprintf(event, sizeof(event),
	    "event: endpoint\ndata: /message/%d/%d\n\n", fd, sessions);
	put_stream_head(fd);
	snprintf(size, sizeof(size), "%x\r\n", (unsigned)n);
	put_text(fd, size);
	put_text(fd, event);
	put_text(fd, "\r\n");
}

static void
legacy(int fd, const struct request *r)
{
	int stream, serial;

	if (sscanf(r->head, "POST /message/%d/%d ", &stream, &serial) != 2 ||
	    stream < 0 || stream >= FDS_MAX || serial < 1 ||
	    conns[stream].serial != serial) {
		put_status(fd, "404 Not Found");
		return;
	}
	put_status(fd, "202 Accepted");
	answer.n = 0;
	if (echo_answer(&answer, r->body, r->body_len))
		put_event(stream);
}

static void
handle(int fd, const struct request *r)
{
	if (is(r, "POST /mcp "))
		streamable(fd, r, 0);
	else if (is(r, "POST /events "))
		streamable(fd, r, 1);
	else if (is(r, "POST /message/"))
		legacy(fd, r);
	else if (is(r, "GET /sse "))
		open_sse(fd);
	else if (is(r, "GET /events "))
		put_stream_head(fd);
	else if (is(r, "DELETE /mcp ") || is(r, "DELETE /events "))
		put_status(fd, "200 OK");
	else
		put_status(fd,
		    is(r, "GET /mcp ") ? "405 Method Not Allowed"
				       : "404 Not Found");
}

/* Answer all requests that are whole. */
static void
take(int fd)
{
	struct conn *c = &conns[fd];
	size_t at = 0;

	while (at < c->in.n) {
		struct request r = { .head = c->in.p + at };
		const char *end = memmem(r.head, c->in.n - at, "\r\n\r\n", 4);
		int length;

		if (!end)
			break;
		r.head_len = (size_t)(end - r.head);
		r.body = end + 4;
		length = header(&r, "Content-Length:");
		r.body_len = length > 0 ? (size_t)length : 0;
		if (r.body_len > c->in.n - at - r.head_len - 4)
			break;
		handle(fd, &r);
		at += r.head_len + 4 + r.body_len;
	}
	buf_eat(&c->in, at);
}

static void
on_event(int fd, uint32_t events)
{
	struct conn *c = &conns[fd];
	ssize_t n;

	if (events & EPOLLOUT)
		(void)out_of(fd);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	buf_reserve(&c->in, READ_SIZE);
	n = recv(fd, c->in.p + c->in.n, c->in.cap - c->in.n, 0);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		drop(fd);
		return;
	}
	c->in.n += (size_t)n;
	take(fd);
}

static void
on_accept(int listener)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (fd >= FDS_MAX) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conns[fd].open = 1;
	watch(fd, EPOLL_CTL_ADD, EPOLLIN);
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
		perror("http_echo_backend");
		exit(1);
	}
	return fd;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	int listener;

	if (argc != 2)
		return 2;
	poller = epoll_create1(0);
	listener = listen_on(number(argv[1]));
	watch(listener, EPOLL_CTL_ADD, EPOLLIN);
	for (;;) {
		int n = epoll_wait(poller, events, 256, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == listener)
				on_accept(fd);
			else if (conns[fd].open)
				on_event(fd, events[i].events);
		}
		/* At the end of a turn: what many requests say goes at once. */
		while (dirty_count > 0)
			flush(dirty[--dirty_count]);
	}
}
