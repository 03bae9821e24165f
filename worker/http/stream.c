/* stream.c: the event stream that a transport reads beside its POSTs. */
#include <event2/event.h>

#include <errno.h>

#include "stream.h"
#include "streamable.h"

static void
on_head(void *arg, const struct exchange_head *head)
{
	struct stream *stream = arg;

	stream->carrier->patient = false;
	reply_head(&stream->reply, head);
}

static bool
on_body(void *arg, const char *bytes, size_t n)
{
	struct stream *stream = arg;

	if (!reply_body(&stream->reply, bytes, n))
		return false;
	if (inbox_is_full(&stream->carrier->inbox)) {
		stream->paused = true;
		stream->carrier->paused = true;
		exchange_pause(stream->exchange, true);
	}
	return true;
}

static int
on_event(void *arg, const struct sse_event *event)
{
	struct stream *stream = arg;

	return stream->handlers->event(stream->carrier, event);
}

static void
on_done(void *arg, enum exchange_outcome outcome, const char *why)
{
	struct stream *stream = arg;
	struct reply_end end;

	stream->exchange = NULL;
	stream->paused = false;
	reply_finish(&stream->reply, outcome, why, &end);
	stream->handlers->done(stream->carrier, &end);
}

static const struct exchange_handlers handlers = {
	.head = on_head,
	.body = on_body,
	.done = on_done,
};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;
	struct carrier *c = stream->carrier;
	char *last_id = stream->reply.events.last_id;
	struct exchange_request request = { .method = EXCHANGE_GET };

	(void)fd;
	(void)what;
	c->kind->address(c, &request);
	request.url = stream->url;
	request.accept = "text/event-stream";
	request.last_event_id = last_id[0] == '\0' ? NULL : last_id;
	reply_again(&stream->reply);
	stream->exchange = exchange_start(c->http, &request, &handlers, stream);
	if (stream->exchange != NULL)
		return;
	if (errno == EINVAL && last_id[0] != '\0') {
		last_id[0] = '\0'; /* no header can say it */
		stream_open(stream, 0);
	} else {
		stream_open(stream, STREAMABLE_RETRY_MS);
	}
}

int
stream_init(struct stream *stream, struct carrier *c, const char *url,
    const struct stream_handlers *stream_handlers)
{
	stream->carrier = c;
	stream->url = url;
	stream->handlers = stream_handlers;
	reply_init(&stream->reply, REPLY_STREAM, 0, c->message_max, &c->held,
	    on_event, stream);
	stream->timer = evtimer_new(loop_base(c->loop), on_timer, stream);
	if (stream->timer == NULL) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void
stream_free(struct stream *stream)
{
	exchange_cancel(&stream->exchange);
	reply_free(&stream->reply);
	if (stream->timer != NULL)
		event_free(stream->timer);
	stream->timer = NULL;
}

void
stream_open(struct stream *stream, uint32_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000) * 1000 };

	event_add(stream->timer, &tv);
}

void
stream_close(struct stream *stream)
{
	event_del(stream->timer);
	exchange_cancel(&stream->exchange);
	stream->paused = false;
	reply_free(&stream->reply);
}

bool
stream_is_wanted(const struct stream *stream)
{
	return stream->exchange != NULL ||
	    event_pending(stream->timer, EV_TIMEOUT, NULL);
}

void
stream_read_on(struct stream *stream)
{
	if (!stream->paused)
		return;
	stream->paused = false;
	exchange_pause(stream->exchange, false);
}
