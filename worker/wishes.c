/* wishes.c: the log level and the subscriptions that clients want. */
#include <inttypes.h>
#include <stdlib.h>

#include "flood.h"
#include "proto/buf.h"
#include "proto/log.h"
#include "wishes.h"

/* No level was asked for. */
#define LEVEL_NONE (-1)

struct wishes {
	const char *name;
	const struct wishes_handlers *handlers;
	void *arg;
	bool begun;
	bool logging;
	int level; /* enum mcp_level, or LEVEL_NONE */
	struct flood *refused;
	struct awaited {
		uint32_t id; /* 0: nothing */
		enum mcp_method method;
	} awaited[WISHES_AWAITED_MAX]; /* a ring */
	size_t next;
	struct buf text; /* for what is composed here */
};

struct wishes *
wishes_new(struct loop *loop, const char *name,
    const struct wishes_handlers *handlers, void *arg)
{
	struct wishes *wishes = calloc(1, sizeof(*wishes));

	if (wishes == NULL)
		return NULL;
	wishes->name = name;
	wishes->handlers = handlers;
	wishes->arg = arg;
	wishes->level = LEVEL_NONE;
	wishes->refused =
	    flood_new(loop, name, "records of subscriptions that failed",
		WISHES_BURST, WISHES_PER_SECOND);
	if (wishes->refused == NULL)
		wishes_free(&wishes);
	return wishes;
}

void
wishes_free(struct wishes **wishes)
{
	if (*wishes == NULL)
		return;
	flood_free(&(*wishes)->refused);
	buf_free(&(*wishes)->text);
	free(*wishes);
	*wishes = NULL;
}

/* Ask for a method with one parameter, which is JSON. */
static void
ask(struct wishes *wishes, enum mcp_method method, const char *key,
    struct json_span value)
{
	struct awaited *awaited = &wishes->awaited[wishes->next];
	struct buf *b = &wishes->text;
	uint32_t id = wishes->handlers->next_id(wishes->arg);

	buf_consume(b, buf_len(b));
	if (buf_add_format(b,
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRIu32
		",\"method\":\"%s\",\"params\":{\"%s\":",
		id, mcp_method_name(method), key) == -1 ||
	    buf_add(b, value.at, value.len) == -1 ||
	    buf_add_text(b, "}}") == -1 ||
	    wishes->handlers->send(wishes->arg, buf_data(b), buf_len(b), id) ==
		-1)
		return;
	awaited->id = id;
	awaited->method = method;
	wishes->next = (wishes->next + 1) % WISHES_AWAITED_MAX;
}

static void
ask_level(struct wishes *wishes)
{
	char text[32];
	int n;

	if (wishes->level == LEVEL_NONE || !wishes->begun || !wishes->logging)
		return;
	n = snprintf(text, sizeof(text), "\"%s\"",
	    mcp_level_name((enum mcp_level)wishes->level));
	ask(wishes, MCP_LOGGING_SET_LEVEL, "level",
	    (struct json_span){ text, (size_t)n });
}

void
wishes_begin(struct wishes *wishes, bool logging)
{
	wishes->begun = true;
	wishes->logging = logging;
	ask_level(wishes);
}

void
wishes_end(struct wishes *wishes)
{
	wishes->begun = false;
}

void
wishes_level(struct wishes *wishes, enum mcp_level level)
{
	if (wishes->level == (int)level)
		return;
	wishes->level = (int)level;
	ask_level(wishes);
}

void
wishes_subscribe(struct wishes *wishes, bool on, struct json_span uri)
{
	if (wishes->begun)
		ask(wishes,
		    on ? MCP_RESOURCES_SUBSCRIBE : MCP_RESOURCES_UNSUBSCRIBE,
		    "uri", uri);
}

static struct awaited *
find(struct wishes *wishes, int64_t id)
{
	size_t i;

	for (i = 0; i < WISHES_AWAITED_MAX; i++)
		if (wishes->awaited[i].id == id)
			return id == 0 ? NULL : &wishes->awaited[i];
	return NULL;
}

static void
report(struct wishes *wishes, struct awaited *awaited, const char *what,
    const char *why)
{
	if (flood_pass(wishes->refused, 0))
		log_warning("backend %s: %s failed: %s%s", wishes->name,
		    mcp_method_name(awaited->method), what, why);
	awaited->id = 0;
}

bool
wishes_response(
    struct wishes *wishes, const struct rpc_message *msg, int64_t id)
{
	struct awaited *awaited = find(wishes, id);

	if (awaited == NULL)
		return false;
	if (msg->kind == RPC_ERROR)
		report(wishes, awaited, "",
		    log_str(msg->error.at, msg->error.len));
	awaited->id = 0;
	return true;
}

bool
wishes_refused(struct wishes *wishes, int64_t id, const char *why)
{
	struct awaited *awaited = find(wishes, id);

	if (awaited != NULL)
		report(wishes, awaited, "its answer is not valid: ", why);
	return awaited != NULL;
}

bool
wishes_failed(struct wishes *wishes, int64_t id, const char *why)
{
	struct awaited *awaited = find(wishes, id);

	if (awaited != NULL)
		report(wishes, awaited, "it ", why);
	return awaited != NULL;
}

bool
wishes_await(const struct wishes *wishes, int64_t id)
{
	size_t i;

	for (i = 0; i < WISHES_AWAITED_MAX; i++)
		if (wishes->awaited[i].id == id)
			return true;
	return false;
}

void
wishes_report(const struct wishes *wishes)
{
	flood_report(wishes->refused);
}
