/* streamable.c: the client's side of Streamable HTTP. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "awaited.h"
#include "carrier.h"
#include "post.h"
#include "proto/log.h"
#include "proto/mcp.h"
#include "stream.h"
#include "streamable.h"

static const char cut[] = "closed the stream before its answer";
static const char no_stream[] =
    "accepted the request and has no stream for its answer";

struct streamable {
	struct carrier carrier; /* first: cast to and from it */
	const char *url;
	char *session;          /* Mcp-Session-Id, or NULL */
	const char *revision;   /* MCP-Protocol-Version, or NULL */
	struct stream stream;   /* the GET stream */
	struct awaited awaited; /* over the GET stream, in this session */
	bool streamed;          /* it was open in this session */
	struct exchange *goodbye;
};

/* What every request says; of a session what is known of it by then. */
static void
address(struct carrier *c, struct exchange_request *request)
{
	struct streamable *t = (struct streamable *)c;

	request->url = t->url;
	request->session = t->session;
	request->revision = t->revision;
}

/* ---- sessions ---- */

/* The response to initialize names the session. */
static void
on_head(struct post *post, const struct exchange_head *head)
{
	struct streamable *t = (struct streamable *)post->carrier;

	if (!post->greeting || post->session != t->carrier.session ||
	    head->status < 200 || head->status > 299)
		return;
	if (head->bad_session) {
		post->reply.trouble = "named a session id that cannot be used";
		return;
	}
	free(t->session);
	t->session = NULL;
	if (head->session == NULL)
		return;
	t->session = strdup(head->session);
	if (t->session == NULL)
		post->reply.trouble = "has a session, and the gateway has no "
				      "memory for its id";
}

/* Their answers were to come over a stream that there is not any more. */
static void
fail_awaited(struct streamable *t, const char *why)
{
	struct awaited awaited = t->awaited;

	t->awaited = (struct awaited){ 0 };
	for (size_t i = 0; i < awaited.count; i++)
		carrier_fail(
		    &t->carrier, awaited.ids[i], TRANSPORT_UNKNOWN, 0, why);
	awaited_free(&awaited);
}

/* The session is not known any more: begin another. */
static void
renew(struct streamable *t, const char *why)
{
	struct carrier *c = &t->carrier;

	free(t->session);
	t->session = NULL;
	t->revision = NULL;
	t->streamed = false;
	stream_close(&t->stream);
	c->session++;
	carrier_hold(c);
	c->events->renew(c->arg, why);
	/* Now that nobody waits for a greeting of the session that is gone. */
	fail_awaited(t,
	    "has forgotten the session that was to bring the "
	    "answer");
	if (c->gate == CARRIER_NEW) /* and nobody asked for one */
		carrier_end(c, why);
}

/* The message met a session that is not known, and has not run. */
static bool
may_repeat(const struct streamable *t, const struct post *post)
{
	const struct carrier *c = &t->carrier;
	const struct queue_message *message = post->message;

	if (message->id == 0 || message->renewed || message->text == NULL ||
	    post->resumed || post->abandoned || c->over || c->closed)
		return false;
	return post->session != c->session ||
	    (t->session != NULL && c->gate == CARRIER_OPEN);
}

static void
repeat(struct streamable *t, struct post *post, const char *why)
{
	bool current = post->session == t->carrier.session;

	post->message->renewed = true;
	carrier_put_back(post);
	if (current)
		renew(t, why);
}

/* ---- the response to a message ---- */

/* The rest of the stream can be asked for. */
static bool
may_resume(const struct streamable *t, const struct post *post)
{
	return post->message->id != 0 && !post->abandoned && !t->carrier.over &&
	    post->session == t->carrier.session &&
	    post->reply.events.last_id[0] != '\0';
}

/* A GET that went on with a stream failed. */
static bool
settle_resumed(struct streamable *t, struct post *post, struct reply_end *end)
{
	bool alive = end->exchange != EXCHANGE_UNREACHABLE &&
	    end->exchange != EXCHANGE_UNTRUSTED;

	if (alive && post->reply.kind == REPLY_NONE && may_resume(t, post)) {
		post_resume(post, events_close(&post->reply.events));
		return true;
	}
	end->message = false;
	end->outcome = TRANSPORT_UNKNOWN; /* the request had been sent */
	end->verdict = REPLY_FAILED;
	end->status = 0;
	if (alive && !post->abandoned)
		(void)strlcpy(end->why, cut, sizeof(end->why));
	return false;
}

/* The server took a request and will answer elsewhere, if it can. */
static void
await(struct streamable *t, const struct post *post, struct reply_end *end)
{
	if (post->session == t->carrier.session &&
	    stream_is_wanted(&t->stream) &&
	    awaited_add(&t->awaited, post->message->id) == 0)
		return;
	end->verdict = REPLY_FAILED;
	end->outcome = TRANSPORT_UNKNOWN;
	(void)strlcpy(end->why, no_stream, sizeof(end->why));
}

static bool
settle(struct post *post, struct reply_end *end)
{
	struct streamable *t = (struct streamable *)post->carrier;

	if (end->forgotten && may_repeat(t, post)) {
		repeat(t, post,
		    end->why[0] == '\0' ? "has forgotten the session"
					: end->why);
		return true;
	}
	if (end->verdict == REPLY_CUT && may_resume(t, post)) {
		post_resume(post, events_close(&post->reply.events));
		return true;
	}
	if (post->resumed && end->verdict != REPLY_ANSWERED)
		return settle_resumed(t, post, end);
	if (end->verdict == REPLY_ACCEPTED && post->message->id != 0)
		await(t, post, end);
	return false;
}

/* ---- the GET stream ---- */

/* This request was answered here, whatever its POST still brings. */
static void
note_answer(struct streamable *t, int64_t id)
{
	struct post *post;

	awaited_remove(&t->awaited, id);
	TAILQ_FOREACH (post, &t->carrier.posts, link)
		if (post->reply.id == id && !post->abandoned) {
			post_answered(post);
			return;
		}
}

static int
on_event(struct carrier *c, const struct sse_event *event)
{
	int64_t id;

	if (event->data_len == 0 || strcmp(event->type, "message") != 0)
		return 0;
	if (inbox_add(&c->inbox, event->data, event->data_len, 0) == -1)
		return -1;
	if (reply_id(event->data, event->data_len, &id) == 0 && id != 0)
		note_answer((struct streamable *)c, id);
	return 0;
}

/* The server has no such stream, or this is not a moment for it. */
static bool
is_refusal(const struct stream *stream, const struct reply_end *end)
{
	return end->verdict == REPLY_FAILED &&
	    stream->reply.events.parser == NULL && end->status != 429 &&
	    end->status >= 200 && end->status < 500;
}

static void
on_stream_done(struct carrier *c, const struct reply_end *end)
{
	struct streamable *t = (struct streamable *)c;
	struct stream *stream = &t->stream;

	if (c->over || c->closed)
		return;
	log_debug("http: the GET stream ended: the backend %s", end->why);
	if (end->exchange == EXCHANGE_UNREACHABLE ||
	    end->exchange == EXCHANGE_UNTRUSTED) {
		carrier_end(c, end->why);
		return;
	}
	if (!is_refusal(stream, end)) {
		t->streamed |= stream->reply.events.parser != NULL;
		stream_open(stream, events_close(&stream->reply.events));
		return;
	}
	/* It was there: the session is not, any more. */
	if (t->streamed && t->session != NULL && c->gate == CARRIER_OPEN &&
	    (end->status == 404 || end->status == 400))
		renew(t, end->why);
	else
		fail_awaited(t, no_stream);
}

static const struct stream_handlers stream_handlers = {
	.event = on_event,
	.done = on_stream_done,
};

static void
on_opened(struct carrier *c)
{
	struct streamable *t = (struct streamable *)c;

	stream_open(&t->stream, 0);
}

static void
on_read_on(struct carrier *c)
{
	stream_read_on(&((struct streamable *)c)->stream);
}

static void
on_ended(struct carrier *c)
{
	struct streamable *t = (struct streamable *)c;

	stream_close(&t->stream);
	exchange_cancel(&t->goodbye);
}

static const struct carrier_kind kind = {
	.mode = REPLY_TO_MESSAGE,
	.accept = "application/json, text/event-stream",
	.address = address,
	.head = on_head,
	.settle = settle,
	.opened = on_opened,
	.read_on = on_read_on,
	.ended = on_ended,
};

/* ---- the end ---- */

static bool
on_goodbye_body(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	(void)bytes;
	(void)n;
	return false; /* the status is all that was asked for */
}

static void
on_goodbye_done(void *arg, enum exchange_outcome outcome, const char *why)
{
	struct streamable *t = arg;

	(void)outcome;
	(void)why;
	t->goodbye = NULL;
	carrier_end(&t->carrier, "was closed");
}

static const struct exchange_handlers goodbye_handlers = {
	.body = on_goodbye_body,
	.done = on_goodbye_done,
};

static bool
streamable_close(struct transport *transport)
{
	struct streamable *t = (struct streamable *)transport;
	struct exchange_request request = { .method = EXCHANGE_DELETE,
		.timeout_ms = STREAMABLE_GOODBYE_MS };

	if (t->session == NULL || t->carrier.over || t->carrier.closed)
		return false;
	t->carrier.closed = true;
	address(&t->carrier, &request);
	t->goodbye =
	    exchange_start(t->carrier.http, &request, &goodbye_handlers, t);
	return t->goodbye != NULL;
}

static void
streamable_agreed(
    struct transport *transport, const struct mcp_revision *revision)
{
	struct streamable *t = (struct streamable *)transport;

	t->revision = revision->header ? revision->name : NULL;
	carrier_agreed(&t->carrier);
}

static void
streamable_free(struct transport *transport)
{
	struct streamable *t = (struct streamable *)transport;

	exchange_cancel(&t->goodbye);
	stream_free(&t->stream);
	carrier_free(&t->carrier);
	awaited_free(&t->awaited);
	free(t->session);
	free(t);
}

static const struct transport_ops ops = {
	.send = carrier_send,
	.position = carrier_position,
	.withdraw = carrier_withdraw,
	.set_reading = carrier_set_reading,
	.agreed = streamable_agreed,
	.close = streamable_close,
	.free = streamable_free,
};

struct transport *
streamable_new(struct loop *loop, struct http *http, const char *url,
    size_t message_max, bool patient, const struct transport_events *events,
    void *arg)
{
	struct streamable *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->carrier.transport.ops = &ops;
	t->carrier.message_max = message_max;
	t->carrier.patient = patient;
	t->url = url;
	if (carrier_init(&t->carrier, &kind, loop, http, events, arg) == -1 ||
	    stream_init(&t->stream, &t->carrier, url, &stream_handlers) == -1) {
		streamable_free(&t->carrier.transport);
		return NULL;
	}
	return &t->carrier.transport;
}

long
streamable_status(const struct transport *t)
{
	assert(t->ops == &ops);
	return ((const struct carrier *)t)->status;
}
