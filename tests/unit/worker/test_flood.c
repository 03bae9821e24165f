/* test_flood.c: what passes a token bucket, and what it reports. */
/* wrap: mono_ms */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flood.h"
#include "proto/log.h"
#include "proto/loop.h"

static uint64_t now_ms;
static char logged[256];
static int records;

uint64_t __wrap_mono_ms(void);

uint64_t
__wrap_mono_ms(void)
{
	return now_ms;
}

static void
note(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)strlcpy(logged, text, sizeof(logged));
	records++;
}

struct fixture {
	struct loop *loop;
	struct flood *flood;
};

static int
setup(void **state)
{
	static struct fixture f;

	now_ms = 1000;
	records = 0;
	log_set_sink(note, NULL);
	f.loop = loop_new(false);
	f.flood = flood_new(f.loop, "x", "things", 10, 5);
	*state = &f;
	return f.loop == NULL || f.flood == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	flood_free(&f->flood);
	loop_free(&f->loop);
	return 0;
}

static unsigned int
passing(struct flood *flood, unsigned int n, size_t len)
{
	unsigned int passed = 0;

	for (unsigned int i = 0; i < n; i++)
		passed += flood_pass(flood, len);
	return passed;
}

static void
a_burst_passes_and_then_so_many_a_second(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(passing(f->flood, 30, 0), 10);
	now_ms += 1000;
	assert_int_equal(passing(f->flood, 30, 0), 5);
	now_ms += 199;
	assert_int_equal(passing(f->flood, 1, 0), 0);
	now_ms += 1;
	assert_int_equal(passing(f->flood, 1, 0), 1);
	/* However long nothing came, no more than the burst is saved. */
	now_ms += UINT64_MAX / 2;
	assert_int_equal(passing(f->flood, 30, 0), 10);
}

static void
a_long_one_counts_for_several(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(passing(f->flood, 10, FLOOD_BYTES - 1), 10);
	now_ms += 100000;
	assert_int_equal(passing(f->flood, 10, FLOOD_BYTES), 5);
	now_ms += 100000;
	assert_false(flood_pass(f->flood, 10 * FLOOD_BYTES));
	assert_false(flood_pass(f->flood, SIZE_MAX));
	assert_true(flood_pass(f->flood, 10 * FLOOD_BYTES - 1));
	assert_false(flood_pass(f->flood, 0));
}

static void
what_was_dropped_is_reported_once(void **state)
{
	struct fixture *f = *state;

	(void)passing(f->flood, 13, 0);
	assert_int_equal(records, 0);
	flood_report(f->flood);
	assert_string_equal(logged, "backend x: 3 things dropped");
	flood_report(f->flood);
	assert_int_equal(records, 1);
	assert_int_equal(flood_dropped(f->flood), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_burst_passes_and_then_so_many_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_long_one_counts_for_several, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_was_dropped_is_reported_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
