/*
 * multi.h: libcurl's multi interface on our loop.  Only exchange.c uses what is
 * declared here.
 */
#ifndef WORKER_HTTP_MULTI_H
#define WORKER_HTTP_MULTI_H

#include <curl/curl.h>

struct loop;
struct multi;

/*
 * Connections of one backend: each call over Streamable HTTP holds one until it
 * is answered.  More calls wait.  Below the soft limit of 1,024 descriptors.
 */
#define MULTI_CONNECTIONS_MAX 800L

/* A connection that is not used again (EXCHANGE_IDLE_S, whole seconds over it)
 * is closed this long after it was used, not when the next call comes. */
#define MULTI_PRUNE_MS ((EXCHANGE_IDLE_S + 1) * 1000 + 100)

/* finished is called at the end of a turn, once for each easy handle that came
 * to its end, which is removed from the multi handle by then; its private
 * pointer is passed on.  NULL with errno ENOMEM. */
struct multi *multi_new(
    struct loop *loop, void (*finished)(void *private, CURLcode code));
void multi_free(struct multi **multi);

/* Start a transfer, at the end of this turn at the earliest.  0, or -1. */
int multi_add(struct multi *multi, CURL *easy);

/* End one without finished(); not from within a callback of libcurl's. */
void multi_remove(struct multi *multi, CURL *easy);

#endif
