/* The 24-byte header: its exact bytes, both ways, at every length. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/frame.h"

static const struct frame sample = { .length = 0x01020304,
	.type = 0x0506,
	.flags = 0x0708,
	.id = 0x090a0b0c0d0e0f10,
	.client = 0x11121314 };

static const unsigned char sample_bytes[FRAME_HEADER_LEN] = { 1, 2, 3, 4, 5, 6,
	7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 0, 0, 0, 0 };

static void
assert_same(const struct frame *a, const struct frame *b)
{
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->flags, b->flags);
	assert_true(a->id == b->id);
	assert_int_equal(a->client, b->client);
}

static void
a_header_is_big_endian_in_the_documented_order(void **state)
{
	unsigned char out[FRAME_HEADER_LEN + 1];

	(void)state;
	memset(out, 0xee, sizeof(out));
	frame_encode(out, &sample);
	assert_memory_equal(out, sample_bytes, FRAME_HEADER_LEN);
	assert_int_equal(out[FRAME_HEADER_LEN], 0xee);
}

static void
decoding_waits_at_every_split(void **state)
{
	struct frame frame = { .id = 77 };

	(void)state;
	for (size_t n = 0; n < FRAME_HEADER_LEN; n++) {
		assert_int_equal(frame_decode(&frame, sample_bytes, n), 0);
		assert_int_equal(frame.id, 77);
	}
	for (size_t n = FRAME_HEADER_LEN; n < FRAME_HEADER_LEN + 3; n++) {
		frame = (struct frame){ 0 };
		assert_int_equal(frame_decode(&frame, sample_bytes, n), 1);
		assert_same(&frame, &sample);
	}
}

static void
extreme_values_survive(void **state)
{
	const struct frame extremes[] = { { 0 },
		{ UINT32_MAX, UINT16_MAX, UINT16_MAX, UINT64_MAX, UINT32_MAX },
		{ 0x80000000, 0x8000, 0x8000, 1ULL << 63, 0x80000000 },
		{ 1, 1, 1, 1, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
		unsigned char bytes[FRAME_HEADER_LEN];
		struct frame back;

		frame_encode(bytes, &extremes[i]);
		assert_int_equal(frame_decode(&back, bytes, sizeof(bytes)), 1);
		assert_same(&back, &extremes[i]);
	}
}

static void
any_bit_in_the_reserved_field_is_refused(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 32; bit++) {
		unsigned char bytes[FRAME_HEADER_LEN];
		struct frame frame = { .id = 77 };

		memcpy(bytes, sample_bytes, sizeof(bytes));
		bytes[20 + bit / 8] = (unsigned char)(1U << bit % 8);
		errno = 0;
		assert_int_equal(
		    frame_decode(&frame, bytes, sizeof(bytes)), -1);
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(frame.id, 77);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_header_is_big_endian_in_the_documented_order),
		cmocka_unit_test(decoding_waits_at_every_split),
		cmocka_unit_test(extreme_values_survive),
		cmocka_unit_test(any_bit_in_the_reserved_field_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
