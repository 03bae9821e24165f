/* Counts, sizes and modes; what a job may use. */
#include "config_test.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
sizes_are_numbers_or_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = { { "1048576", 1 << 20 }, { "\"1048576\"", 1 << 20 },
		{ "\"1024K\"", 1 << 20 }, { "\"1M\"", 1 << 20 },
		{ "\"3m\"", 3 << 20 }, { "\"2G\"", UINT64_C(2) << 30 },
		{ "\"1t\"", UINT64_C(1) << 40 },
		{ "\"1024T\"", UINT64_C(1) << 50 },
		{ "1125899906842624", UINT64_C(1) << 50 },
		{ "\"unlimited\"", CONFIG_UNLIMITED } };
	char text[128];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct config *c;

		snprintf(text, sizeof(text),
		    "{\"a\": {\"command\": \"x\", \"limits\": "
		    "{\"memory\": %s}}}",
		    cases[i].text);
		c = must_parse(text);
		assert_true(c->backends[0].limits.memory == cases[i].bytes);
		config_free(&c);
	}
}

/* Members of a backend, alone on the second line. */
struct wrong {
	const char *member;
	unsigned int column;
	const char *part;
};

static void
each_must_fail(const struct wrong *cases, size_t n)
{
	char text[256];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text),
		    "{\"b\": {\"command\": \"x\",\n%s}}", cases[i].member);
		must_fail(text, 2, cases[i].column, cases[i].part);
	}
}

static void
what_is_no_size_is_named(void **state)
{
	static const char part[] =
	    "backend \"b\", \"limits\": \"memory\" must be \"unlimited\" or "
	    "bytes from 1M to 1024T, not ";
	static const struct wrong cases[] = {
		{ "\"limits\": {\"memory\": \"\"}", 22, part },
		{ "\"limits\": {\"memory\": \"M\"}", 22, part },
		{ "\"limits\": {\"memory\": \"-5M\"}", 22, part },
		{ "\"limits\": {\"memory\": \" 5M\"}", 22, part },
		{ "\"limits\": {\"memory\": \"5 M\"}", 22, part },
		{ "\"limits\": {\"memory\": \"5MB\"}", 22, part },
		{ "\"limits\": {\"memory\": \"5X\"}", 22, part },
		{ "\"limits\": {\"memory\": \"1.5G\"}", 22, part },
		{ "\"limits\": {\"memory\": \"1025T\"}", 22, part },
		{ "\"limits\": {\"memory\": \"9999999999999999999999\"}", 22,
		    part },
		{ "\"limits\": {\"memory\": \"512K\"}", 22,
		    "not \"512K\"; write \"memory\": \"512M\"" },
		{ "\"limits\": {\"memory\": 1.5e9}", 22, "not 1.5e9" },
		{ "\"limits\": {\"memory\": 1048575}", 22, "not 1048575" },
		{ "\"limits\": {\"memory\": -1}", 22, "not -1" },
		{ "\"limits\": {\"memory\": null}", 22, "not null" },
		{ "\"limits\": {\"memory\": \"\\u0035M\"}", 22, part },
		{ "\"message_size\": \"unlimited\"", 17,
		    "must be bytes from 1K to 64M, not \"unlimited\"" },
		{ "\"message_size\": \"65M\"", 17, "not \"65M\"" },
		{ "\"message_size\": 1023", 17, "not 1023" },
	};

	(void)state;
	each_must_fail(cases, N(cases));
}

static void
what_is_no_count_is_named(void **state)
{
	static const struct wrong cases[] = {
		{ "\"limits\": {\"processes\": 0}", 25,
		    "\"processes\" must be \"unlimited\" or a whole number from "
		    "1 to 4194304, not 0; write \"processes\": 64" },
		{ "\"limits\": {\"processes\": \"64\"}", 25, "not a string" },
		{ "\"limits\": {\"cpu_percent\": 1.5}", 27, "not 1.5" },
		{ "\"limits\": {\"cpus\": 1}", 12,
		    "backend \"b\", \"limits\": there is no key \"cpus\"; did "
		    "you mean \"cpu_percent\"?" },
		{ "\"requests\": 16385", 13,
		    "\"requests\" must be a whole number from 0 to 16384" },
		{ "\"requests\": \"unlimited\"", 13, "not a string" },
	};
	struct config *c = must_parse("{\"a\": {\"command\": \"x\", \"limits\":"
				      " {\"processes\": \"unlimited\"}}}");

	(void)state;
	assert_true(c->backends[0].limits.processes == CONFIG_UNLIMITED);
	config_free(&c);
	each_must_fail(cases, N(cases));
}

static void
what_is_wrong_in_a_sandbox_is_named(void **state)
{
	static const struct wrong cases[] = {
		{ "\"sandbox\": true", 12,
		    "\"sandbox\" must be an object, not true or false; write "
		    "\"sandbox\": {\"read\": [\"/srv\"]}" },
		{ "\"sandbox\": {\"read\": [\"x\"]}", 22,
		    "backend \"b\", \"sandbox\": \"read\" element 1 must be an "
		    "absolute path" },
		{ "\"sandbox\": {\"write\": \"/x\"}", 22, "a list of strings" },
		{ "\"sandbox\": {\"connect\": [0]}", 25,
		    "\"connect\" element 1 must be a port from 1 to 65535 or "
		    "\"*\"; write \"connect\": [443]" },
		{ "\"sandbox\": {\"connect\": [65536]}", 25, "must be a port" },
		{ "\"sandbox\": {\"connect\": [80.0]}", 25, "must be a port" },
		{ "\"sandbox\": {\"connect\": [\"https\"]}", 25,
		    "must be a port" },
		{ "\"sandbox\": {\"connect\": [\"080\"]}", 25,
		    "must be a port" },
		{ "\"sandbox\": {\"connect\": [true]}", 25,
		    "must be a string, not true or false" },
		{ "\"sandbox\": {\"connect\": 443}", 24,
		    "must be a list of ports, not a number" },
		{ "\"sandbox\": {\"network\": \"bridge\"}", 24,
		    "\"network\" must be \"host\" or \"none\", not "
		    "\"bridge\"" },
		{ "\"tools\": {\"allow\": [\"\"]}", 21,
		    "\"tools\": \"allow\" element 1 must not be empty" },
	};

	(void)state;
	each_must_fail(cases, N(cases));
}

static void
modes_are_octal_and_in_quotes(void **state)
{
	static const struct {
		const char *text;
		unsigned int mode; /* 01000: an error */
	} cases[] = { { "\"0660\"", 0660 }, { "\"660\"", 0660 },
		{ "\"0000\"", 0 }, { "\"0777\"", 0777 }, { "660", 01000 },
		{ "\"1777\"", 01000 }, { "\"68\"", 01000 },
		{ "\"0680\"", 01000 }, { "\"00660\"", 01000 },
		{ "\"rw-\"", 01000 }, { "\"\"", 01000 }, { "true", 01000 } };
	char text[128];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct config *c;

		snprintf(text, sizeof(text),
		    "{\"gateway\": {\n\"socket_mode\": %s}}", cases[i].text);
		if (cases[i].mode > 0777) {
			must_fail(text, 2, 16,
			    "gateway: \"socket_mode\" must be an octal mode in "
			    "quotes, from 0000 to 0777, not ");
			continue;
		}
		c = must_parse(text);
		assert_int_equal(c->socket_mode, cases[i].mode);
		config_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_numbers_or_have_a_unit),
		cmocka_unit_test(what_is_no_size_is_named),
		cmocka_unit_test(what_is_no_count_is_named),
		cmocka_unit_test(what_is_wrong_in_a_sandbox_is_named),
		cmocka_unit_test(modes_are_octal_and_in_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
