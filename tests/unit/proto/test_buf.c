/* wrap: realloc */
/* A byte queue: order, growth, reuse of its memory, and failure. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"

static bool realloc_fails;

void *__real_realloc(void *mem, size_t n);
void *__wrap_realloc(void *mem, size_t n);

void *
__wrap_realloc(void *mem, size_t n)
{
	if (realloc_fails) {
		errno = ENOMEM;
		return NULL;
	}
	return __real_realloc(mem, n);
}

static void
assert_holds(const struct buf *b, const char *text)
{
	assert_int_equal(buf_len(b), strlen(text));
	if (text[0] != '\0')
		assert_memory_equal(buf_data(b), text, strlen(text));
}

static void
a_zeroed_buffer_is_empty(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_room(&b), 0);
	assert_null(buf_data(&b));
	buf_consume(&b, 0);
	buf_trim(&b, 0);
	buf_free(&b);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_null(buf_data(&b));
}

static void
bytes_come_out_in_the_order_they_went_in(void **state)
{
	struct buf b = { 0 };
	unsigned int in = 0, out = 0;

	(void)state;
	/* All step sizes against each other, over every growth and move. */
	for (size_t step = 1; step < 300; step++) {
		for (size_t i = 0; i < step; i++) {
			unsigned char c = (unsigned char)(in++ % 251);

			assert_int_equal(buf_add(&b, &c, 1), 0);
		}
		for (size_t i = 0; i < step - 1; i++) {
			assert_int_equal((unsigned char)buf_data(&b)[0],
			    (unsigned char)(out++ % 251));
			buf_consume(&b, 1);
		}
		assert_int_equal(buf_len(&b), step);
	}
	buf_free(&b);
}

static void
reserving_changes_nothing_until_it_is_committed(void **state)
{
	struct buf b = { 0 };
	char *at;

	(void)state;
	assert_int_equal(buf_add_text(&b, "abc"), 0);
	assert_non_null(at = buf_reserve(&b, 5000));
	assert_true(buf_room(&b) >= 5000);
	assert_holds(&b, "abc");
	memcpy(at, "defgh", 5);
	buf_commit(&b, 2);
	assert_holds(&b, "abcde");
	buf_free(&b);
}

static void
room_that_is_there_is_used_without_moving(void **state)
{
	struct buf b = { 0 };
	char *at;

	(void)state;
	assert_non_null(at = buf_reserve(&b, 100));
	buf_commit(&b, 100);
	assert_ptr_equal(buf_reserve(&b, buf_room(&b)), at + 100);
	buf_free(&b);
}

static void
consumed_room_is_used_again_before_memory_grows(void **state)
{
	struct buf b = { 0 };
	size_t cap;

	(void)state;
	assert_non_null(buf_reserve(&b, 1000));
	memset(buf_data(&b), 'x', 1000);
	buf_commit(&b, 1000);
	cap = b.cap;
	buf_consume(&b, 990);
	assert_non_null(buf_reserve(&b, cap - 10));
	assert_int_equal(b.cap, cap);
	assert_holds(&b, "xxxxxxxxxx");
	buf_free(&b);
}

static void
growing_after_consuming_gives_all_the_room(void **state)
{
	(void)state;
	for (size_t n = 1; n < 2000; n += 7) {
		struct buf b = { 0 };
		char *at;

		for (int i = 0; i < 20; i++)
			assert_int_equal(buf_add_text(&b, "0123456789"), 0);
		buf_consume(&b, 95);
		assert_non_null(at = buf_reserve(&b, n));
		assert_true(buf_room(&b) >= n);
		memset(at, 'x', n);
		buf_commit(&b, n);
		assert_memory_equal(buf_data(&b), "5678901234", 10);
		buf_free(&b);
	}
}

static void
a_long_run_of_short_messages_does_not_grow_the_memory(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(buf_add_text(&b, "0123456789"), 0);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(buf_add_text(&b, "0123456789"), 0);
		buf_consume(&b, 10);
	}
	assert_true(b.cap <= 256);
	buf_free(&b);
}

static void
formatted_text_is_appended_at_every_length(void **state)
{
	(void)state;
	for (int n = 0; n < 600; n++) {
		struct buf b = { 0 };

		assert_int_equal(buf_add_text(&b, "<"), 0);
		assert_int_equal(buf_add_format(&b, "%0*d|", n, 7), 0);
		assert_int_equal(buf_len(&b), (n > 0 ? n : 1) + 2);
		assert_int_equal(buf_data(&b)[0], '<');
		assert_int_equal(buf_data(&b)[buf_len(&b) - 1], '|');
		assert_int_equal(buf_data(&b)[buf_len(&b) - 2], '7');
		buf_free(&b);
	}
}

static void
trimming_frees_only_large_memory_of_an_empty_buffer(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_non_null(buf_reserve(&b, 5000));
	buf_commit(&b, 1);
	buf_trim(&b, 10);
	assert_true(b.cap >= 5000);
	buf_consume(&b, 1);
	buf_trim(&b, b.cap);
	assert_true(b.cap >= 5000);
	buf_trim(&b, b.cap - 1);
	assert_int_equal(b.cap, 0);
	assert_int_equal(buf_add_text(&b, "again"), 0);
	assert_holds(&b, "again");
	buf_free(&b);
}

static void
without_memory_the_buffer_stays_as_it_was(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(buf_add_text(&b, "kept"), 0);
	buf_consume(&b, 1);
	realloc_fails = true;
	errno = 0;
	assert_null(buf_reserve(&b, 10000));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(buf_add_format(&b, "%09999d", 1), -1);
	assert_holds(&b, "ept");
	realloc_fails = false;
	assert_int_equal(buf_add_text(&b, "!"), 0);
	assert_holds(&b, "ept!");
	realloc_fails = true;
	struct buf none = { 0 };
	assert_int_equal(buf_add(&none, "x", 1), -1);
	assert_int_equal(buf_add_format(&none, "x"), -1);
	realloc_fails = false;
	buf_free(&b);
}

static void
a_size_that_would_overflow_is_refused(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(buf_add_text(&b, "abc"), 0);
	errno = 0;
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(errno, ENOMEM);
	assert_null(buf_reserve(&b, SIZE_MAX - 2));
	assert_null(buf_reserve(&b, SIZE_MAX / 2));
	assert_holds(&b, "abc");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_buffer_is_empty),
		cmocka_unit_test(bytes_come_out_in_the_order_they_went_in),
		cmocka_unit_test(
		    reserving_changes_nothing_until_it_is_committed),
		cmocka_unit_test(room_that_is_there_is_used_without_moving),
		cmocka_unit_test(
		    consumed_room_is_used_again_before_memory_grows),
		cmocka_unit_test(growing_after_consuming_gives_all_the_room),
		cmocka_unit_test(
		    a_long_run_of_short_messages_does_not_grow_the_memory),
		cmocka_unit_test(formatted_text_is_appended_at_every_length),
		cmocka_unit_test(
		    trimming_frees_only_large_memory_of_an_empty_buffer),
		cmocka_unit_test(without_memory_the_buffer_stays_as_it_was),
		cmocka_unit_test(a_size_that_would_overflow_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
