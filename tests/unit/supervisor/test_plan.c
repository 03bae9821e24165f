/* test_plan.c: what each backend is started with, as root and as a user. */
/* wrap: geteuid */
/* wrap: identity_find_role */
/* wrap: identity_prepare_chroot */
/* wrap: homes_owner */
/* wrap: homes_each */
/* wrap: homes_make */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "homes.h"
#include "identity.h"
#include "plan.h"
#include "proto/mcp.h"

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

/* A state_dir that is empty. */

int
__wrap_homes_owner(const char *state_dir, const char *backend, uid_t *ret)
{
	(void)state_dir;
	(void)backend;
	*ret = 0;
	return 0;
}

int
__wrap_homes_each(const char *state_dir,
    void (*each)(void *arg, const char *name, uid_t owner), void *arg)
{
	(void)state_dir;
	(void)each;
	(void)arg;
	return 0;
}

static char made[64];
static uid_t made_for;
static bool making_fails;

int
__wrap_homes_make(const char *state_dir, const char *backend, uid_t uid,
    gid_t gid, char **error)
{
	if (making_fails) {
		*error = strdup("no room");
		return -1;
	}
	(void)snprintf(made, sizeof(made), "%s/%s", state_dir, backend);
	made_for = uid;
	assert_int_equal(uid, gid);
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
	plan = plan_new(config, NULL, ENOENT, &error);
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
service_of(const struct plan *plan, size_t place)
{
	struct service_spec spec;
	char *error = NULL;

	if (plan_service(
		plan, place, 70 + place, LOG_LEVEL_INFO, &spec, &error) == -1)
		fail_msg("%s", error);
	assert_int_equal(spec.number, 70 + place);
	assert_ptr_equal(spec.config, &config->backends[place]);
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
	free(spec->user);
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

static const char shares[] =
    "{\"shared\": {\"command\": \"x\"},"
    " \"auto\": {\"command\": \"x\", \"session\": \"auto\"},"
    " \"own\": {\"command\": \"x\", \"session\": \"per-client\"}}";

static void
a_worker_is_told_what_its_clients_can(void **state)
{
	static const char *const wanted[] = { "\"capabilities\":15,",
		"\"capabilities\":15,", "\"capabilities\":127," };
	struct plan *plan = plan_of(1000, shares);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct service_spec spec = service_of(plan, i);

		must_have(spec.worker_setup, wanted[i]);
		free_spec(&spec);
	}
	done(plan);
}

/* As its backend in all but that. */
static void
an_instance_is_told_what_its_own_client_can(void **state)
{
	struct plan *plan = plan_of(0, shares);
	struct service_spec spec, one = service_of(plan, 2);
	char *error = NULL;

	(void)state;
	assert_int_equal(plan_instance(plan, 2, 99, MCP_CAN_SAMPLE,
			     LOG_LEVEL_INFO, &spec, &error),
	    0);
	assert_int_equal(spec.number, 99);
	assert_ptr_equal(spec.config, &config->backends[2]);
	must_have(spec.worker_setup, "\"capabilities\":4,");
	assert_string_equal(spec.reaper_setup, one.reaper_setup);
	assert_string_equal(spec.user, one.user);
	assert_int_equal(spec.pipe_size, one.pipe_size);
	free_spec(&spec);
	free_spec(&one);
	done(plan);
}

/* All pipes of all runs share what the kernel gives one user. */
static void
many_instances_have_smaller_pipes(void **state)
{
	struct plan *plan = plan_of(1000, "{\"a\": {\"command\": \"x\"}}");
	struct service_spec spec = service_of(plan, 0);

	(void)state;
	assert_int_equal(spec.pipe_size, 1 << 20);
	free_spec(&spec);
	done(plan);
	plan = plan_of(1000,
	    "{\"a\": {\"command\": \"x\", \"session\": \"auto\","
	    " \"max_instances\": 63}}");
	spec = service_of(plan, 0);
	assert_int_equal(spec.pipe_size, 256 << 10);
	free_spec(&spec);
	done(plan);
}

static void
a_plan_stays_as_long_as_somebody_holds_it(void **state)
{
	struct plan *plan = plan_of(1000, three);
	struct plan *held = plan_ref(plan);
	struct service_spec spec;

	(void)state;
	assert_ptr_equal(held, plan);
	plan_free(&plan);
	assert_null(plan);
	spec = service_of(held, 0);
	free_spec(&spec);
	done(held);
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
	    plan_service(plan, 0, 1, LOG_LEVEL_INFO, &spec, &error), -1);
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
	    plan_service(plan, 1, 2, LOG_LEVEL_INFO, &spec, &error), -1);
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
	assert_null(plan_new(config, NULL, ENOENT, &error));
	must_have(error, "c.json: backend \"b\": \"user\" needs a gateway");
	free(error);
	config_free(&config);
}

static void
a_sandbox_that_contradicts_the_rest_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "\"url\": \"http://localhost:1/mcp\", \"sandbox\": "
		  "{\"network\": \"none\"}",
		    "\"b\": \"network\": \"none\" keeps the gateway from" },
		{ "\"new_privileges\": true, \"sandbox\": {}",
		    "\"b\": \"new_privileges\" does nothing in a" },
	};
	struct config_errors errors;
	char text[256], *error = NULL;

	(void)state;
	we_are = 1000;
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text),
		    "{\"b\": {\"command\": \"x\", %s}}", cases[i][0]);
		if (config_parse(
			&config, "c.json", text, strlen(text), &errors) == -1)
			fail_msg("%s", errors.list[0].text);
		assert_null(plan_new(config, NULL, ENOENT, &error));
		must_have(error, cases[i][1]);
		free(error);
		config_free(&config);
	}
}

static void
a_job_of_roots_gets_an_id_and_a_home_of_its_own(void **state)
{
	struct plan *plan = plan_of(0,
	    "{\"gateway\": {\"state_dir\": \"/state\"}, \"mcpServers\": {"
	    "\"a b\": {\"command\": \"x\"}, \"c\": {\"command\": \"y\"}}}");
	struct service_spec spec = service_of(plan, 0);

	(void)state;
	must_have(spec.reaper_setup,
	    "\"user\":{\"name\":null,\"uid\":60578,\"gid\":60578}");
	must_have(spec.reaper_setup, "\"HOME\":\"/state/a%20b\"");
	must_have(spec.reaper_setup, "\"USER\":\"a%20b\"");
	must_have(spec.reaper_setup, "\"TMPDIR\":\"/state/a%20b/tmp\"");
	must_have(spec.reaper_setup,
	    "\"cwd\":\"/state/a%20b\",\"home\":\"/state/a%20b\","
	    "\"tmp\":\"/state/a%20b/tmp\"");
	assert_string_equal(spec.user, "60578");
	assert_string_equal(made, "/state/a b");
	assert_int_equal(made_for, 60578);
	free_spec(&spec);
	spec = service_of(plan, 1);
	assert_string_equal(spec.user, "60579");
	free_spec(&spec);
	done(plan);
}

static void
a_question_makes_no_folder(void **state)
{
	struct plan *plan = plan_of(0, "{\"a\": {\"command\": \"x\"}}");
	struct service_spec spec;

	(void)state;
	made[0] = '\0';
	plan_only_ask(plan);
	spec = service_of(plan, 0);
	assert_string_equal(spec.user, "60578");
	assert_string_equal(made, "");
	free_spec(&spec);
	done(plan);
}

static void
a_folder_that_cannot_be_made_is_an_error(void **state)
{
	struct plan *plan = plan_of(0, "{\"a\": {\"command\": \"x\"}}");
	struct service_spec spec;
	char *error = NULL;

	(void)state;
	making_fails = true;
	assert_int_equal(
	    plan_service(plan, 0, 1, LOG_LEVEL_INFO, &spec, &error), -1);
	making_fails = false;
	assert_string_equal(error, "no room");
	free(error);
	done(plan);
}

static void
a_named_user_keeps_what_passwd_says(void **state)
{
	struct plan *plan = plan_of(0,
	    "{\"gateway\": {\"job_user\": \"daemon\"}, \"mcpServers\": {"
	    "\"a\": {\"command\": \"x\"},"
	    "\"b\": {\"command\": \"x\", \"user\": \"root\","
	    "          \"home\": \"/elsewhere\"}}}");
	struct service_spec spec = service_of(plan, 0);

	(void)state;
	must_have(spec.reaper_setup, "\"user\":{\"name\":\"daemon\",");
	must_have(spec.reaper_setup,
	    "\"cwd\":null,\"home\":\"/usr/sbin\","
	    "\"tmp\":null");
	assert_string_equal(spec.user, "daemon");
	free_spec(&spec);
	spec = service_of(plan, 1);
	must_have(spec.reaper_setup,
	    "\"user\":{\"name\":\"root\",\"uid\":0,\"gid\":0}");
	must_have(spec.reaper_setup, "\"HOME\":\"/elsewhere\"");
	must_have(spec.reaper_setup, "\"home\":null");
	free_spec(&spec);
	done(plan);
}

static void
without_root_a_job_stays_who_we_are(void **state)
{
	struct plan *plan = plan_of(1000,
	    "{\"a\": {\"command\": \"x\", \"limits\": {\"processes\": 7}}}");
	struct service_spec spec = service_of(plan, 0);

	(void)state;
	must_have(spec.reaper_setup, "\"user\":null");
	must_have(spec.reaper_setup,
	    "\"cwd\":null,\"home\":null,"
	    "\"tmp\":null");
	/* Our other processes would count. */
	must_have(spec.reaper_setup, "\"user_processes\":null");
	assert_null(spec.user);
	free_spec(&spec);
	done(plan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_backend_gets_the_processes_that_it_needs),
		cmocka_unit_test(
		    workers_of_a_url_have_the_identity_and_no_chroot),
		cmocka_unit_test(the_worker_of_a_url_is_told_of_it),
		cmocka_unit_test(a_worker_is_told_what_its_clients_can),
		cmocka_unit_test(an_instance_is_told_what_its_own_client_can),
		cmocka_unit_test(many_instances_have_smaller_pipes),
		cmocka_unit_test(a_plan_stays_as_long_as_somebody_holds_it),
		cmocka_unit_test(what_no_message_can_carry_is_refused),
		cmocka_unit_test(a_user_needs_root),
		cmocka_unit_test(
		    a_sandbox_that_contradicts_the_rest_is_refused),
		cmocka_unit_test(
		    a_job_of_roots_gets_an_id_and_a_home_of_its_own),
		cmocka_unit_test(a_question_makes_no_folder),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_an_error),
		cmocka_unit_test(a_named_user_keeps_what_passwd_says),
		cmocka_unit_test(without_root_a_job_stays_who_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
