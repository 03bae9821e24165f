/*
 * adapt.h: one message of a backend as a client needs it: resources under the
 * URIs that this client knows them by, and what its revision of MCP does not
 * have in terms of what it has.  All else passes byte for byte.
 *
 * What is adapted must have been accepted by json_scan().  Members of a wrong
 * type are left as they are.
 */
#ifndef FRONT_ADAPT_H
#define FRONT_ADAPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/jsonrpc.h"
#include "proto/mcp.h"
#include "proto/splice.h"

struct buf;

/*
 * An adapted text is at most ADAPT_GROWTH times as long as it was, and
 * ADAPT_SPARE bytes: JSON that is written into a text a second time is at most
 * twice as long there, and the URIs of a long list may get a prefix each.
 */
#define ADAPT_GROWTH 4U
#define ADAPT_SPARE  65536U

/* What a client needs. */
struct adapt_rules {
	const struct mcp_revision *revision; /* that it speaks */
	unsigned int capabilities;           /* a set of enum mcp_capability */
	bool uris; /* some resources have other URIs for it */
	/*
	 * Called when uris is set, with a URI of at most URI_MAX bytes and
	 * without NUL.  True: what the client shall see was appended to out.
	 * False: the same.
	 */
	bool (*shown)(void *arg, const char *uri, size_t len, struct buf *out);
	void *arg;
	uint32_t methods; /* what adapt_prepare() makes of the others */
};

/* Work out for which methods a message has to be read at all. */
void adapt_prepare(struct adapt_rules *rules);

/*
 * False: adapt_message() would change nothing.  method is the one of the
 * request that a response answers, else the message's own.
 */
static inline bool
adapt_needed(const struct adapt_rules *rules, enum mcp_method method,
    const struct rpc_message *msg)
{
	return (rules->methods >> (unsigned int)method & 1) != 0 ||
	    (msg->structured_content.at != NULL &&
		*msg->structured_content.at != '{') ||
	    (msg->kind == RPC_ERROR && rules->uris);
}

/*
 * Adapt the result, error or params of a message.  *text is a splice of it;
 * what it replaces in there already stays replaced.  Returns 1 when it now puts
 * in what is in out, which was empty and must live until it is written; 0 when
 * nothing changes; or -1 with errno, *text as it was and out empty:
 *   ENOTSUP   the client cannot be asked this, refuse it
 *   EMSGSIZE  it would become too long
 *   ENOMEM
 */
int adapt_message(const struct adapt_rules *rules, enum mcp_method method,
    const struct rpc_message *msg, struct splice *text, struct buf *out);

/*
 * Adapt one item of a backend's tools/list: 1 when out, which was empty, has
 * the new item; 0 when nothing changes; or -1 with errno EMSGSIZE or ENOMEM and
 * out empty.  "execution" is left out, since the gateway has no tasks.  Where
 * the revision wants it an outputSchema becomes that of an object: of
 * {"result":…} for what is none, as it stands for what is one.  MCP
 * 2025-11-25, "Tools".
 */
int adapt_tool(
    const struct adapt_rules *rules, struct json_span item, struct buf *out);

/*
 * What a client must be capable of (a set of enum mcp_capability) to be asked
 * this, a request of a backend: 0 for what is no such request.  MCP
 * 2025-11-25, "Elicitation" and "Sampling".
 */
unsigned int adapt_check_ask(enum mcp_method method, struct json_span params);

#endif
