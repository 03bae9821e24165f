/* test_wishes.c: log level and subscriptions. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/log.h"
#include "proto/loop.h"
#include "wishes.h"

struct world {
	struct loop *loop;
	struct wishes *wishes;
	uint32_t last_id;
	unsigned int sent;
	char last[256];
	unsigned int records;
	char log[1024];
};

static int
on_send(void *arg, const char *text, size_t len, int64_t id)
{
	struct world *w = arg;

	assert_int_equal(id, w->last_id);
	assert_true(len < sizeof(w->last));
	memcpy(w->last, text, len);
	w->last[len] = '\0';
	w->sent++;
	return 0;
}

static uint32_t
on_next_id(void *arg)
{
	return ++((struct world *)arg)->last_id;
}

static const struct wishes_handlers handlers = {
	.send = on_send,
	.next_id = on_next_id,
};

static void
sink(void *arg, enum log_level level, const char *text)
{
	struct world *w = arg;

	(void)level;
	w->records++;
	(void)strlcpy(w->log, text, sizeof(w->log));
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->loop = loop_new(false)) == NULL)
		return -1;
	w->wishes = wishes_new(w->loop, "b", &handlers, w);
	log_set_sink(sink, w);
	*state = w;
	return w->wishes == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	log_set_sink(NULL, NULL);
	wishes_free(&w->wishes);
	loop_free(&w->loop);
	free(w);
	return 0;
}

static bool
answer(struct world *w, int64_t id, const char *member)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	char text[256];
	int n;

	n = snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",%s}", id, member);
	assert_int_equal(rpc_parse(&msg, text, (size_t)n, &problem), 0);
	return wishes_response(w->wishes, &msg, id);
}

static void
subscribe(struct world *w)
{
	wishes_subscribe(w->wishes, true, (struct json_span){ "\"u\"", 3 });
}

static void
a_level_is_kept_for_every_session_that_has_logging(void **state)
{
	struct world *w = *state;

	wishes_level(w->wishes, MCP_LEVEL_INFO);
	assert_int_equal(w->sent, 0);
	wishes_begin(w->wishes, false);
	assert_int_equal(w->sent, 0);
	wishes_end(w->wishes);
	wishes_begin(w->wishes, true);
	assert_int_equal(w->sent, 1);
	assert_string_equal(w->last,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\","
	    "\"params\":{\"level\":\"info\"}}");
	wishes_level(w->wishes, MCP_LEVEL_INFO); /* no news */
	assert_int_equal(w->sent, 1);
	wishes_level(w->wishes, MCP_LEVEL_DEBUG);
	assert_int_equal(w->sent, 2);
}

static void
nothing_is_subscribed_between_sessions(void **state)
{
	struct world *w = *state;

	subscribe(w);
	wishes_begin(w->wishes, true);
	assert_int_equal(w->sent, 0);
	subscribe(w);
	assert_int_equal(w->sent, 1);
	wishes_end(w->wishes);
	subscribe(w);
	wishes_begin(w->wishes, true);
	assert_int_equal(w->sent, 1);
}

static void
only_errors_are_logged_and_answers_taken_once(void **state)
{
	struct world *w = *state;

	wishes_begin(w->wishes, true);
	for (int i = 0; i < 4; i++)
		subscribe(w);
	assert_false(answer(w, 0, "\"result\":{}"));
	assert_false(answer(w, 5, "\"result\":{}"));
	assert_true(wishes_await(w->wishes, 1));
	assert_true(answer(w, 1, "\"result\":{}"));
	assert_false(wishes_await(w->wishes, 1));
	assert_false(answer(w, 1, "\"result\":{}"));
	assert_int_equal(w->records, 0);
	assert_true(answer(w, 2, "\"error\":{\"code\":7,\"message\":\"\"}"));
	assert_non_null(strstr(w->log, "resources/subscribe failed: {\"code"));
	assert_true(wishes_failed(w->wishes, 3, "is gone"));
	assert_non_null(strstr(w->log, "failed: it is gone"));
	assert_false(wishes_failed(w->wishes, 3, "is gone"));
	assert_true(wishes_refused(w->wishes, 4, "NaN"));
	assert_non_null(strstr(w->log, "failed: its answer is not valid: NaN"));
	assert_false(wishes_refused(w->wishes, 4, "NaN"));
	assert_int_equal(w->records, 3);
}

static void
what_is_awaited_and_logged_is_bounded(void **state)
{
	const unsigned int count = WISHES_AWAITED_MAX + 10;
	struct world *w = *state;

	wishes_begin(w->wishes, true);
	for (unsigned int i = 0; i < count; i++)
		subscribe(w);
	assert_int_equal(w->sent, count);
	assert_false(wishes_await(w->wishes, 10)); /* the oldest */
	assert_true(wishes_await(w->wishes, 11));
	for (unsigned int i = 11; i <= count; i++)
		assert_true(wishes_failed(w->wishes, i, "broke"));
	assert_int_equal(w->records, WISHES_BURST);
	wishes_report(w->wishes);
	assert_non_null(strstr(w->log, "that failed dropped"));
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_level_is_kept_for_every_session_that_has_logging),
		IN_WORLD(nothing_is_subscribed_between_sessions),
		IN_WORLD(only_errors_are_logged_and_answers_taken_once),
		IN_WORLD(what_is_awaited_and_logged_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
