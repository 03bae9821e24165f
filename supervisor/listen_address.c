/* listen_address.c: addresses of sockets as people and the kernel write them.
 */
#include <sys/un.h>

#include <netinet/in.h>

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listen_address.h"

int
listen_address_split(const char *text, char *host, size_t size, uint16_t *port)
{
	const char *colon = strrchr(text, ':'), *error = NULL;
	size_t len;
	long long n;

	if (colon == NULL || !isdigit((unsigned char)colon[1]))
		return -1;
	n = strtonum(colon + 1, 0, UINT16_MAX, &error);
	len = (size_t)(colon - text);
	if (*text == '[' && len > 2 && colon[-1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL || *text == '[') {
		return -1; /* "::1:9000": where does the address end? */
	}
	if (error != NULL || len == 0 || len >= size)
		return -1;
	memcpy(host, text, len);
	host[len] = '\0';
	*port = (uint16_t)n;
	return 0;
}

void
listen_address_join(char *dst, size_t size, const char *host, uint16_t port)
{
	bool v6 = strchr(host, ':') != NULL;

	(void)snprintf(
	    dst, size, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

static void
path_text(
    char *dst, size_t size, const struct sockaddr_un *address, socklen_t len)
{
	size_t path = len > offsetof(struct sockaddr_un, sun_path)
	    ? len - offsetof(struct sockaddr_un, sun_path)
	    : 0;

	if (path == 0)
		(void)strlcpy(dst, "?", size);
	else if (address->sun_path[0] == '\0')
		(void)snprintf(
		    dst, size, "@%.*s", (int)path - 1, address->sun_path + 1);
	else
		(void)snprintf(dst, size, "%.*s", (int)path, address->sun_path);
}

void
listen_address_text(
    char *dst, size_t size, const struct sockaddr *address, socklen_t len)
{
	char host[NI_MAXHOST];

	if (address->sa_family == AF_UNIX)
		path_text(dst, size, (const void *)address, len);
	else if (getnameinfo(address, len, host, sizeof(host), NULL, 0,
		     NI_NUMERICHOST) == 0)
		listen_address_join(
		    dst, size, host, listen_address_port(address));
	else
		(void)strlcpy(dst, "?", size);
}

uint16_t
listen_address_port(const struct sockaddr *address)
{
	switch (address->sa_family) {
	case AF_INET:
		return ntohs(((const struct sockaddr_in *)(const void *)address)
				 ->sin_port);
	case AF_INET6:
		return ntohs(
		    ((const struct sockaddr_in6 *)(const void *)address)
			->sin6_port);
	default:
		return 0;
	}
}

void
listen_address_set_port(struct sockaddr *address, uint16_t port)
{
	/* Both structures have it at the same place, but say it with types. */
	if (address->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port =
		    htons(port);
	else if (address->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

bool
listen_address_is_beyond(const struct sockaddr *address)
{
	const struct in6_addr *six;

	switch (address->sa_family) {
	case AF_UNIX:
		return false;
	case AF_INET6:
		six = &((const struct sockaddr_in6 *)(const void *)address)
			   ->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(six))
			return six->s6_addr[12] != IN_LOOPBACKNET;
		return !IN6_IS_ADDR_LOOPBACK(six);
	case AF_INET:
		return ntohl(((const struct sockaddr_in *)(const void *)address)
				 ->sin_addr.s_addr) >>
		    24 !=
		    IN_LOOPBACKNET;
	default:
		return true; /* whatever it is, we do not know who is there */
	}
}
