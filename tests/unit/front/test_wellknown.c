/* test_wellknown.c: metadata and challenges, byte for byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"

#include "policy.h"
#include "wellknown.h"

#define WELLKNOWN "/.well-known/oauth-protected-resource"

static char host[] = "https://gw.example:8443";
static char slash[] = "https://gw.example/";
static char below[] = "https://gw.example/a/b/";
static char quoted[] = "https://gw.example\"";
static char first[] = "https://auth.example";
static char second[] = "https://\"x";
static char *both[] = { first, second, NULL };
static char *nobody[] = { NULL };

#define METADATA(...)                                                          \
	"{\"resource\":" __VA_ARGS__ ",\"bearer_methods_supported\":"          \
	"[\"header\"],\"resource_name\":\"MCP Gateway\"}"

static void
expect_text(struct buf *b, const char *want)
{
	assert_int_equal(buf_add(b, "", 1), 0);
	assert_string_equal(buf_data(b), want);
	buf_free(b);
}

static void
expect_metadata(struct policy *policy, const char *path, const char *want)
{
	struct buf b = { 0 };

	assert_int_equal(
	    wellknown_add_metadata(&b, policy, path, strlen(path)), 0);
	expect_text(&b, want);
}

static void
expect_none(struct policy *policy, const char *path)
{
	struct buf b = { 0 };

	errno = 0;
	assert_int_equal(
	    wellknown_add_metadata(&b, policy, path, strlen(path)), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(buf_len(&b), 0);
	buf_free(&b);
}

static void
expect_challenge(struct policy *policy, enum wellknown_challenge challenge,
    const char *path, const char *want)
{
	struct buf b = { 0 };

	assert_int_equal(
	    wellknown_add_challenge(&b, policy, challenge, path, strlen(path)),
	    0);
	expect_text(&b, want);
}

static void
each_endpoint_is_a_resource(void **state)
{
	struct policy policy = { .public_url = host };

	(void)state;
	expect_metadata(&policy, "", METADATA("\"https://gw.example:8443\""));
	expect_metadata(
	    &policy, "/sse", METADATA("\"https://gw.example:8443/sse\""));
	expect_metadata(
	    &policy, "/mcp", METADATA("\"https://gw.example:8443/mcp\""));
	expect_metadata(&policy, "/servers/a%20b/mcp",
	    METADATA("\"https://gw.example:8443/servers/a%20b/mcp\""));
	expect_metadata(&policy, "/servers/x/sse",
	    METADATA("\"https://gw.example:8443/servers/x/sse\""));
}

static void
servers_of_tokens_are_named(void **state)
{
	struct policy policy = { .public_url = slash,
		.authorization_servers = both };

	(void)state;
	expect_metadata(&policy, "/mcp",
	    METADATA("\"https://gw.example/mcp\","
		     "\"authorization_servers\":"
		     "[\"https://auth.example\",\"https://\\\"x\"]"));
	policy.authorization_servers = nobody;
	expect_metadata(
	    &policy, "/mcp", METADATA("\"https://gw.example/mcp\""));
}

static void
other_paths_have_no_metadata(void **state)
{
	struct policy policy = { .public_url = host };

	(void)state;
	expect_none(&policy, "/");
	expect_none(&policy, "/x");
	expect_none(&policy, "/mcp/");
	expect_none(&policy, "/messages/");
	expect_none(&policy, "/metrics");
	expect_none(&policy, "/servers/x");
	expect_none(&policy, "/servers/\"/mcp");
	expect_none(&policy, "/a/b/mcp");
	expect_none(&policy, WELLKNOWN);
}

static void
a_path_of_the_public_url_stands_before_that_of_the_endpoint(void **state)
{
	struct policy policy = { .public_url = below };

	(void)state;
	/* RFC 9728, 3.1; a proxy may have taken it away. */
	expect_metadata(
	    &policy, "/a/b/mcp", METADATA("\"https://gw.example/a/b/mcp\""));
	expect_metadata(
	    &policy, "/mcp", METADATA("\"https://gw.example/a/b/mcp\""));
	expect_metadata(
	    &policy, "/a/b", METADATA("\"https://gw.example/a/b\""));
	expect_metadata(&policy, "", METADATA("\"https://gw.example/a/b\""));
	expect_none(&policy, "/a/bmcp");
	expect_none(&policy, "/a/b/");
	expect_none(&policy, "/a/mcp");
	expect_none(&policy, "/a/b/a/b/mcp");
	expect_challenge(&policy, WELLKNOWN_NO_TOKEN, "/mcp",
	    "Bearer realm=\"mcp-gateway\", resource_metadata=\""
	    "https://gw.example" WELLKNOWN "/a/b/mcp\"");
}

static void
challenges_name_the_error_and_the_metadata(void **state)
{
	struct policy policy = { .public_url = host };

	(void)state;
	expect_challenge(&policy, WELLKNOWN_NO_TOKEN, "/sse",
	    "Bearer realm=\"mcp-gateway\", resource_metadata=\""
	    "https://gw.example:8443" WELLKNOWN "/sse\"");
	expect_challenge(&policy, WELLKNOWN_INVALID_TOKEN, "/servers/x/mcp",
	    "Bearer realm=\"mcp-gateway\", error=\"invalid_token\", "
	    "resource_metadata=\"https://gw.example:8443" WELLKNOWN
	    "/servers/x/mcp\"");
	expect_challenge(&policy, WELLKNOWN_NO_TOKEN, "",
	    "Bearer realm=\"mcp-gateway\", resource_metadata=\""
	    "https://gw.example:8443" WELLKNOWN "\"");
}

static void
without_a_public_url_there_is_no_metadata(void **state)
{
	struct policy policy = { .authorization_servers = both };

	(void)state;
	expect_none(&policy, "");
	expect_none(&policy, "/mcp");
	expect_challenge(&policy, WELLKNOWN_NO_TOKEN, "/mcp",
	    "Bearer realm=\"mcp-gateway\"");
	expect_challenge(&policy, WELLKNOWN_INVALID_REQUEST, "/mcp",
	    "Bearer realm=\"mcp-gateway\", error=\"invalid_request\"");
}

static void
no_url_ends_the_quotes_of_a_header(void **state)
{
	struct policy policy = { .public_url = quoted };

	(void)state;
	expect_challenge(&policy, WELLKNOWN_NO_TOKEN, "/mcp",
	    "Bearer realm=\"mcp-gateway\"");
	expect_metadata(
	    &policy, "/mcp", METADATA("\"https://gw.example\\\"/mcp\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_endpoint_is_a_resource),
		cmocka_unit_test(servers_of_tokens_are_named),
		cmocka_unit_test(other_paths_have_no_metadata),
		cmocka_unit_test(
		    a_path_of_the_public_url_stands_before_that_of_the_endpoint),
		cmocka_unit_test(challenges_name_the_error_and_the_metadata),
		cmocka_unit_test(without_a_public_url_there_is_no_metadata),
		cmocka_unit_test(no_url_ends_the_quotes_of_a_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
