/* What a wrong configuration is told, and where. */
#include "config_test.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
what_is_not_json_is_placed(void **state)
{
	static const struct {
		const char *text;
		unsigned int line, column;
		const char *part;
	} cases[] = {
		{ "", 1, 1, "not JSON: unexpected end" },
		{ "{\n  \"a\": }", 2, 8, "not JSON" },
		{ "{\"a\": 1", 1, 8, "not JSON: unexpected end" },
		{ "{} x", 1, 4, "not JSON" },
		{ "{\"a\": tru}", 1, 10, "not JSON" },
		{ "{\"a\": \"\x01\"}", 1, 8, "not JSON" },
		{ "{\"a\": \"\xff\"}", 1, 8, "not JSON" },
		{ "{\"a\": 01}", 1, 8, "not JSON" },
		{ "{\"a\"\n:\n\n[1,,2]}", 4, 4, "not JSON" },
		{ "{,}", 1, 2, "not JSON" },
		{ "[,]", 1, 2, "not JSON" },
		{ "{\"a\": [1,,]}", 1, 10, "not JSON" },
		{ "{\"a\":,}", 1, 6, "not JSON" },
		{ "{} /", 1, 4, "not JSON" },
		{ "{} # no", 1, 4, "not JSON" },
		{ "{ /* }\n", 1, 3, "this comment has no end" },
		{ "{}\n\n /*/", 3, 2, "this comment has no end" },
		{ "[]", 1, 1, "must hold an object, not a list" },
		{ "\n // x\n 5", 3, 2, "must hold an object, not a number" },
		{ "null", 1, 1, "must hold an object, not null" },
		{ "\"x\"", 1, 1, "must hold an object, not a string" },
		{ "true", 1, 1, "must hold an object, not true or false" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		must_fail(cases[i].text, cases[i].line, cases[i].column,
		    cases[i].part);
}

/* Wrong members of "gateway", each alone in {"gateway":{…}}, at column 13. */
static void
wrong_settings_of_the_gateway_are_named(void **state)
{
	static const struct {
		const char *member;
		unsigned int column;
		const char *part;
	} cases[] = {
		{ "\"hots\": 1", 1, "no key \"hots\"; did you mean \"host\"?" },
		{ "\"logLevel\": 1", 1, "did you mean \"log_level\"?" },
		{ "\"log-dir\": 1", 1, "did you mean \"log_dir\"?" },
		{ "\"address\": 1", 1, "did you mean \"host\"?" },
		{ "\"colour\": 1", 1, "no key \"colour\"; remove it" },
		{ "\"\\u001b[31m\": 1", 1, "no key \"\\x1b[31m\"" },
		{ "\"port\": 1, \"p\\u006frt\": 2", 12,
		    "\"port\" is there twice" },
		{ "\"host\": 1", 9,
		    "gateway: \"host\" must be an IP address or a host name, "
		    "not a number; write \"host\": \"127.0.0.1\"" },
		{ "\"host\": \"\"", 9, "must be an IP address" },
		{ "\"host\": \"a b\"", 9, "must be an IP address" },
		{ "\"host\": \"http://x\"", 9, "must be an IP address" },
		{ "\"port\": \"9000\"", 9,
		    "\"port\" must be a whole number from 0 to 65535, not a "
		    "string; write \"port\": 9000" },
		{ "\"port\": -1", 9, "not -1" },
		{ "\"port\": 65536", 9, "not 65536" },
		{ "\"port\": 80.5", 9, "not 80.5" },
		{ "\"port\": 99999999999999999999999", 9, "not 9999999" },
		{ "\"log_level\": \"trace\"", 14,
		    "must be one of \"debug\", \"info\", \"warning\", "
		    "\"error\" or \"critical\", not \"trace\"" },
		{ "\"log_level\": 3", 14, "not a number" },
		{ "\"log_dir\": \"\"", 12, "must be the path of a folder" },
		{ "\"user\": \"a b\"", 9, "must be the name of a user" },
		{ "\"worker_user\": \"-x\"", 16, "the name of a user" },
		{ "\"user\": null", 9, "not null" },
		{ "\"allowed_hosts\": \"x\"", 18,
		    "must be a list of strings, not a string" },
		{ "\"allowed_hosts\": [\"ok\", \"http://x\"]", 25,
		    "element 2 must be a host name without scheme and port" },
		{ "\"allowed_hosts\": [\"*\"]", 19, "element 1 must be" },
		{ "\"allowed_origins\": [\"x.example\"]", 21,
		    "must be a scheme and a host without a path" },
		{ "\"allowed_origins\": [\"https://x/\"]", 21, "a path" },
		{ "\"allowed_origins\": [\"https://\"]", 21, "a path" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(text, sizeof(text), "{\"gateway\":\n{%s}}",
		    cases[i].member);
		must_fail(text, 2, cases[i].column + 1, cases[i].part);
	}
}

/* Wrong members of a backend that has a command. */
static void
wrong_settings_of_a_backend_are_named(void **state)
{
	static const struct {
		const char *member;
		unsigned int column;
		const char *part;
	} cases[] = {
		{ "\"comand\": 1", 1, "did you mean \"command\"?" },
		{ "\"timeout\": 1", 1, "did you mean \"request_timeout\"?" },
		{ "\"enabled\": true", 1, "did you mean \"disabled\"?" },
		{ "\"envFile\": \"x\"", 1, "no key \"envFile\"; remove it" },
		{ "\"command\": \"y\"", 1, "\"command\" is there twice" },
		{ "\"type\": \"tcp\"", 9,
		    "\"type\" must be one of \"stdio\", \"sse\", \"http\", "
		    "\"streamable-http\" or \"streamableHttp\", not \"tcp\"" },
		{ "\"type\": 1", 9, "must be one of" },
		{ "\"type\": \"sse\"", 9, "this \"type\" needs a \"url\"" },
		{ "\"url\": \"ftp://x\"", 8,
		    "backend \"b\": \"url\" must begin with \"http://\" or "
		    "\"https://\"; write" },
		{ "\"url\": 5", 8,
		    "must be an http:// or https:// url, not a number; write "
		    "\"url\": \"http://localhost:8080/sse\"" },
		{ "\"ping_interval\": 0.5", 18,
		    "\"ping_interval\" must be 0 or a number of seconds from 1 "
		    "to 3600, not 0.5; write \"ping_interval\": 30" },
		{ "\"ping_interval\": -1", 18, "not -1" },
		{ "\"ping_interval\": 3600.5", 18, "not 3600.5" },
		{ "\"ping_interval\": true", 18, "not true or false" },
		{ "\"args\": 5", 9,
		    "backend \"b\": \"args\" must be a list of strings, not a "
		    "number; write \"args\": [\"…\"]" },
		{ "\"args\": [\"a\", 8080]", 15,
		    "\"args\" element 2 must be a string, not a number; put "
		    "it in quotes" },
		{ "\"args\": [{}]", 10, "not an object" },
		{ "\"args\": null", 9, "not null" },
		{ "\"args\": [\"\\u0000\"]", 10, "has a NUL character" },
		{ "\"args\": [\"\\ud800\"]", 10, "half of a surrogate pair" },
		{ "\"env\": []", 8, "must be an object of strings" },
		{ "\"env\": {\"K\": true}", 14,
		    "\"env\" member \"K\" must be a string, not true or "
		    "false; put it in quotes" },
		{ "\"env\": {\"\": \"\"}", 9, "must not be empty" },
		{ "\"env\": {\"A=B\": \"\"}", 9, "or have a \"=\"" },
		{ "\"env\": {\"A\": \"1\", \"B\": \"\", \"A\": \"2\"}", 28,
		    "\"env\" has \"A\" twice" },
		{ "\"cwd\": \"x\"", 8, "must be an absolute path" },
		{ "\"cwd\": \"\"", 8, "must be an absolute path" },
		{ "\"user\": \"\"", 9, "must be the name of a user" },
		{ "\"disabled\": \"yes\"", 13, "must be true or false" },
		{ "\"startup_timeout\": 0.09", 20,
		    "a number of seconds from 0.1 to 3600, not 0.09" },
		{ "\"startup_timeout\": 3600.1", 20, "not 3600.1" },
		{ "\"startup_timeout\": 1e400", 20, "not 1e400" },
		{ "\"request_timeout\": 0", 20, "from 0.1 to 86400, not 0" },
		{ "\"request_timeout\": 86401", 20, "not 86401" },
		{ "\"request_timeout\": -60", 20, "not -60" },
		{ "\"request_timeout\": \"60\"", 20, "not a string" },
		{ "\"request_timeout\": "
		  "1.0000000000000000000000000000000000000000000000000000000"
		  "00000000000000",
		    20, "not 1.0000" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(text, sizeof(text),
		    "{\"b\": {\"command\": \"x\",\n%s}}", cases[i].member);
		must_fail(text, 2, cases[i].column, cases[i].part);
	}
}

static void
wrong_entries_are_named(void **state)
{
	static const struct {
		const char *text;
		unsigned int column;
		const char *part;
	} cases[] = {
		{ "{\"a\": {}}", 2, "backend \"a\": \"command\" is missing" },
		{ "{\"a\": {\"disabled\": true}}", 2, "is missing" },
		{ "{\"a\": {\"type\": \"stdio\"}}", 2, "is missing" },
		{ "{\"a\": {\"command\": \"\"}}", 19,
		    "\"command\" must be the name or path of a program" },
		{ "{\"a\": {\"command\": [\"x\"]}}", 19, "not a list" },
		{ "{\"a\": 7}", 7, "backend \"a\" must be an object" },
		{ "{\"mcpServers\": [], \"gateway\": {}}", 16,
		    "\"mcpServers\" must be an object, not a list" },
		{ "{\"mcpServers\": {}, \"gateway\": 5}", 31,
		    "\"gateway\" must be an object, not a number" },
		{ "{\"\": {\"command\": \"x\"}}", 2, "must not be empty" },
		{ "{\"  \": {\"command\": \"x\"}}", 2, "must not be empty" },
		{ "{\"a/b\": {\"command\": \"x\"}}", 2,
		    "must not have a \"/\"" },
		{ "{\"a\\nb\": {\"command\": \"x\"}}", 2,
		    "control characters" },
		{ "{\"\\u0085\": {\"command\": \"x\"}}", 2, "control char" },
		{ "{\"\\ud800\": {\"command\": \"x\"}}", 2, "surrogate pair" },
		{ "{\"12345678901234567890123456789012345678901234567890123456"
		  "789012345\": {\"command\": \"x\"}}",
		    2, "at most 64 bytes" },
		{ "{\"mcpServers\": {}, \"mcpServers\": {}}", 20, "twice" },
		{ "{\"mcpServers\": {}, \"extra\": 1}", 20,
		    "top level: there is no key \"extra\"" },
		{ "{\"mcpservers\": {\"a\": {\"command\": \"x\"}}}", 2,
		    "did you mean \"mcpServers\"?" },
		{ "{\"mcpServers\": {\"a\": {\"command\": \"x\"}},"
		  " \"servers\": {\"a\": {\"command\": \"x\"}}}",
		    53, "another backend of this name" },
		{ "{\"server\": {\"comand\": \"x\", \"command\": \"x\"}}", 13,
		    "backend \"server\": there is no key \"comand\"" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		must_fail(cases[i].text, 1, cases[i].column, cases[i].part);
	}
}

static void
all_errors_come_in_one_run_and_in_order(void **state)
{
	static const struct expected expected[] = {
		{ 3, 11, "gateway: \"port\" must be" },
		{ 3, 15, "no key \"hots\"" },
		{ 7, 2, "backend \"a\": \"command\" is missing" },
		{ 7, 8, "no key \"comand\"" },
		{ 7, 31, "\"args\" element 1" },
		{ 7, 36, "\"args\" element 3" },
		{ 8, 2, "another backend of this name" },
		{ 8, 28, "\"cwd\" must be" },
		{ 10, 1, "no key \"foo\"" },
	};

	(void)state;
	must_fail_with("{ // one\n"
		       "\"gateway\": {\n"
		       "  \"port\": -1, \"hots\": 1\n"
		       "},\n"
		       "/* two\n   three */ \"mcpServers\": {\n"
		       "\t\"a\": {\"comand\": \"x\", \"args\":[1,\"\",2]},\n"
		       "\t\"a\": {\"command\":\"x\",\"cwd\":\".\"},\n"
		       "},\n"
		       "\"foo\": 1,\n"
		       "}\n",
	    expected, N(expected));
}

static void
errors_beyond_the_hundredth_are_counted(void **state)
{
	struct config_errors errors;
	struct config *config;
	char text[2048] = "{\"gateway\": {";

	(void)state;
	for (int i = 0; i < 120; i++) {
		char member[32];

		snprintf(member, sizeof(member), "\"x%d\": 1,", i);
		strlcat(text, member, sizeof(text));
	}
	strlcat(text, "}}", sizeof(text));
	assert_int_equal(
	    config_parse(&config, "x", text, strlen(text), &errors), -1);
	assert_int_equal(errors.count, CONFIG_ERRORS_MAX + 1);
	assert_non_null(strstr(errors.list[99].text, "\"x99\""));
	assert_non_null(strstr(errors.list[100].text, "20 more errors"));
	assert_int_equal(errors.list[100].line, 0);
	config_errors_free(&errors);
}

static void
exactly_a_hundred_errors_are_all_shown(void **state)
{
	struct config_errors errors;
	struct config *config;
	char text[2048] = "{\"gateway\": {";

	(void)state;
	for (int i = 0; i < 100; i++)
		strlcat(text, "\"x\": 1,", sizeof(text));
	strlcat(text, "}}", sizeof(text));
	assert_int_equal(
	    config_parse(&config, "x", text, strlen(text), &errors), -1);
	assert_int_equal(errors.count, CONFIG_ERRORS_MAX);
	assert_int_equal(errors.list[99].line, 1);
	config_errors_free(&errors);
}

/* prefix, n times one with a number, suffix; the caller's. */
static char *
repeat(const char *prefix, size_t n, const char *one, const char *suffix)
{
	size_t cap =
	    strlen(prefix) + n * (strlen(one) + 24) + strlen(suffix) + 1;
	char *text = malloc(cap);
	size_t len = strlcpy(text, prefix, cap);

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, cap - len, "%s\"%zu%s",
		    i > 0 ? "," : "", i, one);
	strlcpy(text + len, suffix, cap - len);
	return text;
}

static void
must_have_limit(const char *prefix, const char *one, const char *suffix,
    size_t max, const char *part)
{
	char *text = repeat(prefix, max, one, suffix);
	struct config *config = must_parse(text);
	struct config_errors errors;

	config_free(&config);
	free(text);
	text = repeat(prefix, max + 2, one, suffix);
	assert_int_equal(
	    config_parse(&config, "x", text, strlen(text), &errors), -1);
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.list[0].text, part));
	config_errors_free(&errors);
	free(text);
}

static void
counts_have_limits(void **state)
{
	(void)state;
	must_have_limit("{", "\": {\"command\": \"x\"}", "}",
	    CONFIG_BACKENDS_MAX, "more than 256 backends");
	must_have_limit("{\"a\": {\"command\": \"x\", \"args\": [", "\"", "]}}",
	    CONFIG_ELEMENTS_MAX, "more than 1024 elements");
	must_have_limit("{\"a\": {\"command\": \"x\", \"env\": {", "\": \"\"",
	    "}}}", CONFIG_ELEMENTS_MAX, "more than 1024 elements");
}

static void
the_strings_of_a_backend_have_a_limit(void **state)
{
	static const char start[] =
	    "{\"a\": {\"command\": \"x\", \"args\": [\"";
	static char text[CONFIG_STRINGS_MAX + 256];
	size_t at = sizeof(start) - 1;
	struct config *config;

	(void)state;
	memcpy(text, start, at);
	memset(text + at, 'y', CONFIG_STRINGS_MAX);
	/* One byte is the command's. */
	strlcpy(text + at + CONFIG_STRINGS_MAX - 1, "\"]}}", 8);
	config = must_parse(text);
	config_free(&config);
	memset(text + at, 'y', CONFIG_STRINGS_MAX);
	strlcpy(text + at + CONFIG_STRINGS_MAX, "\"]}}", 8);
	must_fail(text, 1, (unsigned int)at, "131072 bytes together");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_json_is_placed),
		cmocka_unit_test(wrong_settings_of_the_gateway_are_named),
		cmocka_unit_test(wrong_settings_of_a_backend_are_named),
		cmocka_unit_test(wrong_entries_are_named),
		cmocka_unit_test(all_errors_come_in_one_run_and_in_order),
		cmocka_unit_test(errors_beyond_the_hundredth_are_counted),
		cmocka_unit_test(exactly_a_hundred_errors_are_all_shown),
		cmocka_unit_test(counts_have_limits),
		cmocka_unit_test(the_strings_of_a_backend_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
