/* test_policy.c: the rules that the supervisor sends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard_http.h"
#include "policy.h"

#define HASH                                                                   \
	"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
#define LIMITS                                                                 \
	"{\"connections\":1,\"connections_per_address\":2,\"sessions\":3,"     \
	"\"requests_per_session\":4,\"rate\":5,\"burst\":6,\"body_size\":7,"   \
	"\"queue_size\":8,\"memory\":9,\"session_idle_ms\":10,"                \
	"\"session_lifetime_ms\":11}"

/* What is so of a backend that all clients share. */
#define SHARED                                                                 \
	"\"session\":\"shared\",\"instances\":0,\"instance_wait_ms\":1,"       \
	"\"instance_idle_ms\":2"

/* The members of a policy, in this order. */
enum member {
	HOSTS,
	ORIGINS,
	OPEN,
	PUBLIC_URL,
	SERVERS,
	NAMES,
	LIMIT,
	TOKENS,
	BACKENDS,
	MEMBERS
};
static const char *const keys[MEMBERS] = { "hosts", "origins", "open",
	"public_url", "authorization_servers", "names", "limits", "tokens",
	"backends" };
static const char *const values[MEMBERS] = { "[]", "[]", "true", "null", "[]",
	"null", LIMITS, "[]", "[]" };

static char json[1 << 20];

static struct policy *
parse(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len + 1); /* of exactly that size, and no NUL */
	struct policy *policy;

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = 'x';
	errno = 0;
	policy = policy_parse(copy, len);
	free(copy);
	return policy;
}

/* A policy that is empty but for this member; value NULL: without it. */
static const char *
with(enum member member, const char *value)
{
	size_t at = strlcpy(json, "{\"more\":0", sizeof(json));

	for (unsigned int i = 0; i < MEMBERS; i++) {
		const char *text = i == member ? value : values[i];

		if (text != NULL)
			at += (size_t)snprintf(json + at, sizeof(json) - at,
			    ",\"%s\":%s", keys[i], text);
	}
	strlcat(json, "}", sizeof(json));
	return json;
}

static void
assert_refused(enum member member, const char *value)
{
	if (parse(with(member, value)) != NULL)
		fail_msg("taken: %s", json);
	assert_int_equal(errno, EINVAL);
}

static struct policy *
taken(enum member member, const char *value)
{
	struct policy *policy = parse(with(member, value));

	if (policy == NULL)
		fail_msg("refused: %s", json);
	return policy;
}

static void
everything_is_read(void **state)
{
	struct policy *p = parse(
	    "{\"hosts\":[\"a\",\"b:1\"],\"origins\":[\"https://x\"],"
	    "\"open\":false,\"public_url\":\"https://gw\","
	    "\"authorization_servers\":[\"https://as\"],"
	    "\"names\":\"safe\",\"limits\":" LIMITS
	    ",\"tokens\":[{\"name\":\"alice\",\"sha256\":" HASH
	    ",\"backends\":[\"b*\"],\"tools\":[\"b/x\",\"b/y\"],\"rate\":10,"
	    "\"concurrent\":11}],\"backends\":[{\"number\":"
	    "18446744073709551615,\"name\":\"bash\",\"part\":\"serving\","
	    "\"allow\":[\"x\"],\"deny\":[\"y\",\"z\"],\"requests\":12,"
	    "\"session\":\"per-client\",\"instances\":3,"
	    "\"instance_wait_ms\":4,\"instance_idle_ms\":0},"
	    "{\"number\":2,\"name\":\"bash\",\"part\":\"standby\","
	    "\"allow\":[],\"deny\":[],\"requests\":0,\"session\":\"auto\","
	    "\"instances\":1,\"instance_wait_ms\":0,"
	    "\"instance_idle_ms\":4294967295},"
	    "{\"number\":1,\"name\":\"bash\",\"part\":\"leaving\","
	    "\"allow\":[],\"deny\":[],\"requests\":1," SHARED "}]}");

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->origins.hosts[1], "b:1");
	assert_null(p->origins.hosts[2]);
	assert_string_equal(p->origins.origins[0], "https://x");
	assert_null(p->origins.host);
	assert_false(p->open);
	assert_string_equal(p->public_url, "https://gw");
	assert_string_equal(p->authorization_servers[0], "https://as");
	assert_null(p->authorization_servers[1]);
	assert_int_equal(p->limits.connections, 1);
	assert_int_equal(p->limits.connections_per_address, 2);
	assert_int_equal(p->limits.sessions, 3);
	assert_int_equal(p->limits.requests_per_session, 4);
	assert_int_equal(p->limits.rate, 5);
	assert_int_equal(p->limits.burst, 6);
	assert_int_equal(p->limits.body_size, 7);
	assert_int_equal(p->limits.queue_size, 8);
	assert_int_equal(p->limits.memory, 9);
	assert_int_equal(p->limits.session_idle_ms, 10);
	assert_int_equal(p->limits.session_lifetime_ms, 11);
	assert_int_equal(p->names, POLICY_NAMES_SAFE);
	assert_int_equal(p->token_count, 1);
	assert_string_equal(p->tokens[0].name, "alice");
	assert_memory_equal(p->tokens[0].hash,
	    "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67", 12);
	assert_int_equal(p->tokens[0].audience, 1);
	assert_int_equal(p->tokens[0].rate, 10);
	assert_int_equal(p->tokens[0].concurrent, 11);
	assert_int_equal(p->audience_count, 2);
	assert_null(p->audiences[0].backends[0]);
	assert_null(p->audiences[0].tools[0]);
	assert_string_equal(p->audiences[1].backends[0], "b*");
	assert_string_equal(p->audiences[1].tools[1], "b/y");
	assert_int_equal(p->backend_count, 3);
	assert_true(p->backends[0].number == UINT64_MAX);
	assert_string_equal(p->backends[0].name, "bash");
	assert_int_equal(p->backends[0].part, POLICY_SERVING);
	assert_string_equal(p->backends[0].allow[0], "x");
	assert_string_equal(p->backends[0].deny[1], "z");
	assert_int_equal(p->backends[0].requests, 12);
	assert_int_equal(p->backends[0].session, POLICY_PER_CLIENT);
	assert_int_equal(p->backends[0].instances, 3);
	assert_int_equal(p->backends[0].instance_wait_ms, 4);
	assert_int_equal(p->backends[0].instance_idle_ms, 0);
	assert_int_equal(p->backends[1].part, POLICY_STANDBY);
	assert_int_equal(p->backends[1].session, POLICY_AUTO);
	assert_true(p->backends[1].instance_idle_ms == UINT32_MAX);
	assert_int_equal(p->backends[2].part, POLICY_LEAVING);
	assert_int_equal(p->backends[2].session, POLICY_SHARED);
	assert_int_equal(p->backends[2].instances, 0);
	policy_free(&p);
	assert_null(p);
	policy_free(&p);
}

static void
every_member_must_be_there_and_of_its_type(void **state)
{
	static const char *const wrong[MEMBERS][6] = {
		[HOSTS] = { "null", "{}", "\"a\"", "[1]", "[null]",
		    "[\"a\\u0000\"]" },
		[ORIGINS] = { "null", "{}", "\"a\"", "[[]]", "[true]", "1" },
		[OPEN] = { "null", "0", "\"true\"", "[]", "{}", "1" },
		[PUBLIC_URL] = { "\"\"", "1", "[]", "{}", "true",
		    "\"\\u0000\"" },
		[SERVERS] = { "null", "{}", "\"a\"", "[1]", "[null]", "true" },
		[NAMES] = { "\"\"", "\"Safe\"", "1", "[]", "{}", "true" },
		[LIMIT] = { "null", "{}", "[]", "1", "\"x\"", "true" },
		[TOKENS] = { "null", "{}", "[null]", "[{}]", "[1]", "\"x\"" },
		[BACKENDS] = { "null", "{}", "[null]", "[{}]", "[1]", "\"x\"" },
	};
	struct policy *policy;

	(void)state;
	for (unsigned int i = 0; i < MEMBERS; i++) {
		policy = taken((enum member)i, values[i]);
		policy_free(&policy);
		assert_refused((enum member)i, NULL);
		for (size_t j = 0; j < 6; j++)
			assert_refused((enum member)i, wrong[i][j]);
	}
}

static void
what_is_no_json_object_is_refused(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "null", "\"x\"",
		"1", "nonsense" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_null(parse(texts[i]));
		assert_int_equal(errno, EINVAL);
	}
	(void)with(OPEN, "true");
	strlcat(json, "{}", sizeof(json));
	assert_null(parse(json));
	assert_int_equal(errno, EINVAL);
	assert_refused(HOSTS, "[\"\xff\"]");
}

/* A limit of another value. */
static const char *
limits(const char *key, const char *value)
{
	static const char *const names[] = { "connections",
		"connections_per_address", "sessions", "requests_per_session",
		"rate", "burst", "body_size", "queue_size", "memory",
		"session_idle_ms", "session_lifetime_ms" };
	static char text[1024];
	size_t at = strlcpy(text, "{", sizeof(text));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool chosen = strcmp(key, names[i]) == 0;

		if (!chosen || value != NULL)
			at += (size_t)snprintf(text + at, sizeof(text) - at,
			    "%s\"%s\":%s", at > 1 ? "," : "", names[i],
			    chosen ? value : "1");
	}
	strlcat(text, "}", sizeof(text));
	return text;
}

static void
limits_have_bounds(void **state)
{
	static const char *const never_0[] = { "requests_per_session",
		"body_size", "queue_size", "memory", "session_idle_ms" };
	static const char *const may_be_0[] = { "connections",
		"connections_per_address", "sessions", "rate", "burst",
		"session_lifetime_ms" };
	struct policy *p;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_refused(LIMIT, limits(never_0[i], "0"));
		assert_refused(LIMIT, limits(never_0[i], NULL));
	}
	for (size_t i = 0; i < 6; i++) {
		p = taken(LIMIT, limits(may_be_0[i], "0"));
		policy_free(&p);
		assert_refused(LIMIT, limits(may_be_0[i], NULL));
		assert_refused(LIMIT, limits(may_be_0[i], "-1"));
		assert_refused(LIMIT, limits(may_be_0[i], "1.5"));
		assert_refused(LIMIT, limits(may_be_0[i], "\"1\""));
	}
	/* More than there can be is as much as there can be. */
	p = taken(LIMIT, limits("sessions", "18446744073709551615"));
	assert_true(p->limits.sessions == UINT32_MAX);
	policy_free(&p);
	p = taken(LIMIT, limits("memory", "18446744073709551615"));
	assert_true(p->limits.memory == SIZE_MAX);
	policy_free(&p);
	p = taken(LIMIT, limits("body_size", "1000000000"));
	assert_int_equal(p->limits.body_size, GUARD_BODY_MAX);
	policy_free(&p);
}

/* One more token, in text. */
static void
add_token(char *text, size_t size, const char *backends, const char *tools)
{
	size_t at = strlen(text);

	snprintf(text + at, size - at,
	    "%s{\"name\":\"t\",\"sha256\":" HASH
	    ",\"backends\":%s,\"tools\":%s,\"rate\":0,\"concurrent\":0}",
	    at > 1 ? "," : "", backends, tools);
}

static void
tokens_with_the_same_rules_share_an_audience(void **state)
{
	static const size_t expected[] = { 0, 1, 2, 1, 3, 0, 2, 4 };
	char text[4096] = "[";
	struct policy *p;

	(void)state;
	add_token(text, sizeof(text), "[]", "[]");
	add_token(text, sizeof(text), "[\"a\"]", "[]");
	add_token(text, sizeof(text), "[]", "[\"a\"]");
	add_token(text, sizeof(text), "[\"a\"]", "[]");
	add_token(text, sizeof(text), "[\"a\",\"b\"]", "[]");
	add_token(text, sizeof(text), "[]", "[]");
	add_token(text, sizeof(text), "[]", "[\"a\"]");
	add_token(text, sizeof(text), "[\"a\"]", "[\"a\"]");
	strlcat(text, "]", sizeof(text));
	p = taken(TOKENS, text);
	assert_int_equal(p->token_count, 8);
	assert_int_equal(p->audience_count, 5);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(p->tokens[i].audience, expected[i]);
	policy_free(&p);
}

static void
hashes_are_64_digits(void **state)
{
	static const char *const bad[] = { "\"\"", "null", "1",
		"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abc"
		"de\"",
		"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abc"
		"def0\"",
		"\"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abc"
		"def\"",
		"\"0123456789abcdeg0123456789abcdef0123456789abcdef0123456789abc"
		"def\"" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
		    "[{\"name\":\"t\",\"sha256\":%s,\"backends\":[],"
		    "\"tools\":[],\"rate\":0,\"concurrent\":0}]",
		    bad[i]);
		assert_refused(TOKENS, text);
	}
}

static size_t
add_backend(char *text, size_t size, unsigned int number, const char *name,
    const char *part)
{
	size_t at = strlen(text);

	return at +
	    (size_t)snprintf(text + at, size - at,
		"%s{\"number\":%u,\"name\":\"%s\",\"part\":\"%s\",\"allow\":[],"
		"\"deny\":[],\"requests\":1," SHARED "}",
		at > 1 ? "," : "", number, name, part);
}

static void
only_one_of_a_name_serves_and_numbers_are_unique(void **state)
{
	static const struct {
		const char *name;
		const char *part;
		unsigned int number;
		bool good;
	} second[] = {
		{ "a", "standby", 2, true },
		{ "a", "leaving", 2, true },
		{ "b", "serving", 2, true },
		{ "a", "serving", 2, false },
		{ "b", "serving", 1, false },
		{ "b", "leaving", 1, false },
		{ "b", "Serving", 2, false },
		{ "", "serving", 2, false },
	};
	struct policy *p;

	(void)state;
	for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
		char text[512] = "[";

		add_backend(text, sizeof(text), 1, "a", "serving");
		add_backend(text, sizeof(text), second[i].number,
		    second[i].name, second[i].part);
		strlcat(text, "]", sizeof(text));
		if (!second[i].good) {
			assert_refused(BACKENDS, text);
			continue;
		}
		p = taken(BACKENDS, text);
		assert_int_equal(p->backend_count, 2);
		policy_free(&p);
	}
}

/* Sharing, with each member as it may be and as it may not. */
static void
who_shares_a_backend_is_known(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ SHARED, true },
		{ "\"session\":\"shared\",\"instances\":5,"
		  "\"instance_wait_ms\":0,\"instance_idle_ms\":0",
		    true },
		{ "\"session\":\"auto\",\"instances\":1,"
		  "\"instance_wait_ms\":0,\"instance_idle_ms\":0",
		    true },
		{ "\"session\":\"auto\",\"instances\":0,"
		  "\"instance_wait_ms\":0,\"instance_idle_ms\":0",
		    false },
		{ "\"session\":\"per-client\",\"instances\":0,"
		  "\"instance_wait_ms\":0,\"instance_idle_ms\":0",
		    false },
		{ "\"session\":\"own\",\"instances\":1,"
		  "\"instance_wait_ms\":0,\"instance_idle_ms\":0",
		    false },
		{ "\"session\":null,\"instances\":1,"
		  "\"instance_wait_ms\":0,\"instance_idle_ms\":0",
		    false },
		{ "\"session\":\"auto\",\"instances\":1,"
		  "\"instance_wait_ms\":-1,\"instance_idle_ms\":0",
		    false },
		{ "\"session\":\"auto\",\"instances\":1,"
		  "\"instance_wait_ms\":0",
		    false },
		{ "\"session\":\"auto\",\"instances\":1,"
		  "\"instance_idle_ms\":0",
		    false },
		{ "\"session\":\"shared\",\"instance_wait_ms\":0,"
		  "\"instance_idle_ms\":0",
		    false },
		{ "\"instances\":1,\"instance_wait_ms\":0,"
		  "\"instance_idle_ms\":0",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct policy *p;

		snprintf(text, sizeof(text),
		    "[{\"number\":1,\"name\":\"a\",\"part\":\"serving\","
		    "\"allow\":[],\"deny\":[],\"requests\":1,%s}]",
		    cases[i].text);
		if (!cases[i].good) {
			assert_refused(BACKENDS, text);
			continue;
		}
		p = taken(BACKENDS, text);
		policy_free(&p);
	}
}

static void
names_are_by_endpoint_unless_said_otherwise(void **state)
{
	struct policy *p = taken(NAMES, "null");

	(void)state;
	assert_int_equal(p->names, POLICY_NAMES_BY_ENDPOINT);
	policy_free(&p);
	p = taken(NAMES, "\"slash\"");
	assert_int_equal(p->names, POLICY_NAMES_SLASH);
	policy_free(&p);
}

static void
there_are_at_most_512_backends(void **state)
{
	static char text[100000];
	char name[16];
	struct policy *p;

	(void)state;
	strlcpy(text, "[", sizeof(text));
	for (unsigned int i = 0; i <= POLICY_BACKENDS_MAX; i++) {
		if (i == POLICY_BACKENDS_MAX) {
			size_t len = strlcat(text, "]", sizeof(text));

			p = taken(BACKENDS, text);
			assert_int_equal(p->backend_count, i);
			policy_free(&p);
			text[len - 1] = '\0';
		}
		snprintf(name, sizeof(name), "b%u", i);
		add_backend(text, sizeof(text), i, name, "serving");
	}
	strlcat(text, "]", sizeof(text));
	assert_refused(BACKENDS, text);
}

static void
patterns_are_of_the_shell(void **state)
{
	static char get[] = "get_*", x[] = "?[xy]", all[] = "*";
	char *patterns[] = { get, x, NULL };
	char *anything[] = { all, NULL };
	char *none[] = { NULL };

	(void)state;
	assert_true(policy_matches(none, "whatever"));
	assert_true(policy_matches(none, ""));
	assert_true(policy_matches(anything, "a/b.c"));
	assert_true(policy_matches(anything, ".hidden"));
	assert_true(policy_matches(patterns, "get_it"));
	assert_true(policy_matches(patterns, "get_"));
	assert_true(policy_matches(patterns, "ax"));
	assert_false(policy_matches(patterns, "x"));
	assert_false(policy_matches(patterns, "forget_it"));
	assert_false(policy_matches(patterns, "Get_it"));
}

static void
lists_are_copied_and_compared(void **state)
{
	static char a[] = "a", b[] = "b";
	char *one[] = { a, b, NULL };
	char *other[] = { b, a, NULL };
	char *less[] = { a, NULL };
	char *none[] = { NULL };
	char **copy = policy_list_copy(one);

	(void)state;
	assert_non_null(copy);
	assert_true(policy_lists_equal(copy, one));
	assert_ptr_not_equal(copy[0], one[0]);
	assert_false(policy_lists_equal(one, other));
	assert_false(policy_lists_equal(one, less));
	assert_false(policy_lists_equal(less, one));
	assert_false(policy_lists_equal(none, less));
	assert_true(policy_lists_equal(none, none));
	policy_list_free(&copy);
	assert_null(copy);
	policy_list_free(&copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(every_member_must_be_there_and_of_its_type),
		cmocka_unit_test(what_is_no_json_object_is_refused),
		cmocka_unit_test(limits_have_bounds),
		cmocka_unit_test(tokens_with_the_same_rules_share_an_audience),
		cmocka_unit_test(hashes_are_64_digits),
		cmocka_unit_test(
		    only_one_of_a_name_serves_and_numbers_are_unique),
		cmocka_unit_test(who_shares_a_backend_is_known),
		cmocka_unit_test(names_are_by_endpoint_unless_said_otherwise),
		cmocka_unit_test(there_are_at_most_512_backends),
		cmocka_unit_test(patterns_are_of_the_shell),
		cmocka_unit_test(lists_are_copied_and_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
