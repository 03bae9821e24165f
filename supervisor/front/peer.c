#include "peer.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clock.h"

#include "siphash.h"

/* Chains stay short up to all connections of as many addresses. */
#define BUCKETS 8192U

struct peers {
	struct siphash_key key; /* nobody shall choose a bucket */
	LIST_HEAD(, peer) buckets[BUCKETS];
	TAILQ_HEAD(, peer) idle; /* longest idle first */
	size_t idle_count;
};

struct peers *
peers_new(void)
{
	struct peers *peers;

	if ((peers = calloc(1, sizeof(*peers))) == NULL)
		return NULL;
	TAILQ_INIT(&peers->idle);
	arc4random_buf(&peers->key, sizeof(peers->key));
	return peers;
}

static void
forget(struct peers *peers, struct peer *peer)
{
	TAILQ_REMOVE(&peers->idle, peer, of_idle);
	peers->idle_count--;
	LIST_REMOVE(peer, of_bucket);
	free(peer);
}

void
peers_free(struct peers **peers)
{
	struct peer *peer;

	if (*peers == NULL)
		return;
	while ((peer = TAILQ_FIRST(&(*peers)->idle)) != NULL)
		forget(*peers, peer);
	free(*peers);
	*peers = NULL;
}

/* An IPv4 address that a socket for both shows as ::ffff:192.0.2.1 is one. */
static void
read_address(struct peer_address *to, const struct sockaddr *from)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	memset(to, 0, sizeof(*to));
	if (from->sa_family == AF_INET6) {
		memcpy(&six, from, sizeof(six));
		to->family = AF_INET6;
		if (!IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
			memcpy(to->bytes, six.sin6_addr.s6_addr, 8);
			return;
		}
		memcpy(to->bytes, six.sin6_addr.s6_addr + 12, 4);
	} else {
		assert(from->sa_family == AF_INET);
		memcpy(&four, from, sizeof(four));
		memcpy(to->bytes, &four.sin_addr, 4);
	}
	to->family = AF_INET;
}

_Static_assert(
    sizeof(uid_t) <= sizeof(((struct peer_address *)0)->bytes), "a uid_t fits");

static uint32_t
bucket_of(const struct peers *peers, const struct peer_address *address)
{
	uint64_t hash[2];

	siphash(&peers->key, address, sizeof(*address), hash);
	return (uint32_t)hash[0] & (BUCKETS - 1);
}

static struct peer *
enter(struct peers *peers, const struct peer_address *address)
{
	uint32_t bucket = bucket_of(peers, address);
	struct peer *peer;

	LIST_FOREACH (peer, &peers->buckets[bucket], of_bucket)
		if (memcmp(&peer->address, address, sizeof(*address)) == 0)
			break;
	if (peer == NULL) {
		if ((peer = calloc(1, sizeof(*peer))) == NULL)
			return NULL;
		peer->address = *address;
		LIST_INSERT_HEAD(&peers->buckets[bucket], peer, of_bucket);
	} else if (peer->connections == 0) {
		TAILQ_REMOVE(&peers->idle, peer, of_idle);
		peers->idle_count--;
	}
	peer->connections++;
	return peer;
}

struct peer *
peers_enter(struct peers *peers, const struct sockaddr *address)
{
	struct peer_address want;

	read_address(&want, address);
	return enter(peers, &want);
}

struct peer *
peers_enter_user(struct peers *peers, uid_t uid)
{
	struct peer_address want;

	memset(&want, 0, sizeof(want));
	want.family = AF_UNIX;
	memcpy(want.bytes, &uid, sizeof(uid));
	return enter(peers, &want);
}

void
peers_leave(struct peers *peers, struct peer *peer)
{
	assert(peer->connections > 0);
	if (--peer->connections > 0)
		return;
	TAILQ_INSERT_TAIL(&peers->idle, peer, of_idle);
	if (++peers->idle_count > PEERS_IDLE_MAX)
		forget(peers, TAILQ_FIRST(&peers->idle));
}

bool
peer_may_log(struct peer *peer)
{
	return rate_take(
		   &peer->logged, PEER_LOG_NS, PEER_LOG_BURST, mono_ms()) == 0;
}

const char *
peer_format(const struct peer *peer, char text[PEER_TEXT_MAX])
{
	unsigned char six[16] = { 0 };
	uid_t uid;
	size_t len;

	if (peer->address.family == AF_INET) {
		inet_ntop(AF_INET, peer->address.bytes, text, PEER_TEXT_MAX);
		return text;
	}
	if (peer->address.family == AF_UNIX) {
		memcpy(&uid, peer->address.bytes, sizeof(uid));
		snprintf(text, PEER_TEXT_MAX, "uid %u", (unsigned int)uid);
		return text;
	}
	memcpy(six, peer->address.bytes, 8);
	inet_ntop(AF_INET6, six, text, PEER_TEXT_MAX);
	len = strlen(text);
	memcpy(text + len, "/64", 4);
	return text;
}
