/* test_folder.c: whether others could put something else in our place. */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

static char dir[] = "/tmp/test_folder.XXXXXX";
static char path[64];

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

/* "" when the folder is good. */
static const char *
fault(const char *where, bool sticky)
{
	static char text[1024];
	char *error = NULL;

	text[0] = '\0';
	if (folder_check(where, sticky, &error) == -1) {
		assert_non_null(error);
		(void)strlcpy(text, error, sizeof(text));
		free(error);
	}
	return text;
}

static void
one_that_only_we_can_change_is_good(void **state)
{
	static const mode_t modes[] = { 0700, 0755, 0711, 0500, 01755 };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(dir, modes[i]), 0);
		assert_string_equal(fault(path, false), "");
		assert_string_equal(fault(path, true), "");
	}
}

static void
one_that_others_can_change_is_not(void **state)
{
	static const mode_t modes[] = { 0770, 0702, 0777, 0720 };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(dir, modes[i]), 0);
		assert_non_null(strstr(fault(path, false), "chmod go-w"));
		assert_non_null(strstr(fault(path, true), "chmod go-w"));
		assert_int_equal(chmod(dir, modes[i] | S_ISVTX), 0);
		assert_non_null(strstr(fault(path, false), "chmod go-w"));
		assert_string_equal(fault(path, true), "");
	}
	assert_int_equal(chmod(dir, 0700), 0);
}

static void
one_of_another_user_is_not(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(dir, 65534, (gid_t)-1), 0);
	assert_non_null(strstr(fault(path, true), "uid 65534"));
	assert_int_equal(chown(dir, 0, (gid_t)-1), 0);
}

static void
what_is_not_there_is_named(void **state)
{
	char long_one[8192];

	(void)state;
	assert_non_null(
	    strstr(fault("/no/such/file", true), "mkdir -p /no/such"));
	assert_non_null(strstr(fault("/dev/null/file", true), "/dev/null"));
	memset(long_one, 'x', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	assert_non_null(strstr(fault(long_one, true), "too long"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_only_we_can_change_is_good),
		cmocka_unit_test(one_that_others_can_change_is_not),
		cmocka_unit_test(one_of_another_user_is_not),
		cmocka_unit_test(what_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
