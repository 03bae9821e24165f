/*
 * peer.h: the addresses that clients come from: how many connections each has,
 * and what it may still do.  IPv6 is counted by /64, which is what one customer
 * of a provider has.
 */
#ifndef FRONT_PEER_H
#define FRONT_PEER_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rate.h"

struct peers;
struct sockaddr;

/* Addresses without a connection that are remembered; then the one that left
 * first is forgotten.  They take half a MiB. */
#define PEERS_IDLE_MAX 4096U
/* Wrong tokens at once: a person who pastes the wrong one tries a few times. */
#define PEER_WRONG_BURST 10U
/* After that one more each 10 s: 8,640 a day, of 2^256. */
#define PEER_WRONG_NS UINT64_C(10000000000)
/* Refusals that are logged of one address: enough to see what is going on. */
#define PEER_LOG_BURST 10U
#define PEER_LOG_NS    UINT64_C(10000000000)

/* An address: IPv4 in the first 4 bytes, the first 8 of IPv6, or the uid_t of
 * who is at the other end of a Unix socket. */
struct peer_address {
	uint8_t bytes[8];
	uint8_t family; /* AF_INET, AF_INET6, AF_UNIX */
};

struct peer {
	LIST_ENTRY(peer) of_bucket;
	TAILQ_ENTRY(peer) of_idle; /* while it has no connection */
	struct peer_address address;
	uint32_t connections;
	size_t held; /* bytes of its unfinished requests that count: held.h */
	struct rate_bucket requests; /* how many, is the policy's */
	struct rate_bucket wrong;    /* tokens */
	struct rate_bucket logged;   /* refusals */
};

/* NULL with errno ENOMEM. */
struct peers *peers_new(void);
/* Nobody may be in any more. */
void peers_free(struct peers **peers);

/*
 * A connection came from this address, which is not a Unix socket's.  The
 * result stays valid until peer_leave().  NULL with errno ENOMEM.
 */
struct peer *peers_enter(struct peers *peers, const struct sockaddr *address);
/* The same for a Unix socket. */
struct peer *peers_enter_user(struct peers *peers, uid_t uid);
void peers_leave(struct peers *peers, struct peer *peer);

/* May another refusal of this address be logged?  Takes it. */
bool peer_may_log(struct peer *peer);

/* "2001:db8:1:2::/64" or "uid 1000" and a NUL fit. */
#define PEER_TEXT_MAX 64
/* Write the address for people; returns text. */
const char *peer_format(const struct peer *peer, char text[PEER_TEXT_MAX]);

#endif
