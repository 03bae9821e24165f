/* stream_write.c: what is written to a stream. */
#include <sys/socket.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
#include "http.h"
#include "session.h"
#include "session_parts.h"
#include "stream_parts.h"

struct evbuffer *
stream_output(const struct stream *stream)
{
	struct evhttp_connection *conn;

	if (stream->request == NULL)
		return NULL;
	conn = evhttp_request_get_connection(stream->request);
	return bufferevent_get_output(evhttp_connection_get_bufferevent(conn));
}

void
stream_discard(struct evhttp_connection *conn)
{
	struct evbuffer *output =
	    bufferevent_get_output(evhttp_connection_get_bufferevent(conn));

	/* Its front is the bufferevent's, as a rule. */
	evbuffer_unfreeze(output, 1);
	evbuffer_drain(output, evbuffer_get_length(output));
	evbuffer_freeze(output, 1);
}

void
stream_drop(struct stream *stream, const char *why)
{
	struct evhttp_connection *conn;
	uint32_t handle = stream->session != NULL ? stream->session->handle : 0;

	if (stream->dropped || stream->request == NULL)
		return;
	stream_wait(stream); /* else evhttp would not notice */
	stream->dropped = true;
	if (stream->session != NULL && stream->session->logged)
		log_warning("session %u: dropped: %s", handle, why);
	else
		log_debug("session %u: dropped: %s", handle, why);
	conn = evhttp_request_get_connection(stream->request);
	shutdown(bufferevent_getfd(evhttp_connection_get_bufferevent(conn)),
	    SHUT_RDWR);
	stream_discard(conn);
}

bool
stream_accepts(struct stream *stream)
{
	struct evbuffer *output = stream_output(stream);

	if (output == NULL || stream->dropped)
		return false;
	if (evbuffer_get_length(output) <= stream->sessions->streams.queue_max)
		return true;
	stream_drop(stream, "it does not read its stream");
	return false;
}

/* ---- bytes ------------------------------------------------------------ */

static void
free_piece(const void *data, size_t len, void *piece)
{
	(void)data;
	(void)len;
	free(piece);
}

/* Where to write at most n bytes for the end of a buffer; NULL with ENOMEM.
 * piece_end() is next. */
static char *
piece_begin(struct evbuffer *buffer, size_t n)
{
	struct evbuffer_iovec space;

	if (n >= STREAM_LARGE_MIN)
		return malloc(n);
	if (evbuffer_reserve_space(buffer, (ev_ssize_t)n, &space, 1) != 1)
		return NULL;
	return space.iov_base;
}

/* Add a byte. */
static int
add_byte(struct evbuffer *buffer, char byte)
{
	struct evbuffer_iovec space;

	if (evbuffer_reserve_space(buffer, 1, &space, 1) != 1)
		return -1;
	*(char *)space.iov_base = byte;
	space.iov_len = 1;
	return evbuffer_commit_space(buffer, &space, 1);
}

/*
 * len of these n bytes were written: they are the buffer's.  -1: no memory.
 * The last of many is put behind the others: whatever evhttp adds next finds
 * room there, else evbuffer_add() would make as much again as they take.
 */
static int
piece_end(struct evbuffer *buffer, char *piece, size_t n, size_t len)
{
	struct evbuffer_iovec space = { piece, len };

	if (n < STREAM_LARGE_MIN)
		return evbuffer_commit_space(buffer, &space, 1);
	if (evbuffer_add_reference(buffer, piece, len - 1, free_piece, piece) ==
	    0)
		return add_byte(buffer, piece[len - 1]);
	free(piece);
	return -1;
}

void
stream_write_copy(struct stream *stream, const char *bytes, size_t n)
{
	struct evbuffer *output = stream_output(stream);
	size_t before = evbuffer_get_length(output);
	char *piece = piece_begin(output, n);

	if (piece != NULL)
		memcpy(piece, bytes, n);
	if (piece == NULL || piece_end(output, piece, n, n) == -1)
		stream_drop(stream, "out of memory");
	else
		stream_copied(stream, before, n);
}

static void
release_text(const void *data, size_t len, void *text)
{
	(void)data;
	(void)len;
	catalogue_text_unqueue(text);
}

void
stream_write_shared(
    struct stream *stream, struct catalogue_text *text, size_t skip)
{
	struct streams *streams = &stream->sessions->streams;

	catalogue_text_queue(text, &streams->left);
	if (evbuffer_add_reference(stream_output(stream), text->data + skip,
		text->len - skip, release_text, text) == 0) {
		streams_check_queues(streams);
		return;
	}
	catalogue_text_unqueue(text);
	stream_drop(stream, "out of memory");
}

void
stream_write_raw(struct stream *stream, const char *bytes, size_t n)
{
	char chunk[CHUNK_SIZE_MAX + STREAM_RAW_MAX + CHUNK_END_LEN];
	char *at = chunk + chunk_put_size(chunk, n);

	assert(n <= STREAM_RAW_MAX);
	memcpy(at, bytes, n);
	memcpy(at + n, CHUNK_END, CHUNK_END_LEN);
	stream_write_copy(
	    stream, chunk, (size_t)(at - chunk) + n + CHUNK_END_LEN);
}

/* ---- events ----------------------------------------------------------- */

static char *
put_number(char *dst, uint32_t number)
{
	char text[10];
	size_t n = 0;

	do
		text[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n > 0)
		*dst++ = text[--n];
	return dst;
}

size_t
stream_put_event_id(char *dst, uint32_t stream, uint32_t event)
{
	char *at = put_number(dst, stream);

	*at++ = '-';
	return (size_t)(put_number(at, event) - dst);
}

/* "id: N-E\r\n" of the next event; HTTP+SSE has none. */
static size_t
next_event_id(struct session *session, struct stream *stream,
    char id[STREAM_EVENT_ID_MAX + 8], uint32_t *event)
{
	size_t n = 4;

	memcpy(id, "id: ", 4);
	if (stream != NULL && stream->kind == STREAM_POST) {
		*event = ++stream->events;
		n += stream_put_event_id(id + n, stream->number, *event);
	} else {
		*event = ++session->main_events;
		n += stream_put_event_id(id + n, 0, *event);
	}
	memcpy(id + n, "\r\n", 2);
	return n + 2;
}

void
stream_write_shared_event(struct stream *stream, struct catalogue_text *chunk)
{
	const char *line = memchr(chunk->data, '\n', CHUNK_SIZE_MAX);
	size_t skip = (size_t)(line - chunk->data) + 1;
	char head[CHUNK_SIZE_MAX + STREAM_EVENT_ID_MAX + 8];
	char id[STREAM_EVENT_ID_MAX + 8];
	uint32_t event;
	size_t len = next_event_id(stream->session, stream, id, &event);
	size_t n =
	    chunk_put_size(head, len + chunk->len - skip - CHUNK_END_LEN);

	memcpy(head + n, id, len);
	stream_write_copy(stream, head, n + len);
	if (stream->dropped)
		return;
	stream_write_shared(stream, chunk, skip);
	stream->session->main_sent = event;
}

/* Messages are written as chunks straight into the connection's output:
 * evhttp's own way makes an evbuffer and a printf of each.  The guard lets only
 * HTTP/1.1 pass, so the stream is always chunked. */
static char *
write_event(struct stream *stream, struct json_span id,
    const struct splice *message, bool newlines, size_t *len)
{
	struct evbuffer *output = stream_output(stream);
	size_t before = evbuffer_get_length(output);
	size_t most = chunk_message_max(id.len + splice_length(message));
	char *piece = piece_begin(output, most);

	if (piece != NULL)
		*len = chunk_put_message(piece, id, message, newlines);
	if (piece == NULL || piece_end(output, piece, most, *len) == -1) {
		stream_drop(stream, "out of memory");
		return NULL;
	}
	stream_copied(stream, before, *len);
	return stream->dropped ? NULL : piece;
}

/* An event that can be had again.  stream: NULL while the session has no GET
 * stream. */
static void
keep_event(struct session *session, struct stream *stream,
    const struct splice *message, bool newlines)
{
	struct replays *replays = &session->front->sessions->streams.replays;
	char text[STREAM_EVENT_ID_MAX + 8];
	struct json_span id = { text, 0 };
	char *written = NULL;
	uint32_t event;
	size_t len = 0;
	char *kept;

	id.len = next_event_id(session, stream, text, &event);
	if (stream != NULL && stream_accepts(stream))
		written = write_event(stream, id, message, newlines, &len);
	if (written == NULL)
		len = chunk_message_max(id.len + splice_length(message));
	else if (stream->number == 0)
		session->main_sent = event;
	kept = replay_add(replays, &session->replay,
	    stream != NULL ? stream->number : 0, event, len, mono_ms());
	if (kept == NULL)
		return;
	if (written != NULL)
		memcpy(kept, written, len);
	else
		replay_shrink(replays, &session->replay,
		    chunk_put_message(kept, id, message, newlines));
}

static void
send_event(struct stream *stream, const struct splice *message, bool newlines)
{
	const struct json_span no_id = { "", 0 };
	size_t len;

	if (stream->kind != STREAM_SSE)
		keep_event(stream->session, stream, message, newlines);
	else if (stream_accepts(stream))
		(void)write_event(stream, no_id, message, newlines, &len);
}

void
session_send(
    struct session *session, const struct splice *message, bool newlines)
{
	if (session->main != NULL)
		send_event(session->main, message, newlines);
	else if (session->state == SESSION_ACTIVE && session->streamable)
		keep_event(session, NULL, message, newlines);
}

void
session_send_text(struct session *session, const char *json, size_t len)
{
	struct splice message;

	splice_init(&message, json, len);
	session_send(session, &message, false);
}

/* ---- messages --------------------------------------------------------- */

void
stream_send(struct stream *stream, const struct splice *message, bool newlines)
{
	if (stream->state == STREAM_UNDECIDED) {
		if (stream->request == NULL || stream->dropped)
			return; /* nothing tells its client where to go on */
		stream_begin_events(stream, 0);
	}
	send_event(stream, message, newlines);
}

void
stream_send_text(struct stream *stream, const char *json, size_t len)
{
	struct splice message;

	splice_init(&message, json, len);
	stream_send(stream, &message, false);
}

/* One more of a POST's requests has its answer, or gets none. */
static void
count_answer(struct stream *stream)
{
	if (stream->kind != STREAM_POST)
		return;
	assert(stream->awaited > 0);
	if (--stream->awaited == 0)
		stream_finish_post(stream);
}

/* Will the answer be the only thing that is said? */
static bool
is_json(const struct stream *stream)
{
	return stream->state == STREAM_UNDECIDED && !stream->batch;
}

/* The body of an answer in JSON is in the request's buffer; of that, so many
 * bytes are shared. */
static void
answer_json(struct stream *stream, size_t shared)
{
	struct evhttp_request *request = stream->request;
	struct http_server *http = stream->sessions->front->http;
	char id[SESSION_ID_TEXT + 1];

	if (stream->opens) {
		session_id_format(stream->session->id, id);
		evhttp_add_header(evhttp_request_get_output_headers(request),
		    "Mcp-Session-Id", id);
	}
	stream->awaited = 0;
	stream_flush(stream, shared);
	http_send_body(http, request, 200, "application/json");
}

/* An answer like most: short, and not the first of a session. */
static bool
is_short(const struct stream *stream, const struct splice *message)
{
	return stream->waits && !stream->opens &&
	    splice_length(message) <= HTTP_SHORT_MAX &&
	    stream->sessions->front->drain == NULL;
}

static void
answer_short(struct stream *stream, const struct splice *message)
{
	struct evhttp_request *request = stream->request;
	struct http_server *http = stream->sessions->front->http;

	stream->awaited = 0;
	stream_flush(stream, 0); /* gone: nothing is left to be written */
	http_send_short(http, request, message);
}

/* Nobody listens, and nobody can come back for it. */
static bool
is_deaf(const struct stream *stream)
{
	return stream->request == NULL || stream->dropped;
}

void
stream_answer(
    struct stream *stream, const struct splice *message, bool newlines)
{
	size_t len = splice_length(message);
	struct evbuffer *body;
	char *piece;

	if (!is_json(stream) || is_deaf(stream)) {
		stream_send(stream, message, newlines);
		count_answer(stream);
		return;
	}
	if (is_short(stream, message)) {
		answer_short(stream, message);
		return;
	}
	body = evhttp_request_get_output_buffer(stream->request);
	if ((piece = piece_begin(body, len)) != NULL)
		splice_write(message, piece);
	if (piece == NULL || piece_end(body, piece, len, len) == -1) {
		stream_drop(stream, "out of memory");
		count_answer(stream);
		return;
	}
	answer_json(stream, 0);
}

void
stream_answer_text(struct stream *stream, const char *json, size_t len)
{
	struct splice message;

	splice_init(&message, json, len);
	stream_answer(stream, &message, false);
}

/* ---- answers ---------------------------------------------------------- */

#define BEFORE_ID     "{\"jsonrpc\":\"2.0\",\"id\":"
#define BEFORE_RESULT ",\"result\":"

/* A list over HTTP+SSE: what stands around the text is ours, the text shared.
 */
static void
send_list(
    struct stream *stream, struct json_span id, struct catalogue_text *text)
{
	struct buf head = { 0 };
	size_t payload = CHUNK_EVENT_START_LEN + sizeof(BEFORE_ID) - 1 +
	    id.len + sizeof(BEFORE_RESULT) - 1 + text->len + 1 +
	    CHUNK_EVENT_END_LEN;
	char size[CHUNK_SIZE_MAX];

	if (!stream_accepts(stream))
		return;
	if (buf_add(&head, size, chunk_put_size(size, payload)) == -1 ||
	    buf_add_text(&head, CHUNK_EVENT_START) == -1 ||
	    buf_add_text(&head, BEFORE_ID) == -1 ||
	    buf_add(&head, id.at, id.len) == -1 ||
	    buf_add_text(&head, BEFORE_RESULT) == -1) {
		stream_drop(stream, "out of memory");
	} else {
		stream_write_copy(stream, buf_data(&head), buf_len(&head));
		stream_write_shared(stream, text, 0);
		stream_write_copy(stream, "}\r\n\r\n\r\n", 7);
	}
	buf_free(&head);
}

/* The same as the JSON body of a POST's answer. */
static bool
put_list(
    struct stream *stream, struct json_span id, struct catalogue_text *text)
{
	struct evbuffer *body =
	    evhttp_request_get_output_buffer(stream->request);

	if (evbuffer_add(body, BEFORE_ID, sizeof(BEFORE_ID) - 1) == -1 ||
	    evbuffer_add(body, id.at, id.len) == -1 ||
	    evbuffer_add(body, BEFORE_RESULT, sizeof(BEFORE_RESULT) - 1) == -1)
		return false;
	catalogue_text_queue(text, &stream->sessions->streams.left);
	if (evbuffer_add_reference(
		body, text->data, text->len, release_text, text) == -1) {
		catalogue_text_unqueue(text);
		return false;
	}
	/* No room for as much again: see stream_write_copy(). */
	return evbuffer_add_reference(body, "}", 1, NULL, NULL) == 0;
}

/* A copy, where it has to be an event that can be had again. */
static void
answer_list_copy(
    struct stream *stream, struct json_span id, struct catalogue_text *text)
{
	struct buf all = { 0 };

	if (buf_add_text(&all, BEFORE_ID) == 0 &&
	    buf_add(&all, id.at, id.len) == 0 &&
	    buf_add_text(&all, BEFORE_RESULT) == 0 &&
	    buf_add(&all, text->data, text->len) == 0 &&
	    buf_add_text(&all, "}") == 0)
		stream_answer_text(stream, buf_data(&all), buf_len(&all));
	else
		stream_unanswer(stream);
	buf_free(&all);
}

void
stream_answer_list(
    struct stream *stream, struct json_span id, struct catalogue_text *text)
{
	if (stream->kind == STREAM_SSE) {
		send_list(stream, id, text);
	} else if (!is_json(stream) || is_deaf(stream)) {
		answer_list_copy(stream, id, text);
	} else if (put_list(stream, id, text)) {
		answer_json(stream, text->len);
	} else {
		stream_drop(stream, "out of memory");
		count_answer(stream);
	}
}

void
stream_answer_result(
    struct stream *stream, struct json_span id, const char *result)
{
	struct buf text = { 0 };

	if (buf_add_text(&text, BEFORE_ID) == 0 &&
	    buf_add(&text, id.at, id.len) == 0 &&
	    buf_add_text(&text, BEFORE_RESULT) == 0 &&
	    buf_add_text(&text, result) == 0 && buf_add_text(&text, "}") == 0)
		stream_answer_text(stream, buf_data(&text), buf_len(&text));
	else
		stream_unanswer(stream);
	buf_free(&text);
}

void
stream_answer_error(struct stream *stream, struct json_span id, int code,
    const char *text, struct json_span data)
{
	struct buf error = { 0 };

	if (rpc_add_error(&error, id, code, text, data) == 0)
		stream_answer_text(stream, buf_data(&error), buf_len(&error));
	else
		stream_unanswer(stream);
	buf_free(&error);
}

void
stream_unanswer(struct stream *stream)
{
	count_answer(stream);
}
