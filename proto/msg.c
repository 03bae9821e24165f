#include "proto/msg.h"

#include <stddef.h>

#include "proto/log.h"
#include "proto/mcp.h"

/* One bit for each pair of sender and receiver. */
#define WAY(from, to) (1U << ((from)*ROLE_COUNT + (to)))

#define FROM_FRONT    WAY(ROLE_FRONT, ROLE_SUPERVISOR)
#define FROM_WORKER   WAY(ROLE_WORKER, ROLE_SUPERVISOR)
#define FROM_REAPER   WAY(ROLE_REAPER, ROLE_SUPERVISOR)
#define TO_FRONT      WAY(ROLE_SUPERVISOR, ROLE_FRONT)
#define TO_WORKER     WAY(ROLE_SUPERVISOR, ROLE_WORKER)
#define TO_REAPER     WAY(ROLE_SUPERVISOR, ROLE_REAPER)
#define FROM_CHILDREN (FROM_FRONT | FROM_WORKER | FROM_REAPER)
#define TO_CHILDREN   (TO_FRONT | TO_WORKER | TO_REAPER)
#define TO_CONTROL    WAY(ROLE_SUPERVISOR, ROLE_CONTROL)
#define FROM_CONTROL  WAY(ROLE_CONTROL, ROLE_SUPERVISOR)
#define LINK_UP       WAY(ROLE_WORKER, ROLE_FRONT)
#define LINK_DOWN     WAY(ROLE_FRONT, ROLE_WORKER)

struct rule {
	const char *name;
	uint32_t length_max;
	uint32_t ways;
	uint16_t flags_max; /* levels and kinds index tables: never higher */
	bool has_fd;
};

/* ARCHITECTURE.md, "Frames", says the same in words. */
static const struct rule rules[MSG_TYPE_MAX + 1] = {
	[MSG_HELLO] = { "HELLO", MSG_CONTROL_MAX, FROM_CHILDREN, 0, false },
	[MSG_SETUP] = { "SETUP", MSG_CONTROL_MAX, TO_CHILDREN, 0, false },
	[MSG_READY] = { "READY", MSG_CONTROL_MAX, FROM_WORKER, 0, false },
	[MSG_LOG] = { "LOG", MSG_LOG_MAX, FROM_CHILDREN, LOG_LEVEL_CRITICAL,
	    false },
	[MSG_OBITUARY] = { "OBITUARY", MSG_CONTROL_MAX,
	    FROM_WORKER | FROM_REAPER, 0, false },
	[MSG_LOGLEVEL] = { "LOGLEVEL", 0, TO_CHILDREN, LOG_LEVEL_CRITICAL,
	    false },
	[MSG_LISTEN] = { "LISTEN", MSG_CONTROL_MAX, TO_FRONT, 0, true },
	[MSG_UNLISTEN] = { "UNLISTEN", 0, TO_FRONT, 0, false },
	[MSG_POLICY] = { "POLICY", MSG_POLICY_MAX, TO_FRONT, 0, false },
	[MSG_BACKEND] = { "BACKEND", MSG_CONTROL_MAX, TO_FRONT, 0, false },
	[MSG_LINK] = { "LINK", 0, TO_FRONT | TO_WORKER, 0, true },
	[MSG_JOB_STDIN] = { "JOB_STDIN", 0, TO_WORKER, 0, true },
	[MSG_JOB_STDOUT] = { "JOB_STDOUT", 0, TO_WORKER, 0, true },
	[MSG_JOB_STDERR] = { "JOB_STDERR", 0, TO_WORKER, 0, true },
	[MSG_STOP] = { "STOP", MSG_CONTROL_MAX, TO_REAPER | TO_WORKER, 0,
	    false },
	[MSG_GREETING] = { "GREETING", MSG_JSON_MAX, LINK_UP, 0, false },
	[MSG_CATALOG] = { "CATALOG", MSG_JSON_MAX, LINK_UP, CATALOG_KINDS - 1,
	    false },
	[MSG_REQUEST] = { "REQUEST", MSG_JSON_MAX, LINK_DOWN, 0, false },
	[MSG_RESPONSE] = { "RESPONSE", MSG_JSON_MAX, LINK_UP, 0, false },
	[MSG_EVENT] = { "EVENT", MSG_JSON_MAX, LINK_UP, 0, false },
	[MSG_NOTIFY] = { "NOTIFY", MSG_JSON_MAX, LINK_UP, 0, false },
	[MSG_CANCEL] = { "CANCEL", MSG_CANCEL_MAX, LINK_DOWN, 0, false },
	[MSG_FAIL] = { "FAIL", MSG_JSON_MAX, LINK_UP, 0, false },
	[MSG_CLIENT_LEVEL] = { "CLIENT_LEVEL", 0, LINK_DOWN, MCP_LEVELS - 1,
	    false },
	[MSG_SUBSCRIBE] = { "SUBSCRIBE", MSG_URI_MAX, LINK_DOWN, 0, false },
	[MSG_UNSUBSCRIBE] = { "UNSUBSCRIBE", MSG_URI_MAX, LINK_DOWN, 0, false },
	[MSG_PING] = { "PING", 0, TO_CHILDREN, 0, false },
	[MSG_PONG] = { "PONG", 0, FROM_CHILDREN, UINT16_MAX, false },
	[MSG_LISTED] = { "LISTED", 0, FROM_FRONT, 0, false },
	[MSG_DRAIN] = { "DRAIN", 0, TO_FRONT, 0, false },
	[MSG_DRAINED] = { "DRAINED", 0, FROM_FRONT, DRAINED_ALL, false },
	[MSG_QUERY] = { "QUERY", MSG_CONTROL_MAX, TO_FRONT, 0, false },
	[MSG_REPORT] = { "REPORT", MSG_REPORT_MAX, FROM_FRONT, 0, false },
	[MSG_CONTROL] = { "CONTROL", MSG_LOG_MAX, FROM_CONTROL, 0, false },
	[MSG_RESULT] = { "RESULT", MSG_RESULT_MAX, TO_CONTROL, 0, false },
	[MSG_ASK] = { "ASK", MSG_JSON_MAX, LINK_UP, 0, false },
	[MSG_ANSWER] = { "ANSWER", MSG_JSON_MAX, LINK_DOWN, 0, false },
	[MSG_RETRACT] = { "RETRACT", MSG_CANCEL_MAX, LINK_UP, 0, false },
	[MSG_ASK_PROGRESS] = { "ASK_PROGRESS", MSG_JSON_MAX, LINK_DOWN, 0,
	    false },
	[MSG_ROOTS_CHANGED] = { "ROOTS_CHANGED", 0, LINK_DOWN, 0, false },
	[MSG_WANT] = { "WANT", 0, FROM_FRONT, MCP_CAPABILITIES_ALL, false },
	[MSG_INSTANCE] = { "INSTANCE", MSG_CONTROL_MAX, TO_FRONT, 0, false },
	[MSG_RELEASE] = { "RELEASE", 0, FROM_FRONT, 0, false },
};

/* The rule of a type, or NULL for a number that is none. */
static const struct rule *
rule_find(unsigned int type)
{
	if (type > MSG_TYPE_MAX || rules[type].name == NULL)
		return NULL;
	return &rules[type];
}

const char *
msg_name(unsigned int type)
{
	const struct rule *rule = rule_find(type);

	return rule == NULL ? "unknown" : rule->name;
}

const char *
role_name(enum role role)
{
	switch (role) {
	case ROLE_SUPERVISOR:
		return "supervisor";
	case ROLE_FRONT:
		return "front";
	case ROLE_WORKER:
		return "worker";
	case ROLE_REAPER:
		return "reaper";
	case ROLE_CONTROL:
		return "control";
	}
	return "unknown";
}

bool
msg_has_fd(unsigned int type)
{
	const struct rule *rule = rule_find(type);

	return rule != NULL && rule->has_fd;
}

uint32_t
msg_length_max(unsigned int type)
{
	const struct rule *rule = rule_find(type);

	return rule == NULL ? 0 : rule->length_max;
}

const char *
msg_check(const struct frame *frame, enum role from, enum role to)
{
	const struct rule *rule = rule_find(frame->type);

	if (rule == NULL)
		return "unknown message type";
	if ((rule->ways & WAY((unsigned int)from, (unsigned int)to)) == 0)
		return "message in a wrong direction";
	if (frame->length > rule->length_max)
		return "message too long";
	if (frame->flags > rule->flags_max)
		return "message with wrong flags";
	return NULL;
}
