/* test_bearer.c: what an Authorization header holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bearer.h"

static void
expect_token(const char *header, const char *want)
{
	const char *token = NULL;
	size_t len = 0;

	if (bearer_find(header, &token, &len) != BEARER_TOKEN ||
	    len != strlen(want) || memcmp(token, want, len) != 0)
		fail_msg("not \"%s\": \"%s\"", want, header);
}

static void
expect(enum bearer want, const char *header)
{
	const char *token = "untouched";
	size_t len = 7;

	if (bearer_find(header, &token, &len) != want)
		fail_msg("wrong: \"%s\"", header != NULL ? header : "(none)");
	assert_string_equal(token, "untouched");
	assert_int_equal(len, 7);
}

static void
a_token_is_found(void **state)
{
	(void)state;
	expect_token("Bearer abc", "abc");
	expect_token("Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM");
	expect_token("Bearer a~b+c/d==", "a~b+c/d==");
	expect_token("bearer abc", "abc");
	expect_token("BEARER abc", "abc");
	expect_token("Bearer    abc", "abc");
	expect_token("Bearer abc \t ", "abc");
}

static void
nothing_and_other_schemes_are_no_token(void **state)
{
	(void)state;
	expect(BEARER_NONE, NULL);
	expect(BEARER_NONE, "");
	expect(BEARER_NONE, "Basic YWxpY2U6c2VjcmV0");
	expect(BEARER_NONE, "Bearerabc");
	expect(BEARER_NONE, "Bearer\tabc");
	expect(BEARER_NONE, "Bear");
	expect(BEARER_NONE, " Bearer abc");
}

static void
what_is_no_token_is_malformed(void **state)
{
	(void)state;
	expect(BEARER_MALFORMED, "Bearer");
	expect(BEARER_MALFORMED, "Bearer ");
	expect(BEARER_MALFORMED, "Bearer   ");
	expect(BEARER_MALFORMED, "Bearer a b");
	expect(BEARER_MALFORMED, "Bearer a,b");
	expect(BEARER_MALFORMED, "Bearer \"abc\"");
	expect(BEARER_MALFORMED, "Bearer =");
	expect(BEARER_MALFORMED, "Bearer a=b");
	expect(BEARER_MALFORMED, "Bearer a\x7f");
	expect(BEARER_MALFORMED, "Bearer \xc3\xa9");
	expect(BEARER_MALFORMED, "Bearer abc, Bearer def");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_found),
		cmocka_unit_test(nothing_and_other_schemes_are_no_token),
		cmocka_unit_test(what_is_no_token_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
