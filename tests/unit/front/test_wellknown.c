/* test_wellknown.c: metadata and challenges, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy.h"
#include "wellknown.h"

static char host[] = "https://gw.example:8443";
static char slash[] = "https://gw.example/";
static char quoted[] = "https://gw.example\"";
static char first[] = "https://auth.example";
static char second[] = "https://\"x";
static char *both[] = { first, second, NULL };
static char *nobody[] = { NULL };

#define METADATA(...)                                                          \
	"{\"resource\":" __VA_ARGS__ ",\"bearer_methods_supported\":"          \
	"[\"header\"],\"resource_name\":\"MCP Gateway\"}"

static void
expect_metadata(struct policy *policy, const char *want)
{
	struct wellknown wellknown = { 0 };

	assert_int_equal(wellknown_make(&wellknown, policy), 0);
	assert_string_equal(wellknown.metadata, want);
	assert_int_equal(wellknown.metadata_len, strlen(want));
	wellknown_free(&wellknown);
	assert_null(wellknown.metadata);
}

static void
the_resource_is_the_public_url(void **state)
{
	struct policy policy = { .public_url = host,
		.authorization_servers = both };

	(void)state;
	expect_metadata(&policy,
	    METADATA("\"https://gw.example:8443/sse\","
		     "\"authorization_servers\":"
		     "[\"https://auth.example\",\"https://\\\"x\"]"));
	policy.public_url = slash;
	policy.authorization_servers = nobody;
	expect_metadata(&policy, METADATA("\"https://gw.example/sse\""));
	policy.authorization_servers = NULL;
	expect_metadata(&policy, METADATA("\"https://gw.example/sse\""));
}

static void
challenges_name_the_error_and_the_metadata(void **state)
{
	struct policy policy = { .public_url = host };
	struct wellknown w = { 0 };

	(void)state;
	assert_int_equal(wellknown_make(&w, &policy), 0);
	assert_string_equal(w.challenges[WELLKNOWN_NO_TOKEN],
	    "Bearer realm=\"mcp-gateway\", resource_metadata=\""
	    "https://gw.example:8443/.well-known/oauth-protected-resource/sse"
	    "\"");
	assert_string_equal(w.challenges[WELLKNOWN_INVALID_TOKEN],
	    "Bearer realm=\"mcp-gateway\", error=\"invalid_token\", "
	    "resource_metadata=\""
	    "https://gw.example:8443/.well-known/oauth-protected-resource/sse"
	    "\"");
	wellknown_free(&w);
}

static void
without_a_public_url_there_is_no_metadata(void **state)
{
	struct policy policy = { .authorization_servers = both };
	struct wellknown w = { 0 };

	(void)state;
	assert_int_equal(wellknown_make(&w, &policy), 0);
	assert_null(w.metadata);
	assert_string_equal(
	    w.challenges[WELLKNOWN_NO_TOKEN], "Bearer realm=\"mcp-gateway\"");
	assert_string_equal(w.challenges[WELLKNOWN_INVALID_REQUEST],
	    "Bearer realm=\"mcp-gateway\", error=\"invalid_request\"");
	wellknown_free(&w);
}

static void
no_url_ends_the_quotes_of_a_header(void **state)
{
	struct policy policy = { .public_url = quoted };
	struct wellknown w = { 0 };

	(void)state;
	assert_int_equal(wellknown_make(&w, &policy), 0);
	assert_string_equal(
	    w.challenges[WELLKNOWN_NO_TOKEN], "Bearer realm=\"mcp-gateway\"");
	wellknown_free(&w);
}

static void
a_new_policy_replaces_what_was_said(void **state)
{
	struct policy policy = { .public_url = host };
	struct wellknown w = { 0 };

	(void)state;
	assert_int_equal(wellknown_make(&w, &policy), 0);
	policy.public_url = NULL;
	assert_int_equal(wellknown_make(&w, &policy), 0);
	assert_null(w.metadata);
	assert_int_equal(w.metadata_len, 0);
	wellknown_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_resource_is_the_public_url),
		cmocka_unit_test(challenges_name_the_error_and_the_metadata),
		cmocka_unit_test(without_a_public_url_there_is_no_metadata),
		cmocka_unit_test(no_url_ends_the_quotes_of_a_header),
		cmocka_unit_test(a_new_policy_replaces_what_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
