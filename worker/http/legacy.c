/* legacy.c: HTTP+SSE, MCP 2024-11-05, as a transport. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrier.h"
#include "legacy.h"
#include "origin.h"
#include "post.h"
#include "proto/log.h"
#include "remote.h"
#include "stream.h"

struct legacy {
	struct carrier carrier; /* first: cast to and from it */
	const char *url;
	char *endpoint; /* where messages go, NULL until the server says it */
	struct stream stream;
};

static void
address(struct carrier *c, struct exchange_request *request)
{
	request->url = ((struct legacy *)c)->endpoint;
}

/* ---- the stream ---- */

static void
on_endpoint(struct legacy *t, const char *text, size_t len)
{
	const char *why = NULL;
	char *url;
	char more[REPLY_WHY_MAX];

	if (origin_resolve(&url, t->url, text, len, &why) == -1) {
		(void)snprintf(more, sizeof(more), "%s: %s",
		    why == NULL ? "announced an endpoint, and the gateway has "
				  "no memory for it"
				: why,
		    log_str(text, len));
		carrier_end(&t->carrier, more);
		return;
	}
	free(t->endpoint);
	t->endpoint = url;
	t->carrier.unknown = false;
	carrier_flush(&t->carrier);
}

static int
on_event(struct carrier *c, const struct sse_event *event)
{
	if (strcmp(event->type, "endpoint") == 0) {
		on_endpoint((struct legacy *)c, event->data, event->data_len);
		return 0;
	}
	if (event->data_len == 0 || strcmp(event->type, "message") != 0)
		return 0;
	return inbox_add(&c->inbox, event->data, event->data_len, 0);
}

static void
on_stream_done(struct carrier *c, const struct reply_end *end)
{
	struct legacy *t = (struct legacy *)c;

	if (c->over)
		return;
	if (carrier_is_early(c, end->exchange))
		stream_open(&t->stream, REMOTE_POLL_MS);
	else
		carrier_end(c,
		    end->verdict == REPLY_CUT ? "closed its event stream"
					      : end->why);
}

static const struct stream_handlers stream_handlers = {
	.event = on_event,
	.done = on_stream_done,
};

static void
on_read_on(struct carrier *c)
{
	stream_read_on(&((struct legacy *)c)->stream);
}

static void
on_ended(struct carrier *c)
{
	stream_close(&((struct legacy *)c)->stream);
}

static const struct carrier_kind kind = {
	.mode = REPLY_STATUS,
	.address = address,
	.read_on = on_read_on,
	.ended = on_ended,
};

/* ---- the transport ---- */

static void
legacy_agreed(struct transport *t, const struct mcp_revision *revision)
{
	(void)revision; /* it has no header */
	carrier_agreed((struct carrier *)t);
}

static bool
legacy_close(struct transport *t)
{
	(void)t;
	return false; /* the end of the stream is the end of the session */
}

static void
legacy_free(struct transport *transport)
{
	struct legacy *t = (struct legacy *)transport;

	stream_free(&t->stream);
	carrier_free(&t->carrier);
	free(t->endpoint);
	free(t);
}

static const struct transport_ops ops = {
	.send = carrier_send,
	.position = carrier_position,
	.withdraw = carrier_withdraw,
	.set_reading = carrier_set_reading,
	.agreed = legacy_agreed,
	.close = legacy_close,
	.free = legacy_free,
};

struct transport *
legacy_new(struct loop *loop, struct http *http, const char *url,
    size_t message_max, bool patient, const struct transport_events *events,
    void *arg)
{
	struct legacy *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->carrier.transport.ops = &ops;
	t->carrier.message_max = message_max;
	t->carrier.patient = patient;
	t->carrier.unknown = true;
	t->url = url;
	if (carrier_init(&t->carrier, &kind, loop, http, events, arg) == -1 ||
	    stream_init(&t->stream, &t->carrier, url, &stream_handlers) == -1) {
		legacy_free(&t->carrier.transport);
		return NULL;
	}
	stream_open(&t->stream, 0);
	return &t->carrier.transport;
}
