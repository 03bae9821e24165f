/* test_listen.c: the sockets that clients connect to. */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fcntl.h>

#include "listen_test.h"

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
	char want[32];

	(void)state;
	open_host(&all, "127.0.0.1", 0);
	assert_int_equal(all.count, 1);
	assert_int_not_equal(all.at[0].port, 0);
	(void)snprintf(want, sizeof(want), "127.0.0.1:%u", all.at[0].port);
	assert_string_equal(all.at[0].address, want);
	assert_string_equal(all.at[0].wanted, "127.0.0.1:0");
	assert_false(all.at[0].beyond);
	assert_false(all.at[0].local);
	assert_false(all.at[0].inherited);
	assert_false(listen_is_beyond(&all));
	listen_close(&all);
	assert_int_equal(all.count, 0);
	listen_close(&all);
}

static void
sockets_are_as_accepted_ones_shall_be(void **state)
{
	struct listeners all;
	int fd;

	(void)state;
	open_host(&all, "127.0.0.1", 0);
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
	int fd;

	(void)state;
	open_host(&all, "127.0.0.1", 0);
	address.sin_port = htons(all.at[0].port);
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

	(void)state;
	open_host(&all, "localhost", 0);
	assert_false(listen_is_beyond(&all));
	assert_true(all.count >= 1);
	for (size_t i = 0; i < all.count; i++) {
		assert_int_equal(all.at[i].port, all.at[0].port);
		assert_string_equal(all.at[i].wanted, "localhost:0");
	}
	listen_close(&all);
}

static void
both_wildcards_can_be_bound_together(void **state)
{
	struct listeners four, six;
	struct config config;
	char *error = NULL;

	(void)state;
	open_host(&four, "0.0.0.0", 0);
	assert_true(listen_is_beyond(&four));
	config = config_host("::", four.at[0].port);
	if (listen_open(&six, &config, NULL, &error) == 0) {
		assert_true(listen_is_beyond(&six));
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
	struct listeners first;
	struct config config;
	char *list[] = { NULL, NULL };
	const char *error;

	(void)state;
	open_host(&first, "127.0.0.1", 0);
	config = config_host("127.0.0.1", first.at[0].port);
	error = refusal(&config, NULL);
	assert_non_null(strstr(error, first.at[0].address));
	assert_non_null(strstr(error, "in use"));
	assert_non_null(strstr(error, "--port"));
	list[0] = first.at[0].address;
	config = config_list(list);
	error = refusal(&config, NULL);
	assert_non_null(strstr(error, first.at[0].address));
	assert_non_null(strstr(error, "port in \"listen\""));
	listen_close(&first);
}

static void
an_address_of_another_machine_is_named_with_a_remedy(void **state)
{
	/* RFC 5737: nobody's address. */
	struct config config = config_host("192.0.2.1", 0);
	const char *error = refusal(&config, NULL);

	(void)state;
	assert_non_null(strstr(error, "192.0.2.1"));
	assert_non_null(strstr(error, "--host"));
}

static void
an_unknown_host_is_named_with_a_remedy(void **state)
{
	struct config config = config_host("no such host", 0);
	const char *error = refusal(&config, NULL);

	(void)state;
	assert_non_null(strstr(error, "no such host"));
	assert_non_null(strstr(error, "--host"));
}

static void
what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = { "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1",
		":9000", "[]:9000", "::1:9000", "[::1]", "localhost:http", "",
		"relative" };
	char text[64];
	char *list[] = { text, NULL };
	struct config config = config_list(list);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		(void)strlcpy(text, texts[i], sizeof(text));
		assert_non_null(strstr(refusal(&config, NULL), texts[i]));
	}
}

/* ---- several, and another configuration ---- */

static void
a_list_has_a_socket_for_each(void **state)
{
	char first[] = "127.0.0.1:0", second[] = "127.0.0.2:0";
	char *list[] = { first, second, path_in_dir("sock"), NULL };
	struct config config = config_list(list);
	struct listeners all;

	(void)state;
	open_config(&all, &config, NULL);
	assert_int_equal(all.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(all.at[i].wanted, list[i]);
		assert_int_equal(all.at[i].local, i == 2);
		assert_int_equal(all.at[i].port == 0, i == 2);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(
			    all.at[i].number, all.at[j].number);
	}
	listen_close(&all);
}

static void
one_of_a_list_that_fails_closes_the_others(void **state)
{
	char first[] = "127.0.0.1:0", bad[] = "192.0.2.1:0";
	char *list[] = { first, path_in_dir("sock"), bad, NULL };
	struct config config = config_list(list);
	int before = dup(0), after;

	(void)state;
	(void)close(before);
	assert_non_null(strstr(refusal(&config, NULL), "192.0.2.1"));
	after = dup(0);
	(void)close(after);
	assert_int_equal(after, before);
	assert_int_equal(access(list[1], F_OK), -1);
}

static void
what_is_still_wanted_is_taken_over(void **state)
{
	char any[] = "127.0.0.1:0", other[] = "127.0.0.2:0";
	char *path = path_in_dir("sock");
	char *before[] = { any, path, NULL }, *after[] = { other, any, NULL };
	struct config config = config_list(before);
	struct listeners old, all;
	struct listener kept;
	uint32_t last;

	(void)state;
	open_config(&old, &config, NULL);
	kept = old.at[0];
	last = old.at[1].number;
	config = config_list(after);
	open_config(&all, &config, &old);
	assert_int_equal(all.count, 2);
	assert_true(all.at[0].number > last);
	assert_int_equal(all.at[1].number, kept.number);
	assert_int_equal(all.at[1].fd, kept.fd);
	assert_int_equal(all.at[1].port, kept.port);
	/* Nobody wants the path: it is what old has left. */
	assert_int_equal(old.count, 1);
	assert_string_equal(old.at[0].address, path);
	assert_int_equal(access(path, F_OK), 0);
	listen_close(&old);
	assert_int_equal(access(path, F_OK), -1);
	listen_close(&all);
}

static void
the_same_address_in_other_words_is_taken_over(void **state)
{
	struct listeners old, all;
	char words[64], *list[] = { words, NULL };
	struct config config = config_list(list);
	uint32_t number;

	(void)state;
	open_host(&old, "127.0.0.1", 0);
	number = old.at[0].number;
	(void)strlcpy(words, old.at[0].address, sizeof(words));
	open_config(&all, &config, &old);
	assert_int_equal(old.count, 0);
	assert_int_equal(all.count, 1);
	assert_int_equal(all.at[0].number, number);
	assert_string_equal(all.at[0].wanted, words);
	listen_close(&all);
}

static void
a_failure_leaves_what_there_was(void **state)
{
	char any[] = "127.0.0.1:0", bad[] = "192.0.2.1:0";
	char *path = path_in_dir("sock");
	char *before[] = { any, path, NULL };
	char *after[] = { any, path, bad, NULL };
	struct config config = config_list(before);
	struct listeners old, copy;

	(void)state;
	open_config(&old, &config, NULL);
	copy = old;
	config = config_list(after);
	assert_non_null(strstr(refusal(&config, &old), "192.0.2.1"));
	assert_memory_equal(&old, &copy, sizeof(old));
	assert_int_equal(option(old.at[0].fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(access(path, F_OK), 0);
	listen_close(&old);
}

static void
a_wildcard_beside_its_own_old_address_is_explained(void **state)
{
	struct listeners old;
	struct config config;
	const char *error;

	(void)state;
	open_host(&old, "127.0.0.1", 0);
	config = config_host("0.0.0.0", old.at[0].port);
	error = refusal(&config, &old);
	assert_non_null(strstr(error, "as long as the gateway listens on"));
	assert_non_null(strstr(error, old.at[0].address));
	listen_close(&old);
}

static void
more_than_there_is_room_for_is_refused(void **state)
{
	char text[LISTEN_MAX + 1][32];
	char *list[LISTEN_MAX + 2];
	struct config config = config_list(list);

	(void)state;
	for (int i = 0; i <= LISTEN_MAX; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "127.0.1.%d:0", i + 1);
		list[i] = text[i];
	}
	list[LISTEN_MAX + 1] = NULL;
	assert_non_null(strstr(refusal(&config, NULL), "more than 32"));
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
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_list_has_a_socket_for_each),
		cmocka_unit_test(one_of_a_list_that_fails_closes_the_others),
		cmocka_unit_test(what_is_still_wanted_is_taken_over),
		cmocka_unit_test(the_same_address_in_other_words_is_taken_over),
		cmocka_unit_test(a_failure_leaves_what_there_was),
		cmocka_unit_test(
		    a_wildcard_beside_its_own_old_address_is_explained),
		cmocka_unit_test(more_than_there_is_room_for_is_refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
