/* options.c: the command line of mcp-gatewayctl. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "proto/log.h"
#include "usage.h"

#define PROGRAM "mcp-gatewayctl"

/* A day: whoever waits longer has forgotten it. */
#define TIMEOUT_MAX_S 86400
/* More than the gateway keeps. */
#define COUNT_MAX 10000
#define ARGS_ANY  1000

/* Values of getopt_long() for options without a letter. */
enum option_id {
	OPTION_SOCKET = 256,
	OPTION_TIMEOUT,
	OPTION_VERSION,
	OPTION_JSON,
	OPTION_NAMES,
	OPTION_BACKEND,
	OPTION_ERRORS,
	OPTION_COUNT,
	OPTION_FROM_STDIN,
	OPTION_HASH,
	OPTION_SAFE,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "names", no_argument, NULL, OPTION_NAMES },
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "errors", no_argument, NULL, OPTION_ERRORS },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "from-stdin", no_argument, NULL, OPTION_FROM_STDIN },
	{ "hash", no_argument, NULL, OPTION_HASH },
	{ "safe", no_argument, NULL, OPTION_SAFE },
	{ NULL, 0, NULL, 0 },
};

/* An option that not every command has, as a bit. */
#define BIT(id) (1U << ((id)-OPTION_JSON))

struct shape {
	const char *name;
	size_t args_min;
	size_t args_max;
	const char *args; /* what they are */
	unsigned int options;
};

static const struct shape shapes[COMMANDS] = {
	[COMMAND_STATUS] = { "status", 0, 1, "the name of a backend",
	    BIT(OPTION_JSON) | BIT(OPTION_NAMES) },
	[COMMAND_RELOAD] = { "reload", 0, 0, "", 0 },
	[COMMAND_CHECK] = { "check", 0, 1, "a file", 0 },
	[COMMAND_START] = { "start", 1, ARGS_ANY, "names of backends", 0 },
	[COMMAND_STOP] = { "stop", 1, ARGS_ANY, "names of backends", 0 },
	[COMMAND_RESTART] = { "restart", 1, ARGS_ANY, "names of backends", 0 },
	[COMMAND_LOG] = { "log", 1, 1, "a level", 0 },
	[COMMAND_TOOLS] = { "tools", 0, 1, "the name of a backend",
	    BIT(OPTION_JSON) | BIT(OPTION_SAFE) },
	[COMMAND_CALLS] = { "calls", 0, 0, "",
	    BIT(OPTION_JSON) | BIT(OPTION_BACKEND) | BIT(OPTION_ERRORS) |
		BIT(OPTION_COUNT) },
	[COMMAND_EXPLAIN] = { "explain", 1, 1, "the number of a call",
	    BIT(OPTION_JSON) },
	[COMMAND_IMPORT] = { "import", 1, 1, "a file", BIT(OPTION_JSON) },
	[COMMAND_TOKEN] = { "token", 0, 1, "a name",
	    BIT(OPTION_FROM_STDIN) | BIT(OPTION_HASH) },
};

static const char help[] =
    "usage: " PROGRAM " [--socket PATH] [--timeout SECONDS] COMMAND\n"
    "\n"
    "Ask and control a running MCP Gateway\n"
    "\n"
    "commands:\n"
    "  status [NAME] [--json] [--names]\n"
    "                        how the gateway and its backends are\n"
    "  reload                read the configuration again and apply it\n"
    "  check [FILE]          what a reload would do, or whether FILE is good\n"
    "  start NAME…           start backends that were stopped or failed\n"
    "  stop NAME…            end backends, until they are started again\n"
    "  restart NAME…         replace the processes of backends\n"
    "  log LEVEL             log from debug, info, warning, error or critical "
    "on\n"
    "  tools [BACKEND] [--safe] [--json]\n"
    "                        the tools that clients see\n"
    "  calls [--backend NAME] [--errors] [--count N] [--json]\n"
    "                        the latest calls\n"
    "  explain CALL [--json] what happened to a call\n"
    "  import FILE [--json]  turn the file of another program into ours\n"
    "  token [NAME] [--from-stdin] [--hash]\n"
    "                        make a token for a client\n"
    "\n"
    "options:\n"
    "  -h, --help            show this help message and exit\n"
    "  --socket PATH         the control socket of the gateway\n"
    "  --timeout SECONDS     wait so long for an answer\n"
    "  --version             show the version and exit\n"
    "\n"
    "Manual: man 8 " PROGRAM "\n";

/* A whole number from 1 to max, times unit. */
static bool
take_number(unsigned int *ret, const char *name, const char *text, int max,
    unsigned int unit)
{
	long long number;

	if (!usage_take_number(PROGRAM, &number, name, text, 1, max))
		return false;
	*ret = (unsigned int)number * unit;
	return true;
}

/* False when the program shall end with *status. */
static bool
take(struct options *opt, int what, char **argv, int *status)
{
	*status = EXIT_USAGE;
	switch (what) {
	case 'h':
		fputs(help, stdout);
		*status = EXIT_SUCCESS;
		return false;
	case OPTION_VERSION:
		puts(PROGRAM " " MCPGW_VERSION);
		*status = EXIT_SUCCESS;
		return false;
	case OPTION_SOCKET:
		return usage_take_text(
		    PROGRAM, &opt->socket, "--socket", optarg);
	case OPTION_TIMEOUT:
		return take_number(
		    &opt->timeout_ms, "--timeout", optarg, TIMEOUT_MAX_S, 1000);
	case OPTION_JSON:
		opt->json = true;
		return true;
	case OPTION_NAMES:
		opt->names = true;
		return true;
	case OPTION_BACKEND:
		return usage_take_text(
		    PROGRAM, &opt->backend, "--backend", optarg);
	case OPTION_ERRORS:
		opt->errors = true;
		return true;
	case OPTION_COUNT:
		return take_number(
		    &opt->count, "--count", optarg, COUNT_MAX, 1);
	case OPTION_FROM_STDIN:
		opt->from_stdin = true;
		return true;
	case OPTION_HASH:
		opt->hash = true;
		return true;
	case OPTION_SAFE:
		opt->safe = true;
		return true;
	default:
		return usage_refuse(PROGRAM, what, argv, OPTION_SOCKET);
	}
}

const char *
options_command_name(enum command command)
{
	return shapes[command].name;
}

static bool
find_command(struct options *opt, const char *name)
{
	for (unsigned int i = 0; i < COMMANDS; i++) {
		if (strcmp(shapes[i].name, name) == 0) {
			opt->command = (enum command)i;
			return true;
		}
	}
	return usage_error(
	    PROGRAM, "there is no command '%s'", usage_shown(name));
}

/* Whether the words go together: taken are the bits of options that came. */
static bool
check(const struct options *opt, unsigned int taken)
{
	const struct shape *shape = &shapes[opt->command];
	unsigned int surplus = taken & ~shape->options;

	for (const struct option *o = long_options; o->name != NULL; o++) {
		if (o->val >= OPTION_JSON && (surplus & BIT(o->val)) != 0)
			return usage_error(PROGRAM, "\"%s\" has no option --%s",
			    shape->name, o->name);
	}
	if (opt->arg_count < shape->args_min)
		return usage_error(
		    PROGRAM, "\"%s\" wants %s", shape->name, shape->args);
	if (opt->arg_count > shape->args_max && shape->args_max == 0)
		return usage_error(
		    PROGRAM, "\"%s\" wants no argument", shape->name);
	if (opt->arg_count > shape->args_max)
		return usage_error(PROGRAM, "\"%s\" wants at most %s",
		    shape->name, shape->args);
	for (size_t i = 0; i < opt->arg_count; i++) {
		if (*opt->args[i] == '\0')
			return usage_error(PROGRAM,
			    "\"%s\" wants %s, which must not be "
			    "empty",
			    shape->name, shape->args);
	}
	return true;
}

int
options_parse(struct options *opt, int argc, char **argv, int *status)
{
	struct options got = { .socket = NULL };
	unsigned int taken = 0;
	int what;

	optind = 0; /* glibc: start anew */
	opterr = 0;
	/* ':' tells a missing argument from an unknown option. */
	while (
	    (what = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (!take(&got, what, argv, status))
			return -1;
		if (what >= OPTION_JSON)
			taken |= BIT(what);
	}
	*status = EXIT_USAGE;
	if (optind >= argc) {
		fputs(help, stderr);
		return -1;
	}
	got.args = argv + optind + 1;
	got.arg_count = (size_t)(argc - optind - 1);
	if (!find_command(&got, argv[optind]) || !check(&got, taken))
		return -1;
	*opt = got;
	return 0;
}
