/* test_notify.c: the words of sd_notify(3), and none where nobody listens. */
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "notify.h"

static char dir[] = "/tmp/test_notify.XXXXXX";

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

/* A service manager at name, which begins with '/' or '@'. */
static int
manage(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)strlcpy(address.sun_path, name, sizeof(address.sun_path));
	if (*name == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
		    strlen(name))),
	    0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static int
manage_path(void)
{
	static char path[64];

	(void)snprintf(path, sizeof(path), "%s/notify", dir);
	(void)unlink(path);
	return manage(path);
}

static void
dismiss(int fd)
{
	char path[64];

	(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s/notify", dir);
	(void)unlink(path);
}

static const char *
receive(int fd)
{
	static char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
a_start_and_an_end_are_told(void **state)
{
	int fd = manage_path();

	(void)state;
	notify_begin();
	notify_ready("2 of 2 backends");
	assert_string_equal(receive(fd), "READY=1\nSTATUS=2 of 2 backends");
	notify_watchdog();
	assert_string_equal(receive(fd), "WATCHDOG=1");
	notify_stopping(25000);
	assert_string_equal(receive(fd),
	    "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=25000000");
	dismiss(fd);
}

static void
a_reload_has_the_time_of_its_beginning(void **state)
{
	int fd = manage_path();
	struct timespec now;
	unsigned long long us;
	const char *text;

	(void)state;
	notify_begin();
	notify_reloading();
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	text = receive(fd);
	assert_int_equal(
	    sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%llu\n", &us), 1);
	assert_true(us <= (unsigned long long)now.tv_sec * 1000000 +
		(unsigned long long)now.tv_nsec / 1000);
	assert_true(us + 10000000 > (unsigned long long)now.tv_sec * 1000000);
	assert_non_null(strstr(text, "\nSTATUS=reloading"));
	dismiss(fd);
}

static void
an_abstract_name_is_reached(void **state)
{
	char name[64];
	int fd;

	(void)state;
	(void)snprintf(
	    name, sizeof(name), "@mcpgw-test-notify-%d", (int)getpid());
	fd = manage(name);
	notify_begin();
	notify_watchdog();
	assert_string_equal(receive(fd), "WATCHDOG=1");
	(void)close(fd);
}

static void
a_status_is_one_line(void **state)
{
	int fd = manage_path();

	(void)state;
	notify_begin();
	notify_ready("bad\nSTOPPING=1");
	assert_string_equal(receive(fd), "READY=1\nSTATUS=bad");
	dismiss(fd);
}

static void
the_environment_is_not_passed_on(void **state)
{
	int fd = manage_path();

	(void)state;
	assert_int_equal(setenv("WATCHDOG_USEC", "1000000", 1), 0);
	notify_begin();
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	dismiss(fd);
}

static uint64_t
watchdog(const char *usec, pid_t pid)
{
	char text[16];
	int fd = manage_path();

	assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	if (pid != 0)
		assert_int_equal(setenv("WATCHDOG_PID", text, 1), 0);
	notify_begin();
	dismiss(fd);
	return notify_watchdog_ms();
}

static void
the_watchdog_is_told_twice_as_often_as_it_wants(void **state)
{
	(void)state;
	assert_int_equal(watchdog("15000000", getpid()), 7500);
	assert_int_equal(watchdog("15000000", 0), 7500);
	assert_int_equal(watchdog("15000000", getppid()), 0);
	assert_int_equal(watchdog("1", getpid()), 1);
	assert_int_equal(watchdog("", getpid()), 0);
	assert_int_equal(watchdog("-1", getpid()), 0);
	assert_int_equal(watchdog("15s", getpid()), 0);
}

static void
without_a_manager_nothing_happens(void **state)
{
	char long_one[256];
	const char *const names[] = { "", "relative", "/", "@",
		"/no/such/socket", long_one };

	(void)state;
	(void)snprintf(long_one, sizeof(long_one), "/%0200d", 1);
	(void)unsetenv("NOTIFY_SOCKET");
	assert_int_equal(setenv("WATCHDOG_USEC", "1000000", 1), 0);
	notify_begin();
	assert_int_equal(notify_watchdog_ms(), 0);
	notify_ready("x");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		notify_begin();
		notify_ready("x");
		notify_stopping(1);
	}
}

static void
a_daemon_says_who_it_is(void **state)
{
	int fd = manage_path(), status;
	char want[64];
	pid_t pid;

	(void)state;
	notify_begin();
	if ((pid = fork()) == 0) {
		notify_ready("x");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)snprintf(
	    want, sizeof(want), "READY=1\nSTATUS=x\nMAINPID=%d", (int)pid);
	assert_string_equal(receive(fd), want);
	dismiss(fd);
}

static void
a_manager_that_does_not_read_holds_nobody_up_for_long(void **state)
{
	int fd = manage_path();

	(void)state;
	notify_begin();
	(void)alarm(30);
	for (int i = 0; i < 100000; i++)
		notify_watchdog();
	notify_ready("x"); /* which waits a second */
	(void)alarm(0);
	assert_string_equal(receive(fd), "WATCHDOG=1");
	dismiss(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_and_an_end_are_told),
		cmocka_unit_test(a_reload_has_the_time_of_its_beginning),
		cmocka_unit_test(an_abstract_name_is_reached),
		cmocka_unit_test(a_status_is_one_line),
		cmocka_unit_test(the_environment_is_not_passed_on),
		cmocka_unit_test(
		    the_watchdog_is_told_twice_as_often_as_it_wants),
		cmocka_unit_test(without_a_manager_nothing_happens),
		cmocka_unit_test(a_daemon_says_who_it_is),
		cmocka_unit_test(
		    a_manager_that_does_not_read_holds_nobody_up_for_long),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
