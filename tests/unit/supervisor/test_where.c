/* test_where.c: the addresses that people are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "where.h"

static char localhost[] = "localhost";
static char loopback[] = "::1";
static char any[] = "any"; /* "listen" says something */
static char *none[] = { NULL };
static char *some[] = { any, NULL };

static void
expect(const struct config *config, const struct listeners *listeners,
    const char *const *want)
{
	char **urls = where_urls(config, listeners);
	size_t i;

	assert_non_null(urls);
	for (i = 0; want[i] != NULL; i++) {
		assert_non_null(urls[i]);
		assert_string_equal(urls[i], want[i]);
	}
	assert_null(urls[i]);
	where_free(&urls);
	assert_null(urls);
}

static void
a_host_has_one_address_for_each_transport(void **state)
{
	static const char *const name[] = { "http://localhost:4711/mcp",
		"http://localhost:4711/sse", NULL };
	static const char *const number[] = { "http://[::1]:4711/mcp",
		"http://[::1]:4711/sse", NULL };
	static const char *const unbound[] = { "http://localhost:0/mcp",
		"http://localhost:0/sse", NULL };
	struct config config = { .host = localhost, .listen = none };
	struct listeners listeners = { .count = 2,
		.at = { { .port = 4711, .address = "127.0.0.1:4711" },
		    { .port = 4711, .address = "[::1]:4711" } } };

	(void)state;
	expect(&config, &listeners, name);
	config.host = loopback;
	config.listen = NULL;
	expect(&config, &listeners, number);
	config.host = localhost;
	listeners.count = 0;
	expect(&config, &listeners, unbound);
}

static void
each_socket_has_its_own(void **state)
{
	static const char *const want[] = { "unix:/run/x.sock",
		"http://0.0.0.0:9000/mcp", "http://0.0.0.0:9000/sse",
		"http://[::]:80/mcp", "http://[::]:80/sse", NULL };
	struct config config = { .host = localhost, .listen = some };
	struct listeners listeners = { .count = 3,
		.at = { { .local = true, .address = "/run/x.sock" },
		    { .port = 9000, .address = "0.0.0.0:9000" },
		    { .port = 80, .address = "[::]:80" } } };

	(void)state;
	expect(&config, &listeners, want);
}

static void
what_a_service_manager_passed_is_where_it_is(void **state)
{
	static const char *const want[] = { "http://10.0.0.1:80/mcp",
		"http://10.0.0.1:80/sse", NULL };
	struct config config = { .host = localhost, .listen = none };
	struct listeners listeners = { .count = 1,
		.at = { { .port = 80,
		    .address = "10.0.0.1:80",
		    .inherited = true } } };

	(void)state;
	expect(&config, &listeners, want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_has_one_address_for_each_transport),
		cmocka_unit_test(each_socket_has_its_own),
		cmocka_unit_test(what_a_service_manager_passed_is_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
