/* test_setup.c: the texts of control messages, both ways. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "setup.h"

static char *no_strings[] = { NULL };

static void
check(char *json, const char *want)
{
	assert_non_null(json);
	assert_string_equal(json, want);
	free(json);
}

static void
setup_of_the_front_is_as_agreed(void **state)
{
	char bash[] = "bash";
	struct config_backend backend = { .name = bash, .message_size = 1024 };
	struct role_identity nobody = { .set = false };
	struct role_identity id = { true, 990, 991, "/empty" };

	(void)state;
	check(setup_front(LOG_LEVEL_INFO, &nobody),
	    "{\"log_level\":\"info\",\"identity\":null}");
	check(setup_front(LOG_LEVEL_DEBUG, &id),
	    "{\"log_level\":\"debug\",\"identity\":{\"uid\":990,\"gid\":991,"
	    "\"chroot\":\"/empty\"}}");
	check(setup_worker(&backend, LOG_LEVEL_DEBUG, &id, 0x7f),
	    "{\"log_level\":\"debug\",\"identity\":{\"uid\":990,\"gid\":991,"
	    "\"chroot\":\"/empty\"},\"name\":\"bash\","
	    "\"request_timeout_ms\":0,\"startup_timeout_ms\":0,"
	    "\"ping_interval_ms\":0,\"message_size\":1024,"
	    "\"capabilities\":127,\"remote\":null}");
}

static void
setup_of_a_worker_with_a_url_is_as_agreed(void **state)
{
	char name[] = "x", url[] = "https://x/?k=\"", header[] = "A: b/c",
	     ca[] = "-----BEGIN\n", certificate[] = "C", key[] = "K",
	     command[] = "y";
	char *headers[] = { header, NULL };
	struct config_backend backend = { .name = name,
		.transport = CONFIG_AUTO,
		.url = url,
		.headers = no_strings,
		.request_timeout_ms = 1,
		.startup_timeout_ms = 2,
		.ping_interval_ms = 3,
		.message_size = 9 };
	const struct role_identity self = { .set = false };

	(void)state;
	check(setup_worker(&backend, LOG_LEVEL_INFO, &self, 0),
	    "{\"log_level\":\"info\",\"identity\":null,\"name\":\"x\","
	    "\"request_timeout_ms\":1,\"startup_timeout_ms\":2,"
	    "\"ping_interval_ms\":3,\"message_size\":9,"
	    "\"capabilities\":0,\"remote\":{\"type\":\"auto\","
	    "\"url\":\"https://x/?k=\\\"\",\"headers\":[],\"ca\":null,"
	    "\"certificate\":null,\"key\":null,\"private_network\":false,"
	    "\"has_job\":false}}");
	backend.transport = CONFIG_SSE;
	backend.headers = headers;
	backend.ca = ca;
	backend.certificate = certificate;
	backend.key = key;
	backend.private_network = true;
	backend.command = command;
	check(setup_worker(&backend, LOG_LEVEL_INFO, &self, 0),
	    "{\"log_level\":\"info\",\"identity\":null,\"name\":\"x\","
	    "\"request_timeout_ms\":1,\"startup_timeout_ms\":2,"
	    "\"ping_interval_ms\":3,\"message_size\":9,"
	    "\"capabilities\":0,\"remote\":{\"type\":\"sse\","
	    "\"url\":\"https://x/?k=\\\"\",\"headers\":[\"A: b/c\"],"
	    "\"ca\":\"-----BEGIN\\n\",\"certificate\":\"C\",\"key\":\"K\","
	    "\"private_network\":true,\"has_job\":true}}");
}

static void
an_instance_that_there_is_not_says_why(void **state)
{
	(void)state;
	check(setup_no_instance("all of its 2 are \"in use\""),
	    "{\"error\":\"all of its 2 are \\\"in use\\\"\"}");
}

static void
each_transport_has_its_name(void **state)
{
	static const struct {
		enum config_transport transport;
		const char *part;
	} cases[] = { { CONFIG_AUTO, "\"type\":\"auto\"" },
		{ CONFIG_SSE, "\"type\":\"sse\"" },
		{ CONFIG_HTTP, "\"type\":\"http\"" } };
	char name[] = "x";
	const struct role_identity self = { .set = false };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct config_backend backend = { .name = name,
			.transport = cases[i].transport,
			.url = name,
			.headers = no_strings };
		char *json = setup_worker(&backend, LOG_LEVEL_INFO, &self, 0);

		assert_non_null(json);
		assert_non_null(strstr(json, cases[i].part));
		free(json);
	}
}

#define NO_LIMITS                                                              \
	{                                                                      \
		CONFIG_UNLIMITED, CONFIG_UNLIMITED, CONFIG_UNLIMITED,          \
		    CONFIG_UNLIMITED, CONFIG_UNLIMITED, CONFIG_UNLIMITED, 0    \
	}

static void
setup_of_a_reaper_is_as_agreed(void **state)
{
	char name[] = "x", command[] = "/bin/x", arg[] = "a\"b", a[] = "K=V=W",
	     b[] = "EMPTY=", c[] = "=bad";
	char *args[] = { arg, NULL }, *env[] = { a, b, c, NULL };
	const struct config_backend backend = {
		.name = name, .command = command, .args = args
	};
	const struct setup_job job = {
		.env = env, .cwd = "/tmp", .limits = NO_LIMITS
	};

	(void)state;
	check(setup_reaper(&backend, LOG_LEVEL_INFO, &job),
	    "{\"log_level\":\"info\",\"name\":\"x\",\"command\":\"/bin/x\","
	    "\"args\":[\"a\\\"b\"],\"env\":{\"K\":\"V=W\",\"EMPTY\":\"\"},"
	    "\"cwd\":\"/tmp\",\"home\":null,\"tmp\":null,\"user\":null,"
	    "\"new_privileges\":false,\"limits\":{\"memory\":null,"
	    "\"processes\":null,\"cpu_percent\":null,\"user_processes\":null,"
	    "\"open_files\":null,\"file_size\":null,\"core_size\":0},"
	    "\"sandbox\":null,\"cgroup\":null}");
}

static void
setup_of_a_confined_job_is_as_agreed(void **state)
{
	char name[] = "x", read[] = "/srv", port[] = "443";
	char *reads[] = { read, NULL }, *ports[] = { port, NULL };
	const struct config_backend backend = { .name = name,
		.command = name,
		.args = no_strings,
		.new_privileges = true,
		.sandbox = { .set = true,
		    .read = reads,
		    .write = no_strings,
		    .connect = ports,
		    .private_network = true } };
	const struct setup_job job = { .env = no_strings,
		.user = { true, NULL, 7, 8 },
		.home = "/h",
		.tmp = "/h/tmp",
		.cgroup = "/sys/x",
		.limits = { 1, 2, 3, 4, 5, 6, 7 } };

	(void)state;
	check(setup_reaper(&backend, LOG_LEVEL_INFO, &job),
	    "{\"log_level\":\"info\",\"name\":\"x\",\"command\":\"x\","
	    "\"args\":[],\"env\":{},\"cwd\":null,\"home\":\"/h\","
	    "\"tmp\":\"/h/tmp\",\"user\":{\"name\":null,\"uid\":7,\"gid\":8},"
	    "\"new_privileges\":true,\"limits\":{\"memory\":1,"
	    "\"processes\":2,\"cpu_percent\":3,\"user_processes\":4,"
	    "\"open_files\":5,\"file_size\":6,\"core_size\":7},"
	    "\"sandbox\":{\"read\":[\"/srv\"],\"write\":[],"
	    "\"connect\":[\"443\"],\"private_network\":true},"
	    "\"cgroup\":\"/sys/x\"}");
}

static void
small_messages_are_as_agreed(void **state)
{
	(void)state;
	check(setup_listen("[::1]:9000", false),
	    "{\"address\":\"[::1]:9000\",\"local\":false}");
	check(setup_stop(2000, 3000), "{\"wait_ms\":2000,\"term_ms\":3000}");
	check(setup_backend("ready", NULL, -1),
	    "{\"state\":\"ready\",\"error\":null,\"retry_ms\":null}");
	check(setup_backend("backoff", "exited with status 3", 100),
	    "{\"state\":\"backoff\",\"error\":\"exited with status 3\","
	    "\"retry_ms\":100}");
}

static const char *
hello(const char *json)
{
	return setup_check_hello(json, strlen(json), ROLE_WORKER, "0.1.0");
}

static void
hello_must_be_of_our_version_and_the_right_role(void **state)
{
	(void)state;
	assert_null(hello("{\"role\":\"worker\",\"version\":\"0.1.0\"}"));
	assert_non_null(
	    strstr(hello("{\"role\":\"worker\",\"version\":\"0.1.1\"}"),
		"another version"));
	assert_non_null(hello("{\"role\":\"front\",\"version\":\"0.1.0\"}"));
	assert_non_null(hello("{\"role\":\"worker\"}"));
	assert_non_null(hello("[]"));
	assert_non_null(hello("{\"role\":"));
	assert_non_null(hello(""));
}

static int
ready(struct setup_ready *ret, const char *json)
{
	return setup_parse_ready(ret, json, strlen(json));
}

static void
ready_is_read_and_its_text_escaped(void **state)
{
	struct setup_ready r;

	(void)state;
	assert_int_equal(ready(&r,
			     "{\"revision\":\"2025-06-18\",\"server\":"
			     "\"evil\\u001b[31m 1\",\"tools\":3,"
			     "\"resources\":2,\"templates\":1,\"prompts\":0}"),
	    0);
	assert_int_equal(r.tools, 3);
	assert_int_equal(r.templates, 1);
	assert_string_equal(r.revision, "2025-06-18");
	assert_null(strchr(r.server, '\033'));
}

static void
ready_with_impossible_counts_is_refused(void **state)
{
	struct setup_ready r;

	(void)state;
	assert_int_equal(ready(&r,
			     "{\"tools\":-1,\"resources\":0,"
			     "\"templates\":0,\"prompts\":0}"),
	    -1);
	assert_int_equal(ready(&r,
			     "{\"tools\":1e9,\"resources\":0,"
			     "\"templates\":0,\"prompts\":0}"),
	    -1);
	assert_int_equal(ready(&r, "{\"tools\":\"1\"}"), -1);
	assert_int_equal(ready(&r, "{}"), -1);
	assert_int_equal(ready(&r, "3"), -1);
}

/* What is kept of the lines of a JSON list; a static buffer. */
static const char *
kept(const char *lines)
{
	static struct setup_last_words words;
	char json[16384];

	(void)snprintf(json, sizeof(json),
	    "{\"why\":\"closed its output\",\"stderr\":%s}", lines);
	assert_int_equal(setup_parse_last_words(&words, json, strlen(json)), 0);
	assert_string_equal(words.why, "closed its output");
	assert_null(strchr(words.stderr_lines, '\n'));
	return words.stderr_lines;
}

static void
the_last_three_lines_that_say_something_are_kept(void **state)
{
	(void)state;
	assert_string_equal(kept("[]"), "");
	assert_string_equal(kept("null"), "");
	assert_string_equal(kept("7"), "");
	assert_string_equal(kept("[\"\",\" \",7,null]"), "");
	assert_string_equal(kept("[\"one\"]"), "one");
	assert_string_equal(kept("[\"one\",\"two\",\"\",7]"), "one | two");
	assert_string_equal(
	    kept("[\"1\",\"\",\"2\",\"  \",\"3\"]"), "1 | 2 | 3");
	assert_string_equal(
	    kept("[\"1\",\"2\",\"3\",\"4\",\"5\",\"\"]"), "3 | 4 | 5");
	assert_string_equal(kept("[\"a\\u001b[31m\"]"), "a\\x1b[31m");
}

/* n times c as a line of a JSON list. */
static void
add_line(char *json, size_t cap, char c, size_t n)
{
	size_t len = strlcat(json, json[0] == '\0' ? "[\"" : ",\"", cap);

	memset(json + len, c, n);
	(void)strlcpy(json + len + n, "\"", cap - len - n);
}

static void
a_long_last_line_is_cut_not_dropped(void **state)
{
	char json[8192] = "";
	const char *lines;

	(void)state;
	add_line(json, sizeof(json), 'a', 6000);
	(void)strlcat(json, "]", sizeof(json));
	lines = kept(json);
	assert_int_equal(strncmp(lines, "aaaa", 4), 0);
	assert_true(strlen(lines) < LOG_STR_MAX);
}

static void
of_long_lines_the_oldest_is_dropped(void **state)
{
	char json[2048] = "";
	const char *lines;

	(void)state;
	for (char c = 'a'; c <= 'c'; c++)
		add_line(json, sizeof(json), c, 250);
	(void)strlcat(json, "]", sizeof(json));
	lines = kept(json);
	assert_int_equal(strlen(lines), 250 + 3 + 250);
	assert_int_equal(strspn(lines, "b"), 250);
	assert_int_equal(strspn(lines + 253, "c"), 250);
}

static void
lines_fill_their_room_exactly(void **state)
{
	/* 250, 250 and what is left but for two joints and the NUL. */
	size_t left = SETUP_LINES_SIZE - 1 - 2 * 250 - 2 * 3;

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		char json[2048] = "";
		const char *lines;

		add_line(json, sizeof(json), 'a', left + more);
		add_line(json, sizeof(json), 'b', 250);
		add_line(json, sizeof(json), 'c', 250);
		(void)strlcat(json, "]", sizeof(json));
		lines = kept(json);
		if (more == 0)
			assert_int_equal(strlen(lines), SETUP_LINES_SIZE - 1);
		else
			assert_int_equal(strlen(lines), 250 + 3 + 250);
		assert_int_equal(strspn(lines, "a"), more == 0 ? left : 0);
	}
}

static int
job_end(struct setup_job_end *ret, const char *json)
{
	return setup_parse_job_end(ret, json, strlen(json));
}

static void
the_end_of_a_job_is_one_of_three(void **state)
{
	struct setup_job_end end;

	(void)state;
	assert_int_equal(job_end(&end, "{\"exit\":3}"), 0);
	assert_int_equal(end.kind, SETUP_JOB_EXIT);
	assert_int_equal(end.value, 3);
	assert_int_equal(job_end(&end, "{\"signal\":9}"), 0);
	assert_int_equal(end.kind, SETUP_JOB_SIGNAL);
	assert_int_equal(
	    job_end(&end, "{\"spawn_errno\":2,\"what\":\"exec x\"}"), 0);
	assert_int_equal(end.kind, SETUP_JOB_SPAWN);
	assert_string_equal(end.what, "exec x");
	assert_int_equal(job_end(&end, "{}"), -1);
	assert_int_equal(job_end(&end, "{\"exit\":\"3\"}"), -1);
}

static void
a_job_without_memory_is_told_of(void **state)
{
	struct setup_job_end end;

	(void)state;
	assert_int_equal(job_end(&end, "{\"signal\":9}"), 0);
	assert_false(end.no_memory);
	assert_int_equal(
	    job_end(&end, "{\"signal\":9,\"no_memory\":536870912}"), 0);
	assert_true(end.no_memory);
	assert_int_equal(end.memory, 536870912);
	assert_int_equal(
	    job_end(&end, "{\"signal\":9,\"no_memory\":\"x\"}"), 0);
	assert_false(end.no_memory);
}

static void
a_text_beyond_the_limit_is_refused(void **state)
{
	char name[] = "x";
	char *long_entry = malloc(MSG_CONTROL_MAX + 16);
	char *env[] = { long_entry, NULL };
	const struct config_backend backend = {
		.name = name, .command = name, .args = no_strings
	};
	const struct setup_job job = { .env = env };

	(void)state;
	assert_non_null(long_entry);
	memset(long_entry, 'a', MSG_CONTROL_MAX + 15);
	long_entry[1] = '=';
	long_entry[MSG_CONTROL_MAX + 15] = '\0';
	errno = 0;
	assert_null(setup_reaper(&backend, LOG_LEVEL_INFO, &job));
	assert_int_equal(errno, E2BIG);
	free(long_entry);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setup_of_the_front_is_as_agreed),
		cmocka_unit_test(setup_of_a_worker_with_a_url_is_as_agreed),
		cmocka_unit_test(an_instance_that_there_is_not_says_why),
		cmocka_unit_test(each_transport_has_its_name),
		cmocka_unit_test(setup_of_a_reaper_is_as_agreed),
		cmocka_unit_test(setup_of_a_confined_job_is_as_agreed),
		cmocka_unit_test(a_job_without_memory_is_told_of),
		cmocka_unit_test(small_messages_are_as_agreed),
		cmocka_unit_test(
		    hello_must_be_of_our_version_and_the_right_role),
		cmocka_unit_test(ready_is_read_and_its_text_escaped),
		cmocka_unit_test(ready_with_impossible_counts_is_refused),
		cmocka_unit_test(
		    the_last_three_lines_that_say_something_are_kept),
		cmocka_unit_test(a_long_last_line_is_cut_not_dropped),
		cmocka_unit_test(of_long_lines_the_oldest_is_dropped),
		cmocka_unit_test(lines_fill_their_room_exactly),
		cmocka_unit_test(the_end_of_a_job_is_one_of_three),
		cmocka_unit_test(a_text_beyond_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
