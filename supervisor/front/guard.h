/*
 * guard.h: the connections of clients, watched from the first byte: what they
 * send, how long they take, how much they hold.  evhttp alone is not safe to
 * expose; nothing reaches it that guard_http.h has not passed.
 */
#ifndef FRONT_GUARD_H
#define FRONT_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include "proto/loop.h"

struct client;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_request;
struct guard;
struct policy_limits;

/* Descriptors kept for listeners, standard streams, the channel and links that
 * are being replaced; and as many as there are links.  The rest of
 * RLIMIT_NOFILE is clients': did they take these, a new link could not be
 * received. */
#define GUARD_RESERVED_FDS 96U
/* At most this many connections, whatever RLIMIT_NOFILE allows: the kernel
 * holds some 8 KiB for each, and we up to 3 KiB. */
#define GUARD_CONNECTIONS_MAX 20000U
/* A head must be whole this long after its first byte, or after connecting: a
 * person's browser takes milliseconds, a slowloris for ever. */
#define GUARD_HEAD_MS 10000U
/* A body must be whole this long after its head began. */
#define GUARD_BODY_MS 30000U
/* A connection kept alive between requests is closed after this. */
#define GUARD_IDLE_MS 60000U
/* A client that takes nothing of what waits for it is dropped after this. */
#define GUARD_STALL_MS 30000U
/* Bytes of later requests that may wait while an answer is being written. */
#define GUARD_PIPELINE_MAX 65536U
/* What one connection may write in a turn: libevent's 16 KiB would take 64
 * turns for a 1 MB result; this still gives the others theirs in 0.1 ms. */
#define GUARD_WRITE_MAX (256U << 10)
/* The part of limits.memory that requests which are not yet whole may take, of
 * all connections together (held.h); the rest is what streams hold.  Neither
 * can use up what is the other's: slow readers do not keep requests out. */
#define GUARD_HELD_PART 5U

/* links: how many of them will be open.  NULL with errno on failure.  Borrows
 * the loop until guard_free(). */
struct guard *guard_new(struct loop *loop, size_t links);
void guard_free(struct guard **guard);

/* Follow new limits from now on; until the first ones there are those of
 * descriptors and of GUARD_BODY_MAX, and no request is held. */
void guard_set_limits(
    struct guard *guard, const struct policy_limits *limits, size_t links);

/* The far end of the connection that this request came on; valid until the
 * request is answered. */
struct client *guard_client(struct guard *guard, struct evhttp_request *req);

/* How many connections there are, and the bytes of their unfinished requests
 * beyond HELD_FREE each. */
size_t guard_connections(const struct guard *guard);
size_t guard_held(const struct guard *guard);

/* The answer to this request has no end: requests behind it are read by nobody,
 * and not kept. */
void guard_mark_endless(struct guard *guard, struct evhttp_request *req);

/* Have every connection of this server made and watched by the guard. */
void guard_watch_server(struct guard *guard, struct evhttp *http);

/* Stop accepting here while there are too many connections or descriptors. */
void guard_watch_listener(
    struct guard *guard, struct evhttp_bound_socket *bound);

/* The same listener is about to go. */
void guard_unwatch_listener(
    struct guard *guard, struct evhttp_bound_socket *bound);

#endif
