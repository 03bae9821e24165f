/*
 * test_cgroup.c: where the cgroups of jobs are.  The last tests need a kernel
 * that lets this user make one, and are skipped elsewhere.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"

/* Far more than any test needs; nothing waits for it but a test that fails. */
#define PATIENCE_S 30

#define UNIFIED                                                                \
	"26 23 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdel\n"
#define ROOT "23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
#define HYBRID                                                                 \
	"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"           \
	"32 31 0:29 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw\n"     \
	"41 31 0:38 / /sys/fs/cgroup/unified rw shared:5 master:2 - "          \
	"cgroup2 cgroup2 rw\n"

/* The place for these two texts; "" when there is none. */
static const char *
found(const char *mountinfo, const char *self)
{
	static char text[PATH_MAX];
	FILE *mounts, *own;
	char *place;

	/* fmemopen(3) does not take an empty text. */
	mounts =
	    fmemopen((void *)(uintptr_t)mountinfo, strlen(mountinfo) + 1, "r");
	own = fmemopen((void *)(uintptr_t)self, strlen(self) + 1, "r");
	assert_true(mounts != NULL && own != NULL);
	place = cgroup_find(mounts, own);
	if (place == NULL)
		assert_int_equal(errno, ENOENT);
	(void)strlcpy(text, place != NULL ? place : "", sizeof(text));
	free(place);
	(void)fclose(mounts);
	(void)fclose(own);
	return text;
}

static void
the_place_is_the_mount_and_our_path(void **state)
{
	(void)state;
	assert_string_equal(
	    found(ROOT UNIFIED, "0::/system.slice/gw.service\n"),
	    "/sys/fs/cgroup/system.slice/gw.service");
	assert_string_equal(found(ROOT UNIFIED, "0::/\n"), "/sys/fs/cgroup");
	assert_string_equal(found(ROOT UNIFIED, "0::/a"), "/sys/fs/cgroup/a");
}

static void
a_hybrid_mount_is_found_among_those_of_version_1(void **state)
{
	(void)state;
	assert_string_equal(
	    found(ROOT HYBRID, "9:name=systemd:/x\n4:memory:/y\n0::/z\n"),
	    "/sys/fs/cgroup/unified/z");
}

static void
version_1_alone_is_no_place(void **state)
{
	(void)state;
	assert_string_equal(
	    found(ROOT "32 31 0:29 / /cpu rw - cgroup cgroup rw\n",
		"4:memory:/y\n1:cpu:/\n"),
	    "");
	/* Known to the kernel, mounted nowhere. */
	assert_string_equal(
	    found(ROOT "32 31 0:29 / /cpu rw - cgroup cgroup rw\n",
		"4:memory:/y\n0::/\n"),
	    "");
	/* Mounted, but we are in none of it. */
	assert_string_equal(found(ROOT UNIFIED, "4:memory:/y\n"), "");
}

static void
escaped_names_are_read(void **state)
{
	(void)state;
	assert_string_equal(
	    found("1 2 0:3 / /a\\040b\\134\\011c rw - cgroup2 none rw\n",
		"0::/my slice/x\\y\n"),
	    "/a b\\\tc/my slice/x\\y");
	assert_string_equal(
	    found("1 2 0:3 /my\\040slice /c rw - cgroup2 none rw\n",
		"0::/my slice/x\n"),
	    "/c/x");
	/* What is no escape stays. */
	assert_string_equal(
	    found("1 2 0:3 / /a\\9\\04 rw - cgroup2 none rw\n", "0::/\n"),
	    "/a\\9\\04");
}

static void
a_mount_of_a_part_is_used_for_what_is_in_it(void **state)
{
	static const char parts[] =
	    "1 2 0:3 /docker/a /other rw - cgroup2 none rw\n"
	    "1 2 0:3 /docker/ab /part rw - cgroup2 none rw\n";

	(void)state;
	assert_string_equal(found(parts, "0::/docker/ab/x\n"), "/part/x");
	assert_string_equal(found(parts, "0::/docker/ab\n"), "/part");
	assert_string_equal(found(parts, "0::/docker/a\n"), "/other");
	assert_string_equal(found(parts, "0::/docker/abc\n"), "");
	assert_string_equal(found(parts, "0::/\n"), "");
}

static void
a_read_only_mount_is_passed_over(void **state)
{
	static const char ro[] = "1 2 0:3 / /ro ro,nosuid - cgroup2 none rw\n"
				 "1 2 0:3 / /rwx rwx - cgroup2 none rw\n";

	(void)state;
	assert_string_equal(found(ro, "0::/\n"), "");
	assert_string_equal(
	    found("1 2 0:3 / /ro ro,nosuid - cgroup2 none rw\n" UNIFIED,
		"0::/\n"),
	    "/sys/fs/cgroup");
}

static void
a_place_outside_our_namespace_is_none(void **state)
{
	(void)state;
	assert_string_equal(found(UNIFIED, "0::/../other\n"), "");
	assert_string_equal(found(UNIFIED, "0::/..\n"), "");
}

static void
lines_that_are_cut_are_passed_over(void **state)
{
	char line[sizeof(UNIFIED)];

	(void)state;
	for (size_t n = 0; n < strlen(UNIFIED) - strlen(" cgroup2 rw,nsdel\n");
	     n++) {
		(void)strlcpy(line, UNIFIED, n + 1);
		assert_string_equal(found(line, "0::/\n"), "");
	}
	assert_string_equal(
	    found("\n\n   \n" UNIFIED, "\n0:\n0::/\n"), "/sys/fs/cgroup");
}

static void
names_are_safe_and_unique(void **state)
{
	char name[CGROUP_NAME_MAX];

	(void)state;
	cgroup_name(name, 0, "github");
	assert_string_equal(name, "0-github");
	cgroup_name(name, 12, "../a b/\n\xc3\xa9.service");
	assert_string_equal(name, "12-___a_b_____service");
	cgroup_name(name, 3, "cgroup.procs");
	assert_string_equal(name, "3-cgroup_procs");
	cgroup_name(name, SIZE_MAX,
	    "a name of far more characters than a folder's name may well have "
	    "at all");
	assert_int_equal(strlen(name), CGROUP_NAME_MAX - 1);
	assert_int_equal(strncmp(name, "18446744073709551615-a_name", 27), 0);
}

static void
without_a_cgroup_there_is_no_path(void **state)
{
	(void)state;
	assert_null(cgroup_path(NULL, 1, "one"));
}

static void
a_folder_of_another_file_system_is_no_place(void **state)
{
	char place[] = "/tmp/mcpgw-unit-XXXXXX", path[PATH_MAX];
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(place));
	assert_null(cgroup_new_at(place));
	assert_int_equal(errno, ENOENT);
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", place);
	assert_non_null(file = fopen(path, "w"));
	(void)fclose(file);
	assert_null(cgroup_new_at(place));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(place), 0); /* nothing was left in it */
}

/* ---- with a kernel that has them ---- */

/* A folder of our own, so that no other gateway is in it; NULL: skip. */
static char *
make_place(void)
{
	FILE *mountinfo = fopen("/proc/self/mountinfo", "re");
	FILE *self = fopen("/proc/self/cgroup", "re");
	char *ours, *place = NULL, kill[PATH_MAX];

	assert_true(mountinfo != NULL && self != NULL);
	ours = cgroup_find(mountinfo, self);
	(void)fclose(mountinfo);
	(void)fclose(self);
	if (ours == NULL)
		return NULL;
	assert_true(
	    asprintf(&place, "%s/unit-test.%ld", ours, (long)getpid()) != -1);
	free(ours);
	if (cgroup_make(place) == 0) {
		(void)snprintf(kill, sizeof(kill), "%s/cgroup.kill", place);
		if (access(kill, W_OK) == 0)
			return place;
		(void)rmdir(place);
	}
	free(place);
	return NULL;
}

static int
set_up(void **state)
{
	(void)alarm(PATIENCE_S);
	*state = make_place();
	return 0;
}

static int
tear_down(void **state)
{
	(void)alarm(0);
	if (*state == NULL)
		return 0;
	(void)cgroup_kill(*state);
	while (wait(NULL) != -1)
		continue;
	assert_int_equal(cgroup_remove(*state), 0);
	free(*state);
	return 0;
}

static void
skip_without(const void *place)
{
	if (place == NULL)
		skip();
}

/* A process in this folder that only SIGKILL ends. */
static pid_t
put_process_into(const char *folder)
{
	int up[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(up), 0);
	if ((pid = fork()) == 0) {
		(void)alarm(0);
		if (cgroup_join(folder) == -1)
			_exit(1);
		(void)!write(up[1], "u", 1);
		for (;;)
			(void)pause();
	}
	assert_true(pid != -1);
	(void)close(up[1]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	(void)close(up[0]);
	return pid;
}

static void
assert_killed(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void
a_gateways_folder_comes_and_goes(void **state)
{
	struct cgroup *cgroup;
	char folder[PATH_MAX], *path;

	skip_without(*state);
	(void)snprintf(folder, sizeof(folder), "%s/mcp-gateway.%ld",
	    (char *)*state, (long)getpid());
	assert_non_null(cgroup = cgroup_new_at(*state));
	assert_int_equal(access(folder, F_OK), 0);
	assert_non_null(path = cgroup_path(cgroup, 7, "a b"));
	assert_int_equal(strncmp(path, folder, strlen(folder)), 0);
	assert_string_equal(path + strlen(folder), "/7-a_b");
	free(path);
	cgroup_free(&cgroup);
	assert_null(cgroup);
	assert_int_equal(access(folder, F_OK), -1);
}

static void
what_is_left_in_the_folder_is_killed_with_it(void **state)
{
	struct cgroup *cgroup;
	char *path;
	pid_t pid;

	skip_without(*state);
	assert_non_null(cgroup = cgroup_new_at(*state));
	assert_non_null(path = cgroup_path(cgroup, 0, "one"));
	assert_int_equal(cgroup_make(path), 0);
	pid = put_process_into(path);
	assert_int_equal(cgroup_count(path), 1);
	cgroup_free(&cgroup);
	assert_killed(pid);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

static void
leftovers_of_a_dead_gateway_are_cleaned(void **state)
{
	struct cgroup *cgroup;
	char folder[PATH_MAX], job[PATH_MAX];
	pid_t pid;

	skip_without(*state);
	/* The number of a process that lives, and is no gateway. */
	(void)snprintf(
	    folder, sizeof(folder), "%s/mcp-gateway.1", (char *)*state);
	(void)snprintf(
	    job, sizeof(job), "%s/mcp-gateway.1/0-job", (char *)*state);
	assert_int_equal(cgroup_make(folder), 0);
	assert_int_equal(cgroup_make(job), 0);
	pid = put_process_into(job);
	assert_non_null(cgroup = cgroup_new_at(*state));
	assert_killed(pid);
	assert_int_equal(access(folder, F_OK), -1);
	cgroup_free(&cgroup);
}

static void
a_living_gateways_folder_is_left_alone(void **state)
{
	struct cgroup *cgroup;
	char folder[PATH_MAX], other[PATH_MAX];
	int lock, status;
	pid_t pid;

	skip_without(*state);
	(void)snprintf(
	    folder, sizeof(folder), "%s/mcp-gateway.99999999", (char *)*state);
	(void)snprintf(
	    other, sizeof(other), "%s/mcp-gateway.x", (char *)*state);
	assert_int_equal(cgroup_make(folder), 0);
	assert_int_equal(cgroup_make(other), 0);
	assert_true((lock = cgroup_lock(folder)) != -1);
	pid = put_process_into(folder);
	assert_non_null(cgroup = cgroup_new_at(*state));
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(cgroup_count(folder), 1);
	assert_int_equal(access(other, F_OK), 0);
	cgroup_free(&cgroup);
	assert_int_equal(close(lock), 0);
}

static void
a_second_gateway_of_the_same_number_does_not_share(void **state)
{
	struct cgroup *cgroup;

	skip_without(*state);
	assert_non_null(cgroup = cgroup_new_at(*state));
	assert_null(cgroup_new_at(*state));
	assert_int_equal(errno, EEXIST);
	cgroup_free(&cgroup);
	assert_non_null(cgroup = cgroup_new_at(*state));
	cgroup_free(&cgroup);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_place_is_the_mount_and_our_path),
		cmocka_unit_test(
		    a_hybrid_mount_is_found_among_those_of_version_1),
		cmocka_unit_test(version_1_alone_is_no_place),
		cmocka_unit_test(escaped_names_are_read),
		cmocka_unit_test(a_mount_of_a_part_is_used_for_what_is_in_it),
		cmocka_unit_test(a_read_only_mount_is_passed_over),
		cmocka_unit_test(a_place_outside_our_namespace_is_none),
		cmocka_unit_test(lines_that_are_cut_are_passed_over),
		cmocka_unit_test(names_are_safe_and_unique),
		cmocka_unit_test(without_a_cgroup_there_is_no_path),
		cmocka_unit_test(a_folder_of_another_file_system_is_no_place),
		T(a_gateways_folder_comes_and_goes),
		T(what_is_left_in_the_folder_is_killed_with_it),
		T(leftovers_of_a_dead_gateway_are_cleaned),
		T(a_living_gateways_folder_is_left_alone),
		T(a_second_gateway_of_the_same_number_does_not_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
