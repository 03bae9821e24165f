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

/* Without a user, as a test of most things needs it. */
static char **
made(char *const *own, char *const *extra)
{
	const struct environment from = {
		.own = own, .extra = extra, .dirs = dirs
	};

	return environment_make(&from);
}

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
	char **env = made(own, extra);

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
	char **env = made(own, nothing);

	(void)state;
	assert_string_equal(
	    value_of(env, "PATH"), "/usr/bin:/bin:/build:/libexec");
	environment_free(&env);
	/* The backend's own PATH too. */
	env = made(nothing, own);
	assert_string_equal(
	    value_of(env, "PATH"), "/usr/bin:/bin:/build:/libexec");
	environment_free(&env);
	/* No empty element: that would be the current folder. */
	env = made(empty, nothing);
	assert_string_equal(value_of(env, "PATH"), "/build:/libexec");
	environment_free(&env);
	env = made(nothing, nothing);
	assert_non_null(strstr(value_of(env, "PATH"), "/bin:/build:/libexec"));
	environment_free(&env);
}

static void
what_a_service_manager_told_us_stays_with_us(void **state)
{
	char a[] = "LISTEN_FDS=2", b[] = "LISTEN_PID=1",
	     c[] = "NOTIFY_SOCKET=/run/x", d[] = "LISTEN_FDNAMES=a",
	     e[] = "LISTEN_FDS_OF_MINE=stays", g[] = "CREDENTIALS_DIRECTORY=/x";
	char *const own[] = { a, b, c, d, e, g, NULL };
	char **env = made(own, nothing);

	(void)state;
	assert_null(value_of(env, "LISTEN_FDS"));
	assert_null(value_of(env, "LISTEN_PID"));
	assert_null(value_of(env, "LISTEN_FDNAMES"));
	assert_null(value_of(env, "CREDENTIALS_DIRECTORY"));
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
	struct environment from = { .own = own,
		.user = &user,
		.other = true,
		.extra = nothing,
		.dirs = dirs };
	char **env = environment_make(&from);

	(void)state;
	assert_string_equal(value_of(env, "HOME"), "/home/alice");
	assert_string_equal(value_of(env, "USER"), "alice");
	assert_string_equal(value_of(env, "LOGNAME"), "alice");
	assert_string_equal(value_of(env, "SHELL"), "/bin/sh");
	assert_null(value_of(env, "TMPDIR"));
	environment_free(&env);
	from.home = "/srv/home";
	from.tmp = "/srv/tmp";
	env = environment_make(&from);
	assert_string_equal(value_of(env, "HOME"), "/srv/home");
	assert_string_equal(value_of(env, "TMPDIR"), "/srv/tmp");
	environment_free(&env);
	from.extra = extra;
	env = environment_make(&from);
	assert_string_equal(value_of(env, "HOME"), "/srv/alice");
	environment_free(&env);
}

static void
the_user_that_we_are_keeps_what_we_have(void **state)
{
	char name[] = "root", home[] = "/root", shell[] = "/bin/sh";
	char a[] = "HOME=/elsewhere", b[] = "USER=r";
	const struct identity_user user = { name, 0, 0, home, shell };
	char *const own[] = { a, b, NULL };
	struct environment from = {
		.own = own, .user = &user, .extra = nothing, .dirs = dirs
	};
	char **env = environment_make(&from);

	(void)state;
	assert_string_equal(value_of(env, "HOME"), "/elsewhere");
	assert_string_equal(value_of(env, "USER"), "r");
	assert_null(value_of(env, "LOGNAME"));
	environment_free(&env);
	from.own = nothing;
	env = environment_make(&from);
	assert_string_equal(value_of(env, "HOME"), "/root");
	environment_free(&env);
}

static void
what_leads_to_our_users_files_stays_with_us(void **state)
{
	char a[] = "XDG_RUNTIME_DIR=/run/user/0", b[] = "SSH_AUTH_SOCK=/tmp/x",
	     c[] = "TMPDIR=/tmp/user/0", d[] = "TOKEN=x", e[] = "HOME=/root";
	char *const own[] = { a, b, c, d, e, NULL };
	struct environment from = {
		.own = own, .other = true, .extra = nothing, .dirs = dirs
	};
	char **env = environment_make(&from);

	(void)state;
	assert_null(value_of(env, "XDG_RUNTIME_DIR"));
	assert_null(value_of(env, "SSH_AUTH_SOCK"));
	assert_null(value_of(env, "TMPDIR"));
	assert_null(value_of(env, "HOME"));
	assert_string_equal(value_of(env, "TOKEN"), "x");
	environment_free(&env);
	from.other = false;
	env = environment_make(&from);
	assert_string_equal(value_of(env, "XDG_RUNTIME_DIR"), "/run/user/0");
	assert_string_equal(value_of(env, "HOME"), "/root");
	environment_free(&env);
}

static size_t
count_of(char *const *env)
{
	size_t n = 0;

	while (env[n] != NULL)
		n++;
	return n;
}

static void
a_clear_one_has_seven_and_what_is_configured(void **state)
{
	char name[] = "alice", home[] = "/home/alice", shell[] = "/bin/sh";
	char a[] = "PATH=/bin", b[] = "LANG=C", c[] = "TZ=UTC",
	     d[] = "SECRET=x", e[] = "HOME=/root", g[] = "LANGUAGE=de",
	     h[] = "KEY=value", i[] = "PATHS=x";
	const struct identity_user user = { name, 1000, 1000, home, shell };
	char *const own[] = { a, b, c, d, e, g, i, NULL };
	char *const extra[] = { h, NULL };
	struct environment from = { .own = own,
		.user = &user,
		.clear = true,
		.extra = extra,
		.dirs = dirs };
	char **env = environment_make(&from);

	(void)state;
	assert_string_equal(value_of(env, "PATH"), "/bin:/build:/libexec");
	assert_string_equal(value_of(env, "LANG"), "C");
	assert_string_equal(value_of(env, "TZ"), "UTC");
	assert_string_equal(value_of(env, "HOME"), "/home/alice");
	assert_string_equal(value_of(env, "KEY"), "value");
	assert_int_equal(count_of(env), 8);
	environment_free(&env);
	from.user = NULL;
	env = environment_make(&from);
	assert_string_equal(value_of(env, "HOME"), "/root");
	assert_null(value_of(env, "SECRET"));
	assert_int_equal(count_of(env), 5);
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
		cmocka_unit_test(the_user_that_we_are_keeps_what_we_have),
		cmocka_unit_test(what_leads_to_our_users_files_stays_with_us),
		cmocka_unit_test(a_clear_one_has_seven_and_what_is_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
