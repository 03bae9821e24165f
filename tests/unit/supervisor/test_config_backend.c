/* How a backend is reached, and what its keys are not without each other. */
#include "config_test.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* A flat file of the original's users loads as they wrote it. */
static void
a_server_that_we_start_and_connect_to_is_read(void **state)
{
	struct config *c = must_parse(
	    "{\n"
	    "  // other servers\n"
	    "  \"enscan\": {\n"
	    "    \"type\": \"sse\",\n"
	    "    \"url\": \"http://127.0.0.1:8080/sse\", // its address\n"
	    "    \"command\": \"servers/enscan-v1.2.1-windows-amd64.exe\",\n"
	    "    \"args\": [\"--mcp\"] // how it is started\n"
	    "  },\n"
	    "  \"local_sse_server\": {\n"
	    "    \"type\": \"sse\",\n"
	    "    \"url\": \"http://127.0.0.1:8080/sse\",\n"
	    "    \"command\": \"uv\",\n"
	    "    \"args\": [\"run\", \"python\", \"app.py\"],\n"
	    "    \"env\": { \"MODE\": \"production\" }\n"
	    "  },\n"
	    "  \"remote_search_service\": {\n"
	    "    \"type\": \"sse\",\n"
	    "    \"url\": \"https://mcp.example.com/search/sse\"\n"
	    "  }\n"
	    "}\n");
	const struct config_backend *b = c->backends;

	(void)state;
	assert_int_equal(c->backend_count, 3);
	assert_string_equal(b[0].name, "enscan");
	assert_int_equal(b[0].transport, CONFIG_SSE);
	assert_string_equal(b[0].url, "http://127.0.0.1:8080/sse");
	assert_string_equal(
	    b[0].command, "servers/enscan-v1.2.1-windows-amd64.exe");
	assert_string_equal(b[0].args[0], "--mcp");
	assert_string_equal(b[1].env[0], "MODE=production");
	assert_int_equal(b[2].transport, CONFIG_SSE);
	assert_null(b[2].command);
	config_free(&c);
}

static void
the_transport_follows_type_and_url(void **state)
{
	static const struct {
		const char *members;
		enum config_transport transport;
	} cases[] = {
		{ "\"command\": \"x\"", CONFIG_STDIO },
		{ "\"command\": \"x\", \"type\": \"stdio\"", CONFIG_STDIO },
		{ "\"url\": \"http://x\"", CONFIG_AUTO },
		{ "\"url\": \"http://x\", \"command\": \"x\"", CONFIG_AUTO },
		{ "\"url\": \"http://x\", \"type\": \"sse\"", CONFIG_SSE },
		{ "\"url\": \"http://x\", \"type\": \"http\"", CONFIG_HTTP },
		{ "\"url\": \"http://x\", \"type\": \"streamable-http\"",
		    CONFIG_HTTP },
		{ "\"url\": \"http://x\", \"type\": \"streamableHttp\"",
		    CONFIG_HTTP },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct config *c;

		snprintf(text, sizeof(text), "{\"a\": {%s}}", cases[i].members);
		c = must_parse(text);
		assert_int_equal(c->backends[0].transport, cases[i].transport);
		config_free(&c);
	}
}

/* Members of a backend whose first line is {"b": {MEMBER, where the error is on
 * the second line. */
static void
keys_that_need_another_say_which(void **state)
{
	static const struct {
		const char *first;
		const char *member;
		unsigned int column;
		const char *part;
	} cases[] = {
		{ "\"url\": \"http://x\"", "\"type\": \"stdio\"", 9,
		    "backend \"b\": \"type\": \"stdio\" has no use for a "
		    "\"url\"; remove \"url\", or write \"type\": \"sse\"" },
		{ "\"command\": \"x\", \"url\": \"http://x\"",
		    "\"type\": \"stdio\"", 9, "has no use for a \"url\"" },
		{ "\"command\": \"x\"", "\"type\": \"sse\"", 9,
		    "backend \"b\": this \"type\" needs a \"url\"; add "
		    "\"url\": \"http://localhost:8080/sse\", or write "
		    "\"type\": \"stdio\"" },
		{ "\"command\": \"x\"", "\"type\": \"http\"", 9, "needs a" },
		{ "\"command\": \"x\"", "\"type\": \"streamable-http\"", 9,
		    "needs a \"url\"" },
		{ "\"command\": \"x\"", "\"type\": \"streamableHttp\"", 9,
		    "needs a \"url\"" },
		{ "\"args\": []", "\"type\": \"sse\"", 9,
		    "backend \"b\": \"url\" is missing; write \"url\": "
		    "\"http://localhost:8080/sse\"" },

		{ "\"command\": \"x\"", "\"headers\": {\"A\": \"1\"}", 12,
		    "backend \"b\": \"headers\" is for a backend with a "
		    "\"url\"; add that, or remove it" },
		{ "\"command\": \"x\"", "\"private_network\": false", 20,
		    "\"private_network\" is for a backend with a \"url\"" },

		{ "\"url\": \"http://x\"", "\"args\": [\"a\"]", 9,
		    "backend \"b\": \"args\" is for a program that the "
		    "gateway starts; remove it, or add the \"command\"" },
		{ "\"url\": \"http://x\"", "\"env\": {\"A\": \"1\"}", 8,
		    "\"env\" is for" },
		{ "\"url\": \"http://x\"", "\"cwd\": \"/\"", 8,
		    "\"cwd\" is for a program" },
		{ "\"url\": \"http://x\"", "\"user\": \"u\"", 9,
		    "\"user\" is for a program" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(text, sizeof(text), "{\"b\": {%s,\n%s}}",
		    cases[i].first, cases[i].member);
		must_fail(text, 2, cases[i].column, cases[i].part);
	}
}

static void
a_backend_needs_a_command_or_a_url(void **state)
{
	(void)state;
	must_fail("{\n \"b\": {}}", 2, 2,
	    "backend \"b\": \"command\" is missing; write \"command\": \"npx\" "
	    "or whatever starts the server, or the \"url\" of one that runs");
	must_fail("{\"b\": {\"headers\": {}}}", 1, 2, "is missing");
	must_fail("{\"b\": {\"type\": \"sse\", \"disabled\": true}}", 1, 16,
	    "\"url\" is missing");
	/* One that is wrong is not missing as well. */
	must_fail("{\"b\": {\"url\": 5}}", 1, 15, "must be an http://");
	must_fail("{\"b\": {\"command\": 5}}", 1, 19, "not a number");
	/* Nobody knows what it needs. */
	must_fail("{\"b\": {\"type\": \"tcp\", \"url\": \"http://x\","
		  " \"args\": []}}",
	    1, 16, "must be one of");
}

static void
headers_that_cannot_be_sent_are_placed(void **state)
{
	static const struct {
		const char *headers;
		unsigned int column;
		const char *part;
	} cases[] = {
		{ "[]", 1, "\"headers\" must be an object of strings" },
		{ "null", 1, "an object of strings, not null" },
		{ "{\"A\": 5}", 7,
		    "\"headers\" member \"A\" must be a string, not a number" },
		{ "{\"a b\": \"\"}", 2,
		    "backend \"b\": \"headers\" has the name \"a b\", which is "
		    "no name of a header; write it in letters, digits" },
		{ "{\"\": \"x\"}", 2, "has the name \"\", which is no name" },
		{ "{\"Authorization:\": \"x\"}", 2, "no name of a header" },
		{ "{\"accept\": \"x\"}", 2,
		    "has the name \"accept\", which the gateway sets itself; "
		    "remove it" },
		{ "{\"X-Key\": \"a\", \"x-kEY\": \"b\"}", 16,
		    "\"headers\" has \"x-kEY\" twice; keep one of them" },
		{ "{\"A\": \"\"}", 7,
		    "\"headers\" member \"A\" must be not empty and without "
		    "control characters; write \"headers\": {" },
		{ "{\"A\": \"b\\r\\nC: d\"}", 7, "without control" },
		{ "{\"A\": \"b\\tc\"}", 7, "without control" },
		{ "{\"A\": \"\\u0000\"}", 7, "has a NUL character" },
		{ "{\"A\": \"${MCPGW_TEST_UNSET}\"}", 7, "is not set" },
		{ "{\"A\": \"${MCPGW_TEST_CRLF}\"}", 7, "without control" },
	};
	char text[256];

	(void)state;
	setenv("MCPGW_TEST_CRLF", "hunter2\r", 1);
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(text, sizeof(text),
		    "{\"b\": {\"url\": \"http://x\", \"headers\":\n%s}}",
		    cases[i].headers);
		must_fail(text, 2, cases[i].column, cases[i].part);
	}
}

/* Members of a backend; the error is on the second line. */
static void
instances_are_for_backends_that_are_not_shared(void **state)
{
	static const struct {
		const char *members;
		unsigned int column;
		const char *part;
	} cases[] = {
		{ "\"command\": \"x\",\n\"max_instances\": 3", 18,
		    "backend \"b\": \"max_instances\" is for a backend whose "
		    "clients have instances of their own; add \"session\": "
		    "\"per-client\" or \"auto\", or remove it" },
		{ "\"command\": \"x\", \"session\": \"shared\",\n"
		  "\"instance_wait\": 3",
		    18, "\"instance_wait\" is for a backend whose clients" },
		{ "\"url\": \"http://x\",\n\"instance_idle\": 0", 18,
		    "\"instance_idle\" is for a backend whose clients" },
		{ "\"command\": \"x\", \"url\": \"http://x\",\n"
		  "\"session\": \"per-client\"",
		    12,
		    "backend \"b\": only one instance of a program can have "
		    "the port of its \"url\"; remove \"session\", or remove "
		    "\"url\"" },
		{ "\"command\": \"x\", \"url\": \"http://x\",\n"
		  "\"session\": \"auto\"",
		    12, "only one instance" },
		/* Nobody knows which was meant: one error is enough. */
		{ "\"command\": \"x\", \"max_instances\": 3,\n"
		  "\"session\": \"private\"",
		    12,
		    "\"session\" must be one of \"shared\", \"per-client\" or "
		    "\"auto\", not" },
		{ "\"command\": \"x\", \"session\": \"auto\",\n"
		  "\"max_instances\": 0",
		    18, "must be a whole number from 1 to 256, not 0" },
		{ "\"command\": \"x\", \"session\": \"auto\",\n"
		  "\"max_instances\": 257",
		    18, "must be a whole number from 1 to 256, not 257" },
		{ "\"command\": \"x\", \"session\": \"auto\",\n"
		  "\"instance_wait\": 0",
		    18, "must be a number of seconds from 0.1 to 3600, not 0" },
		{ "\"command\": \"x\", \"session\": \"auto\",\n"
		  "\"instance_idle\": 0.5",
		    18,
		    "must be 0 or a number of seconds from 1 to 604800, not "
		    "0.5" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(text, sizeof(text), "{\"b\": {%s}}", cases[i].members);
		must_fail(text, 2, cases[i].column, cases[i].part);
	}
}

static void
who_has_no_port_may_have_instances(void **state)
{
	static const char *const good[] = {
		"\"command\": \"x\", \"session\": \"per-client\"",
		"\"url\": \"http://x\", \"session\": \"auto\","
		" \"max_instances\": 1",
		"\"command\": \"x\", \"url\": \"http://x\","
		" \"session\": \"shared\"",
		/* What is only noted is not looked at as closely. */
		"\"command\": \"x\", \"max_instances\": 3,"
		" \"disabled\": true",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		struct config *c;

		snprintf(text, sizeof(text), "{\"b\": {%s}}", good[i]);
		c = must_parse(text);
		config_free(&c);
	}
}

static void
a_name_may_begin_as_another_does(void **state)
{
	struct config *c = must_parse(
	    "{\"b\": {\"url\": \"http://x\", \"headers\": {\"X-Key-Id\": \"1\","
	    " \"X-Key\": \"2\"}}}");

	(void)state;
	assert_string_equal(c->backends[0].headers[0], "X-Key-Id: 1");
	assert_string_equal(c->backends[0].headers[1], "X-Key: 2");
	config_free(&c);
}

static void
url_and_headers_are_expanded(void **state)
{
	struct config *c;

	(void)state;
	setenv("MCPGW_TEST_TOKEN", "hunter2", 1);
	c = must_parse("{\"b\": {\"url\": \"http://x?k=${MCPGW_TEST_TOKEN}\","
		       " \"headers\": {\"Authorization\":"
		       " \"Bearer ${env:MCPGW_TEST_TOKEN}\"}}}");
	assert_string_equal(c->backends[0].url, "http://x?k=hunter2");
	assert_string_equal(
	    c->backends[0].headers[0], "Authorization: Bearer hunter2");
	config_free(&c);
}

/* What was expanded is judged as well, and not shown. */
static void
no_message_shows_what_a_url_or_header_holds(void **state)
{
	static const char *const texts[] = {
		"{\"b\": {\"url\": \"${MCPGW_TEST_TOKEN}\"}}",
		"{\"b\": {\"url\": \"http://${MCPGW_TEST_TOKEN}@x\"}}",
		"{\"b\": {\"url\": \"http://hunter2@x\"}}",
		"{\"b\": {\"url\": \"http://x\", \"headers\":"
		" {\"A\": \"${MCPGW_TEST_TOKEN}\\n\"}}}",
		"{\"b\": {\"url\": \"https://x\","
		" \"ca_file\": \"${MCPGW_TEST_TOKEN}\"}}",
		"{\"b\": {\"url\": \"https://x\","
		" \"ca_file\": \"/${MCPGW_TEST_TOKEN}\"}}",
	};

	(void)state;
	setenv("MCPGW_TEST_TOKEN", "hunter2", 1);
	for (size_t i = 0; i < N(texts); i++) {
		struct config_errors errors;
		struct config *c;

		assert_int_equal(
		    config_parse(&c, "x", texts[i], strlen(texts[i]), &errors),
		    -1);
		assert_int_equal(errors.count, 1);
		assert_null(strstr(errors.list[0].text, "hunter2"));
		config_errors_free(&errors);
	}
}

static void
headers_have_the_limits_of_other_strings(void **state)
{
	static const char start[] = "{\"b\": {\"url\": \"http://x\","
				    " \"headers\": {\"A\": \"";
	static char text[CONFIG_STRINGS_MAX + 256];
	size_t at = sizeof(start) - 1;
	/* What the url, "A" and ": " take. */
	size_t room = CONFIG_STRINGS_MAX - 8 - 3;
	struct config *config;

	(void)state;
	memcpy(text, start, at);
	memset(text + at, 'y', room);
	strlcpy(text + at + room, "\"}}}", 8);
	config = must_parse(text);
	config_free(&config);
	memset(text + at, 'y', room + 1);
	strlcpy(text + at + room + 1, "\"}}}", 8);
	must_fail(text, 1, (unsigned int)at, "131072 bytes together");
}

static void
at_most_1024_headers_are_taken(void **state)
{
	static char text[64 + (CONFIG_ELEMENTS_MAX + 1) * 16];
	struct config *config;
	size_t n;

	(void)state;
	n = strlcpy(text, "{\"b\": {\"url\": \"http://x\", \"headers\": {",
	    sizeof(text));
	for (int i = 0; i < CONFIG_ELEMENTS_MAX; i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "\"h%d\": \"v\",", i);
	strlcpy(text + n, "}}}", sizeof(text) - n);
	config = must_parse(text);
	assert_string_equal(config->backends[0].headers[1023], "h1023: v");
	assert_null(config->backends[0].headers[1024]);
	config_free(&config);
	strlcpy(text + n, "\"h\": \"v\"}}}", sizeof(text) - n);
	must_fail(text, 1, (unsigned int)n + 1, "more than 1024 elements");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_we_start_and_connect_to_is_read),
		cmocka_unit_test(the_transport_follows_type_and_url),
		cmocka_unit_test(keys_that_need_another_say_which),
		cmocka_unit_test(a_backend_needs_a_command_or_a_url),
		cmocka_unit_test(headers_that_cannot_be_sent_are_placed),
		cmocka_unit_test(
		    instances_are_for_backends_that_are_not_shared),
		cmocka_unit_test(who_has_no_port_may_have_instances),
		cmocka_unit_test(a_name_may_begin_as_another_does),
		cmocka_unit_test(url_and_headers_are_expanded),
		cmocka_unit_test(no_message_shows_what_a_url_or_header_holds),
		cmocka_unit_test(headers_have_the_limits_of_other_strings),
		cmocka_unit_test(at_most_1024_headers_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
