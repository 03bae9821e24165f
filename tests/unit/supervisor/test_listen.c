/* test_listen.c: the sockets that clients connect to. */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen.h"

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void
port_0_picks_one_and_shows_it(void **state)
{
	struct listeners all;
	char *error = NULL;
	char want[32];

	(void)state;
	assert_int_equal(listen_open(&all, "127.0.0.1", 0, &error), 0);
	assert_int_equal(all.count, 1);
	assert_int_not_equal(all.port, 0);
	(void)snprintf(want, sizeof(want), "127.0.0.1:%u", all.port);
	assert_string_equal(all.at[0].address, want);
	assert_false(all.beyond);
	listen_close(&all);
	assert_int_equal(all.count, 0);
}

static void
sockets_are_as_accepted_ones_shall_be(void **state)
{
	struct listeners all;
	char *error = NULL;
	int fd;

	(void)state;
	assert_int_equal(listen_open(&all, "127.0.0.1", 0, &error), 0);
	fd = all.at[0].fd;
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
	listen_close(&all);
}

static void
a_client_can_connect_before_anybody_accepts(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct listeners all;
	char *error = NULL;
	int fd;

	(void)state;
	assert_int_equal(listen_open(&all, "127.0.0.1", 0, &error), 0);
	address.sin_port = htons(all.port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
	    connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
	listen_close(&all);
}

static void
all_addresses_of_a_name_share_the_port(void **state)
{
	struct listeners all;
	char *error = NULL;
	char end[16];

	(void)state;
	assert_int_equal(listen_open(&all, "localhost", 0, &error), 0);
	assert_false(all.beyond);
	assert_true(all.count >= 1);
	(void)snprintf(end, sizeof(end), ":%u", all.port);
	for (size_t i = 0; i < all.count; i++) {
		const char *colon = strrchr(all.at[i].address, ':');

		assert_non_null(colon);
		assert_string_equal(colon, end);
	}
	listen_close(&all);
}

static void
both_wildcards_can_be_bound_together(void **state)
{
	struct listeners four, six;
	char *error = NULL;

	(void)state;
	assert_int_equal(listen_open(&four, "0.0.0.0", 0, &error), 0);
	assert_true(four.beyond);
	if (listen_open(&six, "::", four.port, &error) == 0) {
		assert_int_equal(
		    option(six.at[0].fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
		listen_close(&six);
	} else {
		/* Only a machine without IPv6 may refuse. */
		assert_null(strstr(error, "in use"));
		free(error);
	}
	listen_close(&four);
}

static void
a_port_in_use_is_named_with_a_remedy(void **state)
{
	struct listeners first, second;
	char *error = NULL;

	(void)state;
	assert_int_equal(listen_open(&first, "127.0.0.1", 0, &error), 0);
	assert_int_equal(
	    listen_open(&second, "127.0.0.1", first.port, &error), -1);
	assert_non_null(strstr(error, first.at[0].address));
	assert_non_null(strstr(error, "in use"));
	assert_non_null(strstr(error, "--port"));
	free(error);
	listen_close(&first);
}

static void
an_address_of_another_machine_is_named_with_a_remedy(void **state)
{
	struct listeners all;
	char *error = NULL;

	(void)state;
	/* RFC 5737: nobody's address. */
	assert_int_equal(listen_open(&all, "192.0.2.1", 0, &error), -1);
	assert_non_null(strstr(error, "192.0.2.1"));
	assert_non_null(strstr(error, "--host"));
	free(error);
}

static void
an_unknown_host_is_named_with_a_remedy(void **state)
{
	struct listeners all;
	char *error = NULL;

	(void)state;
	assert_int_equal(listen_open(&all, "no such host", 0, &error), -1);
	assert_non_null(strstr(error, "no such host"));
	assert_non_null(strstr(error, "--host"));
	free(error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_0_picks_one_and_shows_it),
		cmocka_unit_test(sockets_are_as_accepted_ones_shall_be),
		cmocka_unit_test(a_client_can_connect_before_anybody_accepts),
		cmocka_unit_test(all_addresses_of_a_name_share_the_port),
		cmocka_unit_test(both_wildcards_can_be_bound_together),
		cmocka_unit_test(a_port_in_use_is_named_with_a_remedy),
		cmocka_unit_test(
		    an_address_of_another_machine_is_named_with_a_remedy),
		cmocka_unit_test(an_unknown_host_is_named_with_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
