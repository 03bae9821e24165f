/* test_daemon.c: what the caller of a daemon gets to hear. */
/* wrap: mono_ms */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"

/* A minute for each look at it, where that is wanted. */
static bool time_flies;

uint64_t __wrap_mono_ms(void);

uint64_t
__wrap_mono_ms(void)
{
	static uint64_t now;

	if (time_flies)
		now += 60000;
	return now;
}

/* What a start came to. */
static struct {
	int status;
	char out[8192];
	char err[131072];
} got;

static void
read_file(FILE *file, char *text, size_t size)
{
	size_t n;

	rewind(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	(void)fclose(file);
}

/* Start in a child, whose standard output and error are kept in got; run is
 * what the daemon does. */
static void
start(void (*run)(void))
{
	FILE *out = tmpfile(), *err = tmpfile();
	pid_t pid, group;
	int from, status;

	fflush(NULL);
	if ((pid = fork()) == 0) {
		(void)dup2(fileno(out), STDOUT_FILENO);
		(void)dup2(fileno(err), STDERR_FILENO);
		if ((group = daemon_fork(&from)) == 0) {
			run();
			_exit(0);
		}
		status = daemon_wait(group, from, DAEMON_START_MS);
		fflush(NULL);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	got.status = WEXITSTATUS(status);
	read_file(out, got.out, sizeof(got.out));
	read_file(err, got.err, sizeof(got.err));
}

static int
set_up(void **state)
{
	(void)state;
	(void)alarm(30);
	time_flies = false;
	/* Nothing of a test is left to somebody else. */
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static int
tear_down(void **state)
{
	(void)state;
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	(void)alarm(0);
	return 0;
}

static void
serve(void)
{
	(void)printf("listening\n");
	(void)fflush(stdout);
	if (daemon_up() == 0)
		(void)printf("for nobody\n");
	(void)fflush(stdout);
}

static void
one_that_serves_is_a_success(void **state)
{
	(void)state;
	start(serve);
	assert_int_equal(got.status, 0);
	assert_string_equal(got.out, "listening\n");
	assert_string_equal(got.err, "");
}

static void
fail_to_serve(void)
{
	(void)printf("a warning\n");
	(void)fflush(stdout);
	daemon_failed(3, "the port is taken");
}

static void
one_that_fails_says_why(void **state)
{
	(void)state;
	start(fail_to_serve);
	assert_int_equal(got.status, 3);
	assert_string_equal(got.out, "");
	assert_string_equal(
	    got.err, "a warning\nmcp-gatewayd: the port is taken\n");
}

static void
die(void)
{
	(void)raise(SIGKILL);
}

static void
one_that_dies_is_a_failure(void **state)
{
	(void)state;
	start(die);
	assert_int_equal(got.status, 1);
	assert_string_equal(got.out, "");
	assert_non_null(strstr(got.err, "ended before it served"));
}

static void
half_report(void)
{
	(void)!write(STDOUT_FILENO, "text\0000", 6);
}

static void
half_a_report_is_none(void **state)
{
	(void)state;
	start(half_report);
	assert_int_equal(got.status, 1);
	assert_non_null(strstr(got.err, "ended before it served"));
}

static void
hang(void)
{
	for (;;)
		(void)pause();
}

static void
one_that_hangs_is_stopped(void **state)
{
	(void)state;
	time_flies = true;
	start(hang);
	assert_int_equal(got.status, 1);
	assert_non_null(strstr(got.err, "did not serve within 60 s"));
	/* tear_down() waits for its end. */
}

static void
flood(void)
{
	char text[4096];
	size_t left = (size_t)1 << 20;
	ssize_t n;

	memset(text, 'x', sizeof(text));
	while (left > 0) {
		n = write(STDOUT_FILENO, text,
		    left < sizeof(text) ? left : sizeof(text));
		if (n > 0)
			left -= (size_t)n;
	}
	daemon_failed(1, "enough");
}

static void
a_flood_is_cut_and_the_reason_is_there(void **state)
{
	(void)state;
	start(flood);
	assert_int_equal(got.status, 1);
	assert_int_equal(strspn(got.err, "x"), 65536);
	assert_string_equal(got.err + 65536, "mcp-gatewayd: enough\n");
}

/* What the daemon finds, as a text for the caller; "" when all is well. */
static void
look_around(void)
{
	char cwd[64] = "", path[64] = "";
	mode_t mask = umask(0);
	int tty = open("/dev/tty", O_RDWR);

	if (getcwd(cwd, sizeof(cwd)) == NULL || strcmp(cwd, "/") != 0)
		daemon_failed(1, "folder");
	else if (mask != 027)
		daemon_failed(1, "umask");
	else if (tty != -1)
		daemon_failed(1, "terminal");
	else if (getsid(0) == getpid())
		daemon_failed(1, "leader");
	else if (readlink("/proc/self/fd/0", path, 63) != 9 ||
	    strcmp(path, "/dev/null") != 0)
		daemon_failed(1, "standard input");
	else if (readlink("/proc/self/fd/2", path, 63) != 9 ||
	    strcmp(path, "/dev/null") != 0)
		daemon_failed(1, "standard error");
	else if ((fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK) == 0)
		daemon_failed(1, "blocking");
	else
		(void)daemon_up();
}

static void
it_has_let_go_of_everything(void **state)
{
	(void)state;
	start(look_around);
	assert_string_equal(got.err, "");
	assert_int_equal(got.status, 0);
}

/* The caller is gone: is the daemon told? */
static void
nobody_waits_any_more(void **state)
{
	int ends[2], from, status;
	pid_t pid;
	char c = '?';

	(void)state;
	assert_int_equal(pipe(ends), 0);
	if ((pid = fork()) == 0) {
		struct sigaction ignore = { .sa_handler = SIG_IGN };

		(void)sigaction(SIGPIPE, &ignore, NULL);
		if (daemon_fork(&from) != 0)
			_exit(0); /* closes from */
		(void)close(ends[0]);
		/* Until the caller is gone, whose end of the pipe that is. */
		while (write(STDOUT_FILENO, "x", 1) == 1 || errno == EAGAIN)
			;
		(void)!write(ends[1], daemon_up() == -1 ? "y" : "n", 1);
		_exit(0);
	}
	(void)close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	(void)close(ends[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_serves_is_a_success),
		TEST(one_that_fails_says_why),
		TEST(one_that_dies_is_a_failure),
		TEST(half_a_report_is_none),
		TEST(one_that_hangs_is_stopped),
		TEST(a_flood_is_cut_and_the_reason_is_there),
		TEST(it_has_let_go_of_everything),
		TEST(nobody_waits_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
