/* asks_fixture.h: requests to clients between a backend and a front that a test
 * plays; time is the test's. */
/* wrap: mono_ms */
/* wrap: loop_arm */
#ifndef TESTS_ASKS_FIXTURE_H
#define TESTS_ASKS_FIXTURE_H

#include <event2/event.h>

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "answers.h"
#include "asks.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/mcp.h"

#define HEARD_MAX ((size_t)4 << 20)

static struct {
	uint64_t now;
	struct event *timer;
	uint64_t timer_at;
	struct loop *loop;
	struct answers *answers;
	struct asks *asks;
	int send_errno; /* the backend does not take messages */
	int ask_errno;  /* nor the front */
	bool pending;
	char *heard; /* what went out since this was last asked */
	size_t heard_len;
} world;

uint64_t __wrap_mono_ms(void);
void __wrap_loop_arm(struct event *timer, uint64_t ms);

uint64_t
__wrap_mono_ms(void)
{
	return world.now;
}

void
__wrap_loop_arm(struct event *timer, uint64_t ms)
{
	world.timer = timer;
	world.timer_at = world.now + ms;
}

__attribute__((format(printf, 1, 2))) static void
hear(const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(world.heard + world.heard_len,
	    HEARD_MAX - world.heard_len, format, ap);
	va_end(ap);
	assert_true(n > 0 && (size_t)n < HEARD_MAX - world.heard_len);
	world.heard_len += (size_t)n;
}

/* Exactly this went out since the last time. */
static inline void
expect(const char *text)
{
	assert_string_equal(world.heard, text);
	world.heard_len = 0;
	world.heard[0] = '\0';
}

/* This is in it; the whole text stays. */
static inline void
expect_part(const char *text)
{
	if (strstr(world.heard, text) == NULL)
		fail_msg("%s is not in %s", text, world.heard);
}

static inline void
forget_heard(void)
{
	world.heard_len = 0;
	world.heard[0] = '\0';
}

static inline size_t
times(const char *text)
{
	size_t n = 0;

	for (const char *at = world.heard; (at = strstr(at, text)) != NULL;
	     at++)
		n++;
	return n;
}

static inline int
on_send(void *arg, const char *text, size_t len, int64_t id)
{
	(void)arg;
	assert_int_equal(id, 0);
	assert_null(memchr(text, '\n', len));
	if (world.send_errno != 0) {
		errno = world.send_errno;
		return -1;
	}
	hear("sent %.*s\n", len > 400 ? 400 : (int)len, text);
	return 0;
}

static inline int
on_ask(void *arg, uint32_t number, int64_t about, struct json_span text)
{
	(void)arg;
	if (world.ask_errno != 0) {
		errno = world.ask_errno;
		return -1;
	}
	hear("ask %" PRIu32 " %" PRId64 " %.*s\n", number, about,
	    text.len > 400 ? 400 : (int)text.len, text.at);
	return 0;
}

static inline void
on_retract(void *arg, uint32_t number, struct json_span reason)
{
	(void)arg;
	hear("retract %" PRIu32 " %.*s\n", number, (int)reason.len,
	    reason.at == NULL ? "" : reason.at);
}

static inline void
on_pending(void *arg, bool any)
{
	(void)arg;
	assert_int_not_equal(any, world.pending);
	world.pending = any;
}

static const struct asks_handlers handlers = {
	.send = on_send,
	.ask = on_ask,
	.retract = on_retract,
	.pending = on_pending,
};

static inline void
ignore_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

static inline void
make_asks(unsigned int capabilities)
{
	asks_free(&world.asks);
	world.asks = asks_new(
	    world.loop, "b", capabilities, world.answers, &handlers, NULL);
	assert_non_null(world.asks);
}

static inline int
set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.now = 1000;
	log_set_sink(ignore_log, NULL);
	world.heard = calloc(1, HEARD_MAX);
	world.loop = loop_new(false);
	if (world.heard == NULL || world.loop == NULL)
		return -1;
	world.answers = answers_new("b", on_send, NULL);
	if (world.answers == NULL)
		return -1;
	make_asks(MCP_CAPABILITIES_ALL);
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	asks_free(&world.asks);
	answers_free(&world.answers);
	loop_free(&world.loop);
	free(world.heard);
	log_set_sink(NULL, NULL);
	return 0;
}

/* ---- what a test does ---- */

static inline bool
request_text(const char *text, size_t len, int64_t about)
{
	struct rpc_problem problem;
	struct rpc_message msg;

	assert_int_equal(rpc_parse(&msg, text, len, &problem), 0);
	return asks_request(world.asks, &msg, about);
}

#define ROOTS(id)                                                              \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"roots/list\"}"
#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static inline bool
request(const char *text)
{
	return request_text(text, strlen(text), 0);
}

static inline void
cancel(const char *params)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	char text[8192];
	int n;

	n = snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":%s}",
	    params);
	assert_true(n > 0 && (size_t)n < sizeof(text));
	assert_int_equal(rpc_parse(&msg, text, (size_t)n, &problem), 0);
	asks_cancelled(world.asks, &msg);
}

static inline void
answer(uint32_t number, const char *text)
{
	asks_answer(
	    world.asks, number, (struct json_span){ text, strlen(text) });
}

/* Time passes, and the timer runs if it is due. */
static inline void
wait_ms(uint64_t ms)
{
	world.now += ms;
	if (world.timer == NULL || world.timer_at > world.now)
		return;
	world.timer_at = UINT64_MAX;
	event_get_callback(world.timer)(
	    -1, EV_TIMEOUT, event_get_callback_arg(world.timer));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
