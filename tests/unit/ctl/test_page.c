/* test_page.c: text that fits a terminal and cannot command it. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page.h"
#include "table.h"
#include "words.h"

static const char *
text_of(struct page *page)
{
	assert_int_equal(buf_add(&page->out, "", 1), 0);
	return buf_data(&page->out);
}

static void
what_a_terminal_obeys_is_escaped(void **state)
{
	static const char *const bad[] = { "\x1b[2J", "a\nb",
		"\x9b"
		"2J",
		"\xc2\x9b"
		"2J",
		"\xe2\x80\xae"
		"abc",
		"\x07", "\xff\xfe", "\xe2\x81\xa6" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *safe = page_safe(bad[i]);

		assert_non_null(strchr(safe, '\\'));
		for (const char *at = safe; *at != '\0'; at++)
			assert_in_range((unsigned char)*at, 0x20, 0x7e);
		free(safe);
	}
}

static void
long_words_are_cut(void **state)
{
	char *word = malloc(100000), *safe;

	(void)state;
	memset(word, 'x', 99999);
	word[99999] = '\0';
	safe = page_safe(word);
	assert_true(strlen(safe) < PAGE_SAFE_MAX);
	free(safe);
	free(word);
}

static void
cells_are_counted_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(page_cells("abc"), 3);
	assert_int_equal(page_cells("äöü"), 3);
	assert_int_equal(page_cells("漢字"), 4);
	assert_int_equal(page_cells("\xff"), 1);
	assert_int_equal(page_cut("漢字", 3), 3);
	assert_int_equal(page_cut("äöü", 2), 4);
	assert_int_equal(page_cut("abc", 9), 3);
}

static void
paragraphs_are_wrapped_between_words(void **state)
{
	struct page page = { .width = 30 };

	(void)state;
	page_wrap(&page, "head: ",
	    "one two three four five six seven "
	    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop",
	    2);
	assert_string_equal(text_of(&page),
	    "head: one two three four five\n"
	    "  six seven\n"
	    "  abcdefghijklmnopqrstuvwxyzab\n"
	    "  cdefghijklmnop\n");
	buf_free(&page.out);
	page = (struct page){ .width = 0 };
	page_wrap(&page, "", "", 2);
	page_wrap(&page, "x: ", "a b", 2);
	assert_string_equal(text_of(&page), "\nx: a b\n");
	buf_free(&page.out);
}

static const struct table_column columns[] = {
	{ "NAME", 0, false, true },
	{ "N", 0, true, false },
	{ "MORE", 1, false, false },
	{ "LEAST", 2, true, false },
};

static const char *
table(struct page *page, unsigned int width, bool colour)
{
	struct table *t = table_new(columns, 4);
	const char *rows[2][4] = { { "a long name of it", "1", "x", "12" },
		{ "ä", "200", "yy", "3" } };

	for (size_t i = 0; i < 2; i++) {
		struct table_cell cells[4] = { 0 };

		for (size_t j = 0; j < 4; j++)
			cells[j].text = strdup(rows[i][j]);
		cells[1].colour = i == 0 ? PAGE_GREEN : PAGE_PLAIN;
		table_add(t, cells);
	}
	*page = (struct page){ .width = width, .colour = colour };
	table_put(t, page);
	table_free(&t);
	return text_of(page);
}

static void
columns_are_aligned(void **state)
{
	struct page page;

	(void)state;
	assert_string_equal(table(&page, 0, false),
	    "NAME                 N  MORE  LEAST\n"
	    "a long name of it    1  x        12\n"
	    "ä                  200  yy        3\n");
	buf_free(&page.out);
}

static void
a_narrow_terminal_has_less_of_it(void **state)
{
	struct page page;

	(void)state;
	/* The name is cut first, then what is needed least is left out. */
	assert_string_equal(table(&page, 30, false),
	    "NAME            N  MORE  LEAST\n"
	    "a long name…    1  x        12\n"
	    "ä             200  yy        3\n");
	buf_free(&page.out);
	assert_string_equal(table(&page, 24, false),
	    "NAME             N  MORE\n"
	    "a long name …    1  x\n"
	    "ä              200  yy\n");
	buf_free(&page.out);
	assert_string_equal(table(&page, 5, false),
	    "NAME            N\n"
	    "a long name…    1\n"
	    "ä             200\n");
	buf_free(&page.out);
}

static void
colours_are_only_where_they_are_wanted(void **state)
{
	struct page page;

	(void)state;
	assert_null(strchr(table(&page, 0, false), '\033'));
	buf_free(&page.out);
	assert_non_null(strstr(table(&page, 0, true), "\033[32m1\033[0m"));
	buf_free(&page.out);
}

static void
numbers_are_for_people(void **state)
{
	char text[WORDS_MAX];

	(void)state;
	assert_string_equal(words_time(text, 0), "0s");
	assert_string_equal(words_time(text, 59), "59s");
	assert_string_equal(words_time(text, 61), "1m 1s");
	assert_string_equal(words_time(text, 3600 * 3 + 60 * 12), "3h 12m");
	assert_string_equal(words_time(text, 86400 * 4 + 7200), "4d 2h");
	assert_string_equal(words_ms(text, 999), "999 ms");
	assert_string_equal(words_ms(text, 61230), "61.23 s");
	assert_string_equal(words_bytes(text, -1), "-");
	assert_string_equal(words_bytes(text, 1023), "1023B");
	assert_string_equal(words_bytes(text, 12595), "12.3K");
	assert_string_equal(words_bytes(text, 230686720), "220M");
	assert_string_equal(words_count(text, 1, "tool", "tools"), "1 tool");
	assert_string_equal(words_count(text, 0, "tool", "tools"), "0 tools");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_terminal_obeys_is_escaped),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(cells_are_counted_not_bytes),
		cmocka_unit_test(paragraphs_are_wrapped_between_words),
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(a_narrow_terminal_has_less_of_it),
		cmocka_unit_test(colours_are_only_where_they_are_wanted),
		cmocka_unit_test(numbers_are_for_people),
	};

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
