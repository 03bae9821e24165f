/* test_mcp.c: methods, revisions and levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/mcp.h"

static struct json_span
span(const char *text)
{
	return (struct json_span){ text, strlen(text) };
}

static void
every_method_is_found_by_its_name(void **state)
{
	char quoted[64];

	(void)state;
	for (unsigned int i = MCP_UNKNOWN + 1; i <= MCP_ROOTS_LIST; i++) {
		enum mcp_method method = (enum mcp_method)i;

		assert_non_null(mcp_method_name(method));
		snprintf(
		    quoted, sizeof(quoted), "\"%s\"", mcp_method_name(method));
		assert_int_equal(mcp_method_find(span(quoted)), method);
	}
	assert_null(mcp_method_name(MCP_UNKNOWN));
	assert_null(mcp_method_name((enum mcp_method)(MCP_ROOTS_LIST + 1)));
	assert_string_equal(mcp_method_name(MCP_TOOLS_CALL), "tools/call");
	assert_string_equal(mcp_method_name(MCP_RESOURCES_TEMPLATES_LIST),
	    "resources/templates/list");
	assert_string_equal(
	    mcp_method_name(MCP_LOGGING_SET_LEVEL), "logging/setLevel");
}

static void
a_method_is_found_however_it_is_spelled(void **state)
{
	(void)state;
	assert_int_equal(
	    mcp_method_find(span("\"tools\\/call\"")), MCP_TOOLS_CALL);
	assert_int_equal(mcp_method_find(span("\"p\\u0069ng\"")), MCP_PING);
	assert_int_equal(mcp_method_find(span(
			     "\"notifications\\/resources\\/list_changed\"")),
	    MCP_RESOURCES_LIST_CHANGED);
}

static void
other_names_are_unknown(void **state)
{
	static const char *const names[] = { "\"\"", "\"pin\"", "\"pong\"",
		"\"Ping\"", "\"tools/cell\"", "\"tools/call \"", "\"rpc.x\"",
		"\"tools/lisT\"", "\"ping\\u0000\"", "\"\\ud800\"",
		"\"notifications/prompts/list_changes\"",
		"\"notifications\\/notifications\\/notifications\\/and more\"",
		"1", "null", "[\"ping\"]" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(mcp_method_find(span(names[i])), MCP_UNKNOWN);
	assert_int_equal(
	    mcp_method_find((struct json_span){ NULL, 0 }), MCP_UNKNOWN);
}

static void
a_revision_is_found_by_its_exact_name(void **state)
{
	static const char *const names[] = { "2024-10-07", "2024-11-05",
		"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct mcp_revision *revision =
		    mcp_revision_find(names[i], strlen(names[i]));

		assert_non_null(revision);
		assert_string_equal(revision->name, names[i]);
		assert_int_equal(revision->legacy, i < 5);
		assert_int_equal(revision->batches, i < 3);
		assert_int_equal(revision->audio, i >= 2);
		assert_int_equal(revision->completions_capability, i >= 2);
		assert_int_equal(revision->resource_link, i >= 3);
		assert_int_equal(revision->elicitation, i >= 3);
		assert_int_equal(revision->elicitation_url, i >= 4);
		assert_null(mcp_revision_find(names[i], 9));
	}
	assert_null(mcp_revision_find("2025-11-26", 10));
	assert_null(mcp_revision_find("", 0));
}

static void
initialize_is_answered_with_a_revision_that_it_opens(void **state)
{
	static const struct {
		const char *asked;
		const char *answer;
	} cases[] = {
		{ "\"2024-10-07\"", "2024-10-07" },
		{ "\"2024-11-05\"", "2024-11-05" },
		{ "\"2025-03-26\"", "2025-03-26" },
		{ "\"2025\\u002d06-18\"", "2025-06-18" },
		{ "\"2025-11-25\"", "2025-11-25" },
		{ "\"2026-07-28\"", "2025-11-25" },
		{ "\"2099-01-01\"", "2025-11-25" },
		{ "\"\"", "2025-11-25" },
		{ "1", "2025-11-25" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    mcp_revision_negotiate(span(cases[i].asked))->name,
		    cases[i].answer);
	assert_ptr_equal(mcp_revision_negotiate((struct json_span){ NULL, 0 }),
	    mcp_revision_latest_legacy());
}

static void
levels_are_found_by_name_in_order_of_severity(void **state)
{
	static const char *const names[MCP_LEVELS] = { "\"debug\"", "\"info\"",
		"\"notice\"", "\"warning\"", "\"error\"", "\"critical\"",
		"\"alert\"", "\"emergency\"" };

	(void)state;
	for (int i = 0; i < MCP_LEVELS; i++) {
		const char *name = mcp_level_name((enum mcp_level)i);

		assert_int_equal(mcp_level_find(span(names[i])), i);
		assert_int_equal(strlen(name), strlen(names[i]) - 2);
		assert_memory_equal(name, names[i] + 1, strlen(name));
	}
	assert_int_equal(mcp_level_find(span("\"warn\"")), -1);
	assert_int_equal(mcp_level_find(span("\"Info\"")), -1);
	assert_int_equal(mcp_level_find(span("3")), -1);
	assert_int_equal(mcp_level_find((struct json_span){ NULL, 0 }), -1);
	assert_null(mcp_level_name((enum mcp_level)MCP_LEVELS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_is_found_by_its_name),
		cmocka_unit_test(a_method_is_found_however_it_is_spelled),
		cmocka_unit_test(other_names_are_unknown),
		cmocka_unit_test(a_revision_is_found_by_its_exact_name),
		cmocka_unit_test(
		    initialize_is_answered_with_a_revision_that_it_opens),
		cmocka_unit_test(levels_are_found_by_name_in_order_of_severity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
