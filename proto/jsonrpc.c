/* jsonrpc.c: one JSON-RPC 2.0 message of MCP. */
#include "proto/jsonrpc.h"

#include <string.h>

#include "proto/buf.h"

/* Bytes of an error response besides id, message and data, with room. */
#define ERROR_FRAME_MAX 128
/* A byte of text is at most "\u001f" in a JSON string. */
#define ESCAPED_MAX 6

enum field {
	JSONRPC,
	ID,
	METHOD,
	PARAMS,
	RESULT,
	ERROR,
	PARAMS_NAME,
	PARAMS_ARGUMENTS,
	PARAMS_META,
	PARAMS_URI,
	PARAMS_CURSOR,
	PARAMS_LEVEL,
	PARAMS_REF,
	PARAMS_REQUEST_ID,
	PARAMS_REASON,
	PARAMS_PROGRESS_TOKEN,
	PARAMS_PROTOCOL_VERSION,
	PARAMS_CAPABILITIES,
	PARAMS_CLIENT_INFO,
	META_PROGRESS_TOKEN,
	REF_TYPE,
	REF_NAME,
	REF_URI,
	RESULT_STRUCTURED_CONTENT,
	FIELDS,
};

static const struct json_field fields[FIELDS] = {
	[JSONRPC] = JSON_FIELD("jsonrpc", JSON_ROOT),
	[ID] = JSON_FIELD("id", JSON_ROOT),
	[METHOD] = JSON_FIELD("method", JSON_ROOT),
	[PARAMS] = JSON_PARENT("params", JSON_ROOT, PARAMS_NAME),
	[RESULT] = JSON_PARENT("result", JSON_ROOT, RESULT_STRUCTURED_CONTENT),
	[ERROR] = JSON_FIELD("error", JSON_ROOT),
	[PARAMS_NAME] = JSON_FIELD("name", PARAMS),
	[PARAMS_ARGUMENTS] = JSON_FIELD("arguments", PARAMS),
	[PARAMS_META] = JSON_PARENT("_meta", PARAMS, META_PROGRESS_TOKEN),
	[PARAMS_URI] = JSON_FIELD("uri", PARAMS),
	[PARAMS_CURSOR] = JSON_FIELD("cursor", PARAMS),
	[PARAMS_LEVEL] = JSON_FIELD("level", PARAMS),
	[PARAMS_REF] = JSON_PARENT("ref", PARAMS, REF_TYPE),
	[PARAMS_REQUEST_ID] = JSON_FIELD("requestId", PARAMS),
	[PARAMS_REASON] = JSON_FIELD("reason", PARAMS),
	[PARAMS_PROGRESS_TOKEN] = JSON_FIELD("progressToken", PARAMS),
	[PARAMS_PROTOCOL_VERSION] = JSON_FIELD("protocolVersion", PARAMS),
	[PARAMS_CAPABILITIES] = JSON_FIELD("capabilities", PARAMS),
	[PARAMS_CLIENT_INFO] = JSON_FIELD("clientInfo", PARAMS),
	[META_PROGRESS_TOKEN] = JSON_FIELD("progressToken", PARAMS_META),
	[REF_TYPE] = JSON_FIELD("type", PARAMS_REF),
	[REF_NAME] = JSON_FIELD("name", PARAMS_REF),
	[REF_URI] = JSON_FIELD("uri", PARAMS_REF),
	[RESULT_STRUCTURED_CONTENT] = JSON_FIELD("structuredContent", RESULT),
};

/* True for what may be the id of a request, or a progress token. */
static bool
is_id(struct json_span value)
{
	enum json_kind type = json_kind(value);

	return (type == JSON_STRING || type == JSON_NUMBER) &&
	    value.len <= RPC_ID_MAX;
}

static bool
is_present(struct json_span value)
{
	return value.at != NULL;
}

/* The outermost value of a text that json_scan() accepted. */
static struct json_span
outermost(const char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(" \t\r\n", *text) != NULL) {
		text++;
		len--;
	}
	return (struct json_span){ text, len };
}

/* The id of an object where it stands exactly once and is one. */
static struct json_span
only_id(struct json_span object)
{
	struct json_span key, value, id = { NULL, 0 };
	struct json_iter it;
	size_t count = 0;

	json_iter_init(&it, object);
	while (json_iter_member(&it, &key, &value)) {
		if (json_string_is(key, "id")) {
			id = value;
			count++;
		}
	}
	return count == 1 && is_id(id) ? id : (struct json_span){ NULL, 0 };
}

/*
 * Judge a text that the scan with the field table refused: not JSON at all, or
 * JSON with a member that stands twice.
 */
static void
refused(struct rpc_problem *problem, const char *text, size_t len,
    const struct json_scan *scan)
{
	struct json_span value;
	struct json_scan again;

	problem->text = scan->error;
	problem->at = scan->error_at;
	problem->code = RPC_PARSE_ERROR;
	if (json_scan(text, len, NULL, 0, NULL, &again) == -1)
		return;
	problem->code = RPC_INVALID_REQUEST;
	value = outermost(text, len);
	if (json_kind(value) == JSON_OBJECT)
		problem->id = only_id(value);
}

/* Find out what a message is.  NULL, or what is wrong with it. */
static const char *
classify(struct rpc_message *msg)
{
	if (is_present(msg->method_name)) {
		if (json_kind(msg->method_name) != JSON_STRING)
			return "method is not a string";
		if (is_present(msg->result) || is_present(msg->error))
			return "both a request and a response";
		msg->kind = RPC_NOTIFICATION;
		msg->method = mcp_method_find(msg->method_name);
		if (!is_present(msg->id))
			return NULL;
		msg->kind = RPC_REQUEST;
		return is_id(msg->id)
		    ? NULL
		    : "id is not a number or a string of reasonable length";
	}
	if (is_present(msg->result)) {
		if (is_present(msg->error))
			return "both result and error";
		msg->kind = RPC_RESULT;
		return is_id(msg->id) ? NULL : "a result without a valid id";
	}
	if (!is_present(msg->error))
		return "neither method nor result nor error";
	msg->kind = RPC_ERROR;
	if (json_kind(msg->error) != JSON_OBJECT)
		return "error is not an object";
	if (is_present(msg->id) && json_kind(msg->id) != JSON_NULL &&
	    !is_id(msg->id))
		return "an error without a valid id";
	return NULL;
}

static bool
is_version_2(struct json_span version)
{
	static const char usual[] = "\"2.0\"";

	if (version.len == sizeof(usual) - 1 &&
	    memcmp(version.at, usual, sizeof(usual) - 1) == 0)
		return true;
	return json_string_is(version, "2.0"); /* spelled with escapes */
}

/* Hand the spans out under their names. */
static void
name_spans(struct rpc_message *msg, const struct json_span *spans)
{
	msg->id = spans[ID];
	msg->method_name = spans[METHOD];
	msg->params = spans[PARAMS];
	msg->result = spans[RESULT];
	msg->error = spans[ERROR];
	msg->name = spans[PARAMS_NAME];
	msg->uri = spans[PARAMS_URI];
	msg->arguments = spans[PARAMS_ARGUMENTS];
	msg->cursor = spans[PARAMS_CURSOR];
	msg->level = spans[PARAMS_LEVEL];
	msg->ref = spans[PARAMS_REF];
	msg->request_id = spans[PARAMS_REQUEST_ID];
	msg->reason = spans[PARAMS_REASON];
	msg->progress_token = spans[PARAMS_PROGRESS_TOKEN];
	msg->protocol_version = spans[PARAMS_PROTOCOL_VERSION];
	msg->capabilities = spans[PARAMS_CAPABILITIES];
	msg->client_info = spans[PARAMS_CLIENT_INFO];
	msg->meta = spans[PARAMS_META];
	msg->meta_progress_token = spans[META_PROGRESS_TOKEN];
	msg->ref_type = spans[REF_TYPE];
	msg->ref_name = spans[REF_NAME];
	msg->ref_uri = spans[REF_URI];
	msg->structured_content = spans[RESULT_STRUCTURED_CONTENT];
}

/* The first byte of a text that json_scan() accepted and that is no space. */
static char
first_byte(const char *text)
{
	while (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')
		text++;
	return *text;
}

int
rpc_parse(struct rpc_message *msg, const char *text, size_t len,
    struct rpc_problem *problem)
{
	/* json_scan() clears it. */
	__attribute__((uninitialized)) struct json_span spans[FIELDS];
	struct json_scan scan;
	char first;

	*problem = (struct rpc_problem){ .code = RPC_INVALID_REQUEST };
	if (json_scan(text, len, fields, FIELDS, spans, &scan) == -1) {
		refused(problem, text, len, &scan);
		return -1;
	}
	if ((first = first_byte(text)) != '{') {
		problem->is_array = first == '[';
		problem->text = "not an object";
		return -1;
	}
	msg->method = MCP_UNKNOWN;
	msg->newline = scan.newline;
	msg->text = (struct json_span){ text, len };
	name_spans(msg, spans);
	if (!is_version_2(spans[JSONRPC])) {
		problem->text = "jsonrpc is not \"2.0\"";
	} else if ((problem->text = classify(msg)) != NULL) {
		/* it says all */
	} else if (is_present(msg->params) &&
	    json_kind(msg->params) != JSON_OBJECT) {
		problem->code = RPC_INVALID_PARAMS;
		problem->text = "params is not an object";
	} else {
		return 0;
	}
	if (is_id(msg->id))
		problem->id = msg->id;
	return -1;
}

static bool
is_string(struct json_span value)
{
	return json_kind(value) == JSON_STRING;
}

/* True for an absent value and for one of this type. */
static bool
may_be(struct json_span value, enum json_kind type)
{
	return !is_present(value) || json_kind(value) == type;
}

static const char *
check_name(const struct rpc_message *msg)
{
	if (!is_string(msg->name))
		return "params.name is not a string";
	if (!may_be(msg->arguments, JSON_OBJECT))
		return "params.arguments is not an object";
	return NULL;
}

static const char *
check_ref(const struct rpc_message *msg)
{
	if (json_kind(msg->ref) != JSON_OBJECT)
		return "params.ref is not an object";
	if (json_string_is(msg->ref_type, "ref/prompt"))
		return is_string(msg->ref_name)
		    ? NULL
		    : "params.ref.name is not a string";
	if (json_string_is(msg->ref_type, "ref/resource"))
		return is_string(msg->ref_uri)
		    ? NULL
		    : "params.ref.uri is not a string";
	return "params.ref.type is not \"ref/prompt\" or \"ref/resource\"";
}

static const char *
check_initialize(const struct rpc_message *msg)
{
	if (!is_string(msg->protocol_version))
		return "params.protocolVersion is not a string";
	if (!may_be(msg->capabilities, JSON_OBJECT))
		return "params.capabilities is not an object";
	if (!may_be(msg->client_info, JSON_OBJECT))
		return "params.clientInfo is not an object";
	return NULL;
}

static const char *
check_meta(const struct rpc_message *msg)
{
	if (!may_be(msg->meta, JSON_OBJECT))
		return "params._meta is not an object";
	if (is_present(msg->meta_progress_token) &&
	    !is_id(msg->meta_progress_token))
		return "params._meta.progressToken is not a number or a string of reasonable length";
	return NULL;
}

const char *
rpc_check_params(const struct rpc_message *msg)
{
	const char *wrong;

	if ((wrong = check_meta(msg)) != NULL)
		return wrong;
	switch (msg->method) {
	case MCP_INITIALIZE:
		return check_initialize(msg);
	case MCP_TOOLS_CALL:
	case MCP_PROMPTS_GET:
		return check_name(msg);
	case MCP_TOOLS_LIST:
	case MCP_RESOURCES_LIST:
	case MCP_RESOURCES_TEMPLATES_LIST:
	case MCP_PROMPTS_LIST:
		return may_be(msg->cursor, JSON_STRING)
		    ? NULL
		    : "params.cursor is not a string";
	case MCP_RESOURCES_READ:
	case MCP_RESOURCES_SUBSCRIBE:
	case MCP_RESOURCES_UNSUBSCRIBE:
		return is_string(msg->uri) ? NULL
					   : "params.uri is not a string";
	case MCP_COMPLETION_COMPLETE:
		return check_ref(msg);
	case MCP_LOGGING_SET_LEVEL:
		return mcp_level_find(msg->level) != -1
		    ? NULL
		    : "params.level is not a log level";
	case MCP_CANCELLED:
		return !is_present(msg->request_id) || is_id(msg->request_id)
		    ? NULL
		    : "params.requestId is not a request's id";
	case MCP_PROGRESS:
		return is_id(msg->progress_token)
		    ? NULL
		    : "params.progressToken is not a progress token";
	case MCP_UNKNOWN:
	case MCP_PING:
	case MCP_INITIALIZED:
	case MCP_ROOTS_LIST_CHANGED:
	case MCP_MESSAGE:
	case MCP_TOOLS_LIST_CHANGED:
	case MCP_RESOURCES_LIST_CHANGED:
	case MCP_RESOURCES_UPDATED:
	case MCP_PROMPTS_LIST_CHANGED:
	case MCP_ELICITATION_COMPLETE:
	case MCP_SAMPLING_CREATE_MESSAGE:
	case MCP_ELICITATION_CREATE:
	case MCP_ROOTS_LIST:
		return NULL;
	}
	return NULL;
}

int
rpc_add_error(struct buf *b, struct json_span id, int code, const char *text,
    struct json_span data)
{
	size_t len = strlen(text);

	if (!is_present(id))
		id = (struct json_span){ "null", 4 };
	/* All the room at first, so that a failure leaves nothing half done. */
	if (buf_reserve(
		b, ERROR_FRAME_MAX + id.len + ESCAPED_MAX * len + data.len) ==
	    NULL)
		return -1;
	if (buf_add_text(b, "{\"jsonrpc\":\"2.0\",\"id\":") == -1 ||
	    buf_add(b, id.at, id.len) == -1 ||
	    buf_add_format(b, ",\"error\":{\"code\":%d,\"message\":", code) ==
		-1 ||
	    json_add_string(b, text, len) == -1)
		return -1;
	if (is_present(data) &&
	    (buf_add_text(b, ",\"data\":") == -1 ||
		buf_add(b, data.at, data.len) == -1))
		return -1;
	return buf_add_text(b, "}}");
}
