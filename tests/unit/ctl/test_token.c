/* test_token.c: tokens and their hashes. */
/* wrap: arc4random_buf */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "token.h"

static const uint8_t *chosen;

void __wrap_arc4random_buf(void *dst, size_t n);
void
__wrap_arc4random_buf(void *dst, size_t n)
{
	assert_int_equal(n, 32);
	memcpy(dst, chosen, n);
}

/* Values of RFC 4648's alphabet for URLs, made by another program. */
static void
a_token_is_32_bytes_in_base64url(void **state)
{
	uint8_t bytes[32];
	char token[TOKEN_SIZE];

	(void)state;
	chosen = bytes;
	memset(bytes, 0xff, sizeof(bytes));
	token_make(token);
	assert_string_equal(
	    token, "mcpgw___________________________________________8");
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	token_make(token);
	assert_string_equal(
	    token, "mcpgw_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
	assert_int_equal(strlen(token) + 1, TOKEN_SIZE);
	assert_true(token_is_good(token));
}

static void
the_hash_is_sha256_of_all_of_it(void **state)
{
	char hash[TOKEN_HASH_SIZE];

	(void)state;
	token_hash(hash, "abc"); /* FIPS 180-2, B.1 */
	assert_string_equal(hash,
	    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20"
	    "015ad");
	assert_int_equal(strlen(hash) + 1, TOKEN_HASH_SIZE);
}

static void
a_token_can_be_sent_in_a_header(void **state)
{
	static const char *const bad[] = { "", "=", "a b", "a\n", "ä", "a=b",
		"a\"", "a,b", "a;", "a:" };

	(void)state;
	assert_true(token_is_good("aZ09-._~+/=="));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(token_is_good(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_32_bytes_in_base64url),
		cmocka_unit_test(the_hash_is_sha256_of_all_of_it),
		cmocka_unit_test(a_token_can_be_sent_in_a_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
