/* test_setup.c: what SETUP brings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "setup.h"

static int
parse(struct setup *setup, const char *text)
{
	return setup_parse(setup, text, strlen(text));
}

static void
a_setup_is_read(void **state)
{
	struct setup setup;

	(void)state;
	assert_int_equal(
	    parse(&setup,
		"{\"log_level\":\"warning\",\"identity\":{\"uid\":7,\"gid\":8,"
		"\"chroot\":\"/var/empty\"},\"name\":\"b\\u0061\","
		"\"request_timeout_ms\":60000,\"startup_timeout_ms\":1,"
		"\"ping_interval_ms\":4294967295,\"message_size\":1000,"
		"\"capabilities\":127,"
		"\"remote\":null,"
		"\"later\":[]}"),
	    0);
	assert_int_equal(setup.log_level, LOG_LEVEL_WARNING);
	assert_true(setup.identity.set);
	assert_int_equal(setup.identity.uid, 7);
	assert_int_equal(setup.identity.gid, 8);
	assert_string_equal(setup.identity.chroot, "/var/empty");
	assert_string_equal(setup.name, "ba");
	assert_int_equal(setup.request_timeout_ms, 60000);
	assert_int_equal(setup.startup_timeout_ms, 1);
	assert_int_equal(setup.ping_interval_ms, 4294967295);
	assert_int_equal(setup.message_size, 1000);
	assert_int_equal(setup.capabilities, MCP_CAPABILITIES_ALL);
	assert_null(setup.remote.url);
	setup_free(&setup);
	assert_null(setup.name);
}

/* A setup with this instead of what it has for the key. */
static int
parse_with(struct setup *setup, const char *key, const char *value)
{
	static const char *const members[][2] = {
		{ "log_level", "\"info\"" },
		{ "identity", "null" },
		{ "name", "\"b\"" },
		{ "request_timeout_ms", "1" },
		{ "startup_timeout_ms", "1" },
		{ "ping_interval_ms", "0" },
		{ "message_size", "67108864" },
		{ "capabilities", "0" },
		{ "remote", "null" },
	};
	char text[2048] = "{";

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		bool other = strcmp(members[i][0], key) != 0;

		if (!other && value == NULL)
			continue;
		(void)strlcat(text, text[1] == '\0' ? "\"" : ",\"", 2048);
		(void)strlcat(text, members[i][0], sizeof(text));
		(void)strlcat(text, "\":", sizeof(text));
		(void)strlcat(text, other ? members[i][1] : value, 2048);
	}
	(void)strlcat(text, "}", sizeof(text));
	return parse(setup, text);
}

static void
no_identity_is_none(void **state)
{
	struct setup setup;

	(void)state;
	assert_int_equal(parse_with(&setup, "", NULL), 0);
	assert_false(setup.identity.set);
	assert_null(setup.identity.chroot);
	assert_int_equal(setup.ping_interval_ms, 0);
	setup_free(&setup);
}

static void
a_remote_is_read(void **state)
{
	struct setup setup;

	(void)state;
	assert_int_equal(
	    parse_with(&setup, "remote",
		"{\"type\":\"sse\",\"url\":\"https://h/mcp?key=\\u0061\","
		"\"headers\":[\"A: 1\",\"B: \\\"2\\\"\"],\"ca\":\"PEM\\n1\","
		"\"certificate\":\"PEM2\",\"key\":\"PEM3\","
		"\"private_network\":true,\"has_job\":false}"),
	    0);
	assert_int_equal(setup.remote.type, REMOTE_SSE);
	assert_string_equal(setup.remote.url, "https://h/mcp?key=a");
	assert_string_equal(setup.remote.headers[0], "A: 1");
	assert_string_equal(setup.remote.headers[1], "B: \"2\"");
	assert_null(setup.remote.headers[2]);
	assert_string_equal(setup.remote.ca, "PEM\n1");
	assert_string_equal(setup.remote.certificate, "PEM2");
	assert_string_equal(setup.remote.key, "PEM3");
	assert_true(setup.remote.private_network);
	assert_false(setup.remote.has_job);
	setup_free(&setup);
	assert_null(setup.remote.key);
	assert_null(setup.remote.headers);
}

#define REMOTE(type, url, headers, ca, job)                                    \
	"{\"type\":" type ",\"url\":" url ",\"headers\":" headers              \
	",\"ca\":" ca ",\"certificate\":null,\"key\":null,"                    \
	"\"private_network\":false,\"has_job\":" job "}"

static void
a_remote_may_have_little(void **state)
{
	struct setup setup;

	(void)state;
	assert_int_equal(parse_with(&setup, "remote",
			     REMOTE("\"auto\"", "\"u\"", "[]", "null", "true")),
	    0);
	assert_int_equal(setup.remote.type, REMOTE_AUTO);
	assert_non_null(setup.remote.headers);
	assert_null(setup.remote.headers[0]);
	assert_null(setup.remote.ca);
	assert_null(setup.remote.certificate);
	assert_null(setup.remote.key);
	assert_true(setup.remote.has_job);
	setup_free(&setup);
	assert_int_equal(
	    parse_with(&setup, "remote",
		REMOTE("\"http\"", "\"u\"", "[]", "null", "false")),
	    0);
	assert_int_equal(setup.remote.type, REMOTE_HTTP);
	setup_free(&setup);
}

static void
a_wrong_remote_is_refused(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"{}",
		"\"u\"",
		"true",
		REMOTE("\"ftp\"", "\"u\"", "[]", "null", "true"),
		REMOTE("1", "\"u\"", "[]", "null", "true"),
		REMOTE("\"auto\"", "null", "[]", "null", "true"),
		REMOTE("\"auto\"", "\"\"", "[]", "null", "true"),
		REMOTE("\"auto\"", "\"a\\u0000b\"", "[]", "null", "true"),
		REMOTE("\"auto\"", "\"u\"", "null", "null", "true"),
		REMOTE("\"auto\"", "\"u\"", "{\"A\":\"1\"}", "null", "true"),
		REMOTE("\"auto\"", "\"u\"", "[\"A: 1\",2]", "null", "true"),
		REMOTE("\"auto\"", "\"u\"", "[\"A\"]", "null", "true"),
		REMOTE("\"auto\"", "\"u\"", "[\": 1\"]", "null", "true"),
		REMOTE("\"auto\"", "\"u\"", "[]", "7", "true"),
		REMOTE("\"auto\"", "\"u\"", "[]", "\"\"", "true"),
		REMOTE("\"auto\"", "\"u\"", "[]", "null", "1"),
		REMOTE("\"auto\"", "\"u\"", "[]", "null", "null"),
	};
	struct setup setup;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		errno = 0;
		assert_int_equal(parse_with(&setup, "remote", wrong[i]), -1);
		assert_int_equal(errno, EINVAL);
		assert_null(setup.remote.url);
	}
}

static void
a_wrong_setup_is_refused(void **state)
{
	static const char *const wrong[][2] = {
		{ "log_level", "\"loud\"" },
		{ "log_level", NULL },
		{ "name", "\"\"" },
		{ "name", "\"a\\u0000b\"" },
		{ "name", NULL },
		{ "request_timeout_ms", NULL },
		{ "request_timeout_ms", "-1" },
		{ "request_timeout_ms", "0" },
		{ "startup_timeout_ms", NULL },
		{ "startup_timeout_ms", "0" },
		{ "startup_timeout_ms", "1.5" },
		{ "ping_interval_ms", NULL },
		{ "ping_interval_ms", "null" },
		{ "ping_interval_ms", "4294967296" },
		{ "message_size", NULL },
		{ "message_size", "0" },
		{ "message_size", "67108865" },
		{ "capabilities", NULL },
		{ "capabilities", "-1" },
		{ "capabilities", "128" },
		{ "capabilities", "{}" },
		{ "remote", NULL },
		{ "identity", "{\"uid\":1}" },
		{ "identity",
		    "{\"uid\":-1,\"gid\":4294967296,\"chroot\":\"/\"}" },
	};
	struct setup setup;

	(void)state;
	assert_int_equal(parse(&setup, ""), -1);
	assert_int_equal(parse(&setup, "[]"), -1);
	assert_int_equal(parse(&setup, "{}"), -1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		errno = 0;
		assert_int_equal(
		    parse_with(&setup, wrong[i][0], wrong[i][1]), -1);
		assert_int_equal(errno, EINVAL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_setup_is_read),
		cmocka_unit_test(no_identity_is_none),
		cmocka_unit_test(a_remote_is_read),
		cmocka_unit_test(a_remote_may_have_little),
		cmocka_unit_test(a_wrong_remote_is_refused),
		cmocka_unit_test(a_wrong_setup_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
