/* test_greeting.c: initialize and the lists, with a scripted backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "greeting_fixture.h"

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
		w->greeting = greeting_new(
		    w->loop, "b", 1000, 100, DECLARED, &handlers, w);
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
		w->greeting = greeting_new(
		    w->loop, "b", 1000, 100, DECLARED, &handlers, w);
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

static void
what_clients_can_is_declared(void **state)
{
	struct world *w = *state;

	greeting_start(w->greeting);
	(void)hear(w,
	    "\"capabilities\":{\"elicitation\":{\"form\":{}},"
	    "\"sampling\":{}},\"clientInfo\":{\"name\":\"mcp-gateway\"");
}

static void
a_session_is_begun_when_initialized_was_sent(void **state)
{
	struct world *w = *state;

	assert_false(greeting_is_begun(w->greeting));
	initialize(w, "{\"tools\":{}}");
	assert_true(greeting_is_begun(w->greeting));
	assert_true(
	    answer(w, hear(w, "tools/list"), "\"result\":{\"tools\":[]}"));
	assert_true(greeting_is_begun(w->greeting));
	greeting_restart(w->greeting);
	assert_false(greeting_is_begun(w->greeting));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(what_clients_can_is_declared),
		IN_WORLD(a_session_is_begun_when_initialized_was_sent),
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
		IN_WORLD(
		    a_list_that_changes_after_its_first_run_is_fetched_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
