/* where.h: the addresses of the gateway as people and clients want them. */
#ifndef SUPERVISOR_WHERE_H
#define SUPERVISOR_WHERE_H

#include "config.h"
#include "listen.h"

/*
 * "http://localhost:9000/mcp", "http://localhost:9000/sse", "unix:/run/x.sock":
 * NULL-terminated, at least one, and the first one is the one to show where
 * there is room for one.  The caller's; NULL with ENOMEM.
 */
char **where_urls(
    const struct config *config, const struct listeners *listeners);
void where_free(char ***urls);

#endif
