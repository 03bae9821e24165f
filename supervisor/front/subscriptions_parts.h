/*
 * subscriptions_parts.h: what the files of subscriptions share: subscriptions.c
 * (who wants what), resource.c (the URIs, and what backends are told of them).
 */
#ifndef FRONT_SUBSCRIPTIONS_PARTS_H
#define FRONT_SUBSCRIPTIONS_PARTS_H

#include <sys/queue.h>

#include "proto/buf.h"

#include "subscriptions.h"

/* Chains stay short up to SUBSCRIPTIONS_MAX; the hash has a secret, so nobody
 * can choose a bucket. */
#define SUBSCRIPTIONS_BUCKETS 4096U

/* One session's, of one resource. */
struct subscription {
	LIST_ENTRY(subscription) of_session; /* once it counts */
	LIST_ENTRY(subscription) of_resource;
	struct resource *resource;
	struct session *session;
	char *shown; /* what the client calls it; NULL: as the backend */
};

/* A URI of a backend that sessions subscribed to or ask for. */
struct resource {
	LIST_ENTRY(resource) of_bucket;
	TAILQ_ENTRY(resource) of_backend;
	struct resource *below; /* while an update is delivered */
	LIST_HEAD(, subscription) subscriptions;
	LIST_HEAD(, subscription_change) changes;
	size_t joining; /* requests to subscribe in flight */
	size_t leaving; /* and to unsubscribe */
	bool confirmed; /* the backend said that it is subscribed to */
	bool perhaps;   /* it may be: unsubscribe when nobody is left */
	bool doubtful;  /* what is in flight may be undone: tell it again */
	struct subscriptions *all;
	size_t backend;
	uint64_t hash;
	size_t len;
	char uri[];
};

/* A request in flight. */
struct subscription_change {
	LIST_ENTRY(subscription_change) of_resource;
	struct resource *resource;
	struct session *session;
	bool joins;
	bool elsewhere; /* another backend was asked, before it was replaced */
	struct subscription *wanted; /* NULL: none, or not wanted any more */
};

/* All of them. */
struct subscriptions {
	subscriptions_tell *tell;
	void *arg;
	LIST_HEAD(, resource) buckets[SUBSCRIPTIONS_BUCKETS];
	uint64_t secret;
	uint64_t update; /* counts updates that were delivered */
	size_t count;
	size_t bytes; /* of all, and of their URIs */
	size_t bytes_max;
	struct buf text;
	TAILQ_HEAD(resource_list, resource) of_backend[];
};

/* A secret for the hashes of all->buckets. */
void resource_init_hash(struct subscriptions *all);

/* The resource of this URI, or NULL. */
struct resource *resource_of(
    struct subscriptions *all, size_t backend, const char *uri);

/* A new one of which nobody knows; resource_settle() frees it.  NULL with errno
 * EMSGSIZE (too long for us or for a frame), ENOSPC or ENOMEM. */
struct resource *resource_new(
    struct subscriptions *all, size_t backend, const char *uri);

/* It is another backend's from now on. */
void resource_move(struct resource *r, size_t backend);

/* Tell its backend; 0, or -1 when it cannot be told now. */
int resource_tell(struct resource *r, bool subscribe);

/* After every change: tell the backend what it has to know, and free a resource
 * that nobody is interested in. */
void resource_settle(struct resource *r);

/* The resources at and above a URI, the nearest first, linked by "below"; or
 * NULL. */
struct resource *resource_above(
    struct subscriptions *all, size_t backend, const char *uri, size_t len);

#endif
