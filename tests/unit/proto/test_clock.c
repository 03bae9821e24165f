/* The clock is the kernel's monotonic one, in milliseconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "proto/clock.h"

static uint64_t
kernel_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
time_never_goes_back_and_is_the_kernels(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t before = kernel_ms();
		uint64_t now = mono_ms();

		assert_in_range(now, before, kernel_ms());
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_never_goes_back_and_is_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
