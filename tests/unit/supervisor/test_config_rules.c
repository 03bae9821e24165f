/* The range of user ids, which others read too. */
#include "config_test.h"

#include "config_rules.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
ranges_of_user_ids_are_read(void **state)
{
	static const struct {
		const char *text;
		uint32_t first, last; /* 0: not one */
	} cases[] = { { "60578-61183", 60578, 61183 },
		{ "1000-1000", 1000, 1000 }, { "1000-65533", 1000, 65533 },
		{ "65536-65536", 65536, 65536 },
		{ "100000-2147483647", 100000, 2147483647 }, { "", 0, 0 },
		{ "5", 0, 0 }, { "-", 0, 0 }, { "1000-", 0, 0 },
		{ "-1000", 0, 0 }, { "999-2000", 0, 0 }, { "2000-1999", 0, 0 },
		{ "1000-65534", 0, 0 }, { "65535-70000", 0, 0 },
		{ "2000-100000", 0, 0 }, { "1000-2147483648", 0, 0 },
		{ "1000-99999999999999999999999", 0, 0 },
		{ " 1000-2000", 0, 0 }, { "1000-+2000", 0, 0 },
		{ "1000-2000x", 0, 0 }, { "1000 - 2000", 0, 0 } };

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		uint32_t first = 0, last = 0;
		int result = config_rules_uids(cases[i].text, &first, &last);

		print_message("\"%s\"\n", cases[i].text);
		assert_int_equal(result, cases[i].first == 0 ? -1 : 0);
		assert_int_equal(first, cases[i].first);
		assert_int_equal(last, cases[i].last);
		assert_int_equal(config_rules_uids_fault(cases[i].text) == NULL,
		    result == 0);
	}
	must_fail("{\"gateway\": {\"job_uids\": \"5\"}}", 1, 26,
	    "gateway: \"job_uids\" must be the first and the last of a range");
}

static void
a_tools_pattern_can_match_something(void **state)
{
	(void)state;
	assert_null(config_rules_tool_fault("a/b"));
	assert_null(config_rules_tool_fault("*"));
	assert_null(config_rules_tool_fault("*read*"));
	assert_null(config_rules_tool_fault("a?b"));
	assert_null(config_rules_tool_fault("a[/]b"));
	assert_non_null(config_rules_tool_fault("read"));
	assert_non_null(config_rules_tool_fault(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_of_user_ids_are_read),
		cmocka_unit_test(a_tools_pattern_can_match_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
