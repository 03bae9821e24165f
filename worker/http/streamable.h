/*
 * streamable.h: Streamable HTTP, MCP 2025-03-26 to 2025-11-25, "Transports":
 * the client's side of it as a transport.
 */
#ifndef WORKER_HTTP_STREAMABLE_H
#define WORKER_HTTP_STREAMABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "setup.h"
#include "transport.h"

struct http;
struct loop;

/* Bytes that wait for a connection, a new session or a slow server. */
#define STREAMABLE_QUEUE_MAX ((size_t)16 << 20)
/* Messages under way at once; further ones wait here, and can be taken back.
 * Each holds a connection (MULTI_CONNECTIONS_MAX), the GET stream one more. */
#define STREAMABLE_EXCHANGES_MAX 768U
/* The answer to a call that nobody waits for may still come for this long. */
#define STREAMABLE_ABANDONED_MS 5000U
/* Before a stream is opened again, unless the server named a time ("retry:"),
 * which counts up to the second; doubled each time it ends without an event. */
#define STREAMABLE_RETRY_MS     1000U
#define STREAMABLE_RETRY_MAX_MS 60000U
/* How long DELETE may take at the end. */
#define STREAMABLE_GOODBYE_MS 250U
/* An error page of which this much is looked at for a JSON-RPC error. */
#define STREAMABLE_PAGE_MAX ((size_t)64 << 10)

/*
 * http is borrowed; url too; message_max bounds one message.  patient: until
 * the server has accepted one connection, a refused one is tried again after
 * REMOTE_POLL_MS instead of being the end.  events and arg as in pipes_new().
 * NULL with errno ENOMEM.
 */
struct transport *streamable_new(struct loop *loop, struct http *http,
    const char *url, size_t message_max, bool patient,
    const struct transport_events *events, void *arg);

/* The HTTP status that the last failed() was about, 0 when it was none. */
long streamable_status(const struct transport *t);

#endif
