/* test_job_users.c: whom the job of each backend runs as. */
/* wrap: homes_owner */
/* wrap: homes_each */
/* wrap: getpwuid */
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "homes.h"
#include "job_users.h"

/* The folders that are there. */
static const struct {
	const char *name;
	uid_t owner;
} * folders;
static size_t folder_count;
static uid_t known; /* the one that passwd knows */

int
__wrap_homes_owner(const char *state_dir, const char *backend, uid_t *ret)
{
	assert_string_equal(state_dir, HOMES_STATE_DIR);
	*ret = 0;
	for (size_t i = 0; i < folder_count; i++) {
		if (strcmp(folders[i].name, backend) == 0)
			*ret = folders[i].owner;
	}
	return 0;
}

int
__wrap_homes_each(const char *state_dir,
    void (*each)(void *arg, const char *name, uid_t owner), void *arg)
{
	(void)state_dir;
	for (size_t i = 0; i < folder_count; i++)
		each(arg, folders[i].name, folders[i].owner);
	return 0;
}

struct passwd *
__wrap_getpwuid(uid_t uid)
{
	static struct passwd pw;

	return uid == known ? &pw : NULL;
}

static char command[] = "x", a[] = "a", b[] = "b", c[] = "c", path[] = "c.json",
	    range[] = "60578-60580", daemon_name[] = "daemon",
	    missing[] = "no-such-user", root_name[] = "root";

static struct config_backend backends[3];
static struct config config;

static int
set_up(void **state)
{
	(void)state;
	backends[0] = (struct config_backend){ .name = a, .command = command };
	backends[1] = (struct config_backend){ .name = b, .command = command };
	backends[2] = (struct config_backend){ .name = c, .command = command };
	config = (struct config){ .path = path,
		.job_uids = range,
		.backend_count = 3,
		.backends = backends };
	folders = NULL;
	folder_count = 0;
	known = 0;
	return 0;
}

static struct job_users *
found(bool root)
{
	struct job_users *users;
	char *error;

	users = job_users_new(&config, root, &error);
	if (users == NULL)
		fail_msg("%s", error != NULL ? error : "no memory");
	return users;
}

static void
must_refuse(bool root, const char *part)
{
	char *error;

	assert_null(job_users_new(&config, root, &error));
	assert_non_null(error);
	if (strstr(error, part) == NULL)
		fail_msg("no %s in %s", part, error);
	free(error);
}

static uid_t
uid_of(const struct job_users *users, size_t place)
{
	const struct job_user *user = job_users_at(users, place);

	assert_true(user->own && user->other);
	assert_int_equal(user->as.uid, user->as.gid);
	return user->as.uid;
}

static void
each_gets_the_lowest_that_nobody_has(void **state)
{
	struct job_users *users;

	(void)state;
	known = 60579;
	config.backend_count = 2;
	users = found(true);
	assert_int_equal(uid_of(users, 0), 60578);
	assert_int_equal(uid_of(users, 1), 60580);
	assert_string_equal(
	    job_users_at(users, 0)->as.home, HOMES_STATE_DIR "/a");
	job_users_free(&users);
	assert_null(users);
}

static void
who_has_a_folder_stays_who_it_was(void **state)
{
	static const __typeof__(*folders) there[] = { { "c", 60578 },
		{ "gone", 60579 } };
	struct job_users *users;

	(void)state;
	folders = there;
	folder_count = 2;
	backends[0].disabled = true;
	users = found(true);
	assert_int_equal(uid_of(users, 2), 60578);
	/* That of one that is not in the configuration any more is its own. */
	assert_int_equal(uid_of(users, 1), 60580);
	assert_null(job_users_at(users, 0)->as.name);
	job_users_free(&users);
}

static void
a_folder_of_somebody_else_is_refused(void **state)
{
	static const __typeof__(*folders) outside[] = { { "b", 1000 } };
	static const __typeof__(*folders) twice[] = { { "a", 60578 },
		{ "b", 60578 } };

	(void)state;
	folders = outside;
	folder_count = 1;
	must_refuse(true,
	    "c.json: backend \"b\": " HOMES_STATE_DIR "/b belongs to user "
	    "1000, who is not one of \"job_uids\"; chown -R it to a free one");
	folders = twice;
	folder_count = 2;
	must_refuse(true, "user 60578, who is another backend's");
}

static void
a_range_without_a_free_one_is_refused(void **state)
{
	(void)state;
	known = 60580;
	must_refuse(true,
	    "c.json: backend \"c\": all user ids of \"job_uids\" "
	    "(60578-60580) are taken");
}

static void
a_named_user_comes_first(void **state)
{
	struct job_users *users;

	(void)state;
	config.job_user = daemon_name;
	backends[1].user = root_name;
	backends[1].group = daemon_name;
	users = found(true);
	assert_string_equal(job_users_at(users, 0)->as.name, "daemon");
	assert_true(job_users_at(users, 0)->other);
	assert_false(job_users_at(users, 0)->own);
	assert_int_equal(job_users_at(users, 1)->as.uid, 0);
	assert_int_equal(job_users_at(users, 1)->as.gid, 1);
	job_users_free(&users);
	backends[0].user = missing;
	must_refuse(true, "user no-such-user does not exist");
	backends[0].user = NULL;
	backends[0].group = missing;
	must_refuse(true, "group no-such-user does not exist");
}

static void
who_is_not_root_can_be_nobody_else(void **state)
{
	struct job_users *users;

	(void)state;
	users = found(false);
	assert_null(job_users_at(users, 0)->as.name);
	assert_false(job_users_at(users, 0)->other);
	job_users_free(&users);
	backends[1].group = daemon_name;
	must_refuse(false, "\"b\": \"group\" needs a gateway that is started");
	backends[1].group = NULL;
	backends[1].user = daemon_name;
	must_refuse(false, "\"b\": \"user\" needs a gateway that is started");
	backends[1].user = NULL;
	config.job_user = daemon_name;
	must_refuse(
	    false, "\"a\": \"job_user\" needs a gateway that is started");
}

/* A backend with a url has no job, and needs no user. */
static void
who_has_no_job_has_no_user(void **state)
{
	struct job_users *users;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		backends[i].command = NULL;
	users = found(true);
	for (size_t i = 0; i < 3; i++)
		assert_null(job_users_at(users, i)->as.name);
	job_users_free(&users);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		T(each_gets_the_lowest_that_nobody_has),
		T(who_has_a_folder_stays_who_it_was),
		T(a_folder_of_somebody_else_is_refused),
		T(a_range_without_a_free_one_is_refused),
		T(a_named_user_comes_first),
		T(who_is_not_root_can_be_nobody_else),
		T(who_has_no_job_has_no_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
