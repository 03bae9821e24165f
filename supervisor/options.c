#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"
#include "usage.h"

#define PROGRAM     "mcp-gatewayd"
#define PORT_MAX    65535
#define LEVELS_HELP "debug,info,warning,error,critical"
#define LEVELS_TEXT "debug, info, warning, error, critical"

/* Values of getopt_long() for options without a letter. */
enum option_id {
	OPTION_CONFIG = 256,
	OPTION_HOST,
	OPTION_PORT,
	OPTION_LOG_LEVEL,
	OPTION_INSECURE,
	OPTION_PIDFILE,
	OPTION_TEST,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "host", required_argument, NULL, OPTION_HOST },
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
	{ "insecure", no_argument, NULL, OPTION_INSECURE },
	{ "daemon", no_argument, NULL, 'd' },
	{ "pidfile", required_argument, NULL, OPTION_PIDFILE },
	{ "test", no_argument, NULL, OPTION_TEST },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
    "usage: " PROGRAM " [-h] [--config FILE] [--host HOST] [--port PORT]\n"
    "                    [--log-level {" LEVELS_HELP "}]\n"
    "                    [--insecure] [-d] [--pidfile FILE] [--test]\n"
    "                    [--version]\n"
    "\n"
    "Start MCP Gateway " MCPGW_VERSION "\n"
    "\n"
    "options:\n"
    "  -h, --help            show this help message and exit\n"
    "  --config FILE         Configuration file (default: config.json)\n"
    "  --host HOST           Host address (default: 127.0.0.1)\n"
    "  --port PORT           Port (default: 9000)\n"
    "  --log-level {" LEVELS_HELP "}\n"
    "                        Set file logging level (default: info)\n"
    "  --insecure            let other machines call without a token\n"
    "  -d, --daemon          run in the background, once it serves\n"
    "  --pidfile FILE        write the process id to this file, and lock it\n"
    "  --test                check the configuration and exit\n"
    "  --version             show the version and exit\n"
    "\n"
    "Options override the configuration. Clients connect to\n"
    "http://HOST:PORT/mcp, or to http://HOST:PORT/sse. Manual: man 8 " PROGRAM
    "\n";

static bool
take_port(int *ret, const char *text)
{
	long long port;

	if (!usage_take_number(PROGRAM, &port, "--port", text, 0, PORT_MAX))
		return false;
	*ret = (int)port;
	return true;
}

static bool
take_level(int *ret, const char *text)
{
	int level = log_level_find(text);

	if (level == -1)
		return usage_error(PROGRAM,
		    "argument --log-level: invalid choice: '%s' "
		    "(choose from " LEVELS_TEXT ")",
		    usage_shown(text));
	*ret = level;
	return true;
}

/* False when the program shall end with *status. */
static bool
take(struct options *opt, int what, char **argv, int *status)
{
	*status = USAGE_EXIT;
	switch (what) {
	case 'h':
		fputs(help, stdout);
		*status = EXIT_SUCCESS;
		return false;
	case OPTION_VERSION:
		puts(PROGRAM " " MCPGW_VERSION);
		*status = EXIT_SUCCESS;
		return false;
	case OPTION_CONFIG:
		return usage_take_text(
		    PROGRAM, &opt->config, "--config", optarg);
	case OPTION_HOST:
		return usage_take_text(PROGRAM, &opt->host, "--host", optarg);
	case OPTION_PORT:
		return take_port(&opt->port, optarg);
	case OPTION_LOG_LEVEL:
		return take_level(&opt->log_level, optarg);
	case OPTION_INSECURE:
		opt->insecure = true;
		return true;
	case 'd':
		opt->daemon = true;
		return true;
	case OPTION_PIDFILE:
		return usage_take_text(
		    PROGRAM, &opt->pidfile, "--pidfile", optarg);
	case OPTION_TEST:
		opt->test = true;
		return true;
	default:
		return usage_refuse(PROGRAM, what, argv, OPTION_CONFIG);
	}
}

int
options_parse(struct options *opt, int argc, char **argv, int *status)
{
	struct options got = {
		.config = "config.json",
		.port = -1,
		.log_level = -1,
	};
	int what;

	optind = 0; /* glibc: start anew */
	opterr = 0;
	/* ':' tells a missing argument from an unknown option. */
	while (
	    (what = getopt_long(argc, argv, ":hd", long_options, NULL)) != -1) {
		if (!take(&got, what, argv, status))
			return -1;
	}
	if (optind < argc) {
		usage_error(PROGRAM, "unrecognized argument: %s",
		    usage_shown(argv[optind]));
		*status = USAGE_EXIT;
		return -1;
	}
	*opt = got;
	return 0;
}
