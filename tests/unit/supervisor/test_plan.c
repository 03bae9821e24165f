/* test_plan.c: what each backend is started with, as root and as a user. */
/* wrap: geteuid */
/* wrap: identity_find_role */
/* wrap: identity_prepare_chroot */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "identity.h"
#include "plan.h"

static uid_t we_are;

uid_t
__wrap_geteuid(void)
{
	return we_are;
}

int
__wrap_identity_find_role(
    struct role_identity *ret, const char *name, char **error)
{
	(void)name;
	(void)error;
	*ret = (struct role_identity){ true, 990, 991, IDENTITY_CHROOT };
	return 0;
}

int
__wrap_identity_prepare_chroot(char **error)
{
	(void)error;
	return 0;
}

static struct config *config;

static struct plan *
plan_of(uid_t uid, const char *text)
{
	struct config_errors errors;
	struct plan *plan;
	char *error = NULL;

	we_are = uid;
	if (config_parse(&config, "c.json", text, strlen(text), &errors) == -1)
		fail_msg("%s", errors.list[0].text);
	plan = plan_new(config, &error);
	if (plan == NULL)
		fail_msg("%s", error);
	return plan;
}

static void
done(struct plan *plan)
{
	plan_free(&plan);
	assert_null(plan);
	config_free(&config);
}

static struct service_spec
service_of(const struct plan *plan, size_t number)
{
	struct service_spec spec;
	char *error = NULL;

	if (plan_service(plan, number, LOG_LEVEL_INFO, &spec, &error) == -1)
		fail_msg("%s", error);
	assert_int_equal(spec.number, number);
	assert_ptr_equal(spec.config, &config->backends[number]);
	return spec;
}

static void
must_have(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no %s in %s", part, text);
}

static void
free_spec(struct service_spec *spec)
{
	free(spec->worker_setup);
	free(spec->reaper_setup);
	free(spec->cgroup);
}

static const char three[] =
    "{\"local\": {\"command\": \"x\"},"
    " \"far\": {\"url\": \"https://x/mcp\", \"type\": \"http\"},"
    " \"both\": {\"url\": \"http://localhost:1/sse\", \"command\": \"y\"},"
    " \"off\": {\"url\": \"${MCPGW_TEST_UNSET}\", \"disabled\": true}}";

static void
each_backend_gets_the_processes_that_it_needs(void **state)
{
	static const struct {
		bool remote, worker, reaper;
	} wanted[] = {
		{ false, true, true },
		{ true, true, false },
		{ true, true, true },
		{ true, false, false },
	};
	struct plan *plan = plan_of(1000, three);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct service_spec spec = service_of(plan, i);

		assert_int_equal(spec.remote, wanted[i].remote);
		assert_int_equal(spec.worker_setup != NULL, wanted[i].worker);
		assert_int_equal(spec.reaper_setup != NULL, wanted[i].reaper);
		free_spec(&spec);
	}
	done(plan);
}

static void
workers_of_a_url_have_the_identity_and_no_chroot(void **state)
{
	static const char jailed[] = "\"identity\":{\"uid\":990,\"gid\":991,"
				     "\"chroot\":\"" IDENTITY_CHROOT "\"}";
	static const char *const wanted[] = { jailed,
		"\"identity\":{\"uid\":990,\"gid\":991,\"chroot\":null}",
		"\"identity\":{\"uid\":990,\"gid\":991,\"chroot\":null}" };
	struct plan *plan = plan_of(0, three);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct service_spec spec = service_of(plan, i);

		must_have(spec.worker_setup, wanted[i]);
		free_spec(&spec);
	}
	done(plan);
}

static void
the_worker_of_a_url_is_told_of_it(void **state)
{
	struct plan *plan = plan_of(1000, three);
	struct service_spec spec = service_of(plan, 0);

	(void)state;
	must_have(spec.worker_setup, "\"remote\":null");
	must_have(spec.worker_setup, "\"identity\":null");
	free_spec(&spec);
	spec = service_of(plan, 1);
	must_have(spec.worker_setup, "\"url\":\"https://x/mcp\"");
	must_have(spec.worker_setup, "\"has_job\":false");
	free_spec(&spec);
	spec = service_of(plan, 2);
	must_have(spec.worker_setup, "\"url\":\"http://localhost:1/sse\"");
	must_have(spec.worker_setup, "\"has_job\":true");
	must_have(spec.reaper_setup, "\"command\":\"y\"");
	must_have(spec.reaper_setup, "\"cgroup\":");
	free_spec(&spec);
	done(plan);
}

/* Far more than the configuration allows: what it allows is escaped on its way,
 * at up to six bytes for one. */
static void
what_no_message_can_carry_is_refused(void **state)
{
	struct plan *plan = plan_of(1000,
	    "{\"far\": {\"url\": \"https://x\"}, \"near\": {\"command\": \"x\"}}");
	size_t size = MSG_CONTROL_MAX + 1;
	struct service_spec spec;
	char *error = NULL, *text = malloc(size + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = '\0';
	config->backends[0].ca = text;
	assert_int_equal(
	    plan_service(plan, 0, LOG_LEVEL_INFO, &spec, &error), -1);
	assert_string_equal(error,
	    "c.json: backend \"far\": its \"url\", \"headers\" and certificates "
	    "have more than 1048576 bytes together in the message that "
	    "carries them; shorten them");
	free(error);
	error = NULL;
	free(config->backends[1].command);
	config->backends[1].command = text;
	config->backends[0].ca = NULL;
	assert_int_equal(
	    plan_service(plan, 1, LOG_LEVEL_INFO, &spec, &error), -1);
	must_have(error, "\"near\": its arguments and environment have more");
	free(error);
	done(plan);
}

static void
a_user_needs_root(void **state)
{
	struct config_errors errors;
	static const char text[] =
	    "{\"b\": {\"command\": \"x\", \"user\": \"nobody\"}}";
	char *error = NULL;

	(void)state;
	we_are = 1000;
	assert_int_equal(
	    config_parse(&config, "c.json", text, sizeof(text) - 1, &errors),
	    0);
	assert_null(plan_new(config, &error));
	must_have(error, "c.json: backend \"b\": \"user\" needs a gateway");
	free(error);
	config_free(&config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_backend_gets_the_processes_that_it_needs),
		cmocka_unit_test(
		    workers_of_a_url_have_the_identity_and_no_chroot),
		cmocka_unit_test(the_worker_of_a_url_is_told_of_it),
		cmocka_unit_test(what_no_message_can_carry_is_refused),
		cmocka_unit_test(a_user_needs_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
