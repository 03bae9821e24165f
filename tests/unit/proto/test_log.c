/* Records, levels, and what becomes of a peer's bytes in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/log.h"
#include "proto/msg.h"

static char last_text[MSG_LOG_MAX + 1];
static enum log_level last_level;
static int records;

static void
keep(void *arg, enum log_level level, const char *text)
{
	assert_ptr_equal(arg, &records);
	last_level = level;
	(void)snprintf(last_text, sizeof(last_text), "%s", text);
	records++;
}

static int
setup(void **state)
{
	(void)state;
	records = 0;
	last_text[0] = '\0';
	log_set_sink(keep, &records);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static const struct {
	const char *in;
	const char *out;
} escapes[] = {
	{ "", "" },
	{ "plain text ~!\"'\\", "plain text ~!\"'\\" },
	{ "\x01\t\n\r\x1b[31m\x1f", "\\x01\\x09\\x0a\\x0d\\x1b[31m\\x1f" },
	{ "\x7f", "\\x7f" },
	/* C1 and around */
	{ "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\u{80}\\u{9b}\\u{9f}\xc2\xa0" },
	/* letters of two, three and four bytes */
	{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
	    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	/* bidi and zero width, and their neighbours */
	{ "\xd8\x9b\xd8\x9c\xd8\x9d", "\xd8\x9b\\u{61c}\xd8\x9d" },
	{ "\xe2\x80\x8a\xe2\x80\x8b\xe2\x80\x8f\xe2\x80\x90",
	    "\xe2\x80\x8a\\u{200b}\\u{200f}\xe2\x80\x90" },
	{ "\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf",
	    "\xe2\x80\xa7\\u{2028}\\u{202e}\xe2\x80\xaf" },
	{ "\xe2\x81\x9f\xe2\x81\xa0\xe2\x81\xa9\xe2\x81\xaa",
	    "\xe2\x81\x9f\\u{2060}\\u{2069}\xe2\x81\xaa" },
	{ "\xef\xbb\xbf", "\\u{feff}" },
	{ "\xf3\xa0\x80\x80\xf3\xa0\x81\xbf\xf3\xa0\x82\x80",
	    "\\u{e0000}\\u{e007f}\xf3\xa0\x82\x80" },
	/* overlong */
	{ "\xc0\xaf\xc1\xbf", "\\xc0\\xaf\\xc1\\xbf" },
	{ "\xe0\x80\xaf\xe0\x9f\xbf", "\\xe0\\x80\\xaf\\xe0\\x9f\\xbf" },
	{ "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf" },
	/* surrogates, and the characters beside them */
	{ "\xed\x9f\xbf\xed\xa0\x80", "\xed\x9f\xbf\\xed\\xa0\\x80" },
	{ "\xed\xbf\xbf\xee\x80\x80", "\\xed\\xbf\\xbf\xee\x80\x80" },
	/* the last character and beyond */
	{ "\xf4\x8f\xbf\xbf\xf4\x90\x80\x80",
	    "\xf4\x8f\xbf\xbf\\xf4\\x90\\x80\\x80" },
	{ "\xf5\xff\xfe", "\\xf5\\xff\\xfe" },
	/* cut off in the middle, stray continuation */
	{ "a\xe2\x82", "a\\xe2\\x82" },
	{ "\xe2\x82z\x80", "\\xe2\\x82z\\x80" },
	{ "\xf0\x9f\x98", "\\xf0\\x9f\\x98" },
};

static void
bytes_are_escaped_by_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		assert_string_equal(
		    log_str(escapes[i].in, strlen(escapes[i].in)),
		    escapes[i].out);
	assert_string_equal(log_str("a\0b", 3), "a\\x00b");
}

static void
no_byte_reads_beyond_the_length(void **state)
{
	(void)state;
	/* The continuation bytes are there, but do not belong to us. */
	assert_string_equal(log_str("\xe2\x82\xac", 1), "\\xe2");
	assert_string_equal(log_str("\xe2\x82\xac", 2), "\\xe2\\x82");
	assert_string_equal(log_str("\xe2\x82\xac", 3), "\xe2\x82\xac");
}

static void
escaping_twice_changes_nothing(void **state)
{
	char once[512], twice[512];

	(void)state;
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		log_escape(
		    once, sizeof(once), escapes[i].in, strlen(escapes[i].in));
		log_escape(twice, sizeof(twice), once, strlen(once));
		assert_string_equal(once, twice);
	}
}

static void
long_bytes_are_cut_with_an_ellipsis(void **state)
{
	char bytes[LOG_STR_MAX + 10], expected[LOG_STR_MAX + 4];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memset(expected, 'x', sizeof(expected));
	expected[LOG_STR_MAX] = '\0';
	assert_string_equal(log_str(bytes, LOG_STR_MAX), expected);
	memcpy(expected + LOG_STR_MAX, "…", sizeof("…"));
	assert_string_equal(log_str(bytes, LOG_STR_MAX + 1), expected);
	assert_string_equal(log_str(bytes, LOG_STR_MAX + 10), expected);
}

static void
a_cut_never_splits_a_character_or_an_escape(void **state)
{
	char dst[32];

	(void)state;
	for (size_t cap = 4; cap < sizeof(dst); cap++) {
		static const char in[] = "a\xe2\x82\xac\x1b\xf0\x9f\x98\x80z";
		static const char whole[] =
		    "a\xe2\x82\xac\\x1b\xf0\x9f\x98\x80z";
		static const size_t ends[] = { 0, 1, 4, 8, 12, 13 };
		size_t keep_len = 0;
		char expected[32];

		if (cap - 1 >= sizeof(whole) - 1) {
			assert_string_equal(
			    log_escape(dst, cap, in, sizeof(in) - 1), whole);
			continue;
		}
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
			if (ends[i] + 3 < cap)
				keep_len = ends[i];
		(void)snprintf(
		    expected, sizeof(expected), "%.*s…", (int)keep_len, whole);
		assert_string_equal(
		    log_escape(dst, cap, in, sizeof(in) - 1), expected);
		assert_true(strlen(dst) < cap);
	}
}

static void
eight_results_live_at_once(void **state)
{
	const char *results[8];
	char c;

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		c = (char)('a' + i);
		results[i] = log_str(&c, 1);
	}
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(results[i][0], 'a' + (int)i);
	assert_ptr_equal(log_str("z", 1), results[0]);
}

static void
records_below_the_level_are_dropped(void **state)
{
	void (*const functions[])(const char *, ...) = { log_debug, log_info,
		log_warning, log_error, log_critical };

	(void)state;
	for (int set = LOG_LEVEL_DEBUG; set <= LOG_LEVEL_CRITICAL; set++) {
		log_set_level((enum log_level)set);
		assert_int_equal(log_get_level(), set);
		records = 0;
		for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_CRITICAL; i++) {
			functions[i]("number %d", i);
			assert_int_equal(records, i < set ? 0 : i - set + 1);
			if (i >= set)
				assert_int_equal(last_level, i);
		}
		assert_string_equal(last_text, "number 4");
	}
}

static void
a_record_is_one_line_whatever_is_in_it(void **state)
{
	(void)state;
	log_record(LOG_LEVEL_INFO, "two\nlines \x1b[0m");
	assert_string_equal(last_text, "two\\x0alines \\x1b[0m");
	log_warning("peer said %s", "\r\n");
	assert_string_equal(last_text, "peer said \\x0d\\x0a");
	records = 0;
	log_record((enum log_level)99, "no such level");
	log_record(LOG_LEVEL_DEBUG, "below");
	assert_int_equal(records, 0);
}

static void
a_record_fits_into_a_frame(void **state)
{
	char text[3 * MSG_LOG_MAX];

	(void)state;
	for (size_t n = MSG_LOG_MAX - 6; n < MSG_LOG_MAX + 6; n++) {
		memset(text, 'x', n);
		text[n] = '\0';
		log_info("%s", text);
		if (n < MSG_LOG_MAX) {
			assert_string_equal(last_text, text);
			continue;
		}
		assert_int_equal(strlen(last_text), MSG_LOG_MAX - 1);
		assert_string_equal(last_text + MSG_LOG_MAX - 4, "…");
	}
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_record(LOG_LEVEL_INFO, text);
	assert_in_range(strlen(last_text), MSG_LOG_MAX - 8, MSG_LOG_MAX - 1);
}

static void
levels_have_names(void **state)
{
	static const char *const names[] = { "debug", "info", "warning",
		"error", "critical" };

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_string_equal(
		    log_level_name((enum log_level)i), names[i]);
		assert_int_equal(log_level_find(names[i]), i);
	}
	assert_int_equal(log_level_find("warn"), -1);
	assert_int_equal(log_level_find("INFO"), -1);
	assert_int_equal(log_level_find(""), -1);
	assert_string_equal(log_level_name((enum log_level)5), "unknown");
}

#define LOG_TEST(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(bytes_are_escaped_by_the_table),
		LOG_TEST(no_byte_reads_beyond_the_length),
		LOG_TEST(escaping_twice_changes_nothing),
		LOG_TEST(long_bytes_are_cut_with_an_ellipsis),
		LOG_TEST(a_cut_never_splits_a_character_or_an_escape),
		LOG_TEST(eight_results_live_at_once),
		LOG_TEST(records_below_the_level_are_dropped),
		LOG_TEST(a_record_is_one_line_whatever_is_in_it),
		LOG_TEST(a_record_fits_into_a_frame),
		LOG_TEST(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
