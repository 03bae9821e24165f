#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"

static enum address_kind
kind_of(const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &sin.sin_addr) == 1)
		return address_kind((struct sockaddr *)&sin, sizeof(sin));
	assert_int_equal(inet_pton(AF_INET6, text, &sin6.sin6_addr), 1);
	return address_kind((struct sockaddr *)&sin6, sizeof(sin6));
}

static void
check(const char *const *texts, enum address_kind kind)
{
	for (; *texts != NULL; texts++)
		if (kind_of(*texts) != kind)
			fail_msg("%s", *texts);
}

static void
addresses_have_their_kind_at_both_ends_of_a_range(void **state)
{
	static const char *const forbidden[] = { "0.0.0.0", "0.255.255.255",
		"169.254.0.0", "169.254.169.254", "169.254.255.255",
		"100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
		"fd00:ec2::254", "fd20:ce::254", "64:ff9b:1::7f00:1", NULL };
	static const char *const private[] = { "127.0.0.0", "127.0.0.1",
		"127.255.255.255", "10.0.0.0", "10.255.255.255", "172.16.0.0",
		"172.31.255.255", "192.168.0.0", "192.168.255.255",
		"100.64.0.0", "100.127.255.255", "::1",
		"fc00::", "fdff:ffff::1", "fd00:ec2::253", NULL };
	static const char *const public[] = { "1.0.0.0", "9.255.255.255",
		"11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
		"172.32.0.0", "192.167.255.255", "192.169.0.0",
		"223.255.255.255", "8.8.8.8", "2606:4700::1", "fbff::1",
		"fe00::1", "64:ff9c::1", "2003::1", NULL };

	(void)state;
	check(forbidden, ADDRESS_FORBIDDEN);
	check(private, ADDRESS_PRIVATE);
	check(public, ADDRESS_PUBLIC);
}

static void
an_ipv4_address_inside_an_ipv6_one_counts_as_itself(void **state)
{
	static const char *const forms[] = { "::ffff:%s", "::%s", "64:ff9b::%s",
		"::ffff:0:%s" };
	static const struct {
		const char *address;
		enum address_kind kind;
	} cases[] = {
		{ "169.254.169.254", ADDRESS_FORBIDDEN },
		{ "127.0.0.1", ADDRESS_PRIVATE },
		{ "10.1.2.3", ADDRESS_PRIVATE },
		{ "8.8.8.8", ADDRESS_PUBLIC },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
			strlcpy(text, forms[i], sizeof(text));
			text[strlen(text) - 2] = '\0';
			strlcat(text, cases[k].address, sizeof(text));
			assert_int_equal(kind_of(text), cases[k].kind);
		}
	}
	assert_int_equal(kind_of("2002:a9fe:a9fe::1"), ADDRESS_FORBIDDEN);
	assert_int_equal(kind_of("2002:7f00:1::"), ADDRESS_PRIVATE);
	assert_int_equal(kind_of("2002:808:808::"), ADDRESS_PUBLIC);
}

static void
other_families_and_short_addresses_are_forbidden(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x08080808),
	};
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	(void)state;
	assert_int_equal(address_kind((struct sockaddr *)&sun, sizeof(sun)),
	    ADDRESS_FORBIDDEN);
	assert_int_equal(
	    address_kind((struct sockaddr *)&sin, sizeof(sin)), ADDRESS_PUBLIC);
	assert_int_equal(address_kind((struct sockaddr *)&sin, sizeof(sin) - 1),
	    ADDRESS_FORBIDDEN);
	sin6.sin6_addr.s6_addr[0] = 0x26;
	assert_int_equal(address_kind((struct sockaddr *)&sin6, sizeof(sin6)),
	    ADDRESS_PUBLIC);
	assert_int_equal(
	    address_kind((struct sockaddr *)&sin6, sizeof(sin6) - 1),
	    ADDRESS_FORBIDDEN);
}

static void
names_of_private_networks_are_known(void **state)
{
	static const char *const yes[] = { "localhost", "LOCALHOST",
		"localhost.", "a.localhost", "127.0.0.1", "8.8.8.8", "::1",
		"fe80::1", "0x7f.1", "2130706433", "nas", "nas.", "nas.local",
		"nas.LOCAL.", "a.b.internal", "x.lan", "x.home.arpa",
		"x.intranet", "x.corp", "x.private" };
	static const char *const no[] = { "", ".", "example.com",
		"example.com.", "localhost.example.com", "xlocal.com",
		"a.notlocal", "local.example", "lan.com", "127.0.0.1.nip.io",
		"home.arpa.example", "x.arpa", "a.xlan" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!address_name_is_private(yes[i]))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (address_name_is_private(no[i]))
			fail_msg("%s", no[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    addresses_have_their_kind_at_both_ends_of_a_range),
		cmocka_unit_test(
		    an_ipv4_address_inside_an_ipv6_one_counts_as_itself),
		cmocka_unit_test(
		    other_families_and_short_addresses_are_forbidden),
		cmocka_unit_test(names_of_private_networks_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
