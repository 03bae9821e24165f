/* intake.c: what a backend says. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "asks.h"
#include "flood.h"
#include "greeting.h"
#include "health.h"
#include "intake.h"
#include "link.h"
#include "proto/jsonrpc.h"
#include "proto/log.h"
#include "proto/mcp.h"
#include "salvage.h"
#include "wishes.h"

/* What some Windows programs write first. */
#define BOM     "\xef\xbb\xbf"
#define BOM_LEN (sizeof(BOM) - 1)

struct intake {
	const char *name;
	struct intake_readers to;
	struct flood *junk;
	struct flood *messages;
	struct flood *updates;
	struct flood *completed;
	struct flood *progress;
	int64_t about; /* of the message at hand: transport.h */
	bool heard;
	struct {
		uint64_t strays;  /* responses that nobody waits for */
		uint64_t refused; /* lines that are no message */
	} counted;
};

struct intake *
intake_new(
    struct loop *loop, const char *name, const struct intake_readers *readers)
{
	struct intake *intake = calloc(1, sizeof(*intake));

	if (intake == NULL)
		return NULL;
	intake->name = name;
	intake->to = *readers;
	intake->junk =
	    flood_new(loop, name, "records of lines that are no message",
		INTAKE_JUNK_BURST, INTAKE_JUNK_PER_SECOND);
	intake->messages = flood_new(loop, name, "notifications/message",
	    INTAKE_MESSAGES_PER_SECOND, INTAKE_MESSAGES_PER_SECOND);
	intake->updates =
	    flood_new(loop, name, "notifications/resources/updated",
		INTAKE_UPDATES_PER_SECOND, INTAKE_UPDATES_PER_SECOND);
	intake->completed =
	    flood_new(loop, name, "notifications/elicitation/complete",
		INTAKE_COMPLETED_PER_SECOND, INTAKE_COMPLETED_PER_SECOND);
	intake->progress = flood_new(loop, name, "notifications/progress",
	    INTAKE_PROGRESS_PER_SECOND, INTAKE_PROGRESS_PER_SECOND);
	if (intake->junk == NULL || intake->messages == NULL ||
	    intake->updates == NULL || intake->completed == NULL ||
	    intake->progress == NULL)
		intake_free(&intake);
	return intake;
}

void
intake_free(struct intake **intake)
{
	if (*intake == NULL)
		return;
	flood_free(&(*intake)->junk);
	flood_free(&(*intake)->messages);
	flood_free(&(*intake)->updates);
	flood_free(&(*intake)->completed);
	flood_free(&(*intake)->progress);
	free(*intake);
	*intake = NULL;
}

/* An answer that had to be refused. */
static void
refuse_answer(struct intake *intake, int64_t id, const char *why)
{
	if (link_refused(intake->to.link, id, why) ||
	    greeting_refused(intake->to.greeting, id, why) ||
	    health_answered(intake->to.health, id))
		return;
	(void)wishes_refused(intake->to.wishes, id, why);
}

/* A line that is no message. */
static void
refuse(struct intake *intake, const char *text, size_t len, const char *why)
{
	int64_t id;

	intake->counted.refused++;
	if (flood_pass(intake->junk, 0))
		log_warning("backend %s: not a message (%s): %s", intake->name,
		    why, log_str(text, len));
	if (salvage_id(text, len, &id) == 0)
		refuse_answer(intake, id, why);
}

static void
on_response(struct intake *intake, const struct rpc_message *msg)
{
	int64_t id;

	if (msg->id.at != NULL && json_integer(msg->id, &id) == 0 && id > 0) {
		if (link_response(intake->to.link, id, msg->text))
			return;
		if (greeting_response(intake->to.greeting, msg, id) ||
		    health_answered(intake->to.health, id) ||
		    wishes_response(intake->to.wishes, msg, id))
			return;
	}
	intake->counted.strays++;
	log_debug("backend %s: nobody waits for its response %s", intake->name,
	    msg->id.at == NULL ? "without an id"
			       : log_str(msg->id.at, msg->id.len));
}

static void
on_progress(struct intake *intake, const struct rpc_message *msg)
{
	int64_t token;

	if (msg->progress_token.at == NULL ||
	    json_integer(msg->progress_token, &token) == -1 || token < 0)
		intake->counted.strays++;
	else if (flood_pass(intake->progress, msg->text.len) &&
	    !link_progress(intake->to.link, token, msg->text))
		intake->counted.strays++;
}

static void
on_notification(struct intake *intake, const struct rpc_message *msg)
{
	struct greeting *greeting = intake->to.greeting;

	/* The methods of all kinds of messages; most mean nothing here. */
	if (msg->method == MCP_PROGRESS) {
		on_progress(intake, msg);
	} else if (msg->method == MCP_MESSAGE) {
		if (flood_pass(intake->messages, msg->text.len))
			(void)link_event(
			    intake->to.link, intake->about, msg->text);
	} else if (msg->method == MCP_CANCELLED) {
		asks_cancelled(intake->to.asks, msg);
	} else if (msg->method == MCP_TOOLS_LIST_CHANGED) {
		greeting_list_changed(greeting, CATALOG_TOOLS);
	} else if (msg->method == MCP_RESOURCES_LIST_CHANGED) {
		greeting_list_changed(greeting, CATALOG_RESOURCES);
		greeting_list_changed(greeting, CATALOG_TEMPLATES);
	} else if (msg->method == MCP_PROMPTS_LIST_CHANGED) {
		greeting_list_changed(greeting, CATALOG_PROMPTS);
	} else if (msg->method == MCP_RESOURCES_UPDATED) {
		if (flood_pass(intake->updates, msg->text.len))
			(void)link_notify(intake->to.link, msg->text);
	} else if (msg->method == MCP_ELICITATION_COMPLETE) {
		if (flood_pass(intake->completed, msg->text.len))
			(void)link_notify(intake->to.link, msg->text);
	} else {
		log_debug("backend %s: its notification %s is ignored",
		    intake->name,
		    log_str(msg->method_name.at, msg->method_name.len));
	}
}

/* One message; false with *problem set when it is none. */
static bool
on_one(
    struct intake *intake, char *text, size_t len, struct rpc_problem *problem)
{
	/* rpc_parse() sets it, or what is wrong. */
	__attribute__((uninitialized)) struct rpc_message msg;

	if (rpc_parse(&msg, text, len, problem) == -1)
		return false;
	if (msg.newline)
		json_flatten(text, len);
	switch (msg.kind) {
	case RPC_RESULT:
	case RPC_ERROR:
		on_response(intake, &msg);
		break;
	case RPC_REQUEST:
		if (!asks_request(intake->to.asks, &msg, intake->about))
			answers_request(intake->to.answers, &msg);
		break;
	case RPC_NOTIFICATION:
		on_notification(intake, &msg);
		break;
	}
	return true;
}

/* A batch, which rpc_parse() found to be a valid array. */
static void
on_batch(struct intake *intake, char *text, size_t len)
{
	const struct mcp_revision *revision =
	    greeting_revision(intake->to.greeting);
	struct rpc_problem problem;
	struct json_span element;
	struct json_iter it;
	size_t offset = 0;

	if (revision == NULL || !revision->batches) {
		refuse(intake, text, len, "a batch");
		return;
	}
	while (text[offset] != '[') /* white space before it */
		offset++;
	while (text[len - 1] != ']')
		len--;
	json_iter_init(&it, (struct json_span){ text + offset, len - offset });
	answers_begin_batch(intake->to.answers);
	while (json_iter_element(&it, &element)) {
		offset = (size_t)(element.at - text);
		if (!on_one(intake, text + offset, element.len, &problem))
			refuse(intake, element.at, element.len, problem.text);
	}
	answers_end_batch(intake->to.answers);
}

void
intake_message(struct intake *intake, char *text, size_t len, int64_t about)
{
	struct rpc_problem problem;

	intake->heard = true;
	intake->about = about;
	if (len >= BOM_LEN && memcmp(text, BOM, BOM_LEN) == 0) {
		text += BOM_LEN;
		len -= BOM_LEN;
	}
	if (on_one(intake, text, len, &problem))
		return;
	if (problem.is_array)
		on_batch(intake, text, len);
	else
		refuse(intake, text, len, problem.text);
}

void
intake_oversize(struct intake *intake, const char *text, size_t len, bool end)
{
	static const char why[] = "longer than 64 MiB";
	int64_t id;

	intake->heard = true;
	if (!end) {
		refuse(intake, text, len, why);
		return;
	}
	log_warning(
	    "backend %s: the end of that message is reached", intake->name);
	if (salvage_id_at_end(text, len, &id) == 0)
		refuse_answer(intake, id, why);
}

bool
intake_heard(struct intake *intake)
{
	bool heard = intake->heard;

	intake->heard = false;
	return heard;
}

void
intake_report(const struct intake *intake)
{
	flood_report(intake->junk);
	flood_report(intake->messages);
	flood_report(intake->updates);
	flood_report(intake->completed);
	flood_report(intake->progress);
	if (intake->counted.strays + intake->counted.refused > 0)
		log_info("backend %s: dropped in all: %" PRIu64
			 " responses and progress that nobody waited for, "
			 "%" PRIu64 " lines that were no message",
		    intake->name, intake->counted.strays,
		    intake->counted.refused);
}
