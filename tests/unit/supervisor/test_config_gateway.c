/* The gateway's addresses, tokens and limits, and what they are not beside each
 * other. */
#include "config_test.h"

#include "config_rules.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define HASH_1                                                                 \
	"sha256:"                                                              \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_2                                                                 \
	"sha256:"                                                              \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HASH_1_UPPER                                                           \
	"sha256:"                                                              \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* Wrong members of "gateway", each alone on the second line. */
struct wrong {
	const char *members;
	unsigned int column;
	const char *part;
};

static void
each_must_fail(const struct wrong *cases, size_t n)
{
	char text[1024];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "{\"gateway\": {\n%s}}",
		    cases[i].members);
		must_fail(text, 2, cases[i].column, cases[i].part);
	}
}

static void
all_kinds_of_addresses_are_taken(void **state)
{
	static const char text[] =
	    "{\"gateway\": {\"listen\": [\"127.0.0.1:9000\", \"[::1]:9000\","
	    " \"[fe80::1%eth0]:80\", \"localhost:0\", \"/run/x.sock\"]}}";
	struct config *c = must_parse(text);

	(void)state;
	assert_string_equal(c->listen[0], "127.0.0.1:9000");
	assert_string_equal(c->listen[2], "[fe80::1%eth0]:80");
	assert_string_equal(c->listen[4], "/run/x.sock");
	assert_null(c->listen[5]);
	config_free(&c);
}

static void
wrong_addresses_are_named(void **state)
{
	static const char form[] = "must be an address and a port, or the "
				   "absolute path of a socket; write";
	static const struct wrong cases[] = {
		{ "\"listen\": [\"127.0.0.1\"]", 12, form },
		{ "\"listen\": [\"a:1\", \"\"]", 19,
		    "gateway: \"listen\" element 2 must be an address" },
		{ "\"listen\": [\"9000\"]", 12, form },
		{ "\"listen\": [\":9000\"]", 12, form },
		{ "\"listen\": [\"a:\"]", 12, form },
		{ "\"listen\": [\"a:65536\"]", 12, form },
		{ "\"listen\": [\"a:-1\"]", 12, form },
		{ "\"listen\": [\"a:000080\"]", 12, form },
		{ "\"listen\": [\"::1:9000\"]", 12, form },
		{ "\"listen\": [\"[::1\"]", 12, form },
		{ "\"listen\": [\"[]:80\"]", 12, form },
		{ "\"listen\": [\"[1.2.3.4]:80\"]", 12, form },
		{ "\"listen\": [\"[::1]x:80\"]", 12, form },
		{ "\"listen\": [\"[::1%]]:80\"]", 12, form },
		{ "\"listen\": [\"http://x:80\"]", 12, form },
		{ "\"listen\": [\"run/x\"]", 12, form },
		{ "\"listen\": [9000]", 12, "put it in quotes" },
		{ "\"listen\": \"a:1\"", 11, "must be a list of strings" },
		{ "\"listen\": [\"a:1\", \"b:1\", \"a:1\"]", 11,
		    "\"listen\" has \"a:1\" twice; keep one of them" },
		{ "\"listen\": [\"a:1\"], \"host\": \"x\"", 28,
		    "gateway: \"host\" means nothing beside \"listen\"; remove "
		    "\"host\", or remove \"listen\"" },
		{ "\"port\": 9000, \"listen\": [\"a:1\"]", 9,
		    "\"port\" means nothing beside \"listen\"; remove "
		    "\"port\"" },
		{ "\"socket_group\": \"a b\"", 17, "the name of a group" },
	};
	struct config *c;

	(void)state;
	each_must_fail(cases, N(cases));
	/* None is as good as no list. */
	c = must_parse("{\"gateway\": {\"listen\": [], \"port\": 1}}");
	assert_int_equal(c->port, 1);
	config_free(&c);
}

static void
a_path_must_fit_into_a_sockets_address(void **state)
{
	char path[CONFIG_SOCKET_PATH_MAX + 2] = "/";
	char text[512];
	struct config *c;

	(void)state;
	memset(path + 1, 'x', CONFIG_SOCKET_PATH_MAX - 1);
	snprintf(text, sizeof(text),
	    "{\"gateway\": {\"listen\": [\"%s\"], \"control_socket\": \"%s\"}}",
	    path, path);
	c = must_parse(text);
	config_free(&c);
	memset(path + 1, 'x', CONFIG_SOCKET_PATH_MAX);
	snprintf(text, sizeof(text), "{\"gateway\": {\n\"listen\": [\"%s\"]}}",
	    path);
	must_fail(text, 2, 12, "must be a path of at most 107 bytes");
	snprintf(text, sizeof(text),
	    "{\"gateway\": {\n\"control_socket\": \"%s\"}}", path);
	must_fail(text, 2, 19, "must be a path of at most 107 bytes");
}

static void
at_most_16_addresses_are_taken(void **state)
{
	char text[512] = "{\"gateway\": {\"listen\": [";
	size_t n = strlen(text);
	struct config *c;

	(void)state;
	for (int i = 0; i < CONFIG_LISTEN_MAX; i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "\"a:%d\",", i);
	strlcpy(text + n, "]}}", sizeof(text) - n);
	c = must_parse(text);
	config_free(&c);
	strlcpy(text + n, "\"b:1\"]}}", sizeof(text) - n);
	must_fail(text, 1, (unsigned int)n + 1, "more than 16 elements");
}

static void
there_may_be_no_control_socket(void **state)
{
	struct config *c =
	    must_parse("{\"gateway\": {\"control_socket\": \"\"}}");

	(void)state;
	assert_string_equal(c->control_socket, "");
	config_free(&c);
	must_fail("{\"gateway\": {\"control_socket\": \"x\"}}", 1, 32,
	    "must be an absolute path; write \"/run/mcp-gateway/");
}

static void
public_urls_and_issuers_are_checked(void **state)
{
	static const struct wrong cases[] = {
		{ "\"public_url\": \"https://x/\"", 15,
		    "gateway: \"public_url\" must end behind its host and port, "
		    "without \"/\"; write \"https://mcp.example.com\"" },
		{ "\"public_url\": \"https://x?y\"", 15, "must end behind" },
		{ "\"public_url\": \"http://x\"", 15,
		    "must begin with \"https://\", or be \"http://localhost\"" },
		{ "\"public_url\": \"http://localhost.evil\"", 15,
		    "must begin with \"https://\"" },
		{ "\"public_url\": \"x\"", 15, "must begin with \"http" },
		{ "\"public_url\": 1", 15, "an https:// url without a path" },
		{ "\"authorization_servers\": [\"https://x\"]", 26,
		    "gateway: \"authorization_servers\" needs the address under "
		    "which clients know the gateway; add \"public_url\"" },
		{ "\"public_url\": \"https://x\", "
		  "\"authorization_servers\": [\"https://a\", \"http://x\"]",
		    67, "element 2 must begin with \"https://\"; write" },
		{ "\"public_url\": \"https://x\", "
		  "\"authorization_servers\": [\"https://a/b?c\"]",
		    54, "element 1 must not have a query" },
	};
	static const char *const good[] = { "https://x", "https://x:8443",
		"https://[2001:db8::1]", "http://localhost",
		"http://localhost:9000", "http://127.0.0.1:1",
		"http://[::1]:9000" };
	char text[128];

	(void)state;
	each_must_fail(cases, N(cases));
	for (size_t i = 0; i < N(good); i++) {
		struct config *c;

		snprintf(text, sizeof(text),
		    "{\"gateway\": {\"public_url\": \"%s\"}}", good[i]);
		c = must_parse(text);
		assert_string_equal(c->public_url, good[i]);
		config_free(&c);
	}
}

static void
tokens_are_read(void **state)
{
	struct config *c = must_parse(
	    "{\"gateway\": {\"tokens\": {\"alice\": {\"hash\": \"" HASH_1_UPPER
	    "\", \"backends\": [\"git*\"], \"tools\": [\"a/b\", \"*\"],"
	    " \"requests_per_second\": 5, \"concurrent_requests\": 6},"
	    " \"bob/ci\": {\"hash\": \"" HASH_2 "\"}}}}");

	(void)state;
	assert_int_equal(c->token_count, 2);
	assert_string_equal(c->tokens[0].name, "alice");
	assert_string_equal(c->tokens[0].hash, HASH_1);
	assert_string_equal(c->tokens[0].backends[0], "git*");
	assert_null(c->tokens[0].backends[1]);
	assert_string_equal(c->tokens[0].tools[1], "*");
	assert_int_equal(c->tokens[0].rate, 5);
	assert_int_equal(c->tokens[0].concurrent, 6);
	assert_string_equal(c->tokens[1].name, "bob/ci");
	assert_null(c->tokens[1].backends[0]);
	assert_null(c->tokens[1].tools[0]);
	assert_int_equal(c->tokens[1].rate, 0);
	assert_int_equal(c->tokens[1].concurrent, 0);
	config_free(&c);
}

/* Column 12 is that of the first token's name. */
static void
wrong_tokens_are_named(void **state)
{
	static const struct wrong cases[] = {
		{ "\"tokens\": []", 11,
		    "\"tokens\" must be an object, not a "
		    "list; write \"tokens\": {\"alice\"" },
		{ "\"tokens\": {\"a\": 1}", 17,
		    "gateway, token \"a\" must be an object, not a number" },
		{ "\"tokens\": {\"a\": {}}", 12,
		    "gateway, token \"a\": \"hash\" is missing; write the one "
		    "that \"mcp-gatewayctl token\" prints" },
		{ "\"tokens\": {\"a\": {\"token\": \"x\", \"hash\": \"" HASH_1
		  "\"}}",
		    18,
		    "gateway, token \"a\": there is no key \"token\"; did you "
		    "mean \"hash\"?" },
		{ "\"tokens\": {\"a\": {\"hash\": \"mcpgw_secret\"}}", 26,
		    "\"hash\" is a token, which belongs to its owner alone; "
		    "write what \"mcp-gatewayctl token\" prints" },
		{ "\"tokens\": {\"a\": {\"hash\": \"sha256:12\"}}", 26,
		    "must be \"sha256:\" and 64 hexadecimal digits" },
		{ "\"tokens\": {\"a\": {\"hash\": \"" HASH_1 "1\"}}", 26,
		    "must be \"sha256:\"" },
		{ "\"tokens\": {\"a\": {\"hash\": 5}}", 26,
		    "a hash of a token, not a number" },
		{ "\"tokens\": {\"\": {\"hash\": \"" HASH_1 "\"}}", 12,
		    "gateway, token \"\": a name must not be empty" },
		{ "\"tokens\": {\"\\u0001\": {\"hash\": \"" HASH_1 "\"}}", 12,
		    "a name must not have control characters" },
		{ "\"tokens\": {\"a\": {\"hash\": \"" HASH_1
		  "\"}, \"a\": {\"hash\": \"" HASH_2 "\"}}",
		    102, "token \"a\": there is another token of this name" },
		{ "\"tokens\": {\"a\": {\"hash\": \"" HASH_1
		  "\"}, \"b\": {\"hash\": \"" HASH_1_UPPER "\"}}",
		    116,
		    "gateway: this token is that of \"a\" too; remove one of "
		    "them" },
		{ "\"tokens\": {\"a\": {\"backends\": [\"\"], \"hash\": \"" HASH_1
		  "\"}}",
		    31,
		    "token \"a\": \"backends\" element 1 must not be empty" },
		{ "\"tokens\": {\"a\": {\"tools\": [\"echo\"], \"hash\": \"" HASH_1
		  "\"}}",
		    28,
		    "\"tools\" element 1 must name a backend and a tool; write "
		    "\"github/get_issue\"" },
		{ "\"tokens\": {\"a\": {\"requests_per_second\": -1,"
		  " \"hash\": \"" HASH_1 "\"}}",
		    41, "a whole number from 0 to 1000000, not -1" },
	};

	(void)state;
	each_must_fail(cases, N(cases));
}

/* A wrong hash may be a secret in the wrong place. */
static void
no_message_shows_a_hash(void **state)
{
	static const char text[] =
	    "{\"gateway\": {\"tokens\": {\"a\": {\"hash\": \"hunter2\"}}}}";
	struct config_errors errors;
	struct config *c;

	(void)state;
	assert_int_equal(
	    config_parse(&c, "x", text, strlen(text), &errors), -1);
	assert_int_equal(errors.count, 1);
	assert_null(strstr(errors.list[0].text, "hunter2"));
	config_errors_free(&errors);
}

/* n tokens, each with one pattern; the caller's. */
static char *
many_tokens(unsigned int n, const char *pattern)
{
	size_t cap = 256 + n * (strlen(pattern) + 160);
	char *text = malloc(cap);
	size_t len = strlcpy(text, "{\"gateway\": {\"tokens\": {\n", cap);

	for (unsigned int i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, cap - len,
		    "\"%07u\": {\"hash\": \"sha256:%064x\","
		    " \"backends\": [\"%s\"]},\n",
		    i, i, pattern);
	strlcpy(text + len, "}}}", cap - len);
	return text;
}

static void
tokens_have_their_limits(void **state)
{
	char pattern[CONFIG_PATTERN_MAX + 2] = "";
	/* Of one token: its name, its hash and its pattern. */
	size_t each = 7 + 71 + CONFIG_PATTERN_MAX;
	unsigned int fit = (unsigned int)(CONFIG_TOKEN_STRINGS_MAX / each);
	struct config *c;
	char *text = many_tokens(CONFIG_TOKENS_MAX, "x");

	(void)state;
	c = must_parse(text);
	assert_int_equal(c->token_count, CONFIG_TOKENS_MAX);
	config_free(&c);
	free(text);
	text = many_tokens(CONFIG_TOKENS_MAX + 1, "x");
	must_fail(text, CONFIG_TOKENS_MAX + 2, 1, "more than 1024 tokens");
	free(text);

	memset(pattern, 'x', CONFIG_PATTERN_MAX);
	text = many_tokens(fit, pattern);
	c = must_parse(text);
	config_free(&c);
	free(text);
	text = many_tokens(fit + 1, pattern);
	must_fail(text, fit + 2, 109,
	    "the strings of \"tokens\" may have 262144 bytes together");
	free(text);
	pattern[CONFIG_PATTERN_MAX] = 'x';
	text = many_tokens(1, pattern);
	must_fail(text, 2, 109, "must not have more than 256 bytes");
	free(text);
}

static void
wrong_limits_are_named(void **state)
{
	static const struct wrong cases[] = {
		{ "\"limits\": 1", 11,
		    "\"limits\" must be an object, not a "
		    "number; write \"limits\": {" },
		{ "\"limits\": {\"max_sessions\": 1}", 12,
		    "gateway, \"limits\": there is no key \"max_sessions\"; "
		    "did you mean \"sessions\"?" },
		{ "\"limits\": {\"sessions\": 0}", 24,
		    "gateway, \"limits\": \"sessions\" must be a whole number "
		    "from 1 to 20000, not 0" },
		{ "\"limits\": {\"sessions\": 1, \"sessions\": 1}", 27,
		    "gateway, \"limits\": \"sessions\" is there twice" },
		{ "\"limits\": {\"requests_per_session\": 1025}", 36,
		    "from 1 to 1024, not 1025" },
		{ "\"limits\": {\"requests_per_backend\": 16385}", 36,
		    "not 16385" },
		{ "\"limits\": {\"body_size\": \"5M\"}", 25,
		    "must be bytes from 64 to 4M, not \"5M\"" },
		{ "\"limits\": {\"memory\": \"16M\", \"queue_size\": \"13M\"}",
		    11,
		    "gateway, \"limits\": \"memory\" is for all clients "
		    "together and must hold one \"body_size\" and one "
		    "\"queue_size\" at least; write \"memory\": \"17M\" or "
		    "more" },
	};
	struct config *c;

	(void)state;
	each_must_fail(cases, N(cases));
	c = must_parse("{\"gateway\": {\"limits\": {\"memory\": \"17M\","
		       " \"queue_size\": \"13M\"}}}");
	config_free(&c);
}

static void
a_burst_is_twice_the_rate_unless_it_is_set(void **state)
{
	struct config *c = must_parse(
	    "{\"gateway\": {\"limits\": {\"requests_per_second\": 50}}}");

	(void)state;
	assert_int_equal(c->limits.burst, 100);
	config_free(&c);
	c = must_parse(
	    "{\"gateway\": {\"limits\": {\"requests_per_second\": 50,"
	    " \"burst\": 10}}}");
	assert_int_equal(c->limits.burst, 10);
	config_free(&c);
}

/* What is left out takes nothing of the room that strings have. */
static void
defaults_fit_beside_the_longest_strings(void **state)
{
	static const char start[] = "{\"gateway\": {\"state_dir\": \"";
	static char text[CONFIG_STRINGS_MAX + 256];
	size_t at = sizeof(start) - 1;
	struct config *c;

	(void)state;
	memcpy(text, start, at);
	memset(text + at, '/', CONFIG_STRINGS_MAX);
	strlcpy(text + at + CONFIG_STRINGS_MAX, "\"}}", 8);
	c = must_parse(text);
	assert_string_equal(c->host, "127.0.0.1");
	config_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_of_addresses_are_taken),
		cmocka_unit_test(wrong_addresses_are_named),
		cmocka_unit_test(a_path_must_fit_into_a_sockets_address),
		cmocka_unit_test(at_most_16_addresses_are_taken),
		cmocka_unit_test(there_may_be_no_control_socket),
		cmocka_unit_test(public_urls_and_issuers_are_checked),
		cmocka_unit_test(tokens_are_read),
		cmocka_unit_test(wrong_tokens_are_named),
		cmocka_unit_test(no_message_shows_a_hash),
		cmocka_unit_test(tokens_have_their_limits),
		cmocka_unit_test(wrong_limits_are_named),
		cmocka_unit_test(a_burst_is_twice_the_rate_unless_it_is_set),
		cmocka_unit_test(defaults_fit_beside_the_longest_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
