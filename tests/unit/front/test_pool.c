/*
 * test_pool.c: memory for libevent: whole, aligned, its own, used again, given
 * back.  The functions are static, so the module is included.
 */
/* wrap: malloc */
/* wrap: free */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pool.c"

/* What the pool has of malloc(3) and did not give back. */
static size_t mallocs;
static size_t frees;

void *__real_malloc(size_t n);
void __real_free(void *memory);
void *__wrap_malloc(size_t n);
void __wrap_free(void *memory);

void *
__wrap_malloc(size_t n)
{
	mallocs++;
	return __real_malloc(n);
}

void
__wrap_free(void *memory)
{
	frees++;
	__real_free(memory);
}

static int
set_up(void **state)
{
	(void)state;
	pool_trim();
	mallocs = frees = 0;
	return 0;
}

static void
pieces_are_aligned_and_do_not_overlap(void **state)
{
	unsigned char *pieces[600];

	(void)state;
	for (size_t i = 0; i < 600; i++) {
		pieces[i] = pool_malloc(i * 11);
		assert_non_null(pieces[i]);
		assert_int_equal(
		    (uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)(i & 0xff), i * 11);
	}
	for (size_t i = 0; i < 600; i++) {
		for (size_t j = 0; j < i * 11; j++)
			assert_int_equal(pieces[i][j], i & 0xff);
		pool_free(pieces[i]);
	}
}

static void
a_freed_piece_serves_the_next_of_its_size(void **state)
{
	void *first = pool_malloc(100);
	void *second;

	(void)state;
	pool_free(first);
	second = pool_malloc(90);
	assert_ptr_equal(second, first);
	assert_int_equal(mallocs, 1);
	pool_free(second);
	assert_int_equal(frees, 0);
}

static void
large_pieces_go_back_at_once(void **state)
{
	(void)state;
	pool_free(pool_malloc(POOL_LARGEST));
	pool_free(pool_malloc(1 << 20));
	assert_int_equal(mallocs, 2);
	assert_int_equal(frees, 2);
}

static void
no_more_is_kept_than_a_burst_needs(void **state)
{
	const size_t n = 4 * POOL_KEEP / 1024;
	void **pieces = __real_malloc(n * sizeof(*pieces));

	(void)state;
	assert_non_null(pieces);
	for (size_t i = 0; i < n; i++)
		pieces[i] = pool_malloc(1000);
	for (size_t i = 0; i < n; i++)
		pool_free(pieces[i]);
	assert_true(kept <= POOL_KEEP);
	assert_true((mallocs - frees) * 1024 <= POOL_KEEP);
	/* And not nothing: it would be malloc(3) with a detour. */
	assert_true((mallocs - frees) * 1024 > POOL_KEEP - 2048);
	pool_trim();
	assert_int_equal(mallocs, frees);
	assert_int_equal(kept, 0);
	__real_free(pieces);
}

static void
growing_keeps_what_was_written(void **state)
{
	unsigned char *piece = NULL;
	size_t have = 0;

	(void)state;
	for (size_t n = 1; n < 20000; n = n * 3 / 2 + 1) {
		piece = pool_realloc(piece, n);
		assert_non_null(piece);
		for (size_t i = 0; i < have; i++)
			assert_int_equal(piece[i], i & 0xff);
		for (size_t i = have; i < n; i++)
			piece[i] = (unsigned char)i;
		have = n;
	}
	/* Shrinking moves nothing. */
	assert_ptr_equal(pool_realloc(piece, 1), piece);
	pool_free(piece);
}

static void
impossible_sizes_are_refused(void **state)
{
	volatile size_t n = SIZE_MAX;

	(void)state;
	assert_null(pool_malloc(n));
	assert_null(pool_malloc(n - sizeof(struct piece) + 1));
	pool_free(NULL);
}

/* Its memory is: a piece of 1000 bytes that is free. */
static bool
is_given_back(uint64_t moved, uint64_t now_ms)
{
	bool before;

	pool_free(pool_malloc(1000));
	before = kept > 0;
	pool_rest(moved, now_ms);
	return before && kept == 0;
}

static void
memory_goes_back_once_after_much_and_then_little(void **state)
{
	const uint64_t much = 10 * REST_AFTER;
	uint64_t now = 1000000;

	(void)state;
	assert_false(is_given_back(0, now));
	assert_false(is_given_back(0, now += REST_MS));
	assert_false(is_given_back(much, now += REST_MS));
	/* Not every time, not while there is more, and not twice. */
	assert_false(is_given_back(much, now + REST_MS - 1));
	assert_false(is_given_back(much + REST_BYTES, now += REST_MS));
	assert_true(is_given_back(much + REST_BYTES + 1, now += REST_MS));
	assert_false(is_given_back(much + REST_BYTES + 1, now += REST_MS));
	/* Drops wear away the stone. */
	for (uint64_t moved = much + REST_BYTES + 1;
	     !is_given_back(moved, now += REST_MS); moved += REST_BYTES - 1)
		assert_true(moved < 3 * much);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    pieces_are_aligned_and_do_not_overlap, set_up),
		cmocka_unit_test_setup(
		    a_freed_piece_serves_the_next_of_its_size, set_up),
		cmocka_unit_test_setup(large_pieces_go_back_at_once, set_up),
		cmocka_unit_test_setup(
		    no_more_is_kept_than_a_burst_needs, set_up),
		cmocka_unit_test_setup(growing_keeps_what_was_written, set_up),
		cmocka_unit_test_setup(impossible_sizes_are_refused, set_up),
		cmocka_unit_test_setup(
		    memory_goes_back_once_after_much_and_then_little, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
