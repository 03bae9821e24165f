/* listen.c: the sockets that clients connect to. */
#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listen.h"
#include "refusal.h"

/* A client that vanished without a word is noticed after 60 + 3 * 15 seconds,
 * one that takes no data after 30.  Accepted sockets inherit all of these. */
#define KEEP_IDLE_S     60
#define KEEP_INTERVAL_S 15
#define KEEP_COUNT      3
#define USER_TIMEOUT_MS 30000

/* How often another free port is tried when the one that the first address got
 * is taken on the second. */
#define PORT_TRIES 16

static void
set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void
set_options(int fd, int family)
{
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	/* The wildcard of each family is a socket of its own. */
	if (family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

static void
set_port(struct sockaddr *address, uint16_t port)
{
	/* Both structures have it at the same place, but say it with types. */
	if (address->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port =
		    htons(port);
	else
		((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

static uint16_t
get_port(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return ntohs(
		    ((const struct sockaddr_in6 *)(const void *)address)
			->sin6_port);
	return ntohs(
	    ((const struct sockaddr_in *)(const void *)address)->sin_port);
}

static void
address_text(char *dst, size_t size, const struct sockaddr *address,
    socklen_t len, uint16_t port)
{
	char host[NI_MAXHOST] = "?";

	(void)getnameinfo(
	    address, len, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	if (address->sa_family == AF_INET6)
		(void)snprintf(dst, size, "[%.46s]:%u", host, port);
	else
		(void)snprintf(dst, size, "%.46s:%u", host, port);
}

/* Can only this machine reach the address? */
static bool
is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(
		    &((const struct sockaddr_in6 *)(const void *)address)
			 ->sin6_addr);
	return ntohl(((const struct sockaddr_in *)(const void *)address)
			 ->sin_addr.s_addr) >>
	    24 ==
	    IN_LOOPBACKNET;
}

/* What a person can do about it. */
static const char *
remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program listens there (ss -ltnp shows which): "
		       "stop it, or choose another port with --port";
	case EACCES:
	case EPERM:
		return "ports below 1024 need root or CAP_NET_BIND_SERVICE: "
		       "choose another with --port";
	case EADDRNOTAVAIL:
		return "no interface of this machine has that address (ip addr "
		       "shows them): choose another with --host";
	case EAFNOSUPPORT:
		return "this machine does not speak that kind of address: "
		       "choose another with --host";
	default:
		return "choose another address with --host or --port";
	}
}

/* The socket with its real port in *port; -1 with errno. */
static int
open_one(struct addrinfo *ai, uint16_t *port)
{
	struct sockaddr_storage real;
	socklen_t len = sizeof(real);
	int fd, saved;

	fd = socket(ai->ai_family,
	    ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd == -1)
		return -1;
	set_options(fd, ai->ai_family);
	set_port(ai->ai_addr, *port);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1 ||
	    getsockname(fd, (struct sockaddr *)&real, &len) == -1) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	*port = get_port(&real);
	return fd;
}

void
listen_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		(void)close(listeners->at[i].fd);
	listeners->count = 0;
}

/*
 * One address after the other.  An address of a kind that this machine does not
 * have is skipped when another works: "localhost" is often both.  On failure
 * errno and *failed say which.
 */
static int
open_all(struct listeners *ret, struct addrinfo *list, uint16_t port,
    struct addrinfo **failed)
{
	struct addrinfo *skipped = NULL;
	int skipped_errno = 0, fd;

	ret->count = 0;
	ret->port = port;
	ret->beyond = false;
	for (struct addrinfo *ai = list; ai != NULL && ret->count < LISTEN_MAX;
	     ai = ai->ai_next) {
		if ((fd = open_one(ai, &ret->port)) != -1) {
			ret->at[ret->count].fd = fd;
			address_text(ret->at[ret->count].address,
			    sizeof(ret->at[0].address), ai->ai_addr,
			    ai->ai_addrlen, ret->port);
			if (!is_loopback(ai->ai_addr))
				ret->beyond = true;
			ret->count++;
			continue;
		}
		*failed = ai;
		if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) {
			int saved = errno;

			listen_close(ret);
			errno = saved;
			return -1;
		}
		skipped = ai;
		skipped_errno = errno;
	}
	if (ret->count > 0)
		return 0;
	*failed = skipped;
	errno = skipped_errno;
	return -1;
}

int
listen_open(
    struct listeners *ret, const char *host, uint16_t port, char **error)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL, *failed = NULL;
	struct listeners all = { .count = 0 };
	char address[64];
	int code, result = -1;

	if ((code = getaddrinfo(host, "0", &hints, &list)) != 0) {
		(void)refuse(error,
		    "cannot listen on host \"%s\": %s; give an address of this "
		    "machine, such as 127.0.0.1, with --host",
		    host,
		    code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
		return -1;
	}
	for (int i = 0; i < PORT_TRIES; i++) {
		result = open_all(&all, list, port, &failed);
		if (result == 0 || port != 0 || errno != EADDRINUSE)
			break;
	}
	if (result == 0) {
		*ret = all;
	} else {
		code = errno;
		address_text(address, sizeof(address), failed->ai_addr,
		    failed->ai_addrlen, port);
		(void)refuse(error, "cannot listen on %s: %s; %s", address,
		    strerror(code), remedy(code));
	}
	freeaddrinfo(list);
	return result;
}
