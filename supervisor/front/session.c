#include "session.h"

#include <sys/time.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "proto/clock.h"
#include "proto/log.h"

#include "catalogue.h"
#include "chunk.h"
#include "front.h"
#include "guard.h"
#include "link.h"
#include "policy.h"
#include "principal.h"
#include "session_parts.h"
#include "subscriptions.h"

/* How often streams are looked at that are due a ping, and that at most a part
 * of all of them gets one: those that were opened together shall not all be
 * written to in one turn, while the others wait. */
#define TICK_MS    100U
#define PING_PARTS 100U

/* ---- pings ------------------------------------------------------------ */

/* ": ping - 2026-11-22 16:36:23.253136+00:00", as the original product. */
static void
session_write_ping(struct session *session)
{
	struct timeval now;
	struct tm tm;
	char text[64];
	size_t len;

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(text, sizeof(text), ": ping - %Y-%m-%d %H:%M:%S", &tm);
	len += (size_t)snprintf(text + len, sizeof(text) - len,
	    ".%06ld+00:00\r\n\r\n", (long)now.tv_usec);
	session_write_raw(session, text, len);
}

static void
session_ping(struct session *session)
{
	session->pinged_ms = mono_ms();
	/* Bytes that wait to be read are ping enough. */
	if (!session->dropped &&
	    evbuffer_get_length(session_output(session)) == 0)
		session_write_ping(session);
}

/* ---- opening, ending, finding ----------------------------------------- */

static void
session_free(void *arg)
{
	free(arg);
}

static void
session_end(struct session *session)
{
	struct sessions *sessions = session->front->sessions;
	static const struct json_span no_reason = { NULL, 0 };
	struct request *request;
	size_t pending = session->request_count;

	session->state = SESSION_GONE;
	LIST_REMOVE(session, of_bucket);
	TAILQ_REMOVE(&sessions->pings, session, of_pings);
	sessions->count--;
	session->principal->sessions--;
	if (session->level >= 0)
		sessions->levels[session->level]--;
	while ((request = TAILQ_FIRST(&session->requests)) != NULL)
		link_cancel(request, no_reason);
	subscriptions_leave_all(session);
	principal_release(session->principal);
	session->principal = NULL;
	if (session->logged)
		log_info("session %u: closed after %.1f s, %llu requests, "
			 "%zu pending",
		    session->handle,
		    (double)(mono_ms() - session->opened_ms) / 1000.0,
		    (unsigned long long)session->calls, pending);
	deferred_queue(session->front->loop, &session->free_later);
}

/* The last bytes of an ended stream are written, or its client is gone. */
static void
sessions_on_flushed(struct evhttp_connection *conn, void *arg)
{
	struct sessions *sessions = arg;

	(void)conn;
	sessions->ending--;
}

/*
 * End a stream in order: its last chunk follows what waits, then the connection
 * is closed.  evhttp owns the request from now on.
 */
static void
session_finish(struct session *session)
{
	struct sessions *sessions = session->front->sessions;
	struct evhttp_request *stream = session->stream;

	session->stream = NULL;
	session_end(session);
	sessions->ending++;
	evhttp_connection_set_closecb(evhttp_request_get_connection(stream),
	    sessions_on_flushed, sessions);
	/* The head was sent long ago; evhttp looks here what to do next. */
	evhttp_add_header(
	    evhttp_request_get_output_headers(stream), "Connection", "close");
	evhttp_send_reply_end(stream);
}

/* The client is gone: evhttp has let go of the request, which is ours now. */
static void
session_on_close(struct evhttp_connection *conn, void *arg)
{
	struct session *session = arg;

	session_discard(conn);
	evhttp_request_free(session->stream);
	session->stream = NULL;
	session_end(session);
}

static void
session_start_stream(struct session *session)
{
	struct evhttp_request *req = session->stream;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	char text[96];
	char id[SESSION_ID_TEXT + 1];
	int len;

	evhttp_add_header(
	    headers, "Content-Type", "text/event-stream; charset=utf-8");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "keep-alive");
	evhttp_add_header(headers, "X-Accel-Buffering", "no");
	evhttp_send_reply_start(req, 200, "OK");
	/* Both heads are done with, and a stream may last for days. */
	evhttp_clear_headers(evhttp_request_get_input_headers(req));
	evhttp_clear_headers(headers);
	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(req), session_on_close, session);
	session_id_format(session->id, id);
	len = snprintf(text, sizeof(text),
	    "event: endpoint\r\ndata: /messages/?session_id=%s\r\n\r\n", id);
	session_write_raw(session, text, (size_t)len);
}

static uint32_t
bucket_of(const unsigned char *id)
{
	return ((uint32_t)id[0] << 8 | id[1]) & (SESSION_BUCKETS - 1);
}

size_t
sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

bool
sessions_full(const struct sessions *sessions)
{
	return sessions->count >= sessions->max;
}

void
session_open(struct sessions *sessions, struct evhttp_request *stream,
    struct principal *principal)
{
	struct session *session;

	if ((session = calloc(1, sizeof(*session))) == NULL) {
		evhttp_send_reply(stream, 503, "Service Unavailable", NULL);
		return;
	}
	session->front = sessions->front;
	session->stream = stream;
	session->principal = principal;
	principal_keep(principal);
	principal->sessions++;
	session->state = SESSION_OPENING;
	session->revision = mcp_revision_latest_legacy();
	session->level = -1;
	session->handle = ++sessions->next_handle;
	session->opened_ms = session->pinged_ms = mono_ms();
	session->logged = rate_take(&principal->logged, SESSION_LOG_NS,
			      SESSION_LOG_BURST, session->opened_ms) == 0;
	arc4random_buf(session->id, sizeof(session->id));
	TAILQ_INIT(&session->requests);
	deferred_init(&session->free_later, session_free, session);
	LIST_INSERT_HEAD(
	    &sessions->buckets[bucket_of(session->id)], session, of_bucket);
	TAILQ_INSERT_TAIL(&sessions->pings, session, of_pings);
	sessions->count++;
	session_start_stream(session);
	session_write_ping(session);
	log_debug("session %u: stream opened by %s", session->handle,
	    log_str(principal->name, strlen(principal->name)));
}

enum session_lookup
session_find(struct sessions *sessions, const char *text, size_t len,
    struct session **ret)
{
	unsigned char id[SESSION_ID_BYTES];
	struct session *session;

	if (session_id_parse(id, text, len) == -1)
		return SESSION_MALFORMED;
	LIST_FOREACH (session, &sessions->buckets[bucket_of(id)], of_bucket) {
		if (session_id_equal(session->id, id)) {
			*ret = session;
			return SESSION_FOUND;
		}
	}
	return SESSION_UNKNOWN;
}

/* ---- all sessions ----------------------------------------------------- */

/*
 * Large messages are made once and referred to by all streams: else one line of
 * a backend's log would be copied as often as there are clients.
 */
#define SHARED_MIN ((size_t)4096)

static void
session_send_shared(struct session *session, struct catalogue_text *chunk)
{
	if (!session_accepts(session))
		return;
	if (chunk->len < SHARED_MIN)
		session_write_copy(session, chunk->data, chunk->len);
	else
		session_write_shared(session, chunk);
}

void
sessions_send(struct sessions *sessions, int level,
    const struct splice *message, bool newlines,
    bool (*hears)(const void *arg, const struct session *session),
    const void *arg)
{
	struct catalogue_text *chunk;
	struct session *session;

	chunk =
	    malloc(sizeof(*chunk) + chunk_message_max(splice_length(message)));
	if (chunk == NULL) {
		log_warning("sessions: a message for all was not sent: %s",
		    strerror(errno));
		return;
	}
	chunk->references = 1;
	chunk->queued = 0;
	chunk->len = chunk_put_message(chunk->data, message, newlines);
	TAILQ_FOREACH (session, &sessions->pings, of_pings)
		if (session->state == SESSION_ACTIVE &&
		    session->level <= level && hears(arg, session))
			session_send_shared(session, chunk);
	catalogue_text_release(chunk);
}

void
sessions_each(struct sessions *sessions,
    void (*each)(void *arg, struct session *session), void *arg)
{
	struct session *session;

	TAILQ_FOREACH (session, &sessions->pings, of_pings)
		if (session->state == SESSION_ACTIVE)
			each(arg, session);
}

int
sessions_level(const struct sessions *sessions)
{
	for (int level = 0; level < MCP_LEVELS; level++)
		if (sessions->levels[level] > 0)
			return level;
	return -1;
}

void
session_set_level(struct session *session, enum mcp_level level)
{
	struct sessions *sessions = session->front->sessions;

	if (session->level >= 0)
		sessions->levels[session->level]--;
	session->level = (int8_t)level;
	sessions->levels[level]++;
}

/* Clients of a principal that is no more have nothing to get; one that does not
 * read at once is hung up on. */
static void
sessions_end_revoked(struct sessions *sessions)
{
	struct session *session;
	struct session *next;

	TAILQ_FOREACH_SAFE (session, &sessions->pings, of_pings, next) {
		if (!session->principal->revoked || session->dropped)
			continue;
		if (session->logged)
			log_info("session %u: ended: %s may not come any more",
			    session->handle,
			    log_str(session->principal->name,
				strlen(session->principal->name)));
		if (evbuffer_get_length(session_output(session)) == 0)
			session_finish(session);
		else
			session_drop(session, "its token was revoked");
	}
}

void
sessions_follow_policy(struct sessions *sessions)
{
	const struct policy_limits *limits = &sessions->front->policy->limits;

	sessions_end_revoked(sessions);
	sessions->max = limits->sessions > 0 ? limits->sessions : SIZE_MAX;
	sessions->queue_max = limits->queue_size;
	/* What the others leave. */
	sessions->held_max = limits->memory - limits->memory / GUARD_HELD_PART -
	    limits->memory / SUBSCRIPTIONS_PART;
	subscriptions_limit(sessions->front->subscriptions,
	    limits->memory / SUBSCRIPTIONS_PART);
	sessions_limit_queues(sessions);
}

void
sessions_end(struct sessions *sessions)
{
	struct session *session;
	struct session *next;

	TAILQ_FOREACH_SAFE (session, &sessions->pings, of_pings, next)
		if (!session->dropped)
			session_finish(session);
}

bool
sessions_pending(const struct sessions *sessions)
{
	return sessions->count > 0 || sessions->ending > 0;
}

static void
sessions_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sessions *sessions = arg;
	uint64_t now = mono_ms();
	size_t part = sessions->count / PING_PARTS + 1;
	struct session *session;

	(void)fd;
	(void)what;
	while (part-- > 0 &&
	    (session = TAILQ_FIRST(&sessions->pings)) != NULL &&
	    now - session->pinged_ms >= SESSION_PING_MS) {
		TAILQ_REMOVE(&sessions->pings, session, of_pings);
		TAILQ_INSERT_TAIL(&sessions->pings, session, of_pings);
		session_ping(session);
	}
}

struct sessions *
sessions_new(struct front *front)
{
	static const struct timeval tick = { 0, TICK_MS * 1000 };
	struct sessions *sessions;

	if ((sessions = calloc(1, sizeof(*sessions))) == NULL)
		return NULL;
	sessions->front = front;
	sessions->max = SIZE_MAX;
	sessions->queue_max = SESSION_QUEUE_MAX;
	sessions->held_max = SESSION_QUEUES_MAX;
	TAILQ_INIT(&sessions->pings);
	sessions->timer = event_new(loop_base(front->loop), -1, EV_PERSIST,
	    sessions_on_timer, sessions);
	if (sessions->timer == NULL ||
	    event_add(sessions->timer, &tick) == -1) {
		sessions_free(&sessions);
		return NULL;
	}
	return sessions;
}

void
sessions_free(struct sessions **sessions)
{
	struct session *session;

	if (*sessions == NULL)
		return;
	while ((session = TAILQ_FIRST(&(*sessions)->pings)) != NULL) {
		struct evhttp_connection *conn =
		    evhttp_request_get_connection(session->stream);

		evhttp_connection_set_closecb(conn, NULL, NULL);
		session_discard(conn); /* texts that count here */
		session_end(session);
	}
	if ((*sessions)->timer != NULL)
		event_free((*sessions)->timer);
	free(*sessions);
	*sessions = NULL;
}
