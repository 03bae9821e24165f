/* test_worker_greeting.c: the worker greets a backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker_fixture.h"

static void
greeting_offers_the_latest_revision_and_reports_ready(void **state)
{
	struct world *w = begin(60000);
	uint64_t id;

	(void)state;
	id = hear_with(w, "\"protocolVersion\":\"2025-11-25\"");
	assert_in_range(id, 1, 65535);
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"result\":{\"protocolVersion\":\"2024-11-05\",\"capabilities\":"
	    "{},\"serverInfo\":{\"name\":\"x\",\"version\":\"2\"}}}",
	    id);
	(void)hear_with(w, "notifications/initialized");
	answer_tools(w, "[]");
	expect_control(w, MSG_READY);
	assert_string_equal(w->payload,
	    "{\"revision\":\"2024-11-05\",\"server\":\"x 2\",\"tools\":0,"
	    "\"resources\":0,\"templates\":0,\"prompts\":0}");
	expect_catalogs(w, "[]");
	end(w);
}

static void
all_pages_of_all_lists_are_fetched(void **state)
{
	struct world *w = begin(60000);

	(void)state;
	answer_initialize(
	    w, "2025-06-18", "{\"tools\":{},\"resources\":{},\"prompts\":{}}");
	(void)hear_with(w, "notifications/initialized");
	for (int left = 6; left > 0; left--) {
		char *line = hear(w);
		uint64_t id = strtoull(strstr(line, "\"id\":") + 5, NULL, 10);
		bool second = strstr(line, "\"cursor\":\"p\\u0032\"") != NULL;

		if (strstr(line, "tools/list") != NULL)
			answer(w,
			    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
			    ",\"result\":{\"tools\":[%d]%s}}",
			    id, second,
			    second ? "" : ",\"nextCursor\":\"p\\u0032\"");
		else if (strstr(line, "resources/list") != NULL)
			answer(w,
			    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
			    ",\"result\":{\"resources\":[ 7 , 8 ]%s}}",
			    id, second ? "" : ",\"nextCursor\":\"p\\u0032\"");
		else
			answer(w,
			    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
			    ",\"error\":{\"code\":-32601,\"message\":\"no\"}}",
			    id);
	}
	expect_control(w, MSG_READY);
	assert_non_null(strstr(w->payload,
	    "\"tools\":2,\"resources\":4,\"templates\":0,\"prompts\":0"));
	expect(w, MSG_GREETING, 0);
	for (int i = 0; i < CATALOG_KINDS; i++) {
		expect(w, MSG_CATALOG, 0);
		if (w->frame.flags == CATALOG_TOOLS)
			assert_string_equal(w->payload, "[0,1]");
		if (w->frame.flags == CATALOG_RESOURCES)
			assert_string_equal(w->payload, "[ 7 , 8 , 7 , 8 ]");
	}
	end(w);
}

static void
an_unknown_revision_ends_the_worker(void **state)
{
	struct world *w = begin(60000);

	(void)state;
	answer_initialize(w, "2099-01-01", "{}");
	expect_end(w, ROLE_EXIT_GREETING, "2099-01-01");
}

static void
a_modern_revision_is_no_answer_to_initialize(void **state)
{
	struct world *w = begin(60000);

	(void)state;
	answer_initialize(w, "2026-07-28", "{}");
	expect_end(w, ROLE_EXIT_GREETING, "2026-07-28");
}

static void
a_refused_initialize_ends_the_worker_with_its_stderr(void **state)
{
	struct world *w = begin(60000);
	uint64_t id = hear_with(w, "initialize");

	(void)state;
	write_steps(w->err, "set API_KEY\n", 12, SIZE_MAX);
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"error\":{\"code\":-1,\"message\":\"no key\"}}",
	    id);
	close_fd(&w->err);
	expect_control(w, MSG_OBITUARY);
	assert_non_null(strstr(w->payload, "no key"));
	assert_non_null(strstr(w->payload, "\"stderr\":[\"set API_KEY\"]"));
	expect_exit(w, ROLE_EXIT_GREETING);
	end(w);
}

static void
junk_before_the_greeting_is_skipped(void **state)
{
	struct world *w = begin(60000);

	(void)state;
	say(w, "npm WARN deprecated\n\n\xff\xfe\x80\n{\"a\":1}\n[]\n42\n");
	answer_initialize(w, "2025-11-25", "{\"tools\":{}}");
	(void)hear_with(w, "notifications/initialized");
	answer_tools(w, "[]");
	expect_log(w, "npm WARN deprecated");
	expect_catalogs(w, "[]");
	end(w);
}

static void
a_byte_order_mark_and_carriage_returns_are_taken(void **state)
{
	struct world *w = begin(60000);

	(void)state;
	(void)hear_with(w, "initialize");
	say(w,
	    "\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\r\"result\":"
	    "{\"protocolVersion\":\"2025-11-25\",\r\"capabilities\":{}}}\r\n");
	(void)hear_with(w, "notifications/initialized");
	answer_tools(w, "[1,\r2]");
	expect_text(w, MSG_GREETING, 0,
	    "{\"protocolVersion\":\"2025-11-25\", \"capabilities\":{}}");
	expect_text(w, MSG_CATALOG, 0, "[]");
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    greeting_offers_the_latest_revision_and_reports_ready),
		cmocka_unit_test(all_pages_of_all_lists_are_fetched),
		cmocka_unit_test(an_unknown_revision_ends_the_worker),
		cmocka_unit_test(a_modern_revision_is_no_answer_to_initialize),
		cmocka_unit_test(
		    a_refused_initialize_ends_the_worker_with_its_stderr),
		cmocka_unit_test(junk_before_the_greeting_is_skipped),
		cmocka_unit_test(
		    a_byte_order_mark_and_carriage_returns_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
