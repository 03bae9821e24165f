/*
 * test_cgroup_limits.c: how controllers are handed down to the jobs' folders,
 * with folders that behave as the kernel's do: cgroups(7), "no internal
 * processes".  The last tests read and write what a job's folder has.
 */
/* wrap: mkdir */
/* wrap: write */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"

static char place[64];
static bool we_are_there;     /* in place, and not in one of our own */
static bool others_are_there; /* a shell, say */

int __real_mkdir(const char *path, mode_t mode);
ssize_t __real_write(int fd, const void *data, size_t size);

static void
put(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd != -1);
	assert_int_equal(__real_write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

/* What is in a file, without its newline. */
static const char *
content(const char *folder, const char *name)
{
	static char text[256];
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY);
	assert_true(fd != -1);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	(void)close(fd);
	return text;
}

/* A new folder has its files at once. */
int
__wrap_mkdir(const char *path, mode_t mode)
{
	int result = __real_mkdir(path, mode);

	if (result == 0) {
		put(path, "cgroup.kill", "");
		put(path, "cgroup.procs", "");
		put(path, "cgroup.subtree_control", "");
	}
	return result;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* "+memory": the file then says "memory", unless a process is in the way. */
static ssize_t
write_control(const char *path, const char *text, size_t size)
{
	char folder[PATH_MAX], now[256];
	bool is_place;

	(void)strlcpy(folder, path, sizeof(folder));
	*strrchr(folder, '/') = '\0';
	is_place = strcmp(folder, place) == 0;
	if (text[0] == '-') {
		put(folder, "cgroup.subtree_control", "");
		return (ssize_t)size;
	}
	if (is_place && (we_are_there || others_are_there)) {
		errno = EBUSY;
		return -1;
	}
	(void)snprintf(now, sizeof(now), "%s%s ",
	    content(folder, "cgroup.subtree_control"), text + 1);
	put(folder, "cgroup.subtree_control", now);
	return (ssize_t)size;
}

ssize_t
__wrap_write(int fd, const void *data, size_t size)
{
	char name[64], path[PATH_MAX];
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (ends_with(path, "/cgroup.subtree_control"))
		return write_control(path, data, size);
	if (ends_with(path, "/cgroup.procs"))
		we_are_there = strncmp(path, place, strlen(place)) == 0 &&
		    strcmp(path + strlen(place), "/cgroup.procs") == 0;
	return __real_write(fd, data, size);
}

static int
set_up(void **state)
{
	(void)state;
	(void)strlcpy(place, "/tmp/mcpgw-unit-XXXXXX", sizeof(place));
	assert_non_null(mkdtemp(place));
	put(place, "cgroup.procs", "");
	put(place, "cgroup.controllers", "cpuset cpu io memory pids\n");
	put(place, "cgroup.subtree_control", "");
	we_are_there = true;
	others_are_there = false;
	return 0;
}

static void
empty_folder(const char *path)
{
	char name[PATH_MAX];
	DIR *dir = opendir(path);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(
		    name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR)
			empty_folder(name);
		else
			(void)unlink(name);
	}
	(void)closedir(dir);
	(void)rmdir(path);
}

static int
tear_down(void **state)
{
	(void)state;
	empty_folder(place);
	return 0;
}

#define ALL (1U << CGROUP_MEMORY | 1U << CGROUP_PROCESSES | 1U << CGROUP_CPU)

/* The gateway's own folder, in which it is itself. */
static const char *
own_folder(void)
{
	static char path[128];

	(void)snprintf(
	    path, sizeof(path), "%s/mcp-gatewayd.%ld", place, (long)getpid());
	return path;
}

static const char *
jobs_folder(void)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/" CGROUP_GATEWAY "%ld", place,
	    (long)getpid());
	return path;
}

static void
a_gateway_that_is_alone_steps_aside(void **state)
{
	struct cgroup *cgroup = cgroup_new_at(place);

	(void)state;
	assert_non_null(cgroup);
	assert_int_equal(cgroup_limits(cgroup), ALL);
	assert_false(we_are_there);
	assert_string_equal(content(own_folder(), "cgroup.procs"), "0");
	assert_string_equal(content(jobs_folder(), "cgroup.subtree_control"),
	    "memory pids cpu ");
	cgroup_free(&cgroup);
	assert_true(we_are_there);
	assert_string_equal(content(place, "cgroup.subtree_control"), "");
}

static void
where_others_are_it_comes_back(void **state)
{
	struct cgroup *cgroup;

	(void)state;
	others_are_there = true;
	cgroup = cgroup_new_at(place);
	assert_non_null(cgroup);
	assert_int_equal(cgroup_limits(cgroup), 0);
	assert_true(we_are_there);
	cgroup_free(&cgroup);
}

static void
what_is_handed_down_already_is_used_from_where_we_are(void **state)
{
	struct cgroup *cgroup;

	(void)state;
	put(place, "cgroup.controllers", "memory pids\n");
	put(place, "cgroup.subtree_control", "memory pids\n");
	cgroup = cgroup_new_at(place);
	assert_non_null(cgroup);
	assert_int_equal(cgroup_limits(cgroup),
	    1U << CGROUP_MEMORY | 1U << CGROUP_PROCESSES);
	assert_true(we_are_there);
	assert_int_equal(access(own_folder(), F_OK), -1);
	cgroup_free(&cgroup);
}

static void
without_controllers_nothing_is_moved(void **state)
{
	struct cgroup *cgroup;

	(void)state;
	put(place, "cgroup.controllers", "");
	cgroup = cgroup_new_at(place);
	assert_non_null(cgroup);
	assert_int_equal(cgroup_limits(cgroup), 0);
	assert_true(we_are_there);
	assert_int_equal(access(own_folder(), F_OK), -1);
	cgroup_free(&cgroup);
	assert_int_equal(cgroup_limits(NULL), 0);
}

static void
limits_are_written_as_the_kernel_wants_them(void **state)
{
	(void)state;
	put(place, "memory.max", "");
	put(place, "memory.oom.group", "");
	put(place, "pids.max", "");
	put(place, "cpu.max", "");
	assert_int_equal(cgroup_set_limit(place, CGROUP_MEMORY, 512U << 20), 0);
	assert_int_equal(cgroup_set_limit(place, CGROUP_PROCESSES, 64), 0);
	assert_int_equal(cgroup_set_limit(place, CGROUP_CPU, 150), 0);
	assert_string_equal(content(place, "memory.max"), "536870912");
	assert_string_equal(content(place, "memory.oom.group"), "1");
	assert_string_equal(content(place, "pids.max"), "64");
	assert_string_equal(content(place, "cpu.max"), "150000 100000");
}

static void
a_missing_controller_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(cgroup_set_limit(place, CGROUP_MEMORY, 1), -1);
	assert_int_equal(errno, ENOENT);
}

static void
what_was_killed_for_want_of_memory_is_counted(void **state)
{
	(void)state;
	assert_int_equal(cgroup_memory_kills(place), -1);
	put(place, "memory.events",
	    "low 0\nhigh 0\nmax 5\noom 2\noom_kill 3\noom_group_kill 1\n");
	assert_int_equal(cgroup_memory_kills(place), 3);
	put(place, "memory.events", "low 0\n");
	assert_int_equal(cgroup_memory_kills(place), -1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_gateway_that_is_alone_steps_aside),
		T(where_others_are_it_comes_back),
		T(what_is_handed_down_already_is_used_from_where_we_are),
		T(without_controllers_nothing_is_moved),
		T(limits_are_written_as_the_kernel_wants_them),
		T(a_missing_controller_is_an_error),
		T(what_was_killed_for_want_of_memory_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
