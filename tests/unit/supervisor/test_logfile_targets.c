/* test_logfile_targets.c: logs that are no file: syslog, and the console. */
/* wrap: syslog_socket_new */
#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>

#include <event2/event.h>
#include <json-c/json.h>

#include "logfile_test.h"
#include "syslog_socket.h"

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

/* Whoever reads it reads all that is there; the text, NUL-terminated. */
static const char *
read_pipe(struct loop *loop, int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
		/* What waits for room is written. */
		(void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	} while (n > 0 && len < size - 1);
	text[len] = '\0';
	return text;
}

static void
what_a_console_had_no_room_for_is_said_when_there_is_some(void **state)
{
	static char text[2 * CONSOLE_QUEUE_MAX];
	char path[] = "/nowhere";
	struct config config = config_of(path, LOG_LEVEL_INFO);
	struct loop *loop = loop_new(false);
	struct console *console;
	struct logfile *lf;
	int fds[2];

	(void)state;
	config.log = CONFIG_LOG_NONE;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	console = console_new(loop, fds[1]);
	assert_non_null(console);
	lf = open_as(&config, console);
	/* The second one finds no room, nor does the news of the first. */
	while (console_dropped(console) < 3)
		logfile_sink(lf, LOG_LEVEL_INFO, "backend a: one of many");
	assert_null(
	    strstr(read_pipe(loop, fds[0], text, sizeof(text)), "lost"));
	logfile_sink(lf, LOG_LEVEL_INFO, "backend a: the last one");
	assert_non_null(strstr(read_pipe(loop, fds[0], text, sizeof(text)),
	    " - console - WARNING - 2 records before this one were lost: "));
	assert_non_null(strstr(text, " - the last one\n"));
	logfile_close(&lf);
	console_free(&console);
	loop_free(&loop);
	(void)close(fds[0]);
	(void)close(fds[1]);
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
		cmocka_unit_test(a_record_for_syslog_has_a_priority_and_a_tag),
		cmocka_unit_test(json_for_syslog_is_one_object),
		cmocka_unit_test(
		    what_a_syslog_that_is_gone_misses_is_said_when_it_is_back),
		cmocka_unit_test(without_a_log_the_console_is_the_log),
		cmocka_unit_test(
		    the_console_as_the_log_has_the_format_of_the_log),
		cmocka_unit_test(
		    what_a_console_had_no_room_for_is_said_when_there_is_some),
		cmocka_unit_test(a_hushed_console_shows_warnings_only),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
