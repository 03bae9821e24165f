/* test_pid_file.c: one at a time, and no lock that outlives its owner. */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <libutil.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pid_file.h"

static char dir[] = "/tmp/test_pid_file.XXXXXX";
static char path[64];

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/x.pid", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static struct pidfh *
take(void)
{
	char *error = NULL;
	struct pidfh *file = pid_file_take(path, &error);

	if (file == NULL)
		fail_msg("%s", error);
	return file;
}

static void
assert_refused(const char *where, const char *reason)
{
	char *error = NULL;

	assert_null(pid_file_take(where, &error));
	assert_non_null(error);
	if (strstr(error, reason) == NULL)
		fail_msg("%s", error);
	free(error);
}

static void
it_has_the_pid_and_goes_with_its_owner(void **state)
{
	struct pidfh *file = take();
	char text[32] = "", want[32];
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(pidfile_write(file), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777 & (mode_t)~0644, 0);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	(void)close(fd);
	(void)snprintf(want, sizeof(want), "%d", (int)getpid());
	assert_string_equal(text, want);
	assert_int_equal(pidfile_remove(file), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void
a_second_one_hears_who_is_there(void **state)
{
	struct pidfh *file = take();
	char want[64];

	(void)state;
	assert_refused(path, "a process that is starting");
	assert_int_equal(pidfile_write(file), 0);
	(void)snprintf(
	    want, sizeof(want), "already running with pid %d", (int)getpid());
	assert_refused(path, want);
	assert_int_equal(pidfile_remove(file), 0);
}

static void
the_file_of_a_dead_one_is_taken_over(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	struct pidfh *file;

	(void)state;
	assert_int_equal(write(fd, "1", 1), 1);
	(void)close(fd);
	file = take();
	assert_int_equal(pidfile_remove(file), 0);
}

static void
no_program_that_is_started_keeps_the_lock(void **state)
{
	struct pidfh *file = take();
	int ends[2], fd;
	pid_t pid;

	(void)state;
	assert_true(fcntl(pidfile_fileno(file), F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pipe(ends), 0);
	if ((pid = fork()) == 0) {
		/* It stays until its input ends. */
		(void)dup2(ends[0], STDIN_FILENO);
		(void)close(ends[1]);
		(void)execl("/bin/cat", "cat", (char *)NULL);
		_exit(1);
	}
	(void)close(ends[0]);
	assert_int_equal(pidfile_write(file), 0);
	assert_int_equal(pidfile_close(file), 0); /* as when we are killed */
	/* exec may not have happened yet: flock(2) waits until it has. */
	(void)alarm(30);
	fd = open(path, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	(void)close(fd);
	(void)alarm(0);
	file = take();
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(pidfile_remove(file), 0);
	(void)close(ends[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_folder_that_is_not_there_is_named(void **state)
{
	(void)state;
	assert_refused("/no/such/folder/x.pid", "mkdir -p /no/such/folder");
}

static void
what_others_could_have_put_there_is_not_opened(void **state)
{
	char target[64];

	(void)state;
	(void)snprintf(target, sizeof(target), "%s/target", dir);
	(void)close(open(target, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(symlink(target, path), 0);
	assert_refused(path, "is no file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(path, "is no file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(target), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_refused(path, "chmod go-w");
	assert_int_equal(chmod(dir, 01777), 0);
	if (geteuid() == 0) {
		assert_refused(path, "chmod go-w");
	} else {
		struct pidfh *file = take();

		assert_int_equal(pidfile_remove(file), 0);
	}
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(access(path, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_the_pid_and_goes_with_its_owner),
		cmocka_unit_test(a_second_one_hears_who_is_there),
		cmocka_unit_test(the_file_of_a_dead_one_is_taken_over),
		cmocka_unit_test(no_program_that_is_started_keeps_the_lock),
		cmocka_unit_test(a_folder_that_is_not_there_is_named),
		cmocka_unit_test(
		    what_others_could_have_put_there_is_not_opened),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
