/* dispatch.h: what a client's message means and who answers it. */
#ifndef FRONT_DISPATCH_H
#define FRONT_DISPATCH_H

#include "proto/jsonrpc.h"

struct session;
struct stream;

/*
 * Handle a request: it gets one answer over the stream, now or later.
 * msg and its text are borrowed for the call; the stream may be gone after it.
 */
void dispatch_request(struct stream *stream, const struct rpc_message *msg);

/* Handle a notification or a response. */
void dispatch_other(struct session *session, const struct rpc_message *msg);

#endif
