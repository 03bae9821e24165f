/* link.c: the link to the front. */
#include <event2/event.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "link.h"
#include "link_parts.h"
#include "proto/buf.h"
#include "proto/chan.h"
#include "proto/clock.h"
#include "proto/jsonrpc.h"
#include "proto/log.h"
#include "proto/loop.h"

/* A hint for the socket; 1 MB results pass 28 % faster with it. */
#define SOCKET_BUFFER (1 << 20)

static void leave_front(struct link *link, const char *why);

/* A JSON text that is known here. */
#define JSON_TEXT(literal)                                                     \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

static void on_deadline(evutil_socket_t fd, short what, void *arg);

struct link *
link_new(struct loop *loop, const char *name, uint32_t timeout_ms,
    const struct greeting *greeting, const struct link_handlers *handlers,
    void *arg)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->loop = loop;
	link->name = name;
	link->timeout_ms = timeout_ms;
	link->greeting = greeting;
	link->handlers = handlers;
	link->arg = arg;
	link->calls = call_table_new(timeout_ms);
	link->deadline = evtimer_new(loop_base(loop), on_deadline, link);
	if (link->calls == NULL || link->deadline == NULL)
		link_free(&link);
	return link;
}

void
link_free(struct link **link)
{
	if (*link == NULL)
		return;
	chan_free(&(*link)->chan);
	call_table_free(&(*link)->calls);
	if ((*link)->deadline != NULL)
		event_free((*link)->deadline);
	buf_free(&(*link)->text);
	free(*link);
	*link = NULL;
}

/* The front reads too slowly, or fast enough again. */
static void
pause_backend(struct link *link, bool on)
{
	if (link->paused == on)
		return;
	link->paused = on;
	link->handlers->set_reading(link->arg, !on);
}

static int
send_frame(struct link *link, struct frame frame, struct json_span text)
{
	frame.length = (uint32_t)text.len;
	return chan_send(link->chan, &frame, text.at);
}

bool
link_tell(struct link *link, struct frame frame, struct json_span text)
{
	if (link->chan == NULL || send_frame(link, frame, text) == -1)
		return false;
	if (chan_congested(link->chan))
		pause_backend(link, true);
	return true;
}

bool
link_conclude(struct link *link, struct frame frame, struct json_span text)
{
	int result;

	if (link->chan == NULL)
		return true; /* to nobody */
	chan_set_queue_max(link->chan, LINK_QUEUE_LAST_MAX);
	result = send_frame(link, frame, text);
	if (result == -1 && errno == EAGAIN) {
		leave_front(link, "it does not read its answers");
		return true;
	}
	chan_set_queue_max(link->chan, LINK_QUEUE_MAX);
	if (chan_congested(link->chan))
		pause_backend(link, true);
	if (result == 0 || errno == EPIPE)
		return true;
	log_error("backend %s: a %s was lost: %s", link->name,
	    msg_name(frame.type), strerror(errno));
	return false;
}

static void
fail_call(struct link *link, uint64_t id, const char *outcome, const char *text)
{
	struct buf *b = &link->text;

	buf_consume(b, buf_len(b));
	if (buf_add_format(
		b, "{\"code\":%d,\"message\":", RPC_INTERNAL_ERROR) == -1 ||
	    json_add_string(b, text, strlen(text)) == -1 ||
	    buf_add_text(b, ",\"data\":{\"backend\":") == -1 ||
	    json_add_string(b, link->name, strlen(link->name)) == -1 ||
	    buf_add_format(b, ",\"outcome\":\"%s\"}}", outcome) == -1) {
		log_error("backend %s: out of memory", link->name);
		return;
	}
	(void)link_conclude(link, (struct frame){ .type = MSG_FAIL, .id = id },
	    (struct json_span){ buf_data(b), buf_len(b) });
}

/* Tell the backend that nobody waits; reason is JSON, or absent. */
static void
send_cancelled(struct link *link, uint64_t id, struct json_span reason)
{
	struct buf *b = &link->text;
	int failed;

	buf_consume(b, buf_len(b));
	failed = buf_add_format(b,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":%" PRIu64,
	    id);
	if (reason.at != NULL)
		failed |= buf_add_text(b, ",\"reason\":") |
		    buf_add(b, reason.at, reason.len);
	failed |= buf_add_text(b, "}}");
	if (failed == 0)
		(void)link->handlers->send(
		    link->arg, buf_data(b), buf_len(b), 0);
}

/*
 * Nobody waits for this call, which has just been given up: take its request
 * back, or tell the backend.  True when the backend has not seen it and never
 * will.
 */
static bool
retract(struct link *link, uint64_t id, struct json_span reason)
{
	uint64_t position = call_position(link->calls, id);

	if (!link->handlers->withdraw(link->arg, position)) {
		send_cancelled(link, id, reason);
		return false;
	}
	(void)call_answer(link->calls, id); /* none will come */
	return true;
}

void
link_arm_deadline(struct link *link, uint64_t now)
{
	struct timeval tv = { 0, 0 };
	uint64_t at;

	if (link->armed || !call_next_deadline(link->calls, &at))
		return;
	link->armed = true;
	if (at > now) {
		tv.tv_sec = (time_t)((at - now) / 1000);
		tv.tv_usec = (suseconds_t)((at - now) % 1000) * 1000;
	}
	event_add(link->deadline, &tv);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct link *link = arg;
	const struct json_span reason = JSON_TEXT("\"timed out\"");
	uint64_t now = mono_ms();
	char text[256];
	uint64_t id;
	bool unseen;

	(void)fd;
	(void)what;
	link->armed = false;
	while (call_expire(link->calls, now, &id)) {
		unseen = retract(link, id, reason);
		(void)snprintf(text, sizeof(text),
		    "backend %s did not %s within %g s", link->name,
		    unseen ? "read the request" : "answer",
		    link->timeout_ms / 1000.0);
		log_warning("backend %s: call %" PRIu64
			    " was not %s within %g s",
		    link->name, id, unseen ? "read" : "answered",
		    link->timeout_ms / 1000.0);
		fail_call(link, id, unseen ? "not_sent" : "unknown", text);
	}
	link_arm_deadline(link, now);
}

/* Nobody waits for any of them any more. */
static void
cancel_all(struct link *link)
{
	const struct json_span reason = JSON_TEXT("\"the client is gone\"");
	size_t count = call_count(link->calls);
	uint64_t id;

	if (count > 0)
		log_info("backend %s: %zu calls are cancelled: their front is "
			 "gone",
		    link->name, count);
	while (call_cancel_oldest(link->calls, &id))
		(void)retract(link, id, reason);
}

/* Close the link: nobody waits for its calls. */
static void
drop_front(struct link *link)
{
	chan_free(&link->chan);
	pause_backend(link, false);
	cancel_all(link);
	link->handlers->front_gone(link->arg);
}

static void
leave_front(struct link *link, const char *why)
{
	log_error("backend %s: link %" PRIu32 " is closed: %s", link->name,
	    link->generation, why);
	drop_front(link);
}

/* One of the frames that a new socket is told, or that changed. */
static bool
tell_unsent(struct link *link, unsigned int which)
{
	unsigned int kind;

	if (which == UNSENT_GREETING)
		return link_tell(link, (struct frame){ .type = MSG_GREETING },
		    greeting_result(link->greeting));
	for (kind = 0; UNSENT_KIND(kind) != which; kind++)
		continue;
	return link_tell(link,
	    (struct frame){ .type = MSG_CATALOG, .flags = (uint16_t)kind },
	    greeting_items(link->greeting, (enum catalog_kind)kind));
}

/* Tell what is not told yet, as far as the queue takes it. */
static void
publish(struct link *link)
{
	unsigned int which;

	if (link->chan == NULL || !link->up)
		return;
	for (which = UNSENT_GREETING; which != 0; which >>= 1) {
		if ((link->unsent & which) == 0)
			continue;
		if (!tell_unsent(link, which))
			return;
		link->unsent &= ~which;
	}
}

/* Why a request cannot be passed on, or NULL. */
static const char *
send_request(struct link *link, const char *text, size_t len, int64_t id)
{
	char *copy;
	int result;

	if (memchr(text, '\n', len) == NULL) {
		result = link->handlers->send(link->arg, text, len, id);
	} else {
		/* Only between tokens: the front has scanned it. */
		copy = malloc(len);
		if (copy == NULL)
			return "is out of memory";
		memcpy(copy, text, len);
		json_flatten(copy, len);
		result = link->handlers->send(link->arg, copy, len, id);
		free(copy);
	}
	if (result == 0)
		return NULL;
	if (errno == EAGAIN)
		return "is busy: it does not read its requests";
	return errno == ENOMEM ? "is out of memory" : "is gone";
}

static void
fail_unsent(struct link *link, uint64_t id, const char *wrong)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "backend %s %s", link->name, wrong);
	fail_call(link, id, "not_sent", text);
}

static void
on_request(struct link *link, uint64_t id, const char *text, size_t len)
{
	uint64_t position = link->handlers->position(link->arg);
	uint64_t now = mono_ms();
	const char *wrong;

	if (!link->up)
		wrong = link->lost ? "is gone" : "is not ready";
	else if (call_add(link->calls, id, position, now) == -1)
		wrong = errno == EINVAL ? "was sent a request with a wrong id"
					: "still has a request with this id";
	else if ((wrong = send_request(link, text, len, (int64_t)id)) != NULL)
		(void)call_answer(link->calls, id);
	if (wrong == NULL)
		link_arm_deadline(link, now);
	else
		fail_unsent(link, id, wrong);
}

static void
on_cancel(struct link *link, uint64_t id, const char *payload, size_t len)
{
	struct json_span reason = { payload, len };
	struct json_scan scan;

	if (!call_cancel(link->calls, id))
		return; /* answered in the meantime */
	if (len == 0 || json_kind(reason) != JSON_STRING ||
	    json_scan(payload, len, NULL, 0, NULL, &scan) == -1 || scan.newline)
		reason.at = NULL;
	(void)retract(link, id, reason);
}

static void
on_subscribe(
    struct link *link, enum msg_type type, const char *payload, size_t len)
{
	const struct json_span uri = { payload, len };
	struct json_scan scan;

	/* Quotes at both ends: no white space around it, which is not scanned
	 * for line ends. */
	if (len < 2 || json_kind(uri) != JSON_STRING ||
	    payload[len - 1] != '"' ||
	    json_scan(payload, len, NULL, 0, NULL, &scan) == -1)
		log_warning("backend %s: a %s without a URI is ignored",
		    link->name, msg_name(type));
	else
		link->handlers->subscribe(
		    link->arg, type == MSG_SUBSCRIBE, uri);
}

static void
on_frame(void *arg, const struct frame *frame, const char *payload, int *fd)
{
	struct link *link = arg;

	(void)fd;
	/* Another type never comes: the channel has checked. */
	if (frame->type == MSG_REQUEST)
		on_request(link, frame->id, payload, frame->length);
	else if (frame->type == MSG_CANCEL)
		on_cancel(link, frame->id, payload, frame->length);
	else if (frame->type == MSG_CLIENT_LEVEL)
		link->handlers->level(link->arg, (enum mcp_level)frame->flags);
	else if (frame->type == MSG_SUBSCRIBE || frame->type == MSG_UNSUBSCRIBE)
		on_subscribe(
		    link, (enum msg_type)frame->type, payload, frame->length);
	else
		link->handlers->asked(link->arg, (enum msg_type)frame->type,
		    frame->client,
		    (struct json_span){ payload, frame->length });
}

static void
on_closed(void *arg, const char *why)
{
	struct link *link = arg;

	if (strcmp(why, "closed") == 0)
		log_info("backend %s: link %" PRIu32 " closed", link->name,
		    link->generation);
	else
		log_error("backend %s: link %" PRIu32 " failed: %s", link->name,
		    link->generation, why);
	drop_front(link);
}

static void
on_drained(void *arg)
{
	struct link *link = arg;

	pause_backend(link, false);
	publish(link);
}

static const struct chan_handlers chan_handlers = {
	.frame = on_frame,
	.closed = on_closed,
	.drained = on_drained,
};

int
link_open(struct link *link, int *fd, uint32_t generation)
{
	struct chan *chan = chan_new(
	    link->loop, fd, ROLE_WORKER, ROLE_FRONT, &chan_handlers, link);

	if (chan == NULL)
		return -1;
	if (link->chan != NULL)
		drop_front(link);
	link->chan = chan;
	link->generation = generation;
	link->unsent = UNSENT_ALL;
	chan_set_queue_max(chan, LINK_QUEUE_MAX);
	chan_set_socket_buffer(chan, SOCKET_BUFFER);
	publish(link);
	return 0;
}

void
link_up(struct link *link, unsigned int kinds)
{
	link->up = true;
	link->unsent |= UNSENT_GREETING | kinds;
	publish(link);
}

void
link_down(struct link *link)
{
	uint64_t id;

	link->up = false;
	link->lost = true;
	while (call_cancel_oldest(link->calls, &id))
		if (link->handlers->withdraw(
			link->arg, call_position(link->calls, id)))
			fail_unsent(link, id, "is gone");
}

void
link_publish(struct link *link, enum catalog_kind kind)
{
	link->unsent |= UNSENT_KIND(kind);
	publish(link);
}

bool
link_response(struct link *link, int64_t id, struct json_span text)
{
	if (call_answer(link->calls, (uint64_t)id) != CALL_SENT)
		return false;
	if (!link_conclude(link,
		(struct frame){ .type = MSG_RESPONSE, .id = (uint64_t)id },
		text))
		fail_call(link, (uint64_t)id, "unknown",
		    "The answer did not fit into the gateway's memory");
	return true;
}

bool
link_refused(struct link *link, int64_t id, const char *why)
{
	char text[256];

	if (call_answer(link->calls, (uint64_t)id) != CALL_SENT)
		return false;
	(void)snprintf(text, sizeof(text),
	    "backend %s answered with a message that is not valid: %s",
	    link->name, why);
	fail_call(link, (uint64_t)id, "unknown", text);
	return true;
}

void
link_failed(struct link *link, int64_t id, enum transport_outcome outcome,
    const char *why)
{
	static const char *const outcomes[] = {
		[TRANSPORT_NOT_SENT] = "not_sent",
		[TRANSPORT_REFUSED] = "refused",
		[TRANSPORT_UNKNOWN] = "unknown",
	};
	char text[512];

	if (call_answer(link->calls, (uint64_t)id) != CALL_SENT)
		return;
	log_info("backend %s: call %" PRIi64 " failed (%s): it %s", link->name,
	    id, outcomes[outcome], why);
	(void)snprintf(text, sizeof(text), "backend %s %s", link->name, why);
	fail_call(link, (uint64_t)id, outcomes[outcome], text);
}

size_t
link_calls(const struct link *link)
{
	return call_count(link->calls);
}

bool
link_progress(struct link *link, int64_t token, struct json_span text)
{
	if (!call_progress(link->calls, (uint64_t)token, mono_ms()))
		return false;
	return link_tell(link,
	    (struct frame){ .type = MSG_EVENT, .id = (uint64_t)token }, text);
}

bool
link_notify(struct link *link, struct json_span text)
{
	return link_tell(link, (struct frame){ .type = MSG_NOTIFY }, text);
}

bool
link_flush(struct link *link)
{
	if (link->chan == NULL)
		return true;
	chan_flush(link->chan);
	return chan_queued(link->chan) == 0;
}
