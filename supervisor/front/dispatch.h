/* dispatch.h: what a client's message means and who answers it. */
#ifndef FRONT_DISPATCH_H
#define FRONT_DISPATCH_H

#include "proto/jsonrpc.h"

struct session;

/*
 * Handle one message of a client.  Whatever it is, the session goes on: errors
 * are answered on its stream.  msg and its text are borrowed for the call.
 */
void dispatch(struct session *session, const struct rpc_message *msg);

#endif
