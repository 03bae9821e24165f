/* test_verbs.c: what may be asked for, and what is answered. */
/* wrap: gateway_reload */
/* wrap: gateway_check */
/* wrap: gateway_act */
/* wrap: gateway_set_log_level */
/* wrap: gateway_each */
/* wrap: gateway_status */
/* wrap: gateway_query */
/* wrap: control_new */
/* wrap: control_free */
/* wrap: control_answer */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "control.h"
#include "proto/json.h"
#include "proto/log.h"
#include "verbs.h"

/* The gateway and the socket that the verbs are between. */
static struct {
	control_asked *asked;
	void *arg;
	char *no_socket; /* why there is none */
	struct control_options options;
	char *answer; /* the last one */
	struct control_request to;
	unsigned int answers;
	char query[512];
	gateway_answered *answered;
	void *answered_arg[VERBS_PENDING_MAX + 1];
	unsigned int queries;
	gateway_reloaded *reloaded;
	void *reloaded_arg;
	bool check;
	char name[128];
	enum gateway_act act;
	const char *act_error;
	int level;
	const struct status_backend *backends;
	size_t backend_count;
	char log[1024];
} fake;

struct control *
__wrap_control_new(struct loop *loop, const struct control_options *options,
    control_asked *asked, void *arg, char **error)
{
	(void)loop;
	fake.options = *options;
	fake.asked = asked;
	fake.arg = arg;
	if (fake.no_socket == NULL)
		return (struct control *)&fake;
	*error = strdup(fake.no_socket);
	return NULL;
}

void
__wrap_control_free(struct control **control)
{
	*control = NULL;
}

void
__wrap_control_answer(struct control *control,
    const struct control_request *request, const char *json, size_t len)
{
	struct json_scan scan;

	assert_non_null(control);
	assert_int_equal(json_scan(json, len, NULL, 0, NULL, &scan), 0);
	free(fake.answer);
	fake.answer = strndup(json, len);
	fake.to = *request;
	fake.answers++;
}

void
__wrap_gateway_reload(
    struct gateway *gateway, gateway_reloaded *done, void *arg)
{
	(void)gateway;
	fake.check = false;
	fake.reloaded = done;
	fake.reloaded_arg = arg;
}

void
__wrap_gateway_check(struct gateway *gateway, gateway_reloaded *done, void *arg)
{
	(void)gateway;
	fake.check = true;
	fake.reloaded = done;
	fake.reloaded_arg = arg;
}

int
__wrap_gateway_act(struct gateway *gateway, const char *name,
    enum gateway_act act, char **error)
{
	(void)gateway;
	(void)strlcpy(fake.name, name, sizeof(fake.name));
	fake.act = act;
	if (fake.act_error == NULL)
		return 0;
	*error = strdup(fake.act_error);
	return -1;
}

void
__wrap_gateway_set_log_level(struct gateway *gateway, enum log_level level)
{
	(void)gateway;
	fake.level = (int)level;
}

void
__wrap_gateway_each(struct gateway *gateway,
    void (*each)(void *arg, const struct status_backend *backend), void *arg)
{
	(void)gateway;
	for (size_t i = 0; i < fake.backend_count; i++)
		each(arg, &fake.backends[i]);
}

void
__wrap_gateway_status(const struct gateway *gateway, struct status_gateway *ret)
{
	static char one[] = "http://127.0.0.1:9000/sse", two[] = "/run/\"x";
	static char *const addresses[] = { one, two, NULL };

	(void)gateway;
	*ret = (struct status_gateway){ .version = "1.2.3",
		.config = "/etc/c.json",
		.log = "syslog",
		.state = "running",
		.pid = getpid(),
		.front = -1,
		.for_ms = 61999,
		.reloads = 2,
		.addresses = addresses };
}

void
__wrap_gateway_query(struct gateway *gateway, const char *query,
    gateway_answered *answered, void *arg)
{
	(void)gateway;
	(void)strlcpy(fake.query, query, sizeof(fake.query));
	fake.answered = answered;
	fake.answered_arg[fake.queries++] = arg;
}

static void
keep_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)strlcpy(fake.log, text, sizeof(fake.log));
}

struct fixture {
	struct config config;
	struct verbs *verbs;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	static char path[] = "/run/x/control.sock";
	char *error;

	memset(&fake, 0, sizeof(fake));
	fake.level = -1;
	log_set_sink(keep_log, NULL);
	f->config.control_socket = path;
	f->config.control_mode = 0660;
	f->verbs = verbs_new(NULL, NULL, &f->config, &error);
	assert_non_null(f->verbs);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	verbs_free(&f->verbs);
	free(fake.answer);
	free(f);
	return 0;
}

/* The answer, or NULL when it is still owed. */
static const char *
ask(const char *json)
{
	static uint64_t id;
	const struct control_request request = { .peer = 7, .id = ++id };
	unsigned int before = fake.answers;

	fake.asked(fake.arg, &request, 1000, json, strlen(json));
	if (fake.answers == before)
		return NULL;
	assert_int_equal(fake.answers, before + 1);
	assert_int_equal(fake.to.id, id);
	return fake.answer;
}

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
	assert_string_equal(fake.query, "{\"what\":\"tools\"}");
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
	assert_int_equal(fake.queries, 4);
	for (unsigned int i = 0; i < 4; i++)
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

static struct json_object *
status(const char *front)
{
	fake.queries = 0;
	assert_null(ask("{\"verb\":\"status\"}"));
	assert_string_equal(fake.query, "{\"what\":\"status\"}");
	fake.answered(
	    fake.answered_arg[0], front, front != NULL ? strlen(front) : 0);
	return json_tokener_parse(fake.answer);
}

static struct json_object *
get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static void
a_status_has_everything(void **state)
{
	static const struct status_backend backends[] = {
		{ .name = "one \"1\"",
		    .state = BACKEND_READY,
		    .for_ms = 5999,
		    .tools = 3,
		    .resources = 4,
		    .templates = 5,
		    .prompts = 6,
		    .has_job = true,
		    .processes = 2,
		    .starts = 1,
		    .retry_ms = -1,
		    .number = 77,
		    .part = "serving",
		    .revision = "2025-06-18",
		    .server = "s \x1b 1",
		    .worker = 1,
		    .reaper = -1 },
		{ .name = "two",
		    .state = BACKEND_FAILED,
		    .reason = "exited\nwith 3",
		    .retry_ms = 1,
		    .part = "serving",
		    .worker = -1,
		    .reaper = -1 },
	};
	struct json_object *answer, *gateway, *list, *one, *two;

	(void)state;
	fake.backends = backends;
	fake.backend_count = 2;
	answer = status("{\"sessions\":5}");
	assert_true(json_object_get_boolean(get(answer, "ok")));
	gateway = get(answer, "gateway");
	assert_string_equal(
	    json_object_get_string(get(gateway, "version")), "1.2.3");
	assert_int_equal(
	    json_object_get_int(get(gateway, "uptime_seconds")), 61);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(
				get(gateway, "addresses"), 1)),
	    "/run/\"x");
	assert_null(get(gateway, "reload_error"));
	assert_true(json_object_get_int64(
			get(get(gateway, "memory"), "supervisor")) > 100000);
	assert_null(get(get(gateway, "memory"), "front"));
	list = get(answer, "backends");
	assert_int_equal(json_object_array_length(list), 2);
	one = json_object_array_get_idx(list, 0);
	assert_string_equal(
	    json_object_get_string(get(one, "name")), "one \"1\"");
	assert_string_equal(json_object_get_string(get(one, "state")), "ready");
	assert_string_equal(
	    json_object_get_string(get(one, "server")), "s \x1b 1");
	assert_int_equal(json_object_get_int(get(one, "number")), 77);
	assert_int_equal(json_object_get_int(get(one, "processes")), 2);
	assert_int_equal(json_object_get_int(get(one, "worker_pid")), 1);
	assert_null(get(one, "reaper_pid"));
	assert_null(get(one, "retry_seconds"));
	assert_null(get(one, "reason"));
	assert_true(json_object_get_int64(get(one, "memory_bytes")) > 0);
	two = json_object_array_get_idx(list, 1);
	assert_string_equal(
	    json_object_get_string(get(two, "reason")), "exited\nwith 3");
	assert_int_equal(json_object_get_int(get(two, "retry_seconds")), 1);
	assert_null(get(two, "processes"));
	assert_int_equal(
	    json_object_get_int(get(get(answer, "front"), "sessions")), 5);
	json_object_put(answer);
}

static void
a_front_that_is_silent_or_mad_is_null_in_a_status(void **state)
{
	struct json_object *answer;

	(void)state;
	answer = status(NULL);
	assert_null(get(answer, "front"));
	json_object_put(answer);
	answer = status("{\"a\":");
	assert_null(get(answer, "front"));
	json_object_put(answer);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(a_status_has_everything),
		TEST(a_front_that_is_silent_or_mad_is_null_in_a_status),
		TEST(answers_that_are_owed_are_counted),
		TEST(what_is_answered_after_the_end_goes_nowhere),
		TEST(the_socket_is_as_configured),
		TEST(a_configured_socket_must_be_had),
		TEST(the_default_one_may_be_taken),
		TEST(an_empty_path_is_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
