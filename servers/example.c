/* example.c: mcp-server-example, a server that has a little of everything. */
#include "example.h"

#include <getopt.h>

#include "options.h"

#define PROGRAM "mcp-server-example"

static void
set_level(struct example *ex, const struct rpc_message *msg)
{
	int level = mcp_level_find(msg->level);

	if (level == -1) {
		server_error(ex->server, msg->id, RPC_INVALID_PARAMS,
		    "params.level is no log level");
		return;
	}
	ex->level = (enum mcp_level)level;
	server_result(ex->server, msg->id, "{}", 2);
}

static const struct {
	enum mcp_method method;
	void (*answer)(struct example *ex, const struct rpc_message *msg);
} methods[] = {
	{ MCP_TOOLS_LIST, example_list_tools },
	{ MCP_TOOLS_CALL, example_call_tool },
	{ MCP_RESOURCES_LIST, example_list_resources },
	{ MCP_RESOURCES_TEMPLATES_LIST, example_list_templates },
	{ MCP_RESOURCES_READ, example_read_resource },
	{ MCP_PROMPTS_LIST, example_list_prompts },
	{ MCP_PROMPTS_GET, example_get_prompt },
	{ MCP_COMPLETION_COMPLETE, example_complete },
	{ MCP_LOGGING_SET_LEVEL, set_level },
};

static void
on_request(void *arg, const struct rpc_message *msg)
{
	struct example *ex = arg;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (methods[i].method == msg->method) {
			methods[i].answer(ex, msg);
			return;
		}
	}
	server_error(
	    ex->server, msg->id, RPC_METHOD_NOT_FOUND, "Method not found");
}

static void
on_end(void *arg)
{
	struct example *ex = arg;

	example_end_walks(ex);
	server_stop(ex->server);
}

static const struct server_program program = {
	.name = PROGRAM,
	.capabilities = "{\"tools\":{\"listChanged\":true},\"resources\":{},"
			"\"prompts\":{},\"completions\":{},\"logging\":{}}",
	.instructions = "A server to try a client or a gateway with.",
	.request = on_request,
	.end = on_end,
};

static const char usage[] =
    "usage: " PROGRAM " [--help] [--version]\n"
    "An MCP server on standard input and output with a few tools, resources,\n"
    "a resource template, prompts, completion, progress and log messages.\n";

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct example ex = { .level = MCP_LEVEL_INFO };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'v')
			option_version(PROGRAM);
		option_usage(usage, option == 'h' ? 0 : 2);
	}
	if (optind != argc)
		option_usage(usage, 2);
	LIST_INIT(&ex.walks);
	ex.server = server_new(&program, &ex);
	server_run(ex.server);
	server_free(&ex.server);
	return 0;
}
