/*
 * remote.h: the transport of a backend with a url: which of the two it speaks,
 * and a server of our own that has yet to open its port.
 */
#ifndef WORKER_HTTP_REMOTE_H
#define WORKER_HTTP_REMOTE_H

#include "setup.h"
#include "transport.h"

struct loop;

/* A port that is about to open is tried this often. */
#define REMOTE_POLL_MS 50U

/*
 * REMOTE_AUTO is Streamable HTTP first; a status 400, 404, 405 or 4xx other
 * than 401, 403, 407 and 429 in answer to initialize means HTTP+SSE on the same
 * URL (MCP 2025-03-26, "Backwards Compatibility").  With remote->has_job the
 * transport is patient (streamable.h): startup_timeout is the bound, kept by
 * the supervisor.
 *
 * setup is borrowed; a worker_kind's open().
 */
struct transport *remote_open(struct loop *loop, const struct setup *setup,
    int *in, int *out, const struct transport_events *events, void *arg,
    const char **why);

#endif
