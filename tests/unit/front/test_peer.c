/* test_peer.c: addresses: which are one, how long they are remembered. */
/* wrap: mono_ms */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"

static uint64_t now_ms;

uint64_t __wrap_mono_ms(void);

uint64_t
__wrap_mono_ms(void)
{
	return now_ms;
}

static int
set_up(void **state)
{
	now_ms = 1000000;
	*state = peers_new();
	return *state != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct peers *peers = *state;

	peers_free(&peers);
	assert_null(peers);
	return 0;
}

static struct peer *
enter(struct peers *peers, const char *text)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&storage;
	struct sockaddr_in *four = (struct sockaddr_in *)&storage;

	if (strchr(text, ':') != NULL) {
		six->sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
	} else {
		four->sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, text, &four->sin_addr), 1);
	}
	return peers_enter(peers, (struct sockaddr *)&storage);
}

static void
one_address_is_one_peer(void **state)
{
	struct peer *a = enter(*state, "192.0.2.1");
	struct peer *b = enter(*state, "192.0.2.1");
	struct peer *c = enter(*state, "192.0.2.2");

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_int_equal(a->connections, 2);
	assert_int_equal(c->connections, 1);
	peers_leave(*state, a);
	peers_leave(*state, b);
	peers_leave(*state, c);
}

static void
addresses_of_one_network_of_ipv6_are_one(void **state)
{
	struct peer *a = enter(*state, "2001:db8:1:2::1");
	struct peer *b = enter(*state, "2001:db8:1:2:ffff:ffff:ffff:ffff");
	struct peer *c = enter(*state, "2001:db8:1:3::1");

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	peers_leave(*state, a);
	peers_leave(*state, b);
	peers_leave(*state, c);
}

static void
a_mapped_address_is_that_of_ipv4(void **state)
{
	struct peer *a = enter(*state, "::ffff:192.0.2.1");
	struct peer *b = enter(*state, "192.0.2.1");
	struct peer *c = enter(*state, "::1");

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	peers_leave(*state, a);
	peers_leave(*state, b);
	peers_leave(*state, c);
}

static void
a_user_is_no_address(void **state)
{
	struct peer *a = peers_enter_user(*state, 1000);
	struct peer *b = peers_enter_user(*state, 1000);
	struct peer *c = enter(*state, "232.3.0.0"); /* the same bytes */

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	peers_leave(*state, a);
	peers_leave(*state, b);
	peers_leave(*state, c);
}

static void
who_comes_back_is_known(void **state)
{
	struct peer *peer = enter(*state, "192.0.2.1");

	peer->wrong.full_at_ns = 17;
	peers_leave(*state, peer);
	peer = enter(*state, "192.0.2.1");
	assert_int_equal(peer->wrong.full_at_ns, 17);
	assert_int_equal(peer->connections, 1);
	peers_leave(*state, peer);
}

static void
who_left_first_is_forgotten_first(void **state)
{
	struct peer *here = enter(*state, "198.51.100.1");
	struct peer *peer;
	char text[INET_ADDRSTRLEN];
	struct in_addr address;

	here->wrong.full_at_ns = 1;
	for (uint32_t i = 0; i < PEERS_IDLE_MAX + 2; i++) {
		address.s_addr = htonl(0x0a000000 + i);
		inet_ntop(AF_INET, &address, text, sizeof(text));
		peer = enter(*state, text);
		peer->wrong.full_at_ns = 17;
		peers_leave(*state, peer);
	}
	peer = enter(*state, "10.0.0.2");
	assert_int_equal(peer->wrong.full_at_ns, 17);
	peers_leave(*state, peer);
	peer = enter(*state, "10.0.0.1");
	assert_int_equal(peer->wrong.full_at_ns, 0);
	peers_leave(*state, peer);
	assert_int_equal(here->wrong.full_at_ns, 1);
	peers_leave(*state, here);
}

static void
refusals_are_logged_now_and_then(void **state)
{
	struct peer *peer = enter(*state, "192.0.2.1");
	struct peer *other = enter(*state, "192.0.2.2");

	for (unsigned int i = 0; i < PEER_LOG_BURST; i++)
		assert_true(peer_may_log(peer));
	assert_false(peer_may_log(peer));
	assert_true(peer_may_log(other));
	now_ms += 10000;
	assert_true(peer_may_log(peer));
	assert_false(peer_may_log(peer));
	peers_leave(*state, peer);
	peers_leave(*state, other);
}

static void
addresses_are_written_for_people(void **state)
{
	static const char *const texts[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ "::1", "::/64" },
		{ "2001:dead:beef:1234::", "2001:dead:beef:1234::/64" },
	};
	char text[PEER_TEXT_MAX];
	struct peer *peer;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		peer = enter(*state, texts[i][0]);
		assert_string_equal(peer_format(peer, text), texts[i][1]);
		peers_leave(*state, peer);
	}
	peer = peers_enter_user(*state, 4294967294U);
	assert_string_equal(peer_format(peer, text), "uid 4294967294");
	peers_leave(*state, peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_address_is_one_peer),
		TEST(addresses_of_one_network_of_ipv6_are_one),
		TEST(a_mapped_address_is_that_of_ipv4),
		TEST(a_user_is_no_address),
		TEST(who_comes_back_is_known),
		TEST(who_left_first_is_forgotten_first),
		TEST(refusals_are_logged_now_and_then),
		TEST(addresses_are_written_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
