/*
 * stream.h: HTTP answers that carry messages of a session: event streams, and
 * answers to single POSTs, which are JSON when the answer is the first thing to
 * be said, and events from the first other message on.  MCP transports,
 * "Streamable HTTP", "HTTP with SSE".
 */
#ifndef FRONT_STREAM_H
#define FRONT_STREAM_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json.h"
#include "proto/splice.h"

struct catalogue_text;
struct evhttp_request;
struct session;
struct sessions;

/* Comments keep proxies from closing an idle stream; the strictest close after
 * some 60 seconds. */
#define STREAM_PING_MS 15000U
/* An answer that takes longer becomes an event stream: comments keep it alive,
 * and a client that lost its connection can come back for it. */
#define STREAM_DECIDE_MS 1000U
/* A stream that holds more than this when another message comes is dropped: its
 * client does not read.  One message may be larger (MSG_JSON_MAX).  The policy
 * has another value as a rule, limits.queue_size. */
#define STREAM_QUEUE_MAX ((size_t)8 << 20)
/* What all streams together may hold before the fullest ones are dropped: lists
 * and messages for all are shared, and count once.  Of the policy, what the
 * guard, subscriptions and replays leave of limits.memory. */
#define STREAM_QUEUES_MAX ((size_t)224 << 20)
/* When a client whose stream broke shall come back, in milliseconds: what we
 * tell it, for the first time with the priming event. */
#define STREAM_RETRY_MS 1000U

/* The id of an event of Streamable HTTP, "STREAM-EVENT". */
#define STREAM_EVENT_ID_MAX 24U

enum stream_kind {
	STREAM_SSE, /* the GET of HTTP+SSE: everything goes over it */
	STREAM_GET, /* the GET of Streamable HTTP: what belongs to no request */
	STREAM_POST, /* the answer to a POST, and what belongs to its requests
		      */
};

enum stream_state {
	STREAM_UNDECIDED, /* a POST's: nothing was sent */
	STREAM_EVENTS,    /* the head was sent, if anybody listens */
	STREAM_ENDING,    /* all is said; its last bytes are on their way */
};

struct stream {
	TAILQ_ENTRY(stream) of_session;
	TAILQ_ENTRY(stream)
	of_all; /* of those in its state, soonest due first
		 */
	struct sessions *sessions;
	struct session *session;        /* NULL when it is ending */
	struct evhttp_request *request; /* NULL: nobody listens */
	uint64_t due_ms;  /* of a ping; of undecided ones, to decide */
	size_t copied;    /* bytes in its queue that are its own, at most */
	size_t largest;   /* of these, in one piece: held until all is sent */
	uint32_t number;  /* within the session; 0: the GET stream */
	uint32_t events;  /* so far, of a POST's */
	uint32_t awaited; /* requests of a POST that are not answered */
	enum stream_kind kind;
	enum stream_state state;
	bool batch;   /* a POST's: never JSON */
	bool opens;   /* a POST's: its answer begins the session */
	bool waits;   /* a POST's: it was not answered at once */
	bool dropped; /* hung up on; about to end */
};
TAILQ_HEAD(stream_list, stream);

/*
 * The answer to a POST with this many requests, each of which gets one
 * stream_answer() or stream_unanswer(), after the last of which the stream is
 * gone.  Takes the request.  NULL with errno ENOMEM, and the request is not
 * taken.
 */
struct stream *stream_open_post(
    struct session *session, struct evhttp_request *request, uint32_t awaited);

/* Nothing was answered at once: from now on it is noticed when the client goes
 * away.  Only from within the handler of the request. */
void stream_wait(struct stream *stream);

/*
 * Have this GET request carry a session's GET stream, which has no listener, or
 * one that is replaced; first what was not sent yet, or all behind event.
 * Takes the request.
 */
void stream_open_get(struct session *session, struct evhttp_request *request);
void stream_resume_get(
    struct session *session, struct evhttp_request *request, uint32_t event);

/*
 * Resume a POST's stream on a GET request, behind event: what was kept is sent,
 * then what comes; it ends with the last answer.  0, and the request is taken;
 * or -1 with errno ENOENT, nothing is known of that, EAGAIN or ENOMEM.
 */
int stream_resume_post(struct session *session, struct evhttp_request *request,
    uint32_t number, uint32_t event);

/* The client of HTTP+SSE; session->main from now on.  NULL with ENOMEM. */
struct stream *stream_open_sse(
    struct session *session, struct evhttp_request *request);

/*
 * Send a message that answers nothing: a request of a backend, progress.
 * newlines: it holds raw CR or LF, which become spaces.  The client is dropped
 * instead when it does not read; nothing needs doing then.
 */
void stream_send(
    struct stream *stream, const struct splice *message, bool newlines);
void stream_send_text(struct stream *stream, const char *json, size_t len);

/* Send the answer to one of its requests; the stream may be gone afterwards. */
void stream_answer(
    struct stream *stream, const struct splice *message, bool newlines);
void stream_answer_text(struct stream *stream, const char *json, size_t len);
/* {"jsonrpc":"2.0","id":ID,"result":TEXT}; keeps a reference. */
void stream_answer_list(
    struct stream *stream, struct json_span id, struct catalogue_text *text);
/* With this JSON text as its result. */
void stream_answer_result(
    struct stream *stream, struct json_span id, const char *result);
/* An error; data is JSON or absent. */
void stream_answer_error(struct stream *stream, struct json_span id, int code,
    const char *text, struct json_span data);
/* One of its requests gets no answer: its client has cancelled it. */
void stream_unanswer(struct stream *stream);

/* End it in order, whatever is awaited.  It is gone afterwards. */
void stream_end(struct stream *stream);

#endif
