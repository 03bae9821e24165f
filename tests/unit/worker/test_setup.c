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
		"\"later\":[]}"),
	    0);
	assert_int_equal(setup.log_level, LOG_LEVEL_WARNING);
	assert_true(setup.identity.set);
	assert_int_equal(setup.identity.uid, 7);
	assert_int_equal(setup.identity.gid, 8);
	assert_string_equal(setup.identity.chroot, "/var/empty");
	assert_string_equal(setup.name, "ba");
	assert_int_equal(setup.request_timeout_ms, 60000);
	setup_free(&setup);
	assert_null(setup.name);
}

static void
no_identity_is_none(void **state)
{
	struct setup setup;

	(void)state;
	assert_int_equal(
	    parse(&setup,
		"{\"log_level\":\"info\",\"identity\":null,\"name\":\"b\","
		"\"request_timeout_ms\":1}"),
	    0);
	assert_false(setup.identity.set);
	assert_null(setup.identity.chroot);
	setup_free(&setup);
}

static void
a_wrong_setup_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"{}",
		"{\"log_level\":\"loud\",\"name\":\"b\",\"request_timeout_ms\":1}",
		"{\"log_level\":\"info\",\"name\":\"\",\"request_timeout_ms\":1}",
		"{\"log_level\":\"info\",\"name\":\"a\\u0000b\","
		"\"request_timeout_ms\":1}",
		"{\"log_level\":\"info\",\"name\":\"b\"}",
		"{\"log_level\":\"info\",\"name\":\"b\",\"request_timeout_ms\":-1}",
		"{\"log_level\":\"info\",\"name\":\"b\",\"request_timeout_ms\":1,"
		"\"identity\":{\"uid\":1}}",
		"{\"log_level\":\"info\",\"name\":\"b\",\"request_timeout_ms\":1,"
		"\"identity\":{\"uid\":-1,\"gid\":4294967296,\"chroot\":\"/\"}}",
	};
	struct setup setup;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		errno = 0;
		assert_int_equal(parse(&setup, wrong[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_setup_is_read),
		cmocka_unit_test(no_identity_is_none),
		cmocka_unit_test(a_wrong_setup_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
