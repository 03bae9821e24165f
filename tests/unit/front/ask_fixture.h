/*
 * ask_fixture.h: backends that ask clients.  Links, sessions and streams are
 * stood in for by what ask.c uses of them; what is said to either side is noted
 * down, and time passes when a test says so.
 */
/* wrap: mono_ms */
/* wrap: loop_base */
/* wrap: event_new */
/* wrap: event_add */
/* wrap: event_pending */
/* wrap: event_free */
/* wrap: chan_send */
/* wrap: stream_send */
/* wrap: stream_send_text */
/* wrap: adapt_session_message */
/* wrap: link_asked_for_nobody */
#ifndef ASK_FIXTURE_H
#define ASK_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "ask.h"
#include "ask_parts.h"
#include "front.h"
#include "link_parts.h"
#include "request.h"
#include "session.h"

#define LINKS    2
#define SESSIONS (ASKS_MAX / ASKS_SESSION_MAX + 1)
#define TEXT_MAX 256U
/* Each question of the test that makes the most is said to its client and, at
 * the end, refused to its backend. */
#define SAID_MAX (2 * ASKS_MAX + 16)
#define NEVER    UINT64_MAX

/* Who heard something: a backend, or a stream of a client. */
struct said {
	const void *to;
	uint16_t type;   /* to a backend: of the frame */
	uint32_t number; /* the same: of the ask */
	char text[TEXT_MAX];
};

static struct front front;
static struct link links[LINKS];
static struct session sessions[SESSIONS];
static struct stream streams[SESSIONS]; /* their GET streams */
static struct stream post;              /* of session 0 */
static struct said said[SAID_MAX];
static size_t said_count;
static size_t for_nobody; /* questions of which none knew whom they meant */
static bool too_old;      /* clients know no such question */
static char name[] = "backend";
static uint64_t now;

/* The only timer: of the asks. */
static struct {
	event_callback_fn run;
	void *arg;
	uint64_t due_ms; /* NEVER: not armed */
} timer;

/* ---- stand-ins -------------------------------------------------------- */

uint64_t
__wrap_mono_ms(void)
{
	return now;
}

struct event_base *
__wrap_loop_base(const struct loop *loop)
{
	(void)loop;
	return NULL;
}

struct event *
__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn run, void *arg)
{
	(void)base;
	assert_int_equal(fd, -1);
	assert_int_equal(what, 0);
	timer.run = run;
	timer.arg = arg;
	timer.due_ms = NEVER;
	return (struct event *)&timer;
}

int
__wrap_event_add(struct event *event, const struct timeval *wait)
{
	assert_ptr_equal(event, &timer);
	assert_true(wait->tv_sec >= 0);
	assert_in_range(wait->tv_usec, 0, 999999);
	timer.due_ms = now + (uint64_t)wait->tv_sec * 1000 +
	    (uint64_t)wait->tv_usec / 1000;
	return 0;
}

int
__wrap_event_pending(
    const struct event *event, short what, struct timeval *when)
{
	assert_ptr_equal(event, &timer);
	assert_int_equal(what, EV_TIMEOUT);
	assert_null(when);
	return timer.due_ms != NEVER ? EV_TIMEOUT : 0;
}

void
__wrap_event_free(struct event *event)
{
	assert_ptr_equal(event, &timer);
	timer.run = NULL;
}

static inline struct said *
note(const void *to, const char *text, size_t len)
{
	struct said *s = &said[said_count++];

	assert_true(said_count <= SAID_MAX);
	assert_true(len < TEXT_MAX);
	memset(s, 0, sizeof(*s));
	s->to = to;
	memcpy(s->text, text, len);
	return s;
}

int
__wrap_chan_send(
    struct chan *chan, const struct frame *frame, const void *payload)
{
	struct said *s = note(chan, payload, frame->length);

	s->type = frame->type;
	s->number = frame->client;
	return 0;
}

void
__wrap_stream_send_text(struct stream *stream, const char *json, size_t len)
{
	note(stream, json, len);
}

void
__wrap_stream_send(
    struct stream *stream, const struct splice *message, bool newlines)
{
	char text[TEXT_MAX];

	assert_false(newlines);
	assert_true(splice_length(message) < sizeof(text));
	splice_write(message, text);
	note(stream, text, splice_length(message));
}

int
__wrap_adapt_session_message(const struct session *session, size_t slot,
    enum mcp_method method, const struct rpc_message *msg, struct splice *text,
    struct buf *out)
{
	(void)session;
	(void)slot;
	(void)text;
	(void)out;
	assert_int_equal(method, msg->method);
	errno = ENOTSUP;
	return too_old ? -1 : 0;
}

void
__wrap_link_asked_for_nobody(struct link *link)
{
	assert_ptr_equal(link, &links[0]);
	for_nobody++;
}

/* ---- what happens ----------------------------------------------------- */

static inline int
set_up(void **state)
{
	(void)state;
	memset(&front, 0, sizeof(front));
	memset(links, 0, sizeof(links));
	memset(sessions, 0, sizeof(sessions));
	memset(streams, 0, sizeof(streams));
	memset(&post, 0, sizeof(post));
	said_count = for_nobody = 0;
	too_old = false;
	now = 5000;
	for (size_t i = 0; i < LINKS; i++) {
		links[i].front = &front;
		links[i].chan = (struct chan *)&links[i]; /* never looked at */
		links[i].name = name;
		TAILQ_INIT(&links[i].requests);
		TAILQ_INIT(&links[i].asks);
		TAILQ_INIT(&links[i].completions);
	}
	for (size_t i = 0; i < SESSIONS; i++) {
		sessions[i].front = &front;
		sessions[i].capabilities = MCP_CAN_SAMPLE;
		sessions[i].main = &streams[i];
		streams[i].session = &sessions[i];
		TAILQ_INIT(&sessions[i].requests);
		TAILQ_INIT(&sessions[i].asks);
	}
	post.session = &sessions[0];
	post.request = (struct evhttp_request *)&post; /* somebody listens */
	front.requests = requests_new();
	front.asks = asks_new(&front);
	return front.requests == NULL || front.asks == NULL ? -1 : 0;
}

static inline int
tear_down(void **state)
{
	struct request *request;

	(void)state;
	for (size_t i = 0; i < SESSIONS; i++) {
		asks_session_gone(&sessions[i]);
		assert_int_equal(sessions[i].ask_count, 0);
		while ((request = TAILQ_FIRST(&sessions[i].requests)) != NULL)
			request_end(front.requests, request);
	}
	assert_int_equal(asks_count(front.asks), 0);
	asks_free(&front.asks);
	assert_null(front.asks);
	assert_null(timer.run);
	asks_free(&front.asks);
	requests_free(&front.requests);
	return 0;
}

static inline void
parse(struct rpc_message *msg, const char *text)
{
	struct rpc_problem problem;

	assert_int_equal(rpc_parse(msg, text, strlen(text), &problem), 0);
}

/* A client calls the backend of this link. */
static inline uint64_t
call(struct link *link, struct stream *stream)
{
	struct rpc_message msg;
	struct request *request;

	parse(&msg,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
	    "\"params\":{\"name\":\"t\"}}");
	request = request_begin(front.requests, link, stream, &msg);
	assert_non_null(request);
	link->request_count++;
	return request->number;
}

/* As link_end() does. */
static inline void
end_call(struct link *link, uint64_t number)
{
	request_end(front.requests, request_find(front.requests, number));
	link->request_count--;
	asks_request_ended(link, number);
}

/* The backend asks; it knows the question by number. */
static inline void
ask(struct link *link, uint64_t request, uint32_t number)
{
	static const char text[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":\"theirs\",\"method\":"
	    "\"sampling/createMessage\",\"params\":{\"_meta\":"
	    "{\"progressToken\":\"token\"}}}";

	asks_begin(link, request, number, text, sizeof(text) - 1);
}

/* The same, and it is passed on over this stream: the id there. */
static inline uint64_t
ask_well(struct link *link, uint64_t request, uint32_t number,
    const struct stream *stream)
{
	const size_t before = said_count;
	char expected[TEXT_MAX];
	unsigned long long id = front.asks->last_id + 1;

	ask(link, request, number);
	snprintf(expected, sizeof(expected),
	    "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":"
	    "\"sampling/createMessage\",\"params\":{\"_meta\":"
	    "{\"progressToken\":%llu}}}",
	    id, id);
	assert_int_equal(said_count, before + 1);
	assert_ptr_equal(said[before].to, stream);
	assert_string_equal(said[before].text, expected);
	return id;
}

static inline void
answer(struct session *session, uint64_t id)
{
	struct rpc_message msg;
	char text[TEXT_MAX];

	snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":{}}",
	    (unsigned long long)id);
	parse(&msg, text);
	asks_answer(session, &msg);
}

/* Time passes; the timer runs when it is due. */
static inline void
wait_until(uint64_t ms)
{
	while (timer.due_ms <= ms) {
		if (now < timer.due_ms)
			now = timer.due_ms;
		timer.due_ms = NEVER;
		timer.run(-1, EV_TIMEOUT, timer.arg);
		assert_true(timer.due_ms > now);
	}
	now = ms;
}

/* ---- what was said, from the i-th on ---------------------------------- */

static inline void
assert_cancelled(
    size_t i, const struct stream *stream, uint64_t id, const char *reason)
{
	char expected[TEXT_MAX];

	snprintf(expected, sizeof(expected),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":%llu%s%s}}",
	    (unsigned long long)id, reason != NULL ? ",\"reason\":" : "",
	    reason != NULL ? reason : "");
	assert_true(i < said_count);
	assert_ptr_equal(said[i].to, stream);
	assert_string_equal(said[i].text, expected);
}

static inline void
assert_refused(size_t i, const struct link *link, uint32_t number, int code,
    const char *message)
{
	char expected[TEXT_MAX];

	snprintf(expected, sizeof(expected),
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,"
	    "\"message\":\"%s\"}}",
	    code, message);
	assert_true(i < said_count);
	assert_ptr_equal(said[i].to, link->chan);
	assert_int_equal(said[i].type, MSG_ANSWER);
	assert_int_equal(said[i].number, number);
	assert_string_equal(said[i].text, expected);
}

static inline void
assert_answered(size_t i, const struct link *link, uint32_t number, uint64_t id)
{
	char expected[TEXT_MAX];

	snprintf(expected, sizeof(expected),
	    "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":{}}",
	    (unsigned long long)id);
	assert_true(i < said_count);
	assert_ptr_equal(said[i].to, link->chan);
	assert_int_equal(said[i].type, MSG_ANSWER);
	assert_int_equal(said[i].number, number);
	assert_string_equal(said[i].text, expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
