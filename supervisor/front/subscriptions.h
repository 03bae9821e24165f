/*
 * subscriptions.h: which sessions want to hear of changes to which resources.
 * A backend knows one client, us: it is asked by the first of them and told by
 * the last one that leaves.
 */
#ifndef FRONT_SUBSCRIPTIONS_H
#define FRONT_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json.h"

struct session;
struct subscription_change;
struct subscriptions;

/* Of one session: clients watch what they have open, some dozens. */
#define SUBSCRIPTIONS_SESSION_MAX 1024U
/* Of all sessions together. */
#define SUBSCRIPTIONS_MAX ((size_t)65536)
/* Bytes of them all, with their URIs; of the policy, this part of
 * limits.memory, which is the same: a hundred bytes each for as many as there
 * can be, and URIs of some hundred. */
#define SUBSCRIPTIONS_BYTES_MAX ((size_t)32 << 20)
#define SUBSCRIPTIONS_PART      10U

/*
 * Tell the backend to subscribe to this URI, or not to any more, for clients
 * that did so before: URI is a JSON string of at most MSG_URI_MAX bytes.  0 as
 * well when the backend is away and needs not be told; -1 when it cannot be
 * told now: subscriptions_retry() does it later.
 */
typedef int subscriptions_tell(
    void *arg, size_t backend, bool subscribe, struct json_span uri);

/* Backends have slots from 0 to slots - 1, which are used again after
 * subscriptions_forget().  NULL with errno ENOMEM. */
struct subscriptions *subscriptions_new(
    size_t slots, subscriptions_tell *tell, void *arg);
/* Have new ones only up to so many bytes. */
void subscriptions_limit(struct subscriptions *subscriptions, size_t bytes);
/* No session holds any more. */
void subscriptions_free(struct subscriptions **subscriptions);

/*
 * A session asks to subscribe to what its backend knows as uri and the client
 * as shown, both decoded.  0 with *change NULL: it is subscribed, answer it.  0
 * with *change set: the backend has to be asked, and subscription_end() tells
 * what came of it.  -1 with errno EDQUOT (too many of this session), ENOSPC (of
 * all), EMSGSIZE (the URI is too long) or ENOMEM.
 */
int subscriptions_join(struct subscriptions *subscriptions,
    struct session *session, size_t backend, const char *uri, const char *shown,
    struct subscription_change **change);

/* The backend and its URI that a session subscribed to, or asked to, under the
 * URI that the client uses; *uri is valid until the next change.  False when
 * there is none. */
bool subscriptions_find(const struct session *session, const char *shown,
    size_t *backend, const char **uri);

/*
 * A session wants to hear no more, and does not from now on.  *change is NULL
 * when the client can be answered at once; else the backend has to be asked, as
 * with join.  When it cannot be asked, change is NULL itself.
 */
void subscriptions_leave(struct subscriptions *subscriptions,
    struct session *session, size_t backend, const char *uri,
    struct subscription_change **change);

enum subscription_outcome {
	SUBSCRIPTION_ACCEPTED, /* the backend answered with a result */
	SUBSCRIPTION_REFUSED,  /* it did not, and nothing was changed there */
	SUBSCRIPTION_UNKNOWN,  /* it may have been changed */
};

/* The request for this change ended.  *change becomes NULL. */
void subscription_end(
    struct subscription_change **change, enum subscription_outcome outcome);

/* The session is gone; its changes have ended. */
void subscriptions_leave_all(struct session *session);

/* The backend is gone and knows of nothing any more.  What was in flight there
 * ends after this. */
void subscriptions_lost(struct subscriptions *subscriptions, size_t backend);

/* The backend was greeted (anew): tell it all that it has to know. */
void subscriptions_renew(struct subscriptions *subscriptions, size_t backend);

/*
 * One backend takes the place of another: what clients subscribed to there is
 * this one's from now on, with what is so already, and it is told as after a
 * greeting; the other needs not be told.
 */
void subscriptions_move(
    struct subscriptions *subscriptions, size_t from, size_t to);

/* Nobody will be this backend again: its subscriptions end.  Nothing is in
 * flight there any more. */
void subscriptions_forget(struct subscriptions *subscriptions, size_t backend);

/* True while somebody subscribed to something of this backend, or tries. */
bool subscriptions_has(
    const struct subscriptions *subscriptions, size_t backend);

/* Tell the backend now what it could not be told before. */
void subscriptions_retry(struct subscriptions *subscriptions, size_t backend);

/*
 * Call deliver once for every session that subscribed to this URI of a backend,
 * or to one above it: "a:b" is above "a:b/c".  shown is the URI as that client
 * knows it, NULL when that is the same.
 */
typedef void subscriptions_deliver(
    void *arg, struct session *session, const char *shown, size_t len);
void subscriptions_updated(struct subscriptions *subscriptions, size_t backend,
    const char *uri, size_t len, subscriptions_deliver *deliver, void *arg);

/* Subscriptions of all sessions, those that are being asked for included. */
size_t subscriptions_count(const struct subscriptions *subscriptions);

#endif
