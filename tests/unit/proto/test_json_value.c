/* test_json_value.c: reading values of scanned texts, and writing strings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"
#include "proto/json.h"

/* The span of a text that has to be JSON without white space around it. */
static struct json_span
value_of(const char *text)
{
	struct json_scan scan;

	assert_int_equal(
	    json_scan(text, strlen(text), NULL, 0, NULL, &scan), 0);
	return (struct json_span){ text, strlen(text) };
}

static void
assert_span(struct json_span span, const char *text)
{
	assert_non_null(span.at);
	assert_int_equal(span.len, strlen(text));
	assert_memory_equal(span.at, text, span.len);
}

static void
the_kind_of_every_value_is_known(void **state)
{
	(void)state;
	assert_int_equal(json_kind((struct json_span){ NULL, 0 }), JSON_NONE);
	assert_int_equal(json_kind(value_of("null")), JSON_NULL);
	assert_int_equal(json_kind(value_of("true")), JSON_BOOLEAN);
	assert_int_equal(json_kind(value_of("false")), JSON_BOOLEAN);
	assert_int_equal(json_kind(value_of("-1")), JSON_NUMBER);
	assert_int_equal(json_kind(value_of("0")), JSON_NUMBER);
	assert_int_equal(json_kind(value_of("\"\"")), JSON_STRING);
	assert_int_equal(json_kind(value_of("[]")), JSON_ARRAY);
	assert_int_equal(json_kind(value_of("{}")), JSON_OBJECT);
}

static void
elements_come_in_order_and_exact(void **state)
{
	static const char *const elements[] = { "1", "\"],\\\"\\\\\"",
		"[ [\"]\"], {\"}\":2} ]", "{}", "null", "-1.5e3", "\"\"",
		"\"a text of more than sixteen bytes \\\" and more\"" };
	struct json_span value;
	struct json_iter it;

	(void)state;
	json_iter_init(&it,
	    value_of("[ 1,\"],\\\"\\\\\" , [ [\"]\"], {\"}\":2} ],\n{} ,null\t,"
		     "-1.5e3,\"\",\"a text of more than sixteen bytes \\\" and "
		     "more\" ]"));
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		assert_true(json_iter_element(&it, &value));
		assert_span(value, elements[i]);
	}
	assert_false(json_iter_element(&it, &value));
	assert_false(json_iter_element(&it, &value));
}

static void
members_come_in_order_and_exact(void **state)
{
	struct json_span key, value;
	struct json_iter it;

	(void)state;
	json_iter_init(
	    &it, value_of("{ \"a\" : {\"b\":[1]} ,\"c\\\"\":2,\"\":\"x\" }"));
	assert_true(json_iter_member(&it, &key, &value));
	assert_span(key, "\"a\"");
	assert_span(value, "{\"b\":[1]}");
	assert_true(json_iter_member(&it, &key, &value));
	assert_span(key, "\"c\\\"\"");
	assert_span(value, "2");
	assert_true(json_iter_member(&it, &key, &value));
	assert_span(key, "\"\"");
	assert_span(value, "\"x\"");
	assert_false(json_iter_member(&it, &key, &value));
}

static void
empty_containers_have_nothing(void **state)
{
	static const char *const texts[] = { "[]", "[ ]", "[\n\t]" };
	struct json_span key, value;
	struct json_iter it;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_iter_init(&it, value_of(texts[i]));
		assert_false(json_iter_element(&it, &value));
	}
	json_iter_init(&it, value_of("{ }"));
	assert_false(json_iter_member(&it, &key, &value));
}

static void
get_finds_the_first_member_by_meaning(void **state)
{
	struct json_span object =
	    value_of("{\"x\":{\"name\":0},\"n\\u0061me\":1,\"name\":2}");

	(void)state;
	assert_span(json_get(object, "name"), "1");
	assert_span(json_get(json_get(object, "x"), "name"), "0");
	assert_null(json_get(object, "nam").at);
	assert_null(json_get(object, "names").at);
	assert_null(json_get(value_of("[\"name\"]"), "name").at);
	assert_null(json_get((struct json_span){ NULL, 0 }, "name").at);
}

static void
strings_are_decoded(void **state)
{
	static const struct {
		const char *json;
		const char *text;
		size_t len;
	} cases[] = {
		{ "\"\"", "", 0 },
		{ "\"plain\"", "plain", 5 },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
		{ "\"a\\u0000b\"", "a\0b", 3 },
		{ "\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"",
		    "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10 },
		{ "\"\\ud800\\udc00\\udbff\\udfff\"",
		    "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8 },
		{ "\"\xc3\xa9\\\\x\"", "\xc3\xa9\\x", 4 },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = cases[i].len;

		assert_int_equal(json_string_decode(value_of(cases[i].json),
				     text, sizeof(text)),
		    len);
		assert_memory_equal(text, cases[i].text, len + 1);
	}
}

static void
decode_needs_room_for_the_nul(void **state)
{
	static const char *const texts[] = { "\"\"", "\"abc\"",
		"\"\\u00e9\\n\"", "\"ab\\ud83d\\uDE00\"" };
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_span value = value_of(texts[i]);
		char whole[16];
		ssize_t len = json_string_decode(value, whole, sizeof(whole));

		assert_true(len >= 0);
		for (size_t cap = 0; cap <= (size_t)len + 1; cap++) {
			text = malloc(cap > 0 ? cap : 1);
			assert_non_null(text);
			errno = 0;
			if (cap == (size_t)len + 1) {
				assert_int_equal(
				    json_string_decode(value, text, cap), len);
			} else {
				assert_int_equal(
				    json_string_decode(value, text, cap), -1);
				assert_int_equal(errno, ENOSPC);
			}
			free(text);
		}
	}
}

static void
decode_refuses_what_is_no_text(void **state)
{
	static const char *const texts[] = { "1", "null", "[]", "{}",
		"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"",
		"\"\\ud800\\u0041\"", "\"x\\udfffx\"", "\"\\ud800x\\udc00\"" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		errno = 0;
		assert_int_equal(
		    json_string_decode(value_of(texts[i]), text, sizeof(text)),
		    -1);
		assert_int_equal(errno, EINVAL);
	}
}

static void
a_string_is_its_meaning(void **state)
{
	(void)state;
	assert_true(json_string_is(value_of("\"\""), ""));
	assert_true(json_string_is(value_of("\"ref/prompt\""), "ref/prompt"));
	assert_true(
	    json_string_is(value_of("\"ref\\/pr\\u006fmpt\""), "ref/prompt"));
	assert_true(json_string_is(value_of("\"\\\\n\""), "\\n"));
	assert_false(json_string_is(value_of("\"\\\\n\""), "\\\\n"));
	assert_false(json_string_is(value_of("\"a\""), "ab"));
	assert_false(json_string_is(value_of("\"ab\""), "a"));
	assert_false(json_string_is(value_of("\"a\\u0000\""), "a"));
	assert_false(json_string_is(value_of("1"), "1"));
	assert_false(json_string_is(value_of("null"), "null"));
	assert_false(json_string_is((struct json_span){ NULL, 0 }, ""));
}

static void
scalars_are_equal_by_type_and_meaning(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "1", "1", true },
		{ "1", "\"1\"", false },
		{ "1", "1.0", false },
		{ "true", "false", false },
		{ "null", "null", true },
		{ "\"abc\"", "\"abc\"", true },
		{ "\"abc\"", "\"abd\"", false },
		{ "\"abc\"", "\"\\u0061bc\"", true },
		{ "\"a\\u0062c\"", "\"\\u0061bc\"", true },
		{ "\"a/c\"", "\"a\\/c\"", true },
		{ "\"ab\"", "\"a\\u0062c\"", false },
		{ "\"a\\u0062c\"", "\"ab\"", false },
		{ "\"\"", "\"\\n\"", false },
		{ "\"\\n\"", "\"\\u000A\"", true },
		{ "\"\xc3\xa9\"", "\"\\u00e9\"", true },
		{ "\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\"", true },
		{ "\"\\ud800\"", "\"\\uD800\"", true },
		{ "\"\\ud800\"", "\"\\ufffd\"", false },
	};
	struct json_span none = { NULL, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(json_scalar_equal(value_of(cases[i].a),
				     value_of(cases[i].b)),
		    cases[i].equal);
		assert_int_equal(json_scalar_equal(value_of(cases[i].b),
				     value_of(cases[i].a)),
		    cases[i].equal);
	}
	assert_true(json_scalar_equal(none, none));
	assert_false(json_scalar_equal(none, value_of("null")));
}

static void
integers_are_read_to_their_limits(void **state)
{
	int64_t number = 7;

	(void)state;
	assert_int_equal(json_integer(value_of("0"), &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(json_integer(value_of("-0"), &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(
	    json_integer(value_of("9223372036854775807"), &number), 0);
	assert_true(number == INT64_MAX);
	assert_int_equal(
	    json_integer(value_of("-9223372036854775808"), &number), 0);
	assert_true(number == INT64_MIN);
}

static void
what_is_no_integer_is_refused(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "9223372036854775808", ERANGE },
		{ "-9223372036854775809", ERANGE },
		{ "123456789012345678901234567890", ERANGE },
		{ "1.0", EINVAL },
		{ "1e3", EINVAL },
		{ "99999999999999999999e1", EINVAL },
		{ "\"1\"", EINVAL },
		{ "null", EINVAL },
		{ "[]", EINVAL },
	};
	int64_t number = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		errno = 0;
		assert_int_equal(
		    json_integer(value_of(cases[i].text), &number), -1);
		assert_int_equal(errno, cases[i].error);
		assert_int_equal(number, 7);
	}
	assert_int_equal(
	    json_integer((struct json_span){ NULL, 0 }, &number), -1);
}

static void
any_bytes_become_a_string_that_means_them(void **state)
{
	char all[128], text[128];
	struct buf b = { 0 };
	struct json_scan scan;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	assert_int_equal(buf_add_text(&b, "x"), 0);
	buf_consume(&b, 1);
	assert_int_equal(json_add_string(&b, all, sizeof(all)), 0);
	assert_int_equal(
	    json_scan(buf_data(&b), buf_len(&b), NULL, 0, NULL, &scan), 0);
	assert_int_equal(
	    json_string_decode((struct json_span){ buf_data(&b), buf_len(&b) },
		text, sizeof(text)),
	    -1); /* no room for the NUL */
	buf_free(&b);
	assert_int_equal(json_add_string(&b, all, sizeof(all) - 1), 0);
	assert_int_equal(
	    json_string_decode((struct json_span){ buf_data(&b), buf_len(&b) },
		text, sizeof(text)),
	    sizeof(all) - 1);
	assert_memory_equal(text, all, sizeof(all) - 1);
	buf_free(&b);
}

static void
bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
	static const struct {
		const char *bytes;
		const char *json;
	} cases[] = {
		{ "", "\"\"" },
		{ "a\"b\\c\n\x01\x7f", "\"a\\\"b\\\\c\\n\\u0001\x7f\"" },
		{ "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ "\xff", "\"\xef\xbf\xbd\"" },
		{ "a\xc3", "\"a\xef\xbf\xbd\"" },
		{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xed\xa0\x80z",
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		assert_int_equal(
		    json_add_string(&b, cases[i].bytes, strlen(cases[i].bytes)),
		    0);
		assert_span((struct json_span){ buf_data(&b), buf_len(&b) },
		    cases[i].json);
		buf_free(&b);
	}
}

static void
flatten_leaves_no_line_break_at_any_length(void **state)
{
	char text[64], flat[64];

	(void)state;
	for (size_t len = 0; len <= sizeof(text); len++) {
		for (size_t i = 0; i < sizeof(text); i++) {
			text[i] = "\n\r ab\t\"\x80"[i * 7 % 8];
			flat[i] = text[i];
			if (i < len && (text[i] == '\n' || text[i] == '\r'))
				flat[i] = ' ';
		}
		json_flatten(text, len);
		assert_memory_equal(text, flat, sizeof(text));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kind_of_every_value_is_known),
		cmocka_unit_test(elements_come_in_order_and_exact),
		cmocka_unit_test(members_come_in_order_and_exact),
		cmocka_unit_test(empty_containers_have_nothing),
		cmocka_unit_test(get_finds_the_first_member_by_meaning),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(decode_needs_room_for_the_nul),
		cmocka_unit_test(decode_refuses_what_is_no_text),
		cmocka_unit_test(a_string_is_its_meaning),
		cmocka_unit_test(scalars_are_equal_by_type_and_meaning),
		cmocka_unit_test(integers_are_read_to_their_limits),
		cmocka_unit_test(what_is_no_integer_is_refused),
		cmocka_unit_test(any_bytes_become_a_string_that_means_them),
		cmocka_unit_test(
		    bytes_that_are_not_utf8_become_replacement_characters),
		cmocka_unit_test(flatten_leaves_no_line_break_at_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
