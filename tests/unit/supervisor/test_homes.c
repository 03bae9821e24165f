/* test_homes.c: the folders of jobs that have a user id of their own. */
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

#include "homes.h"

struct fixture {
	char folder[64];
	char state_dir[96];
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)strlcpy(f->folder, "/tmp/mcpgw-unit-XXXXXX", sizeof(f->folder));
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(
	    f->state_dir, sizeof(f->state_dir), "%s/state", f->folder);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "%s/a/inner", f->state_dir);
	(void)rmdir(command);
	(void)snprintf(command, sizeof(command), "%s/a", f->state_dir);
	(void)rmdir(command);
	(void)unlink(command);
	(void)rmdir(f->state_dir);
	(void)unlink(f->state_dir);
	(void)snprintf(command, sizeof(command), "%s/real", f->folder);
	(void)rmdir(command);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

/* Whose job it is: ours, since only root can give folders away. */
static uid_t
owner(void)
{
	return geteuid() == 0 ? 60999 : geteuid();
}

static int
make_a(const struct fixture *f, char **error)
{
	*error = NULL;
	return homes_make(f->state_dir, "a", owner(),
	    geteuid() == 0 ? 60999 : getegid(), error);
}

static void
must_refuse(const struct fixture *f, const char *part)
{
	char *error;

	assert_int_equal(make_a(f, &error), -1);
	assert_non_null(error);
	if (strstr(error, part) == NULL)
		fail_msg("no %s in %s", part, error);
	free(error);
}

static void
two_names_never_become_one(void **state)
{
	static const char *const cases[][2] = { { "bash", "bash" },
		{ "a b", "a%20b" }, { "..", "%2E." }, { ".", "%2E" },
		{ "%2E", "%252E" }, { "a.b-c_d", "a.b-c_d" },
		{ "$(x)", "%24%28x%29" }, { "\xc3\xa9", "%C3%A9" } };
	char name[HOMES_NAME_MAX], longest[CONFIG_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		homes_name(name, cases[i][0]);
		assert_string_equal(name, cases[i][1]);
	}
	memset(longest, ' ', CONFIG_NAME_MAX);
	longest[CONFIG_NAME_MAX] = '\0';
	homes_name(name, longest);
	assert_int_equal(strlen(name), 3 * CONFIG_NAME_MAX);
}

static void
a_folder_is_made_for_its_owner_alone(void **state)
{
	const struct fixture *f = *state;
	char *error, *path = homes_path(f->state_dir, "a");
	struct stat st;
	uid_t uid = 1;

	assert_int_equal(homes_owner(f->state_dir, "a", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(make_a(f, &error), 0);
	assert_int_equal(stat(f->state_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, owner());
	assert_int_equal(homes_owner(f->state_dir, "a", &uid), 0);
	assert_int_equal(uid, owner());
	/* Once more changes nothing. */
	assert_int_equal(make_a(f, &error), 0);
	free(path);
}

static void
one_that_was_not_given_away_yet_is(void **state)
{
	const struct fixture *f = *state;
	char *error, path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/a", f->state_dir);
	assert_int_equal(mkdir(f->state_dir, 0711), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(make_a(f, &error), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, owner());
}

static void
anothers_folder_is_not_taken(void **state)
{
	const struct fixture *f = *state;
	char path[128];

	if (geteuid() != 0)
		skip();
	(void)snprintf(path, sizeof(path), "%s/a", f->state_dir);
	assert_int_equal(mkdir(f->state_dir, 0711), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/a/inner", f->state_dir);
	assert_int_equal(mkdir(path, 0755), 0);
	must_refuse(f, "belongs to user 0 and not to 60999");
}

static void
a_link_is_not_followed(void **state)
{
	const struct fixture *f = *state;
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/a", f->state_dir);
	assert_int_equal(mkdir(f->state_dir, 0711), 0);
	assert_int_equal(symlink(f->folder, path), 0);
	must_refuse(f, "/a belongs to user");
	assert_int_equal(stat(f->folder, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(f->state_dir), 0);
	/* Nor one in the place of all of it. */
	(void)snprintf(path, sizeof(path), "%s/real", f->folder);
	assert_int_equal(mkdir(path, 0711), 0);
	assert_int_equal(symlink(path, f->state_dir), 0);
	must_refuse(f, "correct \"state_dir\"");
}

static void
what_others_can_change_is_refused(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(mkdir(f->state_dir, 0711), 0);
	assert_int_equal(chmod(f->state_dir, 01777), 0);
	must_refuse(f, "can be changed by other users");
	assert_int_equal(chmod(f->state_dir, 0711), 0);
	assert_int_equal(chmod(f->folder, 0777), 0);
	must_refuse(f, "can be changed by other users");
	assert_int_equal(chmod(f->folder, 0700), 0);
}

static void
a_missing_parent_is_named(void **state)
{
	struct fixture *f = *state;

	(void)snprintf(
	    f->state_dir, sizeof(f->state_dir), "%s/no/state", f->folder);
	must_refuse(f,
	    "/no/state, where jobs have their files, cannot be "
	    "used: No such file or directory; make it");
}

static void
on_folder(void *arg, const char *name, uid_t uid)
{
	int *count = arg;

	assert_string_equal(name, "a");
	assert_int_equal(uid, owner());
	(*count)++;
}

static void
all_folders_are_listed(void **state)
{
	const struct fixture *f = *state;
	char *error;
	int count = 0;

	assert_int_equal(homes_each(f->state_dir, on_folder, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(make_a(f, &error), 0);
	assert_int_equal(homes_each(f->state_dir, on_folder, &count), 0);
	assert_int_equal(count, 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_names_never_become_one),
		T(a_folder_is_made_for_its_owner_alone),
		T(one_that_was_not_given_away_yet_is),
		T(anothers_folder_is_not_taken),
		T(a_link_is_not_followed),
		T(what_others_can_change_is_refused),
		T(a_missing_parent_is_named),
		T(all_folders_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
