#include "guard.h"

#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "proto/clock.h"
#include "proto/log.h"

#include "guard_http.h"
#include "pool.h"

/* One sweep in this many milliseconds; the whole list in this many sweeps. */
#define SWEEP_MS    100U
#define SWEEP_PARTS 5U
/* A refused client may take this long to read the answer and hang up: closing
 * at once, while it still sends, would reset the connection under the answer.
 */
#define LINGER_MS 1000U
/* When half of at least so many connections have gone, what they needed goes
 * back to the system. */
#define PEAK_MIN 1000U
/* Listening sockets: host names resolve to a few addresses at most. */
#define LISTENERS_MAX 16U

struct connection {
	TAILQ_ENTRY(connection) link;
	struct guard *guard;
	struct bufferevent *bev; /* our reference; evhttp has its own */
	struct guard_http http;
	size_t held;          /* of a request that is not whole yet */
	uint64_t since_ms;    /* the current wait: head, body or idle */
	uint64_t progress_ms; /* the client last took bytes of ours */
	bool refused;         /* ended by us: ignore what it still sends */
};

struct guard {
	struct loop *loop;
	struct event *timer;
	TAILQ_HEAD(, connection) connections; /* next to sweep first */
	size_t count;
	size_t peak; /* of count, since memory was given back */
	size_t max;
	size_t held;     /* of requests that are not whole, together */
	uint64_t now_ms; /* of the last sweep: exact enough for deadlines */
	struct evconnlistener *listeners[LISTENERS_MAX];
	size_t listener_count;
};

/* ---- accepting -------------------------------------------------------- */

static void
guard_accept(struct guard *guard, bool on)
{
	for (size_t i = 0; i < guard->listener_count; i++) {
		if (on)
			evconnlistener_enable(guard->listeners[i]);
		else
			evconnlistener_disable(guard->listeners[i]);
	}
}

/* accept(2) failed, as a rule because descriptors ran out: without a pause the
 * loop would spin on the readable socket.  The next sweep accepts again. */
static void
guard_on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg; /* evhttp's */
	log_warning("clients: cannot accept a connection: %s; waiting %u ms",
	    strerror(errno), SWEEP_MS);
	evconnlistener_disable(listener);
}

/* ---- ending connections ----------------------------------------------- */

static void
connection_free(struct connection *conn)
{
	struct guard *guard = conn->guard;

	TAILQ_REMOVE(&guard->connections, conn, link);
	guard->count--;
	guard->held -= conn->held;
	bufferevent_decref(conn->bev); /* closes the socket */
	free(conn);
}

/* Has evhttp let go of the connection? */
static bool
connection_dropped(const struct connection *conn)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(conn->bev, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

/* evhttp keeps its read callback set while it waits for a request, and has none
 * while an answer is being written. */
static bool
connection_answering(const struct connection *conn)
{
	bufferevent_data_cb on_read;

	bufferevent_getcb(conn->bev, &on_read, NULL, NULL, NULL);
	return on_read == NULL;
}

/* End a connection; evhttp sees end of file and cleans up behind itself. */
static void
connection_end(struct connection *conn, const char *why)
{
	conn->refused = true;
	log_debug("client: connection ended: %s", why);
	shutdown(bufferevent_getfd(conn->bev), SHUT_RDWR);
}

static const char *
status_reason(int status)
{
	switch (status) {
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 417:
		return "Expectation Failed";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

/*
 * Answer once and end the connection.  The answer goes to the socket itself:
 * evhttp knows nothing of it.  Where an earlier request is still being answered
 * nothing is sent, since it would be taken for that answer.
 */
static void
connection_refuse(struct connection *conn, int status, const char *reason)
{
	char text[512];
	char body[192];
	int body_len;
	int len;

	body_len = snprintf(body, sizeof(body),
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,"
	    "\"message\":\"%s\"}}",
	    reason);
	len = snprintf(text, sizeof(text),
	    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%s%s"
	    "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
	    status, status_reason(status),
	    status == 405 ? "Allow: GET, POST\r\n" : "",
	    status == 503 ? "Retry-After: 1\r\n" : "", body_len, body);
	if (connection_answering(conn) ||
	    evbuffer_get_length(bufferevent_get_output(conn->bev)) > 0) {
		connection_end(conn, reason);
		return;
	}
	(void)send(bufferevent_getfd(conn->bev), text, (size_t)len,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	log_info("client: refused with %d: %s", status, reason);
	conn->refused = true;
	conn->since_ms = conn->guard->now_ms;
	shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
}

/* ---- what comes in ---------------------------------------------------- */

/* Show the guard the bytes from offset on.  False when they were refused. */
static bool
connection_feed(struct connection *conn, struct evbuffer *input, size_t offset)
{
	struct evbuffer_iovec pieces[8];
	struct evbuffer_ptr at;
	struct guard_refusal refusal;
	size_t total = evbuffer_get_length(input);

	while (offset < total) {
		int n;

		if (offset > 0)
			evbuffer_ptr_set(input, &at, offset, EVBUFFER_PTR_SET);
		n = evbuffer_peek(
		    input, -1, offset > 0 ? &at : NULL, pieces, 8);
		if (n > 8)
			n = 8;
		for (int i = 0; i < n; i++) {
			if (!guard_http_feed(&conn->http, pieces[i].iov_base,
				pieces[i].iov_len, &refusal)) {
				connection_refuse(
				    conn, refusal.status, refusal.reason);
				return false;
			}
			offset += pieces[i].iov_len;
		}
	}
	return true;
}

/* Count what is held of a request that is not whole. */
static bool
connection_account(struct connection *conn, size_t added)
{
	struct guard *guard = conn->guard;

	guard->held -= conn->held;
	conn->held = guard_http_idle(&conn->http) ? 0 : conn->held + added;
	guard->held += conn->held;
	return guard->held <= GUARD_HELD_MAX;
}

/*
 * Bytes came, and evhttp has not seen them yet.  What was refused is taken out
 * again; evhttp then finds the buffer empty, and end of file.
 */
static void
connection_on_input(
    struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *conn = arg;
	bool was_idle = guard_http_idle(&conn->http);

	if (info->n_added == 0)
		return;
	if (!conn->refused && connection_feed(conn, input, info->orig_size)) {
		if (!connection_account(conn, info->n_added))
			connection_refuse(
			    conn, 503, "Too many requests at once; try again");
		else if (connection_answering(conn) &&
		    evbuffer_get_length(input) > GUARD_PIPELINE_MAX)
			connection_end(
			    conn, "too many bytes sent ahead of the answer");
	}
	if (conn->refused)
		evbuffer_drain(input, evbuffer_get_length(input));
	else if (was_idle || guard_http_idle(&conn->http))
		conn->since_ms = conn->guard->now_ms;
}

static void
connection_on_output(
    struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *conn = arg;

	(void)output;
	if (info->n_deleted > 0 || info->orig_size == 0)
		conn->progress_ms = conn->guard->now_ms;
}

/* evhttp accepted a connection and asks for its bufferevent. */
static struct bufferevent *
connection_new(struct event_base *base, void *arg)
{
	struct guard *guard = arg;
	struct connection *conn;

	if ((conn = calloc(1, sizeof(*conn))) == NULL)
		return NULL;
	conn->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (conn->bev == NULL) {
		free(conn);
		return NULL;
	}
	/* evhttp frees the bufferevent without a word, but then our reference
	 * still keeps it, and its event callback is gone: see the sweep. */
	bufferevent_incref(conn->bev);
	bufferevent_set_max_single_write(conn->bev, GUARD_WRITE_MAX);
	conn->guard = guard;
	conn->since_ms = conn->progress_ms = guard->now_ms;
	evbuffer_add_cb(
	    bufferevent_get_input(conn->bev), connection_on_input, conn);
	evbuffer_add_cb(
	    bufferevent_get_output(conn->bev), connection_on_output, conn);
	TAILQ_INSERT_TAIL(&guard->connections, conn, link);
	if (++guard->count >= guard->max)
		guard_accept(guard, false);
	if (guard->count > guard->peak)
		guard->peak = guard->count;
	return conn->bev;
}

/* ---- the sweep -------------------------------------------------------- */

static void
connection_check(struct connection *conn)
{
	struct guard *guard = conn->guard;
	uint64_t waited = guard->now_ms - conn->since_ms;
	struct evbuffer *input;

	if (conn->refused) {
		if (waited > LINGER_MS)
			connection_end(conn, "refused");
		return;
	}
	if (evbuffer_get_length(bufferevent_get_output(conn->bev)) > 0) {
		if (guard->now_ms - conn->progress_ms > GUARD_STALL_MS)
			connection_end(conn, "the client reads nothing");
		return;
	}
	if (connection_answering(conn)) {
		/* An answer that has no end: a stream.  Nobody will ever read
		 * the requests behind it. */
		input = bufferevent_get_input(conn->bev);
		evbuffer_drain(input, evbuffer_get_length(input));
		return;
	}
	if (guard_http_in_head(&conn->http)) {
		if (waited > GUARD_HEAD_MS)
			connection_refuse(
			    conn, 408, "The request's head took too long");
	} else if (!guard_http_idle(&conn->http)) {
		if (waited > GUARD_BODY_MS)
			connection_refuse(
			    conn, 408, "The request's body took too long");
	} else if (waited >
	    (conn->http.heads == 0 ? GUARD_HEAD_MS : GUARD_IDLE_MS)) {
		connection_end(conn, "idle");
	}
}

static void
guard_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct guard *guard = arg;
	size_t part = guard->count / SWEEP_PARTS + 1;
	size_t checked = 0;
	bool freed = false;

	(void)fd;
	(void)what;
	guard->now_ms = mono_ms();
	while (checked < part && guard->count > 0) {
		struct connection *conn = TAILQ_FIRST(&guard->connections);

		if (connection_dropped(conn)) {
			connection_free(conn);
			freed = true;
			continue;
		}
		checked++;
		TAILQ_REMOVE(&guard->connections, conn, link);
		TAILQ_INSERT_TAIL(&guard->connections, conn, link);
		connection_check(conn);
	}
	if (guard->count < guard->max)
		guard_accept(guard, true);
	if (!freed && guard->peak >= PEAK_MIN &&
	    guard->count < guard->peak / 2) {
		guard->peak = guard->count;
		pool_trim();
	}
}

/* ---- the guard -------------------------------------------------------- */

static size_t
connections_allowed(size_t links)
{
	const size_t reserved = GUARD_RESERVED_FDS + links;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return GUARD_CONNECTIONS_MAX;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > GUARD_CONNECTIONS_MAX + reserved)
		return GUARD_CONNECTIONS_MAX;
	if (limit.rlim_cur <= 2 * reserved)
		return (size_t)limit.rlim_cur / 2;
	return (size_t)limit.rlim_cur - reserved;
}

struct guard *
guard_new(struct loop *loop, size_t links)
{
	static const struct timeval every = { 0, SWEEP_MS * 1000 };
	struct guard *guard;

	if ((guard = calloc(1, sizeof(*guard))) == NULL)
		return NULL;
	TAILQ_INIT(&guard->connections);
	guard->loop = loop;
	guard->max = connections_allowed(links);
	guard->now_ms = mono_ms();
	guard->timer =
	    event_new(loop_base(loop), -1, EV_PERSIST, guard_on_timer, guard);
	if (guard->timer == NULL || event_add(guard->timer, &every) == -1) {
		guard_free(&guard);
		return NULL;
	}
	return guard;
}

void
guard_free(struct guard **guard)
{
	struct connection *conn;

	if (*guard == NULL)
		return;
	while ((conn = TAILQ_FIRST(&(*guard)->connections)) != NULL)
		connection_free(conn);
	if ((*guard)->timer != NULL)
		event_free((*guard)->timer);
	free(*guard);
	*guard = NULL;
}

void
guard_watch_server(struct guard *guard, struct evhttp *http)
{
	evhttp_set_bevcb(http, connection_new, guard);
}

void
guard_watch_listener(struct guard *guard, struct evhttp_bound_socket *bound)
{
	struct evconnlistener *listener =
	    evhttp_bound_socket_get_listener(bound);

	evconnlistener_set_error_cb(listener, guard_on_accept_error);
	if (guard->listener_count < LISTENERS_MAX)
		guard->listeners[guard->listener_count++] = listener;
}
