/* test_settings.c: the set-up that the supervisor sends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
	struct settings *s =
	    parse("{\"log_level\":\"warning\",\"identity\":{\"uid\":4000000000,"
		  "\"gid\":7,\"chroot\":\"/var/empty\"}}");

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->log_level, LOG_LEVEL_WARNING);
	assert_true(s->identity.set);
	assert_int_equal(s->identity.uid, 4000000000U);
	assert_int_equal(s->identity.gid, 7);
	assert_string_equal(s->identity.chroot, "/var/empty");
	settings_free(&s);
	assert_null(s);
	settings_free(&s);
}

static void
nothing_may_be_dropped(void **state)
{
	struct settings *s =
	    parse("{\"log_level\":\"debug\",\"identity\":null}");

	(void)state;
	assert_non_null(s);
	assert_false(s->identity.set);
	settings_free(&s);
}

static void
an_identity_may_be_without_a_chroot(void **state)
{
	struct settings *s =
	    parse("{\"log_level\":\"info\",\"identity\":{\"uid\":1,\"gid\":2,"
		  "\"chroot\":null}}");

	(void)state;
	assert_non_null(s);
	assert_true(s->identity.set);
	assert_null(s->identity.chroot);
	settings_free(&s);
}

static void
anything_else_is_refused(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "null", "{}",
		"\"x\"", "nonsense", "{\"log_level\":\"info\"}",
		"{\"identity\":null}",
		"{\"log_level\":\"loud\",\"identity\":null}",
		"{\"log_level\":null,\"identity\":null}",
		"{\"log_level\":1,\"identity\":null}",
		"{\"log_level\":\"info\",\"identity\":{}}",
		"{\"log_level\":\"info\",\"identity\":[]}",
		"{\"log_level\":\"info\",\"identity\":{\"uid\":1}}",
		"{\"log_level\":\"info\",\"identity\":{\"uid\":1,"
		"\"gid\":2}}",
		"{\"log_level\":\"info\",\"identity\":{\"uid\":\"1\","
		"\"gid\":2,\"chroot\":null}}",
		"{\"log_level\":\"info\",\"identity\":{\"uid\":1,"
		"\"gid\":null,\"chroot\":null}}",
		"{\"log_level\":\"info\",\"identity\":{\"uid\":1,"
		"\"gid\":2,\"chroot\":3}}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		errno = 0;
		assert_null(parse(texts[i]));
		assert_int_equal(errno, EINVAL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(nothing_may_be_dropped),
		cmocka_unit_test(an_identity_may_be_without_a_chroot),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
