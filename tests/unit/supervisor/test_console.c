/* test_console.c: a console that nobody reads holds nobody up. */
/* wrap: open */
#include <sys/socket.h>
#include <sys/stat.h>

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
#include <event2/event.h>

#include "console.h"

/* One line of the console. */
#define LINE_LEN 1024
static char line[LINE_LEN];

struct fixture {
	struct loop *loop;
	struct console *console;
	int fds[2];
	size_t taken;
};

/* The console is another user's. */
static bool foreign;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	if (foreign && strncmp(path, "/proc/self/fd/", 14) == 0) {
		errno = EACCES;
		return -1;
	}
	return __real_open(path, flags); /* nothing is created here */
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(pipe(f->fds), 0);
	f->loop = loop_new(false);
	f->console = console_new(f->loop, f->fds[1]);
	assert_non_null(f->console);
	(void)alarm(30);
	*state = f;
	return 0;
}

static int
set_up_foreign(void **state)
{
	foreign = true;
	return set_up(state);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	foreign = false;
	(void)alarm(0);
	console_free(&f->console);
	loop_free(&f->loop);
	(void)close(f->fds[0]);
	(void)close(f->fds[1]);
	free(f);
	return 0;
}

static void
a_line_arrives_at_once(void **state)
{
	struct fixture *f = *state;
	char got[2 * LINE_LEN];

	console_write(f->console, line, LINE_LEN);
	assert_int_equal(read(f->fds[0], got, sizeof(got)), LINE_LEN);
	assert_memory_equal(got, line, LINE_LEN);
}

static void
a_pipe_is_no_terminal(void **state)
{
	struct fixture *f = *state;

	assert_false(console_is_terminal(f->console));
	assert_false(console_has_colour(f->console));
	assert_int_equal(console_width(f->console), 0);
}

static void
our_descriptor_stays_as_it_was(void **state)
{
	struct fixture *f = *state;

	assert_false(fcntl(f->fds[1], F_GETFL) & O_NONBLOCK);
}

static void
a_full_pipe_blocks_nobody_and_loses_are_counted(void **state)
{
	struct fixture *f = *state;

	/* Four times of what pipe and queue take together. */
	for (size_t i = 0; i < 4 * CONSOLE_QUEUE_MAX / LINE_LEN; i++)
		console_write(f->console, line, LINE_LEN);
	assert_true(console_dropped(f->console) > 0);
	assert_true(
	    console_dropped(f->console) < 4 * CONSOLE_QUEUE_MAX / LINE_LEN);
}

/* Read at the end of each turn, as a slow reader would. */
static void
take(void *arg)
{
	struct fixture *f = arg;
	char got[4096];
	ssize_t n = read(f->fds[0], got, sizeof(got));

	if (n > 0)
		f->taken += (size_t)n;
	if (f->taken >= CONSOLE_QUEUE_MAX / 2)
		loop_stop(f->loop);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	take(arg);
}

static void
what_waits_is_written_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	struct event *event;

	for (size_t i = 0; i < CONSOLE_QUEUE_MAX / 2 / LINE_LEN; i++)
		console_write(f->console, line, LINE_LEN);
	assert_int_equal(console_dropped(f->console), 0);
	event = event_new(loop_base(f->loop), f->fds[0], EV_READ | EV_PERSIST,
	    on_readable, f);
	(void)event_add(event, NULL);
	loop_run(f->loop);
	event_free(event);
	assert_int_equal(f->taken, CONSOLE_QUEUE_MAX / 2);
}

static void
a_reader_that_is_gone_is_no_error(void **state)
{
	struct fixture *f = *state;
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)close(f->fds[0]);
	console_write(f->console, line, LINE_LEN);
	assert_int_equal(console_dropped(f->console), 1);
	f->fds[0] = open("/dev/null", O_RDONLY);
}

/* A daemon's console, until nobody waits for its start any more. */
static void
what_does_not_block_may_be_replaced_by_its_owner(void **state)
{
	struct fixture *f = *state;
	int fds[2], null = open("/dev/null", O_WRONLY);
	struct console *c;
	char got[2 * LINE_LEN];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	c = console_new(f->loop, fds[1]);
	assert_non_null(c);
	console_write(c, line, LINE_LEN);
	assert_int_equal(read(fds[0], got, sizeof(got)), LINE_LEN);
	assert_int_equal(dup2(null, fds[1]), fds[1]);
	console_write(c, line, LINE_LEN);
	/* Nobody holds the pipe any more. */
	assert_int_equal(read(fds[0], got, sizeof(got)), 0);
	assert_int_equal(console_dropped(c), 0);
	console_free(&c);
	assert_true(fcntl(fds[1], F_GETFD) != -1);
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(null);
}

static void
the_journal_is_known_by_its_inode(void **state)
{
	struct fixture *f = *state;
	struct console *c;
	struct stat st;
	char stream[64];
	int sv[2];

	assert_false(console_is_journal(f->console));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(fstat(sv[0], &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	c = console_new(f->loop, sv[0]);
	assert_true(console_is_journal(c));
	console_free(&c);
	/* A pipe of somebody who inherited the variable. */
	c = console_new(f->loop, f->fds[1]);
	assert_false(console_is_journal(c));
	console_free(&c);
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	(void)close(sv[0]);
	(void)close(sv[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
/* With a pipe that cannot be opened once more: "su other -c ... | less". */
#define FOREIGN(name)                                                          \
	{                                                                      \
#name "_of_another_user", name, set_up_foreign, tear_down,     \
		    NULL                                                       \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_arrives_at_once),
		TEST(a_pipe_is_no_terminal),
		TEST(our_descriptor_stays_as_it_was),
		TEST(a_full_pipe_blocks_nobody_and_loses_are_counted),
		TEST(what_waits_is_written_when_there_is_room),
		TEST(a_reader_that_is_gone_is_no_error),
		TEST(what_does_not_block_may_be_replaced_by_its_owner),
		TEST(the_journal_is_known_by_its_inode),
		FOREIGN(a_line_arrives_at_once),
		FOREIGN(our_descriptor_stays_as_it_was),
		FOREIGN(a_full_pipe_blocks_nobody_and_loses_are_counted),
		FOREIGN(what_waits_is_written_when_there_is_room),
		FOREIGN(a_reader_that_is_gone_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
