/* test_logline.c: one record in each of its shapes. */
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

#include "logline.h"

/* 2026-11-22 12:34:56.789 UTC, which is the time zone of these tests. */
static struct logline
record(enum log_level level, const char *text)
{
	return (struct logline){
		.when = { 1795350896, 789000000 }, .level = level, .text = text
	};
}

static int
set_zone(void **state)
{
	(void)state;
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

static void
a_line_has_time_subject_level_and_message(void **state)
{
	struct logline named =
	    record(LOG_LEVEL_WARNING, "backend git hub: exited: 3");
	struct logline plain =
	    record(LOG_LEVEL_INFO, "listening on http://127.0.0.1:9000/sse");
	char line[256];

	(void)state;
	(void)logline_text(line, sizeof(line), &named);
	assert_string_equal(line,
	    "2026-11-22 12:34:56 - backend git hub - WARNING - exited: 3\n");
	(void)logline_text(line, sizeof(line), &plain);
	assert_string_equal(line,
	    "2026-11-22 12:34:56 - gateway - INFO - "
	    "listening on http://127.0.0.1:9000/sse\n");
}

static void
a_line_that_is_cut_still_ends(void **state)
{
	struct logline long_one = record(LOG_LEVEL_INFO,
	    "a text that is longer than the line may be, far longer than that");
	char line[64];
	size_t len;

	(void)state;
	len = logline_text(line, sizeof(line), &long_one);
	assert_int_equal(len, strlen(line));
	assert_int_equal(line[len - 1], '\n');
	len = logline_console(line, sizeof(line), &long_one, false, false);
	assert_int_equal(len, strlen(line));
	assert_int_equal(line[len - 1], '\n');
	len = logline_journal(line, sizeof(line), &long_one);
	assert_int_equal(len, strlen(line));
	assert_int_equal(line[len - 1], '\n');
}

static void
colours_are_only_where_they_are_wanted(void **state)
{
	struct logline error = record(LOG_LEVEL_ERROR, "front: gone");
	char line[256];

	(void)state;
	(void)logline_console(line, sizeof(line), &error, true, true);
	assert_string_equal(line,
	    "12:34:56 \033[31mERROR    front: gone"
	    "\033[0m\n");
	(void)logline_console(line, sizeof(line), &error, false, false);
	assert_string_equal(line, "2026-11-22 12:34:56 ERROR    front: gone\n");
}

static void
the_journal_gets_a_priority_instead_of_a_time(void **state)
{
	static const char *const lines[] = { "<7>a: b\n", "<6>a: b\n",
		"<4>a: b\n", "<3>a: b\n", "<2>a: b\n" };
	char line[64];

	(void)state;
	for (int level = 0; level < 5; level++) {
		struct logline one = record((enum log_level)level, "a: b");

		(void)logline_journal(line, sizeof(line), &one);
		assert_string_equal(line, lines[level]);
	}
}

static void
syslog_gets_priority_time_tag_and_pid(void **state)
{
	struct logline one = record(LOG_LEVEL_CRITICAL, "front: gone");
	char line[256], want[256];
	size_t len;

	(void)state;
	len = logline_syslog(line, sizeof(line), &one, one.text);
	(void)snprintf(want, sizeof(want),
	    "<26>Nov 22 12:34:56 mcp-gatewayd[%d]: front: gone", (int)getpid());
	assert_string_equal(line, want);
	assert_int_equal(len, strlen(want));
	/* RFC 3164, 4.1.2: a day below 10 has a space before it. */
	one.when.tv_sec -= 15 * 86400;
	(void)logline_syslog(line, sizeof(line), &one, one.text);
	assert_int_equal(strncmp(line, "<26>Nov  7 12:34:56 ", 20), 0);
}

static void
assert_json(const char *line, const char *key, const char *want)
{
	struct json_object *all = json_tokener_parse(line), *value;

	assert_non_null(all);
	assert_true(json_object_object_get_ex(all, key, &value));
	assert_string_equal(json_object_get_string(value), want);
	json_object_put(all);
}

static void
json_has_the_same_parts(void **state)
{
	struct logline named =
	    record(LOG_LEVEL_WARNING, "backend git hub: exited: 3");
	struct logline plain = record(LOG_LEVEL_INFO, "no subject");
	char line[LOGLINE_MAX];

	(void)state;
	(void)logline_json(line, &named);
	assert_string_equal(line,
	    "{\"time\":\"2026-11-22T12:34:56.789Z\",\"level\":\"warning\","
	    "\"subject\":\"backend git hub\",\"text\":\"exited: 3\"}\n");
	(void)logline_json(line, &plain);
	assert_json(line, "subject", "gateway");
	assert_json(line, "text", "no subject");
}

static void
json_is_valid_whatever_the_text(void **state)
{
	static const char *const texts[] = { "\"", "\\", "\\\"\\", "{}", "",
		": ", "a: ", "backend \"x\": y", "\xc3\xa4 \xe2\x82\xac",
		"\\u0000 \\x1b" };
	char line[LOGLINE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct logline one = record(LOG_LEVEL_DEBUG, texts[i]);
		size_t len = logline_json(line, &one);

		assert_int_equal(len, strlen(line));
		assert_int_equal(line[len - 1], '\n');
		assert_ptr_equal(strchr(line, '\n'), line + len - 1);
		assert_json(line, "level", "debug");
	}
}

static void
the_longest_record_fits_into_json(void **state)
{
	char text[MSG_LOG_MAX] = "", line[LOGLINE_MAX];
	struct logline one = record(LOG_LEVEL_CRITICAL, text);

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)logline_json(line, &one);
	assert_json(line, "text", text);
	/* With a long subject too. */
	memset(text, 'a', 120);
	memcpy(text + 120, ": ", 2);
	(void)logline_json(line, &one);
	assert_json(line, "text", text + 122);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_subject_level_and_message),
		cmocka_unit_test(a_line_that_is_cut_still_ends),
		cmocka_unit_test(colours_are_only_where_they_are_wanted),
		cmocka_unit_test(the_journal_gets_a_priority_instead_of_a_time),
		cmocka_unit_test(syslog_gets_priority_time_tag_and_pid),
		cmocka_unit_test(json_has_the_same_parts),
		cmocka_unit_test(json_is_valid_whatever_the_text),
		cmocka_unit_test(the_longest_record_fits_into_json),
	};

	return cmocka_run_group_tests(tests, set_zone, NULL);
}
