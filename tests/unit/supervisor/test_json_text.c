/* test_json_text.c: an object of JSON, written member by member. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_text.h"

static void
an_object_has_what_was_written(void **state)
{
	char a[] = "a", b[] = "\"b\n";
	char *list[] = { a, b, NULL };
	struct json_text text;
	char *json;

	(void)state;
	json_text_begin(&text);
	json_text_string(&text, "s", "\xff/");
	json_text_open(&text, "o");
	json_text_close(&text);
	json_text_strings(&text, "none", NULL);
	json_text_strings(&text, "l", list);
	json_text_open(&text, "p");
	json_text_number(&text, "n", INT64_MIN);
	json_text_boolean(&text, "t", true);
	json_text_close(&text);
	json_text_string(&text, "null", NULL);
	json = json_text_finish(&text, 1000);
	assert_string_equal(json,
	    "{\"s\":\"\xef\xbf\xbd/\",\"o\":{},\"none\":[],"
	    "\"l\":[\"a\",\"\\\"b\\n\"],"
	    "\"p\":{\"n\":-9223372036854775808,\"t\":true},\"null\":null}");
	free(json);
}

static void
a_text_that_is_too_long_is_refused(void **state)
{
	struct json_text text;
	char *json;

	(void)state;
	for (size_t max = 8; max < 10; max++) {
		json_text_begin(&text);
		json_text_number(&text, "n", 123);
		errno = 0;
		json = json_text_finish(&text, max);
		if (max < 9) {
			assert_null(json);
			assert_int_equal(errno, E2BIG);
		} else {
			assert_string_equal(json, "{\"n\":123}");
		}
		free(json);
	}
}

static void
a_large_string_makes_room(void **state)
{
	size_t size = 1 << 20;
	char *value = malloc(size + 1), *json;
	struct json_text text;

	(void)state;
	assert_non_null(value);
	memset(value, '\1', size);
	value[size] = '\0';
	json_text_begin(&text);
	json_text_string(&text, "v", value);
	json_text_string(&text, "w", "x");
	json = json_text_finish(&text, 8 * size);
	assert_non_null(json);
	assert_int_equal(
	    strlen(json), strlen("{\"v\":\"\",\"w\":\"x\"}") + 6 * size);
	free(json);
	free(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_has_what_was_written),
		cmocka_unit_test(a_text_that_is_too_long_is_refused),
		cmocka_unit_test(a_large_string_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
