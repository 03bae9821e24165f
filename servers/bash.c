/* bash.c: mcp-server-bash, an MCP server with one tool that runs commands. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "bash_text.h"
#include "command.h"
#include "options.h"
#include "server.h"

#define PROGRAM "mcp-server-bash"

/*
 * Commands at a time: three descriptors each, below the usual limit of 1024.
 */
#define RUNNING_MAX 256
/*
 * Bytes kept of a stream at most: two streams, told twice, of which every byte
 * can become six ("\u0001"), still fit one message of 64 MiB.
 */
#define OUTPUT_LIMIT    ((long long)2 << 20)
#define OUTPUT_DEFAULT  ((size_t)1 << 20)
#define TIMEOUT_LIMIT   86400
#define TIMEOUT_DEFAULT 60
/* At the end commands have less time than a client gives us. */
#define END_GRACE_MS 500

struct bash {
	struct server *server;
	LIST_HEAD(running_list, running) running;
	size_t running_count;
	struct command_limits limits;
	enum bash_language language;
	bool ending;
};

/* A command that runs, and the request that waits for it. */
struct running {
	LIST_ENTRY(running) link;
	struct server_call call;
	struct bash *bash;
	struct command *command;
	char *text;
	bool silent; /* cancelled: no answer */
};

static void
running_done(void *arg, const struct command_report *report)
{
	struct running *running = arg;
	struct bash *bash = running->bash;
	struct buf result = { 0 };

	if (!running->silent) {
		bash_text_result(
		    &result, bash->language, running->text, report);
		server_result(bash->server, running->call.id, buf_data(&result),
		    buf_len(&result));
		buf_free(&result);
		server_call_end(&running->call);
	}
	LIST_REMOVE(running, link);
	bash->running_count--;
	free(running->text);
	free(running);
	if (bash->ending && bash->running_count == 0)
		server_stop(bash->server);
}

static void
running_cancelled(struct server_call *call)
{
	struct running *running = (struct running *)(void *)((char *)call -
	    offsetof(struct running, call));

	running->silent = true;
	command_stop(running->command, COMMAND_GRACE_MS);
}

static void
fail(struct bash *bash, struct json_span id, const char *command, int error)
{
	struct buf text = { 0 };

	bash_text_failure(&text, bash->language, command, error);
	server_tool_text(
	    bash->server, id, buf_data(&text), buf_len(&text), true);
	buf_free(&text);
}

/* Takes text. */
static void
run(struct bash *bash, const struct rpc_message *msg, char *text,
    const struct command_limits *limits)
{
	struct running *running = calloc(1, sizeof(*running));

	if (running == NULL || bash->running_count == RUNNING_MAX) {
		fail(bash, msg->id, text, running == NULL ? ENOMEM : EAGAIN);
		goto refuse;
	}
	if (server_call_begin(
		bash->server, &running->call, msg, running_cancelled) == -1)
		goto refuse;
	running->bash = bash;
	running->text = text;
	running->command = command_start(loop_base(server_loop(bash->server)),
	    text, limits, running_done, running);
	if (running->command == NULL) {
		fail(bash, msg->id, text, errno);
		server_call_end(&running->call);
		goto refuse;
	}
	LIST_INSERT_HEAD(&bash->running, running, link);
	bash->running_count++;
	return;
refuse:
	free(running);
	free(text);
}

/* Seconds to milliseconds; false when that is not within the limit. */
static bool
read_timeout(double seconds, uint32_t limit_ms, uint32_t *ret)
{
	if (!(seconds > 0) || seconds * 1000 > limit_ms)
		return false;
	*ret = (uint32_t)ceil(seconds * 1000);
	return true;
}

static void
refuse(struct bash *bash, struct json_span id, const char *text)
{
	server_tool_text(bash->server, id, text, strlen(text), true);
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

/*
 * Arguments that the tool does not take are its errors, not the protocol's, so
 * that a model sees them.  MCP tools, "Error Handling".
 */
static void
call_bash(struct bash *bash, const struct rpc_message *msg)
{
	struct command_limits limits = bash->limits;
	double seconds = limits.timeout_ms / 1000.0;
	size_t len;
	char *text = argument_string(msg, "command", &len);

	if (text == NULL) {
		refuse(bash, msg->id, "Error: command must be a string.");
	} else if (argument_number(msg, "timeout", &seconds) == -1 ||
	    !read_timeout(seconds, limits.timeout_ms, &limits.timeout_ms)) {
		refuse(bash, msg->id,
		    "Error: timeout must be a number of seconds above 0 and "
		    "within the server's limit.");
	} else if (strlen(text) != len) {
		refuse(
		    bash, msg->id, "Error: the command holds a NUL character.");
	} else if (is_blank(text)) {
		refuse(bash, msg->id, bash_text_empty(bash->language));
	} else {
		run(bash, msg, text, &limits); /* takes text */
		return;
	}
	free(text);
}

static void
list_tools(struct bash *bash, const struct rpc_message *msg)
{
	struct buf result = { 0 };

	if (msg->cursor.at != NULL) { /* there is one page */
		server_error(bash->server, msg->id, RPC_INVALID_PARAMS,
		    "Unknown cursor");
		return;
	}
	server_format(&result, "{\"tools\":[");
	bash_text_tool(&result, bash->language, bash->limits.timeout_ms / 1000);
	server_format(&result, "]}");
	server_result(
	    bash->server, msg->id, buf_data(&result), buf_len(&result));
	buf_free(&result);
}

static void
bash_request(void *arg, const struct rpc_message *msg)
{
	struct bash *bash = arg;

	if (msg->method == MCP_TOOLS_LIST)
		list_tools(bash, msg);
	else if (msg->method != MCP_TOOLS_CALL)
		server_error(bash->server, msg->id, RPC_METHOD_NOT_FOUND,
		    "Method not found");
	else if (!json_string_is(msg->name, "bash"))
		server_error(
		    bash->server, msg->id, RPC_INVALID_PARAMS, "Unknown tool");
	else
		call_bash(bash, msg);
}

/* The client is gone: nobody waits for the commands that run. */
static void
bash_end(void *arg)
{
	struct bash *bash = arg;
	struct running *running;

	bash->ending = true;
	if (bash->running_count == 0)
		server_stop(bash->server);
	LIST_FOREACH (running, &bash->running, link)
		command_stop(running->command, END_GRACE_MS);
}

static const struct server_program program = {
	.name = PROGRAM,
	.capabilities = "{\"tools\":{}}",
	.request = bash_request,
	.end = bash_end,
};

static const char usage[] =
    "usage: " PROGRAM " [options]\n"
    "An MCP server on standard input and output whose tool \"bash\" runs a "
    "command.\n"
    "  --timeout SECONDS   longest time a command may run (60)\n"
    "  --max-output BYTES  kept of standard output, and of standard error\n"
    "                      (1048576, at most 2097152)\n"
    "  --language en|zh    of the answers (en)\n"
    "  --help, --version\n"
    "A command that exits with another code than 0 is no error of the tool;\n"
    "an empty command, a timeout and a failure to run it are.\n";

static void
read_options(struct bash *bash, int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "max-output", required_argument, NULL, 'o' },
		{ "language", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int language;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 't':
			bash->limits.timeout_ms =
			    (uint32_t)option_number(
				"--timeout", optarg, 1, TIMEOUT_LIMIT) *
			    1000;
			break;
		case 'o':
			bash->limits.max_output = (size_t)option_number(
			    "--max-output", optarg, 1, OUTPUT_LIMIT);
			break;
		case 'l':
			if ((language = bash_language_find(optarg)) == -1)
				option_usage(usage, 2);
			bash->language = (enum bash_language)language;
			break;
		case 'h':
			option_usage(usage, 0);
		case 'v':
			option_version(PROGRAM);
		default:
			option_usage(usage, 2);
		}
	}
	if (optind != argc)
		option_usage(usage, 2);
}

int
main(int argc, char **argv)
{
	struct bash bash = {
		.limits = { .timeout_ms = TIMEOUT_DEFAULT * 1000,
		    .max_output = OUTPUT_DEFAULT },
		.language = BASH_ENGLISH,
	};

	LIST_INIT(&bash.running);
	read_options(&bash, argc, argv);
	bash.server = server_new(&program, &bash);
	server_run(bash.server);
	server_free(&bash.server);
	return 0;
}
