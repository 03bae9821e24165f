#include "link_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/log.h"
#include "proto/mcp.h"

#include "ask.h"
#include "calls.h"
#include "front.h"
#include "instances.h"
#include "session.h"

const uint32_t link_times[LINK_TIMES] = { 5, 10, 25, 100, 250, 1000, 5000,
	15000, 60000 };

const struct link_count *
link_count(const struct link *link)
{
	return &link->count;
}

void
link_take_count(struct link *link, const struct link *from)
{
	for (size_t i = 0; i < REQUEST_END_KINDS; i++)
		link->count.ended[i] += from->count.ended[i];
	for (size_t i = 0; i <= LINK_TIMES; i++)
		link->count.took[i] += from->count.took[i];
	link->count.took_ms += from->count.took_ms;
	link->count.refused += from->count.refused;
}

size_t
link_in_flight(const struct link *link)
{
	return link->request_count + instances_in_flight(link);
}

/* ---- ending requests -------------------------------------------------- */

static void
count_end(
    struct link *link, const struct request *request, enum request_end_kind end)
{
	struct link_count *count =
	    link->base != NULL ? &link->base->count : &link->count;
	uint64_t now = mono_ms();
	uint64_t ms = now - request->began_ms;
	size_t i = 0;

	calls_end(link->front->calls, request, end, now);
	while (i < LINK_TIMES && ms > link_times[i])
		i++;
	count->took[i]++;
	count->took_ms += ms;
	count->ended[end]++;
}

/* Does somebody wait for the end of its last request? */
static void
look_idle(struct link *backend)
{
	if (backend->watched && link_in_flight(backend) == 0)
		link_on_idle(backend);
}

void
link_end(struct link *link, struct request *request, enum request_end_kind end,
    enum subscription_outcome outcome)
{
	if (request->change != NULL)
		subscription_end(&request->change, outcome);
	count_end(link, request, end);
	if (!TAILQ_EMPTY(&link->asks))
		asks_request_ended(link, request->number);
	request_end(link->front->requests, request);
	if (--link->request_count == 0)
		look_idle(link->base != NULL ? link->base : link);
}

/* Every request in flight gets its one answer. */
void
link_fail(struct link *link, const char *why)
{
	struct request *request;
	char text[768];
	size_t count = 0;

	if (TAILQ_EMPTY(&link->requests))
		return;
	snprintf(text, sizeof(text),
	    "Backend \"%s\" was lost while it worked on this request: %s",
	    link->name, why);
	while ((request = TAILQ_FIRST(&link->requests)) != NULL) {
		stream_answer_error(request->stream,
		    request_bytes(&request->id), RPC_INTERNAL_ERROR, text,
		    link_data(link, LINK_UNKNOWN));
		link_end(
		    link, request, REQUEST_LINK_LOST, SUBSCRIPTION_UNKNOWN);
		count++;
	}
	log_warning(
	    "backend %s: %zu requests failed: %s", link->name, count, why);
}

void
link_cancel(struct request *request, struct json_span reason)
{
	struct link *link = request->link;
	struct frame frame = { 0 };
	bool gone = request->session->state == SESSION_GONE;

	if (!link->greeted) {
		link_drop_held(link, request->number);
	} else {
		frame.type = MSG_CANCEL;
		frame.id = request->number;
		frame.client = request->session->handle;
		if (reason.at != NULL && reason.len <= MSG_CANCEL_MAX)
			frame.length = (uint32_t)reason.len;
		(void)chan_send(link->chan, &frame, reason.at);
	}
	stream_unanswer(request->stream);
	link_end(link, request, gone ? REQUEST_CLIENT_GONE : REQUEST_CANCELLED,
	    SUBSCRIPTION_UNKNOWN);
}

/* The worker is gone, or another takes its place. */
static void
link_lose(struct link *link, const char *why)
{
	bool greeted = link->greeted;

	link->greeted = false;
	chan_free(&link->chan);
	subscriptions_lost(link->front->subscriptions, link->place);
	asks_link_lost(link);
	link_fail(link, why);
	if (greeted)
		link_went_away(link);
}

static void
link_on_closed(void *arg, const char *why)
{
	struct link *link = arg;
	bool eof = strcmp(why, "closed") == 0;

	log_debug("backend %s: link closed: %s", link->name, why);
	why = eof ? "its process ended" : why;
	if (link->owner != NULL)
		instances_closed(link, eof, why);
	else
		link_lose(link, why);
}

static void
link_on_drained(void *arg)
{
	struct link *link = arg;

	subscriptions_retry(link->front->subscriptions, link->place);
}

/* ---- to the worker ---------------------------------------------------- */

void
link_attach(struct link *link, uint32_t generation, int *fd)
{
	static const struct chan_handlers handlers = {
		.frame = link_on_frame,
		.closed = link_on_closed,
		.drained = link_on_drained,
	};

	if (link->chan != NULL)
		link_lose(link, "its process was replaced");
	link->listed = false;
	link->generation = generation;
	link->chan = chan_new(
	    link->front->loop, fd, ROLE_FRONT, ROLE_WORKER, &handlers, link);
	if (link->chan == NULL) {
		log_error(
		    "backend %s: no link: %s", link->name, strerror(errno));
		return;
	}
	chan_set_queue_max(link->chan, LINK_QUEUE_MAX);
	chan_set_socket_buffer(link->chan, LINK_SOCKET_BUFFER);
}

static size_t
put_number(char *dst, uint64_t number)
{
	char text[REQUEST_NUMBER_MAX + 3];
	size_t n = 0;

	do
		text[n++] = (char)('0' + number % 10);
	while (number /= 10);
	for (size_t i = 0; i < n; i++)
		dst[i] = text[n - 1 - i];
	return n;
}

struct request *
link_request(struct link *link, struct stream *stream,
    const struct rpc_message *msg, struct json_span what, struct json_span with)
{
	struct session *session = stream->session;
	char number[REQUEST_NUMBER_MAX + 3];
	struct frame frame = { .type = MSG_REQUEST };
	struct request *request;
	struct splice text;
	size_t digits;
	char *place;

	if (!link->greeted && link->owner == NULL) {
		link_refuse_absent(link, stream, msg);
		return NULL;
	}
	if (session->request_count >= link->front->requests_max) {
		link_refuse(link, stream, msg, RPC_INTERNAL_ERROR,
		    "was not asked: this session has too many requests in "
		    "flight");
		return NULL;
	}
	if (link->request_count >= link->requests_max) {
		link_refuse(link, stream, msg, RPC_INTERNAL_ERROR,
		    "was not asked: it has too many requests in flight");
		return NULL;
	}
	request = request_begin(link->front->requests, link, stream, msg);
	if (request == NULL) {
		link_refuse(link, stream, msg, RPC_INTERNAL_ERROR,
		    "was not asked: the gateway has too many requests in "
		    "flight");
		return NULL;
	}
	link->request_count++;
	request->answer_len = 0;
	request->began_ms = mono_ms();
	calls_begin(link->front->calls, request,
	    link->base != NULL ? link->base->number : link->number,
	    session->handle, session_token(session), msg);
	digits = put_number(number, request->number);
	splice_init(&text, msg->text.at, msg->text.len);
	splice_replace(&text, msg->id, number, digits);
	if (with.at != NULL)
		splice_replace(&text, what, with.at, with.len);
	if (msg->meta_progress_token.at != NULL)
		splice_replace(&text, msg->meta_progress_token, number, digits);
	frame.id = request->number;
	frame.client = session->handle;
	frame.length = (uint32_t)splice_length(&text);
	place = link->greeted ? chan_send_in_place(link->chan, &frame)
			      : link_hold(link, &frame);
	if (place == NULL) {
		link_refuse(link, stream, msg, RPC_INTERNAL_ERROR,
		    link->greeted
			? "does not read its requests; try again later"
			: "was not asked: too much waits for its instance");
		link_end(link, request, REQUEST_UNSENT, SUBSCRIPTION_REFUSED);
		return NULL;
	}
	splice_write(&text, place);
	if (msg->newline)
		json_flatten(place, frame.length);
	return request;
}

void
link_set_level(struct link *link, enum mcp_level level)
{
	struct frame frame = { .type = MSG_CLIENT_LEVEL };

	if (!link->greeted || !link->logs)
		return;
	frame.flags = (uint16_t)level;
	(void)chan_send(link->chan, &frame, NULL);
}

int
link_tell(void *arg, size_t slot, bool subscribe, struct json_span uri)
{
	struct front *front = arg;
	struct link *link = link_at(front, slot);
	struct frame frame = { 0 };

	if (link == NULL || !link->greeted)
		return 0;
	frame.type = subscribe ? MSG_SUBSCRIBE : MSG_UNSUBSCRIBE;
	frame.length = (uint32_t)uri.len;
	return chan_send(link->chan, &frame, uri.at);
}

/* After GREETING, once in a turn however often it comes. */
static void
link_renew(void *arg)
{
	struct link *link = arg;
	int level = link->owner != NULL ? link->owner->level
					: sessions_level(link->front->sessions);

	if (!link->greeted)
		return;
	if (level >= 0)
		link_set_level(link, (enum mcp_level)level);
	subscriptions_renew(link->front->subscriptions, link->place);
}

/* ---- the object ------------------------------------------------------- */

static char *
make_error_data(const char *name, const char *outcome)
{
	struct buf text = { 0 };

	if (buf_add_text(&text, "{\"backend\":") == -1 ||
	    json_add_string(&text, name, strlen(name)) == -1 ||
	    buf_add_format(&text, ",\"outcome\":\"%s\"}", outcome) == -1 ||
	    buf_add(&text, "", 1) == -1) {
		buf_free(&text);
		return NULL;
	}
	return buf_data(&text); /* its memory is the caller's now */
}

struct link *
link_new(struct front *front, size_t slot, uint64_t number, const char *name)
{
	struct link *link;

	if ((link = calloc(1, sizeof(*link))) == NULL)
		return NULL;
	TAILQ_INIT(&link->requests);
	TAILQ_INIT(&link->asks);
	TAILQ_INIT(&link->completions);
	link->front = front;
	link->slot = slot;
	link->place = slot;
	TAILQ_INIT(&link->instances);
	TAILQ_INIT(&link->held);
	link->number = number;
	link->part = POLICY_STANDBY;
	strlcpy(link->state, "starting", sizeof(link->state));
	link->name = strdup(name);
	link->error_data[LINK_NOT_SENT] = make_error_data(name, "not_sent");
	link->error_data[LINK_UNKNOWN] = make_error_data(name, "unknown");
	deferred_init(&link->renew, link_renew, link);
	link->absent =
	    evtimer_new(loop_base(front->loop), link_on_absent, link);
	if (link->name == NULL || link->absent == NULL ||
	    link->error_data[LINK_NOT_SENT] == NULL ||
	    link->error_data[LINK_UNKNOWN] == NULL)
		link_free(&link);
	return link;
}

void
link_free(struct link **link)
{
	if (*link == NULL)
		return;
	instances_backend_gone(*link);
	asks_link_lost(*link);
	link_fail(*link, "it is not configured any more");
	chan_free(&(*link)->chan);
	deferred_cancel(&(*link)->renew);
	if ((*link)->absent != NULL)
		event_free((*link)->absent);
	buf_free(&(*link)->instructions);
	free((*link)->name);
	free((*link)->error_data[LINK_NOT_SENT]);
	free((*link)->error_data[LINK_UNKNOWN]);
	free(*link);
	*link = NULL;
}

size_t
link_place(const struct link *link)
{
	return link->place;
}

struct link *
link_at(const struct front *front, size_t place)
{
	return place < CATALOGUE_SLOTS
	    ? front->links[place]
	    : front->instances[place - CATALOGUE_SLOTS];
}

uint64_t
link_number(const struct link *link)
{
	return link->number;
}

const char *
link_name(const struct link *link)
{
	return link->name;
}

enum policy_part
link_part(const struct link *link)
{
	return link->part;
}

struct request_list *
link_requests(struct link *link)
{
	return &link->requests;
}

struct json_span
link_data(const struct link *link, enum link_outcome outcome)
{
	const char *data = link->error_data[outcome];

	assert(data != NULL); /* link_new() makes them all */
	return (struct json_span){ data, strlen(data) };
}

bool
link_is_up(const struct link *link)
{
	return link->greeted && link->part == POLICY_SERVING;
}

struct json_span
link_instructions(const struct link *link)
{
	struct json_span text = { NULL, 0 };

	if (buf_len(&link->instructions) > 0)
		text = (struct json_span){ buf_data(&link->instructions),
			buf_len(&link->instructions) };
	return text;
}

bool
link_completes(const struct link *link)
{
	return link->completes;
}

bool
link_subscribes(const struct link *link)
{
	return link->subscribes;
}
