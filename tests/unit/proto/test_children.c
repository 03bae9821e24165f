/* test_children.c: real children, which wait for the end of a pipe. */
#include <sys/wait.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/children.h"

/* Far more than any test needs; nothing waits for it but a test that fails. */
#define PATIENCE_S 30

struct fixture {
	int up[2];   /* each process writes a byte when it is there */
	int stay[2]; /* and ends when this is closed */
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(pipe(f->up), 0);
	assert_int_equal(pipe(f->stay), 0);
	(void)alarm(PATIENCE_S);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	(void)close(f->stay[1]);
	(void)close(f->stay[0]);
	while (wait(NULL) != -1)
		continue;
	assert_int_equal(errno, ECHILD);
	(void)close(f->up[0]);
	(void)close(f->up[1]);
	(void)alarm(0);
	free(f);
	return 0;
}

/* A process with a chain of descendants of this depth. */
static pid_t
make_chain(struct fixture *f, unsigned int depth)
{
	pid_t pid = fork();
	char byte;

	assert_true(pid != -1);
	if (pid != 0)
		return pid;
	(void)close(f->stay[1]);
	if (depth > 0)
		(void)make_chain(f, depth - 1);
	(void)!write(f->up[1], "u", 1);
	(void)!read(f->stay[0], &byte, 1);
	_exit(0);
}

static void *
wait_with_child(void *arg)
{
	struct fixture *f = arg;
	char byte;

	(void)make_chain(f, 0);
	(void)!write(f->up[1], "u", 1);
	(void)!read(f->stay[0], &byte, 1);
	return NULL;
}

/* A process whose child was made by a second thread of it, which stays. */
static pid_t
make_threaded(struct fixture *f)
{
	pthread_t thread;
	pid_t pid = fork();

	assert_true(pid != -1);
	if (pid != 0)
		return pid;
	(void)close(f->stay[1]);
	if (pthread_create(&thread, NULL, wait_with_child, f) != 0)
		_exit(1);
	(void)pthread_join(thread, NULL);
	_exit(0);
}

static void
wait_up(struct fixture *f, int count)
{
	char byte;

	for (int i = 0; i < count; i++)
		assert_int_equal(read(f->up[0], &byte, 1), 1);
}

static bool
is_spared(void *arg, pid_t pid)
{
	return *(pid_t *)arg == pid;
}

static void
who_has_no_children_counts_none(void **state)
{
	(void)state;
	assert_int_equal(children_count(), 0);
	assert_int_equal(children_kill(NULL, NULL), 0);
}

static void
descendants_of_every_depth_are_counted(void **state)
{
	struct fixture *f = *state;

	(void)make_chain(f, 0);
	(void)make_chain(f, 4);
	(void)make_chain(f, 1);
	wait_up(f, 1 + 5 + 2);
	assert_int_equal(children_count(), 1 + 5 + 2);
}

static void
children_of_other_threads_are_counted(void **state)
{
	struct fixture *f = *state;

	(void)make_threaded(f);
	wait_up(f, 2);
	assert_int_equal(children_count(), 2);
}

static void
more_than_one_page_of_children_are_counted(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 300; i++)
		(void)make_chain(f, 0);
	wait_up(f, 300);
	assert_int_equal(children_count(), 300);
}

static void
children_are_killed_and_the_spared_one_is_not(void **state)
{
	struct fixture *f = *state;
	pid_t spared = make_chain(f, 0), killed = make_chain(f, 0);
	int status;

	wait_up(f, 2);
	assert_int_equal(children_kill(is_spared, &spared), 1);
	assert_int_equal(waitpid(-1, &status, 0), killed);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(waitpid(spared, &status, WNOHANG), 0);
	assert_int_equal(children_count(), 1);
}

static void
grandchildren_are_left_alone(void **state)
{
	struct fixture *f = *state;
	pid_t child = make_chain(f, 1);

	wait_up(f, 2);
	assert_int_equal(children_kill(is_spared, &child), 0);
	assert_int_equal(children_count(), 2);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(who_has_no_children_counts_none),
		T(descendants_of_every_depth_are_counted),
		T(children_of_other_threads_are_counted),
		T(more_than_one_page_of_children_are_counted),
		T(children_are_killed_and_the_spared_one_is_not),
		T(grandchildren_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
