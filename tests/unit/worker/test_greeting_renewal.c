/* test_greeting_renewal.c: a backend that has forgotten its session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "greeting_fixture.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_renewal_tells_only_what_differs),
		IN_WORLD(a_kind_that_is_not_declared_any_more_is_empty),
		IN_WORLD(a_list_that_a_renewal_cannot_have_stays_as_it_was),
		IN_WORLD(a_renewal_forgets_what_was_asked_before),
		IN_WORLD(what_changes_during_a_renewal_is_not_fetched_twice),
		IN_WORLD(an_initialize_that_failed_ends_the_greeting_once),
		IN_WORLD(a_renewal_that_takes_too_long_fails),
		IN_WORLD(a_session_that_is_forgotten_too_often_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
