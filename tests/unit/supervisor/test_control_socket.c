/* test_control_socket.c: the file of the control socket, and who is let in. */
/* wrap: mono_ms */
/* wrap: event_add */
/* wrap: geteuid */
#include "control_fixture.h"

static void
the_socket_has_the_mode_that_is_asked_for_whatever_umask(void **state)
{
	struct fixture *f = *state;
	char folder[96];
	mode_t mask = umask(0777);

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	open_one(f);
	(void)umask(0);
	assert_int_equal(mode_of(f->path), 0600);
	assert_int_equal(mode_of(folder), 0700);
	control_free(&f->control);
	assert_int_equal(rmdir(folder), 0);
	f->control = open_with(f, 0660, NULL);
	assert_non_null(f->control);
	assert_int_equal(mode_of(f->path), 0660);
	assert_int_equal(mode_of(folder), 0750);
	(void)umask(mask);
}

static void
nothing_is_left_when_it_ends(void **state)
{
	struct fixture *f = *state;
	char folder[96];

	open_one(f);
	control_free(&f->control);
	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(rmdir(folder), 0);
}

static void
a_stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[96];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
	open_one(f);
	fd = connect_one(f);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
}

static void
expect_error(struct fixture *f, const char *text)
{
	assert_null(open_with(f, 0600, NULL));
	assert_non_null(f->error);
	assert_non_null(strstr(f->error, text));
	free(f->error);
	f->error = NULL;
}

static void
one_that_another_gateway_serves_is_left_alone(void **state)
{
	struct fixture *f = *state;
	int fd;

	open_one(f);
	expect_error(f, "another gateway serves");
	fd = connect_one(f);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
}

static void
one_that_another_program_serves_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[96];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	expect_error(f, "another gateway serves");
	(void)close(fd);
}

static void
a_file_is_left_alone(void **state)
{
	struct fixture *f = *state;
	char folder[96];
	int fd;

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	fd = open(f->path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
	expect_error(f, "no socket");
	assert_int_equal(access(f->path, F_OK), 0);
}

static void
a_folder_that_others_can_change_is_refused(void **state)
{
	struct fixture *f = *state;
	char folder[96];

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	expect_error(f, "other users can change");
	assert_int_equal(chmod(folder, 01777), 0);
	expect_error(f, "other users can change");
	assert_int_equal(chmod(folder, 0720), 0);
	expect_error(f, "other users can change");
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(symlink("/tmp", folder), 0);
	expect_error(f, "no folder");
	assert_int_equal(unlink(folder), 0);
}

static void
only_the_last_folder_is_made(void **state)
{
	struct fixture *f = *state;

	(void)snprintf(f->path, sizeof(f->path), "%s/a/b/x.sock", f->dir);
	expect_error(f, "cannot make the folder");
}

static void
a_path_that_cannot_be_one_is_refused(void **state)
{
	struct fixture *f = *state;

	(void)strlcpy(f->path, "relative.sock", sizeof(f->path));
	expect_error(f, "no absolute path");
	(void)strlcpy(f->path, "/tmp/", sizeof(f->path));
	expect_error(f, "no absolute path");
	memset(f->path, 'x', sizeof(f->path) - 1);
	f->path[0] = '/';
	expect_error(f, "more than 107 bytes");
}

static void
an_unknown_group_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_null(open_with(f, 0660, "no such group"));
	assert_non_null(strstr(f->error, "groupadd"));
}

/* Somebody else's gateway: we are neither root nor its user. */
static void
a_stranger_is_turned_away_although_the_kernel_let_it_in(void **state)
{
	struct fixture *f = *state;
	int fd, status;
	pid_t child;

	if (getuid() != 0)
		skip();
	f->at_once = true;
	open_one(f);
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chmod(f->path, 0666), 0);
	(void)snprintf(f->json, sizeof(f->json), "%s/ctl", f->dir);
	assert_int_equal(chmod(f->json, 0755), 0);
	if ((child = fork()) == 0) {
		if (setgroups(0, NULL) == -1 || setgid(65534) == -1 ||
		    setuid(65534) == -1 || (fd = connect_one(f)) == -1)
			_exit(1);
		send_frame(fd, MSG_CONTROL, "{}");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	turn(f);
	assert_int_equal(f->asked, 0);
}

/* The group of the socket, as the main one or as another one of a process. */
static void
the_group_is_let_in_where_the_mode_says_so(void **state)
{
	struct fixture *f = *state;
	struct group *group = getgrnam("daemon");
	gid_t gid;
	int status;
	pid_t child;

	if (getuid() != 0 || group == NULL)
		skip();
	gid = group->gr_gid;
	f->at_once = true;
	f->control = open_with(f, 0660, "daemon");
	assert_non_null(f->control);
	assert_int_equal(chmod(f->dir, 0755), 0);
	for (int extra = 0; extra <= 1; extra++) {
		if ((child = fork()) == 0) {
			int fd = -1;

			if (setgroups((size_t)extra, &gid) == -1 ||
			    setgid(extra != 0 ? 65534 : gid) == -1 ||
			    setuid(65534) == -1 || (fd = connect_one(f)) == -1)
				_exit(1);
			send_frame(fd, MSG_CONTROL, "{}");
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		turn(f);
		assert_int_equal(f->asked, extra + 1);
		assert_int_equal(f->uid, 65534);
	}
}

static void
the_default_place_is_roots_or_the_users(void **state)
{
	char place[64];

	(void)state;
	pretended = 0;
	assert_string_equal(control_default_path(place, sizeof(place)),
	    "/run/mcp-gateway/control.sock");
	pretended = 1000;
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1), 0);
	assert_string_equal(control_default_path(place, sizeof(place)),
	    "/run/user/1000/mcp-gateway/control.sock");
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "relative", 1), 0);
	assert_string_equal(control_default_path(place, sizeof(place)), "");
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	assert_string_equal(control_default_path(place, sizeof(place)), "");
	pretended = 0;
	assert_string_equal(control_default_path(place, 10), "");
	pretended = (uid_t)-1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_socket_has_the_mode_that_is_asked_for_whatever_umask),
		TEST(nothing_is_left_when_it_ends),
		TEST(a_stale_socket_is_replaced),
		TEST(one_that_another_gateway_serves_is_left_alone),
		TEST(one_that_another_program_serves_is_left_alone),
		TEST(a_file_is_left_alone),
		TEST(a_folder_that_others_can_change_is_refused),
		TEST(only_the_last_folder_is_made),
		TEST(a_path_that_cannot_be_one_is_refused),
		TEST(an_unknown_group_is_refused),
		TEST(a_stranger_is_turned_away_although_the_kernel_let_it_in),
		TEST(the_group_is_let_in_where_the_mode_says_so),
		cmocka_unit_test(the_default_place_is_roots_or_the_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
