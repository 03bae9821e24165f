/* test_greeting.c: initialize and the lists, with a scripted backend. */
#include <event2/event.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "greeting.h"
#include "lists.h"
#include "proto/clock.h"
#include "proto/log.h"
#include "proto/loop.h"

#define SENT_MAX 512

struct world {
	struct loop *loop;
	struct greeting *greeting;
	char *sent[SENT_MAX];
	size_t count;
	size_t read; /* of sent[], what the script has seen */
	uint32_t last_id;
	const char *agreed; /* with what count it came in agreed_at */
	size_t agreed_at;
	bool refuse;
	bool up;
	unsigned int kinds; /* of up() */
	unsigned int changed;
	char failed[600];
	char log[4096];
};

static int
on_send(void *arg, const char *text, size_t len, int64_t id)
{
	struct world *w = arg;
	char expected[32];

	if (w->refuse)
		return -1;
	/* The id is that in the text, and 0 for notifications. */
	(void)snprintf(expected, sizeof(expected), "\"id\":%" PRId64 ",", id);
	assert_int_equal(memmem(text, len, "\"id\":", 5) != NULL, id != 0);
	assert_true(
	    id == 0 || memmem(text, len, expected, strlen(expected)) != NULL);
	assert_in_range(w->count, 0, SENT_MAX - 1);
	assert_null(memchr(text, '\n', len));
	w->sent[w->count] = strndup(text, len);
	assert_non_null(w->sent[w->count++]);
	return 0;
}

static uint32_t
on_next_id(void *arg)
{
	return ++((struct world *)arg)->last_id;
}

static void
on_agreed(void *arg, const struct mcp_revision *revision)
{
	struct world *w = arg;

	w->agreed = revision->name;
	w->agreed_at = w->count;
}

static void
on_up(void *arg, unsigned int kinds)
{
	struct world *w = arg;

	w->up = true;
	w->kinds = kinds;
}

static void
on_changed(void *arg, enum catalog_kind kind)
{
	((struct world *)arg)->changed |= 1U << kind;
}

static void
on_failed(void *arg, const char *why)
{
	struct world *w = arg;

	(void)strlcpy(w->failed, why, sizeof(w->failed));
}

static void
sink(void *arg, enum log_level level, const char *text)
{
	struct world *w = arg;

	(void)level;
	(void)strlcpy(w->log, text, sizeof(w->log));
}

static const struct greeting_handlers handlers = {
	.send = on_send,
	.next_id = on_next_id,
	.agreed = on_agreed,
	.up = on_up,
	.changed = on_changed,
	.failed = on_failed,
};

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->loop = loop_new(false)) == NULL)
		return -1;
	w->greeting = greeting_new(w->loop, "b", 1000, 100, &handlers, w);
	log_set_sink(sink, w);
	*state = w;
	return w->greeting == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	log_set_sink(NULL, NULL);
	greeting_free(&w->greeting);
	loop_free(&w->loop);
	for (size_t i = 0; i < w->count; i++)
		free(w->sent[i]);
	free(w);
	return 0;
}

/* What was sent next has this in it; returns its id, or 0. */
static int64_t
hear(struct world *w, const char *text)
{
	const char *id;

	assert_true(w->read < w->count);
	if (strstr(w->sent[w->read], text) == NULL)
		fail_msg("%s is not in %s", text, w->sent[w->read]);
	id = strstr(w->sent[w->read++], "\"id\":");
	return id == NULL ? 0 : strtoll(id + 5, NULL, 10);
}

/* Answer with {…,MEMBER}; false when nobody waits for this id. */
static bool
answer(struct world *w, int64_t id, const char *member)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	char *text;
	bool taken;
	int n;

	n = asprintf(
	    &text, "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",%s}", id, member);
	assert_true(n > 0);
	assert_int_equal(rpc_parse(&msg, text, (size_t)n, &problem), 0);
	taken = greeting_response(w->greeting, &msg, id);
	free(text);
	return taken;
}

static void
initialize(struct world *w, const char *capabilities)
{
	char text[512];

	greeting_start(w->greeting);
	(void)snprintf(text, sizeof(text),
	    "\"result\":{\"protocolVersion\":\"2025-06-18\"%s%s}",
	    capabilities[0] == '\0' ? "" : ",\"capabilities\":", capabilities);
	assert_true(answer(w, hear(w, "\"initialize\""), text));
	(void)hear(w, "notifications/initialized");
}

static void
expect_items(struct world *w, enum catalog_kind kind, const char *want)
{
	struct json_span items = greeting_items(w->greeting, kind);

	assert_int_equal(items.len, strlen(want));
	assert_memory_equal(items.at, want, items.len);
}

static void
only_what_is_declared_is_listed(void **state)
{
	struct world *w = *state;

	initialize(w, "{\"prompts\":{},\"logging\":{},\"tools\":null}");
	assert_true(answer(w, hear(w, "prompts/list"),
	    "\"result\":{\"prompts\":[{}],\"nextCursor\":null}"));
	assert_int_equal(w->read, w->count);
	assert_true(w->up);
	assert_true(greeting_has_logging(w->greeting));
	expect_items(w, CATALOG_PROMPTS, "[{}]");
	expect_items(w, CATALOG_TOOLS, "[]");
}

static void
who_declares_nothing_is_asked_for_tools(void **state)
{
	struct world *w = *state;

	initialize(w, "");
	assert_non_null(strstr(w->log, "no capabilities"));
	assert_true(answer(w, hear(w, "tools/list"),
	    "\"error\":{\"code\":-32601,\"message\":\"no\"}"));
	assert_true(w->up);
}

static void
a_greeting_without_what_it_needs_fails(void **state)
{
	static const struct {
		const char *answer;
		const char *why;
	} wrong[] = {
		{ "\"result\":5", "not an object" },
		{ "\"result\":{}", "without a protocolVersion" },
		{ "\"result\":{\"protocolVersion\":7}", "version 7" },
		{ "\"result\":{\"protocolVersion\":\"2026-07-28\"}",
		    "2026-07-28" },
		{ "\"result\":{\"protocolVersion\":\"\\n\"}",
		    "version \"\\n\"" },
		{ "\"error\":{\"code\":-32602,\"message\":\"too old\"}",
		    "too old" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		greeting_free(&w->greeting);
		w->greeting =
		    greeting_new(w->loop, "b", 1000, 100, &handlers, w);
		assert_non_null(w->greeting);
		w->failed[0] = '\0';
		greeting_start(w->greeting);
		assert_true(answer(w, hear(w, "initialize"), wrong[i].answer));
		if (strstr(w->failed, wrong[i].why) == NULL)
			fail_msg("%s: %s", wrong[i].answer, w->failed);
		assert_int_equal(w->read, w->count);
	}
}

static void
a_backend_that_takes_no_message_fails(void **state)
{
	struct world *w = *state;

	w->refuse = true;
	greeting_start(w->greeting);
	assert_string_equal(w->failed, "could not be sent initialize");
}

static void
an_invalid_answer_to_initialize_fails(void **state)
{
	struct world *w = *state;

	greeting_start(w->greeting);
	assert_false(greeting_refused(w->greeting, 999, "NaN"));
	assert_true(greeting_refused(w->greeting, hear(w, "init"), "NaN"));
	assert_non_null(strstr(w->failed, "NaN"));
}

static void
foreign_ids_are_not_taken(void **state)
{
	struct world *w = *state;
	int64_t id;

	initialize(w, "{\"tools\":{}}");
	id = hear(w, "tools/list");
	assert_false(answer(w, 0, "\"result\":{\"tools\":[1]}"));
	assert_false(answer(w, id + 1, "\"result\":{\"tools\":[1]}"));
	assert_false(w->up);
	assert_true(answer(w, id, "\"result\":{\"tools\":[2]}"));
	assert_false(answer(w, id, "\"result\":{\"tools\":[3]}"));
	expect_items(w, CATALOG_TOOLS, "[2]");
}

static void
pages_are_joined(void **state)
{
	struct world *w = *state;

	initialize(w, "{\"tools\":{}}");
	assert_true(answer(w, hear(w, "tools/list"),
	    "\"result\":{\"tools\":[1 , [2]],\"nextCursor\":\"a\\\"b\"}"));
	assert_true(answer(w, hear(w, "\"params\":{\"cursor\":\"a\\\"b\"}"),
	    "\"result\":{\"nextCursor\":\"c\",\"tools\":[ ]}"));
	assert_true(answer(w, hear(w, "\"cursor\":\"c\""),
	    "\"result\":{\"tools\":null,\"nextCursor\":\"d\"}"));
	assert_true(answer(w, hear(w, "\"cursor\":\"d\""),
	    "\"result\":{\"tools\":[{\"a\":[]}],\"nextCursor\":\"\"}"));
	assert_true(w->up);
	expect_items(w, CATALOG_TOOLS, "[1 , [2],{\"a\":[]}]");
}

static void
a_repeated_cursor_ends_the_list(void **state)
{
	struct world *w = *state;

	initialize(w, "{\"tools\":{}}");
	assert_true(answer(w, hear(w, "tools/list"),
	    "\"result\":{\"tools\":[1],\"nextCursor\":\"a\"}"));
	assert_true(answer(w, hear(w, "tools/list"),
	    "\"result\":{\"tools\":[2],\"nextCursor\":\"b\"}"));
	assert_true(answer(w, hear(w, "tools/list"),
	    "\"result\":{\"tools\":[3],\"nextCursor\":\"a\"}"));
	assert_non_null(strstr(w->log, "repeats a nextCursor"));
	assert_int_equal(w->read, w->count);
	assert_true(w->up);
	expect_items(w, CATALOG_TOOLS, "[1,2,3]");
}

static void
endless_pages_end(void **state)
{
	struct world *w = *state;
	char text[128];
	int pages = 0;

	initialize(w, "{\"tools\":{}}");
	while (!w->up) {
		(void)snprintf(text, sizeof(text),
		    "\"result\":{\"tools\":[0],\"nextCursor\":\"%d\"}",
		    pages++);
		assert_true(answer(w, hear(w, "tools/list"), text));
	}
	assert_int_equal(pages, LISTS_PAGES_MAX);
	assert_non_null(strstr(w->log, "more than 100 pages"));
}

static void
a_strange_page_ends_its_list_alone(void **state)
{
	static const char *const strange[] = {
		"\"result\":{}",
		"\"result\":[]",
		"\"result\":{\"tools\":{}}",
		"\"result\":{\"tools\":[1],\"nextCursor\":5}",
		"\"error\":{\"code\":-32603,\"message\":\"x\"}",
		"\"error\":{}",
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		greeting_free(&w->greeting);
		w->greeting =
		    greeting_new(w->loop, "b", 1000, 100, &handlers, w);
		assert_non_null(w->greeting);
		w->up = false;
		initialize(w, "{\"tools\":{},\"prompts\":{}}");
		assert_true(answer(w, hear(w, "tools/list"), strange[i]));
		assert_false(w->up);
		assert_true(answer(w, hear(w, "prompts/list"),
		    "\"result\":{\"prompts\":[7]}"));
		assert_true(w->up);
		expect_items(w, CATALOG_PROMPTS, "[7]");
	}
}

static void
all_lists_together_are_bounded(void **state)
{
	const size_t size = (size_t)20 << 20;
	struct world *w = *state;
	char *text = malloc(size + 64);
	int64_t tools, prompts;
	int n;

	assert_non_null(text);
	initialize(w, "{\"tools\":{},\"prompts\":{}}");
	tools = hear(w, "tools/list");
	prompts = hear(w, "prompts/list");
	n = snprintf(text, size, "\"result\":{\"tools\":[\"");
	memset(text + n, 'x', size);
	(void)snprintf(text + size, 64, "\"],\"nextCursor\":\"%s\"}", "a");
	assert_true(answer(w, tools, text));
	text[size + strlen("\"],\"nextCursor\":\"")] = 'b';
	assert_true(answer(w, hear(w, "\"a\""), text));
	tools = hear(w, "\"b\"");
	(void)snprintf(text + size, 64, "\"]}");
	memcpy(text, "\"result\":{ \"prompts\":[\"", 23);
	assert_true(answer(w, prompts, text));
	memcpy(text, "\"result\":{\"tools\":[\"xxx", 23);
	assert_true(answer(w, tools, text));
	assert_non_null(strstr(w->log, "larger than 64 MiB"));
	assert_true(w->up);
	assert_in_range(
	    greeting_items(w->greeting, CATALOG_TOOLS).len, size, 2 * size);
	free(text);
}

static void
ready_tells_what_there_is(void **state)
{
	struct world *w = *state;
	struct buf b = { 0 };

	greeting_start(w->greeting);
	assert_true(answer(w, hear(w, "initialize"),
	    "\"result\":{\"protocolVersion\":\"2024-11-05\","
	    "\"capabilities\":{\"resources\":{}},\"serverInfo\":{\"name\":"
	    "\"a\\\"b\",\"version\":7}}"));
	(void)hear(w, "notifications/initialized");
	assert_true(answer(
	    w, hear(w, "resources/list"), "\"result\":{\"resources\":[1,2]}"));
	assert_true(answer(w, hear(w, "resources/templates/list"),
	    "\"result\":{\"resourceTemplates\":[1]}"));
	assert_int_equal(greeting_add_ready(w->greeting, &b), 0);
	assert_int_equal(buf_add(&b, "", 1), 0);
	assert_string_equal(buf_data(&b),
	    "{\"revision\":\"2024-11-05\",\"server\":\"a\\\"b\",\"tools\":0,"
	    "\"resources\":2,\"templates\":1,\"prompts\":0}");
	buf_free(&b);
}

/* A change during the first run of one list must not pass for the other's. */
static void
a_list_that_changes_early_does_not_complete_the_greeting(void **state)
{
	struct world *w = *state;
	int64_t tools, prompts;

	initialize(w, "{\"tools\":{},\"prompts\":{}}");
	tools = hear(w, "tools/list");
	prompts = hear(w, "prompts/list");
	greeting_list_changed(w->greeting, CATALOG_TOOLS);
	assert_true(answer(w, tools, "\"result\":{\"tools\":[1]}"));
	while (w->count == w->read) /* until the list is fetched again */
		(void)event_base_loop(loop_base(w->loop), EVLOOP_ONCE);
	assert_true(
	    answer(w, hear(w, "tools/list"), "\"result\":{\"tools\":[1,2]}"));
	assert_false(w->up);
	assert_true(answer(w, prompts, "\"result\":{\"prompts\":[3]}"));
	assert_true(w->up);
	assert_int_equal(greeting_items(w->greeting, CATALOG_TOOLS).len, 5);
}

static void
a_long_list_is_not_fetched_again_at_once(void **state)
{
	const size_t size = 250 * LISTS_BYTES_PER_MS;
	struct world *w = *state;
	char *text = malloc(size + 64);
	uint64_t begin;
	int n;

	assert_non_null(text);
	initialize(w, "{\"tools\":{}}");
	n = snprintf(text, size, "\"result\":{\"tools\":[\"");
	memset(text + n, 'x', size);
	(void)snprintf(text + size, 64, "\"]}");
	assert_true(answer(w, hear(w, "tools/list"), text));
	free(text);
	begin = mono_ms();
	greeting_list_changed(w->greeting, CATALOG_TOOLS);
	while (w->count == w->read)
		(void)event_base_loop(loop_base(w->loop), EVLOOP_ONCE);
	(void)hear(w, "tools/list");
	assert_in_range(mono_ms() - begin, 250, 10000);
}

static void
the_transport_knows_the_revision_before_anything_else_is_sent(void **state)
{
	struct world *w = *state;

	initialize(w, "{\"tools\":{}}");
	assert_string_equal(w->agreed, "2025-06-18");
	assert_int_equal(w->agreed_at, 1); /* initialize alone */
}

static void
come_up(struct world *w, const char *tools)
{
	char text[128];

	initialize(w, "{\"tools\":{},\"prompts\":{}}");
	(void)snprintf(text, sizeof(text), "\"result\":{\"tools\":%s}", tools);
	assert_true(answer(w, hear(w, "tools/list"), text));
	assert_true(
	    answer(w, hear(w, "prompts/list"), "\"result\":{\"prompts\":[9]}"));
	assert_true(w->up);
	w->up = false;
}

/* Answer the initialize of a renewal. */
static void
renew(struct world *w, const char *capabilities)
{
	char text[256];

	greeting_restart(w->greeting);
	assert_false(greeting_is_up(w->greeting));
	(void)snprintf(text, sizeof(text),
	    "\"result\":{\"protocolVersion\":\"2025-03-26\","
	    "\"capabilities\":%s,\"x\":1}",
	    capabilities);
	assert_true(answer(w, hear(w, "\"initialize\""), text));
	assert_string_equal(w->agreed, "2025-03-26");
	(void)hear(w, "notifications/initialized");
}

static void
a_renewal_tells_only_what_differs(void **state)
{
	struct world *w = *state;

	come_up(w, "[1]");
	renew(w, "{\"tools\":{},\"prompts\":{}}");
	assert_true(
	    answer(w, hear(w, "tools/list"), "\"result\":{\"tools\":[2]}"));
	assert_false(w->up);
	assert_int_equal(w->changed, 0);
	assert_true(
	    answer(w, hear(w, "prompts/list"), "\"result\":{\"prompts\":[9]}"));
	assert_true(w->up);
	assert_int_equal(w->kinds, 1U << CATALOG_TOOLS);
	assert_int_equal(w->changed, 0);
	expect_items(w, CATALOG_TOOLS, "[2]");
	assert_non_null(memmem(greeting_result(w->greeting).at,
	    greeting_result(w->greeting).len, "\"x\":1", 5));
}

static void
a_kind_that_is_not_declared_any_more_is_empty(void **state)
{
	struct world *w = *state;

	come_up(w, "[1]");
	renew(w, "{\"prompts\":{}}");
	expect_items(w, CATALOG_TOOLS, "[]");
	assert_true(
	    answer(w, hear(w, "prompts/list"), "\"result\":{\"prompts\":[9]}"));
	assert_int_equal(w->kinds, 1U << CATALOG_TOOLS);
	assert_int_equal(w->read, w->count);
}

static void
a_list_that_a_renewal_cannot_have_stays_as_it_was(void **state)
{
	struct world *w = *state;
	int64_t id;

	come_up(w, "[1]");
	renew(w, "{\"tools\":{}}");
	id = hear(w, "tools/list");
	assert_false(greeting_failed(w->greeting, id + 1, "is strange"));
	assert_true(greeting_failed(w->greeting, id, "broke"));
	assert_non_null(
	    strstr(w->log, "page 1 of tools/list failed: it broke"));
	assert_true(w->up);
	expect_items(w, CATALOG_TOOLS, "[1]");
	assert_int_equal(w->kinds, 1U << CATALOG_PROMPTS);
}

static void
a_renewal_forgets_what_was_asked_before(void **state)
{
	struct world *w = *state;
	int64_t first, tools;

	initialize(w, "{\"tools\":{}}");
	first = hear(w, "tools/list");
	assert_true(greeting_awaits(w->greeting, first));
	renew(w, "{\"tools\":{}}");
	tools = hear(w, "tools/list");
	assert_int_not_equal(tools, first);
	assert_false(greeting_awaits(w->greeting, first));
	assert_false(answer(w, first, "\"result\":{\"tools\":[1]}"));
	assert_false(w->up);
	assert_true(answer(w, tools, "\"result\":{\"tools\":[2]}"));
	assert_true(w->up);
	expect_items(w, CATALOG_TOOLS, "[2]");
}

static void
what_changes_during_a_renewal_is_not_fetched_twice(void **state)
{
	struct world *w = *state;

	come_up(w, "[1]");
	greeting_list_changed(w->greeting, CATALOG_TOOLS);
	greeting_restart(w->greeting);
	greeting_list_changed(w->greeting, CATALOG_TOOLS);
	assert_true(answer(w, hear(w, "\"initialize\""),
	    "\"result\":{\"protocolVersion\":\"2025-03-26\","
	    "\"capabilities\":{\"tools\":{}}}"));
	(void)hear(w, "notifications/initialized");
	assert_true(
	    answer(w, hear(w, "tools/list"), "\"result\":{\"tools\":[2]}"));
	assert_true(w->up);
	/* Nothing but the patience with the renewal was waited for. */
	assert_int_equal(event_base_loop(loop_base(w->loop), 0), 1);
	assert_int_equal(w->read, w->count);
}

static void
an_initialize_that_failed_ends_the_greeting_once(void **state)
{
	struct world *w = *state;
	int64_t id;

	come_up(w, "[1]");
	greeting_restart(w->greeting);
	id = hear(w, "\"initialize\"");
	assert_true(greeting_awaits(w->greeting, id));
	assert_true(greeting_failed(w->greeting, id, "refused the connection"));
	assert_string_equal(w->failed, "refused the connection");
	w->failed[0] = '\0';
	assert_false(greeting_failed(w->greeting, id, "is late"));
	greeting_restart(w->greeting);
	greeting_list_changed(w->greeting, CATALOG_TOOLS);
	assert_int_equal(w->read, w->count);
	assert_string_equal(w->failed, "");
}

static void
a_renewal_that_takes_too_long_fails(void **state)
{
	struct world *w = *state;

	come_up(w, "[1]");
	renew(w, "{\"tools\":{}}");
	assert_int_equal(event_base_loop(loop_base(w->loop), EVLOOP_ONCE), 0);
	assert_string_equal(w->failed,
	    "forgot its session and did not begin another within 0.1 s");
	assert_false(
	    answer(w, hear(w, "tools/list"), "\"result\":{\"tools\":[2]}"));
	assert_false(w->up);
}

static void
a_session_that_is_forgotten_too_often_is_given_up(void **state)
{
	struct world *w = *state;

	come_up(w, "[1]");
	for (unsigned int i = 0; i < GREETING_RENEWALS_MAX; i++) {
		renew(w, "{\"tools\":{}}");
		assert_true(answer(
		    w, hear(w, "tools/list"), "\"result\":{\"tools\":[2]}"));
	}
	assert_string_equal(w->failed, "");
	greeting_restart(w->greeting);
	assert_non_null(strstr(w->failed, "again and again"));
	assert_int_equal(w->read, w->count);
}

/* Before all first lists have come, one of them changes. */
static void
a_list_that_changes_after_its_first_run_is_fetched_again(void **state)
{
	struct world *w = *state;
	int64_t tools, prompts;

	initialize(w, "{\"tools\":{},\"prompts\":{}}");
	tools = hear(w, "tools/list");
	prompts = hear(w, "prompts/list");
	assert_true(answer(w, tools, "\"result\":{\"tools\":[1]}"));
	greeting_list_changed(w->greeting, CATALOG_TOOLS);
	while (w->count == w->read)
		(void)event_base_loop(loop_base(w->loop), EVLOOP_ONCE);
	assert_true(
	    answer(w, hear(w, "tools/list"), "\"result\":{\"tools\":[2]}"));
	assert_true(answer(w, prompts, "\"result\":{\"prompts\":[]}"));
	assert_true(w->up);
	expect_items(w, CATALOG_TOOLS, "[2]");
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_WORLD(only_what_is_declared_is_listed),
		IN_WORLD(who_declares_nothing_is_asked_for_tools),
		IN_WORLD(a_greeting_without_what_it_needs_fails),
		IN_WORLD(a_backend_that_takes_no_message_fails),
		IN_WORLD(an_invalid_answer_to_initialize_fails),
		IN_WORLD(foreign_ids_are_not_taken),
		IN_WORLD(pages_are_joined),
		IN_WORLD(a_repeated_cursor_ends_the_list),
		IN_WORLD(endless_pages_end),
		IN_WORLD(a_strange_page_ends_its_list_alone),
		IN_WORLD(all_lists_together_are_bounded),
		IN_WORLD(ready_tells_what_there_is),
		IN_WORLD(a_long_list_is_not_fetched_again_at_once),
		IN_WORLD(
		    a_list_that_changes_early_does_not_complete_the_greeting),
		IN_WORLD(
		    the_transport_knows_the_revision_before_anything_else_is_sent),
		IN_WORLD(a_renewal_tells_only_what_differs),
		IN_WORLD(a_kind_that_is_not_declared_any_more_is_empty),
		IN_WORLD(a_list_that_a_renewal_cannot_have_stays_as_it_was),
		IN_WORLD(a_renewal_forgets_what_was_asked_before),
		IN_WORLD(what_changes_during_a_renewal_is_not_fetched_twice),
		IN_WORLD(an_initialize_that_failed_ends_the_greeting_once),
		IN_WORLD(a_renewal_that_takes_too_long_fails),
		IN_WORLD(a_session_that_is_forgotten_too_often_is_given_up),
		IN_WORLD(
		    a_list_that_changes_after_its_first_run_is_fetched_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
