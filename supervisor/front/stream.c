#include "stream.h"

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

#include "proto/clock.h"
#include "proto/log.h"

#include "drain.h"
#include "front.h"
#include "guard.h"
#include "lists.h"
#include "session.h"
#include "session_parts.h"
#include "stream_parts.h"

/* At most a part of all streams gets a ping in one turn: those that were opened
 * together shall not all be written to at once, while the others wait. */
#define PING_PARTS 100U

/* ---- objects ---------------------------------------------------------- */

static struct streams *
streams_of(const struct stream *stream)
{
	return &stream->sessions->streams;
}

static struct stream_list *
list_of(struct stream *stream)
{
	struct streams *streams = streams_of(stream);

	switch (stream->state) {
	case STREAM_UNDECIDED:
		return &streams->undecided;
	case STREAM_EVENTS:
		return &streams->events;
	case STREAM_ENDING:
		break;
	}
	return &streams->ending;
}

static struct stream *
stream_new(struct session *session, enum stream_kind kind)
{
	struct streams *streams = &session->front->sessions->streams;
	struct stream *stream = TAILQ_FIRST(&streams->unused);

	if (stream != NULL) {
		TAILQ_REMOVE(&streams->unused, stream, of_all);
		streams->unused_count--;
		memset(stream, 0, sizeof(*stream));
	} else if ((stream = calloc(1, sizeof(*stream))) == NULL) {
		return NULL;
	}
	stream->sessions = session->front->sessions;
	stream->session = session;
	stream->kind = kind;
	TAILQ_INSERT_TAIL(&session->streams, stream, of_session);
	return stream;
}

static void
stream_leave_session(struct stream *stream)
{
	struct session *session = stream->session;

	if (session == NULL)
		return;
	TAILQ_REMOVE(&session->streams, stream, of_session);
	if (session->main == stream)
		session->main = NULL;
	stream->session = NULL;
	if (TAILQ_EMPTY(&session->streams))
		session_streams_ended(session);
}

static void
stream_free(struct stream *stream)
{
	struct streams *streams = streams_of(stream);

	assert(stream->request == NULL);
	stream_leave_session(stream);
	if (streams->unused_count == STREAMS_UNUSED_MAX) {
		free(stream);
		return;
	}
	TAILQ_INSERT_HEAD(&streams->unused, stream, of_all);
	streams->unused_count++;
}

/* ---- listeners -------------------------------------------------------- */

static void stream_on_close(struct evhttp_connection *conn, void *arg);

/* Somebody listens from now on. */
static void
stream_attach(struct stream *stream, struct evhttp_request *request,
    enum stream_state state, uint32_t due_ms)
{
	stream->request = request;
	stream->state = state;
	stream->copied = stream->largest = 0;
	stream->dropped = false;
	stream->due_ms = mono_ms() + due_ms;
	TAILQ_INSERT_TAIL(list_of(stream), stream, of_all);
	streams_of(stream)->count++;
	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(request), stream_on_close, stream);
}

/* Nobody does; the request is the caller's. */
static struct evhttp_request *
stream_detach(struct stream *stream)
{
	struct evhttp_request *request = stream->request;

	TAILQ_REMOVE(list_of(stream), stream, of_all);
	streams_of(stream)->count--;
	stream->request = NULL;
	return request;
}

/* The client is gone.  What is being flushed is evhttp's; else evhttp has let
 * go of the request, which is ours now. */
static void
stream_on_close(struct evhttp_connection *conn, void *arg)
{
	struct stream *stream = arg;
	struct session *session = stream->session;
	enum stream_kind kind = stream->kind;
	bool ending = stream->state == STREAM_ENDING;
	struct evhttp_request *request;

	stream_discard(conn);
	request = stream_detach(stream);
	if (!ending)
		evhttp_request_free(request);
	/* Whoever leaves has not cancelled his requests by that: an answer to a
	 * POST is still awaited.  Of HTTP+SSE the session is over. */
	if (session != NULL && kind == STREAM_POST)
		return;
	if (session != NULL && kind == STREAM_SSE)
		session_close(session, NULL); /* which frees the stream */
	else
		stream_free(stream);
}

/* All of the answer is written. */
static void
stream_on_complete(struct evhttp_request *request, void *arg)
{
	struct stream *stream = arg;

	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(request), NULL, NULL);
	(void)stream_detach(stream);
	stream_free(stream);
}

/*
 * The answer is complete in the connection's output but for what evhttp adds.
 * What the kernel takes at once needs no more of us; else it counts among what
 * streams hold until it is written.
 */
void
stream_flush(struct stream *stream, size_t shared)
{
	struct streams *streams = streams_of(stream);
	size_t before = evbuffer_get_length(stream_output(stream));
	size_t body = evbuffer_get_length(
	    evhttp_request_get_output_buffer(stream->request));
	struct evhttp_connection *conn =
	    evhttp_request_get_connection(stream->request);

	if (before + body <= STREAM_SMALL_MAX &&
	    streams->front->drain == NULL) {
		evhttp_connection_set_closecb(conn, NULL, NULL);
		(void)stream_detach(stream);
		stream_free(stream);
		return;
	}
	TAILQ_REMOVE(list_of(stream), stream, of_all);
	stream->state = STREAM_ENDING;
	TAILQ_INSERT_TAIL(list_of(stream), stream, of_all);
	evhttp_request_set_on_complete_cb(
	    stream->request, stream_on_complete, stream);
	stream_leave_session(stream);
	if (body > shared) /* events were counted when they were written */
		stream_copied(stream, before, body - shared);
}

/* End events in order: the last chunk follows what waits.  A connection whose
 * answer had no end is closed then. */
static void
finish_events(struct stream *stream)
{
	struct evhttp_request *request = stream->request;

	/* The head was sent long ago; evhttp looks here what to do next. */
	if (stream->kind != STREAM_POST)
		evhttp_add_header(evhttp_request_get_output_headers(request),
		    "Connection", "close");
	stream_flush(stream, 0);
	evhttp_send_reply_end(request);
}

/* Another listener takes the place of this one, for whom what was written still
 * waits.  0, or -1 with errno ENOMEM. */
static int
stream_replace_listener(struct stream *stream)
{
	struct stream *old = stream_new(stream->session, stream->kind);
	size_t copied = stream->copied;
	size_t largest = stream->largest;

	if (old == NULL)
		return -1;
	stream_attach(old, stream_detach(stream), STREAM_EVENTS, 0);
	old->copied = copied;
	old->largest = largest;
	finish_events(old);
	return 0;
}

void
stream_finish_post(struct stream *stream)
{
	if (stream->request == NULL || stream->dropped) {
		/* One that was dropped is told so by its connection. */
		if (stream->request == NULL)
			stream_free(stream);
		else
			stream_leave_session(stream);
		return;
	}
	if (stream->state == STREAM_UNDECIDED) /* nothing is to be said */
		stream_begin_events(stream, 0);
	finish_events(stream);
}

void
stream_end(struct stream *stream)
{
	stream->awaited = 0;
	if (stream->kind == STREAM_POST) {
		stream_finish_post(stream);
	} else if (stream->request == NULL) {
		stream_free(stream);
	} else if (stream->dropped) {
		stream_leave_session(stream);
	} else {
		finish_events(stream);
	}
}

/* ---- opening ---------------------------------------------------------- */

void
stream_begin_events(struct stream *stream, uint32_t event)
{
	struct evhttp_request *request = stream->request;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct session *session = stream->session;
	char text[STREAM_RAW_MAX];
	char id[SESSION_ID_TEXT + 1];
	size_t n;

	if (stream->state == STREAM_UNDECIDED) {
		TAILQ_REMOVE(list_of(stream), stream, of_all);
		stream->state = STREAM_EVENTS;
		stream->due_ms = mono_ms() + STREAM_PING_MS;
		TAILQ_INSERT_TAIL(list_of(stream), stream, of_all);
	}
	evhttp_add_header(headers, "Content-Type", "text/event-stream");
	evhttp_add_header(headers, "Cache-Control", "no-cache, no-transform");
	evhttp_add_header(headers, "X-Accel-Buffering", "no");
	/* A proxy that kept the connection would meet its end with another
	 * client's request. */
	if (stream->kind == STREAM_GET)
		evhttp_add_header(headers, "Connection", "close");
	if (stream->opens) {
		session_id_format(session->id, id);
		evhttp_add_header(headers, "Mcp-Session-Id", id);
	}
	evhttp_send_reply_start(request, 200, "OK");
	evhttp_clear_headers(headers);
	if (!session->revision->priming ||
	    (stream->kind == STREAM_POST && stream->awaited == 0))
		return;
	/* MCP 2025-11-25, "Sending Messages to the Server", 6. */
	n = strlcpy(text, "id: ", sizeof(text));
	n += stream_put_event_id(text + n, stream->number, event);
	n += (size_t)snprintf(text + n, sizeof(text) - n,
	    "\r\nretry: %u\r\ndata: \r\n\r\n", STREAM_RETRY_MS);
	stream_write_raw(stream, text, n);
}

struct stream *
stream_open_post(
    struct session *session, struct evhttp_request *request, uint32_t awaited)
{
	struct stream *stream;

	if ((stream = stream_new(session, STREAM_POST)) == NULL)
		return NULL;
	stream->awaited = awaited;
	stream->number = ++session->last_stream;
	stream_attach(stream, request, STREAM_UNDECIDED, STREAM_DECIDE_MS);
	return stream;
}

/*
 * evhttp stops reading while a request is being handled, and would not see that
 * its client goes away.  Without evhttp's read callback nothing is read that it
 * could not take; libevent's own detection of an end goes on.
 */
void
stream_wait(struct stream *stream)
{
	struct bufferevent *bev;
	bufferevent_data_cb on_write;
	bufferevent_event_cb on_event;
	void *arg;

	if (stream->request == NULL || stream->state != STREAM_UNDECIDED)
		return;
	bev = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(stream->request));
	bufferevent_getcb(bev, NULL, &on_write, &on_event, &arg);
	bufferevent_setcb(bev, NULL, on_write, on_event, arg);
	bufferevent_enable(bev, EV_READ);
	stream->waits = true;
}

/* A GET stream has no end: both heads are done with, and it may last for days;
 * nobody will read requests behind it. */
static void
settle_endless(struct stream *stream)
{
	struct evhttp_request *request = stream->request;

	evhttp_clear_headers(evhttp_request_get_input_headers(request));
	evhttp_clear_headers(evhttp_request_get_output_headers(request));
	guard_mark_endless(streams_of(stream)->front->guard, request);
}

/* ": ping - 2026-11-22 16:36:23.253136+00:00", as the original product. */
static void
stream_write_ping(struct stream *stream)
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
	stream_write_raw(stream, text, len);
}

struct stream *
stream_open_sse(struct session *session, struct evhttp_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char text[96];
	char id[SESSION_ID_TEXT + 1];
	struct stream *stream;
	int len;

	if ((stream = stream_new(session, STREAM_SSE)) == NULL)
		return NULL;
	session->main = stream;
	stream_attach(stream, request, STREAM_EVENTS, STREAM_PING_MS);
	evhttp_add_header(
	    headers, "Content-Type", "text/event-stream; charset=utf-8");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "keep-alive");
	evhttp_add_header(headers, "X-Accel-Buffering", "no");
	evhttp_send_reply_start(request, 200, "OK");
	settle_endless(stream);
	session_id_format(session->id, id);
	len = snprintf(text, sizeof(text),
	    "event: endpoint\r\ndata: /messages/?session_id=%s\r\n\r\n", id);
	stream_write_raw(stream, text, (size_t)len);
	stream_write_ping(stream);
	return stream;
}

/* Write what was kept behind an event; returns how many events that was. */
static uint32_t
write_kept(struct stream *stream, uint32_t event)
{
	const struct replay_event *kept = NULL;
	uint32_t n = 0;

	while ((kept = replay_after(&stream->session->replay, kept,
		    stream->number, event)) != NULL) {
		event = kept->event;
		if (!stream_accepts(stream))
			break;
		stream_write_copy(stream, kept->chunk, kept->len);
		n++;
	}
	return n;
}

/* Some of what its client missed is not known any more, and may have told of
 * changed lists: it is told of all. */
static void
doubt_lists(struct session *session)
{
	for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++)
		session->told[kind]--; /* an older version */
}

void
stream_resume_get(
    struct session *session, struct evhttp_request *request, uint32_t event)
{
	struct stream *stream = session->main;

	if (stream != NULL && stream->dropped) {
		stream_leave_session(stream);
		stream = NULL;
	}
	if (stream == NULL)
		stream = session->main = stream_new(session, STREAM_GET);
	else if (stream_replace_listener(stream) == -1)
		stream = NULL;
	if (stream == NULL) {
		evhttp_send_reply(request, 503, "Service Unavailable", NULL);
		return;
	}
	stream_attach(stream, request, STREAM_EVENTS, STREAM_PING_MS);
	stream_begin_events(stream, event);
	settle_endless(stream);
	if (write_kept(stream, event) < session->main_events - event)
		doubt_lists(session);
	if (stream->dropped)
		return;
	session->main_sent = session->main_events;
	lists_tell(session);
}

void
stream_open_get(struct session *session, struct evhttp_request *request)
{
	stream_resume_get(session, request, session->main_sent);
}

/* The stream of this number, if something is still to come over it. */
static struct stream *
find_stream(struct session *session, uint32_t number)
{
	struct stream *stream;

	TAILQ_FOREACH (stream, &session->streams, of_session)
		if (stream->kind == STREAM_POST && stream->number == number)
			return stream;
	return NULL;
}

int
stream_resume_post(struct session *session, struct evhttp_request *request,
    uint32_t number, uint32_t event)
{
	struct stream *stream = find_stream(session, number);
	bool over = stream == NULL;

	if (over) {
		if (replay_after(&session->replay, NULL, number, event) ==
		    NULL) {
			errno = ENOENT;
			return -1;
		}
		if ((stream = stream_new(session, STREAM_POST)) == NULL)
			return -1;
		stream->number = number;
	} else if (stream->request != NULL && !stream->dropped) {
		/* An undecided one has sent no event that one could name. */
		if (stream->state != STREAM_EVENTS) {
			errno = ENOENT;
			return -1;
		}
		if (stream_replace_listener(stream) == -1)
			return -1;
	} else if (stream->request != NULL) {
		errno = EAGAIN; /* its connection is about to be gone */
		return -1;
	}
	stream_attach(stream, request, STREAM_EVENTS, STREAM_PING_MS);
	stream_begin_events(stream, event);
	(void)write_kept(stream, event);
	if (over)
		stream_finish_post(stream);
	return 0;
}

/* ---- all of them ------------------------------------------------------ */

static void
stream_ping(struct stream *stream)
{
	/* Bytes that wait to be read are ping enough. */
	if (!stream->dropped && evbuffer_get_length(stream_output(stream)) == 0)
		stream_write_ping(stream);
}

void
streams_tick(struct streams *streams, uint64_t now_ms)
{
	size_t part = streams->count / PING_PARTS + 1;
	struct stream *stream;
	struct stream *next;

	TAILQ_FOREACH_SAFE (stream, &streams->undecided, of_all, next) {
		if (stream->due_ms > now_ms)
			break;
		if (!stream->dropped) /* else it is about to be gone */
			stream_begin_events(stream, 0);
	}
	while (part-- > 0 && (stream = TAILQ_FIRST(&streams->events)) != NULL &&
	    stream->due_ms <= now_ms) {
		TAILQ_REMOVE(&streams->events, stream, of_all);
		stream->due_ms = now_ms + STREAM_PING_MS;
		TAILQ_INSERT_TAIL(&streams->events, stream, of_all);
		stream_ping(stream);
	}
	replays_expire(&streams->replays, now_ms);
}

void
streams_init(struct streams *streams, struct front *front)
{
	streams->front = front;
	TAILQ_INIT(&streams->events);
	TAILQ_INIT(&streams->undecided);
	TAILQ_INIT(&streams->ending);
	TAILQ_INIT(&streams->unused);
	streams->queue_max = STREAM_QUEUE_MAX;
	streams->held_max = STREAM_QUEUES_MAX;
	replays_init(&streams->replays, STREAM_QUEUES_MAX / 8);
}

void
streams_free(struct streams *streams)
{
	struct stream *stream;

	while ((stream = TAILQ_FIRST(&streams->unused)) != NULL) {
		TAILQ_REMOVE(&streams->unused, stream, of_all);
		free(stream);
	}
}
