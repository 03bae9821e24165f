/* test_listen_address.c: addresses as people and the kernel write them. */
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "listen_address.h"

static struct sockaddr_storage
address(int family, const char *text, uint16_t port)
{
	struct sockaddr_storage ret = { .ss_family = (sa_family_t)family };
	void *at = family == AF_INET6
	    ? (void *)&((struct sockaddr_in6 *)(void *)&ret)->sin6_addr
	    : (void *)&((struct sockaddr_in *)(void *)&ret)->sin_addr;

	assert_int_equal(inet_pton(family, text, at), 1);
	listen_address_set_port((struct sockaddr *)&ret, port);
	return ret;
}

static void
two_parts_come_apart_and_together(void **state)
{
	static const struct {
		const char *text;
		const char *host;
		uint16_t port;
	} cases[] = {
		{ "127.0.0.1:9000", "127.0.0.1", 9000 },
		{ "[::1]:0", "::1", 0 },
		{ "[fe80::1%lo]:65535", "fe80::1%lo", 65535 },
		{ "localhost:1", "localhost", 1 },
	};
	char host[64], text[64];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(listen_address_split(
				     cases[i].text, host, sizeof(host), &port),
		    0);
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
		listen_address_join(text, sizeof(text), host, port);
		assert_string_equal(text, cases[i].text);
	}
}

static void
a_host_that_does_not_fit_is_refused(void **state)
{
	char host[9];
	uint16_t port;

	(void)state;
	assert_int_equal(
	    listen_address_split("12345678:1", host, sizeof(host), &port), 0);
	assert_int_equal(
	    listen_address_split("123456789:1", host, sizeof(host), &port), -1);
}

static void
other_machines_reach_all_but_loopback(void **state)
{
	static const struct {
		int family;
		const char *text;
		bool beyond;
	} cases[] = {
		{ AF_INET, "127.0.0.1", false },
		{ AF_INET, "127.255.255.255", false },
		{ AF_INET, "126.0.0.1", true },
		{ AF_INET, "128.0.0.1", true },
		{ AF_INET, "0.0.0.0", true },
		{ AF_INET6, "::1", false },
		{ AF_INET6, "::", true },
		{ AF_INET6, "::2", true },
		{ AF_INET6, "::ffff:127.0.0.1", false },
		{ AF_INET6, "::ffff:10.0.0.1", true },
		{ AF_INET6, "fe80::1", true },
	};
	const struct sockaddr_un unix_address = { .sun_family = AF_UNIX };
	const struct sockaddr_storage unknown = { .ss_family = AF_PACKET };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_storage one =
		    address(cases[i].family, cases[i].text, 1);

		if (listen_address_is_beyond((struct sockaddr *)&one) !=
		    cases[i].beyond)
			fail_msg("%s", cases[i].text);
	}
	assert_false(
	    listen_address_is_beyond((const struct sockaddr *)&unix_address));
	assert_true(
	    listen_address_is_beyond((const struct sockaddr *)&unknown));
}

static void
every_kind_has_its_text(void **state)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	const socklen_t start = offsetof(struct sockaddr_un, sun_path);
	struct sockaddr_storage one = address(AF_INET6, "::1", 7);
	char text[128];

	(void)state;
	listen_address_text(text, sizeof(text), (struct sockaddr *)&one,
	    sizeof(struct sockaddr_in6));
	assert_string_equal(text, "[::1]:7");
	assert_int_equal(listen_address_port((struct sockaddr *)&one), 7);
	one = address(AF_INET, "10.0.0.1", 80);
	listen_address_text(text, sizeof(text), (struct sockaddr *)&one,
	    sizeof(struct sockaddr_in));
	assert_string_equal(text, "10.0.0.1:80");
	listen_address_text(
	    text, sizeof(text), (struct sockaddr *)&local, start);
	assert_string_equal(text, "?");
	memcpy(local.sun_path, "/x", 3);
	listen_address_text(
	    text, sizeof(text), (struct sockaddr *)&local, start + 3);
	assert_string_equal(text, "/x");
	assert_int_equal(listen_address_port((struct sockaddr *)&local), 0);
	memcpy(local.sun_path, "\0ab", 3);
	listen_address_text(
	    text, sizeof(text), (struct sockaddr *)&local, start + 3);
	assert_string_equal(text, "@ab");
	/* A path as long as there is room has no NUL. */
	memset(local.sun_path, 'p', sizeof(local.sun_path));
	listen_address_text(
	    text, sizeof(text), (struct sockaddr *)&local, sizeof(local));
	assert_int_equal(strlen(text), sizeof(local.sun_path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_parts_come_apart_and_together),
		cmocka_unit_test(a_host_that_does_not_fit_is_refused),
		cmocka_unit_test(other_machines_reach_all_but_loopback),
		cmocka_unit_test(every_kind_has_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
