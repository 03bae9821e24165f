/* test_jsonrpc.c: what is a JSON-RPC message, and where its parts lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"
#include "proto/jsonrpc.h"

static int
parse(const char *text, struct rpc_message *msg, struct rpc_problem *problem)
{
	return rpc_parse(msg, text, strlen(text), problem);
}

/* The message of a text that has to be one. */
static struct rpc_message
message_of(const char *text)
{
	struct rpc_problem problem;
	struct rpc_message msg;

	if (parse(text, &msg, &problem) == -1)
		fail_msg("%s: %s", text, problem.text);
	return msg;
}

static void
assert_span(struct json_span span, const char *text)
{
	if (text == NULL) {
		assert_null(span.at);
		return;
	}
	assert_non_null(span.at);
	assert_int_equal(span.len, strlen(text));
	assert_memory_equal(span.at, text, span.len);
}

static void
the_kinds_of_messages_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum rpc_kind kind;
		enum mcp_method method;
		const char *id;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
		    RPC_REQUEST, MCP_PING, "1" },
		{ "{\"method\":\"x/y\",\"id\":\"\",\"jsonrpc\":\"2\\u002e0\"}",
		    RPC_REQUEST, MCP_UNKNOWN, "\"\"" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\"}",
		    RPC_NOTIFICATION, MCP_TOOLS_LIST, NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":-0,\"result\":{}}", RPC_RESULT,
		    MCP_UNKNOWN, "-0" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":null}",
		    RPC_RESULT, MCP_UNKNOWN, "\"a\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"error\":{}}",
		    RPC_ERROR, MCP_UNKNOWN, "9007199254740993" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1}}",
		    RPC_ERROR, MCP_UNKNOWN, "null" },
		{ "{\"jsonrpc\":\"2.0\",\"error\":{}}", RPC_ERROR, MCP_UNKNOWN,
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rpc_message msg = message_of(cases[i].text);

		assert_int_equal(msg.kind, cases[i].kind);
		assert_int_equal(msg.method, cases[i].method);
		assert_span(msg.id, cases[i].id);
		assert_span(msg.text, cases[i].text);
		assert_false(msg.newline);
	}
}

static void
every_part_is_found(void **state)
{
	struct rpc_message msg = message_of(
	    " {\"jsonrpc\":\"2.0\",\"id\":\"i\",\"method\":\"tools\\/call\",\n"
	    "\"params\":{\"name\":\"n\",\"uri\":\"u\",\"arguments\":{\"name\":1"
	    "},\"cursor\":\"c\",\"level\":\"info\",\"ref\":{\"type\":\"t\","
	    "\"name\":\"rn\",\"uri\":\"ru\"},\"requestId\":7,\"reason\":\"r\","
	    "\"progressToken\":8,\"protocolVersion\":\"v\",\"capabilities\":{},"
	    "\"clientInfo\":{\"name\":2},\"_meta\":{\"progressToken\":9}}} ");

	(void)state;
	assert_int_equal(msg.kind, RPC_REQUEST);
	assert_int_equal(msg.method, MCP_TOOLS_CALL);
	assert_true(msg.newline);
	assert_span(msg.id, "\"i\"");
	assert_span(msg.method_name, "\"tools\\/call\"");
	assert_int_equal(json_kind(msg.params), JSON_OBJECT);
	assert_span(msg.result, NULL);
	assert_span(msg.error, NULL);
	assert_span(msg.name, "\"n\"");
	assert_span(msg.uri, "\"u\"");
	assert_span(msg.arguments, "{\"name\":1}");
	assert_span(msg.cursor, "\"c\"");
	assert_span(msg.level, "\"info\"");
	assert_span(msg.ref, "{\"type\":\"t\",\"name\":\"rn\",\"uri\":\"ru\"}");
	assert_span(msg.request_id, "7");
	assert_span(msg.reason, "\"r\"");
	assert_span(msg.progress_token, "8");
	assert_span(msg.protocol_version, "\"v\"");
	assert_span(msg.capabilities, "{}");
	assert_span(msg.client_info, "{\"name\":2}");
	assert_span(msg.meta, "{\"progressToken\":9}");
	assert_span(msg.meta_progress_token, "9");
	assert_span(msg.ref_type, "\"t\"");
	assert_span(msg.ref_name, "\"rn\"");
	assert_span(msg.ref_uri, "\"ru\"");
	assert_span(msg.structured_content, NULL);
	msg =
	    message_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":"
		       "{\"structuredContent\":1},\"structuredContent\":[2]}}");
	assert_span(msg.structured_content, "[2]");
	msg = message_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":"
			 "[{\"structuredContent\":1}]}");
	assert_span(msg.structured_content, NULL);
}

static void
what_is_not_json_is_a_parse_error(void **state)
{
	static const char *const texts[] = { "", " ", "{", "{}{}", "[1,]",
		"{'a':1}", "\xef\xbb\xbf{}", "{\"id\":1,\"id\":2,}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":NaN,\"method\":\"ping\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"a\\u0000\":1}" };
	struct rpc_problem problem;
	struct rpc_message msg;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i], &msg, &problem), -1);
		assert_int_equal(problem.code, RPC_PARSE_ERROR);
		assert_non_null(problem.text);
		assert_true(problem.at <= strlen(texts[i]));
		assert_span(problem.id, NULL);
		assert_false(problem.is_array);
	}
}

static void
every_truncation_of_a_message_is_a_parse_error(void **state)
{
	static const char text[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"tools/call\",\"params\":"
	    "{\"name\":\"a\",\"arguments\":{\"x\":[1,true,\"\xc3\xa9\\n\"]}}}";
	struct rpc_problem problem;
	struct rpc_message msg;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		assert_int_equal(rpc_parse(&msg, text, n, &problem), -1);
		assert_int_equal(problem.code, RPC_PARSE_ERROR);
		assert_span(problem.id, NULL);
	}
	assert_int_equal(rpc_parse(&msg, text, sizeof(text) - 1, &problem), 0);
}

static void
json_that_is_no_message_is_an_invalid_request(void **state)
{
	static const struct {
		const char *text;
		const char *id;
	} cases[] = {
		{ "1", NULL },
		{ "null", NULL },
		{ "\"{}\"", NULL },
		{ "{}", NULL },
		{ "{\"id\":1,\"method\":\"ping\"}", "1" },
		{ "{\"jsonrpc\":\"1.0\",\"id\":\"x\",\"method\":\"ping\"}",
		    "\"x\"" },
		{ "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", "1" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", "1" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}", "1" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}", "1" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
		    NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}",
		    NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}",
		    NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{}}",
		    "1" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\","
		  "\"result\":1}",
		    "1" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\","
		  "\"error\":{}}",
		    "1" },
		{ "{\"jsonrpc\":\"2.0\",\"result\":{}}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"bad\"}", "1" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":null}", "1" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"error\":{}}", NULL },
	};
	struct rpc_problem problem;
	struct rpc_message msg;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, &msg, &problem), -1);
		assert_int_equal(problem.code, RPC_INVALID_REQUEST);
		assert_non_null(problem.text);
		assert_span(problem.id, cases[i].id);
		assert_false(problem.is_array);
	}
}

static void
an_array_is_told_to_be_one(void **state)
{
	static const char *const texts[] = { "[]", " [1]",
		"\r\n[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
		"[{\"id\":1,\"id\":1}]" };
	struct rpc_problem problem;
	struct rpc_message msg;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i], &msg, &problem), -1);
		assert_int_equal(problem.code, RPC_INVALID_REQUEST);
		assert_true(problem.is_array);
	}
}

static void
a_member_that_stands_twice_is_an_invalid_request(void **state)
{
	static const struct {
		const char *text;
		const char *id;
	} cases[] = {
		{ " {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\","
		  "\"\\u006dethod\":\"b\"} ",
		    "1" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{\"name\":"
		  "\"a\",\"name\":\"b\"},\"id\":\"z\"}",
		    "\"z\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"id\":2}",
		    NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"\\u0069d\":1,"
		  "\"method\":\"a\"}",
		    NULL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\","
		  "\"\\ud800\":1}",
		    "1" },
		{ "{\"method\":\"a\",\"method\":\"b\",\"id\":[]}", NULL },
	};
	struct rpc_problem problem;
	struct rpc_message msg;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, &msg, &problem), -1);
		assert_int_equal(problem.code, RPC_INVALID_REQUEST);
		assert_span(problem.id, cases[i].id);
		assert_true(problem.at > 0);
	}
}

static void
params_that_are_no_object_are_invalid_params(void **state)
{
	static const char *const values[] = { "[]", "null", "1", "\"{}\"" };
	struct rpc_problem problem;
	struct rpc_message msg;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct buf b = { 0 };

		assert_int_equal(
		    buf_add_format(&b,
			"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\","
			"\"params\":%s}",
			values[i]),
		    0);
		assert_int_equal(
		    rpc_parse(&msg, buf_data(&b), buf_len(&b), &problem), -1);
		assert_int_equal(problem.code, RPC_INVALID_PARAMS);
		assert_span(problem.id, "5");
		buf_free(&b);
	}
}

/* A request whose id is n bytes long, quotes included. */
static int
parse_long_id(size_t n, struct rpc_problem *problem)
{
	struct rpc_message msg;
	struct buf b = { 0 };
	int result;

	assert_int_equal(
	    buf_add_format(&b,
		"{\"jsonrpc\":\"2.0\",\"id\":\"%0*d\",\"method\":\"ping\"}",
		(int)n - 2, 0),
	    0);
	result = rpc_parse(&msg, buf_data(&b), buf_len(&b), problem);
	buf_free(&b);
	return result;
}

static void
an_id_has_a_greatest_length(void **state)
{
	struct rpc_problem problem;

	(void)state;
	assert_int_equal(parse_long_id(RPC_ID_MAX, &problem), 0);
	assert_int_equal(parse_long_id(RPC_ID_MAX + 1, &problem), -1);
	assert_int_equal(problem.code, RPC_INVALID_REQUEST);
	assert_span(problem.id, NULL);
}

static const char *
check(const char *method, const char *params)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	struct buf b = { 0 };
	const char *wrong;

	assert_int_equal(
	    buf_add_format(&b,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"%s%s}", method,
		*params != '\0' ? ",\"params\":" : "", params),
	    0);
	assert_int_equal(
	    rpc_parse(&msg, buf_data(&b), buf_len(&b), &problem), 0);
	wrong = rpc_check_params(&msg);
	buf_free(&b);
	return wrong;
}

static void
params_of_the_right_types_pass(void **state)
{
	static const char *const cases[][2] = {
		{ "ping", "" },
		{ "ping", "{\"name\":1}" },
		{ "tools/call", "{\"name\":\"a\"}" },
		{ "tools/call",
		    "{\"name\":\"a\",\"arguments\":{},\"_meta\":{"
		    "\"progressToken\":\"t\"}}" },
		{ "prompts/get",
		    "{\"name\":\"a\",\"arguments\":{\"b\":\"\"}}" },
		{ "tools/list", "" },
		{ "resources/list", "{\"cursor\":\"c\"}" },
		{ "resources/templates/list", "{}" },
		{ "prompts/list", "{\"_meta\":{\"progressToken\":-1}}" },
		{ "resources/read", "{\"uri\":\"u\"}" },
		{ "resources/subscribe", "{\"uri\":\"u\"}" },
		{ "resources/unsubscribe", "{\"uri\":\"u\"}" },
		{ "completion/complete",
		    "{\"ref\":{\"type\":\"ref\\/prompt\",\"name\":\"n\"}}" },
		{ "completion/complete",
		    "{\"ref\":{\"type\":\"ref/resource\",\"uri\":\"u\"}}" },
		{ "logging/setLevel", "{\"level\":\"emergency\"}" },
		{ "initialize",
		    "{\"protocolVersion\":\"x\",\"capabilities\":{},"
		    "\"clientInfo\":{}}" },
		{ "notifications/cancelled", "{\"requestId\":1}" },
		{ "notifications/cancelled", "{}" },
		{ "notifications/progress", "{\"progressToken\":1}" },
		{ "something/else", "{\"uri\":1}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_null(check(cases[i][0], cases[i][1]));
}

static void
params_of_wrong_types_are_named(void **state)
{
	static const char *const cases[][3] = {
		{ "tools/call", "", "params.name" },
		{ "tools/call", "{\"name\":1}", "params.name" },
		{ "tools/call", "{\"name\":\"a\",\"arguments\":\"{}\"}",
		    "params.arguments" },
		{ "tools/call", "{\"name\":\"a\",\"arguments\":null}",
		    "params.arguments" },
		{ "tools/call", "{\"name\":\"a\",\"_meta\":[]}",
		    "params._meta" },
		{ "ping", "{\"_meta\":{\"progressToken\":{}}}",
		    "params._meta.progressToken" },
		{ "ping", "{\"_meta\":{\"progressToken\":null}}",
		    "params._meta.progressToken" },
		{ "prompts/get", "{\"name\":{}}", "params.name" },
		{ "prompts/get", "{\"name\":\"a\",\"arguments\":[]}",
		    "params.arguments" },
		{ "tools/list", "{\"cursor\":1}", "params.cursor" },
		{ "resources/list", "{\"cursor\":null}", "params.cursor" },
		{ "resources/templates/list", "{\"cursor\":[]}",
		    "params.cursor" },
		{ "prompts/list", "{\"cursor\":{}}", "params.cursor" },
		{ "resources/read", "{}", "params.uri" },
		{ "resources/subscribe", "{\"uri\":1}", "params.uri" },
		{ "resources/unsubscribe", "", "params.uri" },
		{ "completion/complete", "", "params.ref" },
		{ "completion/complete", "{\"ref\":\"x\"}", "params.ref" },
		{ "completion/complete", "{\"ref\":{}}", "params.ref.type" },
		{ "completion/complete",
		    "{\"ref\":{\"type\":\"ref/prompt\",\"uri\":\"u\"}}",
		    "params.ref.name" },
		{ "completion/complete",
		    "{\"ref\":{\"type\":\"ref/resource\",\"name\":\"n\"}}",
		    "params.ref.uri" },
		{ "logging/setLevel", "{\"level\":\"loud\"}", "params.level" },
		{ "logging/setLevel", "", "params.level" },
		{ "initialize", "", "params.protocolVersion" },
		{ "initialize", "{\"protocolVersion\":1}",
		    "params.protocolVersion" },
		{ "initialize",
		    "{\"protocolVersion\":\"x\",\"capabilities\":[]}",
		    "params.capabilities" },
		{ "initialize", "{\"protocolVersion\":\"x\",\"clientInfo\":1}",
		    "params.clientInfo" },
		{ "notifications/cancelled", "{\"requestId\":null}",
		    "params.requestId" },
		{ "notifications/progress", "{}", "params.progressToken" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *wrong = check(cases[i][0], cases[i][1]);
		size_t len = strlen(cases[i][2]);

		assert_non_null(wrong);
		assert_memory_equal(wrong, cases[i][2], len);
		assert_int_equal(wrong[len], ' ');
	}
}

static void
an_error_response_is_a_message_again(void **state)
{
	struct json_span none = { NULL, 0 };
	struct rpc_message msg;
	struct rpc_problem problem;
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(
	    rpc_add_error(&b, none, RPC_PARSE_ERROR, "bad \"\n\x01", none), 0);
	assert_span((struct json_span){ buf_data(&b), buf_len(&b) },
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
	    "\"message\":\"bad \\\"\\n\\u0001\"}}");
	buf_free(&b);
	assert_int_equal(
	    rpc_add_error(&b, (struct json_span){ "\"7\"", 3 },
		RPC_INTERNAL_ERROR, "", (struct json_span){ "{\"a\":[1]}", 9 }),
	    0);
	assert_span((struct json_span){ buf_data(&b), buf_len(&b) },
	    "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"error\":{\"code\":-32603,"
	    "\"message\":\"\",\"data\":{\"a\":[1]}}}");
	assert_int_equal(
	    rpc_parse(&msg, buf_data(&b), buf_len(&b), &problem), 0);
	assert_int_equal(msg.kind, RPC_ERROR);
	assert_span(msg.id, "\"7\"");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kinds_of_messages_are_told_apart),
		cmocka_unit_test(every_part_is_found),
		cmocka_unit_test(what_is_not_json_is_a_parse_error),
		cmocka_unit_test(
		    every_truncation_of_a_message_is_a_parse_error),
		cmocka_unit_test(json_that_is_no_message_is_an_invalid_request),
		cmocka_unit_test(an_array_is_told_to_be_one),
		cmocka_unit_test(
		    a_member_that_stands_twice_is_an_invalid_request),
		cmocka_unit_test(params_that_are_no_object_are_invalid_params),
		cmocka_unit_test(an_id_has_a_greatest_length),
		cmocka_unit_test(params_of_the_right_types_pass),
		cmocka_unit_test(params_of_wrong_types_are_named),
		cmocka_unit_test(an_error_response_is_a_message_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
