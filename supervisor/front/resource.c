/*
 * resource.c: the URIs that sessions subscribed to.  Nothing is believed of a
 * backend but what it answered, and when nothing is in flight any more it is
 * told again what may have been undone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/msg.h"

#include "subscriptions_parts.h"
#include "uri.h"

/* A Mersenne prime, 2^61 - 1: hashes are numbers below it. */
#define PRIME ((UINT64_C(1) << 61) - 1)

void
resource_init_hash(struct subscriptions *all)
{
	arc4random_buf(&all->secret, sizeof(all->secret));
	all->secret = all->secret % (PRIME - 1) + 1;
}

/*
 * A polynomial at a secret place: whatever the texts are, two of n bytes are
 * equal with a probability of n / 2^61; and that of every beginning of a text
 * is known on the way.
 */
static uint64_t
hash_add(const struct subscriptions *all, uint64_t hash, char c)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)hash * all->secret + (unsigned char)c + 1;
	uint64_t sum = (uint64_t)(product & PRIME) + (uint64_t)(product >> 61);

	return sum >= PRIME ? sum - PRIME : sum;
}

static struct resource *
resource_find(struct subscriptions *all, size_t backend, uint64_t hash,
    const char *uri, size_t len)
{
	struct resource *r;

	LIST_FOREACH (r, &all->buckets[hash % SUBSCRIPTIONS_BUCKETS], of_bucket)
		if (r->hash == hash && r->backend == backend && r->len == len &&
		    memcmp(r->uri, uri, len) == 0)
			return r;
	return NULL;
}

static uint64_t
hash_of(const struct subscriptions *all, size_t backend, const char *uri)
{
	uint64_t hash = backend + 1;

	for (; *uri != '\0'; uri++)
		hash = hash_add(all, hash, *uri);
	return hash;
}

struct resource *
resource_of(struct subscriptions *all, size_t backend, const char *uri)
{
	return resource_find(
	    all, backend, hash_of(all, backend, uri), uri, strlen(uri));
}

/* The URI as a JSON string in *text; -1 with EMSGSIZE or ENOMEM. */
static int
put_uri(struct buf *text, const char *uri, size_t len)
{
	buf_consume(text, buf_len(text));
	if (json_add_string(text, uri, len) == -1)
		return -1;
	if (buf_len(text) > MSG_URI_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	return 0;
}

struct resource *
resource_new(struct subscriptions *all, size_t backend, const char *uri)
{
	size_t len = strlen(uri);
	struct resource *r;

	if (len > URI_MAX) {
		errno = EMSGSIZE;
		return NULL;
	}
	if (put_uri(&all->text, uri, len) == -1)
		return NULL;
	if (all->bytes + sizeof(*r) + len > all->bytes_max) {
		errno = ENOSPC;
		return NULL;
	}
	if ((r = calloc(1, sizeof(*r) + len + 1)) == NULL)
		return NULL;
	memcpy(r->uri, uri, len + 1);
	r->len = len;
	r->all = all;
	r->backend = backend;
	r->hash = hash_of(all, backend, uri);
	LIST_INSERT_HEAD(
	    &all->buckets[r->hash % SUBSCRIPTIONS_BUCKETS], r, of_bucket);
	TAILQ_INSERT_TAIL(&all->of_backend[backend], r, of_backend);
	all->bytes += sizeof(*r) + len;
	return r;
}

void
resource_move(struct resource *r, size_t backend)
{
	struct subscriptions *all = r->all;

	LIST_REMOVE(r, of_bucket);
	TAILQ_REMOVE(&all->of_backend[r->backend], r, of_backend);
	r->backend = backend;
	r->hash = hash_of(all, backend, r->uri);
	LIST_INSERT_HEAD(
	    &all->buckets[r->hash % SUBSCRIPTIONS_BUCKETS], r, of_bucket);
	TAILQ_INSERT_TAIL(&all->of_backend[backend], r, of_backend);
}

int
resource_tell(struct resource *r, bool subscribe)
{
	struct subscriptions *all = r->all;
	struct json_span uri;

	if (put_uri(&all->text, r->uri, r->len) == -1)
		return -1;
	uri.at = buf_data(&all->text);
	uri.len = buf_len(&all->text);
	return all->tell(all->arg, r->backend, subscribe, uri);
}

void
resource_settle(struct resource *r)
{
	struct subscriptions *all = r->all;

	if (r->joining == 0 && LIST_EMPTY(&r->subscriptions) && r->perhaps &&
	    resource_tell(r, false) == 0)
		r->perhaps = r->confirmed = false;
	if (r->joining + r->leaving > 0)
		return;
	if (r->doubtful && !LIST_EMPTY(&r->subscriptions) &&
	    resource_tell(r, true) == -1)
		return;
	r->doubtful = false;
	if (!LIST_EMPTY(&r->subscriptions) || r->perhaps)
		return;
	LIST_REMOVE(r, of_bucket);
	TAILQ_REMOVE(&all->of_backend[r->backend], r, of_backend);
	all->bytes -= sizeof(*r) + r->len;
	free(r);
}

struct resource *
resource_above(
    struct subscriptions *all, size_t backend, const char *uri, size_t len)
{
	struct resource *found = NULL;
	struct resource *r;
	uint64_t hash = backend + 1;

	for (size_t n = 1; n <= len; n++) {
		hash = hash_add(all, hash, uri[n - 1]);
		if (n < len && uri[n] != '/' && uri[n - 1] != '/')
			continue;
		if ((r = resource_find(all, backend, hash, uri, n)) == NULL)
			continue;
		r->below = found;
		found = r;
	}
	return found;
}
