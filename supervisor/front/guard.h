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

struct evhttp;
struct evhttp_bound_socket;
struct guard;

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
/* Requests not yet whole, of all connections together. */
#define GUARD_HELD_MAX ((size_t)64 << 20)

/* links: how many of them will be open.  NULL with errno on failure.  Borrows
 * the loop until guard_free(). */
struct guard *guard_new(struct loop *loop, size_t links);
void guard_free(struct guard **guard);

/* Have every connection of this server made and watched by the guard. */
void guard_watch_server(struct guard *guard, struct evhttp *http);

/* Stop accepting here while there are too many connections or descriptors. */
void guard_watch_listener(
    struct guard *guard, struct evhttp_bound_socket *bound);

#endif
