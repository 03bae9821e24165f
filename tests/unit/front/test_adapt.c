/* test_adapt.c: results, questions and notifications as clients need them. */
#include "adapt_fixture.h"

#define ALL MCP_CAPABILITIES_ALL

static const char *const legacy[] = { "2024-10-07", "2024-11-05", "2025-03-26",
	"2025-06-18", "2025-11-25" };

static void
uris_are_shown_as_the_client_knows_them(void **state)
{
	const struct adapt_rules rules = rules_of("2025-11-25", ALL, true);

	(void)state;
	assert_adapted(&rules, MCP_RESOURCES_READ, "result",
	    "{\"contents\":[{\"uri\":\"file:///a\",\"text\":\"file:///a\"},"
	    " {\"mimeType\":\"x\", \"uri\" : \"https://b\"},"
	    "{\"uri\":\"file:\\/\\/\\/c\"}], \"n\":1.0}",
	    "{\"contents\":[{\"uri\":\"s+file:///a\",\"text\":\"file:///a\"},"
	    " {\"mimeType\":\"x\", \"uri\" : \"https://b\"},"
	    "{\"uri\":\"s+file:///c\"}], \"n\":1.0}");
	assert_adapted(&rules, MCP_TOOLS_CALL, "result",
	    "{\"structuredContent\":{\"uri\":\"file:a\",\"content\":"
	    "[{\"type\":\"resource_link\",\"uri\":\"file:a\"}]},"
	    "\"content\":[{\"type\":\"resource_link\",\"uri\":\"file:a\","
	    "\"name\":\"file:a\"},{\"uri\":\"file:b\",\"type\":\"text\"},"
	    "{\"resource\":{\"blob\":\"\",\"uri\":\"file:c\"},"
	    "\"type\":\"resource\"}]}",
	    "{\"structuredContent\":{\"uri\":\"file:a\",\"content\":"
	    "[{\"type\":\"resource_link\",\"uri\":\"file:a\"}]},"
	    "\"content\":[{\"type\":\"resource_link\",\"uri\":\"s+file:a\","
	    "\"name\":\"file:a\"},{\"uri\":\"file:b\",\"type\":\"text\"},"
	    "{\"resource\":{\"blob\":\"\",\"uri\":\"s+file:c\"},"
	    "\"type\":\"resource\"}]}");
	assert_adapted(&rules, MCP_PROMPTS_GET, "result",
	    "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":"
	    "\"resource\",\"resource\":{\"uri\":\"file:a\"}}},{\"content\":"
	    "[{\"type\":\"resource_link\",\"uri\":\"file:b\"}]}]}",
	    "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":"
	    "\"resource\",\"resource\":{\"uri\":\"s+file:a\"}}},{\"content\":"
	    "[{\"type\":\"resource_link\",\"uri\":\"s+file:b\"}]}]}");
	assert_adapted(&rules, MCP_SAMPLING_CREATE_MESSAGE, "params",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
	    "\"tool_result\",\"toolUseId\":\"1\",\"structuredContent\":{\"uri\""
	    ":\"file:s\"},\"content\":[{\"type\":\"resource_link\",\"uri\":"
	    "\"file:a\"}]}]}],\"tools\":[]}",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
	    "\"tool_result\",\"toolUseId\":\"1\",\"structuredContent\":{\"uri\""
	    ":\"file:s\"},\"content\":[{\"type\":\"resource_link\",\"uri\":"
	    "\"s+file:a\"}]}]}],\"tools\":[]}");
	assert_adapted(&rules, MCP_RESOURCES_UPDATED, "params",
	    "{\"uri\":\"file:a\",\"_meta\":{\"uri\":\"file:a\"}}",
	    "{\"uri\":\"s+file:a\",\"_meta\":{\"uri\":\"file:a\"}}");
	assert_adapted(&rules, MCP_RESOURCES_READ, "error",
	    "{\"code\":-32002,\"message\":\"file:a\",\"data\":"
	    "{\"uri\":\"file:a\"}}",
	    "{\"code\":-32002,\"message\":\"file:a\",\"data\":"
	    "{\"uri\":\"s+file:a\"}}");
}

static void
without_other_uris_nothing_changes_for_the_latest_revision(void **state)
{
	static const char block[] =
	    "{\"content\":[{\"type\":\"resource_link\",\"uri\":\"file:a\"},"
	    "{\"type\":\"audio\",\"data\":\"\"}],\"messages\":[{\"content\":"
	    "[{\"type\":\"resource\",\"resource\":{\"uri\":\"file:a\"}}]}],"
	    "\"contents\":[{\"uri\":\"file:a\"}],\"uri\":\"file:a\",\"code\":1,"
	    "\"mode\":\"form\",\"message\":\"\",\"data\":{\"uri\":\"file:a\"}}";
	const struct adapt_rules rules = rules_of("2025-11-25", ALL, false);

	(void)state;
	assert_int_equal(rules.methods, 0);
	for (unsigned int i = MCP_INITIALIZE; i <= MCP_ROOTS_LIST; i++) {
		const enum mcp_method method = (enum mcp_method)i;

		assert_adapted(&rules, method, "result", block, NULL);
		assert_adapted(&rules, method, "params", block, NULL);
		assert_adapted(&rules, method, "error", block, NULL);
	}
}

static void
other_uris_stay(void **state)
{
	const struct adapt_rules rules = rules_of("2025-11-25", ALL, true);
	struct buf json = { 0 }, out = { 0 };

	(void)state;
	assert_adapted(&rules, MCP_RESOURCES_READ, "result",
	    "{\"contents\":[{\"uri\":\"https://a\"},{\"uri\":\"\"},"
	    "{\"uri\":\"file:\\u0000\"},{\"uri\":\"file:\\ud800\"}]}",
	    NULL);
	/* Longer than any that is listed. */
	buf_add_text(&json, "{\"uri\":\"file:");
	for (size_t i = 5; i < 4096; i++)
		buf_add_text(&json, "a");
	buf_add(&json, "\"}", 3);
	assert_int_equal(adapt_part(&rules, MCP_RESOURCES_UPDATED, "params",
			     buf_data(&json), &out),
	    1);
	buf_consume(&out, buf_len(&out));
	memcpy(buf_data(&json) + buf_len(&json) - 3, "a\"}", 3);
	buf_add(&json, "", 1);
	assert_adapted(
	    &rules, MCP_RESOURCES_UPDATED, "params", buf_data(&json), NULL);
	buf_free(&json);
	buf_free(&out);
}

static void
audio_becomes_text_before_2025_03_26(void **state)
{
	static const char result[] =
	    "{\"content\":[{\"type\":\"audio\",\"data\":\"UklGRg==\","
	    "\"mimeType\":\"audio\\/wav\",\"annotations\":{\"priority\":1.0},"
	    "\"_meta\":{\"a\":1},\"x\":2},{\"type\":\"text\",\"text\":\"a\"},"
	    "{\"type\":\"audio\"},{\"type\":\"audio\",\"data\":\"AAA\\/AA\"}]}";

	(void)state;
	for (size_t i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++) {
		const struct adapt_rules rules = rules_of(legacy[i], 0, false);

		assert_adapted(&rules, MCP_TOOLS_CALL, "result", result,
		    i >= 2 ? NULL
			   : "{\"content\":[{\"type\":\"text\",\"text\":\"["
			     "audio: audio\\/wav, 4 bytes]\",\"annotations\":{"
			     "\"priority\":1.0},\"_meta\":{\"a\":1}},"
			     "{\"type\":\"text\",\"text\":\"a\"},"
			     "{\"type\":\"text\",\"text\":\"[audio]\"},"
			     "{\"type\":\"text\",\"text\":"
			     "\"[audio: 4 bytes]\"}]}");
	}
}

static void
a_long_mime_type_is_left_out(void **state)
{
	const struct adapt_rules rules = rules_of("2024-11-05", 0, false);
	char type[129], json[300];

	(void)state;
	memset(type, 'a', sizeof(type));
	type[128] = '\0';
	snprintf(json, sizeof(json),
	    "{\"content\":[{\"type\":\"audio\",\"mimeType\":\"%s\"}]}", type);
	assert_adapted(&rules, MCP_TOOLS_CALL, "result", json,
	    "{\"content\":[{\"type\":\"text\",\"text\":\"[audio]\"}]}");
}

static void
links_become_text_before_2025_06_18(void **state)
{
	static const char result[] =
	    "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":"
	    "\"resource_link\",\"uri\":\"file:a\\\"\",\"name\":\"\\u0041\"}},"
	    "{\"content\":{\"type\":\"resource_link\",\"uri\":\"http:a\"}}]}";

	(void)state;
	for (size_t i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++) {
		const struct adapt_rules rules = rules_of(legacy[i], 0, false);

		assert_adapted(&rules, MCP_PROMPTS_GET, "result", result,
		    i >= 3 ? NULL
			   : "{\"messages\":[{\"role\":\"user\",\"content\":{"
			     "\"type\":\"text\",\"text\":\"[resource: \\u0041, "
			     "file:a\\\"]\"}},{\"content\":{\"type\":\"text\","
			     "\"text\":\"[resource: http:a]\"}}]}");
	}
}

static void
a_link_that_became_text_has_the_uri_that_the_client_knows(void **state)
{
	const struct adapt_rules rules = rules_of("2025-03-26", 0, true);

	(void)state;
	assert_adapted(&rules, MCP_TOOLS_CALL, "result",
	    "{\"content\":[{\"type\":\"resource_link\",\"uri\":\"file:\\\"\","
	    "\"name\":\"n\"},{\"type\":\"resource_link\",\"uri\":7}]}",
	    "{\"content\":[{\"type\":\"text\",\"text\":\"[resource: n, "
	    "s+file:\\\"]\"},{\"type\":\"text\",\"text\":\"[resource]\"}]}");
}

static void
structured_content_is_an_object_for_legacy_clients(void **state)
{
	static const struct {
		const char *json;
		const char *want;
	} cases[] = {
		{ "{\"content\":[{\"type\":\"text\",\"text\":\"\"}],"
		  "\"structuredContent\":[1.0, \"a\"]}",
		    "{\"content\":[{\"type\":\"text\",\"text\":\"\"}],"
		    "\"structuredContent\":{\"result\":[1.0, \"a\"]}}" },
		{ "{\"structuredContent\" : [\"a\\n\"] , \"isError\":false}",
		    "{\"structuredContent\" : {\"result\":[\"a\\n\"]},"
		    "\"content\":[{\"type\":\"text\",\"text\":"
		    "\"[\\\"a\\\\n\\\"]\"}] , \"isError\":false}" },
		{ "{\"content\":[ ],\"structuredContent\":null}",
		    "{\"content\":[{\"type\":\"text\",\"text\":\"null\"}],"
		    "\"structuredContent\":{\"result\":null}}" },
		{ "{\"structuredContent\":7,\"content\":[]}",
		    "{\"structuredContent\":{\"result\":7},\"content\":"
		    "[{\"type\":\"text\",\"text\":\"7\"}]}" },
		{ "{\"structuredContent\":true,\"content\":null}",
		    "{\"structuredContent\":{\"result\":true},"
		    "\"content\":null}" },
		{ "{\"structuredContent\":{\"a\":[]},\"content\":[]}", NULL },
		{ "{\"content\":[]}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct adapt_rules rules = rules_of("2026-07-28", 0, false);

		assert_adapted(
		    &rules, MCP_TOOLS_CALL, "result", cases[i].json, NULL);
		for (size_t j = 0; j < sizeof(legacy) / sizeof(legacy[0]);
		     j++) {
			rules = rules_of(legacy[j], 0, false);
			assert_adapted(&rules, MCP_TOOLS_CALL, "result",
			    cases[i].json, cases[i].want);
			assert_adapted(&rules, MCP_RESOURCES_READ, "result",
			    cases[i].json, NULL);
		}
	}
}

static void
content_and_structured_content_change_together(void **state)
{
	const struct adapt_rules rules = rules_of("2024-11-05", 0, true);

	(void)state;
	assert_adapted(&rules, MCP_TOOLS_CALL, "result",
	    "{\"structuredContent\":[],\"content\":[{\"type\":\"audio\"}]}",
	    "{\"structuredContent\":{\"result\":[]},\"content\":"
	    "[{\"type\":\"text\",\"text\":\"[audio]\"}]}");
	assert_adapted(&rules, MCP_TOOLS_CALL, "result",
	    "{\"content\":[{\"type\":\"audio\"}],\"structuredContent\":\"\"}",
	    "{\"content\":[{\"type\":\"text\",\"text\":\"[audio]\"}],"
	    "\"structuredContent\":{\"result\":\"\"}}");
}

/* Of members that stand twice nearly everybody takes the last. */
static void
the_last_of_equal_members_counts(void **state)
{
	const struct adapt_rules rules = rules_of("2024-11-05", 0, false);

	(void)state;
	assert_adapted(&rules, MCP_TOOLS_CALL, "result",
	    "{\"content\":[{\"type\":\"text\",\"t\\u0079pe\":\"audio\"},"
	    "{\"type\":\"audio\",\"type\":\"text\"}]}",
	    "{\"content\":[{\"type\":\"text\",\"text\":\"[audio]\"},"
	    "{\"type\":\"audio\",\"type\":\"text\"}]}");
	assert_adapted(&rules, MCP_ELICITATION_CREATE, "params",
	    "{\"mode\":\"url\",\"a\":1,\"mode\":\"form\"}", "{\"a\":1}");
}

static void
a_message_has_one_block_before_2025_11_25(void **state)
{
	static const struct {
		const char *json;
		const char *want;
	} cases[] = {
		{ "{\"messages\":[{\"role\":\"user\",\"content\":"
		  "[ {\"type\":\"text\"} ],\"x\":1}]}",
		    "{\"messages\":[{\"role\":\"user\",\"content\":"
		    "{\"type\":\"text\"},\"x\":1}]}" },
		{ "{\"messages\":[{\"x\":1,\"content\":[{\"a\":1}, {\"b\":2}],"
		  "\"role\":\"assistant\",\"y\":2},{\"content\":{}}]}",
		    "{\"messages\":[{\"x\":1,\"content\":{\"a\":1}},"
		    "{\"role\":\"assistant\",\"content\":{\"b\":2},"
		    "\"role\":\"assistant\",\"y\":2},{\"content\":{}}]}" },
		{ "{\"messages\":[{\"content\":[{}, {}]},{\"content\":[]},"
		  "{\"content\":[1]},{\"role\":\"user\",\"content\":[{},1]},"
		  "{\"role\":1,\"content\":[{},{}]},{\"content\":\"\"},7]}",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t j = 0; j < sizeof(legacy) / sizeof(legacy[0]);
		     j++) {
			const struct adapt_rules rules =
			    rules_of(legacy[j], MCP_CAN_SAMPLE, false);

			assert_adapted(&rules, MCP_SAMPLING_CREATE_MESSAGE,
			    "params", cases[i].json,
			    j < 4 ? cases[i].want : NULL);
			assert_adapted(&rules, MCP_PROMPTS_GET, "result",
			    cases[i].json, NULL);
		}
}

static void
what_is_replaced_already_stays_replaced(void **state)
{
	static const char json[] =
	    "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"sampling/"
	    "createMessage\",\"params\":{\"name\":\"n\",\"messages\":[{"
	    "\"content\":[{\"type\":\"text\"}]}],\"_meta\":{"
	    "\"progressToken\":3},\"reason\":4},\"x\":5}";
	static const char want[] =
	    "{\"id\":\"i\",\"jsonrpc\":\"2.0\",\"method\":\"sampling/"
	    "createMessage\",\"params\":{\"name\":12,\"messages\":[{"
	    "\"content\":{\"type\":\"text\"}}],\"_meta\":{"
	    "\"progressToken\":\"t\"},\"reason\":},\"x\":5}";
	const struct adapt_rules rules = rules_of("2025-06-18", 0, false);
	char written[sizeof(want)];
	struct buf out = { 0 };
	struct rpc_problem problem;
	struct rpc_message msg;
	struct splice splice;

	(void)state;
	assert_int_equal(rpc_parse(&msg, json, sizeof(json) - 1, &problem), 0);
	splice_init(&splice, json, sizeof(json) - 1);
	splice_replace(&splice, msg.id, "\"i\"", 3);
	splice_replace(&splice, msg.meta_progress_token, "\"t\"", 3);
	splice_replace(&splice, msg.name, "12", 2);
	splice_replace(&splice, msg.reason, "", 0);
	assert_int_equal(
	    adapt_message(&rules, msg.method, &msg, &splice, &out), 1);
	assert_int_equal(splice.count, 2);
	assert_int_equal(splice_length(&splice), sizeof(want) - 1);
	splice_write(&splice, written);
	assert_memory_equal(written, want, sizeof(want) - 1);
	buf_free(&out);
}

static void
assert_refused(
    const struct adapt_rules *rules, enum mcp_method method, const char *json)
{
	struct buf out = { 0 };

	errno = 0;
	assert_int_equal(adapt_part(rules, method, "params", json, &out), -1);
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(buf_len(&out), 0);
	buf_free(&out);
}

static void
tools_are_for_clients_that_can_use_them(void **state)
{
	static const char *const with[] = { "{\"tools\":[],\"messages\":[]}",
		"{\"messages\":[],\"toolChoice\":{\"mode\":\"auto\"}}",
		"{\"tools\":7}" };
	static const char without[] = "{\"messages\":[],\"tools\":null,"
				      "\"includeContext\":\"allServers\"}";

	(void)state;
	for (size_t j = 0; j < sizeof(legacy) / sizeof(legacy[0]); j++) {
		struct adapt_rules rules =
		    rules_of(legacy[j], ALL ^ MCP_CAN_SAMPLE_TOOLS, true);

		for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
			assert_refused(
			    &rules, MCP_SAMPLING_CREATE_MESSAGE, with[i]);
		assert_adapted(&rules, MCP_SAMPLING_CREATE_MESSAGE, "params",
		    without, NULL);
		rules = rules_of(legacy[j], ALL, true);
		for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
			assert_adapted(&rules, MCP_SAMPLING_CREATE_MESSAGE,
			    "params", with[i], NULL);
	}
}

static void
elicitation_has_modes_since_2025_11_25(void **state)
{
	static const struct {
		const char *json;
		const char *want;
	} cases[] = {
		{ "{\"mode\":\"form\"}", "{}" },
		{ "{\"mode\":\"form\", \"message\":\"m\"}",
		    "{\"message\":\"m\"}" },
		{ "{\"message\":\"m\" , \"mode\":\"form\" }",
		    "{\"message\":\"m\" }" },
		{ "{\"a\":{\"mode\":\"form\"},\"mode\":\"form\",\"mode\":"
		  "\"form\",\"b\":1.0}",
		    "{\"a\":{\"mode\":\"form\"},\"b\":1.0}" },
		{ "{\"mode\":\"form\",\"mode\":\"form\",\"b\":1}",
		    "{\"b\":1}" },
		{ "{\"mode\":\"form\",\"mode\":\"form\"}", "{}" },
		{ "{\"mode\":1}", NULL },
		{ "{\"message\":\"m\",\"requestedSchema\":{\"enum\":[]}}",
		    NULL },
	};

	(void)state;
	for (size_t j = 0; j < sizeof(legacy) / sizeof(legacy[0]); j++) {
		const struct adapt_rules rules =
		    rules_of(legacy[j], ALL, false);

		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			assert_adapted(&rules, MCP_ELICITATION_CREATE, "params",
			    cases[i].json, j < 4 ? cases[i].want : NULL);
		if (j < 4)
			assert_refused(&rules, MCP_ELICITATION_CREATE,
			    "{\"mode\":\"url\",\"url\":\"https://a\"}");
		else
			assert_adapted(&rules, MCP_ELICITATION_CREATE, "params",
			    "{\"mode\":\"url\"}", NULL);
	}
}

static void
wrong_types_stay_as_they_are(void **state)
{
	static const char *const values[] = { "null", "7", "\"\"", "true", "[]",
		"{}", "[[]]", "[null,7,\"\",[],{}]",
		"[{\"content\":7},{\"content\":[7,[],{\"type\":{}}]}]",
		"[{\"type\":\"resource\"},{\"uri\":{}}]",
		"[{\"type\":\"resource\",\"resource\":[]}]",
		"[{\"type\":\"tool_result\",\"content\":{}}]" };
	const struct adapt_rules rules = rules_of("2024-11-05", 0, true);
	struct buf json = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		buf_add_format(&json,
		    "{\"content\":%s,\"contents\":%s,\"messages\":%s,"
		    "\"mode\":%s,\"uri\":%s,\"code\":1,\"message\":\"\","
		    "\"data\":%s}%c",
		    values[i], values[i], values[i], values[i], values[i],
		    values[i], '\0');
		for (unsigned int m = MCP_INITIALIZE; m <= MCP_ROOTS_LIST;
		     m++) {
			const enum mcp_method method = (enum mcp_method)m;

			assert_adapted(
			    &rules, method, "result", buf_data(&json), NULL);
			assert_adapted(
			    &rules, method, "result", values[i], NULL);
			assert_adapted(
			    &rules, method, "params", buf_data(&json), NULL);
			assert_adapted(
			    &rules, method, "error", buf_data(&json), NULL);
		}
		buf_consume(&json, buf_len(&json));
	}
	buf_free(&json);
}

static void
what_would_grow_too_much_is_refused(void **state)
{
	const struct adapt_rules rules = rules_of("2025-06-18", 0, false);
	struct buf json = { 0 }, out = { 0 };
	const size_t count = 20000;

	(void)state;
	buf_add_text(&json, "{\"messages\":[{\"role\":\"user\",\"content\":[");
	for (size_t i = 0; i < count; i++)
		buf_add_text(&json, i > 0 ? ",{}" : "{}");
	buf_add(&json, "]}]}", 5);
	errno = 0;
	assert_int_equal(adapt_part(&rules, MCP_SAMPLING_CREATE_MESSAGE,
			     "params", buf_data(&json), &out),
	    -1);
	assert_int_equal(errno, EMSGSIZE);
	buf_free(&json);
	buf_free(&out);
}

static void
what_a_client_must_be_capable_of_is_told(void **state)
{
	static const struct {
		const char *params;
		enum mcp_method method;
		unsigned int needs;
	} cases[] = {
		{ NULL, MCP_ROOTS_LIST, MCP_CAN_LIST_ROOTS },
		{ "{}", MCP_ELICITATION_CREATE, MCP_CAN_ELICIT_FORM },
		{ "{\"mode\":\"form\"}", MCP_ELICITATION_CREATE,
		    MCP_CAN_ELICIT_FORM },
		{ "{\"mode\":7}", MCP_ELICITATION_CREATE, MCP_CAN_ELICIT_FORM },
		{ "{\"mode\":\"\\u0075rl\"}", MCP_ELICITATION_CREATE,
		    MCP_CAN_ELICIT_URL },
		{ NULL, MCP_ELICITATION_CREATE, MCP_CAN_ELICIT_FORM },
		{ "{\"messages\":[]}", MCP_SAMPLING_CREATE_MESSAGE,
		    MCP_CAN_SAMPLE },
		{ "{\"toolChoice\":null}", MCP_SAMPLING_CREATE_MESSAGE,
		    MCP_CAN_SAMPLE },
		{ "{\"tools\":[]}", MCP_SAMPLING_CREATE_MESSAGE,
		    MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS },
		{ "{\"toolChoice\":{}}", MCP_SAMPLING_CREATE_MESSAGE,
		    MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS },
		{ "[]", MCP_SAMPLING_CREATE_MESSAGE, MCP_CAN_SAMPLE },
		{ "{}", MCP_PING, 0 },
		{ "{\"tools\":[]}", MCP_UNKNOWN, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_span params = { cases[i].params, 0 };

		if (params.at != NULL)
			params.len = strlen(params.at);
		assert_int_equal(
		    adapt_check_ask(cases[i].method, params), cases[i].needs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_are_shown_as_the_client_knows_them),
		cmocka_unit_test(
		    without_other_uris_nothing_changes_for_the_latest_revision),
		cmocka_unit_test(other_uris_stay),
		cmocka_unit_test(audio_becomes_text_before_2025_03_26),
		cmocka_unit_test(a_long_mime_type_is_left_out),
		cmocka_unit_test(links_become_text_before_2025_06_18),
		cmocka_unit_test(
		    a_link_that_became_text_has_the_uri_that_the_client_knows),
		cmocka_unit_test(
		    structured_content_is_an_object_for_legacy_clients),
		cmocka_unit_test(
		    content_and_structured_content_change_together),
		cmocka_unit_test(the_last_of_equal_members_counts),
		cmocka_unit_test(a_message_has_one_block_before_2025_11_25),
		cmocka_unit_test(what_is_replaced_already_stays_replaced),
		cmocka_unit_test(tools_are_for_clients_that_can_use_them),
		cmocka_unit_test(elicitation_has_modes_since_2025_11_25),
		cmocka_unit_test(wrong_types_stay_as_they_are),
		cmocka_unit_test(what_would_grow_too_much_is_refused),
		cmocka_unit_test(what_a_client_must_be_capable_of_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
