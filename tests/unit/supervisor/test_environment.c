/* test_environment.c: what a job finds in its environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "environment.h"

static char *const nothing[] = { NULL };
static const char *const dirs[] = { "/build", "/libexec", NULL };

/* The value, or NULL; fails when it is there twice. */
static const char *
value_of(char *const *env, const char *name)
{
	const char *value = NULL;
	size_t len = strlen(name);

	for (; *env != NULL; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') {
			assert_null(value);
			value = *env + len + 1;
		}
	}
	return value;
}

static void
the_gateways_own_is_inherited_and_extra_wins(void **state)
{
	char a[] = "TOKEN=old", b[] = "LANG=C", c[] = "TOKEN=new",
	     d[] = "MORE=a=b";
	char *const own[] = { a, b, NULL };
	char *const extra[] = { c, d, NULL };
	char **env = environment_make(own, NULL, extra, dirs);

	(void)state;
	assert_string_equal(value_of(env, "TOKEN"), "new");
	assert_string_equal(value_of(env, "LANG"), "C");
	assert_string_equal(value_of(env, "MORE"), "a=b");
	environment_free(&env);
	assert_null(env);
}

static void
path_is_extended_at_its_end(void **state)
{
	char a[] = "PATH=/usr/bin:/bin", b[] = "PATH=";
	char *const own[] = { a, NULL };
	char *const empty[] = { b, NULL };
	char **env = environment_make(own, NULL, nothing, dirs);

	(void)state;
	assert_string_equal(
	    value_of(env, "PATH"), "/usr/bin:/bin:/build:/libexec");
	environment_free(&env);
	/* The backend's own PATH too. */
	env = environment_make(nothing, NULL, own, dirs);
	assert_string_equal(
	    value_of(env, "PATH"), "/usr/bin:/bin:/build:/libexec");
	environment_free(&env);
	/* No empty element: that would be the current folder. */
	env = environment_make(empty, NULL, nothing, dirs);
	assert_string_equal(value_of(env, "PATH"), "/build:/libexec");
	environment_free(&env);
	env = environment_make(nothing, NULL, nothing, dirs);
	assert_non_null(strstr(value_of(env, "PATH"), "/bin:/build:/libexec"));
	environment_free(&env);
}

static void
what_a_service_manager_told_us_stays_with_us(void **state)
{
	char a[] = "LISTEN_FDS=2", b[] = "LISTEN_PID=1",
	     c[] = "NOTIFY_SOCKET=/run/x", d[] = "LISTEN_FDNAMES=a",
	     e[] = "LISTEN_FDS_OF_MINE=stays";
	char *const own[] = { a, b, c, d, e, NULL };
	char **env = environment_make(own, NULL, nothing, dirs);

	(void)state;
	assert_null(value_of(env, "LISTEN_FDS"));
	assert_null(value_of(env, "LISTEN_PID"));
	assert_null(value_of(env, "LISTEN_FDNAMES"));
	assert_null(value_of(env, "NOTIFY_SOCKET"));
	assert_string_equal(value_of(env, "LISTEN_FDS_OF_MINE"), "stays");
	environment_free(&env);
}

static void
another_user_gets_a_home_of_its_own(void **state)
{
	char name[] = "alice", home[] = "/home/alice", shell[] = "/bin/sh";
	char a[] = "HOME=/root", b[] = "USER=root", c[] = "HOME=/srv/alice";
	const struct identity_user user = { name, 1000, 1000, home, shell };
	char *const own[] = { a, b, NULL };
	char *const extra[] = { c, NULL };
	char **env = environment_make(own, &user, nothing, dirs);

	(void)state;
	assert_string_equal(value_of(env, "HOME"), "/home/alice");
	assert_string_equal(value_of(env, "USER"), "alice");
	assert_string_equal(value_of(env, "LOGNAME"), "alice");
	assert_string_equal(value_of(env, "SHELL"), "/bin/sh");
	environment_free(&env);
	env = environment_make(own, &user, extra, dirs);
	assert_string_equal(value_of(env, "HOME"), "/srv/alice");
	environment_free(&env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gateways_own_is_inherited_and_extra_wins),
		cmocka_unit_test(path_is_extended_at_its_end),
		cmocka_unit_test(what_a_service_manager_told_us_stays_with_us),
		cmocka_unit_test(another_user_gets_a_home_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
