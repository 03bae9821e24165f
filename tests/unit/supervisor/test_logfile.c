/* test_logfile.c: files, and a disk that is full. */
/* wrap: write */
#include <sys/stat.h>

#include <errno.h>
#include <stdbool.h>

#include <json-c/json.h>

#include "logfile_test.h"

static bool disk_full;
static size_t room; /* left on the disk, unless it is 0 */

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

static struct logfile *
open_log(enum log_level level)
{
	char path[64];
	struct config config = config_of(path, level);

	(void)snprintf(path, sizeof(path), "%s/logs", dir);
	return open_as(&config, NULL);
}

static void
assert_refused(char *path, const char *reason)
{
	struct config config = config_of(path, LOG_LEVEL_INFO);
	char *error = NULL;

	assert_null(logfile_open(&config, NULL, &error));
	assert_non_null(strstr(error, path));
	assert_non_null(strstr(error, reason));
	assert_non_null(strstr(error, "log_dir"));
	free(error);
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

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)snprintf(real, sizeof(real), "%s/logs", dir);
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	(void)mkdir(real, 0700);
	assert_int_equal(symlink(real, path), 0);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, forms[i]);
		assert_refused(path, "it is a link");
	}
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(unlink(path), 0);
}

static void
a_folder_that_cannot_be_written_is_named(void **state)
{
	char path[] = "/proc/no/such/folder";

	(void)state;
	assert_refused(path, "No such file");
}

/* Rename the file, as logrotate(8) does: its new path. */
static const char *
rotate(const struct logfile *lf)
{
	static char rotated[128];

	(void)snprintf(rotated, sizeof(rotated), "%s.1", logfile_path(lf));
	assert_int_equal(rename(logfile_path(lf), rotated), 0);
	return rotated;
}

static void
a_renamed_file_is_written_to_until_it_is_opened_again(void **state)
{
	struct logfile *lf = open_log(LOG_LEVEL_INFO);
	struct stat st;

	(void)state;
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: first");
	assert_int_equal(stat(rotate(lf), &st), 0);
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: second");
	assert_true(stat(logfile_path(lf), &st) == -1);
	assert_int_equal(logfile_reopen(lf), 0);
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: third");
	assert_null(strstr(content(lf), "second"));
	assert_non_null(strstr(content(lf), "third"));
	assert_int_equal(stat(logfile_path(lf), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	logfile_close(&lf);
}

static void
a_file_that_logrotate_made_is_appended_to(void **state)
{
	struct logfile *lf = open_log(LOG_LEVEL_INFO);
	FILE *file;

	(void)state;
	(void)rotate(lf);
	file = fopen(logfile_path(lf), "w");
	assert_non_null(file);
	(void)fputs("made\n", file);
	(void)fclose(file);
	assert_int_equal(logfile_reopen(lf), 0);
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: after");
	assert_int_equal(strncmp(content(lf), "made\n", 5), 0);
	assert_non_null(strstr(content(lf), "after"));
	logfile_close(&lf);
}

static int
count(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

/* What is opened in place of the file is not the file: the old one stays, for
 * the nth time. */
static void
assert_not_reopened(struct logfile *lf, const char *rotated, int nth)
{
	char text[4096];
	FILE *file;
	size_t n;

	log_set_sink(logfile_sink, lf);
	assert_int_equal(logfile_reopen(lf), -1);
	log_set_sink(NULL, NULL);
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: still here");
	file = fopen(rotated, "r");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	assert_int_equal(count(text, "ERROR - cannot open "), nth);
	assert_int_equal(count(text, "the old file stays in use"), nth);
	assert_int_equal(count(text, "still here"), nth);
}

static void
what_cannot_be_opened_again_leaves_the_old_file(void **state)
{
	struct logfile *lf = open_log(LOG_LEVEL_INFO);
	const char *rotated = rotate(lf);

	(void)state;
	assert_int_equal(mkfifo(logfile_path(lf), 0600), 0);
	assert_not_reopened(lf, rotated, 1);
	assert_int_equal(unlink(logfile_path(lf)), 0);
	assert_int_equal(symlink("/dev/null", logfile_path(lf)), 0);
	assert_not_reopened(lf, rotated, 2);
	assert_int_equal(unlink(logfile_path(lf)), 0);
	assert_int_equal(mkdir(logfile_path(lf), 0700), 0);
	assert_not_reopened(lf, rotated, 3);
	assert_int_equal(rmdir(logfile_path(lf)), 0);
	logfile_close(&lf);
}

static void
a_new_level_counts_from_the_next_record_on(void **state)
{
	struct logfile *lf = open_log(LOG_LEVEL_WARNING);

	(void)state;
	logfile_sink(lf, LOG_LEVEL_DEBUG, "gateway: one");
	logfile_set_level(lf, LOG_LEVEL_DEBUG);
	assert_int_equal(logfile_level(lf), LOG_LEVEL_DEBUG);
	logfile_sink(lf, LOG_LEVEL_DEBUG, "gateway: two");
	logfile_set_level(lf, LOG_LEVEL_CRITICAL);
	logfile_sink(lf, LOG_LEVEL_ERROR, "gateway: three");
	assert_null(strstr(content(lf), "one"));
	assert_non_null(strstr(content(lf), "two"));
	assert_null(strstr(content(lf), "three"));
	logfile_close(&lf);
}

static void
json_lines_parse_one_by_one(void **state)
{
	char path[64];
	struct config config = config_of(path, LOG_LEVEL_INFO);
	struct logfile *lf;
	struct json_object *line, *text;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/logs", dir);
	config.log_format = CONFIG_LOG_JSON;
	lf = open_as(&config, NULL);
	logfile_quiet(lf, LOG_LEVEL_INFO, "backend x: \"a\\b\n\xff\"");
	line = json_tokener_parse(content(lf));
	assert_non_null(line);
	assert_true(json_object_object_get_ex(line, "text", &text));
	assert_string_equal(json_object_get_string(text), "\"a\\b\\x0a\\xff\"");
	json_object_put(line);
	logfile_close(&lf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_is_new_and_for_us_alone),
		cmocka_unit_test(two_runs_in_one_second_have_two_files),
		cmocka_unit_test(records_below_the_level_are_not_in_the_file),
		cmocka_unit_test(a_full_disk_is_counted_and_said_later),
		cmocka_unit_test(
		    a_record_that_was_cut_by_a_full_disk_spoils_no_other),
		cmocka_unit_test(a_link_is_no_folder_for_root),
		cmocka_unit_test(a_folder_that_cannot_be_written_is_named),
		cmocka_unit_test(
		    a_renamed_file_is_written_to_until_it_is_opened_again),
		cmocka_unit_test(a_file_that_logrotate_made_is_appended_to),
		cmocka_unit_test(
		    what_cannot_be_opened_again_leaves_the_old_file),
		cmocka_unit_test(a_new_level_counts_from_the_next_record_on),
		cmocka_unit_test(json_lines_parse_one_by_one),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
