/* test_verbs_status.c: the answer to "status". */
#include "verbs_fixture.h"

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

/* Those of the first backend; the second one is shared. */
static void
instances_are_there(struct json_object *one, struct json_object *two)
{
	struct json_object *list = get(one, "instances"), *first, *second;

	assert_string_equal(
	    json_object_get_string(get(one, "session")), "per-client");
	assert_int_equal(json_object_array_length(list), 2);
	first = json_object_array_get_idx(list, 0);
	assert_int_equal(json_object_get_int(get(first, "number")), 78);
	assert_string_equal(
	    json_object_get_string(get(first, "part")), "serving");
	assert_string_equal(
	    json_object_get_string(get(first, "state")), "ready");
	assert_int_equal(json_object_get_int(get(first, "uptime_seconds")), 4);
	assert_int_equal(json_object_get_int(get(first, "processes")), 5);
	assert_int_equal(json_object_get_int(get(first, "worker_pid")), 1);
	assert_null(get(first, "reaper_pid"));
	assert_null(get(first, "reason"));
	second = json_object_array_get_idx(list, 1);
	assert_string_equal(
	    json_object_get_string(get(second, "part")), "waiting");
	assert_null(get(second, "worker_pid"));
	assert_string_equal(
	    json_object_get_string(get(two, "session")), "shared");
	assert_int_equal(json_object_array_length(get(two, "instances")), 0);
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
		    .session = "per-client",
		    .revision = "2025-06-18",
		    .server = "s \x1b 1",
		    .worker = 1,
		    .reaper = -1 },
		{ .name = "two",
		    .state = BACKEND_FAILED,
		    .reason = "exited\nwith 3",
		    .retry_ms = 1,
		    .part = "serving",
		    .session = "shared",
		    .worker = -1,
		    .reaper = -1 },
	};
	static const struct status_backend instances[] = {
		{ .number = 78,
		    .state = BACKEND_READY,
		    .part = "serving",
		    .for_ms = 4000,
		    .has_job = true,
		    .processes = 5,
		    .worker = 1,
		    .reaper = -1 },
		{ .number = 79,
		    .state = BACKEND_DOWN,
		    .part = "waiting",
		    .worker = -1,
		    .reaper = -1 },
	};
	struct json_object *answer, *gateway, *list, *one, *two;

	(void)state;
	fake.backends = backends;
	fake.backend_count = 2;
	fake.instances = instances;
	fake.instance_count = 2;
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
	instances_are_there(one, two);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_status_has_everything),
		TEST(a_front_that_is_silent_or_mad_is_null_in_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
