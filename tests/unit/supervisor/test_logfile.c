/* test_logfile.c: files, syslog, the console, and a disk that is full. */
/* wrap: write */
/* wrap: syslog_socket_new */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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
#include <json-c/json.h>

#include "logfile.h"
#include "syslog_socket.h"

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

/* A log as it is without any configuration. */
static struct config
config_of(char *path, enum log_level level)
{
	return (struct config){ .log = CONFIG_LOG_FILE,
		.log_format = CONFIG_LOG_TEXT,
		.log_level = level,
		.log_dir = path };
}

static struct logfile *
open_as(const struct config *config, struct console *console)
{
	char *error = NULL;
	struct logfile *lf = logfile_open(config, console, &error);

	assert_non_null(lf);
	assert_null(error);
	return lf;
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

/* ---- syslog ---- */

static char syslog_path[64];

struct syslog_socket *__real_syslog_socket_new(const char *path);
struct syslog_socket *__wrap_syslog_socket_new(const char *path);

struct syslog_socket *
__wrap_syslog_socket_new(const char *path)
{
	assert_string_equal(path, "/dev/log");
	return __real_syslog_socket_new(syslog_path);
}

/* Somebody who reads what is sent to syslog_path. */
static int
serve_syslog(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)strlcpy(address.sun_path, syslog_path, sizeof(address.sun_path));
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static const char *
receive(int fd)
{
	static char text[16384];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static struct logfile *
open_syslog(enum config_log_format format)
{
	char path[] = "/nowhere";
	struct config config = config_of(path, LOG_LEVEL_INFO);

	(void)snprintf(syslog_path, sizeof(syslog_path), "%s/log", dir);
	config.log = CONFIG_LOG_SYSLOG;
	config.log_format = format;
	return open_as(&config, NULL);
}

static void
a_record_for_syslog_has_a_priority_and_a_tag(void **state)
{
	struct logfile *lf = open_syslog(CONFIG_LOG_TEXT);
	int fd = serve_syslog();
	char want[64];
	const char *got;

	(void)state;
	assert_string_equal(logfile_path(lf), "syslog");
	logfile_sink(lf, LOG_LEVEL_WARNING, "backend a: gone");
	got = receive(fd);
	/* LOG_DAEMON is 3, a warning 4: 3 * 8 + 4. */
	assert_int_equal(strncmp(got, "<28>", 4), 0);
	(void)snprintf(want, sizeof(want), " mcp-gatewayd[%d]: backend a: gone",
	    (int)getpid());
	assert_string_equal(strchr(got + 17, ' '), want);
	logfile_sink(lf, LOG_LEVEL_DEBUG, "backend a: nothing");
	assert_string_equal(receive(fd), "");
	logfile_close(&lf);
	(void)close(fd);
	(void)unlink(syslog_path);
}

static void
json_for_syslog_is_one_object(void **state)
{
	struct logfile *lf = open_syslog(CONFIG_LOG_JSON);
	int fd = serve_syslog();
	struct json_object *record;

	(void)state;
	logfile_sink(lf, LOG_LEVEL_ERROR, "backend a: \"gone\"");
	record = json_tokener_parse(strstr(receive(fd), "]: ") + 3);
	assert_non_null(record);
	json_object_put(record);
	logfile_close(&lf);
	(void)close(fd);
	(void)unlink(syslog_path);
}

static void
what_a_syslog_that_is_gone_misses_is_said_when_it_is_back(void **state)
{
	struct logfile *lf = open_syslog(CONFIG_LOG_TEXT);
	int fd;

	(void)state;
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: lost 1");
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: lost 2");
	fd = serve_syslog();
	/* SIGUSR1: not only when it would be looked for again. */
	assert_int_equal(logfile_reopen(lf), 0);
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: after");
	assert_non_null(strstr(receive(fd), "syslog: 2 records before this"));
	assert_non_null(strstr(receive(fd), "after"));
	assert_string_equal(receive(fd), "");
	logfile_close(&lf);
	(void)close(fd);
	(void)unlink(syslog_path);
}

/* ---- the console ---- */

/* A console in a file: what was written there. */
struct screen {
	struct loop *loop;
	struct console *console;
	FILE *file;
	char text[16384];
};

static void
open_screen(struct screen *screen)
{
	screen->loop = loop_new(false);
	screen->file = tmpfile();
	screen->console = console_new(screen->loop, fileno(screen->file));
	assert_non_null(screen->console);
}

static const char *
close_screen(struct screen *screen)
{
	size_t n;

	console_free(&screen->console);
	loop_free(&screen->loop);
	rewind(screen->file);
	n = fread(screen->text, 1, sizeof(screen->text) - 1, screen->file);
	screen->text[n] = '\0';
	(void)fclose(screen->file);
	return screen->text;
}

static void
without_a_log_the_console_is_the_log(void **state)
{
	char path[] = "/nowhere";
	struct config config = config_of(path, LOG_LEVEL_DEBUG);
	struct screen screen;
	struct logfile *lf;
	const char *text;

	(void)state;
	config.log = CONFIG_LOG_NONE;
	open_screen(&screen);
	lf = open_as(&config, screen.console);
	assert_string_equal(logfile_path(lf), "none");
	assert_false(logfile_spares_console(lf));
	logfile_hush(lf, true);
	logfile_sink(lf, LOG_LEVEL_DEBUG, "backend a: one");
	logfile_quiet(lf, LOG_LEVEL_INFO, "backend a: two");
	logfile_set_level(lf, LOG_LEVEL_ERROR);
	assert_int_equal(logfile_level(lf), LOG_LEVEL_ERROR);
	logfile_sink(lf, LOG_LEVEL_WARNING, "backend a: three");
	assert_int_equal(logfile_reopen(lf), 0);
	logfile_close(&lf);
	text = close_screen(&screen);
	assert_non_null(strstr(text, " - backend a - DEBUG - one\n"));
	assert_non_null(strstr(text, " - backend a - INFO - two\n"));
	assert_null(strstr(text, "three"));
}

static void
the_console_as_the_log_has_the_format_of_the_log(void **state)
{
	char path[] = "/nowhere";
	struct config config = config_of(path, LOG_LEVEL_INFO);
	struct screen screen;
	struct logfile *lf;
	struct json_object *record;

	(void)state;
	config.log = CONFIG_LOG_NONE;
	config.log_format = CONFIG_LOG_JSON;
	open_screen(&screen);
	lf = open_as(&config, screen.console);
	logfile_sink(lf, LOG_LEVEL_WARNING, "backend a: one");
	logfile_close(&lf);
	record = json_tokener_parse(close_screen(&screen));
	assert_non_null(record);
	json_object_put(record);
}

static void
a_hushed_console_shows_warnings_only(void **state)
{
	char path[64];
	struct config config = config_of(path, LOG_LEVEL_INFO);
	struct screen screen;
	struct logfile *lf;
	const char *text;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/logs", dir);
	open_screen(&screen);
	lf = open_as(&config, screen.console);
	assert_true(logfile_spares_console(lf));
	logfile_hush(lf, true);
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: soft");
	logfile_sink(lf, LOG_LEVEL_WARNING, "gateway: loud");
	logfile_hush(lf, false);
	logfile_sink(lf, LOG_LEVEL_INFO, "gateway: again");
	logfile_quiet(lf, LOG_LEVEL_ERROR, "gateway: for the file");
	logfile_close(&lf);
	text = close_screen(&screen);
	assert_null(strstr(text, "soft"));
	assert_non_null(strstr(text, "WARNING  gateway: loud\n"));
	assert_non_null(strstr(text, "INFO     gateway: again\n"));
	assert_null(strstr(text, "for the file"));
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
		cmocka_unit_test(a_record_for_syslog_has_a_priority_and_a_tag),
		cmocka_unit_test(json_for_syslog_is_one_object),
		cmocka_unit_test(
		    what_a_syslog_that_is_gone_misses_is_said_when_it_is_back),
		cmocka_unit_test(without_a_log_the_console_is_the_log),
		cmocka_unit_test(
		    the_console_as_the_log_has_the_format_of_the_log),
		cmocka_unit_test(a_hushed_console_shows_warnings_only),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
