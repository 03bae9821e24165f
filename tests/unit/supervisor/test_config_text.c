/* Comments, trailing commas, lines and columns. */
#include "config_test.h"

#include "config_text.h"

static void
comments_and_trailing_commas_become_spaces(void **state)
{
	static const struct {
		const char *text;
		const char *blanked;
	} cases[] = {
		{ "", "" },
		{ "{}", "{}" },
		{ "{} // x", "{}     " },
		{ "// x\n{}", "    \n{}" },
		{ "/**/{}", "    {}" },
		{ "/* a\n*/1", "    \n  1" },
		{ "/*/ */1", "      1" },
		{ "1//*\n2", "1   \n2" },
		{ "\"// x\"", "\"// x\"" },
		{ "\"/* x */\"", "\"/* x */\"" },
		{ "\"\\\"// x\"", "\"\\\"// x\"" },
		{ "\"\\\\\"// x", "\"\\\\\"    " },
		{ "[1,]", "[1 ]" },
		{ "{\"a\":1,}", "{\"a\":1 }" },
		{ "[1, \n\t]", "[1  \n\t]" },
		{ "[1, // x\n]", "[1      \n]" },
		{ "[[1,],]", "[[1 ] ]" },
		{ "[\",]\"]", "[\",]\"]" },
		{ "[,]", "[,]" },
		{ "{,}", "{,}" },
		{ "[1,,]", "[1,,]" },
		{ ",]", ",]" },
		{ "[1,2]", "[1,2]" },
		{ "/", "/" },
		{ "1/2", "1/2" },
		{ "\xef\xbb\xbf{}", "   {}" },
		{ "{}\xef\xbb\xbf", "{}\xef\xbb\xbf" },
		{ "\"x\n// y", "\"x\n    " },
		{ "\"\\", "\"\\" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = strdup(cases[i].text);
		size_t error_at;

		assert_int_equal(
		    config_text_blank(text, strlen(text), &error_at), 0);
		assert_string_equal(text, cases[i].blanked);
		free(text);
	}
}

static void
a_comment_without_end_is_found(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} cases[] = { { "/*", 0 }, { "{} /*", 3 }, { "/* *", 0 }, { "/*/", 0 },
		{ "/**/ /* * /", 5 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = strdup(cases[i].text);
		size_t error_at = 99;

		assert_int_equal(
		    config_text_blank(text, strlen(text), &error_at), -1);
		assert_int_equal(error_at, cases[i].at);
		free(text);
	}
}

static void
places_count_from_one(void **state)
{
	static const char text[] = "ab\n\nc\r\n\xc3\xbc!";
	static const unsigned int places[][2] = { { 1, 1 }, { 1, 2 }, { 1, 3 },
		{ 2, 1 }, { 3, 1 }, { 3, 2 }, { 3, 3 }, { 4, 1 }, { 4, 2 },
		{ 4, 3 }, { 4, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		unsigned int line, column;

		config_text_place(text, i, &line, &column);
		assert_int_equal(line, places[i][0]);
		assert_int_equal(column, places[i][1]);
	}
}

static void
a_configuration_may_have_all_of_them(void **state)
{
	struct config *c = must_parse("\xef\xbb\xbf// one\r\n{ /* two\n */\n"
				      "\"a\": {\"command\": \"x//y\", \"args\""
				      ": [\"/*\", \",]\",], // three\n},}\n//");

	(void)state;
	assert_string_equal(c->backends[0].command, "x//y");
	assert_string_equal(c->backends[0].args[0], "/*");
	assert_string_equal(c->backends[0].args[1], ",]");
	assert_null(c->backends[0].args[2]);
	config_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_and_trailing_commas_become_spaces),
		cmocka_unit_test(a_comment_without_end_is_found),
		cmocka_unit_test(places_count_from_one),
		cmocka_unit_test(a_configuration_may_have_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
