/* test_backend.c: every event in every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend.h"

#define NOWHERE -1

/* What ARCHITECTURE.md and backend.h promise, written down a second time. */
static const int expected[BACKEND_STATES][BACKEND_EVENTS] = {
	/* START, HELLO, READY, END, GONE_RETRY, GONE_FAILED, GONE_UNWANTED */
	[BACKEND_DOWN] = { BACKEND_STARTING, NOWHERE, NOWHERE, NOWHERE, NOWHERE,
	    NOWHERE, NOWHERE },
	[BACKEND_STARTING] = { NOWHERE, BACKEND_SETUP, NOWHERE,
	    BACKEND_STOPPING, NOWHERE, NOWHERE, NOWHERE },
	[BACKEND_SETUP] = { NOWHERE, NOWHERE, BACKEND_READY, BACKEND_STOPPING,
	    NOWHERE, NOWHERE, NOWHERE },
	[BACKEND_READY] = { NOWHERE, NOWHERE, NOWHERE, BACKEND_STOPPING,
	    NOWHERE, NOWHERE, NOWHERE },
	[BACKEND_STOPPING] = { NOWHERE, NOWHERE, NOWHERE, NOWHERE,
	    BACKEND_BACKOFF, BACKEND_FAILED, BACKEND_DOWN },
	[BACKEND_BACKOFF] = { BACKEND_STARTING, NOWHERE, NOWHERE, NOWHERE,
	    NOWHERE, NOWHERE, BACKEND_DOWN },
	[BACKEND_FAILED] = { BACKEND_STARTING, NOWHERE, NOWHERE, NOWHERE,
	    NOWHERE, NOWHERE, BACKEND_DOWN },
};

static void
every_event_in_every_state_does_what_the_table_says(void **state)
{
	(void)state;
	for (int s = 0; s < BACKEND_STATES; s++) {
		for (int e = 0; e < BACKEND_EVENTS; e++) {
			struct backend be = { "x", (enum backend_state)s };
			int want = expected[s][e];

			assert_int_equal(
			    backend_event(&be, (enum backend_event)e, "test"),
			    want != NOWHERE);
			assert_int_equal(be.state, want != NOWHERE ? want : s);
		}
	}
}

static void
no_state_is_a_trap(void **state)
{
	(void)state;
	/* From everywhere some sequence of events leads to DOWN: walk
	 * backwards from it. */
	bool reaches_down[BACKEND_STATES] = { [BACKEND_DOWN] = true };

	for (int round = 0; round < BACKEND_STATES; round++) {
		for (int s = 0; s < BACKEND_STATES; s++) {
			for (int e = 0; e < BACKEND_EVENTS; e++) {
				struct backend be = { "x",
					(enum backend_state)s };

				if (backend_event(
					&be, (enum backend_event)e, "test") &&
				    reaches_down[be.state])
					reaches_down[s] = true;
			}
		}
	}
	for (int s = 0; s < BACKEND_STATES; s++)
		assert_true(reaches_down[s]);
}

static void
a_restart_passes_through_stopping(void **state)
{
	struct backend be = { "x", BACKEND_DOWN };

	(void)state;
	assert_true(backend_event(&be, BACKEND_EV_START, "wanted"));
	assert_true(backend_event(&be, BACKEND_EV_HELLO, "hello"));
	assert_true(backend_event(&be, BACKEND_EV_READY, "listed"));
	assert_false(backend_event(&be, BACKEND_EV_START, "too early"));
	assert_false(backend_event(&be, BACKEND_EV_GONE_RETRY, "lives"));
	assert_true(backend_event(&be, BACKEND_EV_END, "died"));
	assert_true(backend_event(&be, BACKEND_EV_GONE_RETRY, "gone"));
	assert_true(backend_event(&be, BACKEND_EV_START, "again"));
	assert_int_equal(be.state, BACKEND_STARTING);
}

static void
every_state_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = 0; a < BACKEND_STATES; a++) {
		for (int b = 0; b < a; b++)
			assert_string_not_equal(
			    backend_state_name((enum backend_state)a),
			    backend_state_name((enum backend_state)b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_event_in_every_state_does_what_the_table_says),
		cmocka_unit_test(no_state_is_a_trap),
		cmocka_unit_test(a_restart_passes_through_stopping),
		cmocka_unit_test(every_state_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
