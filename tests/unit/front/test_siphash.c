/* test_siphash.c: SipHash-2-4-128 as its authors' reference has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "siphash.h"

/* Of the key 00 01 … 0f and the bytes 00 01 … of a length; words are little
 * endian. */
static const struct {
	size_t len;
	uint64_t hash[2];
} vectors[] = {
	{ 0, { 0xe6a825ba047f81a3, 0x930255c71472f66d } },
	{ 1, { 0x44af996bd8c187da, 0x45fc229b11597634 } },
	{ 7, { 0x53c1dbd8beebf1a1, 0x3982f01fa64ab8c0 } },
	{ 8, { 0x61f55862baa9623b, 0xb49714f364e2830f } },
	{ 15, { 0x11a8b03399e99354, 0xd9c3cf970fec087e } },
	{ 16, { 0xbb54b067caa4e26e, 0x77052385bf1533fd } },
	{ 63, { 0x4a83502f77d15051, 0x7cbd3f979a063e50 } },
};

static void
the_reference_vectors_come_out(void **state)
{
	unsigned char bytes[64];
	struct siphash_key key;
	uint64_t hash[2];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	key.k[0] = UINT64_C(0x0706050403020100);
	key.k[1] = UINT64_C(0x0f0e0d0c0b0a0908);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		siphash(&key, bytes, vectors[i].len, hash);
		assert_int_equal(hash[0], vectors[i].hash[0]);
		assert_int_equal(hash[1], vectors[i].hash[1]);
	}
}

static void
another_key_hashes_otherwise(void **state)
{
	struct siphash_key a = { { 1, 2 } };
	struct siphash_key b = { { 1, 3 } };
	uint64_t of_a[2];
	uint64_t of_b[2];

	(void)state;
	siphash(&a, "token", 5, of_a);
	siphash(&b, "token", 5, of_b);
	assert_int_not_equal(of_a[0], of_b[0]);
	assert_int_not_equal(of_a[1], of_b[1]);
}

static void
any_alignment_hashes_the_same(void **state)
{
	struct siphash_key key = { { 5, 6 } };
	char text[32];
	uint64_t want[2];
	uint64_t got[2];

	(void)state;
	siphash(&key, "0123456789abc", 13, want);
	for (size_t at = 0; at < 8; at++) {
		memcpy(text + at, "0123456789abc", 13);
		siphash(&key, text + at, 13, got);
		assert_memory_equal(got, want, sizeof(want));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_vectors_come_out),
		cmocka_unit_test(another_key_hashes_otherwise),
		cmocka_unit_test(any_alignment_hashes_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
