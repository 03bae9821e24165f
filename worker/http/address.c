/* address.c: which addresses a backend's URL may stand for. */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "address.h"

struct range4 {
	uint32_t first;
	unsigned int bits;
	enum address_kind kind;
};

#define IP4(a, b, c, d)                                                        \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 |      \
	    (uint32_t)(d))

/* The first that matches counts. */
static const struct range4 ranges4[] = {
	{ IP4(0, 0, 0, 0), 8, ADDRESS_FORBIDDEN },
	{ IP4(100, 100, 100, 200), 32, ADDRESS_FORBIDDEN }, /* Alibaba Cloud */
	{ IP4(168, 63, 129, 16), 32, ADDRESS_FORBIDDEN },   /* Azure */
	{ IP4(169, 254, 0, 0), 16, ADDRESS_FORBIDDEN },     /* nearly all */
	{ IP4(192, 0, 0, 192), 32, ADDRESS_FORBIDDEN },     /* Oracle Cloud */
	{ IP4(224, 0, 0, 0), 4, ADDRESS_FORBIDDEN },
	{ IP4(240, 0, 0, 0), 4, ADDRESS_FORBIDDEN }, /* and broadcast */
	{ IP4(10, 0, 0, 0), 8, ADDRESS_PRIVATE },
	{ IP4(100, 64, 0, 0), 10, ADDRESS_PRIVATE },
	{ IP4(127, 0, 0, 0), 8, ADDRESS_PRIVATE },
	{ IP4(172, 16, 0, 0), 12, ADDRESS_PRIVATE },
	{ IP4(192, 168, 0, 0), 16, ADDRESS_PRIVATE },
};

static enum address_kind
kind4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(ranges4) / sizeof(ranges4[0]); i++) {
		const struct range4 *r = &ranges4[i];

		if ((address ^ r->first) >> (32 - r->bits) == 0)
			return r->kind;
	}
	return ADDRESS_PUBLIC;
}

/* Four bytes of an IPv6 address as an IPv4 one. */
static enum address_kind
kind4_at(const uint8_t *bytes)
{
	return kind4(IP4(bytes[0], bytes[1], bytes[2], bytes[3]));
}

struct range6 {
	uint8_t first[16];
	size_t bits;
	enum address_kind kind;
	size_t ipv4; /* where an IPv4 address stands that counts instead; 0:
			nowhere */
};

/* The first that matches counts. */
static const struct range6 ranges6[] = {
	{ { 0 }, 128, ADDRESS_FORBIDDEN, 0 },
	{ { [15] = 1 }, 128, ADDRESS_PRIVATE, 0 },
	{ { 0 }, 96, ADDRESS_FORBIDDEN, 12 }, /* ::a.b.c.d */
	{ { [10] = 0xff, [11] = 0xff }, 96, ADDRESS_FORBIDDEN,
	    12 }, /* mapped */
	{ { [8] = 0xff, [9] = 0xff }, 96, ADDRESS_FORBIDDEN,
	    12 },                                               /* RFC 2765 */
	{ { 0, 0x64, 0xff, 0x9b }, 96, ADDRESS_FORBIDDEN, 12 }, /* RFC 6052 */
	/* RFC 8215: where the IPv4 address stands is the network's choice. */
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, ADDRESS_FORBIDDEN, 0 },
	{ { 0x20, 0x02 }, 16, ADDRESS_FORBIDDEN, 2 }, /* 6to4 */
	/* fd00:ec2::254, Amazon; fd20:ce::254, Google */
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, 128,
	    ADDRESS_FORBIDDEN, 0 },
	{ { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54 }, 128,
	    ADDRESS_FORBIDDEN, 0 },
	{ { 0xfc }, 7, ADDRESS_PRIVATE, 0 },
	{ { 0xfe, 0x80 }, 10, ADDRESS_FORBIDDEN, 0 },
	{ { 0xfe, 0xc0 }, 10, ADDRESS_FORBIDDEN, 0 }, /* RFC 3879 */
	{ { 0xff }, 8, ADDRESS_FORBIDDEN, 0 },
};

static bool
is_in(const uint8_t address[16], const struct range6 *r)
{
	size_t whole = r->bits / 8, rest = r->bits % 8;

	if (memcmp(address, r->first, whole) != 0)
		return false;
	return rest == 0 ||
	    (address[whole] ^ r->first[whole]) >> (8 - rest) == 0;
}

static enum address_kind
kind6(const uint8_t address[16])
{
	for (size_t i = 0; i < sizeof(ranges6) / sizeof(ranges6[0]); i++) {
		const struct range6 *r = &ranges6[i];

		if (!is_in(address, r))
			continue;
		return r->ipv4 > 0 ? kind4_at(address + r->ipv4) : r->kind;
	}
	return ADDRESS_PUBLIC;
}

enum address_kind
address_kind(const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	/* Copied, for sa need not be aligned for either. */
	if (sa->sa_family == AF_INET && len >= sizeof(sin)) {
		memcpy(&sin, sa, sizeof(sin));
		return kind4(ntohl(sin.sin_addr.s_addr));
	}
	if (sa->sa_family == AF_INET6 && len >= sizeof(sin6)) {
		memcpy(&sin6, sa, sizeof(sin6));
		return kind6(sin6.sin6_addr.s6_addr);
	}
	return ADDRESS_FORBIDDEN;
}

static bool
ends_in(const char *host, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && strncasecmp(host + len - n, suffix, n) == 0;
}

bool
address_name_is_private(const char *host)
{
	static const char *const suffixes[] = { ".localhost", ".local",
		".internal", ".lan", ".home.arpa", ".intranet", ".corp",
		".private" };
	struct in_addr in;
	struct in6_addr in6;
	size_t len = strlen(host);

	/* inet_aton(3) knows 0x7f.1 as well, as whoever connects does. */
	if (inet_pton(AF_INET6, host, &in6) == 1 || inet_aton(host, &in) == 1)
		return true;
	if (len > 0 && host[len - 1] == '.')
		len--; /* the root */
	if (len == 0)
		return false;
	if (memchr(host, '.', len) == NULL)
		return true;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (ends_in(host, len, suffixes[i]))
			return true;
	return false;
}
