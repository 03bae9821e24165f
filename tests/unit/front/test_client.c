/* test_client.c: the far end of a socket: an address, or a user. */
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"
#include "peer.h"
#include "principal.h"

static int
set_up(void **state)
{
	*state = peers_new();
	return *state != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct peers *peers = *state;

	peers_free(&peers);
	return 0;
}

static void
a_unix_socket_leads_to_a_user(void **state)
{
	struct client client = { 0 };
	char text[PEER_TEXT_MAX];
	char want[PEER_TEXT_MAX];
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(client_find(&client, *state, pair[0]), 0);
	assert_true(client.local);
	assert_int_equal(client.uid, geteuid());
	snprintf(want, sizeof(want), "uid %u", (unsigned int)geteuid());
	assert_string_equal(client_format(&client, text), want);
	client_forget(&client, *state);
	assert_null(client.peer);
	close(pair[0]);
	close(pair[1]);
}

static void
a_tcp_socket_leads_to_an_address(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct client client = { 0 };
	socklen_t len = sizeof(address);
	char text[PEER_TEXT_MAX];
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int one = socket(AF_INET, SOCK_STREAM, 0);
	int other;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(
	    connect(one, (struct sockaddr *)&address, sizeof(address)), 0);
	other = accept(listener, NULL, NULL);
	assert_int_equal(client_find(&client, *state, other), 0);
	assert_false(client.local);
	assert_string_equal(client_format(&client, text), "127.0.0.1");
	client_forget(&client, *state);
	close(other);
	close(one);
	close(listener);
}

static void
who_is_gone_is_nobody(void **state)
{
	struct client client = { 0 };
	char text[PEER_TEXT_MAX];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(client_find(&client, *state, fd), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_null(client.peer);
	assert_true(client_may_log(&client));
	assert_string_equal(client_format(&client, text), "without an address");
	client_forget(&client, *state);
	close(fd);
}

static void
a_principal_is_let_go_with_the_connection(void **state)
{
	struct principals *principals = principals_new();
	struct client client = { 0 };

	client.principal = principals_user(principals, 7);
	client.has_token = true;
	client.token_hash[0] = 5;
	client_forget(&client, *state);
	assert_null(client.principal);
	assert_false(client.has_token);
	assert_int_equal(client.token_hash[0], 0);
	assert_null(principals_next(principals, NULL));
	principals_free(&principals);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_unix_socket_leads_to_a_user),
		TEST(a_tcp_socket_leads_to_an_address),
		TEST(who_is_gone_is_nobody),
		TEST(a_principal_is_let_go_with_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
