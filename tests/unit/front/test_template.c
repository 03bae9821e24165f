/* test_template.c: URI templates as servers use them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "template.h"

static ssize_t
match(const char *template, const char *uri)
{
	size_t work = 1000000;

	return template_match(template, uri, &work);
}

static void
literals_match_exactly(void **state)
{
	(void)state;
	assert_int_equal(match("test://a", "test://a"), 8);
	assert_int_equal(match("test://a", "test://b"), -1);
	assert_int_equal(match("test://a", "test://a/"), -1);
	assert_int_equal(match("test://a", "test://"), -1);
	assert_int_equal(match("", ""), 0);
	assert_int_equal(match("", "a"), -1);
}

static void
a_variable_is_one_segment(void **state)
{
	(void)state;
	assert_int_equal(match("test://{id}/data", "test://42/data"), 12);
	assert_int_equal(match("test://{id}/data", "test:///data"), -1);
	assert_int_equal(match("test://{id}/data", "test://4/2/data"), -1);
	assert_int_equal(match("test://{id}", "test://42"), 7);
	assert_int_equal(match("test://{id}", "test://"), -1);
	assert_int_equal(match("test://{id}", "test://a?b"), -1);
	assert_int_equal(match("test://{id}", "test://a#b"), -1);
	assert_int_equal(match("test://{id}", "test://a%2Fb,c"), 7);
	assert_int_equal(match("{s}://{h}/{p}", "http://a/b"), 4);
	assert_int_equal(match("x{a}y{b}z", "xyyyz"), 3);
	assert_int_equal(match("x{a}y{b}z", "xyyz"), -1);
	assert_int_equal(match("a{x}a", "aaa"), 2);
	assert_int_equal(match("a{x}a", "aa"), -1);
	assert_int_equal(match("a{x}aab", "aaaaaab"), 4);
	assert_int_equal(match("{a}{b}", "xy"), 0);
	assert_int_equal(match("{a}{b}", "x"), -1);
}

static void
operators_do_what_servers_mean(void **state)
{
	(void)state;
	assert_int_equal(match("file:///{+path}", "file:///a/b?c#d"), 8);
	assert_int_equal(match("file:///{+path}", "file:///"), -1);
	assert_int_equal(match("file:///{path*}", "file:///a/b"), 8);
	assert_int_equal(match("x:a{/p}", "x:a/b"), 3);
	assert_int_equal(match("x:a{/p}", "x:a"), -1);
	assert_int_equal(match("x:a{/p}", "x:ab"), -1);
	assert_int_equal(match("x:a{/p}", "x:a/b/c"), -1);
	assert_int_equal(match("x:a{/p*}", "x:a/b/c"), 3);
	assert_int_equal(match("x:a{.e}", "x:a.txt"), 3);
	assert_int_equal(match("x:a{.e}", "x:atxt"), -1);
	assert_int_equal(match("x:a{?q,r}", "x:a?q=1&r=/2"), 3);
	assert_int_equal(match("x:a{?q,r}", "x:a"), 3);
	assert_int_equal(match("x:a{?q,r}", "x:ab"), -1);
	assert_int_equal(match("x:a{?q,r}", "x:a?"), -1);
	assert_int_equal(match("x:a?z{&q}", "x:a?z&q=1"), 5);
	assert_int_equal(match("x:a?z{&q}", "x:a?z"), 5);
	assert_int_equal(match("x:a{;q}/b", "x:a;q=1/b"), 5);
	assert_int_equal(match("x:a{#f}", "x:a#b/c"), 3);
	assert_int_equal(match("x:a{#f}", "x:a"), 3);
	assert_int_equal(match("x:{n}{?q}", "x:n?q=1"), 2);
	assert_int_equal(match("x:{n}{?q}", "x:n"), 2);
}

static void
malformed_templates_match_nothing(void **state)
{
	(void)state;
	assert_int_equal(match("x:{", "x:{"), -1);
	assert_int_equal(match("x:{}", "x:a"), -1);
	assert_int_equal(match("x:{a", "x:a"), -1);
	assert_int_equal(match("x:{a{b}}", "x:a"), -1);
	assert_int_equal(match("x:{+a{b}", "x:a"), -1);
}

static void
work_is_bounded(void **state)
{
	enum {
		LEN = 4000,
		TEMPLATE = 4000
	};
	static char uri[LEN + 1], template[TEMPLATE + 1];
	size_t i, work, start = (size_t)LEN * TEMPLATE;

	(void)state;
	memset(uri, 'a', LEN);
	for (i = 0; i < TEMPLATE; i += 4)
		memcpy(template + i, "{+a}", 4);
	template[TEMPLATE - 1] = 'x'; /* "{+a" and then x: malformed */
	work = start;
	assert_int_equal(template_match(template, uri, &work), -1);
	assert_true(work > 0);
	memcpy(template + TEMPLATE - 4, "aaab", 4);
	work = start;
	assert_int_equal(template_match(template, uri, &work), -1);
	assert_true(work > 0);
	work = 10000;
	assert_int_equal(template_match(template, uri, &work), -1);
	assert_int_equal(work, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_match_exactly),
		cmocka_unit_test(a_variable_is_one_segment),
		cmocka_unit_test(operators_do_what_servers_mean),
		cmocka_unit_test(malformed_templates_match_nothing),
		cmocka_unit_test(work_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
