/* address.h: which addresses a backend's URL may stand for. */
#ifndef WORKER_HTTP_ADDRESS_H
#define WORKER_HTTP_ADDRESS_H

#include <sys/socket.h>

#include <stdbool.h>

enum address_kind {
	ADDRESS_PUBLIC,
	ADDRESS_PRIVATE,   /* loopback, RFC 1918, RFC 4193, RFC 6598 */
	ADDRESS_FORBIDDEN, /* link-local, metadata services, 0.0.0.0/8,
			      multicast, broadcast: never a backend */
};

/*
 * What kind of address this is; an IPv4 address inside an IPv6 one (mapped,
 * compatible, RFC 6052, 6to4) counts as itself.  Families other than IP are
 * ADDRESS_FORBIDDEN.
 */
enum address_kind address_kind(const struct sockaddr *sa, socklen_t len);

/*
 * True when a host of a URL says by itself that it is in a private network: an
 * address, "localhost" and what ends in ".localhost", a name without a dot, and
 * names in .local, .internal, .lan, .home.arpa, .intranet, .corp, .private.
 * Other names may
 * only stand for public addresses, unless the configuration says so: a name in
 * a stranger's hands could become 127.0.0.1 over night ("DNS rebinding").
 */
bool address_name_is_private(const char *host);

#endif
