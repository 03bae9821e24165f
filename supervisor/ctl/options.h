/* options.h: the command line of mcp-gatewayctl. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Exit status, as mcp-gatewayctl(8) tells. */
#define EXIT_REFUSED 1 /* refused, or failed */
#define EXIT_USAGE   2
#define EXIT_NOBODY  3 /* no gateway answers */
#define EXIT_TROUBLE 4 /* something is not as it should be */

enum command {
	COMMAND_STATUS,
	COMMAND_RELOAD,
	COMMAND_CHECK,
	COMMAND_START,
	COMMAND_STOP,
	COMMAND_RESTART,
	COMMAND_LOG,
	COMMAND_TOOLS,
	COMMAND_CALLS,
	COMMAND_EXPLAIN,
	COMMAND_IMPORT,
	COMMAND_TOKEN,
};
#define COMMANDS 12

/* Strings are borrowed from argv. */
struct options {
	enum command command;
	const char *socket;      /* NULL: the default one */
	unsigned int timeout_ms; /* 0: the command's own */
	bool json;               /* for machines */
	bool names;              /* status: of the backends, alone */
	const char *backend;     /* calls: of this one alone, or NULL */
	bool errors;             /* calls: that failed alone */
	unsigned int count;      /* calls: at most so many, or 0 */
	bool from_stdin;         /* token: is there already */
	bool hash;               /* token: the same, and only its hash */
	bool safe;               /* tools: their names as on /mcp */
	char *const *args;       /* behind the command */
	size_t arg_count;
};

/*
 * Read the command line.  0 when the program shall go on; otherwise what was
 * asked for (--help, --version) or the error was printed, and *status is the
 * exit status: 0, or EXIT_USAGE.
 */
int options_parse(struct options *opt, int argc, char **argv, int *status);

/* "status": as it is written. */
const char *options_command_name(enum command command);

#endif
