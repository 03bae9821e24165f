/* test_verbs.c: what may be asked for, and what is answered. */
#include "verbs_fixture.h"

static void
expect_refusal(const char *json, const char *text)
{
	const char *answer = ask(json);

	assert_non_null(answer);
	assert_int_equal(strncmp(answer, "{\"ok\":false,", 12), 0);
	if (strstr(answer, text) == NULL)
		fail_msg("%s: %s", json, answer);
}

static void
an_unknown_verb_is_refused(void **state)
{
	(void)state;
	expect_refusal("{}", "does not know");
	expect_refusal("{\"verb\":\"\"}", "does not know");
	expect_refusal("{\"verb\":\"Status\"}", "does not know");
	expect_refusal("{\"verb\":7}", "does not know");
	expect_refusal("{\"verb\":\"status\\u0000\"}", "does not know");
	expect_refusal(" {\"verb\":\"kill\"} ", "does not know");
	expect_refusal("{\"verb\":\"stopstopstopstopstopstopstopstopstop\"}",
	    "does not know");
	assert_int_equal(fake.queries, 0);
}

static void
a_backend_is_acted_on_by_name_and_who_did_it_is_noted(void **state)
{
	static const struct {
		const char *verb;
		enum gateway_act act;
	} acts[] = { { "start", GATEWAY_START }, { "stop", GATEWAY_STOP },
		{ "restart", GATEWAY_RESTART } };
	char json[128], log[128];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(json, sizeof(json),
		    "{\"verb\":\"%s\",\"name\":\"a \\\"b\"}", acts[i].verb);
		assert_string_equal(ask(json), "{\"ok\":true}");
		assert_string_equal(fake.name, "a \"b");
		assert_int_equal(fake.act, acts[i].act);
		(void)snprintf(log, sizeof(log), "control: uid 1000: %s a \"b",
		    acts[i].verb);
		assert_string_equal(fake.log, log);
	}
	fake.act_error = "there is no backend \"x\"";
	expect_refusal("{\"verb\":\"stop\",\"name\":\"x\"}",
	    "there is no backend \\\"x\\\"");
	expect_refusal("{\"verb\":\"stop\"}", "\\\"name\\\"");
	expect_refusal("{\"verb\":\"stop\",\"name\":null}", "\\\"name\\\"");
	expect_refusal(
	    "{\"verb\":\"stop\",\"name\":\"a\\u0000b\"}", "\\\"name\\\"");
	expect_refusal("{\"verb\":\"stop\",\"name\":\"0123456789012345678901234"
		       "5678901234567890123456789012345678901234\"}",
	    "\\\"name\\\"");
}

static void
what_a_name_has_never_reaches_the_log_as_it_is(void **state)
{
	(void)state;
	(void)ask("{\"verb\":\"stop\",\"name\":\"\\u001b[2J\\n\"}");
	assert_string_equal(fake.log, "control: uid 1000: stop \\x1b[2J\\x0a");
}

static void
a_level_is_one_of_five(void **state)
{
	(void)state;
	assert_string_equal(
	    ask("{\"verb\":\"log\",\"level\":\"debug\"}"), "{\"ok\":true}");
	assert_int_equal(fake.level, LOG_LEVEL_DEBUG);
	assert_string_equal(fake.log, "control: uid 1000: log debug");
	fake.level = -1;
	expect_refusal("{\"verb\":\"log\",\"level\":\"loud\"}", "level");
	expect_refusal("{\"verb\":\"log\",\"level\":3}", "level");
	expect_refusal("{\"verb\":\"log\"}", "level");
	assert_int_equal(fake.level, -1);
}

static void
a_reload_answers_when_it_is_done(void **state)
{
	static char text[] = "no \"x\"";
	static struct config_error list[] = { { 3, 7, text }, { 0, 0, text } };
	static const struct config_errors errors = { 2, list };

	(void)state;
	assert_null(ask("{\"verb\":\"reload\"}"));
	assert_false(fake.check);
	assert_string_equal(fake.log, "control: uid 1000: reload");
	fake.reloaded(fake.reloaded_arg, NULL, "1 backend replaced");
	assert_string_equal(
	    fake.answer, "{\"ok\":true,\"summary\":\"1 backend replaced\"}");
	fake.log[0] = '\0';
	assert_null(ask("{\"verb\":\"check\"}"));
	assert_true(fake.check);
	assert_string_equal(fake.log, ""); /* it changes nothing */
	fake.reloaded(fake.reloaded_arg, &errors, NULL);
	assert_string_equal(fake.answer,
	    "{\"ok\":false,\"config\":\"/etc/c.json\",\"errors\":["
	    "{\"line\":3,\"column\":7,\"text\":\"no \\\"x\\\"\"},"
	    "{\"line\":0,\"column\":0,\"text\":\"no \\\"x\\\"\"}]}");
}

static void
the_front_is_asked_only_what_is_right(void **state)
{
	(void)state;
	assert_null(ask("{\"verb\":\"tools\"}"));
	assert_string_equal(fake.query, "{\"what\":\"tools\",\"names\":null}");
	assert_null(ask("{\"verb\":\"tools\",\"names\":\"safe\"}"));
	assert_string_equal(
	    fake.query, "{\"what\":\"tools\",\"names\":\"safe\"}");
	assert_null(ask("{\"verb\":\"tools\",\"names\":\"slash\"}"));
	assert_string_equal(
	    fake.query, "{\"what\":\"tools\",\"names\":\"slash\"}");
	expect_refusal(
	    "{\"verb\":\"tools\",\"names\":\"x\"}", "are \\\"slash\\\"");
	expect_refusal("{\"verb\":\"tools\",\"names\":1}", "\\\"safe\\\"");
	assert_null(ask("{\"verb\":\"calls\"}"));
	assert_string_equal(fake.query,
	    "{\"what\":\"calls\",\"count\":20,\"backend\":null,"
	    "\"errors\":false}");
	assert_null(ask("{\"verb\":\"calls\",\"count\":5,\"backend\":\"a\\\"\","
			"\"errors\":true,\"more\":[1]}"));
	assert_string_equal(fake.query,
	    "{\"what\":\"calls\",\"count\":5,\"backend\":\"a\\\"\","
	    "\"errors\":true}");
	assert_null(
	    ask("{\"verb\":\"call\",\"call\":\"18446744073709551615\"}"));
	assert_string_equal(fake.query,
	    "{\"what\":\"call\",\"call\":\"18446744073709551615\"}");
	expect_refusal("{\"verb\":\"calls\",\"count\":0}", "count");
	expect_refusal("{\"verb\":\"calls\",\"count\":10001}", "count");
	expect_refusal("{\"verb\":\"calls\",\"count\":1e3}", "count");
	expect_refusal("{\"verb\":\"calls\",\"count\":\"5\"}", "count");
	expect_refusal("{\"verb\":\"calls\",\"backend\":5}", "backend");
	expect_refusal("{\"verb\":\"calls\",\"errors\":5}", "errors");
	expect_refusal("{\"verb\":\"call\"}", "number of a call");
	expect_refusal("{\"verb\":\"call\",\"call\":5}", "number of a call");
	expect_refusal("{\"verb\":\"call\",\"call\":\"\"}", "number of a call");
	expect_refusal(
	    "{\"verb\":\"call\",\"call\":\"-1\"}", "number of a call");
	assert_int_equal(fake.queries, 6);
	for (unsigned int i = 0; i < 6; i++)
		fake.answered(fake.answered_arg[i], NULL, 0);
}

static void
a_report_is_passed_on_if_it_is_an_object(void **state)
{
	static const char *const wrong[] = { "", "[]", "{", "{\"a\":\"\xff\"}",
		"{}x", "null", "{\"a\":01}" };

	(void)state;
	assert_null(ask("{\"verb\":\"tools\"}"));
	fake.answered(fake.answered_arg[0], "{\"tools\":[]}xxx", 12);
	assert_string_equal(
	    fake.answer, "{\"ok\":true,\"report\":{\"tools\":[]}}");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fake.queries = 0;
		assert_null(ask("{\"verb\":\"tools\"}"));
		fake.answered(fake.answered_arg[0], wrong[i], strlen(wrong[i]));
		assert_non_null(strstr(fake.answer, "does not answer"));
	}
}

static void
answers_that_are_owed_are_counted(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < VERBS_PENDING_MAX; i++)
		assert_null(ask("{\"verb\":\"tools\"}"));
	expect_refusal("{\"verb\":\"tools\"}", "try again later");
	fake.answered(fake.answered_arg[3], NULL, 0);
	assert_null(ask("{\"verb\":\"tools\"}"));
	fake.answered_arg[3] = fake.answered_arg[VERBS_PENDING_MAX];
	for (unsigned int i = 0; i < VERBS_PENDING_MAX; i++)
		fake.answered(fake.answered_arg[i], NULL, 0);
}

static void
what_is_answered_after_the_end_goes_nowhere(void **state)
{
	struct fixture *f = *state;
	unsigned int before;

	assert_null(ask("{\"verb\":\"status\"}"));
	assert_null(ask("{\"verb\":\"reload\"}"));
	before = fake.answers;
	verbs_free(&f->verbs);
	fake.reloaded(fake.reloaded_arg, NULL, "x");
	fake.answered(fake.answered_arg[0], "{}", 2);
	assert_int_equal(fake.answers, before);
}

static void
the_socket_is_as_configured(void **state)
{
	(void)state;
	assert_string_equal(fake.options.path, "/run/x/control.sock");
	assert_int_equal(fake.options.mode, 0660);
	assert_null(fake.options.group);
}

static void
a_configured_socket_must_be_had(void **state)
{
	struct fixture *f = *state;
	char *error;

	fake.no_socket = (char[]){ "taken" };
	assert_null(verbs_new(NULL, NULL, &f->config, &error));
	assert_string_equal(error, "taken");
	free(error);
}

static void
the_default_one_may_be_taken(void **state)
{
	struct fixture *f = *state;
	struct verbs *verbs;
	char *error;

	fake.no_socket = (char[]){ "taken" };
	f->config.control_socket = NULL;
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/run/user/1", 1), 0);
	verbs = verbs_new(NULL, NULL, &f->config, &error);
	assert_non_null(verbs);
	assert_null(error);
	assert_string_equal(fake.log, "control: no socket: taken");
	verbs_free(&verbs);
	assert_null(verbs);
}

static void
an_empty_path_is_no_socket(void **state)
{
	struct fixture *f = *state;
	static char none[] = "";
	struct verbs *verbs;
	char *error;

	fake.options.path = NULL;
	f->config.control_socket = none;
	verbs = verbs_new(NULL, NULL, &f->config, &error);
	assert_non_null(verbs);
	assert_null(fake.options.path);
	assert_string_equal(fake.log, "");
	verbs_free(&verbs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unknown_verb_is_refused),
		TEST(a_backend_is_acted_on_by_name_and_who_did_it_is_noted),
		TEST(what_a_name_has_never_reaches_the_log_as_it_is),
		TEST(a_level_is_one_of_five),
		TEST(a_reload_answers_when_it_is_done),
		TEST(the_front_is_asked_only_what_is_right),
		TEST(a_report_is_passed_on_if_it_is_an_object),
		TEST(answers_that_are_owed_are_counted),
		TEST(what_is_answered_after_the_end_goes_nowhere),
		TEST(the_socket_is_as_configured),
		TEST(a_configured_socket_must_be_had),
		TEST(the_default_one_may_be_taken),
		TEST(an_empty_path_is_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
