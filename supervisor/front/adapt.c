/* adapt.c: which parts of which messages change for a client. */
#include "adapt.h"

#include <errno.h>

#include "adapt_parts.h"

_Static_assert(MCP_ROOTS_LIST < 32, "methods are bits of a uint32_t");

#define BIT(method) (UINT32_C(1) << (method))

void
adapt_prepare(struct adapt_rules *rules)
{
	const struct mcp_revision *revision = rules->revision;
	uint32_t methods = 0;

	if (rules->uris)
		methods |= BIT(MCP_RESOURCES_READ) | BIT(MCP_RESOURCES_UPDATED);
	if (adapt_has_blocks(rules))
		methods |= BIT(MCP_TOOLS_CALL) | BIT(MCP_PROMPTS_GET) |
		    BIT(MCP_SAMPLING_CREATE_MESSAGE);
	if (!revision->sampling_arrays ||
	    (rules->capabilities & MCP_CAN_SAMPLE_TOOLS) == 0)
		methods |= BIT(MCP_SAMPLING_CREATE_MESSAGE);
	if (!revision->elicitation_url)
		methods |= BIT(MCP_ELICITATION_CREATE);
	rules->methods = methods;
}

static bool
is_empty_array(struct json_span value)
{
	struct json_span element;
	struct json_iter it;

	if (json_kind(value) != JSON_ARRAY)
		return false;
	json_iter_init(&it, value);
	return !json_iter_element(&it, &element);
}

/* The JSON itself, for clients and models that read only text. */
static void
add_text_blocks(struct adapt *a, struct json_span structured)
{
	adapt_add_text(a, "[{\"type\":\"text\",\"text\":");
	adapt_add_string(a, structured.at, structured.len);
	adapt_add_text(a, "}]");
}

static void
wrap_structured(struct adapt *a, struct json_span structured)
{
	adapt_cut(a, structured.at, structured.at);
	adapt_add_text(a, "{\"result\":");
	adapt_cut(a, adapt_end(structured), adapt_end(structured));
	adapt_add_text(a, "}");
}

static void
adapt_call_content(
    struct adapt *a, struct json_span content, struct json_span structured)
{
	if (structured.at != NULL && is_empty_array(content)) {
		adapt_cut_value(a, content);
		add_text_blocks(a, structured);
	} else if (json_kind(content) == JSON_ARRAY &&
	    adapt_has_blocks(a->rules)) {
		adapt_content(a, content);
	}
}

/* The result of tools/call. */
static void
adapt_call(struct adapt *a, struct json_span result)
{
	static const char *const keys[] = { "content", "structuredContent" };
	struct json_span of[2];
	bool content_first;

	adapt_collect(result, keys, 2, of);
	if (a->rules->revision->structured_any ||
	    json_kind(of[1]) == JSON_OBJECT)
		of[1] = (struct json_span){ NULL, 0 };
	content_first =
	    of[1].at == NULL || (of[0].at != NULL && of[0].at < of[1].at);
	if (content_first)
		adapt_call_content(a, of[0], of[1]);
	if (of[1].at == NULL)
		return;
	wrap_structured(a, of[1]);
	if (of[0].at == NULL) {
		adapt_add_text(a, ",\"content\":");
		add_text_blocks(a, of[1]);
	} else if (!content_first) {
		adapt_call_content(a, of[0], of[1]);
	}
}

/* The result of resources/read. */
static void
adapt_read(struct adapt *a, struct json_span result)
{
	struct json_span contents = adapt_get(result, "contents"), element;
	struct json_iter it;

	if (json_kind(contents) != JSON_ARRAY)
		return;
	json_iter_init(&it, contents);
	while (json_iter_element(&it, &element))
		adapt_member_uri(a, element, "uri");
}

/* True for a member that says something: some write null for none. */
static bool
is_said(struct json_span value)
{
	return value.at != NULL && json_kind(value) != JSON_NULL;
}

static bool
has_tools(struct json_span params)
{
	return is_said(adapt_get(params, "tools")) ||
	    is_said(adapt_get(params, "toolChoice"));
}

static void
adapt_sampling(struct adapt *a, struct json_span params)
{
	const struct adapt_rules *rules = a->rules;

	if ((rules->capabilities & MCP_CAN_SAMPLE_TOOLS) == 0 &&
	    has_tools(params))
		adapt_fail(a, ENOTSUP);
	else
		adapt_messages(a, adapt_get(params, "messages"),
		    !rules->revision->sampling_arrays);
}

/* Up to 2025-06-18 every elicitation is a form, and says nothing of it. */
static void
adapt_elicitation(struct adapt *a, struct json_span params)
{
	struct json_span mode = adapt_get(params, "mode"), key, value;
	const char *before = NULL;
	struct json_iter it;

	if (a->rules->revision->elicitation_url)
		return;
	if (json_string_is(mode, "url"))
		adapt_fail(a, ENOTSUP);
	if (!json_string_is(mode, "form"))
		return;
	json_iter_init(&it, params);
	while (json_iter_member(&it, &key, &value)) {
		if (adapt_is_key(key, "mode"))
			adapt_drop(a, &it, key, value, &before);
		else
			before = adapt_end(value);
	}
}

static void
adapt_result(struct adapt *a, enum mcp_method method, struct json_span result)
{
	if (method == MCP_TOOLS_CALL)
		adapt_call(a, result);
	else if (method == MCP_RESOURCES_READ)
		adapt_read(a, result);
	else if (method == MCP_PROMPTS_GET)
		adapt_messages(a, adapt_get(result, "messages"), false);
}

static void
adapt_params(struct adapt *a, enum mcp_method method, struct json_span params)
{
	if (method == MCP_RESOURCES_UPDATED)
		adapt_member_uri(a, params, "uri");
	else if (method == MCP_SAMPLING_CREATE_MESSAGE)
		adapt_sampling(a, params);
	else if (method == MCP_ELICITATION_CREATE)
		adapt_elicitation(a, params);
}

int
adapt_message(const struct adapt_rules *rules, enum mcp_method method,
    const struct rpc_message *msg, struct splice *text, struct buf *out)
{
	struct json_span part = msg->kind == RPC_RESULT ? msg->result
	    : msg->kind == RPC_ERROR                    ? msg->error
							: msg->params;
	struct adapt a;
	int result;

	if (json_kind(part) != JSON_OBJECT)
		return 0;
	adapt_begin(&a, rules, part, out);
	adapt_keep(&a, text);
	if (msg->kind == RPC_RESULT)
		adapt_result(&a, method, part);
	else if (msg->kind == RPC_ERROR)
		adapt_member_uri(&a, adapt_get(part, "data"), "uri");
	else
		adapt_params(&a, method, part);
	if ((result = adapt_finish(&a)) == 1) {
		splice_forget(text, part);
		splice_replace(text, part, buf_data(out), buf_len(out));
	}
	return result;
}

unsigned int
adapt_check_ask(enum mcp_method method, struct json_span params)
{
	if (method == MCP_ROOTS_LIST)
		return MCP_CAN_LIST_ROOTS;
	if (method == MCP_ELICITATION_CREATE)
		return json_string_is(adapt_get(params, "mode"), "url")
		    ? MCP_CAN_ELICIT_URL
		    : MCP_CAN_ELICIT_FORM;
	if (method == MCP_SAMPLING_CREATE_MESSAGE)
		return has_tools(params) ? MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS
					 : MCP_CAN_SAMPLE;
	return 0;
}
