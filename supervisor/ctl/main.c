/* mcp-gatewayctl: ask and control a running gateway. */
#include <locale.h>

#include "commands.h"

static int (*const commands[COMMANDS])(const struct options *opt) = {
	[COMMAND_STATUS] = command_status,
	[COMMAND_RELOAD] = command_reload,
	[COMMAND_CHECK] = command_check,
	[COMMAND_START] = command_act,
	[COMMAND_STOP] = command_act,
	[COMMAND_RESTART] = command_act,
	[COMMAND_LOG] = command_log,
	[COMMAND_TOOLS] = command_tools,
	[COMMAND_CALLS] = command_calls,
	[COMMAND_EXPLAIN] = command_explain,
	[COMMAND_IMPORT] = command_import,
	[COMMAND_TOKEN] = command_token,
};

int
main(int argc, char **argv)
{
	struct options opt;
	int status;

	/* Names are in UTF-8, whatever the user's locale is. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (options_parse(&opt, argc, argv, &status) == -1)
		return status;
	return commands[opt.command](&opt);
}
