/* Which urls and headers are good, and what the others are told. */
#include "config_test.h"

#include "config_http.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
good_urls_are_taken(void **state)
{
	static const char *const urls[] = { "http://x", "https://x/",
		"http://127.0.0.1:8080/sse", "http://[::1]:1/mcp?a=b&c=%20",
		"http://[fd00::1]", "https://mcp.example.com:65535/a/b",
		"http://a_b-c.d./x", "https://x/@me?to=a@b:c", "https://x?y",
		"http://x/{a}|\"<>\\^`", "http://localhost:00080/" };

	(void)state;
	for (size_t i = 0; i < N(urls); i++) {
		const char *fault = config_http_url_fault(urls[i]);

		if (fault != NULL)
			fail_msg("%s: %s", urls[i], fault);
	}
}

static void
each_fault_of_a_url_has_its_remedy(void **state)
{
	static const char scheme[] = "must begin with \"http://\"";
	static const char ascii[] = "visible ASCII";
	static const char user[] = "\"headers\" as \"Authorization\"";
	static const char host[] = "a host of letters, digits";
	static const char port[] = "a port from 1 to 65535";
	static const char ipv6[] = "an IPv6 address between";
	static const struct {
		const char *url;
		const char *part;
	} cases[] = {
		{ "", scheme },
		{ "x", scheme },
		{ "ftp://x", scheme },
		{ "http:/x", scheme },
		{ "HTTP://x", scheme },
		{ "file:///etc/passwd", scheme },
		{ " http://x", scheme },
		{ "http://", "has no host" },
		{ "http:///sse", "has no host" },
		{ "https://?x", "has no host" },
		{ "http://:80/", "has no host" },
		{ "http://x/ y", ascii },
		{ "http://x/\n", ascii },
		{ "http://x/\x7f", ascii },
		{ "http://m\xc3\xbcnchen.de/", ascii },
		{ "http://x/#a", "a fragment" },
		{ "http://x#", "\"%23\"" },
		{ "http://a#@b/", "a fragment" },
		{ "http://u@x", user },
		{ "http://u:p@x/y", user },
		{ "http://@x", user },
		{ "http://x\\@y/", user },
		{ "http://x\\y/", host },
		{ "http://a%2fb/", host },
		{ "http://a,b/", host },
		{ "http://x:/", port },
		{ "http://x:0", port },
		{ "http://x:65536", port },
		{ "http://x:99999999999999999999", port },
		{ "http://x:80a/", port },
		{ "http://x:-1", port },
		{ "http://x:1:2", port },
		{ "http://::1/", "has no host" },
		{ "http://[::1", ipv6 },
		{ "http://[]/", ipv6 },
		{ "http://[", ipv6 },
		{ "http://[127.0.0.1]/", ipv6 },
		{ "http://[fe80::1%25eth0]/", ipv6 },
		{ "http://[1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:0:1:2:3:4:5:6]/",
		    ipv6 },
		{ "http://[::1]x", port },
		{ "http://[::1]:", port },
		{ "http://[::1]:70000/", port },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const char *fault = config_http_url_fault(cases[i].url);

		if (fault == NULL || strstr(fault, cases[i].part) == NULL)
			fail_msg("%s: %s; wanted %s", cases[i].url,
			    fault == NULL ? "good" : fault, cases[i].part);
	}
}

static void
a_url_may_have_4096_bytes_and_a_host_253(void **state)
{
	static char url[CONFIG_URL_MAX + 2] = "http://x/";
	char host[7 + 254 + 1] = "http://";

	(void)state;
	memset(url + 9, 'y', CONFIG_URL_MAX - 9);
	assert_null(config_http_url_fault(url));
	url[CONFIG_URL_MAX] = 'y';
	assert_non_null(strstr(config_http_url_fault(url), "4096 bytes"));
	memset(host + 7, 'h', 253);
	assert_null(config_http_url_fault(host));
	host[7 + 253] = 'h';
	assert_non_null(strstr(config_http_url_fault(host), "253"));
}

static void
names_of_headers_are_tokens_and_not_ours(void **state)
{
	static const char *const good[] = { "Authorization", "x", "X-Api-Key",
		"!#$%&'*+-.^_`|~09", "Accept-Language", "Host", "Cookie" };
	static const char *const wrong[] = { "", "a b", "a:", ":a", "a\n", "\t",
		"\xc3\xbc", "(a)", "a/b", "a\"", "{a}", "a\x7f" };
	static const char *const ours[] = { "Content-Type", "Content-Length",
		"Transfer-Encoding", "Connection", "Accept", "Accept-Encoding",
		"Expect", "Mcp-Session-Id", "MCP-Protocol-Version",
		"Last-Event-ID", "mcp-session-id", "EXPECT", "accept" };

	(void)state;
	for (size_t i = 0; i < N(good); i++)
		assert_null(config_http_name_fault(good[i]));
	for (size_t i = 0; i < N(wrong); i++)
		assert_non_null(strstr(
		    config_http_name_fault(wrong[i]), "no name of a header"));
	for (size_t i = 0; i < N(ours); i++)
		assert_string_equal(config_http_name_fault(ours[i]),
		    "the gateway sets itself; remove it");
}

static void
a_header_has_a_value_of_one_line(void **state)
{
	(void)state;
	assert_true(config_http_is_header("A: b"));
	assert_true(config_http_is_header("A: b: c"));
	assert_true(config_http_is_header("A:  b "));
	assert_true(config_http_is_header("A: \xc3\xbc\xff"));
	assert_false(config_http_is_header("A: "));
	assert_false(config_http_is_header("A:    "));
	assert_false(config_http_is_header("A: b\r"));
	assert_false(config_http_is_header("A: b\r\nC: d"));
	assert_false(config_http_is_header("A: \n"));
	assert_false(config_http_is_header("A: b\tc"));
	assert_false(config_http_is_header("A: \x01"));
	assert_false(config_http_is_header("A: \x7f"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_urls_are_taken),
		cmocka_unit_test(each_fault_of_a_url_has_its_remedy),
		cmocka_unit_test(a_url_may_have_4096_bytes_and_a_host_253),
		cmocka_unit_test(names_of_headers_are_tokens_and_not_ours),
		cmocka_unit_test(a_header_has_a_value_of_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
