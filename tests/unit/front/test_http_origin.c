/* test_http_origin.c: who may ask by Host and Origin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http_origin.h"

static const char *const hosts[] = { "gw.example", "port.example:8443", NULL };
static const char *const origins[] = { "https://app.example",
	"http://ui.example:3000", "null", NULL };
static const struct origin_rules rules = { "mcp.local", hosts, origins };
static const struct origin_rules none = { NULL, NULL, NULL };

static void
our_own_hosts_are_allowed(void **state)
{
	static const char *const good[] = { "localhost", "localhost:9000",
		"LOCALHOST:9000", "localhost.", "localhost.:1", "127.0.0.1",
		"127.0.0.1:9000", "10.0.0.7:65535", "[::1]", "[::1]:9000",
		"[2001:db8::1]:80", "[::ffff:127.0.0.1]", "mcp.local",
		"MCP.local:9000", "mcp.local.", "gw.example", "gw.example:1",
		"Gw.Example.:9000", "port.example:8443" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!origin_host_allowed(good[i], &rules))
			fail_msg("refused: %s", good[i]);
	assert_true(origin_host_allowed("localhost", &none));
	assert_true(origin_host_allowed("192.168.1.1:9000", &none));
}

static void
other_and_malformed_hosts_are_refused(void **state)
{
	static const char *const bad[] = { "", "evil.example",
		"evil.example:9000", "localhost.evil.example", "xlocalhost",
		"localhostx", "gw.example.evil", "agw.example", "port.example",
		"port.example:8444", "port.example:84430",
		"localhost:", "localhost:0", "localhost:65536",
		"localhost:000080", "localhost:9000:1", "localhost:+1",
		"localhost:9000 ", " localhost", "localhost/", "user@localhost",
		"localhost\t", "localhost..", ".localhost", ".", "..", ":9000",
		"[::1", "::1", "[::1]x", "[::1]:", "[::1]]", "[]", "[::1%25lo]",
		"[127.0.0.1]", "[localhost]", "127.0.0.1,evil", "127.1",
		"2130706433", "0x7f.0.0.1", "0177.0.0.1", "256.0.0.1",
		"127.0.0.1.evil.example", "local\303\244",
		"localhost#evil.example", "*", "null" };
	char longest[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (origin_host_allowed(bad[i], &rules))
			fail_msg("allowed: %s", bad[i]);
	assert_false(origin_host_allowed(NULL, &rules));
	assert_false(origin_host_allowed("mcp.local", &none));
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_false(origin_host_allowed(longest, &rules));
}

static void
origins_are_ours_or_listed(void **state)
{
	static const struct {
		const char *origin, *host;
	} good[] = {
		{ NULL, "localhost" },
		{ "https://app.example", "127.0.0.1:9000" },
		{ "http://ui.example:3000", "localhost:9000" },
		{ "http://localhost:9000", "localhost:9000" },
		{ "http://LOCALHOST:9000", "localhost.:9000" },
		{ "http://127.0.0.1:9000", "127.0.0.1:9000" },
		{ "http://[::1]:9000", "[::1]:9000" },
		{ "https://gw.example", "gw.example" },
		{ "https://gw.example", "gw.example:443" },
		{ "http://gw.example:80", "gw.example" },
	};
	static const struct {
		const char *origin, *host;
	} bad[] = {
		{ "", "localhost" },
		{ "null", "localhost" },
		{ "https://evil.example", "localhost" },
		{ "http://evil.example", "evil.example" },
		{ "https://app.example:444", "localhost" },
		{ "http://app.example", "localhost" },
		{ "https://app.example/", "localhost" },
		{ "https://app.example.evil", "localhost" },
		{ "https://APP.example", "localhost" },
		{ "http://localhost:9001", "localhost:9000" },
		{ "http://localhost", "localhost:9000" },
		{ "https://gw.example", "gw.example:80" },
		{ "http://127.0.0.1:9000", "localhost:9000" },
		{ "http://localhost:9000/", "localhost:9000" },
		{ "http://localhost:9000 ", "localhost:9000" },
		{ "http://localhost:9000, http://x", "localhost:9000" },
		{ "http://evil@localhost:9000", "localhost:9000" },
		{ "ws://localhost:9000", "localhost:9000" },
		{ "file://", "localhost" },
		{ "localhost:9000", "localhost:9000" },
		{ "chrome-extension://abcdef", "localhost" },
		{ "http://localhost", NULL },
		{ "http://local host", "local host" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!origin_allowed(good[i].origin, good[i].host, &rules))
			fail_msg("refused: %s", good[i].origin);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (origin_allowed(bad[i].origin, bad[i].host, &rules))
			fail_msg("allowed: %s", bad[i].origin);
	assert_false(origin_allowed("https://app.example", "localhost", &none));
}

static void
only_listed_origins_may_read_answers(void **state)
{
	(void)state;
	assert_true(origin_listed("https://app.example", &rules));
	assert_true(origin_listed("http://ui.example:3000", &rules));
	assert_false(origin_listed("http://ui.example", &rules));
	assert_false(origin_listed("https://APP.example", &rules));
	assert_false(origin_listed("http://localhost:9000", &rules));
	/* Any sandboxed frame has this one, listed or not. */
	assert_false(origin_listed("null", &rules));
	assert_false(origin_listed("https://app.example", &none));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_hosts_are_allowed),
		cmocka_unit_test(other_and_malformed_hosts_are_refused),
		cmocka_unit_test(origins_are_ours_or_listed),
		cmocka_unit_test(only_listed_origins_may_read_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
