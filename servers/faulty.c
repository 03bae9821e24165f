/*
 * faulty.c: mcp-server-faulty, a server for tests that serves well until a flag
 * makes it misbehave in one way.
 */
#include "faulty.h"

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"

/* Tool big: a few more bytes than a gateway accepts. */
#define BIG_MAX (128 << 20)
/* Tool sleep: longer than any test. */
#define SLEEP_MAX 86400

struct sleeper {
	LIST_ENTRY(sleeper) link;
	struct server_call call;
	struct faulty *faulty;
	struct event *timer;
};

/*
 * Waits as a simple server would, instead of queueing: then the order of what
 * faults write and what the server sends is plain.
 */
void
faulty_write(const char *bytes, size_t n)
{
	struct pollfd writable = { .fd = STDOUT_FILENO, .events = POLLOUT };

	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, bytes, n);

		if (done >= 0) {
			bytes += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			(void)poll(&writable, 1, -1);
		} else if (errno != EINTR) {
			return; /* nobody reads any more */
		}
	}
}

static void
answer_call(
    struct faulty *faulty, struct json_span id, const struct buf *result)
{
	struct occasion occasion = {
		.id = id, .text = buf_data(result), .len = buf_len(result)
	};

	if (!fault_happens(faulty, ON_ANSWER, &occasion))
		server_result(
		    faulty->server, id, buf_data(result), buf_len(result));
}

static void
answer_text(struct faulty *faulty, struct json_span id, const char *text,
    size_t len, bool is_error)
{
	struct buf result = { 0 };

	server_format(&result, "{\"content\":[{\"type\":\"text\",\"text\":");
	server_quote(&result, text, len);
	server_format(
	    &result, "}],\"isError\":%s}", is_error ? "true" : "false");
	answer_call(faulty, id, &result);
	buf_free(&result);
}

static void
tool_echo(struct faulty *faulty, const struct rpc_message *msg)
{
	size_t len = 0;
	char *text = argument_string(msg, "text", &len);

	if (text != NULL)
		answer_text(faulty, msg->id, text, len, false);
	else
		answer_text(faulty, msg->id, "text must be a string", 21, true);
	free(text);
}

static void
tool_big(struct faulty *faulty, const struct rpc_message *msg)
{
	double bytes = -1;
	char *text;

	if (argument_number(msg, "bytes", &bytes) == -1 || !(bytes >= 0) ||
	    bytes > BIG_MAX) {
		answer_text(faulty, msg->id, "bytes is out of range", 21, true);
		return;
	}
	if ((text = malloc((size_t)bytes + 1)) == NULL)
		err(1, "big");
	memset(text, 'x', (size_t)bytes);
	answer_text(faulty, msg->id, text, (size_t)bytes, false);
	free(text);
}

static void
sleeper_free(struct sleeper *sleeper)
{
	LIST_REMOVE(sleeper, link);
	event_free(sleeper->timer);
	free(sleeper);
}

static void
sleeper_cancelled(struct server_call *call)
{
	sleeper_free((struct sleeper *)(void *)((char *)call -
	    offsetof(struct sleeper, call)));
}

static void
sleeper_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sleeper *sleeper = arg;

	(void)fd;
	(void)what;
	answer_text(sleeper->faulty, sleeper->call.id, "slept", 5, false);
	server_call_end(&sleeper->call);
	sleeper_free(sleeper);
}

static void
tool_sleep(struct faulty *faulty, const struct rpc_message *msg)
{
	double seconds = -1;
	struct timeval time;
	struct sleeper *sleeper;

	if (argument_number(msg, "seconds", &seconds) == -1 ||
	    !(seconds >= 0) || seconds > SLEEP_MAX) {
		answer_text(
		    faulty, msg->id, "seconds is out of range", 23, true);
		return;
	}
	if ((sleeper = calloc(1, sizeof(*sleeper))) == NULL)
		err(1, "sleep");
	if (server_call_begin(
		faulty->server, &sleeper->call, msg, sleeper_cancelled) == -1) {
		free(sleeper);
		return;
	}
	sleeper->faulty = faulty;
	sleeper->timer = evtimer_new(
	    loop_base(server_loop(faulty->server)), sleeper_on_timer, sleeper);
	if (sleeper->timer == NULL)
		err(1, "sleep");
	LIST_INSERT_HEAD(&faulty->sleepers, sleeper, link);
	time.tv_sec = (time_t)seconds;
	time.tv_usec = (suseconds_t)((seconds - (double)time.tv_sec) * 1e6);
	event_add(sleeper->timer, &time);
}

static const struct tool {
	const char *name;
	const char *argument;
	const char *type;
	void (*call)(struct faulty *faulty, const struct rpc_message *msg);
} tools[] = {
	{ "echo", "text", "string", tool_echo },
	{ "sleep", "seconds", "number", tool_sleep },
	{ "big", "bytes", "integer", tool_big },
};
#define TOOLS (sizeof(tools) / sizeof(tools[0]))

static void
list_tools(struct faulty *faulty, const struct rpc_message *msg)
{
	struct buf result = { 0 };

	server_format(&result, "{\"tools\":[");
	for (size_t i = 0; i < TOOLS; i++)
		server_format(&result,
		    "%s{\"name\":\"%s\",\"description\":\"version %u\","
		    "\"inputSchema\":{\"type\":\"object\",\"properties\":{"
		    "\"%s\":{\"type\":\"%s\"}},\"required\":[\"%s\"]}}",
		    i > 0 ? "," : "", tools[i].name, faulty->version,
		    tools[i].argument, tools[i].type, tools[i].argument);
	if (faulty->version > 0)
		server_format(&result,
		    ",{\"name\":\"version_%u\",\"inputSchema\":{\"type\":"
		    "\"object\"}}",
		    faulty->version);
	server_format(&result, "]}");
	server_result(
	    faulty->server, msg->id, buf_data(&result), buf_len(&result));
	buf_free(&result);
}

static void
on_request(void *arg, const struct rpc_message *msg)
{
	struct faulty *faulty = arg;

	if (msg->method == MCP_TOOLS_LIST) {
		list_tools(faulty, msg);
		return;
	}
	if (msg->method != MCP_TOOLS_CALL) {
		server_error(faulty->server, msg->id, RPC_METHOD_NOT_FOUND,
		    "Method not found");
		return;
	}
	for (size_t i = 0; i < TOOLS; i++) {
		if (json_string_is(msg->name, tools[i].name)) {
			tools[i].call(faulty, msg);
			return;
		}
	}
	server_error(
	    faulty->server, msg->id, RPC_INVALID_PARAMS, "Unknown tool");
}

static bool
intercept(void *arg, const struct rpc_message *msg)
{
	struct faulty *faulty = arg;
	struct occasion occasion = { .msg = msg, .id = msg->id };

	if (msg->kind == RPC_RESULT || msg->kind == RPC_ERROR)
		return fault_happens(faulty, ON_RESPONSE, &occasion);
	if (msg->method == MCP_INITIALIZE)
		return fault_happens(faulty, ON_INITIALIZE, &occasion);
	if (msg->method == MCP_INITIALIZED)
		return fault_happens(faulty, ON_INITIALIZED, &occasion);
	if (msg->method == MCP_TOOLS_LIST)
		return fault_happens(faulty, ON_LIST, &occasion);
	if (msg->method == MCP_TOOLS_CALL) {
		faulty->calls++;
		return fault_happens(faulty, ON_CALL, &occasion);
	}
	return false;
}

static void
on_send(void *arg, const char *line, size_t len)
{
	struct occasion occasion = { .text = line, .len = len };

	if (!fault_happens(arg, ON_SEND, &occasion))
		faulty_write(line, len);
}

static void
on_end(void *arg)
{
	struct faulty *faulty = arg;
	struct occasion nothing = { .msg = NULL };

	if (!fault_happens(faulty, ON_END, &nothing))
		server_stop(faulty->server);
}

static void
faulty_free(struct faulty *faulty)
{
	struct sleeper *sleeper;

	while ((sleeper = LIST_FIRST(&faulty->sleepers)) != NULL) {
		server_call_end(&sleeper->call);
		sleeper_free(sleeper);
	}
	if (faulty->flood != NULL)
		event_free(faulty->flood);
	if (faulty->change != NULL)
		event_free(faulty->change);
	server_free(&faulty->server);
}

int
main(int argc, char **argv)
{
	static const struct server_program program = {
		.name = "mcp-server-faulty",
		.capabilities = "{\"tools\":{\"listChanged\":true},"
				"\"logging\":{}}",
		.request = on_request,
		.intercept = intercept,
		.send = on_send,
		.end = on_end,
	};
	struct occasion nothing = { .msg = NULL };
	struct faulty faulty = { .server = NULL };

	LIST_INIT(&faulty.sleepers);
	fault_options(argc, argv);
	(void)fault_happens(&faulty, AT_START, &nothing);
	faulty.server = server_new(&program, &faulty);
	(void)fault_happens(&faulty, AT_READY, &nothing);
	server_run(faulty.server);
	faulty_free(&faulty);
	return 0;
}
