#include "session.h"

#include <sys/socket.h>
#include <sys/time.h>

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
#include "front.h"
#include "link.h"

/* Chains stay short up to the greatest number of connections; ids are random,
 * so nobody can choose a bucket. */
#define BUCKETS 4096U
/* How often pings and queues are looked at. */
#define TICK_MS 1000U

/* What stands before and after every message of a stream.  The original product
 * ends lines with CRLF. */
static const char event_start[] = "event: message\r\ndata: ";
static const char event_end[] = "\r\n\r\n";
#define EVENT_START_LEN (sizeof(event_start) - 1)
#define EVENT_END_LEN   (sizeof(event_end) - 1)

/* "ffffffff" CRLF, and the CRLF after a chunk. */
#define CHUNK_SIZE_MAX 10U
#define CHUNK_END_LEN  2U

struct sessions {
	struct front *front;
	struct event *timer;
	LIST_HEAD(, session) buckets[BUCKETS];
	TAILQ_HEAD(ping_list, session) pings;
	size_t count;
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

static size_t
put_chunk_size(char *dst, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char text[CHUNK_SIZE_MAX];
	size_t n = 0;

	do
		text[n++] = digits[size & 15];
	while (size >>= 4);
	for (size_t i = 0; i < n; i++)
		dst[i] = text[n - 1 - i];
	memcpy(dst + n, "\r\n", 2);
	return n + 2;
}

/*
 * Write one chunk straight into the connection's output: evhttp's own way makes
 * an evbuffer and a printf of each.  The guard lets only HTTP/1.1 pass, so the
 * stream is always chunked, and writing was enabled when it was opened.
 */
static void
session_write(struct session *session, const struct splice *message,
    bool newlines, const char *raw, size_t raw_len)
{
	struct evbuffer *output = stream_output(session);
	struct evbuffer_iovec space;
	size_t payload = raw_len;
	char *at;

	if (message != NULL)
		payload =
		    EVENT_START_LEN + splice_length(message) + EVENT_END_LEN;
	if (evbuffer_reserve_space(output,
		(ev_ssize_t)(CHUNK_SIZE_MAX + payload + CHUNK_END_LEN), &space,
		1) != 1) {
		session_drop(session, "out of memory");
		return;
	}
	at = space.iov_base;
	at += put_chunk_size(at, payload);
	if (message != NULL) {
		memcpy(at, event_start, EVENT_START_LEN);
		at += EVENT_START_LEN;
		splice_write(message, at);
		if (newlines)
			json_flatten(at, splice_length(message));
		at += splice_length(message);
		memcpy(at, event_end, EVENT_END_LEN);
		at += EVENT_END_LEN;
	} else {
		memcpy(at, raw, raw_len);
		at += raw_len;
	}
	memcpy(at, "\r\n", CHUNK_END_LEN);
	at += CHUNK_END_LEN;
	space.iov_len = (size_t)(at - (char *)space.iov_base);
	evbuffer_commit_space(output, &space, 1);
}

void
session_send(
    struct session *session, const struct splice *message, bool newlines)
{
	if (session_accepts(session))
		session_write(session, message, newlines, NULL, 0);
}

void
session_send_text(struct session *session, const char *json, size_t len)
{
	struct splice message;

	splice_init(&message, json, len);
	session_send(session, &message, false);
}

static void
release_text(const void *data, size_t len, void *text)
{
	(void)data;
	(void)len;
	catalogue_text_release(text);
}

void
session_send_list(
    struct session *session, struct json_span id, struct catalogue_text *text)
{
	static const char before_id[] = "{\"jsonrpc\":\"2.0\",\"id\":";
	static const char before_result[] = ",\"result\":";
	struct evbuffer *output;
	struct buf head = { 0 };
	size_t payload = EVENT_START_LEN + sizeof(before_id) - 1 + id.len +
	    sizeof(before_result) - 1 + text->len + 1 + EVENT_END_LEN;
	char size[CHUNK_SIZE_MAX];

	if (!session_accepts(session))
		return;
	output = stream_output(session);
	if (buf_add(&head, size, put_chunk_size(size, payload)) == -1 ||
	    buf_add_text(&head, event_start) == -1 ||
	    buf_add_text(&head, before_id) == -1 ||
	    buf_add(&head, id.at, id.len) == -1 ||
	    buf_add_text(&head, before_result) == -1 ||
	    evbuffer_add(output, buf_data(&head), buf_len(&head)) == -1) {
		session_drop(session, "out of memory");
		buf_free(&head);
		return;
	}
	buf_free(&head);
	text->references++;
	if (evbuffer_add_reference(
		output, text->data, text->len, release_text, text) == -1)
		text->references--;
	evbuffer_add(output, "}\r\n\r\n\r\n", 7);
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
	session_write(session, NULL, false, text, len);
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
	while ((request = TAILQ_FIRST(&session->requests)) != NULL)
		link_cancel(request, no_reason);
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

	(void)conn;
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
	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(req), session_on_close, session);
	for (size_t i = 0; i < SESSION_ID_BYTES; i++)
		snprintf(id + 2 * i, 3, "%02x", session->id[i]);
	len = snprintf(text, sizeof(text),
	    "event: endpoint\r\ndata: /messages/?session_id=%s\r\n\r\n", id);
	session_write(session, NULL, false, text, (size_t)len);
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

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* 32 digits, or a UUID's five groups.  0, or -1. */
static int
id_parse(unsigned char *id, const char *text, size_t len)
{
	size_t digits = 0;
	bool dashes = len == SESSION_ID_TEXT + 4;

	if (!dashes && len != SESSION_ID_TEXT)
		return -1;
	memset(id, 0, SESSION_ID_BYTES);
	for (size_t i = 0; i < len; i++) {
		int value;

		if (dashes && (i == 8 || i == 13 || i == 18 || i == 23)) {
			if (text[i] != '-')
				return -1;
			continue;
		}
		if ((value = hex_digit(text[i])) == -1)
			return -1;
		id[digits / 2] |=
		    (unsigned char)(value << (digits % 2 == 0 ? 4 : 0));
		digits++;
	}
	return 0;
}

/* In the same time whatever the bytes are. */
static bool
id_equal(const unsigned char *a, const unsigned char *b)
{
	unsigned char different = 0;

	for (size_t i = 0; i < SESSION_ID_BYTES; i++)
		different |= a[i] ^ b[i];
	return different == 0;
}

enum session_lookup
session_find(struct sessions *sessions, const char *text, size_t len,
    struct session **ret)
{
	unsigned char id[SESSION_ID_BYTES];
	struct session *session;

	if (id_parse(id, text, len) == -1)
		return SESSION_MALFORMED;
	LIST_FOREACH (session, &sessions->buckets[bucket_of(id)], of_bucket) {
		if (id_equal(session->id, id)) {
			*ret = session;
			return SESSION_FOUND;
		}
	}
	return SESSION_UNKNOWN;
}

/* ---- all sessions ----------------------------------------------------- */

void
sessions_each(struct sessions *sessions,
    void (*each)(struct session *session, void *arg), void *arg)
{
	struct session *session;
	struct session *next;

	TAILQ_FOREACH_SAFE (session, &sessions->pings, of_pings, next) {
		if (session->state == SESSION_ACTIVE)
			each(session, arg);
	}
}

static void
send_text_to(struct session *session, void *arg)
{
	const struct json_span *text = arg;

	session_send_text(session, text->at, text->len);
}

void
sessions_notify(struct sessions *sessions, enum mcp_method method)
{
	char text[128];
	struct json_span span = { text, 0 };

	span.len = (size_t)snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}", mcp_method_name(method));
	sessions_each(sessions, send_text_to, &span);
}

static void
lowest_level(struct session *session, void *arg)
{
	int *level = arg;

	if (session->level >= 0 && (*level < 0 || session->level < *level))
		*level = session->level;
}

int
sessions_level(struct sessions *sessions)
{
	int level = -1;

	sessions_each(sessions, lowest_level, &level);
	return level;
}

size_t
sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

/* Drop the fullest streams until all of them hold what they may. */
static void
sessions_limit_queues(struct sessions *sessions)
{
	struct session *session;
	struct session *fullest = NULL;
	size_t most = 0;
	size_t all = 0;

	TAILQ_FOREACH (session, &sessions->pings, of_pings) {
		size_t held = evbuffer_get_length(stream_output(session));

		all += held;
		if (held > most) {
			most = held;
			fullest = session;
		}
	}
	if (all > SESSION_QUEUES_MAX)
		session_drop(fullest, "all streams together hold too much");
}

static void
sessions_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sessions *sessions = arg;
	uint64_t now = mono_ms();
	struct session *session;

	(void)fd;
	(void)what;
	while ((session = TAILQ_FIRST(&sessions->pings)) != NULL &&
	    now - session->pinged_ms >= SESSION_PING_MS) {
		TAILQ_REMOVE(&sessions->pings, session, of_pings);
		TAILQ_INSERT_TAIL(&sessions->pings, session, of_pings);
		session_ping(session);
	}
	sessions_limit_queues(sessions);
}

struct sessions *
sessions_new(struct front *front)
{
	static const struct timeval tick = { TICK_MS / 1000, 0 };
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
