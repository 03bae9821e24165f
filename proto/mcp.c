/* mcp.c: MCP's methods, revisions and log levels as data. */
#include "proto/mcp.h"

#include <string.h>

#include "proto/buf.h"

/* The longest name of a method, and room for a NUL. */
#define METHOD_NAME_SIZE 40

/*
 * A method's name, and the next method whose name is as long (MCP_UNKNOWN:
 * none), so that a look-up compares a few names at most.
 */
static const struct method {
	const char *name;
	enum mcp_method next;
} methods[] = {
	[MCP_UNKNOWN] = { NULL, MCP_UNKNOWN },
	[MCP_INITIALIZE] = { "initialize", MCP_ROOTS_LIST },
	[MCP_PING] = { "ping", MCP_UNKNOWN },
	[MCP_TOOLS_LIST] = { "tools/list", MCP_INITIALIZE },
	[MCP_TOOLS_CALL] = { "tools/call", MCP_TOOLS_LIST },
	[MCP_RESOURCES_LIST] = { "resources/list", MCP_UNKNOWN },
	[MCP_RESOURCES_TEMPLATES_LIST] = { "resources/templates/list",
	    MCP_UNKNOWN },
	[MCP_RESOURCES_READ] = { "resources/read", MCP_RESOURCES_LIST },
	[MCP_RESOURCES_SUBSCRIBE] = { "resources/subscribe",
	    MCP_COMPLETION_COMPLETE },
	[MCP_RESOURCES_UNSUBSCRIBE] = { "resources/unsubscribe", MCP_MESSAGE },
	[MCP_PROMPTS_LIST] = { "prompts/list", MCP_UNKNOWN },
	[MCP_PROMPTS_GET] = { "prompts/get", MCP_UNKNOWN },
	[MCP_COMPLETION_COMPLETE] = { "completion/complete", MCP_UNKNOWN },
	[MCP_LOGGING_SET_LEVEL] = { "logging/setLevel", MCP_UNKNOWN },
	[MCP_INITIALIZED] = { "notifications/initialized", MCP_UNKNOWN },
	[MCP_CANCELLED] = { "notifications/cancelled", MCP_UNKNOWN },
	[MCP_PROGRESS] = { "notifications/progress",
	    MCP_SAMPLING_CREATE_MESSAGE },
	[MCP_ROOTS_LIST_CHANGED] = { "notifications/roots/list_changed",
	    MCP_UNKNOWN },
	[MCP_MESSAGE] = { "notifications/message", MCP_UNKNOWN },
	[MCP_TOOLS_LIST_CHANGED] = { "notifications/tools/list_changed",
	    MCP_ROOTS_LIST_CHANGED },
	[MCP_RESOURCES_LIST_CHANGED] = { "notifications/resources/list_changed",
	    MCP_UNKNOWN },
	[MCP_RESOURCES_UPDATED] = { "notifications/resources/updated",
	    MCP_UNKNOWN },
	[MCP_PROMPTS_LIST_CHANGED] = { "notifications/prompts/list_changed",
	    MCP_ELICITATION_COMPLETE },
	[MCP_ELICITATION_COMPLETE] = { "notifications/elicitation/complete",
	    MCP_UNKNOWN },
	[MCP_SAMPLING_CREATE_MESSAGE] = { "sampling/createMessage",
	    MCP_UNKNOWN },
	[MCP_ELICITATION_CREATE] = { "elicitation/create", MCP_UNKNOWN },
	[MCP_ROOTS_LIST] = { "roots/list", MCP_UNKNOWN },
};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

/* The first method to compare with a name of this length. */
static enum mcp_method
first_of_length(size_t len)
{
	switch (len) {
	case sizeof("ping") - 1:
		return MCP_PING;
	case sizeof("tools/call") - 1:
		return MCP_TOOLS_CALL;
	case sizeof("prompts/get") - 1:
		return MCP_PROMPTS_GET;
	case sizeof("prompts/list") - 1:
		return MCP_PROMPTS_LIST;
	case sizeof("resources/read") - 1:
		return MCP_RESOURCES_READ;
	case sizeof("logging/setLevel") - 1:
		return MCP_LOGGING_SET_LEVEL;
	case sizeof("elicitation/create") - 1:
		return MCP_ELICITATION_CREATE;
	case sizeof("resources/subscribe") - 1:
		return MCP_RESOURCES_SUBSCRIBE;
	case sizeof("resources/unsubscribe") - 1:
		return MCP_RESOURCES_UNSUBSCRIBE;
	case sizeof("notifications/progress") - 1:
		return MCP_PROGRESS;
	case sizeof("notifications/cancelled") - 1:
		return MCP_CANCELLED;
	case sizeof("resources/templates/list") - 1:
		return MCP_RESOURCES_TEMPLATES_LIST;
	case sizeof("notifications/initialized") - 1:
		return MCP_INITIALIZED;
	case sizeof("notifications/resources/updated") - 1:
		return MCP_RESOURCES_UPDATED;
	case sizeof("notifications/tools/list_changed") - 1:
		return MCP_TOOLS_LIST_CHANGED;
	case sizeof("notifications/prompts/list_changed") - 1:
		return MCP_PROMPTS_LIST_CHANGED;
	case sizeof("notifications/resources/list_changed") - 1:
		return MCP_RESOURCES_LIST_CHANGED;
	default:
		return MCP_UNKNOWN;
	}
}

static enum mcp_method
find_text(const char *name, size_t len)
{
	enum mcp_method method = first_of_length(len);

	while (method != MCP_UNKNOWN &&
	    memcmp(methods[method].name, name, len) != 0)
		method = methods[method].next;
	return method;
}

enum mcp_method
mcp_method_find(struct json_span name)
{
	char decoded[METHOD_NAME_SIZE];
	enum mcp_method method;
	ssize_t len;

	if (json_kind(name) != JSON_STRING)
		return MCP_UNKNOWN;
	method = find_text(name.at + 1, name.len - 2);
	/* Some libraries write every slash as "\/". */
	if (method == MCP_UNKNOWN && memchr(name.at, '\\', name.len) != NULL &&
	    (len = json_string_decode(name, decoded, sizeof(decoded))) != -1)
		method = find_text(decoded, (size_t)len);
	return method;
}

const char *
mcp_method_name(enum mcp_method method)
{
	return (size_t)method < METHODS ? methods[method].name : NULL;
}

/*
 * Oldest first.  Revisions before 2025-03-26 do not speak of batches, which
 * JSON-RPC then allows; 2025-06-18 took them away.
 */
static const struct mcp_revision revisions[] = {
	{ .name = "2024-10-07", .legacy = true, .batches = true },
	{ .name = "2024-11-05", .legacy = true, .batches = true },
	{ .name = "2025-03-26",
	    .legacy = true,
	    .batches = true,
	    .audio = true,
	    .completions_capability = true },
	{ .name = "2025-06-18",
	    .legacy = true,
	    .header = true,
	    .audio = true,
	    .resource_link = true,
	    .completions_capability = true,
	    .elicitation = true },
	{ .name = "2025-11-25",
	    .legacy = true,
	    .header = true,
	    .audio = true,
	    .resource_link = true,
	    .completions_capability = true,
	    .elicitation = true,
	    .elicitation_url = true,
	    .priming = true,
	    .sampling_arrays = true },
	{ .name = "2026-07-28",
	    .header = true,
	    .audio = true,
	    .resource_link = true,
	    .completions_capability = true,
	    .elicitation = true,
	    .elicitation_url = true,
	    .sampling_arrays = true,
	    .structured_any = true },
};
#define REVISIONS (sizeof(revisions) / sizeof(revisions[0]))

const struct mcp_revision *
mcp_revision_find(const char *name, size_t len)
{
	for (size_t i = 0; i < REVISIONS; i++)
		if (strlen(revisions[i].name) == len &&
		    memcmp(revisions[i].name, name, len) == 0)
			return &revisions[i];
	return NULL;
}

const struct mcp_revision *
mcp_revision_latest_legacy(void)
{
	const struct mcp_revision *latest = &revisions[REVISIONS - 1];

	while (!latest->legacy)
		latest--;
	return latest;
}

const struct mcp_revision *
mcp_revision_negotiate(struct json_span asked)
{
	for (size_t i = 0; i < REVISIONS; i++)
		if (revisions[i].legacy &&
		    json_string_is(asked, revisions[i].name))
			return &revisions[i];
	return mcp_revision_latest_legacy();
}

static bool
has(struct json_span object, const char *key)
{
	return json_kind(json_get(object, key)) == JSON_OBJECT;
}

unsigned int
mcp_capabilities_read(struct json_span capabilities)
{
	struct json_span of;
	unsigned int set = 0;

	if (json_kind(capabilities) != JSON_OBJECT)
		return 0;
	of = json_get(capabilities, "elicitation");
	if (json_kind(of) == JSON_OBJECT) {
		if (has(of, "url"))
			set |= MCP_CAN_ELICIT_URL;
		if (has(of, "form") || !has(of, "url"))
			set |= MCP_CAN_ELICIT_FORM;
	}
	of = json_get(capabilities, "sampling");
	if (json_kind(of) == JSON_OBJECT) {
		set |= MCP_CAN_SAMPLE;
		if (has(of, "tools"))
			set |= MCP_CAN_SAMPLE_TOOLS;
		if (has(of, "context"))
			set |= MCP_CAN_SAMPLE_CONTEXT;
	}
	of = json_get(capabilities, "roots");
	if (json_kind(of) == JSON_OBJECT) {
		set |= MCP_CAN_LIST_ROOTS;
		of = json_get(of, "listChanged");
		if (json_kind(of) == JSON_BOOLEAN && *of.at == 't')
			set |= MCP_CAN_TELL_ROOTS;
	}
	return set;
}

/* Append "key":{...} with members where the set has them. */
static int
add_capability(
    struct buf *b, const char *key, const char *first, const char *second)
{
	return buf_add_format(b, "%s\"%s\":{%s%s%s}",
	    *(buf_data(b) + buf_len(b) - 1) == '{' ? "" : ",", key, first,
	    *first != '\0' && *second != '\0' ? "," : "", second);
}

int
mcp_capabilities_add(struct buf *b, unsigned int set)
{
	int failed = buf_add_text(b, "{");

	if (failed == 0 && (set & (MCP_CAN_ELICIT_FORM | MCP_CAN_ELICIT_URL)))
		failed = add_capability(b, "elicitation",
		    set & MCP_CAN_ELICIT_FORM ? "\"form\":{}" : "",
		    set & MCP_CAN_ELICIT_URL ? "\"url\":{}" : "");
	if (failed == 0 && (set & MCP_CAN_SAMPLE))
		failed = add_capability(b, "sampling",
		    set & MCP_CAN_SAMPLE_TOOLS ? "\"tools\":{}" : "",
		    set & MCP_CAN_SAMPLE_CONTEXT ? "\"context\":{}" : "");
	if (failed == 0 && (set & MCP_CAN_LIST_ROOTS))
		failed = add_capability(b, "roots",
		    set & MCP_CAN_TELL_ROOTS ? "\"listChanged\":true" : "", "");
	return failed != 0 ? -1 : buf_add_text(b, "}");
}

static const char *const levels[MCP_LEVELS] = {
	[MCP_LEVEL_DEBUG] = "debug",
	[MCP_LEVEL_INFO] = "info",
	[MCP_LEVEL_NOTICE] = "notice",
	[MCP_LEVEL_WARNING] = "warning",
	[MCP_LEVEL_ERROR] = "error",
	[MCP_LEVEL_CRITICAL] = "critical",
	[MCP_LEVEL_ALERT] = "alert",
	[MCP_LEVEL_EMERGENCY] = "emergency",
};

int
mcp_level_find(struct json_span name)
{
	for (int i = 0; i < MCP_LEVELS; i++)
		if (json_string_is(name, levels[i]))
			return i;
	return -1;
}

const char *
mcp_level_name(enum mcp_level level)
{
	return (size_t)level < MCP_LEVELS ? levels[level] : NULL;
}
