#include "guard.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "proto/clock.h"
#include "proto/log.h"
#include "proto/role.h"

#include "client.h"
#include "descriptors.h"
#include "doors.h"
#include "guard_http.h"
#include "held.h"
#include "http_words.h"
#include "peer.h"
#include "policy.h"
#include "pool.h"

/* One sweep in this many milliseconds; the whole list in this many sweeps. */
#define SWEEP_MS    100U
#define SWEEP_PARTS 5U
/* A refused client may take this long to read the answer and hang up: closing
 * at once, while it still sends, would reset the connection under the answer.
 */
#define LINGER_MS 1000U
/* When half of at least so many connections have gone, what they needed goes
 * back to the system at once, however much the others do. */
#define PEAK_MIN 1000U
/* evhttp takes the data of a chunk together with the memory that it lies in,
 * when it came alone: libevent's smallest piece, however few bytes it holds. */
#define CHUNK_PIECE ((size_t)1152)

struct connection {
	TAILQ_ENTRY(connection) link;
	TAILQ_ENTRY(connection) of_fresh;
	struct guard *guard;
	struct bufferevent *bev; /* our reference; evhttp has its own */
	struct client client;
	struct guard_http http;
	size_t request;       /* bytes of one that is not whole yet */
	size_t share;         /* what counts of all that waits: held.h */
	uint64_t since_ms;    /* the current wait: head, body or idle */
	uint64_t progress_ms; /* the client last took bytes of ours */
	bool refused;         /* ended by us: ignore what it still sends */
	bool endless;         /* its last answer: nothing behind it is read */
	bool fresh;           /* we do not know yet where it is from */
};

struct guard {
	struct loop *loop;
	struct event *timer;
	TAILQ_HEAD(, connection) connections; /* next to sweep first */
	TAILQ_HEAD(, connection) fresh;       /* accepted in this turn */
	struct deferred settle;
	struct connection **by_fd; /* by descriptor, NULL: none */
	size_t fd_count;
	struct peers *peers;
	size_t count;
	size_t refused;         /* of these, who are about to go */
	size_t peak;            /* of count, since memory was given back */
	size_t max;             /* that are not about to go */
	size_t descriptors;     /* for all of them */
	size_t max_per_address; /* 0: any */
	size_t body_max;
	struct held held; /* requests that are not whole, of all */
	uint64_t now_ms;  /* of the last sweep: exact enough for deadlines */
	uint64_t moved;   /* bytes to and from all clients so far */
	struct doors doors;
};

/* ---- accepting -------------------------------------------------------- */

/* Who is about to go takes nobody's place, as long as there are descriptors:
 * else who is refused again and again would keep everybody out. */
static bool
guard_has_room(const struct guard *guard)
{
	return guard->count - guard->refused < guard->max &&
	    guard->count < guard->descriptors;
}

/* ---- ending connections ----------------------------------------------- */

static void
connection_free(struct connection *conn)
{
	struct guard *guard = conn->guard;
	int fd = bufferevent_getfd(conn->bev);

	TAILQ_REMOVE(&guard->connections, conn, link);
	if (conn->fresh)
		TAILQ_REMOVE(&guard->fresh, conn, of_fresh);
	if (fd >= 0 && (size_t)fd < guard->fd_count && guard->by_fd[fd] == conn)
		guard->by_fd[fd] = NULL;
	if (conn->client.peer != NULL)
		(void)held_set(
		    &guard->held, &conn->client.peer->held, &conn->share, 0);
	client_forget(&conn->client, guard->peers);
	guard->count--;
	guard->refused -= conn->refused ? 1 : 0;
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

static void
connection_mark_refused(struct connection *conn)
{
	if (!conn->refused)
		conn->guard->refused++;
	conn->refused = true;
}

/* End a connection; evhttp sees end of file and cleans up behind itself. */
static void
connection_end(struct connection *conn, const char *why)
{
	connection_mark_refused(conn);
	log_debug("client: connection ended: %s", why);
	shutdown(bufferevent_getfd(conn->bev), SHUT_RDWR);
}

/*
 * Answer once and end the connection.  The answer goes to the socket itself:
 * evhttp knows nothing of it.  Where an earlier request is still being answered
 * nothing is sent, since it would be taken for that answer.
 */
static void
connection_refuse(struct connection *conn, int status, const char *reason)
{
	char address[PEER_TEXT_MAX];
	char text[HTTP_REFUSAL_MAX];
	size_t len = http_words_refusal(text, status, reason);

	if (connection_answering(conn) ||
	    evbuffer_get_length(bufferevent_get_output(conn->bev)) > 0) {
		connection_end(conn, reason);
		return;
	}
	(void)send(bufferevent_getfd(conn->bev), text, len,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (client_may_log(&conn->client))
		log_info("client %s: refused with %d: %s",
		    client_format(&conn->client, address), status, reason);
	connection_mark_refused(conn);
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

	conn->http.body_max = (uint32_t)conn->guard->body_max;
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

/* Count what is held of a request that is not whole, or of some that wait for
 * the answer to another.  False when it is too much. */
static bool
connection_account(
    struct connection *conn, size_t added, bool answering, size_t waiting)
{
	size_t bytes;

	if (added > 0 && added < CHUNK_PIECE &&
	    guard_http_in_chunks(&conn->http, true))
		added = CHUNK_PIECE;
	conn->request =
	    guard_http_idle(&conn->http) ? 0 : conn->request + added;
	bytes = conn->request;
	if (answering && waiting > bytes)
		bytes = waiting;
	if (bytes <= HELD_FREE && conn->share == 0)
		return true;
	return held_set(
	    &conn->guard->held, &conn->client.peer->held, &conn->share, bytes);
}

/* Nobody will look at what waits here; what evhttp has taken of a body in
 * chunks stays until the connection is gone. */
static void
connection_discard(struct connection *conn, struct evbuffer *input)
{
	if (!guard_http_in_chunks(&conn->http, false))
		conn->request = 0;
	evbuffer_drain(input, evbuffer_get_length(input));
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
	size_t waiting = evbuffer_get_length(input);
	bool answering;

	conn->guard->moved += info->n_added;
	if (info->n_added == 0) {
		if (conn->share > 0) /* some of it was taken */
			(void)connection_account(
			    conn, 0, connection_answering(conn), waiting);
		return;
	}
	if (!conn->refused && connection_feed(conn, input, info->orig_size)) {
		answering = connection_answering(conn);
		if (!connection_account(
			conn, info->n_added, answering, waiting))
			connection_refuse(
			    conn, 503, "Too many requests at once; try again");
		else if (answering && waiting > GUARD_PIPELINE_MAX)
			connection_end(
			    conn, "too many bytes sent ahead of the answer");
	}
	if (conn->refused)
		connection_discard(conn, input);
	else if (was_idle || guard_http_idle(&conn->http))
		conn->since_ms = conn->guard->now_ms;
}

static void
connection_on_output(
    struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *conn = arg;

	(void)output;
	conn->guard->moved += info->n_deleted;
	if (info->n_deleted > 0 || info->orig_size == 0)
		conn->progress_ms = conn->guard->now_ms;
}

/* ---- new connections -------------------------------------------------- */

/* So that a request finds its connection. */
static int
connection_note_fd(struct connection *conn, size_t fd)
{
	struct guard *guard = conn->guard;
	struct connection **by_fd;
	size_t n = guard->fd_count;

	if (fd >= n) {
		for (n = n > 0 ? n : 256; n <= fd;)
			n *= 2;
		by_fd = reallocarray(guard->by_fd, n, sizeof(*by_fd));
		if (by_fd == NULL)
			return -1;
		memset(by_fd + guard->fd_count, 0,
		    (n - guard->fd_count) * sizeof(*by_fd));
		guard->by_fd = by_fd;
		guard->fd_count = n;
	}
	guard->by_fd[fd] = conn;
	return 0;
}

/* One too many; while it lingers it does not count as one. */
static void
connection_refuse_address(struct connection *conn)
{
	connection_refuse(conn, 503, "Too many connections from your address");
	client_forget(&conn->client, conn->guard->peers);
}

/* It has its socket now. */
static void
connection_settle(struct connection *conn)
{
	const struct guard *guard = conn->guard;
	int fd = bufferevent_getfd(conn->bev);

	if (fd < 0 || connection_dropped(conn))
		return; /* evhttp did not want it; the sweep finds it */
	if (client_find(&conn->client, guard->peers, fd) == -1 ||
	    connection_note_fd(conn, (size_t)fd) == -1) {
		/* It may be gone already. */
		connection_end(conn, strerror(errno));
		return;
	}
	/* Over a Unix socket comes a proxy, for all of its clients. */
	if (guard->max_per_address > 0 && !conn->client.local &&
	    conn->client.peer->connections > guard->max_per_address)
		connection_refuse_address(conn);
}

/* At the end of the turn in which they were accepted, and so before the first
 * byte of theirs is read. */
static void
guard_settle(void *arg)
{
	struct guard *guard = arg;
	struct connection *conn;

	while ((conn = TAILQ_FIRST(&guard->fresh)) != NULL) {
		TAILQ_REMOVE(&guard->fresh, conn, of_fresh);
		conn->fresh = false;
		connection_settle(conn);
	}
}

/* evhttp accepted a connection and asks for its bufferevent. */
static struct bufferevent *
connection_new(struct event_base *base, void *arg)
{
	struct guard *guard = arg;
	struct connection *conn;

	if ((conn = calloc(1, sizeof(*conn))) != NULL)
		conn->bev =
		    bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	/* Without one from us evhttp would make its own, which nobody guards.
	 */
	if (conn == NULL || conn->bev == NULL)
		errx(ROLE_EXIT_MEMORY, "out of memory");
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
	conn->fresh = true;
	TAILQ_INSERT_TAIL(&guard->fresh, conn, of_fresh);
	deferred_queue(guard->loop, &guard->settle);
	guard->count++;
	if (!guard_has_room(guard))
		doors_open(&guard->doors, false);
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
	/* Whoever waits for an answer waits for us: his time for the next
	 * request begins when he has it. */
	if (connection_answering(conn))
		conn->since_ms = guard->now_ms;
	if (evbuffer_get_length(bufferevent_get_output(conn->bev)) > 0) {
		if (guard->now_ms - conn->progress_ms > GUARD_STALL_MS)
			connection_end(conn, "the client reads nothing");
		return;
	}
	if (connection_answering(conn)) {
		/* Else a request waits, or one behind it. */
		if (conn->endless) {
			input = bufferevent_get_input(conn->bev);
			evbuffer_drain(input, evbuffer_get_length(input));
		}
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
	if (guard_has_room(guard))
		doors_open(&guard->doors, true);
	if (!freed && guard->peak >= PEAK_MIN &&
	    guard->count < guard->peak / 2) {
		guard->peak = guard->count;
		pool_trim();
	}
	pool_rest(guard->moved, guard->now_ms);
}

/* ---- the guard -------------------------------------------------------- */

struct guard *
guard_new(struct loop *loop, size_t links)
{
	static const struct timeval every = { 0, SWEEP_MS * 1000 };
	struct guard *guard;

	if ((guard = calloc(1, sizeof(*guard))) == NULL)
		return NULL;
	TAILQ_INIT(&guard->connections);
	TAILQ_INIT(&guard->fresh);
	deferred_init(&guard->settle, guard_settle, guard);
	guard->loop = loop;
	guard->max = guard->descriptors = descriptors_for_clients(links);
	guard->body_max = GUARD_BODY_MAX;
	guard->now_ms = mono_ms();
	guard->peers = peers_new();
	guard->timer =
	    event_new(loop_base(loop), -1, EV_PERSIST, guard_on_timer, guard);
	if (guard->peers == NULL || guard->timer == NULL ||
	    event_add(guard->timer, &every) == -1) {
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
	deferred_cancel(&(*guard)->settle);
	if ((*guard)->timer != NULL)
		event_free((*guard)->timer);
	peers_free(&(*guard)->peers);
	free((*guard)->by_fd);
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
	doors_add(&guard->doors, bound);
	doors_open(&guard->doors, guard_has_room(guard));
}

void
guard_unwatch_listener(struct guard *guard, struct evhttp_bound_socket *bound)
{
	doors_remove(&guard->doors, bound);
}

/* ---- for http.c ------------------------------------------------------- */

static struct connection *
guard_find(struct guard *guard, struct evhttp_request *req)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(req));
	int fd = bufferevent_getfd(bev);

	assert(fd >= 0 && (size_t)fd < guard->fd_count &&
	    guard->by_fd[fd] != NULL && guard->by_fd[fd]->bev == bev);
	return guard->by_fd[fd];
}

struct client *
guard_client(struct guard *guard, struct evhttp_request *req)
{
	return &guard_find(guard, req)->client;
}

void
guard_mark_endless(struct guard *guard, struct evhttp_request *req)
{
	guard_find(guard, req)->endless = true;
}

void
guard_set_limits(
    struct guard *guard, const struct policy_limits *limits, size_t links)
{
	guard->max = guard->descriptors = descriptors_for_clients(links);
	if (limits->connections > 0 && limits->connections < guard->max)
		guard->max = limits->connections;
	guard->max_per_address = limits->connections_per_address;
	guard->body_max = limits->body_size;
	guard->held.max = limits->memory / GUARD_HELD_PART;
	/* One request fits in any case. */
	if (guard->held.max < limits->body_size + GUARD_HEAD_MAX)
		guard->held.max = limits->body_size + GUARD_HEAD_MAX;
	doors_open(&guard->doors, guard_has_room(guard));
}

size_t
guard_connections(const struct guard *guard)
{
	return guard->count;
}

size_t
guard_held(const struct guard *guard)
{
	return guard->held.bytes;
}
