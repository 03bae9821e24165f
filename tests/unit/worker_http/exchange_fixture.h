/*
 * exchange_fixture.h: exchanges with a server that a test has written: a thread
 * that serves one connection after the other.
 */
#ifndef TESTS_EXCHANGE_FIXTURE_H
#define TESTS_EXCHANGE_FIXTURE_H

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "exchange.h"
#include "proto/loop.h"

/* ---- the server ---- */

struct server {
	int listener;
	unsigned int port;
	pthread_t thread;
	/* Serve connection number n, from 0, which is closed afterwards. */
	void (*serve)(struct server *s, int fd, int n);
	atomic_int connections;
	atomic_int ended;    /* of those */
	atomic_int requests; /* counted by server_request() */
	char seen[8192];     /* the last of them, with its body */
};

static inline void *
server_run(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) != -1) {
		s->serve(s, fd, s->connections++);
		close(fd);
		s->ended++;
	}
	return NULL;
}

static inline void
server_start(struct server *s, void (*serve)(struct server *s, int fd, int n))
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);

	memset(s, 0, sizeof(*s));
	s->serve = serve;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(s->listener, -1);
	assert_int_equal(
	    bind(s->listener, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(s->listener, 16), 0);
	assert_int_equal(
	    getsockname(s->listener, (struct sockaddr *)&sin, &len), 0);
	s->port = ntohs(sin.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

/* After http_free(): a connection that is open would keep the thread. */
static inline void
server_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
}

/* Read one request into seen; false at the end of the connection. */
static inline bool
server_request(struct server *s, int fd)
{
	char buf[sizeof(s->seen)] = "";
	size_t n = 0, want = 0;
	char *end = NULL, *length;

	while (end == NULL || n < want) {
		ssize_t got = recv(fd, buf + n, sizeof(buf) - 1 - n, 0);

		if (got <= 0)
			return false;
		n += (size_t)got;
		buf[n] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (end == NULL || want > 0)
			continue;
		want = (size_t)(end + 4 - buf);
		length = strstr(buf, "Content-Length: ");
		if (length != NULL)
			want += strtoul(length + 16, NULL, 10);
	}
	memcpy(s->seen, buf, sizeof(buf));
	s->requests++;
	return true;
}

/* False when nobody reads any more. */
static inline bool
server_send(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t put = send(fd, bytes, n, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		bytes += put;
		n -= (size_t)put;
	}
	return true;
}

static inline bool
server_say(int fd, const char *text)
{
	return server_send(fd, text, strlen(text));
}

/* Until the other side closes. */
static inline void
server_wait_end(int fd)
{
	char byte[4096];

	while (recv(fd, byte, sizeof(byte), 0) > 0)
		;
}

/* The connection ends with a reset instead of an end of file. */
static inline void
server_reset(int fd)
{
	const struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* ---- the exchange ---- */

#define POST_BODY "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

struct result {
	struct loop *loop;
	struct exchange *exchange;
	struct http *http;
	int heads;
	long status;
	char reason[64];
	char type[128];
	char session[EXCHANGE_TOKEN_MAX + 1];
	bool has_session;
	bool bad_session;
	bool encoded;
	char location[512];
	size_t body_len;
	size_t calls; /* of body() */
	char body[4096];
	size_t stop_at; /* body() refuses what is over this */
	bool pause;     /* the first body() pauses, and ends the loop */
	bool done;
	enum exchange_outcome outcome;
	char why[512];
};

static inline void
result_head(void *arg, const struct exchange_head *head)
{
	struct result *r = arg;

	assert(!r->done && r->body_len == 0);
	r->heads++;
	r->status = head->status;
	r->has_session = head->session != NULL;
	r->bad_session = head->bad_session;
	r->encoded = head->encoded;
	(void)snprintf(r->reason, sizeof(r->reason), "%s", head->reason);
	(void)snprintf(r->type, sizeof(r->type), "%s", head->type);
	(void)snprintf(r->session, sizeof(r->session), "%s",
	    head->session == NULL ? "" : head->session);
	(void)snprintf(r->location, sizeof(r->location), "%s",
	    head->location == NULL ? "" : head->location);
}

static inline bool
result_body(void *arg, const char *bytes, size_t n)
{
	struct result *r = arg;

	assert(!r->done && r->heads == 1);
	for (size_t i = 0; i < n && r->body_len + i < sizeof(r->body) - 1; i++)
		r->body[r->body_len + i] = bytes[i];
	r->body_len += n;
	r->calls++;
	if (r->pause) {
		r->pause = false;
		exchange_pause(r->exchange, true);
		loop_stop(r->loop);
	}
	return r->stop_at == 0 || r->body_len <= r->stop_at;
}

static inline void
result_done(void *arg, enum exchange_outcome outcome, const char *why)
{
	struct result *r = arg;

	assert(!r->done);
	r->done = true;
	r->exchange = NULL;
	r->outcome = outcome;
	(void)snprintf(r->why, sizeof(r->why), "%s", why);
	loop_stop(r->loop);
}

static const struct exchange_handlers result_handlers = {
	.head = result_head,
	.body = result_body,
	.done = result_done,
};

/* ---- both ---- */

static char *no_headers[] = { NULL };

struct world {
	struct loop *loop;
	struct http *http;
	struct server server;
	struct setup_remote remote;
	char url[128];
	int descriptors; /* before everything */
};

static inline int
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* What remote says is kept; url NULL: the server's; serve NULL: nobody comes.
 */
static inline void
world_open(struct world *w, void (*serve)(struct server *s, int fd, int n))
{
	const char *why = NULL;

	w->descriptors = open_descriptors();
	server_start(&w->server, serve);
	if (w->remote.url == NULL) {
		(void)snprintf(w->url, sizeof(w->url),
		    "http://127.0.0.1:%u/mcp", w->server.port);
		w->remote.url = w->url;
	}
	if (w->remote.headers == NULL)
		w->remote.headers = no_headers;
	w->loop = loop_new(false);
	assert_non_null(w->loop);
	w->http = http_new(w->loop, &w->remote, &why);
	if (w->http == NULL)
		fail_msg("%s", why);
}

/* Nothing is left open. */
static inline void
world_close(struct world *w)
{
	http_free(&w->http);
	assert_null(w->http);
	loop_free(&w->loop);
	server_stop(&w->server);
	assert_int_equal(open_descriptors(), w->descriptors);
}

static inline struct exchange_request
world_request(const struct world *w, enum exchange_method method)
{
	struct exchange_request request = {
		.method = method,
		.url = w->remote.url,
		.accept = "application/json, text/event-stream",
	};

	if (method == EXCHANGE_POST) {
		request.body = POST_BODY;
		request.body_len = sizeof(POST_BODY) - 1;
	}
	return request;
}

static inline void
world_start(
    struct world *w, struct result *r, const struct exchange_request *request)
{
	r->loop = w->loop;
	r->http = w->http;
	r->exchange = exchange_start(w->http, request, &result_handlers, r);
	assert_non_null(r->exchange);
	assert_false(r->done);
}

/* Start it and wait for its end. */
static inline void
world_ask(
    struct world *w, struct result *r, const struct exchange_request *request)
{
	memset(r, 0, sizeof(*r));
	world_start(w, r, request);
	loop_run(w->loop);
	assert_true(r->done);
}

/* A POST to a server that does this: how it ends. */
static inline void
world_post_to(struct result *r, void (*serve)(struct server *s, int fd, int n))
{
	struct world w = { 0 };
	struct exchange_request request;

	world_open(&w, serve);
	request = world_request(&w, EXCHANGE_POST);
	world_ask(&w, r, &request);
	world_close(&w);
}

#endif
