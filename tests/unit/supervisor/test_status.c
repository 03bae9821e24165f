/* test_status.c: the records that SIGUSR2 asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "outcome.h"
#include "status.h"

static char text[STATUS_TEXT_MAX];

static void
a_backend_that_serves(void **state)
{
	const struct status_backend be = { .name = "bash",
		.state = BACKEND_READY,
		.for_ms = 12999,
		.tools = 3,
		.has_job = true,
		.processes = 2,
		.starts = 4,
		.reason = "is not shown",
		.retry_ms = -1 };

	(void)state;
	assert_string_equal(status_backend_text(text, &be),
	    "backend bash: ready for 12 s, 3 tools, 2 processes, 4 starts");
}

static void
one_is_not_many_and_what_runs_elsewhere_has_no_processes(void **state)
{
	const struct status_backend be = { .name = "web",
		.state = BACKEND_READY,
		.tools = 1,
		.starts = 1,
		.retry_ms = -1 };

	(void)state;
	assert_string_equal(status_backend_text(text, &be),
	    "backend web: ready for 0 s, 1 tool, 1 start");
}

static void
instances_are_counted_where_there_are_some(void **state)
{
	const struct status_backend be = { .name = "web",
		.state = BACKEND_READY,
		.tools = 1,
		.starts = 1,
		.session = "per-client",
		.instances = 3,
		.retry_ms = -1 };

	(void)state;
	assert_string_equal(status_backend_text(text, &be),
	    "backend web: ready for 0 s, 1 tool, 3 instances, 1 start");
}

static void
one_that_failed_says_why_and_what_comes_next(void **state)
{
	struct status_backend be = { .name = "x",
		.state = BACKEND_FAILED,
		.reason = "exited with status 3",
		.starts = 5,
		.retry_ms = 13001 };

	(void)state;
	assert_string_equal(status_backend_text(text, &be),
	    "backend x: failed: exited with status 3; next try in 14 s, "
	    "5 starts");
	be.retry_ms = -1;
	assert_string_equal(status_backend_text(text, &be),
	    "backend x: failed: exited with status 3; not tried again, "
	    "5 starts");
	be.state = BACKEND_BACKOFF;
	be.retry_ms = 100;
	assert_string_equal(status_backend_text(text, &be),
	    "backend x: backoff: exited with status 3; next try in 1 s, "
	    "5 starts");
}

static void
the_other_states(void **state)
{
	struct status_backend be = { .name = "x",
		.state = BACKEND_DOWN,
		.disabled = true,
		.has_job = true,
		.processes = 1,
		.for_ms = 3000,
		.retry_ms = -1 };

	(void)state;
	assert_string_equal(
	    status_backend_text(text, &be), "backend x: disabled, 0 starts");
	be.disabled = false;
	assert_string_equal(
	    status_backend_text(text, &be), "backend x: down, 0 starts");
	be.state = BACKEND_SETUP;
	be.starts = 1;
	assert_string_equal(status_backend_text(text, &be),
	    "backend x: starting for 3 s, 1 process, 1 start");
	be.state = BACKEND_STOPPING;
	assert_string_equal(status_backend_text(text, &be),
	    "backend x: stopping for 3 s, 1 process, 1 start");
}

static void
the_longest_reason_has_room(void **state)
{
	char reason[OUTCOME_TEXT_MAX], name[65];
	struct status_backend be = { .name = name,
		.state = BACKEND_FAILED,
		.reason = reason,
		.starts = UINT32_MAX,
		.retry_ms = INT64_MAX / 2 };

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_non_null(
	    strstr(status_backend_text(text, &be), ", 4294967295 starts"));
}

static void
the_front(void **state)
{
	const struct status_front running = { 4711, 12000, 1 },
				  not_running = { -1, 12000, 2 };

	(void)state;
	assert_string_equal(status_front_text(text, &running),
	    "front: running for 12 s, pid 4711, 1 start");
	assert_string_equal(status_front_text(text, &not_running),
	    "front: not running, 2 starts");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_that_serves),
		cmocka_unit_test(
		    one_is_not_many_and_what_runs_elsewhere_has_no_processes),
		cmocka_unit_test(instances_are_counted_where_there_are_some),
		cmocka_unit_test(one_that_failed_says_why_and_what_comes_next),
		cmocka_unit_test(the_other_states),
		cmocka_unit_test(the_longest_reason_has_room),
		cmocka_unit_test(the_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
