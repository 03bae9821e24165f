/* test_adapt_tool.c: items of tools/list as clients need them. */
/* wrap: realloc */
#include "adapt_fixture.h"

/* How many calls to realloc(3) succeed until one fails; -1: all do. */
static int successes = -1;

void *__real_realloc(void *mem, size_t size);

void *
__wrap_realloc(void *mem, size_t size)
{
	if (successes == 0) {
		errno = ENOMEM;
		return NULL;
	}
	if (successes > 0)
		successes--;
	return __real_realloc(mem, size);
}

/* A tool becomes this; NULL: it stays as it is. */
static void
assert_tool(const char *revision, bool uris, const char *json, const char *want)
{
	const struct adapt_rules rules = rules_of(revision, 0, uris);
	struct json_span item = { json, strlen(json) };
	struct buf out = { 0 };
	struct json_scan scan;

	assert_int_equal(json_scan(json, item.len, NULL, 0, NULL, &scan), 0);
	assert_int_equal(adapt_tool(&rules, item, &out), want != NULL);
	if (want != NULL) {
		assert_int_equal(json_scan(buf_data(&out), buf_len(&out), NULL,
				     0, NULL, &scan),
		    0);
		assert_int_equal(buf_add(&out, "", 1), 0);
		assert_string_equal(buf_data(&out), want);
	}
	buf_free(&out);
}

/* The same with an outputSchema. */
static void
assert_schema(const char *schema, const char *want)
{
	struct buf tool = { 0 }, other = { 0 };

	buf_add_format(
	    &tool, "{\"outputSchema\":%s,\"name\":\"a\"}%c", schema, '\0');
	if (want != NULL)
		buf_add_format(&other, "{\"outputSchema\":%s,\"name\":\"a\"}%c",
		    want, '\0');
	assert_tool("2025-11-25", false, buf_data(&tool),
	    want != NULL ? buf_data(&other) : NULL);
	assert_tool("2024-11-05", false, buf_data(&tool),
	    want != NULL ? buf_data(&other) : NULL);
	assert_tool("2026-07-28", true, buf_data(&tool), NULL);
	buf_free(&tool);
	buf_free(&other);
}

static void
execution_is_left_out(void **state)
{
	static const struct {
		const char *json;
		const char *want;
	} cases[] = {
		{ "{\"execution\":{\"taskSupport\":\"optional\"}, \"a\":1.0}",
		    "{\"a\":1.0}" },
		{ "{\"a\":{\"execution\":1} , \"execution\":7 }",
		    "{\"a\":{\"execution\":1} }" },
		{ "{\"a\":1, \"execut\\u0069on\":[], \"b\":2}",
		    "{\"a\":1, \"b\":2}" },
		{ "{\"execution\":1,\"execution\":2}", "{}" },
		{ "{\"execution\":1,\"a\":1,\"execution\":2,\"execution\":3,"
		  "\"b\":2,\"execution\":4}",
		    "{\"a\":1,\"b\":2}" },
		{ "{\"name\":\"execution\"}", NULL },
		{ "[]", NULL },
		{ "null", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_tool("2026-07-28", false, cases[i].json, cases[i].want);
		assert_tool("2025-06-18", true, cases[i].json, cases[i].want);
	}
}

static void
resources_of_apps_have_the_uris_that_the_client_knows(void **state)
{
	static const char tool[] =
	    "{\"_meta\":{\"ui/resourceUri\":\"file:a\",\"ui\":{\"resourceUri\":"
	    "\"file:b\",\"x\":\"file:c\"},\"resourceUri\":\"file:d\"},"
	    "\"execution\":{}}";

	(void)state;
	assert_tool("2025-11-25", true, tool,
	    "{\"_meta\":{\"ui/resourceUri\":\"s+file:a\",\"ui\":{"
	    "\"resourceUri\":\"s+file:b\",\"x\":\"file:c\"},"
	    "\"resourceUri\":\"file:d\"}}");
	assert_tool("2025-11-25", false, tool,
	    "{\"_meta\":{\"ui/resourceUri\":\"file:a\",\"ui\":{\"resourceUri\":"
	    "\"file:b\",\"x\":\"file:c\"},\"resourceUri\":\"file:d\"}}");
	assert_tool("2025-11-25", true,
	    "{\"_meta\":{\"ui\":7,\"ui/resourceUri\":[]}}", NULL);
	assert_tool("2025-11-25", true, "{\"_meta\":[]}", NULL);
}

static void
schemas_of_objects_stay(void **state)
{
	(void)state;
	assert_schema("{\"type\":\"object\",\"$ref\":\"#\"}", NULL);
	assert_schema("{\"type\":\"string\",\"type\":\"ob\\u006aect\"}", NULL);
	assert_schema("null", NULL);
	assert_schema("7", NULL);
	assert_schema("\"object\"", NULL);
	assert_schema("[]", NULL);
}

static void
a_schema_of_no_object_becomes_that_of_a_result(void **state)
{
	(void)state;
	assert_schema("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
	    "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":"
	    "\"array\",\"items\":{\"type\":\"string\"}}},"
	    "\"required\":[\"result\"]}");
	assert_schema("{\"type\":[\"null\",\"number\"], \"maximum\" : 1.0 }",
	    "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":"
	    "[\"null\",\"number\"],\"maximum\" : 1.0}},"
	    "\"required\":[\"result\"]}");
}

static void
a_schema_that_allows_objects_allows_them_as_they_are(void **state)
{
	static const char end[] = ",{\"properties\":{\"result\":{\"$ref\":"
				  "\"#/anyOf/0\"}},\"required\":[\"result\"]}]";
	static const char *const schemas[] = { "{}", "true", "false",
		"{\"type\":[\"null\",\"object\"]}",
		"{\"anyOf\":[{\"type\":\"object\"},{\"type\":\"null\"}]}" };
	char want[200];

	(void)state;
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
		snprintf(want, sizeof(want),
		    "{\"type\":\"object\",\"anyOf\":[%s%s}", schemas[i], end);
		assert_schema(schemas[i], want);
	}
	snprintf(want, sizeof(want),
	    "{\"type\":\"object\",\"anyOf\":[{\"$ref\":\"#/$defs/a\"}%s,"
	    "\"$defs\":{\"a\":{\"$ref\":\"#/anyOf/0\"}}}",
	    end);
	assert_schema("{\"$defs\":{\"a\":{\"$ref\":\"#\"}},"
		      "\"$ref\":\"#/$defs/a\"}",
	    want);
}

static void
definitions_move_and_references_follow(void **state)
{
	(void)state;
	assert_schema(
	    "{\"$schema\":\"s\",\"type\":\"array\",\"items\":{\"$ref\":"
	    "\"#\\/$defs\\/a\"},\"prefixItems\":[{\"$ref\":\"#\"},"
	    "{\"$ref\":\"#/items\"},{\"$ref\":\"#/%24defs\"},{\"$ref\":"
	    "\"#/$defsx\"},{\"$ref\":\"#a\"},{\"$ref\":\"b#/c\"},"
	    "{\"$ref\":\"\"},{\"$dynamicRef\":\"\\u0023/a\\/\\\"~1\"}],"
	    "\"$defs\":{\"a\":{\"$ref\":\"#/items\"},\"$ref\":{\"not\":"
	    "{\"$ref\":\"#\"}}},\"definitions\":[]}",
	    "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":"
	    "\"array\",\"items\":{\"$ref\":\"#\\/$defs\\/a\"},\"prefixItems\":"
	    "[{\"$ref\":\"#/properties/result\"},{\"$ref\":"
	    "\"#/properties/result/items\"},{\"$ref\":\"#/%24defs\"},{\"$ref\":"
	    "\"#/properties/result/$defsx\"},{\"$ref\":\"#a\"},{\"$ref\":"
	    "\"b#/c\"},{\"$ref\":\"\"},{\"$dynamicRef\":"
	    "\"#/properties/result/a/\\\"~1\"}]}},\"required\":[\"result\"],"
	    "\"$schema\":\"s\",\"$defs\":{\"a\":{\"$ref\":"
	    "\"#/properties/result/items\"},\"$ref\":{\"not\":{\"$ref\":"
	    "\"#/properties/result\"}}},\"definitions\":[]}");
}

static void
what_only_looks_like_a_reference_stays(void **state)
{
	static const char *const members[] = {
		"\"const\":{\"$ref\":\"#\"}",
		"\"enum\":[[{\"$ref\":\"#\"}],{\"not\":{\"$ref\":\"#\"}}]",
		"\"default\":{\"a\":{\"$ref\":\"#\"}}",
		"\"examples\":[{\"$ref\":\"#\"}]",
		"\"properties\":{\"$ref\":\"#\"}",
		"\"items\":{\"$ref\":7}",
		"\"items\":{\"$ref\":[\"#\"]}",
		"\"items\":{\"$ref\":\"#\\ud800\"}",
		"\"description\":\"\\\"$ref\\\":\\\"#\\\"\"",
		"\"items\":{\"$id\":\"b\",\"items\":{\"$ref\":\"#\"}}",
	};
	char schema[200], want[300];

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		snprintf(schema, sizeof(schema), "{\"type\":\"array\",%s}",
		    members[i]);
		snprintf(want, sizeof(want),
		    "{\"type\":\"object\",\"properties\":{\"result\":%s},"
		    "\"required\":[\"result\"]}",
		    schema);
		assert_schema(schema, want);
	}
}

static void
properties_may_have_the_names_of_keywords(void **state)
{
	(void)state;
	assert_schema(
	    "{\"type\":\"array\",\"items\":{\"properties\":{\"const\":"
	    "{\"$ref\":\"#\"},\"properties\":{\"enum\":[{\"$ref\":\"#\"}],"
	    "\"not\":{\"$ref\":\"#\"}},\"$id\":{\"$ref\":\"#\"}}}}",
	    "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":"
	    "\"array\",\"items\":{\"properties\":{\"const\":{\"$ref\":"
	    "\"#/properties/result\"},\"properties\":{\"enum\":[{\"$ref\":"
	    "\"#\"}],\"not\":{\"$ref\":\"#/properties/result\"}},\"$id\":"
	    "{\"$ref\":\"#/properties/result\"}}}}},"
	    "\"required\":[\"result\"]}");
}

static void
a_schema_with_an_id_is_its_own_root(void **state)
{
	(void)state;
	assert_schema("{\"$id\":\"https://a/b\",\"type\":\"array\",\"items\":"
		      "{\"$ref\":\"#/$defs/a\"},\"$defs\":{\"a\":{}}}",
	    "{\"type\":\"object\",\"properties\":{\"result\":{\"$id\":"
	    "\"https://a/b\",\"type\":\"array\",\"items\":{\"$ref\":"
	    "\"#/$defs/a\"},\"$defs\":{\"a\":{}}}},"
	    "\"required\":[\"result\"]}");
	assert_schema("{\"$id\":\"https://a/b\",\"$ref\":\"#/$defs/a\"}",
	    "{\"type\":\"object\",\"anyOf\":[{\"$id\":\"https://a/b\","
	    "\"$ref\":\"#/$defs/a\"},{\"properties\":{\"result\":{\"$ref\":"
	    "\"https://a/b\"}},\"required\":[\"result\"]}]}");
	/* An anchor of draft 7. */
	assert_schema("{\"$id\":\"#a\",\"type\":\"array\",\"items\":"
		      "{\"$ref\":\"#\"}}",
	    "{\"type\":\"object\",\"properties\":{\"result\":{\"$id\":\"#a\","
	    "\"type\":\"array\",\"items\":{\"$ref\":\"#/properties/result\"}}},"
	    "\"required\":[\"result\"]}");
}

static void
the_deepest_schema_is_adapted(void **state)
{
	const struct adapt_rules rules = rules_of("2025-11-25", 0, false);
	struct buf tool = { 0 }, out = { 0 };
	struct json_scan scan;

	(void)state;
	buf_add_text(&tool, "{\"outputSchema\":{\"not\":");
	for (size_t i = 0; i < JSON_DEPTH_MAX - 2; i++)
		buf_add_text(&tool, i % 2 > 0 ? "[" : "{\"not\":");
	buf_add_text(&tool, "\"\\\"\"");
	for (size_t i = JSON_DEPTH_MAX - 2; i-- > 0;)
		buf_add_text(&tool, i % 2 > 0 ? "]" : "}");
	buf_add_text(&tool, "}}");
	assert_int_equal(
	    json_scan(buf_data(&tool), buf_len(&tool), NULL, 0, NULL, &scan),
	    0);
	assert_int_equal(
	    adapt_tool(&rules,
		(struct json_span){ buf_data(&tool), buf_len(&tool) }, &out),
	    1);
	assert_true(buf_len(&out) > buf_len(&tool));
	buf_free(&tool);
	buf_free(&out);
}

static void
without_memory_nothing_is_written(void **state)
{
	static const char tool[] =
	    "{\"_meta\":{\"ui/resourceUri\":\"https:a\"},\"execution\":{},"
	    "\"outputSchema\":{\"type\":\"array\",\"not\":{\"$ref\":\"#\"}}}";
	const struct adapt_rules rules = rules_of("2025-11-25", 0, true);
	const struct json_span item = { tool, sizeof(tool) - 1 };
	int failures = 0;

	(void)state;
	for (;; failures++) {
		struct buf out = { 0 };
		int result;

		successes = failures;
		errno = 0;
		result = adapt_tool(&rules, item, &out);
		successes = -1;
		if (result == -1) {
			assert_int_equal(errno, ENOMEM);
			assert_int_equal(buf_len(&out), 0);
		}
		buf_free(&out);
		if (result == 1)
			break;
	}
	assert_in_range(failures, 2, 10);
}

static void
a_uri_for_which_there_is_no_memory_fails(void **state)
{
	static const char tool[] = "{\"_meta\":{\"ui/resourceUri\":\"file:\"}}";
	const struct adapt_rules rules = rules_of("2025-11-25", 0, true);
	struct buf out = { 0 };

	(void)state;
	successes = 1; /* for what shown() appends */
	errno = 0;
	assert_int_equal(
	    adapt_tool(
		&rules, (struct json_span){ tool, sizeof(tool) - 1 }, &out),
	    -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(buf_len(&out), 0);
	successes = -1;
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(execution_is_left_out),
		cmocka_unit_test(
		    resources_of_apps_have_the_uris_that_the_client_knows),
		cmocka_unit_test(schemas_of_objects_stay),
		cmocka_unit_test(
		    a_schema_of_no_object_becomes_that_of_a_result),
		cmocka_unit_test(
		    a_schema_that_allows_objects_allows_them_as_they_are),
		cmocka_unit_test(definitions_move_and_references_follow),
		cmocka_unit_test(what_only_looks_like_a_reference_stays),
		cmocka_unit_test(properties_may_have_the_names_of_keywords),
		cmocka_unit_test(a_schema_with_an_id_is_its_own_root),
		cmocka_unit_test(the_deepest_schema_is_adapted),
		cmocka_unit_test(without_memory_nothing_is_written),
		cmocka_unit_test(a_uri_for_which_there_is_no_memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
