/* test_uri.c: schemes, and URIs as libraries write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "uri.h"

static void
assert_head(const char *uri, const char *want)
{
	char head[URI_HEAD_MAX + 1] = "";
	const size_t len = uri_head(uri, head);

	if (want == NULL) {
		assert_int_equal(len, 0);
		return;
	}
	assert_int_equal(len, strlen(want));
	assert_string_equal(head, want);
}

static void
the_head_of_a_scheme_ends_with_its_first_plus(void **state)
{
	char longest[URI_HEAD_MAX + 2];

	(void)state;
	assert_head("git+https://x", "git+");
	assert_head("Git-Hub.9+X+y:z", "git-hub.9+");
	assert_head("a+", "a+");
	assert_head("a", NULL);
	assert_head("", NULL);
	assert_head("+a:", NULL);
	assert_head("9a+b:", NULL);
	assert_head("https://a+b", NULL);
	assert_head("a b+c:", NULL);
	assert_head("{x}+c:", NULL);
	memset(longest, 'a', sizeof(longest));
	longest[URI_HEAD_MAX - 1] = '+';
	longest[URI_HEAD_MAX] = '\0';
	assert_head(longest, longest);
	longest[URI_HEAD_MAX - 1] = 'a';
	longest[URI_HEAD_MAX] = '+';
	longest[URI_HEAD_MAX + 1] = '\0';
	assert_head(longest, NULL);
}

static void
the_web_is_what_clients_read_themselves(void **state)
{
	(void)state;
	assert_true(uri_scheme_is_web("http"));
	assert_true(uri_scheme_is_web("https"));
	assert_true(uri_scheme_is_web("data"));
	assert_false(uri_scheme_is_web("httpx"));
	assert_false(uri_scheme_is_web("a+https"));
	assert_false(uri_scheme_is_web("ui"));
	assert_false(uri_scheme_is_web(""));
}

static void
assert_normal(const char *uri, const char *want)
{
	char normal[URI_NORMAL_MAX];

	uri_normalise(uri, normal);
	assert_string_equal(normal, want);
}

static void
the_normal_spelling_is_that_of_url_libraries(void **state)
{
	char longest[URI_MAX + 1], normal[URI_NORMAL_MAX];

	(void)state;
	assert_normal("HTTPS://Example.COM", "https://example.com/");
	assert_normal("https://Example.com?Q", "https://example.com/?Q");
	assert_normal("t://A/B c\303\251", "t://a/B%20c%C3%A9");
	assert_normal("A+B://C/D", "a+b://c/D");
	assert_normal("mailto:A@B", "mailto:A@B");
	assert_normal("No URI", "No%20URI");
	assert_normal("", "");
	assert_normal("t://", "t://");
	memset(longest, ' ', URI_MAX);
	longest[URI_MAX] = '\0';
	uri_normalise(longest, normal);
	assert_int_equal(strlen(normal), 3 * URI_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_of_a_scheme_ends_with_its_first_plus),
		cmocka_unit_test(the_web_is_what_clients_read_themselves),
		cmocka_unit_test(the_normal_spelling_is_that_of_url_libraries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
