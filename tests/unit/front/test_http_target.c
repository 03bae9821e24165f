/* test_http_target.c: which targets mean something, and what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http_target.h"

#define METADATA HTTP_PATH_METADATA
#define NAME_64                                                                \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct want {
	const char *text;
	enum http_route route;
	const char *server;
	const char *path;
	const char *query;
};

static void
expect(const struct want *want)
{
	struct http_target target;

	http_target_read(&target, want->text);
	if (target.route != want->route)
		fail_msg("%s: %d", want->text, (int)target.route);
	assert_string_equal(target.server, want->server);
	assert_string_equal(target.query, want->query);
	assert_int_equal(target.path_len, strlen(want->path));
	assert_memory_equal(target.path, want->path, target.path_len);
}

static void
each_route_has_its_spelling(void **state)
{
	static const struct want wants[] = {
		{ "/mcp", HTTP_ROUTE_MCP, "", "/mcp", "" },
		{ "/mcp?names=safe", HTTP_ROUTE_MCP, "", "/mcp",
		    "?names=safe" },
		{ "/sse?", HTTP_ROUTE_SSE, "", "/sse", "?" },
		{ "/messages/?session_id=1", HTTP_ROUTE_MESSAGES, "", "/sse",
		    "?session_id=1" },
		{ "/messages", HTTP_ROUTE_TO_MESSAGES, "", "", "" },
		{ "/sse/?a", HTTP_ROUTE_TO_SSE, "", "", "?a" },
		{ "/mcp/", HTTP_ROUTE_TO_MCP, "", "", "" },
		{ "/healthz", HTTP_ROUTE_ALIVE, "", "", "" },
		{ "/readyz", HTTP_ROUTE_READY, "", "", "" },
		{ "/metrics?x=/mcp", HTTP_ROUTE_METRICS, "", "", "?x=/mcp" },
		{ METADATA, HTTP_ROUTE_METADATA, "", "", "" },
		{ METADATA "?x", HTTP_ROUTE_METADATA, "", "", "?x" },
		{ METADATA "/any/thing?x", HTTP_ROUTE_METADATA, "",
		    "/any/thing", "?x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		expect(&wants[i]);
}

static void
what_is_spelled_otherwise_is_none(void **state)
{
	static const char *const none[] = { "", "/", "/?/mcp", "/Mcp", "/MCP",
		"/mcp/x", "/mcp.", "/mcp;x", "/mcp#x", "/%6dcp", "/./mcp",
		"/x/../mcp", "//mcp", "mcp", "/ssee", "/messages//",
		METADATA "x", METADATA "%2fsse", "/.well-known",
		"/.WELL-KNOWN/oauth-protected-resource", "http://x/mcp" };
	struct http_target target;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		http_target_read(&target, none[i]);
		if (target.route != HTTP_ROUTE_NONE)
			fail_msg("%s: %d", none[i], (int)target.route);
		assert_int_equal(target.path_len, 0);
		assert_string_equal(target.server, "");
	}
}

static void
an_endpoint_names_its_server_in_any_spelling(void **state)
{
	static const struct want wants[] = {
		{ "/servers/a/mcp", HTTP_ROUTE_MCP, "a", "/servers/a/mcp", "" },
		{ "/servers/a/sse?x=1", HTTP_ROUTE_SSE, "a", "/servers/a/sse",
		    "?x=1" },
		{ "/servers/a%20b/mcp", HTTP_ROUTE_MCP, "a b",
		    "/servers/a%20b/mcp", "" },
		{ "/servers/%e6%b5%8B/mcp", HTTP_ROUTE_MCP, "\xe6\xb5\x8b",
		    "/servers/%e6%b5%8B/mcp", "" },
		{ "/servers/%61/mcp", HTTP_ROUTE_MCP, "a", "/servers/%61/mcp",
		    "" },
		/* Decoded once, and of no meaning beyond that. */
		{ "/servers/%2561/mcp", HTTP_ROUTE_MCP, "%61",
		    "/servers/%2561/mcp", "" },
		{ "/servers/x%2Fy%3F/mcp", HTTP_ROUTE_MCP, "x/y?",
		    "/servers/x%2Fy%3F/mcp", "" },
		{ "/servers/../mcp", HTTP_ROUTE_MCP, "..", "/servers/../mcp",
		    "" },
		{ "/servers/%22%5c/mcp", HTTP_ROUTE_MCP, "\"\\",
		    "/servers/%22%5c/mcp", "" },
		{ "/servers/A+b/mcp", HTTP_ROUTE_MCP, "A+b", "/servers/A+b/mcp",
		    "" },
		{ "/servers/" NAME_64 "/mcp", HTTP_ROUTE_MCP, NAME_64,
		    "/servers/" NAME_64 "/mcp", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		expect(&wants[i]);
}

static void
what_is_no_name_is_no_endpoint(void **state)
{
	static const char *const none[] = { "/servers", "/servers/",
		"/servers/a", "/servers/a/", "/servers//mcp", "/servers/mcp",
		"/servers/a/mcp/", "/servers/a/messages/", "/servers/a/b/mcp",
		"/servers/a//mcp", "/servers/a?/mcp", "/servers/a?x=/mcp",
		"/servers/%/mcp", "/servers/%2/mcp", "/servers/%g0/mcp",
		"/servers/%0g/mcp", "/servers/%00/mcp", "/servers/a%00/mcp",
		"/servers/a\"/mcp", "/servers/a\\/mcp", "/servers/a%2",
		"/servers/a%", "/servers/" NAME_64 "0/mcp",
		"/servers/" NAME_64 "%61/mcp", "/Servers/a/mcp",
		"/servers/a/MCP", "/servers/a%2fmcp" };
	struct http_target target;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		http_target_read(&target, none[i]);
		if (target.route != HTTP_ROUTE_NONE)
			fail_msg("%s: %d", none[i], (int)target.route);
		assert_string_equal(target.server, "");
		assert_string_equal(target.query,
		    strchr(none[i], '?') != NULL ? strchr(none[i], '?') : "");
	}
}

static bool
is_endpoint(const char *path)
{
	return http_target_is_endpoint(path, strlen(path));
}

static void
endpoints_are_told_from_other_paths(void **state)
{
	char longest[HTTP_ENDPOINT_MAX + 2] = "/servers/";

	(void)state;
	assert_true(is_endpoint("/sse"));
	assert_true(is_endpoint("/mcp"));
	assert_true(is_endpoint("/servers/any%20thing/sse"));
	assert_false(is_endpoint(""));
	assert_false(is_endpoint("/"));
	assert_false(is_endpoint("/mcp/"));
	assert_false(is_endpoint("/mcp?x"));
	assert_false(is_endpoint("/messages/"));
	assert_false(is_endpoint("/metrics"));
	assert_false(is_endpoint(METADATA));
	assert_true(http_target_is_endpoint("/mcpx", 4));
	for (size_t i = 0; i < HTTP_SERVER_MAX; i++)
		strlcat(longest, "%41", sizeof(longest));
	strlcat(longest, "/mcp", sizeof(longest));
	assert_int_equal(strlen(longest), HTTP_ENDPOINT_MAX);
	assert_true(is_endpoint(longest));
	longest[HTTP_ENDPOINT_MAX] = 'x';
	assert_false(http_target_is_endpoint(longest, HTTP_ENDPOINT_MAX + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_route_has_its_spelling),
		cmocka_unit_test(what_is_spelled_otherwise_is_none),
		cmocka_unit_test(an_endpoint_names_its_server_in_any_spelling),
		cmocka_unit_test(what_is_no_name_is_no_endpoint),
		cmocka_unit_test(endpoints_are_told_from_other_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
