/* jsonrpc.h: one JSON-RPC 2.0 message of MCP: its kind and where things lie. */
#ifndef PROTO_JSONRPC_H
#define PROTO_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/json.h"
#include "proto/mcp.h"

enum rpc_kind {
	RPC_REQUEST,      /* method and id */
	RPC_NOTIFICATION, /* method, no id */
	RPC_RESULT,       /* id and result */
	RPC_ERROR,        /* error; the id may be null or absent */
};

/* JSON-RPC 2.0 section 5.1, and what the gateway itself answers with. */
#define RPC_PARSE_ERROR              (-32700)
#define RPC_INVALID_REQUEST          (-32600)
#define RPC_METHOD_NOT_FOUND         (-32601)
#define RPC_INVALID_PARAMS           (-32602)
#define RPC_INTERNAL_ERROR           (-32603)
#define RPC_RESOURCE_NOT_FOUND       (-32002) /* MCP up to 2025-11-25 */
#define RPC_URL_ELICITATION_REQUIRED (-32042) /* MCP 2025-11-25 */

/*
 * An id or progress token longer than this is refused: peers use numbers and
 * UUIDs, and we keep a copy for every request in flight.
 */
#define RPC_ID_MAX 256

/* Spans are borrowed from the text; absent ones have at == NULL. */
struct rpc_message {
	enum rpc_kind kind;
	enum mcp_method method; /* MCP_UNKNOWN for one that is not MCP's */
	bool newline; /* raw CR or LF between tokens: json_flatten() */
	struct json_span text;
	struct json_span id;
	struct json_span method_name; /* with quotes */
	struct json_span params;
	struct json_span result;
	struct json_span error;
	/* members of params */
	struct json_span name;
	struct json_span uri;
	struct json_span arguments;
	struct json_span cursor;
	struct json_span level;
	struct json_span ref;
	struct json_span request_id; /* of notifications/cancelled */
	struct json_span reason;
	struct json_span progress_token; /* of notifications/progress */
	struct json_span protocol_version;
	struct json_span capabilities;
	struct json_span client_info;
	struct json_span meta;
	/* a member of result, when that is an object */
	struct json_span structured_content;
	/* members of params._meta and params.ref */
	struct json_span meta_progress_token;
	struct json_span ref_type;
	struct json_span ref_name;
	struct json_span ref_uri;
};

struct rpc_problem {
	int code;            /* RPC_PARSE_ERROR, … */
	const char *text;    /* static, for error.message */
	size_t at;           /* offset in the text */
	struct json_span id; /* of the request, when it could be read */
	bool is_array;       /* a JSON array: a batch */
};

/*
 * Validate text as one JSON-RPC message: "jsonrpc" is "2.0", a request's id is
 * a string or a number of at most RPC_ID_MAX bytes, params is an object when
 * present, a response has exactly one of result and error, and listed keys
 * stand once.  0, or -1 with *problem set.  MCP basic protocol, "Messages".
 */
int rpc_parse(struct rpc_message *msg, const char *text, size_t len,
    struct rpc_problem *problem);

/*
 * What MCP demands of a client request's params before a backend may see it:
 * types of name, uri, arguments, cursor, ref, level and _meta by method.  NULL
 * when all is well, else a static text for RPC_INVALID_PARAMS.
 */
const char *rpc_check_params(const struct rpc_message *msg);

struct buf;
/*
 * Append a JSON-RPC error response.  id is written as it is, "null" when
 * absent; text is any text; data is JSON, or absent.  0, or -1 with ENOMEM.
 */
int rpc_add_error(struct buf *b, struct json_span id, int code,
    const char *text, struct json_span data);

#endif
