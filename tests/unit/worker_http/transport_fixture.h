/*
 * transport_fixture.h: a transport between an owner and a server that a test
 * plays: exchanges and timers are the test's.  Who includes it wraps
 * exchange_start, exchange_cancel, exchange_pause, exchange_is_sent, event_add,
 * event_del, event_free and event_pending.
 */
#ifndef TESTS_TRANSPORT_FIXTURE_H
#define TESTS_TRANSPORT_FIXTURE_H

#include <sys/time.h>

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <cmocka.h>

#include "exchange.h"
#include "proto/loop.h"
#include "proto/mcp.h"
#include "streamable.h"
#include "transport.h"

#define URL         "http://127.0.0.1:8080/mcp"
#define MESSAGE_MAX ((size_t)1 << 20)
#define INITIALIZE  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}"
#define INITIALIZED                                                            \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"
#define RESULT(id)   "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":{}}"
#define EVENT(text)  "data: " text "\n\n"
#define JSON         "application/json"
#define EVENT_STREAM "text/event-stream"

/* ---- the server ---- */

struct exchange {
	struct exchange *next;
	struct exchange_request request;
	const struct exchange_handlers *handlers;
	void *arg;
	bool sent;
	bool paused;
	bool begun;
	bool over;   /* done() was called, or it was cancelled */
	bool inside; /* one of its callbacks is running */
};

struct timer {
	struct event *ev;
	int64_t ms;
};

static struct {
	struct loop *loop;
	struct transport *transport;
	struct exchange *first; /* of all that were started */
	struct exchange *last;
	struct exchange *seen; /* the last that the test has asked for */
	int start_errno;       /* the next one cannot be started */
	struct timer timers[4096];
	size_t timers_len;
	char heard[1 << 16]; /* what the owner was told since last asked */
	size_t messages;     /* how many of it were messages */
	int64_t about;       /* of the last of them */
	bool stop_reading;   /* at the next message */
	bool agree;          /* at the next message */
	bool give_up;        /* withdraw this when lost */
	uint64_t position;
	bool withdrawn;
	bool ignore_renew;
	bool stalled; /* no connection is made */
} world;

static inline char *
copy(const char *text)
{
	char *result = text == NULL ? NULL : strdup(text);

	assert_true(text == NULL || result != NULL);
	return result;
}

struct exchange *
__wrap_exchange_start(struct http *http, const struct exchange_request *request,
    const struct exchange_handlers *handlers, void *arg)
{
	struct exchange *ex;
	char *body;

	(void)http;
	if (world.start_errno != 0) {
		errno = world.start_errno;
		world.start_errno = 0;
		return NULL;
	}
	assert_non_null(request->url);
	ex = calloc(1, sizeof(*ex));
	assert_non_null(ex);
	ex->request = *request;
	ex->request.url = copy(request->url);
	ex->request.accept = copy(request->accept);
	ex->request.session = copy(request->session);
	ex->request.revision = copy(request->revision);
	ex->request.last_event_id = copy(request->last_event_id);
	body = calloc(1, request->body_len + 1);
	assert_non_null(body);
	if (request->body_len > 0)
		memcpy(body, request->body, request->body_len);
	ex->request.body = body;
	ex->handlers = handlers;
	ex->arg = arg;
	if (world.last == NULL)
		world.first = ex;
	else
		world.last->next = ex;
	world.last = ex;
	return ex;
}

void
__wrap_exchange_cancel(struct exchange **exchange)
{
	struct exchange *ex = *exchange;

	if (ex == NULL)
		return;
	assert_false(ex->over);
	assert_false(ex->inside);
	ex->over = true;
	*exchange = NULL;
}

void
__wrap_exchange_pause(struct exchange *ex, bool on)
{
	assert_false(ex->over);
	ex->paused = on;
}

bool
__wrap_exchange_is_sent(const struct exchange *ex)
{
	assert_false(ex->over);
	return ex->sent;
}

/* ---- time ---- */

static inline struct timer *
find_timer(const struct event *ev)
{
	for (size_t i = 0; i < world.timers_len; i++)
		if (world.timers[i].ev == ev)
			return &world.timers[i];
	return NULL;
}

int
__wrap_event_del(struct event *ev)
{
	struct timer *timer = find_timer(ev);

	if (timer != NULL)
		*timer = world.timers[--world.timers_len];
	return 0;
}

int
__wrap_event_add(struct event *ev, const struct timeval *tv)
{
	assert_non_null(tv);
	(void)__wrap_event_del(ev);
	assert_true(
	    world.timers_len < sizeof(world.timers) / sizeof(struct timer));
	world.timers[world.timers_len++] = (struct timer){ ev,
		(int64_t)tv->tv_sec * 1000 + tv->tv_usec / 1000 };
	return 0;
}

int
__wrap_event_pending(const struct event *ev, short what, struct timeval *tv)
{
	(void)tv;
	return find_timer(ev) != NULL ? what : 0;
}

void __real_event_free(struct event *ev);

void
__wrap_event_free(struct event *ev)
{
	(void)__wrap_event_del(ev);
	__real_event_free(ev);
}

/* Let one timer of this time run out; false when there is none. */
static inline bool
expire(int64_t ms)
{
	for (size_t i = 0; i < world.timers_len; i++) {
		struct event *ev = world.timers[i].ev;

		if (world.timers[i].ms != ms)
			continue;
		(void)__wrap_event_del(ev);
		event_get_callback(ev)(
		    -1, EV_TIMEOUT, event_get_callback_arg(ev));
		return true;
	}
	return false;
}

/* Connections are made; false when none was wanted. */
static inline bool
connect_all(void)
{
	bool any = false;

	for (struct exchange *ex = world.first; ex != NULL; ex = ex->next) {
		if (ex->over || ex->begun || world.stalled)
			continue;
		any = ex->begun = ex->inside = true;
		if (ex->handlers->begun != NULL)
			ex->handlers->begun(ex->arg);
		ex->inside = false;
	}
	return any;
}

/* The turn ends, and all that is due at once happens. */
static inline void
turn(void)
{
	do {
		loop_stop(world.loop);
		loop_run(world.loop);
	} while (connect_all() || expire(0));
}

/* So many milliseconds pass for a timer that must be set to just them. */
static inline void
wait_ms(int64_t ms)
{
	assert_true(expire(ms));
	turn();
}

static inline bool
is_waiting_ms(int64_t ms)
{
	for (size_t i = 0; i < world.timers_len; i++)
		if (world.timers[i].ms == ms)
			return true;
	return false;
}

/* ---- the owner ---- */

__attribute__((format(printf, 1, 2))) static inline void
hear(const char *format, ...)
{
	size_t len = strlen(world.heard);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(
	    world.heard + len, sizeof(world.heard) - len, format, ap);
	va_end(ap);
}

static inline int
send_text(const char *text, int64_t id)
{
	return world.transport->ops->send(
	    world.transport, text, strlen(text), id);
}

static inline void
on_message(void *arg, char *text, size_t len, int64_t about)
{
	(void)arg;
	world.about = about;
	world.messages++;
	hear("message %.*s\n", len > 200 ? 200 : (int)len, text);
	memset(text, 'x', len); /* it may be changed */
	if (world.stop_reading)
		world.transport->ops->set_reading(world.transport, false);
	world.stop_reading = false;
	if (world.agree) {
		world.agree = false;
		world.transport->ops->agreed(
		    world.transport, mcp_revision_latest_legacy());
		assert_int_equal(send_text(INITIALIZED, 0), 0);
	}
}

static inline void
on_oversize(void *arg, const char *text, size_t len, bool end)
{
	(void)arg;
	(void)text;
	(void)len;
	(void)end;
	fail_msg("only standard output has these");
}

static inline void
on_failed(
    void *arg, int64_t id, enum transport_outcome outcome, const char *why)
{
	static const char *const names[] = { "not sent", "refused", "unknown" };

	(void)arg;
	hear("failed %" PRId64 " %s: %s\n", id, names[outcome], why);
}

static inline void
on_renew(void *arg, const char *why)
{
	(void)arg;
	hear("renew: %s\n", why);
	if (!world.ignore_renew)
		assert_int_equal(send_text(INITIALIZE, 1), 0);
}

static inline void
on_lost(void *arg, const char *why)
{
	(void)arg;
	hear("lost: %s\n", why);
	if (world.give_up)
		world.withdrawn = world.transport->ops->withdraw(
		    world.transport, world.position);
}

static const struct transport_events owner_events = {
	.message = on_message,
	.oversize = on_oversize,
	.failed = on_failed,
	.renew = on_renew,
	.lost = on_lost,
};

/* What the owner was told since this was last asked, exactly. */
static inline void
expect(const char *text)
{
	assert_string_equal(world.heard, text);
	world.heard[0] = '\0';
}

static inline int
ask(int64_t id)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64
	    ",\"method\":\"tools/call\"}",
	    id);
	return send_text(text, id);
}

/* ---- what the server is asked, and says ---- */

/* The next exchange that was started. */
static inline struct exchange *
next(enum exchange_method method)
{
	turn();
	world.seen = world.seen == NULL ? world.first : world.seen->next;
	assert_non_null(world.seen);
	assert_int_equal(world.seen->request.method, method);
	return world.seen;
}

/* No other was started. */
static inline void
expect_none(void)
{
	turn();
	assert_ptr_equal(world.seen, world.last);
}

/* The next POST, which has this in its body. */
static inline struct exchange *
post_of(const char *part)
{
	struct exchange *ex = next(EXCHANGE_POST);

	if (strstr(ex->request.body, part) == NULL)
		fail_msg("%s is not in %s", part, ex->request.body);
	ex->sent = true;
	return ex;
}

static inline void
head_is(struct exchange *ex, const struct exchange_head *head)
{
	assert_false(ex->over);
	ex->inside = true;
	if (ex->handlers->head != NULL)
		ex->handlers->head(ex->arg, head);
	ex->inside = false;
}

static inline void
head(struct exchange *ex, long status, const char *type)
{
	const struct exchange_head h = {
		.status = status, .reason = "Reason", .type = type
	};

	head_is(ex, &h);
}

static inline void
done(struct exchange *ex, enum exchange_outcome outcome, const char *why)
{
	assert_false(ex->over);
	ex->over = true;
	ex->handlers->done(ex->arg, outcome, why);
	turn();
}

/* Bytes of the body; the exchange stops when they are not wanted. */
static inline bool
body_bytes(struct exchange *ex, const char *bytes, size_t n)
{
	bool more;

	assert_false(ex->over);
	ex->inside = true;
	more = ex->handlers->body(ex->arg, bytes, n);
	ex->inside = false;
	if (!more)
		done(ex, EXCHANGE_STOPPED, "sent an answer that is of no use");
	else
		turn();
	return more;
}

static inline bool
body(struct exchange *ex, const char *text)
{
	return body_bytes(ex, text, strlen(text));
}

/* All of a response. */
static inline void
answer(struct exchange *ex, long status, const char *type, const char *text)
{
	head(ex, status, type);
	if (text[0] == '\0' || body(ex, text))
		done(ex, EXCHANGE_DONE, "");
}

/* ---- the end ---- */

static inline void
free_exchange(struct exchange *ex)
{
	free((void *)(uintptr_t)ex->request.url);
	free((void *)(uintptr_t)ex->request.accept);
	free((void *)(uintptr_t)ex->request.session);
	free((void *)(uintptr_t)ex->request.revision);
	free((void *)(uintptr_t)ex->request.last_event_id);
	free((void *)(uintptr_t)ex->request.body);
	free(ex);
}

static inline int
begin_world(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.loop = loop_new(false);
	return world.loop == NULL ? -1 : 0;
}

/* Nothing may be left of an exchange or a timer when all is freed. */
static inline int
end_world(void **state)
{
	struct exchange *ex;

	(void)state;
	if (world.transport != NULL)
		world.transport->ops->free(world.transport);
	loop_free(&world.loop);
	assert_int_equal(world.timers_len, 0);
	while ((ex = world.first) != NULL) {
		assert_true(ex->over);
		world.first = ex->next;
		free_exchange(ex);
	}
	return 0;
}

#endif
