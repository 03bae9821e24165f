/* example_tools.c: the tools of mcp-server-example. */
#include <err.h>
#include <event2/event.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "example.h"

/* Tools on one page of tools/list: few, so that there are pages. */
#define PAGE_SIZE 3

/* long_running: how many steps, and how long they may take. */
#define STEPS_MAX   1000
#define SECONDS_MAX 3600

/* A call of long_running on its way. */
struct walk {
	LIST_ENTRY(walk) link;
	struct server_call call;
	struct example *ex;
	struct event *timer;
	struct timeval pause;
	int step;
	int steps;
};

static void
tool_echo(struct example *ex, const struct rpc_message *msg)
{
	size_t len;
	char *text = argument_string(msg, "text", &len);

	if (text == NULL)
		server_tool_text(
		    ex->server, msg->id, "text must be a string", 21, true);
	else
		server_tool_text(ex->server, msg->id, text, len, false);
	free(text);
}

static void
tool_add(struct example *ex, const struct rpc_message *msg)
{
	struct buf result = { 0 };
	double a = NAN;
	double b = NAN;

	if (argument_number(msg, "a", &a) == -1 ||
	    argument_number(msg, "b", &b) == -1 || !isfinite(a + b)) {
		server_tool_text(ex->server, msg->id,
		    "a and b must be numbers with a sum", 34, true);
		return;
	}
	server_format(&result,
	    "{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"sum\\\":%.17g}\"}],"
	    "\"structuredContent\":{\"sum\":%.17g},\"isError\":false}",
	    a + b, a + b);
	server_result(ex->server, msg->id, buf_data(&result), buf_len(&result));
	buf_free(&result);
}

static void
tool_fail(struct example *ex, const struct rpc_message *msg)
{
	server_tool_text(
	    ex->server, msg->id, "this tool always fails", 22, true);
}

static void
tool_log(struct example *ex, const struct rpc_message *msg)
{
	struct json_span none = { NULL, 0 };
	struct json_span arguments = msg->arguments;
	struct json_span level = none;
	struct json_span message = none;
	struct buf params = { 0 };
	int severity;

	if (json_kind(arguments) == JSON_OBJECT) {
		level = json_get(arguments, "level");
		message = json_get(arguments, "message");
	}
	severity = level.at != NULL ? mcp_level_find(level) : MCP_LEVEL_INFO;
	if (severity == -1 || message.at == NULL) {
		server_tool_text(ex->server, msg->id,
		    "level must be a log level, message must be there", 48,
		    true);
		return;
	}
	if (severity >= (int)ex->level) {
		server_format(&params,
		    "{\"level\":\"%s\",\"logger\":\"example\",\"data\":%.*s}",
		    mcp_level_name((enum mcp_level)severity), (int)message.len,
		    message.at);
		if (buf_add(&params, "", 1) == -1)
			err(1, "message");
		server_notify(
		    ex->server, "notifications/message", buf_data(&params));
		buf_free(&params);
	}
	server_tool_text(ex->server, msg->id, "logged", 6, false);
}

static void
tool_toggle(struct example *ex, const struct rpc_message *msg)
{
	const char *text;

	ex->extra = !ex->extra;
	text = ex->extra ? "extra is there" : "extra is gone";
	server_notify(ex->server, "notifications/tools/list_changed", NULL);
	server_tool_text(ex->server, msg->id, text, strlen(text), false);
}

static void
tool_extra(struct example *ex, const struct rpc_message *msg)
{
	server_tool_text(ex->server, msg->id, "extra", 5, false);
}

/* long_running: a timer for each step, and progress for whom it may concern. */

static void
walk_free(struct walk *walk)
{
	LIST_REMOVE(walk, link);
	event_free(walk->timer);
	free(walk);
}

static void
walk_cancelled(struct server_call *call)
{
	walk_free((
	    struct walk *)(void *)((char *)call - offsetof(struct walk, call)));
}

static void
walk_report(const struct walk *walk)
{
	struct buf params = { 0 };

	if (walk->call.token.at == NULL)
		return;
	server_format(&params,
	    "{\"progressToken\":%.*s,\"progress\":%d,\"total\":%d,"
	    "\"message\":\"step %d of %d\"}",
	    (int)walk->call.token.len, walk->call.token.at, walk->step,
	    walk->steps, walk->step, walk->steps);
	if (buf_add(&params, "", 1) == -1)
		err(1, "message");
	server_notify(
	    walk->ex->server, "notifications/progress", buf_data(&params));
	buf_free(&params);
}

static void
walk_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct walk *walk = arg;

	(void)fd;
	(void)what;
	walk->step++;
	walk_report(walk);
	if (walk->step < walk->steps) {
		event_add(walk->timer, &walk->pause);
		return;
	}
	server_tool_text(walk->ex->server, walk->call.id, "done", 4, false);
	server_call_end(&walk->call);
	walk_free(walk);
}

static void
tool_long_running(struct example *ex, const struct rpc_message *msg)
{
	double seconds = 1;
	double steps = 5;
	struct walk *walk;
	long pause_us;

	if (argument_number(msg, "steps", &steps) == -1 ||
	    argument_number(msg, "seconds", &seconds) == -1 || !(steps >= 1) ||
	    steps > STEPS_MAX || !(seconds >= 0) || seconds > SECONDS_MAX) {
		server_tool_text(ex->server, msg->id,
		    "steps is 1 to 1000, seconds 0 to 3600", 37, true);
		return;
	}
	if ((walk = calloc(1, sizeof(*walk))) == NULL)
		err(1, "call");
	if (server_call_begin(ex->server, &walk->call, msg, walk_cancelled) ==
	    -1) {
		free(walk);
		return;
	}
	walk->ex = ex;
	walk->steps = (int)steps;
	pause_us = (long)(seconds / walk->steps * 1e6);
	walk->pause = (struct timeval){ .tv_sec = pause_us / 1000000,
		.tv_usec = pause_us % 1000000 };
	walk->timer = evtimer_new(
	    loop_base(server_loop(ex->server)), walk_on_timer, walk);
	if (walk->timer == NULL)
		err(1, "call");
	LIST_INSERT_HEAD(&ex->walks, walk, link);
	event_add(walk->timer, &walk->pause);
}

void
example_end_walks(struct example *ex)
{
	struct walk *walk;

	while ((walk = LIST_FIRST(&ex->walks)) != NULL) {
		server_call_end(&walk->call);
		walk_free(walk);
	}
}

/* The table of tools. */

#define EMPTY_SCHEMA "{\"type\":\"object\",\"properties\":{}}"

static const struct tool {
	const char *name;
	const char *rest; /* of the definition, behind the name */
	void (*call)(struct example *ex, const struct rpc_message *msg);
} tools[] = {
	{ "echo",
	    "\"description\":\"Answer the same text\",\"inputSchema\":{"
	    "\"type\":\"object\",\"properties\":{\"text\":{"
	    "\"type\":\"string\"}},\"required\":[\"text\"]},"
	    "\"annotations\":{\"readOnlyHint\":true}",
	    tool_echo },
	{ "add",
	    "\"description\":\"Add two numbers\",\"inputSchema\":{"
	    "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"},"
	    "\"b\":{\"type\":\"number\"}},\"required\":[\"a\",\"b\"]},"
	    "\"outputSchema\":{\"type\":\"object\",\"properties\":{\"sum\":{"
	    "\"type\":\"number\"}},\"required\":[\"sum\"]},"
	    "\"annotations\":{\"readOnlyHint\":true}",
	    tool_add },
	{ "long_running",
	    "\"description\":\"Take some time, and report progress when "
	    "asked\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
	    "\"steps\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,"
	    "\"default\":5},\"seconds\":{\"type\":\"number\",\"minimum\":0,"
	    "\"maximum\":3600,\"default\":1}}}",
	    tool_long_running },
	{ "fail",
	    "\"description\":\"Answer an error\",\"inputSchema\":" EMPTY_SCHEMA,
	    tool_fail },
	{ "log",
	    "\"description\":\"Send a log message\",\"inputSchema\":{"
	    "\"type\":\"object\",\"properties\":{\"level\":{\"type\":"
	    "\"string\",\"enum\":[\"debug\",\"info\",\"notice\",\"warning\","
	    "\"error\",\"critical\",\"alert\",\"emergency\"],\"default\":"
	    "\"info\"},\"message\":{\"type\":\"string\"}},"
	    "\"required\":[\"message\"]}",
	    tool_log },
	{ "toggle_tool",
	    "\"description\":\"Show or hide the tool extra\",\"inputSchema\":" EMPTY_SCHEMA,
	    tool_toggle },
	{ "extra", /* last: there only at times */
	    "\"description\":\"A tool that comes and goes\",\"inputSchema\":" EMPTY_SCHEMA,
	    tool_extra },
};

static size_t
tool_count(const struct example *ex)
{
	size_t all = sizeof(tools) / sizeof(tools[0]);

	return ex->extra ? all : all - 1;
}

/* The cursor is the number of the page's first tool; -1 for any other text. */
static int64_t
first_tool(const struct example *ex, struct json_span cursor)
{
	struct json_span digits = cursor;
	int64_t first;

	if (cursor.at == NULL)
		return 0;
	if (json_kind(cursor) != JSON_STRING || cursor.len < 3)
		return -1;
	digits.at++;
	digits.len -= 2;
	if (digits.at[0] < '0' || digits.at[0] > '9' ||
	    json_integer(digits, &first) == -1 || first % PAGE_SIZE != 0 ||
	    first > (int64_t)tool_count(ex))
		return -1;
	return first;
}

void
example_list_tools(struct example *ex, const struct rpc_message *msg)
{
	int64_t first = first_tool(ex, msg->cursor);
	struct buf result = { 0 };
	size_t end;

	if (first == -1) {
		server_error(
		    ex->server, msg->id, RPC_INVALID_PARAMS, "Unknown cursor");
		return;
	}
	end = (size_t)first + PAGE_SIZE;
	if (end > tool_count(ex))
		end = tool_count(ex);
	server_format(&result, "{\"tools\":[");
	for (size_t i = (size_t)first; i < end; i++)
		server_format(&result, "%s{\"name\":\"%s\",%s}",
		    i > (size_t)first ? "," : "", tools[i].name, tools[i].rest);
	server_format(&result, "]");
	if (end < tool_count(ex))
		server_format(&result, ",\"nextCursor\":\"%zu\"", end);
	server_format(&result, "}");
	server_result(ex->server, msg->id, buf_data(&result), buf_len(&result));
	buf_free(&result);
}

void
example_call_tool(struct example *ex, const struct rpc_message *msg)
{
	for (size_t i = 0; i < tool_count(ex); i++) {
		if (json_string_is(msg->name, tools[i].name)) {
			tools[i].call(ex, msg);
			return;
		}
	}
	server_error(ex->server, msg->id, RPC_INVALID_PARAMS, "Unknown tool");
}
