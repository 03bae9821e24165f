/* test_memory.c: how much memory processes use. */
/* wrap: mono_ms */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory.h"

#define BLOCK ((size_t)32 << 20)

static uint64_t now;

uint64_t __wrap_mono_ms(void);
uint64_t
__wrap_mono_ms(void)
{
	return now;
}

/* A child that holds a block of memory, and a grandchild that waits. */
static pid_t
start_family(void)
{
	int fds[2];
	char done;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	if ((child = fork()) == 0) {
		char *block = malloc(BLOCK);
		pid_t parent = getpid();

		if (block == NULL)
			_exit(1);
		memset(block, 'x', BLOCK);
		if (fork() == 0) {
			/* It ends with its parent, or has outlived it already.
			 */
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				(void)pause();
			_exit(0);
		}
		(void)write(fds[1], block, 1);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(fds[0], &done, 1), 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
	return child;
}

static void
end_family(pid_t child)
{
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void
a_process_has_what_it_touched(void **state)
{
	struct memory_budget budget;
	char *block = malloc(BLOCK);
	uint64_t exact, resident;

	(void)state;
	memset(block, 'x', BLOCK);
	memory_begin(&budget);
	exact = memory_of_process(&budget, getpid());
	now += 60000; /* the time for that is over */
	resident = memory_of_process(&budget, getpid());
	free(block);
	assert_true(exact >= BLOCK && exact < 100 * BLOCK);
	assert_true(resident >= BLOCK && resident >= exact);
}

static void
none_has_nothing_and_one_that_is_gone_is_not_known(void **state)
{
	struct memory_budget budget;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	memory_begin(&budget);
	assert_int_equal(memory_of_process(&budget, -1), 0);
	assert_int_equal(memory_of_process(&budget, 0), 0);
	assert_int_equal(memory_of_process(&budget, child), MEMORY_UNKNOWN);
	assert_int_equal(memory_of_descendants(&budget, -1), 0);
	assert_int_equal(memory_of_descendants(&budget, child), 0);
}

static void
descendants_are_counted_to_the_last(void **state)
{
	struct memory_budget budget;
	pid_t child = start_family();
	uint64_t all, below;

	(void)state;
	memory_begin(&budget);
	all = memory_of_descendants(&budget, getpid());
	below = memory_of_descendants(&budget, child);
	assert_true(all >= BLOCK && all != MEMORY_UNKNOWN);
	assert_true(below > 0 && below < all);
	end_family(child);
}

static void
over_the_budget_it_is_not_known(void **state)
{
	struct memory_budget budget;
	pid_t child = start_family();

	(void)state;
	memory_begin(&budget);
	budget.processes = 1;
	assert_int_equal(
	    memory_of_descendants(&budget, getpid()), MEMORY_UNKNOWN);
	assert_int_not_equal(
	    memory_of_process(&budget, getpid()), MEMORY_UNKNOWN);
	assert_int_equal(memory_of_process(&budget, getpid()), MEMORY_UNKNOWN);
	end_family(child);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_has_what_it_touched),
		cmocka_unit_test(
		    none_has_nothing_and_one_that_is_gone_is_not_known),
		cmocka_unit_test(descendants_are_counted_to_the_last),
		cmocka_unit_test(over_the_budget_it_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
