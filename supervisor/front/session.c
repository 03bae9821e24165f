#include "session.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/jsonrpc.h"
#include "proto/log.h"

#include "catalogue.h"
#include "chunk.h"
#include "front.h"
#include "link.h"
#include "subscriptions.h"

/* Chains stay short up to the greatest number of connections; ids are random,
 * so nobody can choose a bucket. */
#define BUCKETS 4096U
/* How often streams are looked at that are due a ping, and that at most a part
 * of all of them gets one: those that were opened together shall not all be
 * written to in one turn, while the others wait. */
#define TICK_MS    100U
#define PING_PARTS 100U
/* All queues are counted anew after this much was put into them, at most. */
#define COUNT_EVERY (SESSION_QUEUES_MAX / 16)

/* The endpoint event and pings. */
#define RAW_MAX 128U

struct sessions {
	struct front *front;
	struct event *timer;
	LIST_HEAD(, session) buckets[BUCKETS];
	TAILQ_HEAD(ping_list, session) pings;
	size_t count;
	size_t levels[MCP_LEVELS]; /* how many sessions asked for each */
	size_t held;    /* copies in all streams, at most; see count_queues() */
	size_t counted; /* the same, when they were counted */
	uint32_t next_handle;
};

/* ---- writing to a stream ---------------------------------------------- */

static struct evbuffer *
stream_output(const struct session *session)
{
	struct evhttp_connection *conn;

	if (session->state == SESSION_GONE)
		return NULL;
	conn = evhttp_request_get_connection(session->stream);
	return bufferevent_get_output(evhttp_connection_get_bufferevent(conn));
}

/* Forget what waits to be written: the guard may keep the connection's buffers
 * for some time yet. */
static void
discard_output(struct evhttp_connection *conn)
{
	struct evbuffer *output =
	    bufferevent_get_output(evhttp_connection_get_bufferevent(conn));

	/* Its front is the bufferevent's, as a rule. */
	evbuffer_unfreeze(output, 1);
	evbuffer_drain(output, evbuffer_get_length(output));
	evbuffer_freeze(output, 1);
}

/* Hang up on the client; evhttp notices and tells session_on_close(). */
static void
session_drop(struct session *session, const char *why)
{
	struct evhttp_connection *conn;

	if (session->dropped)
		return;
	session->dropped = true;
	log_warning("session %u: dropped: %s", session->handle, why);
	conn = evhttp_request_get_connection(session->stream);
	shutdown(bufferevent_getfd(evhttp_connection_get_bufferevent(conn)),
	    SHUT_RDWR);
	discard_output(conn);
}

static bool
session_accepts(struct session *session)
{
	struct evbuffer *output = stream_output(session);

	if (output == NULL || session->dropped)
		return false;
	if (evbuffer_get_length(output) <= SESSION_QUEUE_MAX)
		return true;
	session_drop(session, "it does not read its stream");
	return false;
}

/*
 * What streams hold as copies of their own, which is what memory they take;
 * what they refer to is shared.  Never less than the truth: of a stream that
 * was not empty for long, all that was copied since counts, up to its length.
 */
static size_t
count_queues(struct sessions *sessions)
{
	struct session *session;
	size_t all = 0;

	TAILQ_FOREACH (session, &sessions->pings, of_pings) {
		size_t length = evbuffer_get_length(stream_output(session));

		if (session->copied > length)
			session->copied = length;
		if (!session->dropped)
			all += session->copied;
	}
	return all;
}

/* Drop the fullest streams until all of them hold what they may. */
static void
limit_queues(struct sessions *sessions)
{
	size_t limit = SESSION_QUEUE_MAX;
	struct session *session;
	size_t all = count_queues(sessions);

	for (; all > SESSION_QUEUES_MAX; limit /= 2) {
		TAILQ_FOREACH (session, &sessions->pings, of_pings) {
			if (all <= SESSION_QUEUES_MAX)
				break;
			if (session->dropped || session->copied < limit)
				continue;
			all -= session->copied;
			session_drop(
			    session, "all streams together hold too much");
		}
	}
	sessions->held = sessions->counted = all;
}

/* n bytes of its own were added to a stream that held before bytes. */
static void
session_copied(struct session *session, size_t before, size_t n)
{
	struct sessions *sessions = session->front->sessions;

	session->copied = (before == 0 ? 0 : session->copied) + n;
	sessions->held += n;
	if (sessions->held > SESSION_QUEUES_MAX &&
	    sessions->held - sessions->counted > COUNT_EVERY)
		limit_queues(sessions);
}

/*
 * Messages are written as chunks straight into the connection's output:
 * evhttp's own way makes an evbuffer and a printf of each.  The guard lets only
 * HTTP/1.1 pass, so the stream is always chunked, and writing was enabled when
 * it was opened.
 */
void
session_send(
    struct session *session, const struct splice *message, bool newlines)
{
	struct evbuffer *output;
	struct evbuffer_iovec space;
	size_t before;

	if (!session_accepts(session))
		return;
	output = stream_output(session);
	before = evbuffer_get_length(output);
	if (evbuffer_reserve_space(output,
		(ev_ssize_t)chunk_message_max(splice_length(message)), &space,
		1) != 1) {
		session_drop(session, "out of memory");
		return;
	}
	space.iov_len = chunk_put_message(space.iov_base, message, newlines);
	evbuffer_commit_space(output, &space, 1);
	session_copied(session, before, space.iov_len);
}

/* Add bytes that are whole chunks, or the beginning of one. */
static void
session_write_copy(struct session *session, const char *bytes, size_t n)
{
	struct evbuffer *output = stream_output(session);
	size_t before = evbuffer_get_length(output);

	if (evbuffer_add(output, bytes, n) == -1)
		session_drop(session, "out of memory");
	else
		session_copied(session, before, n);
}

static void
release_text(const void *data, size_t len, void *text)
{
	(void)data;
	(void)len;
	catalogue_text_release(text);
}

/* The same without a copy. */
static void
session_write_shared(struct session *session, struct catalogue_text *text)
{
	struct evbuffer *output = stream_output(session);

	text->references++;
	if (evbuffer_add_reference(
		output, text->data, text->len, release_text, text) == 0)
		return;
	text->references--;
	session_drop(session, "out of memory");
}

/* One chunk of bytes that are not a message. */
static void
session_write_raw(struct session *session, const char *bytes, size_t n)
{
	char chunk[CHUNK_SIZE_MAX + RAW_MAX + CHUNK_END_LEN];
	char *at = chunk + chunk_put_size(chunk, n);

	assert(n <= RAW_MAX);
	memcpy(at, bytes, n);
	memcpy(at + n, CHUNK_END, CHUNK_END_LEN);
	session_write_copy(
	    session, chunk, (size_t)(at - chunk) + n + CHUNK_END_LEN);
}

void
session_send_text(struct session *session, const char *json, size_t len)
{
	struct splice message;

	splice_init(&message, json, len);
	session_send(session, &message, false);
}

void
session_send_list(
    struct session *session, struct json_span id, struct catalogue_text *text)
{
	static const char before_id[] = "{\"jsonrpc\":\"2.0\",\"id\":";
	static const char before_result[] = ",\"result\":";
	struct buf head = { 0 };
	size_t payload = CHUNK_EVENT_START_LEN + sizeof(before_id) - 1 +
	    id.len + sizeof(before_result) - 1 + text->len + 1 +
	    CHUNK_EVENT_END_LEN;
	char size[CHUNK_SIZE_MAX];

	if (!session_accepts(session))
		return;
	if (buf_add(&head, size, chunk_put_size(size, payload)) == -1 ||
	    buf_add_text(&head, CHUNK_EVENT_START) == -1 ||
	    buf_add_text(&head, before_id) == -1 ||
	    buf_add(&head, id.at, id.len) == -1 ||
	    buf_add_text(&head, before_result) == -1) {
		session_drop(session, "out of memory");
	} else {
		session_write_copy(session, buf_data(&head), buf_len(&head));
		session_write_shared(session, text);
		session_write_copy(session, "}\r\n\r\n\r\n", 7);
	}
	buf_free(&head);
}

void
session_send_result(
    struct session *session, struct json_span id, const char *result)
{
	struct buf text = { 0 };

	if (buf_add_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":") == 0 &&
	    buf_add(&text, id.at, id.len) == 0 &&
	    buf_add_text(&text, ",\"result\":") == 0 &&
	    buf_add_text(&text, result) == 0 && buf_add_text(&text, "}") == 0)
		session_send_text(session, buf_data(&text), buf_len(&text));
	buf_free(&text);
}

void
session_send_error(struct session *session, struct json_span id, int code,
    const char *text, struct json_span data)
{
	struct buf error = { 0 };

	if (rpc_add_error(&error, id, code, text, data) == 0)
		session_send_text(session, buf_data(&error), buf_len(&error));
	buf_free(&error);
}

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
	    evbuffer_get_length(stream_output(session)) == 0)
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
	if (session->level >= 0)
		sessions->levels[session->level]--;
	while ((request = TAILQ_FIRST(&session->requests)) != NULL)
		link_cancel(request, no_reason);
	subscriptions_leave_all(session);
	log_info("session %u: closed after %.1f s, %llu requests, %zu pending",
	    session->handle, (double)(mono_ms() - session->opened_ms) / 1000.0,
	    (unsigned long long)session->calls, pending);
	deferred_queue(session->front->loop, &session->free_later);
}

/* The client is gone: evhttp has let go of the request, which is ours now. */
static void
session_on_close(struct evhttp_connection *conn, void *arg)
{
	struct session *session = arg;

	discard_output(conn);
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
	return ((uint32_t)id[0] << 8 | id[1]) & (BUCKETS - 1);
}

void
session_open(struct sessions *sessions, struct evhttp_request *stream)
{
	struct session *session;

	if ((session = calloc(1, sizeof(*session))) == NULL) {
		evhttp_send_reply(stream, 503, "Service Unavailable", NULL);
		return;
	}
	session->front = sessions->front;
	session->stream = stream;
	session->state = SESSION_OPENING;
	session->revision = mcp_revision_latest_legacy();
	session->level = -1;
	session->handle = ++sessions->next_handle;
	session->opened_ms = session->pinged_ms = mono_ms();
	arc4random_buf(session->id, sizeof(session->id));
	TAILQ_INIT(&session->requests);
	deferred_init(&session->free_later, session_free, session);
	LIST_INSERT_HEAD(
	    &sessions->buckets[bucket_of(session->id)], session, of_bucket);
	TAILQ_INSERT_TAIL(&sessions->pings, session, of_pings);
	sessions->count++;
	session_start_stream(session);
	session_write_ping(session);
	log_debug("session %u: stream opened", session->handle);
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
sessions_send_shared(
    struct sessions *sessions, int level, struct catalogue_text *chunk)
{
	struct session *session;

	TAILQ_FOREACH (session, &sessions->pings, of_pings) {
		if (session->state != SESSION_ACTIVE ||
		    session->level > level || !session_accepts(session))
			continue;
		if (chunk->len < SHARED_MIN)
			session_write_copy(session, chunk->data, chunk->len);
		else
			session_write_shared(session, chunk);
	}
}

void
sessions_send(struct sessions *sessions, int level,
    const struct splice *message, bool newlines)
{
	struct catalogue_text *chunk;

	chunk =
	    malloc(sizeof(*chunk) + chunk_message_max(splice_length(message)));
	if (chunk == NULL) {
		log_warning("sessions: a message for all was not sent: %s",
		    strerror(errno));
		return;
	}
	chunk->references = 1;
	chunk->len = chunk_put_message(chunk->data, message, newlines);
	sessions_send_shared(sessions, level, chunk);
	catalogue_text_release(chunk);
}

void
sessions_notify(struct sessions *sessions, enum mcp_method method)
{
	char text[128];
	struct splice message;
	int len;

	len = snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}", mcp_method_name(method));
	splice_init(&message, text, (size_t)len);
	sessions_send(sessions, MCP_LEVELS, &message, false);
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
		evhttp_connection_set_closecb(
		    evhttp_request_get_connection(session->stream), NULL, NULL);
		session_end(session);
	}
	if ((*sessions)->timer != NULL)
		event_free((*sessions)->timer);
	free(*sessions);
	*sessions = NULL;
}
