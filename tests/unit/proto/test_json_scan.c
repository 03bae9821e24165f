/* test_json_scan.c: what the scanner accepts, refuses and finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/json.h"

/* White space added around each case, to move it over the blocks of 16 that
 * the scanner reads at once. */
#define MARGIN 20

/* Scan a copy that ends where its memory ends, for the sanitizer to watch. */
static int
scan_copy(const char *text, size_t len, struct json_scan *scan)
{
	char *copy = malloc(len > 0 ? len : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, len);
	result = json_scan(copy, len, NULL, 0, NULL, scan);
	free(copy);
	return result;
}

/* The verdict with n spaces before and m behind. */
static int
scan_padded(const char *text, size_t n, size_t m, struct json_scan *scan)
{
	size_t len = strlen(text);
	char *padded = malloc(len + n + m + 1);
	int result;

	assert_non_null(padded);
	memset(padded, ' ', len + n + m);
	memcpy(padded + n, text, len);
	result = scan_copy(padded, len + n + m, scan);
	free(padded);
	return result;
}

static const char *const good[] = { "[]", "{}", "[[]   ]", "[\"\"]", "[\"a\"]",
	"[false]", "[null, 1, \"1\", {}]", "[null]", "[1\n]", " [1]",
	"[1,null,null,null,2]", "[2] ", "[123e65]", "[0e+1]", "[0e1]", "[ 4]",
	"[-0.000000000000000000000000000000000000000000000000000001]", "[20e1]",
	"[-0]", "[-123]", "[-1]", "[1E22]", "[1E-2]", "[1E+2]", "[123e45]",
	"[123.456e78]", "[1e-2]", "[1e+2]", "[123456789012345678901234567890]",
	"[-9223372036854775809]", "[1e400]", "[1e-400]", "[123.456789]",
	"{\"asd\":\"sdf\", \"dfg\":\"fgh\"}", "{\"asd\":\"sdf\"}",
	"{\"a\":\"b\",\"a\":\"c\"}", "{\"\":0}",
	"{ \"min\": -1.0e+28, \"max\": 1.0e+28 }",
	"{\"x\":[{\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}]}",
	"{\"a\":[]}", "{\n\"a\": \"b\"\n}", "[\"\\u0060\\u012a\\u12AB\"]",
	"[\"\\uD801\\udc37\"]", "[\"\\ud83d\\ude39\\ud83d\\udc8d\"]",
	"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\\u0000\"]", "[\"\\\"\"]",
	"[\"a/*b*/c/*d//e\"]", "[\"\\\\a\"]", "[\"\\u0012\"]", "[\"\\uFFFF\"]",
	"[\"\\u0000\"]", "[\"\\ud800\"]", "[\"\\uDd1ea\"]",
	"[\"\\ud800\\ud800\\udc00\"]", "[\"\\ud800\\n\"]", "{\"\\ud800\":1}",
	"[\"asd \"]", "[\"\xf4\x8f\xbf\xbf\"]", "[\"\xef\xbf\xbf\"]",
	"[\"\xe2\x80\xa8\xe2\x80\xa9\"]", "[\"\x7f\"]", "[\"\xcf\x80\"]",
	"[\"\xf0\x9b\xbf\xbf\"]", "\" \"", "\"\"", "\"0123456789abcdef\"",
	"\"0123456789abcde\"",
	"\"0123456789abcdef0123456789abcdef\\n\xc3\xa9 and more text\"",
	"false", "true", "null", "42", "0", "-0.1", "[true\t,\r\n false]" };

static const char *const bad[] = { "", " ", "\n", "\xef\xbb\xbf{}",
	"\xef\xbb\xbf", "\xfe\xff", "[1 true]", "[a\xe5]", "[\"\": 1]",
	"[\"\"],", "[,1]", "[1,,2]", "[\"x\",,]", "[\"x\"]]", "[\"\",]",
	"[\"x\"", "[x", "[3[4]]", "[\xff]", "[1:2]", "[,]", "[-]",
	"[   , \"\"]", "[\"a\",\n4\n,1,", "[1,]", "[*]", "[\"\"", "[{}",
	"[fals]", "[nul]", "[tru]", "[True]", "[nullx]", "[truefalse]",
	"[++1234]", "[+1]", "[-01]", "[-1.0.]", "[-2.]", "[-NaN]", "[.-1]",
	"[.2e-3]", "[0.1.2]", "[0.3e+]", "[0.3e]", "[0.e1]", "[0E+]", "[0E]",
	"[1.0e+]", "[1.0e-]", "[1.0e]", "[1 000.0]", "[1eE2]", "[2.e+3]",
	"[9.e+]", "[Inf]", "[NaN]", "[\xef\xbc\x91]", "[1+2]", "[0x1]",
	"[0x42]", "[Infinity]", "[-Infinity]", "[0e+-1]", "[-123.123foo]",
	"[-foo]", "[- 1]", "[-012]", "[-.123]", "[1.]", "[.123]", "[1.2a-3]",
	"[1.8011670033376514H-308]", "[012]", "[00]", "[1,", "{[: \"x\"}\n",
	"{\"x\", null}", "{\"x\"::\"b\"}", "{\"a\":\"a\" 123}",
	"{key: 'value'}", "{\"\xb9\":\"0\",}", "{\"a\" b}", "{:\"b\"}",
	"{\"a\" \"b\"}", "{\"a\":", "{\"a\"", "{1:1}", "{9999E9999:1}",
	"{null:null,null:null}", "{\"id\":0,,,,,}", "{'a':0}", "{\"id\":0,}",
	"{\"a\":\"b\"}/**/", "{\"a\":\"b\"}//", "{\"a\":/*comment*/\"b\"}",
	"{\"a\":\"b\",,\"c\":\"d\"}", "{a: \"b\"}", "{\"a\":\"a",
	"{ \"foo\" : \"bar\", \"a\" }", "{\"a\":\"b\"}#", "{\"a\"}", "{,}",
	"{\"a\":}", "{}{}", "{}}", "{\"a\":true]", "[1}", "[{]}", "]", "}", ",",
	":", "{", "[", "[\"\\uD800\\\"]", "[\"\\uD800\\u\"]",
	"[\"\\uD800\\u1\"]", "[\"\\uD800\\u1x\"]", "[\xc3\xa9]", "[\"\\x00\"]",
	"[\"\\\\\\\"]", "[\"\\\t\"]", "[\"\\\xf0\x9f\x8c\x80\"]", "[\"\\\"]",
	"[\"\\u00A\"]", "[\"\\u00G0\"]", "[\"\\U0041\"]", "[\"\\uD834\\uDd\"]",
	"[\"\\a\"]", "[\"\\'\"]", "[\"\\uqqqq\"]", "[\"\\u 041\"]",
	"[\"new\nline\"]", "[\"\r\"]", "[\"\t\"]", "[\"\x1f\"]",
	"['single quote']", "abc", "\"", "\"0123456789abcdef",
	"\"0123456789abcdef\x01\"", "\"x\"#", "1]", "<.>", "[<null>]", "aa",
	"tru", "-", "1.", "1e", "2@", "[\f]", "[\v1]", "[\xc2\xa0]",
	"[\xe2\x81\xa0]", "{\"\\u0000\":1}", "{\"a\\u0000b\":1}",
	"[{\"x\":{\"\\u0000\":1}}]" };

static void
well_formed_texts_are_accepted_wherever_they_lie(void **state)
{
	struct json_scan scan;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size_t n = 0; n < MARGIN; n++)
			for (size_t m = 0; m < 2 * MARGIN; m += 19)
				if (scan_padded(good[i], n, m, &scan) == -1)
					fail_msg("%s: %s at %zu", good[i],
					    scan.error, scan.error_at);
}

static void
all_else_is_refused_wherever_it_lies(void **state)
{
	struct json_scan scan;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (size_t n = 0; n < MARGIN; n++) {
			for (size_t m = 0; m < 2 * MARGIN; m += 19) {
				if (scan_padded(bad[i], n, m, &scan) == 0)
					fail_msg("accepted: %s", bad[i]);
				assert_non_null(scan.error);
				assert_true(
				    scan.error_at <= strlen(bad[i]) + n + m);
			}
		}
	}
}

/* Something of everything. */
static const char mixed[] =
    "{\"jsonrpc\":\"2.0\",\"id\":-1.5e+7,\"a\\u00e9\\n\":[true,false,null,"
    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 plain text that is longer than "
    "one block\",\"\\ud83d\\ude39\"],\"b\":{\"c\":{}}}";
#define MIXED_LEN (sizeof(mixed) - 1)

static void
every_truncation_of_a_container_is_refused_at_its_end(void **state)
{
	struct json_scan scan;

	(void)state;
	assert_int_equal(scan_copy(mixed, MIXED_LEN, &scan), 0);
	for (size_t n = 0; n < MIXED_LEN; n++) {
		assert_int_equal(scan_copy(mixed, n, &scan), -1);
		/* A sequence of UTF-8 is refused at its first byte. */
		assert_in_range(scan.error_at, n < 3 ? 0 : n - 3, n);
	}
}

static void
a_nul_byte_is_refused_everywhere(void **state)
{
	char text[MIXED_LEN + 1];
	struct json_scan scan;

	(void)state;
	for (size_t n = 0; n <= MIXED_LEN; n++) {
		memcpy(text, mixed, n);
		text[n] = '\0';
		memcpy(text + n + 1, mixed + n, MIXED_LEN - n);
		assert_int_equal(scan_copy(text, sizeof(text), &scan), -1);
		assert_in_range(scan.error_at, n < 3 ? 0 : n - 3, n);
	}
}

static void
an_empty_text_may_be_at_null(void **state)
{
	struct json_scan scan;

	(void)state;
	assert_int_equal(json_scan(NULL, 0, NULL, 0, NULL, &scan), -1);
	assert_int_equal(scan.error_at, 0);
	assert_string_equal(scan.error, "unexpected end");
}

static void
an_error_tells_its_first_wrong_byte(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *error;
	} cases[] = {
		{ "", 0, "unexpected end" },
		{ "{\"a\":1,}", 7, "not a key" },
		{ "[1,2", 4, "unexpected end" },
		{ "[1 2]", 3, "not a comma or closing bracket" },
		{ "[\"\\uD8x0\"]", 6, "not a hexadecimal digit" },
		{ "[\"ab\ncd\"]", 4, "control character in a string" },
		{ "[\"ab\xff\"]", 4, "not UTF-8" },
		{ "[\"\\q\"]", 3, "unknown escape" },
		{ "[nulL]", 4, "unknown literal" },
		{ "[1.x]", 3, "not a digit" },
		{ "[] []", 3, "text after the value" },
		{ "{\"a\" 1}", 5, "not a colon" },
		{ "[?]", 1, "not a value" },
	};
	struct json_scan scan;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    scan_copy(cases[i].text, strlen(cases[i].text), &scan), -1);
		assert_string_equal(scan.error, cases[i].error);
		assert_int_equal(scan.error_at, cases[i].at);
	}
}

/* n times open, then n times close, where open ends with a bracket. */
static int
scan_nested(const char *open, char close, const char *core, size_t n,
    struct json_scan *scan)
{
	size_t width = strlen(open), len = n * (width + 1) + strlen(core);
	char *text = malloc(len + 1), *at = text;
	int result;

	assert_non_null(text);
	for (size_t i = 0; i < n; i++, at += width)
		memcpy(at, open, width);
	memcpy(at, core, strlen(core));
	at += strlen(core);
	memset(at, close, n);
	result = scan_copy(text, len, scan);
	free(text);
	return result;
}

static void
nesting_is_accepted_up_to_the_limit_and_no_deeper(void **state)
{
	struct json_scan scan;

	(void)state;
	assert_int_equal(scan_nested("[", ']', "1", JSON_DEPTH_MAX, &scan), 0);
	assert_int_equal(scan.nodes, JSON_DEPTH_MAX + 1);
	assert_int_equal(
	    scan_nested("{\"k\":", '}', "{}", JSON_DEPTH_MAX - 1, &scan), 0);
	assert_int_equal(
	    scan_nested("[", ']', "", JSON_DEPTH_MAX + 1, &scan), -1);
	assert_int_equal(scan.error_at, JSON_DEPTH_MAX);
	assert_string_equal(scan.error, "nested too deep");
	assert_int_equal(
	    scan_nested("{\"k\":", '}', "{}", JSON_DEPTH_MAX, &scan), -1);
	assert_int_equal(scan_nested("[", ']', "", 1000000, &scan), -1);
}

static void
utf8_is_accepted_as_table_3_7_has_it(void **state)
{
	static const struct {
		unsigned char lead, first, last;
		size_t len;
	} rows[] = { { 0xc2, 0x80, 0xbf, 2 }, { 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0x80, 0xbf, 3 },
		{ 0xec, 0x80, 0xbf, 3 }, { 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0x80, 0xbf, 3 }, { 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0x80, 0xbf, 4 },
		{ 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0x80, 0x8f, 4 } };
	struct json_scan scan;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int second = 0; second < 256; second++) {
			char text[6] = { '"', (char)rows[i].lead, (char)second,
				(char)0x80, (char)0xbf };
			bool valid =
			    second >= rows[i].first && second <= rows[i].last;

			text[rows[i].len + 1] = '"';
			assert_int_equal(
			    scan_copy(text, rows[i].len + 2, &scan),
			    valid ? 0 : -1);
			if (!valid)
				continue;
			/* Any byte but a continuation in a later place. */
			for (size_t k = 3; k <= rows[i].len; k++) {
				char keep = text[k];

				text[k] = (char)0xc0;
				assert_int_equal(
				    scan_copy(text, rows[i].len + 2, &scan),
				    -1);
				text[k] = keep;
			}
		}
	}
}

static void
no_lead_byte_is_accepted_outside_table_3_7(void **state)
{
	struct json_scan scan;

	(void)state;
	for (unsigned int lead = 0x80; lead < 256; lead++) {
		char text[6] = { '"', (char)lead, (char)0x90, (char)0x80,
			(char)0x80, '"' };
		char shorter[4] = { '"', (char)lead, (char)0x90, '"' };
		bool starts = lead >= 0xc2 && lead <= 0xf4;

		if (!starts) {
			assert_int_equal(scan_copy(text, 6, &scan), -1);
			assert_int_equal(scan.error_at, 1);
		}
		assert_int_equal(scan_copy(shorter, 4, &scan),
		    lead >= 0xc2 && lead <= 0xdf ? 0 : -1);
	}
}

static void
line_breaks_between_tokens_are_told_from_escaped_ones(void **state)
{
	struct json_scan scan;

	(void)state;
	assert_int_equal(scan_copy("{\"a\":\"\\n\\r\"}", 12, &scan), 0);
	assert_false(scan.newline);
	assert_int_equal(scan_copy("{ \t\"a\" : 1 }", 12, &scan), 0);
	assert_false(scan.newline);
	assert_int_equal(scan_copy("[1]\r", 4, &scan), 0);
	assert_true(scan.newline);
	assert_int_equal(scan_copy("[1,\n2]", 6, &scan), 0);
	assert_true(scan.newline);
	assert_int_equal(scan.nodes, 3);
}

enum {
	ID,
	PARAMS,
	NAME,
	META,
	TOKEN,
	FIELDS
};

static const struct json_field fields[FIELDS] = {
	[ID] = JSON_FIELD("id", JSON_ROOT),
	[PARAMS] = JSON_PARENT("params", JSON_ROOT, NAME),
	[NAME] = JSON_FIELD("name", PARAMS),
	[META] = JSON_PARENT("_meta", PARAMS, TOKEN),
	[TOKEN] = JSON_FIELD("progressToken", META),
};

static int
scan_fields(const char *text, struct json_span *spans, struct json_scan *scan)
{
	return json_scan(text, strlen(text), fields, FIELDS, spans, scan);
}

static void
assert_span(struct json_span span, const char *text)
{
	if (text == NULL) {
		assert_null(span.at);
		assert_int_equal(span.len, 0);
		return;
	}
	assert_non_null(span.at);
	assert_int_equal(span.len, strlen(text));
	assert_memory_equal(span.at, text, span.len);
}

static void
spans_are_exact_at_every_level(void **state)
{
	struct json_span spans[FIELDS];
	struct json_scan scan;

	(void)state;
	assert_int_equal(
	    scan_fields(" { \"name\":0, \"params\" : { \"id\":[], \"_meta\" : "
			"{\"x\":{\"progressToken\":1},\"progressToken\" : "
			"\"t\\\"\" } , \"name\":\"n\" , \"more\":{\"name\":2} "
			"} , \"id\" :\t-1.5e3\n} ",
		spans, &scan),
	    0);
	assert_span(spans[ID], "-1.5e3");
	assert_span(spans[PARAMS],
	    "{ \"id\":[], \"_meta\" : {\"x\":{\"progressToken\":1},"
	    "\"progressToken\" : \"t\\\"\" } , \"name\":\"n\" , "
	    "\"more\":{\"name\":2} }");
	assert_span(spans[NAME], "\"n\"");
	assert_span(spans[META],
	    "{\"x\":{\"progressToken\":1},\"progressToken\" : \"t\\\"\" }");
	assert_span(spans[TOKEN], "\"t\\\"\"");
}

static void
members_are_looked_for_in_their_own_object_only(void **state)
{
	static const char *const texts[] = {
		"[{\"id\":1,\"params\":{\"name\":2}}]",
		"{\"x\":{\"id\":1,\"params\":{\"name\":2}}}",
		"{\"Id\":1,\"i\":1,\"idd\":1,\"xd\":1,\"param\":{\"name\":1}}",
		"\"id\"",
	};
	struct json_span spans[FIELDS];
	struct json_scan scan;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(scan_fields(texts[i], spans, &scan), 0);
		for (size_t k = 0; k < FIELDS; k++)
			assert_span(spans[k], NULL);
	}
	assert_int_equal(
	    scan_fields("{\"params\":[{\"name\":2}],\"id\":[{\"name\":1}]}",
		spans, &scan),
	    0);
	assert_span(spans[PARAMS], "[{\"name\":2}]");
	assert_span(spans[NAME], NULL);
}

static void
keys_are_compared_by_meaning(void **state)
{
	struct json_span spans[FIELDS];
	struct json_scan scan;

	(void)state;
	assert_int_equal(scan_fields("{\"\\u0069d\":1,\"p\\u0061rams\":"
				     "{\"\\u006eam\\u0065\":{}}}",
			     spans, &scan),
	    0);
	assert_span(spans[ID], "1");
	assert_span(spans[NAME], "{}");
}

static void
a_listed_key_stands_once_however_it_is_spelled(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} twice[] = {
		{ "{\"id\":1,\"id\":1}", 8 },
		{ "{\"id\":1,\"\\u0069d\":2}", 8 },
		{ "{\"i\\u0064\":1,\"id\":2}", 13 },
		{ "{\"params\":{},\"params\":{}}", 13 },
		{ "{\"params\":{\"name\":null,\"name\":1}}", 23 },
		{ "{\"params\":{\"_meta\":{\"progressToken\":1,"
		  "\"progress\\u0054oken\":2}}}",
		    38 },
	};
	struct json_span spans[FIELDS];
	struct json_scan scan;

	(void)state;
	for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++) {
		assert_int_equal(scan_fields(twice[i].text, spans, &scan), -1);
		assert_string_equal(scan.error, "duplicate key");
		assert_int_equal(scan.error_at, twice[i].at);
	}
	assert_int_equal(
	    scan_fields("{\"x\":1,\"x\":2,\"params\":{\"x\":1,\"x\":2,"
			"\"id\":1,\"id\":2}}",
		spans, &scan),
	    0);
}

static void
a_lone_surrogate_is_refused_in_a_key_that_is_compared(void **state)
{
	struct json_span spans[FIELDS];
	struct json_scan scan;

	(void)state;
	assert_int_equal(scan_fields("{\"\\ud800\":1}", spans, &scan), -1);
	assert_string_equal(scan.error, "lone surrogate in a key");
	assert_int_equal(
	    scan_fields(
		"{\"x\":{\"\\ud800\":1},\"id\":\"\\udc00\"}", spans, &scan),
	    0);
	assert_span(spans[ID], "\"\\udc00\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    well_formed_texts_are_accepted_wherever_they_lie),
		cmocka_unit_test(all_else_is_refused_wherever_it_lies),
		cmocka_unit_test(
		    every_truncation_of_a_container_is_refused_at_its_end),
		cmocka_unit_test(a_nul_byte_is_refused_everywhere),
		cmocka_unit_test(an_empty_text_may_be_at_null),
		cmocka_unit_test(an_error_tells_its_first_wrong_byte),
		cmocka_unit_test(
		    nesting_is_accepted_up_to_the_limit_and_no_deeper),
		cmocka_unit_test(utf8_is_accepted_as_table_3_7_has_it),
		cmocka_unit_test(no_lead_byte_is_accepted_outside_table_3_7),
		cmocka_unit_test(
		    line_breaks_between_tokens_are_told_from_escaped_ones),
		cmocka_unit_test(spans_are_exact_at_every_level),
		cmocka_unit_test(
		    members_are_looked_for_in_their_own_object_only),
		cmocka_unit_test(keys_are_compared_by_meaning),
		cmocka_unit_test(
		    a_listed_key_stands_once_however_it_is_spelled),
		cmocka_unit_test(
		    a_lone_surrogate_is_refused_in_a_key_that_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
