/* test_splice.c: pieces are replaced and nothing else changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/splice.h"

static const char text[] = "0123456789abcdef";
#define TEXT_LEN (sizeof(text) - 1)

static void
assert_result(const struct splice *s, const char *expected)
{
	size_t len = splice_length(s);
	char *dst = malloc(len > 0 ? len : 1);

	assert_non_null(dst);
	assert_int_equal(len, strlen(expected));
	splice_write(s, dst);
	assert_memory_equal(dst, expected, len);
	free(dst);
}

static struct json_span
piece(size_t at, size_t len)
{
	return (struct json_span){ text + at, len };
}

static void
without_edits_the_text_is_the_same(void **state)
{
	struct splice s;

	(void)state;
	splice_init(&s, text, TEXT_LEN);
	assert_result(&s, text);
	splice_init(&s, text, 0);
	assert_result(&s, "");
}

static void
every_span_can_be_replaced_by_any_length(void **state)
{
	static const char new[] = "XYZ";
	char expected[64];
	struct splice s;

	(void)state;
	for (size_t at = 0; at <= TEXT_LEN; at++) {
		for (size_t len = 0; len <= TEXT_LEN - at; len++) {
			for (size_t n = 0; n < sizeof(new); n++) {
				splice_init(&s, text, TEXT_LEN);
				splice_replace(&s, piece(at, len), new, n);
				memcpy(expected, text, at);
				memcpy(expected + at, new, n);
				memcpy(expected + at + n, text + at + len,
				    TEXT_LEN - at - len);
				expected[TEXT_LEN - len + n] = '\0';
				assert_result(&s, expected);
			}
		}
	}
}

static void
edits_may_come_in_any_order(void **state)
{
	static const size_t orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 },
		{ 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct splice s;

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		splice_init(&s, text, TEXT_LEN);
		for (size_t k = 0; k < 3; k++) {
			switch (orders[i][k]) {
			case 0:
				splice_replace(&s, piece(0, 2), "<one>", 5);
				break;
			case 1:
				splice_replace(&s, piece(2, 3), "", 0);
				break;
			default:
				splice_replace(&s, piece(14, 2), "$", 1);
				break;
			}
		}
		assert_result(&s, "<one>56789abcd$");
	}
}

static void
as_many_edits_as_promised_fit(void **state)
{
	struct splice s;

	(void)state;
	splice_init(&s, text, TEXT_LEN);
	for (size_t i = SPLICE_MAX; i > 0; i--)
		splice_replace(&s, piece(2 * (i - 1), 1), "..", 2);
	assert_result(&s, "..1..3..5..7..9..b..d..f");
}

static void
edits_inside_a_span_are_taken_back(void **state)
{
	struct splice s;

	(void)state;
	splice_init(&s, text, TEXT_LEN);
	splice_replace(&s, piece(1, 1), "<one>", 5);
	splice_replace(&s, piece(4, 2), "", 0);
	splice_replace(&s, piece(7, 1), "<seven>", 7);
	splice_replace(&s, piece(9, 1), "<nine>", 6);
	splice_forget(&s, piece(4, 4));
	assert_result(&s, "0<one>2345678<nine>abcdef");
	splice_replace(&s, piece(4, 4), "$", 1);
	assert_result(&s, "0<one>23$8<nine>abcdef");
	splice_forget(&s, piece(0, 16));
	assert_result(&s, text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_edits_the_text_is_the_same),
		cmocka_unit_test(every_span_can_be_replaced_by_any_length),
		cmocka_unit_test(edits_may_come_in_any_order),
		cmocka_unit_test(as_many_edits_as_promised_fit),
		cmocka_unit_test(edits_inside_a_span_are_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
