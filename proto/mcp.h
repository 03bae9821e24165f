/* mcp.h: MCP's methods, revisions and log levels as data. */
#ifndef PROTO_MCP_H
#define PROTO_MCP_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/json.h"

enum mcp_method {
	MCP_UNKNOWN,
	MCP_INITIALIZE,
	MCP_PING,
	MCP_TOOLS_LIST,
	MCP_TOOLS_CALL,
	MCP_RESOURCES_LIST,
	MCP_RESOURCES_TEMPLATES_LIST,
	MCP_RESOURCES_READ,
	MCP_RESOURCES_SUBSCRIBE,
	MCP_RESOURCES_UNSUBSCRIBE,
	MCP_PROMPTS_LIST,
	MCP_PROMPTS_GET,
	MCP_COMPLETION_COMPLETE,
	MCP_LOGGING_SET_LEVEL,
	/* notifications, client to server or both ways */
	MCP_INITIALIZED,
	MCP_CANCELLED,
	MCP_PROGRESS,
	MCP_ROOTS_LIST_CHANGED,
	/* notifications, server to client */
	MCP_MESSAGE,
	MCP_TOOLS_LIST_CHANGED,
	MCP_RESOURCES_LIST_CHANGED,
	MCP_RESOURCES_UPDATED,
	MCP_PROMPTS_LIST_CHANGED,
	MCP_ELICITATION_COMPLETE,
	/* requests, server to client */
	MCP_SAMPLING_CREATE_MESSAGE,
	MCP_ELICITATION_CREATE,
	MCP_ROOTS_LIST,
};

/* The method of this name, a JSON string with its quotes. */
enum mcp_method mcp_method_find(struct json_span name);

/* "tools/call"; NULL for MCP_UNKNOWN. */
const char *mcp_method_name(enum mcp_method method);

/* A protocol revision.  Differences are members here, never ifs on the name. */
struct mcp_revision {
	const char *name; /* "2025-11-25" */
	bool legacy;      /* opened by initialize */
	bool batches;     /* JSON-RPC batches are legal */
	bool header;      /* MCP-Protocol-Version on every HTTP request */
	bool audio;       /* audio content */
	bool resource_link;
	bool completions_capability; /* declared, not just present */
	bool elicitation;
	bool elicitation_url; /* and params.mode, which came with it */
	bool priming;         /* event streams begin with an id */
	bool sampling_arrays; /* arrays of blocks as content of a message */
	/* structuredContent, and what an outputSchema allows, is any JSON */
	bool structured_any;
};

/* The revision of exactly this name, or NULL. */
const struct mcp_revision *mcp_revision_find(const char *name, size_t len);

/* The newest revision that is opened by initialize. */
const struct mcp_revision *mcp_revision_latest_legacy(void);

/*
 * What to answer a client that asks for this revision (a JSON string): the same
 * where we speak it, else the latest legacy one.  MCP lifecycle, "Version
 * Negotiation".  Never NULL.
 */
const struct mcp_revision *mcp_revision_negotiate(struct json_span asked);

/*
 * What a client can be asked for, as far as the gateway can pass it on; bits of
 * a set.  MCP lifecycle, "Capability Negotiation".
 */
enum mcp_capability {
	MCP_CAN_ELICIT_FORM = 1 << 0,
	MCP_CAN_ELICIT_URL = 1 << 1,
	MCP_CAN_SAMPLE = 1 << 2,
	MCP_CAN_SAMPLE_TOOLS = 1 << 3,
	MCP_CAN_SAMPLE_CONTEXT = 1 << 4,
	MCP_CAN_LIST_ROOTS = 1 << 5,
	MCP_CAN_TELL_ROOTS = 1 << 6, /* roots.listChanged */
};
#define MCP_CAPABILITIES_ALL 0x7fU
/*
 * What a backend that serves many clients is told: whoever it asks is known,
 * and refuses what he cannot.  Roots are one client's own.
 */
#define MCP_CAPABILITIES_SHARED                                                \
	(MCP_CAN_ELICIT_FORM | MCP_CAN_ELICIT_URL | MCP_CAN_SAMPLE |           \
	    MCP_CAN_SAMPLE_TOOLS)

/* Read params.capabilities of initialize; absent or wrong ones are none.
 * "elicitation":{} means forms only. */
unsigned int mcp_capabilities_read(struct json_span capabilities);

struct buf;
/* Append the same as a JSON object.  0, or -1 with errno ENOMEM. */
int mcp_capabilities_add(struct buf *b, unsigned int capabilities);

/* Severity of notifications/message, RFC 5424 order. */
enum mcp_level {
	MCP_LEVEL_DEBUG,
	MCP_LEVEL_INFO,
	MCP_LEVEL_NOTICE,
	MCP_LEVEL_WARNING,
	MCP_LEVEL_ERROR,
	MCP_LEVEL_CRITICAL,
	MCP_LEVEL_ALERT,
	MCP_LEVEL_EMERGENCY,
};
#define MCP_LEVELS 8

/* The level of this name, a JSON string; -1 when there is none. */
int mcp_level_find(struct json_span name);
const char *mcp_level_name(enum mcp_level level);

#endif
