/* test_listen_unix.c: Unix sockets that clients connect to, and their paths. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fcntl.h>
#include <grp.h>

#include "listen_test.h"

static int
dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), result;

	(void)strlcpy(address.sun_path, path, sizeof(address.sun_path));
	result = connect(fd, (struct sockaddr *)&address, sizeof(address));
	(void)close(fd);
	return result;
}

static void
a_unix_socket_has_its_mode_whatever_the_umask(void **state)
{
	char *path = path_in_dir("sock"), *list[] = { path, NULL };
	struct config config = config_list(list);
	static const uint32_t modes[] = { 0600, 0660, 0666 };
	static const mode_t masks[] = { 0, 022, 0777 };
	struct listeners all;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < 3; j++) {
			mode_t before = umask(masks[j]);

			config.socket_mode = modes[i];
			open_config(&all, &config, NULL);
			assert_int_equal(umask(before), masks[j]);
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(st.st_mode & 07777, modes[i]);
			assert_true(all.at[0].local);
			assert_false(listen_is_beyond(&all));
			assert_string_equal(all.at[0].address, path);
			assert_int_equal(dial(path), 0);
			listen_close(&all);
			assert_int_equal(access(path, F_OK), -1);
		}
	}
}

static void
another_mode_is_given_to_what_is_taken_over(void **state)
{
	char *path = path_in_dir("sock"), *list[] = { path, NULL };
	struct config config = config_list(list);
	struct listeners old, all;
	struct stat st;

	(void)state;
	open_config(&old, &config, NULL);
	config.socket_mode = 0600;
	open_config(&all, &config, &old);
	assert_int_equal(old.count, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	listen_close(&all);
}

static void
a_group_that_is_not_there_is_named(void **state)
{
	char group[] = "no-such-group", *path = path_in_dir("sock");
	char *list[] = { path, NULL };
	struct config config = config_list(list);
	const char *error;

	(void)state;
	config.socket_group = group;
	error = refusal(&config, NULL);
	assert_non_null(strstr(error, "no-such-group"));
	assert_non_null(strstr(error, "socket_group"));
	assert_int_equal(access(path, F_OK), -1);
}

static void
the_group_may_connect(void **state)
{
	char group[] = "daemon", *path = path_in_dir("sock");
	char *list[] = { path, NULL };
	struct config config = config_list(list);
	const struct group *entry = getgrnam(group);
	struct listeners all;
	struct stat st;

	(void)state;
	if (geteuid() != 0 || entry == NULL)
		skip();
	config.socket_group = group;
	open_config(&all, &config, NULL);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_gid, entry->gr_gid);
	assert_int_equal(st.st_mode & 07777, 0660);
	listen_close(&all);
}

static void
a_path_that_somebody_serves_is_left_alone(void **state)
{
	char *path = path_in_dir("sock"), *list[] = { path, NULL };
	struct config config = config_list(list);
	struct listeners first;

	(void)state;
	open_config(&first, &config, NULL);
	assert_non_null(strstr(refusal(&config, NULL), "in use"));
	assert_int_equal(dial(path), 0);
	listen_close(&first);
}

static void
a_path_that_nobody_serves_any_more_is_replaced(void **state)
{
	char *path = path_in_dir("sock"), *list[] = { path, NULL };
	struct config config = config_list(list);
	struct listeners first, second;

	(void)state;
	open_config(&first, &config, NULL);
	(void)close(first.at[0].fd); /* as if it had been killed */
	assert_int_equal(access(path, F_OK), 0);
	open_config(&second, &config, NULL);
	assert_int_equal(dial(path), 0);
	listen_close(&second);
}

static void
what_is_no_socket_is_left_alone(void **state)
{
	char *path = path_in_dir("file"), *list[] = { path, NULL };
	struct config config = config_list(list);
	struct stat st;

	(void)state;
	(void)close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_non_null(strstr(refusal(&config, NULL), "no socket"));
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	(void)unlink(path);
}

static void
a_path_that_another_one_took_is_not_removed(void **state)
{
	char *path = path_in_dir("sock"), *list[] = { path, NULL };
	struct config config = config_list(list);
	struct listeners first, second;

	(void)state;
	open_config(&first, &config, NULL);
	(void)unlink(path);
	open_config(&second, &config, NULL);
	listen_close(&first);
	assert_int_equal(dial(path), 0);
	listen_close(&second);
	assert_int_equal(access(path, F_OK), -1);
}

static void
a_path_that_somebody_removed_is_made_again(void **state)
{
	char *path = path_in_dir("sock"), *list[] = { path, NULL };
	struct config config = config_list(list);
	struct listeners old, all;

	(void)state;
	open_config(&old, &config, NULL);
	(void)unlink(path);
	open_config(&all, &config, &old);
	assert_int_equal(old.count, 1);
	assert_int_not_equal(all.at[0].number, old.at[0].number);
	listen_close(&old);
	assert_int_equal(dial(path), 0);
	listen_close(&all);
}

static void
a_folder_that_is_missing_or_open_to_all_is_refused(void **state)
{
	char *folder = path_in_dir("folder");
	char *path = path_in_dir("folder/sock"), *list[] = { path, NULL };
	struct config config = config_list(list);
	struct listeners all;

	(void)state;
	assert_non_null(strstr(refusal(&config, NULL), "mkdir -p"));
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_non_null(strstr(refusal(&config, NULL), "chmod go-w"));
	/* As /tmp is: nobody else can replace what is ours. */
	assert_int_equal(chmod(folder, 01777), 0);
	open_config(&all, &config, NULL);
	listen_close(&all);
	assert_int_equal(rmdir(folder), 0);
}

static void
a_path_that_is_too_long_is_refused(void **state)
{
	char path[256], *list[] = { path, NULL };
	struct config config = config_list(list);

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/%0200d", dir, 1);
	assert_non_null(strstr(refusal(&config, NULL), "at most 107 bytes"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unix_socket_has_its_mode_whatever_the_umask),
		cmocka_unit_test(another_mode_is_given_to_what_is_taken_over),
		cmocka_unit_test(a_group_that_is_not_there_is_named),
		cmocka_unit_test(the_group_may_connect),
		cmocka_unit_test(a_path_that_somebody_serves_is_left_alone),
		cmocka_unit_test(
		    a_path_that_nobody_serves_any_more_is_replaced),
		cmocka_unit_test(what_is_no_socket_is_left_alone),
		cmocka_unit_test(a_path_that_another_one_took_is_not_removed),
		cmocka_unit_test(a_path_that_somebody_removed_is_made_again),
		cmocka_unit_test(
		    a_folder_that_is_missing_or_open_to_all_is_refused),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
