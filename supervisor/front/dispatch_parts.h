/*
 * dispatch_parts.h: what the files of dispatch share: dispatch.c (which message
 * goes where), dispatch_initialize.c, dispatch_resources.c.
 */
#ifndef FRONT_DISPATCH_PARTS_H
#define FRONT_DISPATCH_PARTS_H

#include "dispatch.h"

struct link;

/* Each answers the request. */
void dispatch_initialize(struct stream *stream, const struct rpc_message *msg);
void dispatch_subscribe(struct stream *stream, const struct rpc_message *msg);
void dispatch_unsubscribe(struct stream *stream, const struct rpc_message *msg);
/* Where a request to the backend in this slot goes; NULL when it was answered.
 */
struct link *dispatch_link(
    struct stream *stream, const struct rpc_message *msg, size_t slot);
/* MCP resources, "Error Handling": -32002 with the URI. */
void dispatch_no_resource(struct stream *stream, const struct rpc_message *msg);

#endif
