/* test_descriptors.c: how many connections fit into a limit. */
/* wrap: getrlimit */
/* wrap: setrlimit */
#include <sys/resource.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "descriptors.h"
#include "guard.h"

static struct rlimit limit;

int __wrap_getrlimit(int what, struct rlimit *ret);
int __wrap_setrlimit(int what, const struct rlimit *want);

int
__wrap_getrlimit(int what, struct rlimit *ret)
{
	assert_int_equal(what, RLIMIT_NOFILE);
	*ret = limit;
	return limit.rlim_max > 0 ? 0 : -1;
}

int
__wrap_setrlimit(int what, const struct rlimit *want)
{
	assert_int_equal(what, RLIMIT_NOFILE);
	assert_int_equal(want->rlim_max, limit.rlim_max);
	limit = *want;
	return 0;
}

static size_t
of(rlim_t soft, rlim_t hard, size_t links)
{
	limit = (struct rlimit){ .rlim_cur = soft, .rlim_max = hard };
	return descriptors_for_clients(links);
}

static void
clients_have_what_links_leave(void **state)
{
	(void)state;
	assert_int_equal(of(1024, 1024, 10), 1024 - GUARD_RESERVED_FDS - 10);
	assert_int_equal(of(1024, 1024, 512), 512);
	assert_int_equal(of(64, 64, 0), 32);
	assert_int_equal(
	    of(RLIM_INFINITY, RLIM_INFINITY, 512), GUARD_CONNECTIONS_MAX);
	assert_int_equal(of(0, 0, 0), GUARD_CONNECTIONS_MAX);
}

static void
all_that_there_is_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(of(100, 4096, 0), 4096 - GUARD_RESERVED_FDS);
	assert_int_equal(limit.rlim_cur, 4096);
}

static size_t
instances(rlim_t hard, size_t backends, size_t most)
{
	limit = (struct rlimit){ .rlim_cur = hard, .rlim_max = hard };
	return descriptors_for_instances(backends, most);
}

/* What clients and these may take together is never more than there is. */
static void
instances_have_what_clients_leave(void **state)
{
	(void)state;
	assert_int_equal(instances(4096, 10, 1024), SIZE_MAX);
	assert_int_equal(
	    instances(1024, 10, 1024), 512 - GUARD_RESERVED_FDS - 10);
	assert_int_equal(instances(101, 10, 16), 0);
	assert_int_equal(instances(0, 10, 1024), SIZE_MAX);
	for (rlim_t hard = 250; hard < 3000; hard++) {
		size_t most = instances(hard, 20, 1024);

		if (most > 1024)
			most = 1024;
		assert_true(of(hard, hard, 20 + 1024) + GUARD_RESERVED_FDS +
			20 + most <=
		    hard);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_have_what_links_leave),
		cmocka_unit_test(all_that_there_is_is_asked_for),
		cmocka_unit_test(instances_have_what_clients_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
