/* listen_address.h: addresses of sockets as people and the kernel write them.
 */
#ifndef SUPERVISOR_LISTEN_ADDRESS_H
#define SUPERVISOR_LISTEN_ADDRESS_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "127.0.0.1:9000", "[::1]:9000" or "localhost:9000" in its two parts; host has
 * size bytes.  0, or -1 when it is none of these. */
int listen_address_split(
    const char *text, char *host, size_t size, uint16_t *port);

/* The other way; host is an address of either family, or a name. */
void listen_address_join(
    char *dst, size_t size, const char *host, uint16_t port);

/* The address of a bound socket, or "?": a path, "@name" of the abstract kind,
 * or an address with its port. */
void listen_address_text(
    char *dst, size_t size, const struct sockaddr *address, socklen_t len);

/* 0 for a Unix socket. */
uint16_t listen_address_port(const struct sockaddr *address);
void listen_address_set_port(struct sockaddr *address, uint16_t port);

/* Other machines can reach it. */
bool listen_address_is_beyond(const struct sockaddr *address);

#endif
