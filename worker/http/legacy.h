/* legacy.h: HTTP+SSE, MCP 2024-11-05, "HTTP with SSE", as a transport. */
#ifndef WORKER_HTTP_LEGACY_H
#define WORKER_HTTP_LEGACY_H

#include <stdbool.h>
#include <stddef.h>

#include "setup.h"
#include "transport.h"

struct http;
struct loop;

/*
 * As streamable_new(), with the same limits.  What is sent before the endpoint
 * event has come waits for it.  Answers come over the stream; the body of a
 * POST's response counts only when its status says that the message was
 * refused.  The end of the stream is the end of the session: lost().
 */
struct transport *legacy_new(struct loop *loop, struct http *http,
    const char *url, size_t message_max, bool patient,
    const struct transport_events *events, void *arg);

#endif
