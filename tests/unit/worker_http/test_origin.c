#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origin.h"

static void
check(const char *base, const char *endpoint, const char *expected)
{
	char *url = NULL;
	const char *why = NULL;

	if (origin_resolve(&url, base, endpoint, strlen(endpoint), &why) == -1)
		fail_msg("%s at %s: %s", endpoint, base, why);
	assert_string_equal(url, expected);
	free(url);
}

static void
check_refused(const char *base, const char *endpoint, const char *expected)
{
	char *url = NULL;
	const char *why = NULL;

	if (origin_resolve(&url, base, endpoint, strlen(endpoint), &why) == 0)
		fail_msg("%s at %s: %s", endpoint, base, url);
	assert_null(url);
	assert_string_equal(why, expected);
}

#define OTHER "announced an endpoint on another origin"
#define NONE  "announced an endpoint that is not a URL"

static void
a_reference_is_resolved(void **state)
{
	static const char base[] = "http://h.example:8000/a/sse?k=v#f";

	(void)state;
	check(base, "/messages?id=1", "http://h.example:8000/messages?id=1");
	check(base, "messages", "http://h.example:8000/a/messages");
	check(base, "./m/n", "http://h.example:8000/a/m/n");
	check(base, "../m", "http://h.example:8000/m");
	check(base, "../../../m", "http://h.example:8000/m");
	check(base, "/a/./b/../c", "http://h.example:8000/a/c");
	check(base, "?id=2", "http://h.example:8000/a/sse?id=2");
	check(base, " /m ", "http://h.example:8000/m");
	check(base, "/m#fragment", "http://h.example:8000/m");
	check(base, "/", "http://h.example:8000/");
	check(base, "/m?u=http://other/",
	    "http://h.example:8000/m?u=http://other/");
	check(base, "/a:b@c", "http://h.example:8000/a:b@c");
	check("http://h.example", "m", "http://h.example/m");
	check("http://h.example?x=/y", "m", "http://h.example/m");
	check("http://h.example/", "?q", "http://h.example/?q");
}

static void
percent_escapes_stay_as_they_are(void **state)
{
	(void)state;
	check("http://h/s", "/a%2Fb%2e%2E?q=%2F%2f%00",
	    "http://h/a%2Fb%2e%2E?q=%2F%2f%00");
	check("http://h/s", "/%0d%0aX:%20y", "http://h/%0d%0aX:%20y");
}

static void
a_whole_url_on_the_same_origin_is_accepted(void **state)
{
	(void)state;
	check(
	    "http://h.example/sse", "http://h.example/m", "http://h.example/m");
	check("http://h.example/sse", "HTTP://H.Example:80/m",
	    "http://h.example/m");
	check("https://h.example:443/sse", "https://h.example./m",
	    "https://h.example:443/m");
	check("https://H.example/sse", "//h.example/m", "https://H.example/m");
	check("http://[2001:db8::1]:80/", "http://[2001:DB8:0:0::1]/m",
	    "http://[2001:db8::1]:80/m");
	check("http://10.0.0.1/", "http://0x0a.1/m", "http://10.0.0.1/m");
	check("http://u:p@h.example/sse", "/m", "http://u:p@h.example/m");
	check("http://u:p@h.example/sse", "http://h.example/m",
	    "http://u:p@h.example/m");
}

static void
names_of_this_machine_are_one(void **state)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]",
		"0.0.0.0", "LocalHost", "localhost.", "127.1" };
	char base[64], endpoint[64], expected[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			strlcpy(base, "http://", sizeof(base));
			strlcat(base, names[i], sizeof(base));
			strlcat(base, ":8080", sizeof(base));
			strlcpy(expected, base, sizeof(expected));
			strlcat(expected, "/m", sizeof(expected));
			strlcat(base, "/sse", sizeof(base));
			strlcpy(endpoint, "http://", sizeof(endpoint));
			strlcat(endpoint, names[k], sizeof(endpoint));
			strlcat(endpoint, ":8080/m", sizeof(endpoint));
			check(base, endpoint, expected);
		}
	}
	check_refused(
	    "http://localhost:8080/", "http://127.0.0.2:8080/", OTHER);
	check_refused(
	    "http://localhost:8080/", "http://localhost:8081/", OTHER);
}

static void
another_origin_is_refused(void **state)
{
	static const char base[] = "http://h.example:8000/sse";
	static const char *const others[] = { "http://evil.example:8000/m",
		"//evil.example:8000/m", "//evil.example/m",
		"http://h.example/m", "http://h.example:8001/m",
		"https://h.example:8000/m",
		"http://h.example:8000@evil.example/m",
		"http://evil.example:8000#@h.example:8000/m",
		"http://user@h.example:8000/m", "http://u:p@h.example:8000/m",
		"//u@h.example:8000/m", "ftp://h.example:8000/m",
		"file:///etc/passwd", "gopher://h.example:8000/m",
		"http://localhost:8000/m",
		"http://h.example.evil.example:8000/",
		"http://xh.example:8000/", "http:///evil.example/",
		"javascript://h.example:8000/%0aalert(1)", "///evil.example/m",
		"////evil.example/m" };
	char *url = NULL;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (origin_resolve(
			&url, base, others[i], strlen(others[i]), &why) == 0)
			fail_msg("%s: %s", others[i], url);
	check_refused(base, others[0], OTHER);
	check_refused(base, others[1], OTHER);
	check_refused(base, "http://user@h.example:8000/m", OTHER);
	check_refused("http://u@h.example/", "http://u@h.example/m", OTHER);
}

static void
what_is_no_url_is_refused(void **state)
{
	static const char base[] = "http://h.example:8000/sse";
	static const char nul[] = "/m\0//evil";
	static const char *const none[] = { "/a b", "/a\tb", "/a\r\nb",
		"/\\evil.example", "\\\\evil.example\\m", "http:\\\\evil/",
		"/caf\xc3\xa9", "/\x7f", "mailto:a@b", "javascript:alert(1)",
		"http://[::1/", "http://h.example:99999/", "http://:8000/m" };
	char *url = NULL;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check_refused(base, none[i], NONE);
	check_refused(base, "", "announced an empty endpoint");
	check_refused(base, " \t ", "announced an empty endpoint");
	check_refused(base, "#x", "announced an empty endpoint");
	assert_int_equal(
	    origin_resolve(&url, base, nul, sizeof(nul) - 1, &why), -1);
	assert_string_equal(why, NONE);
}

static void
a_long_url_is_refused(void **state)
{
	static const char base[] = "http://h.example";
	char text[ORIGIN_URL_MAX + 2];
	char *url = NULL;
	const char *why = NULL;
	size_t fits = ORIGIN_URL_MAX - strlen(base);

	(void)state;
	memset(text, 'x', sizeof(text));
	text[0] = '/';
	assert_int_equal(origin_resolve(&url, base, text, fits, &why), 0);
	assert_int_equal(strlen(url), ORIGIN_URL_MAX);
	free(url);
	url = NULL;
	assert_int_equal(origin_resolve(&url, base, text, fits + 1, &why), -1);
	assert_string_equal(why, "announced an endpoint with too long a URL");
	assert_int_equal(
	    origin_resolve(&url, base, text, ORIGIN_URL_MAX + 1, &why), -1);
	assert_string_equal(why, "announced an endpoint with too long a URL");
}

static void
the_host_of_a_url_is_told(void **state)
{
	static const char *const cases[][2] = {
		{ "http://h.example/x", "h.example" },
		{ "https://u:p@h.example:1/x", "h.example" },
		{ "http://[::1]:80/", "::1" },
		{ "http://0x7f.1/", "127.0.0.1" },
		{ "http://2130706433/", "127.0.0.1" },
		{ "http://0177.0.0.1/", "127.0.0.1" },
	};
	char *host;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		host = origin_host(cases[i][0]);
		assert_non_null(host);
		assert_string_equal(host, cases[i][1]);
		free(host);
	}
	assert_null(origin_host("no url"));
	assert_int_equal(errno, EINVAL);
	assert_null(origin_host(""));
	assert_int_equal(errno, EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reference_is_resolved),
		cmocka_unit_test(percent_escapes_stay_as_they_are),
		cmocka_unit_test(a_whole_url_on_the_same_origin_is_accepted),
		cmocka_unit_test(names_of_this_machine_are_one),
		cmocka_unit_test(another_origin_is_refused),
		cmocka_unit_test(what_is_no_url_is_refused),
		cmocka_unit_test(a_long_url_is_refused),
		cmocka_unit_test(the_host_of_a_url_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
