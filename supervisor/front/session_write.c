/* session_write.c: what is written to a session's stream, and how much may wait
 * there. */
#include <sys/socket.h>

#include <assert.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "proto/buf.h"
#include "proto/jsonrpc.h"
#include "proto/log.h"

#include "catalogue.h"
#include "chunk.h"
#include "front.h"
#include "session_parts.h"

/* All queues are counted anew after a part of what they may hold was put into
 * them. */
#define COUNT_PARTS 16U

struct evbuffer *
session_output(const struct session *session)
{
	struct evhttp_connection *conn;

	if (session->state == SESSION_GONE)
		return NULL;
	conn = evhttp_request_get_connection(session->stream);
	return bufferevent_get_output(evhttp_connection_get_bufferevent(conn));
}

void
session_discard(struct evhttp_connection *conn)
{
	struct evbuffer *output =
	    bufferevent_get_output(evhttp_connection_get_bufferevent(conn));

	/* Its front is the bufferevent's, as a rule. */
	evbuffer_unfreeze(output, 1);
	evbuffer_drain(output, evbuffer_get_length(output));
	evbuffer_freeze(output, 1);
}

void
session_drop(struct session *session, const char *why)
{
	struct evhttp_connection *conn;

	if (session->dropped)
		return;
	session->dropped = true;
	if (session->logged)
		log_warning("session %u: dropped: %s", session->handle, why);
	else
		log_debug("session %u: dropped: %s", session->handle, why);
	conn = evhttp_request_get_connection(session->stream);
	shutdown(bufferevent_getfd(evhttp_connection_get_bufferevent(conn)),
	    SHUT_RDWR);
	session_discard(conn);
}

bool
session_accepts(struct session *session)
{
	struct evbuffer *output = session_output(session);

	if (output == NULL || session->dropped)
		return false;
	if (evbuffer_get_length(output) <= session->front->sessions->queue_max)
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
		size_t length = evbuffer_get_length(session_output(session));

		if (session->copied > length)
			session->copied = length;
		if (!session->dropped)
			all += session->copied;
	}
	return all;
}

/*
 * Drop those that hold most until all hold what they may.  Of copies, first: it
 * is no fault of a client that the list which it was sent is an old one by now.
 * Then of all, since one that holds old lists keeps them alive.
 */
static size_t
drop_fullest(struct sessions *sessions, size_t copies, bool only_copies)
{
	size_t limit = sessions->queue_max;
	struct session *session;

	for (; limit > 0; limit /= 2) {
		TAILQ_FOREACH (session, &sessions->pings, of_pings) {
			if (copies + (only_copies ? 0 : sessions->left) <=
			    sessions->held_max)
				return copies;
			if (session->dropped ||
			    (only_copies ? session->copied
					 : evbuffer_get_length(session_output(
					       session))) < limit)
				continue;
			copies -= session->copied;
			session_drop(
			    session, "all streams together hold too much");
		}
	}
	return copies;
}

void
sessions_limit_queues(struct sessions *sessions)
{
	sessions->held = drop_fullest(sessions, count_queues(sessions), true);
	sessions->held = drop_fullest(sessions, sessions->held, false);
	sessions->counted = sessions->held + sessions->left;
}

/* Something was added to a stream. */
static void
sessions_check_queues(struct sessions *sessions)
{
	size_t all = sessions->held + sessions->left;

	if (all > sessions->held_max &&
	    all > sessions->counted + sessions->held_max / COUNT_PARTS)
		sessions_limit_queues(sessions);
}

/* n bytes of its own were added to a stream that held before bytes. */
static void
session_copied(struct session *session, size_t before, size_t n)
{
	struct sessions *sessions = session->front->sessions;

	session->copied = (before == 0 ? 0 : session->copied) + n;
	sessions->held += n;
	sessions_check_queues(sessions);
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
	output = session_output(session);
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

void
session_write_copy(struct session *session, const char *bytes, size_t n)
{
	struct evbuffer *output = session_output(session);
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
	catalogue_text_unqueue(text);
}

void
session_write_shared(struct session *session, struct catalogue_text *text)
{
	struct sessions *sessions = session->front->sessions;

	catalogue_text_queue(text, &sessions->left);
	if (evbuffer_add_reference(session_output(session), text->data,
		text->len, release_text, text) == 0) {
		sessions_check_queues(sessions);
		return;
	}
	catalogue_text_unqueue(text);
	session_drop(session, "out of memory");
}

void
session_write_raw(struct session *session, const char *bytes, size_t n)
{
	char chunk[CHUNK_SIZE_MAX + SESSION_RAW_MAX + CHUNK_END_LEN];
	char *at = chunk + chunk_put_size(chunk, n);

	assert(n <= SESSION_RAW_MAX);
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
