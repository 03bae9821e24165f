/* adapt_session.h: messages of backends as one session's client needs them. */
#ifndef FRONT_ADAPT_SESSION_H
#define FRONT_ADAPT_SESSION_H

#include <stddef.h>

#include "proto/splice.h"

#include "adapt.h"

struct buf;
struct session;

/* Work out what its client needs, from its revision and from the lists that it
 * sees: after initialize, and whenever lists may have changed. */
void adapt_session_prepare(struct session *session);

/*
 * Have *text, a splice of a message of the backend in slot, be what the client
 * needs.  method is the one that a response answers, else the message's own.
 * What is replaced is in out, which was empty and must live until *text is
 * written; the caller frees it.  0, or -1 with errno as adapt_message().
 */
int adapt_session_message(const struct session *session, size_t slot,
    enum mcp_method method, const struct rpc_message *msg, struct splice *text,
    struct buf *out);

#endif
