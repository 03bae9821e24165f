/* dispatch_initialize.c: a session begins.  MCP lifecycle, "Initialization". */
#include <string.h>

#include "proto/buf.h"
#include "proto/log.h"
#include "proto/mcp.h"

#include "adapt_session.h"
#include "catalogue.h"
#include "dispatch_parts.h"
#include "front.h"
#include "link.h"
#include "lists.h"
#include "session.h"

/* Instructions of all backends together: they end up in a model's prompt. */
#define INSTRUCTIONS_MAX 16384U

static void
log_client(struct session *session, const struct rpc_message *msg)
{
	const char *who = session->principal->name;
	char name[128];
	char version[64];
	ssize_t name_len = -1;
	ssize_t version_len = -1;

	if (!session->logged)
		return;
	if (json_kind(msg->client_info) == JSON_OBJECT) {
		name_len = json_string_decode(
		    json_get(msg->client_info, "name"), name, sizeof(name));
		version_len =
		    json_string_decode(json_get(msg->client_info, "version"),
			version, sizeof(version));
	}
	log_info("session %u: opened by %s %s of %s, revision %s",
	    session->handle,
	    name_len >= 0 ? log_str(name, (size_t)name_len) : "a client",
	    version_len >= 0 ? log_str(version, (size_t)version_len) : "",
	    log_str(who, strlen(who)), session->revision->name);
}

/* What its client can be asked, of what its revision has. */
static uint8_t
read_capabilities(const struct session *session, struct json_span declared)
{
	unsigned int set = mcp_capabilities_read(declared);

	if (!session->revision->elicitation)
		set &= ~(unsigned int)MCP_CAN_ELICIT_FORM;
	if (!session->revision->elicitation_url)
		set &= ~(unsigned int)MCP_CAN_ELICIT_URL;
	return (uint8_t)set;
}

/* What stands between the quotes of a JSON string. */
static int
add_inner(struct buf *b, struct json_span string)
{
	return buf_add(b, string.at + 1, string.len - 2);
}

/* What one backend says of itself, under its name where others do, too. */
static int
add_instructions(struct buf *b, const struct link *link, bool alone)
{
	struct json_span text = link_instructions(link);
	const char *name = link_name(link);
	struct buf heading = { 0 };
	int failed = 0;

	if (text.at == NULL || buf_len(b) + text.len > INSTRUCTIONS_MAX)
		return 0;
	if (!alone) {
		failed = json_add_string(&heading, name, strlen(name)) |
		    buf_add_text(b, buf_len(b) == 0 ? "# " : "\\n\\n# ");
		if (failed == 0)
			failed = add_inner(b,
				     (struct json_span){ buf_data(&heading),
					 buf_len(&heading) }) |
			    buf_add_text(b, "\\n\\n");
		buf_free(&heading);
	}
	return failed == 0 ? add_inner(b, text) : -1;
}

/* Of all backends that the session sees and that are there by now. */
static int
collect_instructions(const struct session *session, struct buf *b)
{
	const struct catalogue_lens lens = session_lens(session);
	const struct front *front = session->front;

	for (size_t i = 0; i < front->slots; i++)
		if (front->links[i] != NULL &&
		    catalogue_sees(front->catalogue, &lens, i) &&
		    add_instructions(
			b, front->links[i], session->server != NULL) == -1)
			return -1;
	return 0;
}

static int
add_result(const struct session *session, struct buf *b)
{
	struct buf instructions = { 0 };
	int failed;

	failed = buf_add_format(b,
	    "{\"protocolVersion\":\"%s\",\"capabilities\":{"
	    "\"tools\":{\"listChanged\":true},"
	    "\"resources\":{\"subscribe\":true,\"listChanged\":true},"
	    "\"prompts\":{\"listChanged\":true},"
	    "\"logging\":{}%s},"
	    "\"serverInfo\":{\"name\":\"mcp-gateway\","
	    "\"title\":\"MCP Gateway\",\"version\":\"%s\"}",
	    session->revision->name,
	    session->revision->completions_capability ? ",\"completions\":{}"
						      : "",
	    MCPGW_VERSION);
	if (failed == 0)
		failed = collect_instructions(session, &instructions);
	if (failed == 0 && buf_len(&instructions) > 0)
		failed = buf_add_text(b, ",\"instructions\":\"") |
		    buf_add(
			b, buf_data(&instructions), buf_len(&instructions)) |
		    buf_add_text(b, "\"");
	buf_free(&instructions);
	return failed != 0 ? -1 : buf_add(b, "}", 2); /* with its NUL */
}

void
dispatch_initialize(struct stream *stream, const struct rpc_message *msg)
{
	static const struct json_span absent = { NULL, 0 };
	struct session *session = stream->session;
	struct buf result = { 0 };

	if (session->state != SESSION_OPENING) {
		stream_answer_error(stream, msg->id, RPC_INVALID_REQUEST,
		    "This session is initialized already", absent);
		return;
	}
	session->revision = mcp_revision_negotiate(msg->protocol_version);
	session->capabilities = read_capabilities(session, msg->capabilities);
	session->state = SESSION_ACTIVE;
	adapt_session_prepare(session);
	lists_begin(session);
	log_client(session, msg);
	if (add_result(session, &result) == 0)
		stream_answer_result(stream, msg->id, buf_data(&result));
	else
		stream_answer_error(stream, msg->id, RPC_INTERNAL_ERROR,
		    "The gateway has too little memory", absent);
	buf_free(&result);
}
