/* test_mcp.c: methods, revisions and levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"
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
		assert_int_equal(revision->sampling_arrays, i >= 4);
		assert_int_equal(revision->structured_any, i >= 5);
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

/* ---- capabilities ----------------------------------------------------- */

static void
capabilities_are_read_as_the_revisions_mean_them(void **state)
{
	static const struct {
		const char *text;
		unsigned int set;
	} cases[] = {
		{ "{}", 0 },
		{ "{\"elicitation\":{}}", MCP_CAN_ELICIT_FORM },
		{ "{\"elicitation\":{\"form\":{}}}", MCP_CAN_ELICIT_FORM },
		{ "{\"elicitation\":{\"url\":{}}}", MCP_CAN_ELICIT_URL },
		{ "{\"elicitation\":{\"url\":{},\"form\":{}}}",
		    MCP_CAN_ELICIT_FORM | MCP_CAN_ELICIT_URL },
		{ "{\"sampling\":{}}", MCP_CAN_SAMPLE },
		{ "{\"sampling\":{\"tools\":{}}}",
		    MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS },
		{ "{\"sampling\":{\"context\":{},\"tools\":{}}}",
		    MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS |
			MCP_CAN_SAMPLE_CONTEXT },
		{ "{\"roots\":{}}", MCP_CAN_LIST_ROOTS },
		{ "{\"roots\":{\"listChanged\":false}}", MCP_CAN_LIST_ROOTS },
		{ "{\"roots\":{\"listChanged\":true}}",
		    MCP_CAN_LIST_ROOTS | MCP_CAN_TELL_ROOTS },
		{ "{\"experimental\":{\"sampling\":{}},\"tasks\":{}}", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    mcp_capabilities_read(span(cases[i].text)), cases[i].set);
}

static void
capabilities_of_another_type_are_none(void **state)
{
	static const char *const texts[] = { "[]", "null", "\"sampling\"",
		"{\"sampling\":true,\"elicitation\":1,\"roots\":[]}",
		"{\"sampling\":null,\"elicitation\":\"\",\"roots\":null}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(mcp_capabilities_read(span(texts[i])), 0);
	assert_int_equal(
	    mcp_capabilities_read((struct json_span){ NULL, 0 }), 0);
	assert_int_equal(
	    mcp_capabilities_read(span("{\"roots\":{\"listChanged\":1}}")),
	    MCP_CAN_LIST_ROOTS);
	assert_int_equal(
	    mcp_capabilities_read(span(
		"{\"sampling\":{\"tools\":true},\"elicitation\":{\"url\":1}}")),
	    MCP_CAN_SAMPLE | MCP_CAN_ELICIT_FORM);
}

/* A set in which no part stands without its whole. */
static bool
is_sensible(unsigned int set)
{
	const unsigned int parts =
	    MCP_CAN_SAMPLE_TOOLS | MCP_CAN_SAMPLE_CONTEXT;

	return ((set & parts) == 0 || (set & MCP_CAN_SAMPLE) != 0) &&
	    ((set & MCP_CAN_TELL_ROOTS) == 0 ||
		(set & MCP_CAN_LIST_ROOTS) != 0);
}

static void
every_set_of_capabilities_comes_back_as_it_was(void **state)
{
	struct json_span text;
	struct json_scan scan;
	struct buf b = { 0 };

	(void)state;
	for (unsigned int set = 0; set <= MCP_CAPABILITIES_ALL; set++) {
		buf_consume(&b, buf_len(&b));
		assert_int_equal(buf_add_text(&b, "before "), 0);
		assert_int_equal(mcp_capabilities_add(&b, set), 0);
		text = (struct json_span){ buf_data(&b) + 7, buf_len(&b) - 7 };
		assert_int_equal(
		    json_scan(text.at, text.len, NULL, 0, NULL, &scan), 0);
		if (is_sensible(set))
			assert_int_equal(mcp_capabilities_read(text), set);
	}
	buf_free(&b);
}

static void
a_shared_backend_is_told_of_no_roots(void **state)
{
	static const char want[] = "{\"elicitation\":{\"form\":{},\"url\":{}},"
				   "\"sampling\":{\"tools\":{}}}";
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(mcp_capabilities_add(&b, MCP_CAPABILITIES_SHARED), 0);
	assert_int_equal(buf_len(&b), sizeof(want) - 1);
	assert_memory_equal(buf_data(&b), want, sizeof(want) - 1);
	buf_free(&b);
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
		cmocka_unit_test(
		    capabilities_are_read_as_the_revisions_mean_them),
		cmocka_unit_test(capabilities_of_another_type_are_none),
		cmocka_unit_test(
		    every_set_of_capabilities_comes_back_as_it_was),
		cmocka_unit_test(a_shared_backend_is_told_of_no_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
