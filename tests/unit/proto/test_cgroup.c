/*
 * test_cgroup.c: folders and files as cgroup v2 has them, made in /tmp, so that
 * this needs no kernel with cgroups.
 */
// wrap: flock
// wrap: unlinkat
// wrap: nanosleep
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/cgroup.h"

struct fixture {
	char root[PATH_MAX / 2];
	char path[PATH_MAX]; /* of the last call of at() */
};

static int busy; /* so often a folder cannot be removed */
static int waits;
static const char *replaced; /* by another just before it is locked */

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __wrap_nanosleep(const struct timespec *wait, struct timespec *left);

int
__wrap_flock(int fd, int operation)
{
	char file[PATH_MAX + 16];

	if (replaced != NULL) {
		/* While fd is open its number is not used again. */
		assert_int_equal(rmdir(replaced), 0);
		assert_int_equal(mkdir(replaced, 0700), 0);
		(void)snprintf(file, sizeof(file), "%s/cgroup.kill", replaced);
		assert_int_equal(close(creat(file, 0600)), 0);
	}
	return __real_flock(fd, operation);
}

int
__wrap_unlinkat(int fd, const char *name, int flags)
{
	if (busy == 0)
		return __real_unlinkat(fd, name, flags);
	busy--;
	errno = EBUSY;
	return -1;
}

int
__wrap_nanosleep(const struct timespec *wait, struct timespec *left)
{
	(void)left;
	assert_true(wait->tv_sec == 0 && wait->tv_nsec > 0);
	waits++;
	return 0;
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)strlcpy(f->root, "/tmp/mcpgw-unit-XXXXXX", sizeof(f->root));
	assert_non_null(mkdtemp(f->root));
	busy = waits = 0;
	*state = f;
	return 0;
}

static const char *
at(struct fixture *f, const char *name)
{
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", f->root, name);
	return f->path;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	static const char *const files[] = { "cgroup.procs", "cgroup.kill",
		"a/cgroup.procs", "a/b/cgroup.procs", "a/other" };

	busy = 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)unlink(at(f, files[i]));
	assert_int_equal(cgroup_remove(f->root), 0);
	free(f);
	return 0;
}

static void
folder(struct fixture *f, const char *name)
{
	assert_int_equal(mkdir(at(f, name), 0755), 0);
}

static void
file(struct fixture *f, const char *name, const char *text)
{
	FILE *out = fopen(at(f, name), "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void
assert_file(struct fixture *f, const char *name, const char *text)
{
	char found[64] = "";
	FILE *in = fopen(at(f, name), "r");

	assert_non_null(in);
	(void)!fread(found, 1, sizeof(found) - 1, in);
	(void)fclose(in);
	assert_string_equal(found, text);
}

static void
a_folder_that_is_there_is_made_anew(void **state)
{
	struct fixture *f = *state;

	struct stat before, after;

	assert_int_equal(cgroup_make(at(f, "job")), 0);
	assert_int_equal(stat(at(f, "job"), &before), 0);
	folder(f, "other"); /* so that the number is not given out again */
	folder(f, "job/inner");
	assert_int_equal(cgroup_make(at(f, "job")), 0);
	assert_int_equal(stat(at(f, "job"), &after), 0);
	assert_true(before.st_ino != after.st_ino ||
	    before.st_ctim.tv_nsec != after.st_ctim.tv_nsec);
	assert_int_equal(stat(at(f, "job/inner"), &after), -1);
	assert_int_equal(cgroup_make(at(f, "no/such")), -1);
	assert_int_equal(errno, ENOENT);
}

static void
joining_and_killing_write_what_the_kernel_wants(void **state)
{
	struct fixture *f = *state;

	file(f, "cgroup.procs", "");
	file(f, "cgroup.kill", "");
	assert_int_equal(cgroup_join(f->root), 0);
	assert_int_equal(cgroup_kill(f->root), 0);
	assert_file(f, "cgroup.procs", "0");
	assert_file(f, "cgroup.kill", "1");
}

static void
a_folder_without_these_files_is_no_cgroup(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(cgroup_join(f->root), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(cgroup_kill(f->root), -1);
	assert_int_equal(errno, ENOENT);
}

/* The status of a child that says 3, wherever it was born. */
static void
assert_forks(const char *path)
{
	pid_t pid = cgroup_fork(path);
	int status;

	if (pid == 0)
		_exit(3);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
}

static void
a_child_is_born_even_where_there_is_no_cgroup(void **state)
{
	struct fixture *f = *state;

	assert_forks(NULL);
	assert_forks(at(f, "none"));
	/* No cgroup, so that the kernel refuses, and the child joins. */
	file(f, "cgroup.procs", "");
	assert_forks(f->root);
	assert_file(f, "cgroup.procs", "0");
}

static void
processes_of_all_folders_below_are_counted(void **state)
{
	struct fixture *f = *state;

	folder(f, "a");
	folder(f, "a/b");
	folder(f, "threaded");
	file(f, "cgroup.procs", "1\n22\n333\n");
	file(f, "a/cgroup.procs", "");
	file(f, "a/b/cgroup.procs", "4\n5\n");
	assert_int_equal(cgroup_count(f->root), 5);
	assert_int_equal(cgroup_count(at(f, "a")), 2);
	assert_int_equal(cgroup_count(at(f, "threaded")), 0);
	assert_int_equal(cgroup_count(at(f, "none")), -1);
	assert_int_equal(errno, ENOENT);
}

static void
a_count_is_never_more_than_a_pong_can_tell(void **state)
{
	struct fixture *f = *state;
	FILE *out = fopen(at(f, "cgroup.procs"), "w");

	assert_non_null(out);
	for (int i = 1; i <= CGROUP_COUNT_MAX; i++)
		(void)fprintf(out, "%d\n", i);
	assert_int_equal(fflush(out), 0);
	assert_int_equal(cgroup_count(f->root), CGROUP_COUNT_MAX);
	for (int i = 0; i < 10000; i++)
		(void)fprintf(out, "7\n");
	assert_int_equal(fclose(out), 0);
	assert_int_equal(cgroup_count(f->root), CGROUP_COUNT_MAX);
}

static void
folders_that_a_job_made_are_removed_with_its_own(void **state)
{
	struct fixture *f = *state;

	folder(f, "job");
	folder(f, "job/a");
	folder(f, "job/a/b");
	folder(f, "job/c");
	assert_int_equal(cgroup_remove(at(f, "job")), 0);
	assert_int_equal(access(at(f, "job"), F_OK), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(waits, 0);
}

static void
what_is_not_there_is_removed(void **state)
{
	assert_int_equal(cgroup_remove(at(*state, "none")), 0);
}

static void
no_file_is_ever_removed(void **state)
{
	struct fixture *f = *state;

	folder(f, "a");
	file(f, "a/other", "kept");
	assert_int_equal(cgroup_remove(at(f, "a")), -1);
	assert_int_equal(errno, ENOTEMPTY);
	assert_file(f, "a/other", "kept");
}

static void
links_to_folders_are_not_followed(void **state)
{
	struct fixture *f = *state;
	char target[PATH_MAX];

	folder(f, "a");
	folder(f, "a/b");
	folder(f, "job");
	(void)strlcpy(target, at(f, "a"), sizeof(target));
	assert_int_equal(symlink(target, at(f, "job/link")), 0);
	assert_int_equal(cgroup_remove(at(f, "job")), -1);
	assert_int_equal(access(at(f, "a/b"), F_OK), 0);
	assert_int_equal(cgroup_remove(at(f, "job/link")), -1);
	assert_int_equal(access(at(f, "a/b"), F_OK), 0);
	assert_int_equal(unlink(at(f, "job/link")), 0);
}

static void
nesting_without_end_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	(void)strlcpy(path, f->root, sizeof(path));
	for (int i = 0; i < 100; i++) {
		(void)strlcat(path, "/x", sizeof(path));
		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_int_equal(cgroup_count(f->root), 0);
	assert_int_equal(cgroup_remove(f->root), -1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(rmdir(path), 0);
		*strrchr(path, '/') = '\0';
	}
}

static void
a_busy_folder_is_tried_again(void **state)
{
	struct fixture *f = *state;

	folder(f, "job");
	busy = 3;
	assert_int_equal(cgroup_remove(at(f, "job")), 0);
	assert_int_equal(waits, 3);
	assert_int_equal(access(at(f, "job"), F_OK), -1);
}

static void
a_folder_that_stays_busy_is_given_up(void **state)
{
	struct fixture *f = *state;

	folder(f, "job");
	busy = INT_MAX;
	assert_int_equal(cgroup_remove(at(f, "job")), -1);
	assert_int_equal(errno, EBUSY);
	assert_in_range(waits, 1, 100);
}

static void
a_locked_folder_is_its_gateways(void **state)
{
	struct fixture *f = *state;
	int fd;

	folder(f, CGROUP_GATEWAY "1");
	fd = cgroup_lock(at(f, CGROUP_GATEWAY "1"));
	assert_true(fd != -1);
	assert_int_equal(cgroup_lock(f->path), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(cgroup_reclaim(f->path), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(access(f->path, F_OK), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(cgroup_reclaim(f->path), 0);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void
a_gateway_that_takes_the_place_is_left_alone(void **state)
{
	struct fixture *f = *state;
	char file[PATH_MAX + 16];
	struct stat st;

	folder(f, CGROUP_GATEWAY "1");
	replaced = at(f, CGROUP_GATEWAY "1");
	assert_int_equal(cgroup_reclaim(f->path), -1);
	assert_int_equal(errno, ESTALE);
	replaced = NULL;
	(void)snprintf(file, sizeof(file), "%s/cgroup.kill", f->path);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 0); /* nothing of it was killed */
	assert_int_equal(unlink(file), 0);
}

static void
only_a_gateways_folder_is_reclaimed(void **state)
{
	struct fixture *f = *state;

	folder(f, "user.slice");
	assert_int_equal(cgroup_reclaim(at(f, "user.slice")), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(access(f->path, F_OK), 0);
	assert_int_equal(cgroup_reclaim(""), -1);
	assert_int_equal(errno, EINVAL);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_folder_that_is_there_is_made_anew),
		T(joining_and_killing_write_what_the_kernel_wants),
		T(a_folder_without_these_files_is_no_cgroup),
		T(a_child_is_born_even_where_there_is_no_cgroup),
		T(processes_of_all_folders_below_are_counted),
		T(a_count_is_never_more_than_a_pong_can_tell),
		T(folders_that_a_job_made_are_removed_with_its_own),
		T(what_is_not_there_is_removed),
		T(no_file_is_ever_removed),
		T(links_to_folders_are_not_followed),
		T(nesting_without_end_is_refused),
		T(a_busy_folder_is_tried_again),
		T(a_folder_that_stays_busy_is_given_up),
		T(a_locked_folder_is_its_gateways),
		T(a_gateway_that_takes_the_place_is_left_alone),
		T(only_a_gateways_folder_is_reclaimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
