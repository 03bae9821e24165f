/* pipes.h: MCP's stdio transport: a job's standard input and output. */
#ifndef WORKER_PIPES_H
#define WORKER_PIPES_H

#include <stddef.h>

#include "transport.h"

struct loop;

/*
 * Bytes queued for a job that does not read.  What the front may have in
 * flight fits; a message is accepted whole while less than this is queued.
 */
#define PIPES_QUEUE_MAX ((size_t)16 << 20)

/*
 * A job whose standard input broke may have answered before it ended: its
 * output is read for this long, or to its end.
 */
#define PIPES_LINGER_MS 50

/*
 * Take the job's ends *in (we write) and *out (we read), both set to -1, and
 * deliver messages of at most message_max bytes to events; events and arg are
 * borrowed until the transport is freed.  NULL with errno on failure, and the
 * descriptors are still the caller's.
 */
struct transport *pipes_new(struct loop *loop, int *in, int *out,
    size_t message_max, const struct transport_events *events, void *arg);

#endif
