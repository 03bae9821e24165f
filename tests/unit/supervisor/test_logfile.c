/* test_logfile.c: lines, files, and a disk that is full. */
/* wrap: write */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
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

#include "logfile.h"

static bool disk_full;
static size_t room; /* left on the disk, unless it is 0 */
static char dir[] = "/tmp/test_logfile.XXXXXX";

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

ssize_t
__wrap_write(int fd, const void *bytes, size_t n)
{
	if (disk_full) {
		errno = ENOSPC;
		return -1;
	}
	if (room > 0) {
		disk_full = true;
		n = room;
		room = 0;
	}
	return __real_write(fd, bytes, n);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char pattern[64];
	glob_t found;

	(void)state;
	(void)snprintf(pattern, sizeof(pattern), "%s/logs/*", dir);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			(void)unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	(void)snprintf(pattern, sizeof(pattern), "%s/logs", dir);
	(void)rmdir(pattern);
	return rmdir(dir);
}

static struct logfile *
open_log(enum log_level level)
{
	char path[64];
	char *error = NULL;
	struct logfile *lf;

	(void)snprintf(path, sizeof(path), "%s/logs", dir);
	lf = logfile_open(path, level, NULL, &error);
	assert_non_null(lf);
	return lf;
}

static const char *
content(const struct logfile *lf)
{
	static char text[65536];
	FILE *file = fopen(logfile_path(lf), "r");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	return text;
}

static const struct tm noon = { .tm_year = 126,
	.tm_mon = 10,
	.tm_mday = 22,
	.tm_hour = 12,
	.tm_min = 34,
	.tm_sec = 56 };

static void
a_line_has_time_subject_level_and_message(void **state)
{
	char line[256];

	(void)state;
	(void)logfile_line(line, sizeof(line), &noon, LOG_LEVEL_WARNING,
	    "backend git hub: exited: 3");
	assert_string_equal(line,
	    "2026-11-22 12:34:56 - backend git hub - WARNING - exited: 3\n");
	(void)logfile_line(line, sizeof(line), &noon, LOG_LEVEL_INFO,
	    "listening on http://127.0.0.1:9000/sse");
	assert_string_equal(line,
	    "2026-11-22 12:34:56 - gateway - INFO - "
	    "listening on http://127.0.0.1:9000/sse\n");
}

static void
a_line_that_is_cut_still_ends(void **state)
{
	char line[40];
	size_t len;

	(void)state;
	len = logfile_line(line, sizeof(line), &noon, LOG_LEVEL_INFO,
	    "a text that is longer than the line may be");
	assert_int_equal(len, strlen(line));
	assert_int_equal(line[len - 1], '\n');
}

static void
colours_are_only_where_they_are_wanted(void **state)
{
	char line[256];

	(void)state;
	(void)logfile_console_line(line, sizeof(line), &noon, LOG_LEVEL_ERROR,
	    "front: gone", true, true);
	assert_string_equal(line,
	    "12:34:56 \033[31mERROR    front: gone"
	    "\033[0m\n");
	(void)logfile_console_line(line, sizeof(line), &noon, LOG_LEVEL_ERROR,
	    "front: gone", false, false);
	assert_string_equal(line, "2026-11-22 12:34:56 ERROR    front: gone\n");
}

static void
the_file_is_new_and_for_us_alone(void **state)
{
	struct logfile *lf = open_log(LOG_LEVEL_DEBUG);
	struct stat st;
	const char *name = strrchr(logfile_path(lf), '/');

	(void)state;
	assert_int_equal(stat(logfile_path(lf), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* log_YYYYMMDD_HHMMSS_DEBUG.log */
	assert_int_equal(strncmp(name, "/log_2", 6), 0);
	assert_non_null(strstr(name, "_DEBUG"));
	assert_string_equal(name + strlen(name) - 4, ".log");
	logfile_close(&lf);
	assert_null(lf);
}

static void
two_runs_in_one_second_have_two_files(void **state)
{
	struct logfile *a = open_log(LOG_LEVEL_INFO);
	struct logfile *b = open_log(LOG_LEVEL_INFO);
	struct logfile *c = open_log(LOG_LEVEL_INFO);

	(void)state;
	assert_string_not_equal(logfile_path(a), logfile_path(b));
	assert_string_not_equal(logfile_path(b), logfile_path(c));
	logfile_sink(a, LOG_LEVEL_INFO, "only in a");
	assert_string_equal(content(b), "");
	logfile_close(&a);
	logfile_close(&b);
	logfile_close(&c);
}

static void
records_below_the_level_are_not_in_the_file(void **state)
{
	struct logfile *lf = open_log(LOG_LEVEL_WARNING);

	(void)state;
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: quiet");
	logfile_sink(lf, LOG_LEVEL_ERROR, "gateway: loud");
	assert_null(strstr(content(lf), "quiet"));
	assert_non_null(strstr(content(lf), "loud"));
	/* The console still wants what the file does not. */
	assert_int_equal(logfile_level(lf), LOG_LEVEL_INFO);
	logfile_close(&lf);
}

static void
a_full_disk_is_counted_and_said_later(void **state)
{
	struct logfile *lf = open_log(LOG_LEVEL_INFO);
	const char *text;

	(void)state;
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: before");
	disk_full = true;
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: lost 1");
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: lost 2");
	disk_full = false;
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: after");
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: after that");
	text = content(lf);
	assert_non_null(strstr(text, "before\n"));
	assert_null(strstr(text, "lost 1"));
	assert_non_null(strstr(text, "WARNING - 2 records before this one"));
	assert_non_null(strstr(text, strerror(ENOSPC)));
	assert_non_null(strstr(text, "after that\n"));
	/* Said once. */
	assert_null(
	    strstr(strstr(text, "records before") + 1, "records before"));
	logfile_close(&lf);
}

static void
a_record_that_was_cut_by_a_full_disk_spoils_no_other(void **state)
{
	struct logfile *lf = open_log(LOG_LEVEL_INFO);
	const char *text;

	(void)state;
	room = 30;
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: this one is cut");
	assert_true(disk_full);
	disk_full = false;
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: after");
	text = content(lf);
	assert_true(strlen(text) > 30);
	assert_int_equal(text[30], '\n');
	assert_non_null(strstr(text, "WARNING - 1 records before this one"));
	assert_non_null(strstr(text, "after\n"));
	assert_null(strstr(text, "\n\n"));
	logfile_close(&lf);
}

static void
a_link_is_no_folder_for_root(void **state)
{
	static const char *const forms[] = { "link", "link/", "link//" };
	char real[64], path[64];
	char *error;

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)snprintf(real, sizeof(real), "%s/logs", dir);
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	(void)mkdir(real, 0700);
	assert_int_equal(symlink(real, path), 0);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, forms[i]);
		error = NULL;
		assert_null(logfile_open(path, LOG_LEVEL_INFO, NULL, &error));
		assert_non_null(strstr(error, "it is a link"));
		assert_non_null(strstr(error, "log_dir"));
		free(error);
	}
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(unlink(path), 0);
}

static void
a_folder_that_cannot_be_written_is_named(void **state)
{
	char *error = NULL;

	(void)state;
	assert_null(
	    logfile_open("/proc/no/such/folder", LOG_LEVEL_INFO, NULL, &error));
	assert_non_null(strstr(error, "/proc/no/such/folder"));
	assert_non_null(strstr(error, "log_dir"));
	free(error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_subject_level_and_message),
		cmocka_unit_test(a_line_that_is_cut_still_ends),
		cmocka_unit_test(colours_are_only_where_they_are_wanted),
		cmocka_unit_test(the_file_is_new_and_for_us_alone),
		cmocka_unit_test(two_runs_in_one_second_have_two_files),
		cmocka_unit_test(records_below_the_level_are_not_in_the_file),
		cmocka_unit_test(a_full_disk_is_counted_and_said_later),
		cmocka_unit_test(
		    a_record_that_was_cut_by_a_full_disk_spoils_no_other),
		cmocka_unit_test(a_link_is_no_folder_for_root),
		cmocka_unit_test(a_folder_that_cannot_be_written_is_named),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
