/* origin.h: URLs of a backend: parts, and which belong together. */
#ifndef WORKER_HTTP_ORIGIN_H
#define WORKER_HTTP_ORIGIN_H

#include <stddef.h>

/* A longer URL is refused: it would not fit into a server's request head. */
#define ORIGIN_URL_MAX 4096U

/*
 * Resolve what an "endpoint" event says (a path, a query, or a whole URL)
 * against the URL of its stream (RFC 3986, 5).  The result must be on the same
 * origin: same scheme and port, and the same host, where localhost, 127.0.0.1,
 * [::1] and 0.0.0.0 are one: a server often announces the name that it was
 * configured with.  The result always names scheme, host and port as base has
 * them, so that it is the configured server that gets the message.
 * 0 and *ret (the caller's), or -1 with *why a static text that continues "the
 * backend …" ("announced an endpoint on another origin"), NULL without memory.
 */
int origin_resolve(char **ret, const char *base, const char *endpoint,
    size_t len, const char **why);

/* The host of a URL without brackets, the caller's; NULL with errno. */
char *origin_host(const char *url);

#endif
