/*
 * fuzz_adapt.c: what was adapted is JSON of a stated size at most, differs from
 * what it was, and is not adapted again; what need not be read does not change.
 *
 * Input: a byte that chooses the revision and whether URIs are shown
 * differently, one that chooses the method of a result, and a JSON-RPC message
 * or a tool.
 */
/* link: front */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "adapt.h"
#include "proto/buf.h"

#define URIS  0x80U
#define TOOLS 0x40U

static const char *const revisions[] = { "2024-10-07", "2024-11-05",
	"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28" };
#define REVISIONS (sizeof(revisions) / sizeof(revisions[0]))

#define TOKEN "\"token\""

/* What an adapted text may be nested deeper than it was. */
#define DEEPER 8U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
insist(int condition)
{
	if (!condition)
		abort();
}

/* "s+" before all that do not have it. */
static bool
shown(void *arg, const char *uri, size_t len, struct buf *out)
{
	insist(arg == NULL && strlen(uri) == len);
	if (strncmp(uri, "s+", 2) == 0)
		return false;
	insist(buf_add_text(out, "s+") == 0);
	insist(buf_add(out, uri, len) == 0);
	return true;
}

/* How deep a valid text is nested. */
static size_t
depth_of(const char *text, size_t len)
{
	size_t depth = 0, most = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			most = ++depth > most ? depth : most;
		else if (!quoted && (text[i] == '}' || text[i] == ']'))
			depth--;
	}
	return most;
}

/* The result of an adaption is as it is promised; true: something changed. */
static bool
judge(int result, struct json_span old, const struct buf *out)
{
	struct json_scan scan;

	insist(result == 1 || buf_len(out) == 0);
	if (result != 1) {
		insist(result == 0 || errno == ENOTSUP || errno == EMSGSIZE);
		return false;
	}
	insist(buf_len(out) <= ADAPT_GROWTH * old.len + ADAPT_SPARE);
	insist(buf_len(out) != old.len ||
	    memcmp(buf_data(out), old.at, old.len) != 0);
	if (json_scan(buf_data(out), buf_len(out), NULL, 0, NULL, &scan) == -1)
		insist(depth_of(buf_data(out), buf_len(out)) > JSON_DEPTH_MAX &&
		    depth_of(old.at, old.len) + DEEPER > JSON_DEPTH_MAX);
	return true;
}

static void
try_tool(const struct adapt_rules *rules, const char *text, size_t len)
{
	struct json_span item = { text, len };
	struct buf out = { 0 }, again = { 0 };
	struct json_scan scan;

	if (len == 0 || text[0] != '{' || text[len - 1] != '}' ||
	    json_scan(text, len, NULL, 0, NULL, &scan) == -1)
		return;
	if (judge(adapt_tool(rules, item, &out), item, &out) &&
	    json_scan(buf_data(&out), buf_len(&out), NULL, 0, NULL, &scan) ==
		0) {
		item = (struct json_span){ buf_data(&out), buf_len(&out) };
		insist(adapt_tool(rules, item, &again) == 0);
	}
	buf_free(&out);
	buf_free(&again);
}

/* Replace what the gateway has ids of its own for. */
static void
begin_splice(struct splice *text, const struct rpc_message *msg)
{
	splice_init(text, msg->text.at, msg->text.len);
	if (msg->id.at != NULL)
		splice_replace(text, msg->id, TOKEN, sizeof(TOKEN) - 1);
	if (msg->meta_progress_token.at != NULL)
		splice_replace(
		    text, msg->meta_progress_token, TOKEN, sizeof(TOKEN) - 1);
}

/* A message that was adapted is one, with our ids, and is not adapted again. */
static void
judge_message(const struct adapt_rules *rules, enum mcp_method method,
    const struct rpc_message *old, const struct splice *text)
{
	const size_t len = splice_length(text);
	struct buf whole = { 0 }, again = { 0 };
	struct rpc_problem problem;
	struct rpc_message msg;
	struct splice same;
	char *at = buf_reserve(&whole, len);

	insist(at != NULL);
	splice_write(text, at);
	buf_commit(&whole, len);
	if (rpc_parse(&msg, at, len, &problem) == 0) {
		insist(old->id.at == NULL || json_string_is(msg.id, "token"));
		insist(old->meta_progress_token.at == NULL ||
		    json_string_is(msg.meta_progress_token, "token"));
		splice_init(&same, at, len);
		insist(adapt_message(rules, method, &msg, &same, &again) == 0);
	} else {
		insist(depth_of(old->text.at, old->text.len) + DEEPER >
		    JSON_DEPTH_MAX);
	}
	buf_free(&whole);
	buf_free(&again);
}

static void
try_message(const struct adapt_rules *rules, enum mcp_method method,
    const char *text, size_t len)
{
	struct buf out = { 0 };
	struct rpc_problem problem;
	struct rpc_message msg;
	struct splice splice;
	struct json_span old;
	int result;

	if (rpc_parse(&msg, text, len, &problem) == -1)
		return;
	if (msg.method_name.at != NULL)
		method = msg.method;
	old = msg.kind == RPC_RESULT ? msg.result
	    : msg.kind == RPC_ERROR  ? msg.error
				     : msg.params;
	(void)adapt_check_ask(method, msg.params);
	begin_splice(&splice, &msg);
	result = adapt_message(rules, method, &msg, &splice, &out);
	insist(result == 0 || adapt_needed(rules, method, &msg));
	if (judge(result, old, &out))
		judge_message(rules, method, &msg, &splice);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct adapt_rules rules = { .shown = shown };
	const char *name;

	if (size < 2)
		return 0;
	name = revisions[(data[0] & 0xfU) % REVISIONS];
	rules.revision = mcp_revision_find(name, strlen(name));
	insist(rules.revision != NULL);
	rules.uris = (data[0] & URIS) != 0;
	if (data[0] & TOOLS)
		rules.capabilities = MCP_CAN_SAMPLE_TOOLS;
	adapt_prepare(&rules);
	try_tool(&rules, (const char *)data + 2, size - 2);
	try_message(&rules,
	    (enum mcp_method)(data[1] % (unsigned int)(MCP_ROOTS_LIST + 1)),
	    (const char *)data + 2, size - 2);
	return 0;
}
