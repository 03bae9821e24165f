/* example.h: the parts of mcp-server-example. */
#ifndef SERVERS_EXAMPLE_H
#define SERVERS_EXAMPLE_H

#include <stdbool.h>

#include "server.h"

struct example {
	struct server *server;
	enum mcp_level level; /* the least severe message that is sent */
	bool extra;           /* toggle_tool showed one more tool */
	LIST_HEAD(walk_list, walk) walks;
};

/* tools/list and tools/call. */
void example_list_tools(struct example *ex, const struct rpc_message *msg);
void example_call_tool(struct example *ex, const struct rpc_message *msg);

/* End the calls that still run, without an answer. */
void example_end_walks(struct example *ex);

/* resources/list, resources/templates/list, resources/read. */
void example_list_resources(struct example *ex, const struct rpc_message *msg);
void example_list_templates(struct example *ex, const struct rpc_message *msg);
void example_read_resource(struct example *ex, const struct rpc_message *msg);

/* prompts/list, prompts/get, completion/complete. */
void example_list_prompts(struct example *ex, const struct rpc_message *msg);
void example_get_prompt(struct example *ex, const struct rpc_message *msg);
void example_complete(struct example *ex, const struct rpc_message *msg);

#endif
