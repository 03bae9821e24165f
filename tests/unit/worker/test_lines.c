/* test_lines.c: a byte stream cut at its newlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lines.h"

#define MAX 8

static void
feed(struct lines *lines, const char *text, size_t n)
{
	char *at = lines_reserve(lines, n);

	assert_non_null(at);
	memcpy(at, text, n);
	lines_commit(lines, n);
}

static void
expect(struct lines *lines, enum lines_found found, const char *want)
{
	char *text;
	size_t len;

	assert_int_equal(lines_next(lines, &text, &len), found);
	if (found == LINES_NONE)
		return;
	assert_int_equal(len, strlen(want));
	assert_memory_equal(text, want, len);
}

static void
lines_come_whole_however_they_were_split(void **state)
{
	static const char text[] = "one\n\ntwo\r\n\r\nthree\r \r\r\nrest";
	struct lines lines;

	(void)state;
	for (size_t split = 0; split < sizeof(text); split++) {
		char *line;
		size_t len;

		lines_init(&lines, 64);
		feed(&lines, text, split);
		for (int i = 0; lines_next(&lines, &line, &len) == LINES_LINE;
		     i++)
			assert_in_range(i, 0, 4);
		lines_free(&lines);
	}
	lines_init(&lines, 64);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		feed(&lines, text + i, 1);
		if (text[i] != '\n')
			expect(&lines, LINES_NONE, "");
		else if (i == 3)
			expect(&lines, LINES_LINE, "one");
		else if (i == 9)
			expect(&lines, LINES_LINE, "two");
		else if (i == 21)
			expect(&lines, LINES_LINE, "three\r \r");
		else
			expect(&lines, LINES_LINE, "");
	}
	assert_int_equal(lines_rest(&lines), 4);
	lines_free(&lines);
}

static void
many_lines_of_one_read_come_one_by_one(void **state)
{
	struct lines lines;

	(void)state;
	lines_init(&lines, MAX);
	feed(&lines, "a\nb\nc", 5);
	expect(&lines, LINES_LINE, "a");
	expect(&lines, LINES_LINE, "b");
	expect(&lines, LINES_NONE, "");
	feed(&lines, "d\n", 2);
	expect(&lines, LINES_LINE, "cd");
	expect(&lines, LINES_NONE, "");
	lines_free(&lines);
}

static void
a_line_of_exactly_the_limit_passes(void **state)
{
	struct lines lines;

	(void)state;
	lines_init(&lines, MAX);
	feed(&lines, "12345678", 8);
	expect(&lines, LINES_NONE, "");
	feed(&lines, "\n", 1);
	expect(&lines, LINES_LINE, "12345678");
	lines_free(&lines);
}

static void
a_long_line_is_reported_once_and_the_next_one_passes(void **state)
{
	static const char text[] = "123456789abc\nok\n";
	struct lines lines;

	(void)state;
	/* At once. */
	lines_init(&lines, MAX);
	feed(&lines, text, sizeof(text) - 1);
	expect(&lines, LINES_TOO_LONG, "123456789abc");
	expect(&lines, LINES_SKIPPED, "123456789abc");
	expect(&lines, LINES_LINE, "ok");
	expect(&lines, LINES_NONE, "");
	/* Byte by byte. */
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		feed(&lines, text + i, 1);
		if (i == 8)
			expect(&lines, LINES_TOO_LONG, "123456789");
		else if (i == 12)
			expect(&lines, LINES_SKIPPED, "123456789abc");
		else if (i == 15)
			expect(&lines, LINES_LINE, "ok");
		else
			expect(&lines, LINES_NONE, "");
	}
	lines_free(&lines);
}

static void
the_tail_of_a_skipped_line_is_its_last_bytes(void **state)
{
	char text[1000], want[LINES_TAIL + 1];
	struct lines lines;
	char *at;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('0' + i % 75);
	for (size_t step = 1; step < 300; step += 7) {
		enum lines_found found = LINES_NONE;

		lines_init(&lines, MAX);
		for (size_t i = 0; i < sizeof(text); i += step) {
			feed(&lines, text + i,
			    i + step > sizeof(text) ? sizeof(text) - i : step);
			found = lines_next(&lines, &at, &len);
			assert_true(found == LINES_NONE ||
			    (found == LINES_TOO_LONG && i < 2 * MAX + step));
			found = lines_next(&lines, &at, &len);
			assert_int_equal(found, LINES_NONE);
		}
		feed(&lines, "\n", 1);
		memcpy(want, text + sizeof(text) - LINES_TAIL, LINES_TAIL);
		want[LINES_TAIL] = '\0';
		expect(&lines, LINES_SKIPPED, want);
		lines_free(&lines);
	}
}

static void
skipping_holds_no_memory(void **state)
{
	static char piece[64 << 10];
	struct lines lines;
	char *text;
	size_t len;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	lines_init(&lines, MAX);
	for (int i = 0; i < 100; i++) {
		feed(&lines, piece, sizeof(piece));
		(void)lines_next(&lines, &text, &len);
		(void)lines_next(&lines, &text, &len);
	}
	assert_true(lines.buf.cap <= 4 * sizeof(piece));
	lines_free(&lines);
}

static void
a_large_line_gives_its_memory_back(void **state)
{
	static char piece[1 << 20];
	struct lines lines;
	char *text;
	size_t len;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	lines_init(&lines, sizeof(piece) * 4);
	for (int i = 0; i < 4; i++)
		feed(&lines, piece, sizeof(piece));
	feed(&lines, "\n", 1);
	assert_int_equal(lines_next(&lines, &text, &len), LINES_LINE);
	assert_int_equal(len, 4 * sizeof(piece));
	expect(&lines, LINES_NONE, "");
	assert_true(lines.buf.cap <= LINES_KEEP);
	lines_free(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_whole_however_they_were_split),
		cmocka_unit_test(many_lines_of_one_read_come_one_by_one),
		cmocka_unit_test(a_line_of_exactly_the_limit_passes),
		cmocka_unit_test(
		    a_long_line_is_reported_once_and_the_next_one_passes),
		cmocka_unit_test(the_tail_of_a_skipped_line_is_its_last_bytes),
		cmocka_unit_test(skipping_holds_no_memory),
		cmocka_unit_test(a_large_line_gives_its_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
