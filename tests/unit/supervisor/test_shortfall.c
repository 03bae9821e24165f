/* test_shortfall.c: what of limits and sandbox can be kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cgroup.h"
#include "proto/log.h"
#include "shortfall.h"

static char records[4096];

static void
sink(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	assert_int_equal(level, LOG_LEVEL_WARNING);
	(void)strlcat(records, text, sizeof(records));
	(void)strlcat(records, "\n", sizeof(records));
}

static char name[] = "x", some_port[] = "443", all_ports[] = "*";
static char *nothing[] = { NULL }, *some[] = { some_port, NULL },
	    *all[] = { all_ports, NULL };

static struct config_backend
limited(void)
{
	return (struct config_backend){ .name = name,
		.limits = { 512U << 20, 64, 150, 1024, CONFIG_UNLIMITED, 0 } };
}

/* What is told, as the last words of "limit" and of "sandbox". */
static const char *
told(const struct config_backend *backend, struct shortfall_means means)
{
	records[0] = '\0';
	log_set_sink(sink, NULL);
	shortfall_tell(backend, &means);
	log_set_sink(NULL, NULL);
	return records;
}

#define BIT(limit) (1U << (limit))
#define ALL        (BIT(CGROUP_MEMORY) | BIT(CGROUP_PROCESSES) | BIT(CGROUP_CPU))

static void
a_cgroup_keeps_what_it_has_a_controller_for(void **state)
{
	const struct config_backend be = limited();
	struct shortfall_means means = { .cgroup = ALL, .own_user = true };
	struct setup_limits kept = shortfall_limits(&be, &means);

	(void)state;
	assert_int_equal(kept.memory, 512U << 20);
	assert_int_equal(kept.processes, 64);
	assert_int_equal(kept.cpu_percent, 150);
	assert_true(kept.user_processes == CONFIG_UNLIMITED);
	assert_int_equal(kept.open_files, 1024);
	assert_true(kept.file_size == CONFIG_UNLIMITED);
	assert_int_equal(kept.core_size, 0);
	means.cgroup = BIT(CGROUP_PROCESSES);
	kept = shortfall_limits(&be, &means);
	assert_true(kept.memory == CONFIG_UNLIMITED);
	assert_true(kept.cpu_percent == CONFIG_UNLIMITED);
	assert_int_equal(kept.processes, 64);
}

static void
a_user_of_its_own_keeps_processes_of_two_generations(void **state)
{
	const struct config_backend be = limited();
	struct shortfall_means means = { .own_user = true };
	struct setup_limits kept = shortfall_limits(&be, &means);

	(void)state;
	assert_int_equal(kept.user_processes, 128);
	assert_true(kept.processes == CONFIG_UNLIMITED);
	means.own_user = false;
	kept = shortfall_limits(&be, &means);
	assert_true(kept.user_processes == CONFIG_UNLIMITED);
}

/* They have one user, whose processes the kernel counts. */
static void
instances_have_processes_of_their_own(void **state)
{
	const struct shortfall_means means = { .own_user = true };
	struct config_backend be = limited();
	struct setup_limits kept;

	(void)state;
	be.max_instances = 3;
	kept = shortfall_limits(&be, &means);
	assert_int_equal(kept.user_processes, 128); /* it is shared */
	be.session = CONFIG_PER_CLIENT;
	kept = shortfall_limits(&be, &means);
	assert_int_equal(kept.user_processes, 512);
	be.limits.processes = CONFIG_UNLIMITED;
	kept = shortfall_limits(&be, &means);
	assert_true(kept.user_processes == CONFIG_UNLIMITED);
}

static void
what_is_not_kept_is_told_with_the_remedy(void **state)
{
	const struct config_backend be = limited();
	const char *text;

	(void)state;
	assert_string_equal(
	    told(&be, (struct shortfall_means){ ALL, false, 0 }), "");
	text = told(&be, (struct shortfall_means){ 0, false, 0 });
	assert_non_null(
	    strstr(text, "backend x: its limit \"memory\" is not kept"));
	assert_non_null(strstr(text, "\"cpu_percent\" is not kept"));
	assert_non_null(strstr(text, "\"processes\" is not kept"));
	assert_non_null(strstr(text, "Delegate=yes"));
	text = told(&be, (struct shortfall_means){ 0, true, 0 });
	assert_null(strstr(text, "\"processes\""));
}

static void
an_unlimited_backend_lacks_nothing(void **state)
{
	const struct config_backend be = { .name = name,
		.limits = { CONFIG_UNLIMITED, CONFIG_UNLIMITED,
		    CONFIG_UNLIMITED, CONFIG_UNLIMITED, CONFIG_UNLIMITED, 0 } };

	(void)state;
	assert_string_equal(
	    told(&be, (struct shortfall_means){ 0, false, 0 }), "");
}

static void
a_sandbox_needs_landlock(void **state)
{
	struct config_backend be = { .name = name,
		.sandbox = { .set = true,
		    .read = nothing,
		    .write = nothing,
		    .connect = some } };
	const char *text;

	(void)state;
	text = told(&be, (struct shortfall_means){ 0, false, 0 });
	assert_non_null(strstr(text, "this kernel has no Landlock"));
	text = told(&be, (struct shortfall_means){ 0, false, 3 });
	assert_non_null(strstr(text, "\"connect\" is not kept"));
	assert_string_equal(
	    told(&be, (struct shortfall_means){ 0, false, 4 }), "");
	be.sandbox.connect = all;
	assert_string_equal(
	    told(&be, (struct shortfall_means){ 0, false, 3 }), "");
	be.sandbox.connect = nothing;
	be.sandbox.private_network = true;
	assert_string_equal(
	    told(&be, (struct shortfall_means){ 0, false, 3 }), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cgroup_keeps_what_it_has_a_controller_for),
		cmocka_unit_test(
		    a_user_of_its_own_keeps_processes_of_two_generations),
		cmocka_unit_test(instances_have_processes_of_their_own),
		cmocka_unit_test(what_is_not_kept_is_told_with_the_remedy),
		cmocka_unit_test(an_unlimited_backend_lacks_nothing),
		cmocka_unit_test(a_sandbox_needs_landlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
