/* test_settings.c: the set-up that the supervisor sends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "settings.h"

static struct settings *
parse(const char *json)
{
	return settings_parse(json, strlen(json));
}

static void
everything_is_read(void **state)
{
	struct settings *s = parse(
	    "{\"log_level\":\"warning\",\"identity\":{\"uid\":4000000000,"
	    "\"gid\":7,\"chroot\":\"/var/empty\"},\"hosts\":[\"a\",\"b\"],"
	    "\"origins\":[\"https://x\"],\"backends\":[\"one\",\"two\","
	    "\"three\"]}");

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->log_level, LOG_LEVEL_WARNING);
	assert_true(s->identity.set);
	assert_int_equal(s->identity.uid, 4000000000U);
	assert_int_equal(s->identity.gid, 7);
	assert_string_equal(s->identity.chroot, "/var/empty");
	assert_string_equal(s->origins.hosts[1], "b");
	assert_null(s->origins.hosts[2]);
	assert_string_equal(s->origins.origins[0], "https://x");
	assert_null(s->origins.origins[1]);
	assert_int_equal(s->backend_count, 3);
	assert_string_equal(s->backends[2], "three");
	assert_null(s->backends[3]);
	settings_free(&s);
	assert_null(s);
	settings_free(&s);
}

static void
nothing_may_be_dropped_or_listed(void **state)
{
	struct settings *s =
	    parse("{\"log_level\":\"debug\",\"identity\":null,\"hosts\":[],"
		  "\"origins\":[],\"backends\":[]}");

	(void)state;
	assert_non_null(s);
	assert_false(s->identity.set);
	assert_int_equal(s->backend_count, 0);
	assert_null(s->backends[0]);
	settings_free(&s);
}

static void
an_identity_may_be_without_a_chroot(void **state)
{
	struct settings *s =
	    parse("{\"log_level\":\"info\",\"identity\":{\"uid\":1,\"gid\":2,"
		  "\"chroot\":null},\"hosts\":[],\"origins\":[],"
		  "\"backends\":[]}");

	(void)state;
	assert_non_null(s);
	assert_true(s->identity.set);
	assert_null(s->identity.chroot);
	settings_free(&s);
}

static void
anything_else_is_refused(void **state)
{
	static const char *const values[][5] = {
		/* level, identity, hosts, origins, backends */
		{ "\"loud\"", "null", "[]", "[]", "[]" },
		{ "null", "null", "[]", "[]", "[]" },
		{ "1", "null", "[]", "[]", "[]" },
		{ "\"info\"", "{}", "[]", "[]", "[]" },
		{ "\"info\"", "{\"uid\":1}", "[]", "[]", "[]" },
		{ "\"info\"", "[]", "[]", "[]", "[]" },
		{ "\"info\"", "{\"uid\":1,\"gid\":2,\"chroot\":\"/x\"}", "1",
		    "[]", "[]" },
		{ "\"info\"", "null", "null", "[]", "[]" },
		{ "\"info\"", "null", "{}", "[]", "[]" },
		{ "\"info\"", "null", "[\"a\",null]", "[]", "[]" },
		{ "\"info\"", "null", "[]", "\"x\"", "[]" },
		{ "\"info\"", "null", "[\"a\"]", "[\"b\",null]", "[]" },
		{ "\"info\"", "null", "[\"a\"]", "[\"b\"]", "[\"c\",null]" },
	};
	static const char *const texts[] = { "", "{", "[]", "null", "{}",
		"\"x\"", "nonsense" };
	char json[512];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(json, sizeof(json),
		    "{\"log_level\":%s,\"identity\":%s,\"hosts\":%s,"
		    "\"origins\":%s,\"backends\":%s}",
		    values[i][0], values[i][1], values[i][2], values[i][3],
		    values[i][4]);
		errno = 0;
		assert_null(parse(json));
		assert_int_equal(errno, EINVAL);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		errno = 0;
		assert_null(parse(texts[i]));
		assert_int_equal(errno, EINVAL);
	}
}

static void
a_missing_member_is_refused(void **state)
{
	static const char *const members[] = { "\"log_level\":\"info\"",
		"\"identity\":null", "\"hosts\":[\"h\"]", "\"origins\":[]",
		"\"backends\":[]" };
	char json[512];

	(void)state;
	for (size_t missing = 0; missing < 5; missing++) {
		size_t len = strlcpy(json, "{\"x\":1", sizeof(json));

		for (size_t i = 0; i < 5; i++)
			if (i != missing)
				len += (size_t)snprintf(json + len,
				    sizeof(json) - len, ",%s", members[i]);
		strlcat(json, "}", sizeof(json));
		assert_null(parse(json));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(nothing_may_be_dropped_or_listed),
		cmocka_unit_test(an_identity_may_be_without_a_chroot),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(a_missing_member_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
