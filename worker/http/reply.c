/* reply.c: what the response to one HTTP request says. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/json.h"
#include "proto/jsonrpc.h"
#include "proto/log.h"
#include "reply.h"
#include "salvage.h"
#include "streamable.h"

/* Of a long text its ends are looked at first: an id stands at one of them. */
#define LOOK_FIRST 256

/* Bytes of an error's message that are read; log_str() cuts it further. */
#define ERROR_TEXT_MAX 1024

static const char no_memory[] =
    "answered, and the gateway has no memory for it";
static const char too_long[] = "answered with more than 64 MiB";
static const char too_many[] =
    "has more than 256 MiB of answers under way, this one among them";

void
reply_init(struct reply *reply, enum reply_mode mode, int64_t id,
    size_t message_max, struct held *held,
    int (*event)(void *arg, const struct sse_event *event), void *arg)
{
	*reply = (struct reply){ .mode = mode,
		.id = id,
		.message_max = message_max,
		.held = held,
		.event = event,
		.arg = arg };
}

void
reply_again(struct reply *reply)
{
	buf_free(&reply->body);
	(void)held_change(reply->held, &reply->counted, 0);
	reply->mode = REPLY_STREAM;
	reply->kind = REPLY_NONE;
	reply->status = 0;
	reply->trouble = NULL;
	reply->skipped = 0;
}

void
reply_free(struct reply *reply)
{
	buf_free(&reply->body);
	events_free(&reply->events);
	(void)held_change(reply->held, &reply->counted, 0);
}

struct buf
reply_take(struct reply *reply)
{
	struct buf body = reply->body;

	reply->body = (struct buf){ 0 };
	(void)held_change(reply->held, &reply->counted, 0);
	return body;
}

/* ---- while it comes ---- */

static enum reply_kind
kind_of(const struct reply *reply)
{
	bool fine = reply->status >= 200 && reply->status < 300;

	if (!fine)
		return REPLY_PAGE;
	if (reply->mode != REPLY_STATUS &&
	    strcmp(reply->type, "text/event-stream") == 0)
		return REPLY_EVENTS;
	if (reply->mode == REPLY_STREAM)
		return REPLY_PAGE;
	if (reply->mode == REPLY_STATUS || reply->id == 0)
		return REPLY_TAKEN;
	if (strcmp(reply->type, "application/json") == 0)
		return REPLY_JSON;
	return reply->status == 202 || reply->status == 204 ? REPLY_TAKEN
							    : REPLY_PAGE;
}

void
reply_head(struct reply *reply, const struct exchange_head *head)
{
	reply->status = head->status;
	reply->reason = head->reason;
	(void)strlcpy(reply->type, head->type, sizeof(reply->type));
	(void)strlcpy(reply->location,
	    head->location == NULL ? "" : head->location,
	    sizeof(reply->location));
	reply->kind = kind_of(reply);
	if (reply->kind == REPLY_TAKEN)
		return;
	if (head->encoded && reply->kind != REPLY_PAGE)
		reply->trouble =
		    "answered in a compression that was not asked for";
	else if (reply->kind == REPLY_EVENTS &&
	    events_open(&reply->events, reply->message_max) == -1)
		reply->trouble = no_memory;
	/* An error page in a code that cannot be read is one without a text. */
	if (head->encoded && reply->kind == REPLY_PAGE)
		reply->skipped = STREAMABLE_PAGE_MAX;
}

static void
on_event(void *arg, const struct sse_event *event)
{
	struct reply *reply = arg;

	if (reply->trouble != NULL)
		return;
	if (reply->event(reply->arg, event) == 0)
		events_note(&reply->events, event);
	else
		reply->trouble = errno == ENOBUFS ? too_many : no_memory;
}

/* Keep bytes of the body.  False when it is longer than max. */
static bool
keep(struct reply *reply, const char *bytes, size_t n, size_t max)
{
	if (n > max - buf_len(&reply->body))
		return false;
	if (buf_add(&reply->body, bytes, n) == -1)
		reply->trouble = no_memory;
	return true;
}

/* Bytes that nobody looks at: a few, so that the connection can be kept. */
static bool
skip(struct reply *reply, size_t n)
{
	if (n > STREAMABLE_PAGE_MAX - reply->skipped)
		return false;
	reply->skipped += n;
	return true;
}

/* Bytes of a body that is wanted: what is kept of it counts. */
static void
read_on(struct reply *reply, const char *bytes, size_t n)
{
	switch (reply->kind) {
	case REPLY_JSON:
		if (!keep(reply, bytes, n, reply->message_max))
			reply->trouble = too_long;
		break;
	case REPLY_EVENTS:
		if (events_feed(&reply->events, bytes, n, on_event, reply) ==
		    -1)
			reply->trouble = errno == EMSGSIZE
			    ? "sent an event of more than 64 MiB"
			    : no_memory;
		break;
	case REPLY_PAGE:
	case REPLY_TAKEN:
	case REPLY_NONE:
		break;
	}
	if (reply->trouble == NULL &&
	    !held_change(reply->held, &reply->counted,
		buf_len(&reply->body) + events_held(&reply->events)))
		reply->trouble = too_many;
}

bool
reply_body(struct reply *reply, const char *bytes, size_t n)
{
	if (reply->trouble != NULL)
		return false;
	switch (reply->kind) {
	case REPLY_JSON:
	case REPLY_EVENTS:
		read_on(reply, bytes, n);
		return reply->trouble == NULL;
	case REPLY_PAGE:
		if (reply->skipped > 0)
			return false;
		return keep(reply, bytes, n, STREAMABLE_PAGE_MAX);
	case REPLY_TAKEN:
		return skip(reply, n);
	case REPLY_NONE:
		break; /* no body comes before its head */
	}
	return false;
}

/* ---- what it was ---- */

/* The server may ask, too, and write "method" where only one end shows it. */
static bool
may_be_request(const char *text, size_t len)
{
	static const char method[] = "\"method\"";

	return memmem(text, LOOK_FIRST, method, sizeof(method) - 1) != NULL ||
	    memmem(text + len - LOOK_FIRST, LOOK_FIRST, method,
		sizeof(method) - 1) != NULL;
}

static bool
is_response(const char *text, size_t len, int64_t id)
{
	int64_t found;

	if (len > 2 * LOOK_FIRST && !may_be_request(text, len) &&
	    ((salvage_id(text, LOOK_FIRST, &found) == 0 && found == id) ||
		(salvage_id_at_end(
		     text + len - LOOK_FIRST, LOOK_FIRST, &found) == 0 &&
		    found == id)))
		return true;
	return salvage_id(text, len, &found) == 0 && found == id;
}

int
reply_id(const char *text, size_t len, int64_t *id)
{
	size_t space = 0;

	while (space < len && memchr(" \t\r\n", text[space], 4) != NULL)
		space++;
	if (space == len || text[space] != '{')
		return -1;
	if (len > 2 * LOOK_FIRST && !may_be_request(text, len) &&
	    (salvage_id(text, LOOK_FIRST, id) == 0 ||
		salvage_id_at_end(text + len - LOOK_FIRST, LOOK_FIRST, id) ==
		    0))
		return 0;
	return salvage_id(text, len, id);
}

bool
reply_is_answer(const char *text, size_t len, int64_t id)
{
	struct json_span element;
	struct json_iter it;
	struct json_scan scan;

	while (len > 0 && strchr(" \t\r\n", *text) != NULL && *text != '\0') {
		text++;
		len--;
	}
	if (len == 0 || *text != '[')
		return is_response(text, len, id);
	if (json_scan(text, len, NULL, 0, NULL, &scan) == -1)
		return false;
	json_iter_init(&it, (struct json_span){ text, len });
	while (json_iter_element(&it, &element))
		if (is_response(element.at, element.len, id))
			return true;
	return false;
}

/* The JSON-RPC error that the body is; its text is escaped, "" without one. */
struct error {
	const char *text;
	int64_t code; /* 0 without one */
};

static struct error
read_error(const struct reply *reply)
{
	static const struct json_field fields[] = {
		JSON_PARENT("error", JSON_ROOT, 1),
		JSON_FIELD("message", 0),
		JSON_FIELD("code", 0),
	};
	struct error error = { "", 0 };
	struct json_span spans[3];
	struct json_scan scan;
	char text[ERROR_TEXT_MAX];
	ssize_t n;

	if (buf_len(&reply->body) == 0 ||
	    json_scan(buf_data(&reply->body), buf_len(&reply->body), fields, 3,
		spans, &scan) == -1)
		return error;
	if (json_integer(spans[2], &error.code) == -1)
		error.code = 0;
	if (json_kind(spans[1]) != JSON_STRING)
		return error;
	n = json_string_decode(spans[1], text, sizeof(text));
	error.text = n >= 0 ? log_str(text, (size_t)n)
			    : log_str(spans[1].at, spans[1].len);
	return error;
}

/* Words of an error that mean: initialize has not been called in this one. */
static bool
is_about_session(const char *text)
{
	return strcasestr(text, "session") != NULL ||
	    strcasestr(text, "not initialized") != NULL;
}

__attribute__((format(printf, 4, 5))) static void
failed(struct reply_end *end, enum reply_verdict verdict,
    enum transport_outcome outcome, const char *format, ...)
{
	va_list ap;

	end->verdict = verdict;
	end->outcome = outcome;
	va_start(ap, format);
	(void)vsnprintf(end->why, sizeof(end->why), format, ap);
	va_end(ap);
}

/* What the type is, to go behind "answered 200 (OK)". */
static void
describe_type(const struct reply *reply, char *text, size_t cap)
{
	bool fine = reply->status >= 200 && reply->status < 300;
	const char *expected = reply->mode == REPLY_STREAM
	    ? " instead of events"
	    : " instead of JSON or events";

	if (reply->type[0] == '\0')
		(void)snprintf(text, cap, " without a Content-Type");
	else
		(void)snprintf(text, cap, " with %s%s",
		    log_str(reply->type, strlen(reply->type)),
		    fine ? expected : "");
}

static void
finish_page(const struct reply *reply, struct reply_end *end)
{
	long status = reply->status;
	bool refused = status >= 300 && status < 500;
	const char *text = read_error(reply).text;
	char more[512];

	if (status >= 300 && status < 400 && reply->location[0] != '\0')
		(void)snprintf(more, sizeof(more),
		    " and wants to be asked at %s; redirects are not followed, "
		    "correct \"url\"",
		    reply->location);
	else if (status >= 300 && status < 400)
		(void)snprintf(more, sizeof(more),
		    "; redirects are not followed, correct \"url\"");
	else if (status == 401 || status == 403)
		(void)snprintf(more, sizeof(more),
		    "%s%s; check its \"headers\"", text[0] == '\0' ? "" : ": ",
		    text);
	else if (text[0] != '\0')
		(void)snprintf(more, sizeof(more), ": %s", text);
	else
		describe_type(reply, more, sizeof(more));
	failed(end, REPLY_FAILED,
	    refused ? TRANSPORT_REFUSED : TRANSPORT_UNKNOWN,
	    "answered %ld%s%s%s%s", status,
	    reply->reason[0] == '\0' ? "" : " (", reply->reason,
	    reply->reason[0] == '\0' ? "" : ")", more);
	end->forgotten =
	    status == 404 || (status == 400 && is_about_session(text));
}

static bool
body_is_answer(const struct reply *reply)
{
	return reply->id != 0 &&
	    reply_is_answer(
		buf_data(&reply->body), buf_len(&reply->body), reply->id);
}

/*
 * True for an error page that is the answer itself: the server has read the
 * request, unless it is about its session.
 */
static bool
finish_answer_page(const struct reply *reply, struct reply_end *end)
{
	struct json_scan scan;

	if (reply->status < 400 || reply->status == 401 ||
	    reply->status == 403 || buf_len(&reply->body) == 0 ||
	    json_scan(buf_data(&reply->body), buf_len(&reply->body), NULL, 0,
		NULL, &scan) == -1 ||
	    !body_is_answer(reply))
		return false;
	end->verdict = REPLY_ANSWERED;
	end->message = true;
	end->forgotten = reply->status == 404 &&
	    read_error(reply).code != RPC_METHOD_NOT_FOUND;
	return true;
}

static void
finish_json(const struct reply *reply, struct reply_end *end)
{
	const char *text;

	if (buf_len(&reply->body) == 0 && reply->status == 202) {
		end->verdict = REPLY_ACCEPTED;
	} else if (body_is_answer(reply)) {
		end->verdict = REPLY_ANSWERED;
		end->message = true;
	} else {
		text = read_error(reply).text;
		failed(end, REPLY_FAILED, TRANSPORT_UNKNOWN,
		    text[0] != '\0'
			? "answered with an error that names no request: %s"
			: "answered with something that is not the response%s",
		    text);
	}
}

static void
finish_events(const struct reply *reply, const char *why, struct reply_end *end)
{
	if (reply->id == 0 && reply->mode == REPLY_TO_MESSAGE)
		end->verdict = REPLY_ACCEPTED;
	else
		failed(end, REPLY_CUT, TRANSPORT_UNKNOWN, "%s",
		    why[0] == '\0' ? "closed the stream before its answer"
				   : why);
}

static void
finish_none(
    enum exchange_outcome outcome, const char *why, struct reply_end *end)
{
	bool unsent = outcome == EXCHANGE_UNREACHABLE ||
	    outcome == EXCHANGE_UNTRUSTED || outcome == EXCHANGE_NOT_SENT;

	failed(end, REPLY_FAILED,
	    unsent ? TRANSPORT_NOT_SENT : TRANSPORT_UNKNOWN, "%s",
	    why[0] == '\0' ? "closed the connection without an answer" : why);
}

/* The response had a head, and nothing was wrong while it came. */
static void
finish_kind(const struct reply *reply, enum exchange_outcome outcome,
    const char *why, struct reply_end *end)
{
	switch (reply->kind) {
	case REPLY_NONE:
		finish_none(outcome, why, end);
		break;
	case REPLY_EVENTS:
		finish_events(reply, why, end);
		break;
	case REPLY_TAKEN:
		end->verdict = REPLY_ACCEPTED;
		break;
	case REPLY_PAGE:
		/* Its status counts, however much of the page came. */
		if (!finish_answer_page(reply, end))
			finish_page(reply, end);
		break;
	case REPLY_JSON:
		if (outcome == EXCHANGE_DONE)
			finish_json(reply, end);
		else
			failed(end, REPLY_FAILED, TRANSPORT_UNKNOWN, "%s", why);
		break;
	}
}

void
reply_finish(struct reply *reply, enum exchange_outcome outcome,
    const char *why, struct reply_end *end)
{
	*end =
	    (struct reply_end){ .exchange = outcome, .status = reply->status };
	if (reply->answered)
		end->verdict = REPLY_ANSWERED;
	else if (reply->trouble != NULL)
		failed(
		    end, REPLY_FAILED, TRANSPORT_UNKNOWN, "%s", reply->trouble);
	else
		finish_kind(reply, outcome, why, end);
}
