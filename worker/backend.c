/* backend.c: one backend, whatever its transport. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "flood.h"
#include "greeting.h"
#include "link.h"
#include "proto/buf.h"
#include "proto/jsonrpc.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/mcp.h"
#include "proto/msg.h"
#include "salvage.h"

/* What some Windows programs write first. */
#define BOM     "\xef\xbb\xbf"
#define BOM_LEN (sizeof(BOM) - 1)

/*
 * Answers to a batch of requests go out as one array up to this size: it is
 * accepted whole by the transport, and a refusal is longer than a request.
 */
#define BATCH_ANSWERS_MAX ((size_t)256 << 10)

/* No level was asked for. */
#define LEVEL_NONE (-1)

struct backend {
	const char *name;
	const struct backend_handlers *handlers;
	void *arg;
	struct transport *transport;
	struct greeting *greeting;
	struct link *link;
	uint32_t level_id; /* of the logging/setLevel not answered, or 0 */
	int level; /* enum mcp_level that the front wants, or LEVEL_NONE */
	struct flood *junk;
	struct flood *messages;
	struct flood *progress;
	struct buf text; /* for what is composed here */
	bool in_batch;   /* answers are collected */
	struct buf answers;
	struct {
		uint64_t strays;  /* responses that nobody waits for */
		uint64_t refused; /* lines that are no message */
		uint64_t updates; /* notifications/resources/updated */
		uint64_t unsent;  /* what the transport did not take */
	} counted;
};

static int
on_send(void *arg, const char *text, size_t len)
{
	struct backend *backend = arg;
	int result;

	if (backend->transport == NULL) {
		errno = EPIPE;
		return -1;
	}
	result = backend->transport->ops->send(backend->transport, text, len);
	if (result == -1)
		backend->counted.unsent++;
	return result;
}

/* ---- what the greeting says ---- */

static void
send_level(struct backend *backend)
{
	struct buf *b = &backend->text;

	if (backend->level == LEVEL_NONE ||
	    !greeting_is_up(backend->greeting) ||
	    !greeting_has_logging(backend->greeting))
		return;
	backend->level_id = greeting_next_id(backend->greeting);
	buf_consume(b, buf_len(b));
	if (buf_add_format(b,
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRIu32
		",\"method\":\"logging/setLevel\",\"params\":{\"level\":"
		"\"%s\"}}",
		backend->level_id,
		mcp_level_name((enum mcp_level)backend->level)) == -1)
		return;
	(void)on_send(backend, buf_data(b), buf_len(b));
}

static void
on_up(void *arg)
{
	struct backend *backend = arg;

	link_up(backend->link);
	backend->handlers->ready(backend->arg);
	send_level(backend);
}

static void
on_changed(void *arg, enum catalog_kind kind)
{
	struct backend *backend = arg;

	link_publish(backend->link, kind);
	backend->handlers->ready(backend->arg);
}

static void
on_failed(void *arg, const char *why)
{
	struct backend *backend = arg;

	backend->handlers->failed(backend->arg, why);
}

static const struct greeting_handlers greeting_handlers = {
	.send = on_send,
	.up = on_up,
	.changed = on_changed,
	.failed = on_failed,
};

/* ---- what the link says ---- */

static uint64_t
on_position(void *arg)
{
	struct backend *backend = arg;

	if (backend->transport == NULL)
		return 0;
	return backend->transport->ops->position(backend->transport);
}

static bool
on_withdraw(void *arg, uint64_t position)
{
	struct backend *backend = arg;

	return backend->transport->ops->withdraw(backend->transport, position);
}

static void
on_set_reading(void *arg, bool on)
{
	struct backend *backend = arg;

	if (backend->transport != NULL)
		backend->transport->ops->set_reading(backend->transport, on);
}

static void
on_level(void *arg, enum mcp_level level)
{
	struct backend *backend = arg;

	if (backend->level == (int)level)
		return;
	backend->level = (int)level;
	send_level(backend);
}

static const struct link_handlers link_handlers = {
	.send = on_send,
	.position = on_position,
	.withdraw = on_withdraw,
	.set_reading = on_set_reading,
	.level = on_level,
};

/* ---- what the backend says ---- */

/* A line that is no message. */
static void
refuse(struct backend *backend, const char *text, size_t len, const char *why)
{
	int64_t id;

	backend->counted.refused++;
	if (flood_pass(backend->junk, 0))
		log_warning("backend %s: not a message (%s): %s", backend->name,
		    why, log_str(text, len));
	if (salvage_id(text, len, &id) == 0 &&
	    !link_refused(backend->link, id, why))
		(void)greeting_refused(backend->greeting, id, why);
}

static void
on_response(struct backend *backend, const struct rpc_message *msg)
{
	int64_t id;

	if (msg->id.at != NULL && json_integer(msg->id, &id) == 0 && id > 0) {
		if (link_response(backend->link, id, msg->text))
			return;
		if (greeting_response(backend->greeting, msg, id))
			return;
		if (id == backend->level_id) {
			backend->level_id = 0; /* whatever it says */
			return;
		}
	}
	backend->counted.strays++;
	log_debug("backend %s: nobody waits for its response %s", backend->name,
	    msg->id.at == NULL ? "without an id"
			       : log_str(msg->id.at, msg->id.len));
}

/* The answers to a batch, as far as they are collected. */
static void
send_answers(struct backend *backend)
{
	struct buf *all = &backend->answers;

	if (buf_len(all) > 0 && buf_add_text(all, "]") == 0)
		(void)on_send(backend, buf_data(all), buf_len(all));
	buf_free(all);
}

/* What is composed answers a request of the backend's. */
static void
send_answer(struct backend *backend)
{
	struct buf *b = &backend->text;
	struct buf *all = &backend->answers;

	if (!backend->in_batch) {
		(void)on_send(backend, buf_data(b), buf_len(b));
		return;
	}
	/* All the room at first: a failure shall not leave a lone comma. */
	if (buf_reserve(all, 1 + buf_len(b)) == NULL)
		return;
	(void)buf_add_text(all, buf_len(all) == 0 ? "[" : ",");
	(void)buf_add(all, buf_data(b), buf_len(b));
	if (buf_len(all) >= BATCH_ANSWERS_MAX)
		send_answers(backend);
}

static void
on_request(struct backend *backend, const struct rpc_message *msg)
{
	struct buf *b = &backend->text;
	int failed;

	buf_consume(b, buf_len(b));
	if (msg->method == MCP_PING) {
		failed = buf_add_text(b, "{\"jsonrpc\":\"2.0\",\"id\":") |
		    buf_add(b, msg->id.at, msg->id.len) |
		    buf_add_text(b, ",\"result\":{}}");
	} else {
		log_debug("backend %s: its request %s is refused",
		    backend->name,
		    log_str(msg->method_name.at, msg->method_name.len));
		failed = rpc_add_error(b, msg->id, RPC_METHOD_NOT_FOUND,
		    "The gateway declared no such capability",
		    (struct json_span){ NULL, 0 });
	}
	if (failed == 0)
		send_answer(backend);
}

static void
on_progress(struct backend *backend, const struct rpc_message *msg)
{
	int64_t token;

	if (msg->progress_token.at == NULL ||
	    json_integer(msg->progress_token, &token) == -1 || token < 0)
		backend->counted.strays++;
	else if (flood_pass(backend->progress, msg->text.len) &&
	    !link_progress(backend->link, token, msg->text))
		backend->counted.strays++;
}

static void
on_notification(struct backend *backend, const struct rpc_message *msg)
{
	struct greeting *greeting = backend->greeting;

	/* The methods of all kinds of messages; most mean nothing here. */
	if (msg->method == MCP_PROGRESS) {
		on_progress(backend, msg);
	} else if (msg->method == MCP_MESSAGE) {
		if (flood_pass(backend->messages, msg->text.len))
			(void)link_notify(backend->link, msg->text);
	} else if (msg->method == MCP_TOOLS_LIST_CHANGED) {
		greeting_list_changed(greeting, CATALOG_TOOLS);
	} else if (msg->method == MCP_RESOURCES_LIST_CHANGED) {
		greeting_list_changed(greeting, CATALOG_RESOURCES);
		greeting_list_changed(greeting, CATALOG_TEMPLATES);
	} else if (msg->method == MCP_PROMPTS_LIST_CHANGED) {
		greeting_list_changed(greeting, CATALOG_PROMPTS);
	} else if (msg->method == MCP_RESOURCES_UPDATED) {
		backend->counted.updates++; /* nobody subscribes */
	} else {
		log_debug("backend %s: its notification %s is ignored",
		    backend->name,
		    log_str(msg->method_name.at, msg->method_name.len));
	}
}

/* One message; false with *problem set when it is none. */
static bool
on_one(struct backend *backend, char *text, size_t len,
    struct rpc_problem *problem)
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
		on_response(backend, &msg);
		break;
	case RPC_REQUEST:
		on_request(backend, &msg);
		break;
	case RPC_NOTIFICATION:
		on_notification(backend, &msg);
		break;
	}
	return true;
}

/* A batch, which rpc_parse() found to be a valid array. */
static void
on_batch(struct backend *backend, char *text, size_t len)
{
	const struct mcp_revision *revision =
	    greeting_revision(backend->greeting);
	struct rpc_problem problem;
	struct json_span element;
	struct json_iter it;
	size_t offset = 0;

	if (revision == NULL || !revision->batches) {
		refuse(backend, text, len, "a batch");
		return;
	}
	while (text[offset] != '[') /* white space before it */
		offset++;
	while (text[len - 1] != ']')
		len--;
	json_iter_init(&it, (struct json_span){ text + offset, len - offset });
	backend->in_batch = true;
	while (json_iter_element(&it, &element)) {
		offset = (size_t)(element.at - text);
		if (!on_one(backend, text + offset, element.len, &problem))
			refuse(backend, element.at, element.len, problem.text);
	}
	backend->in_batch = false;
	send_answers(backend);
}

static void
on_message(void *arg, char *text, size_t len)
{
	struct backend *backend = arg;
	struct rpc_problem problem;

	if (len >= BOM_LEN && memcmp(text, BOM, BOM_LEN) == 0) {
		text += BOM_LEN;
		len -= BOM_LEN;
	}
	if (on_one(backend, text, len, &problem))
		return;
	if (problem.is_array)
		on_batch(backend, text, len);
	else
		refuse(backend, text, len, problem.text);
}

static void
on_oversize(void *arg, const char *text, size_t len, bool end)
{
	static const char why[] = "longer than 64 MiB";
	struct backend *backend = arg;
	int64_t id;

	if (!end) {
		refuse(backend, text, len, why);
		return;
	}
	log_warning(
	    "backend %s: the end of that message is reached", backend->name);
	if (salvage_id_at_end(text, len, &id) == 0 &&
	    !link_refused(backend->link, id, why))
		(void)greeting_refused(backend->greeting, id, why);
}

static void
on_lost(void *arg, const char *why)
{
	struct backend *backend = arg;

	link_down(backend->link);
	backend->handlers->lost(backend->arg, why);
}

const struct transport_events backend_transport_events = {
	.message = on_message,
	.oversize = on_oversize,
	.lost = on_lost,
};

/* ---- the backend itself ---- */

struct backend *
backend_new(struct loop *loop, const char *name, uint32_t timeout_ms,
    const struct backend_handlers *handlers, void *arg)
{
	struct backend *backend = calloc(1, sizeof(*backend));

	if (backend == NULL)
		return NULL;
	backend->name = name;
	backend->handlers = handlers;
	backend->arg = arg;
	backend->level = LEVEL_NONE;
	backend->junk =
	    flood_new(loop, name, "records of lines that are no message",
		BACKEND_JUNK_BURST, BACKEND_JUNK_PER_SECOND);
	backend->messages = flood_new(loop, name, "notifications/message",
	    BACKEND_MESSAGES_PER_SECOND, BACKEND_MESSAGES_PER_SECOND);
	backend->progress = flood_new(loop, name, "notifications/progress",
	    BACKEND_PROGRESS_PER_SECOND, BACKEND_PROGRESS_PER_SECOND);
	backend->greeting =
	    greeting_new(loop, name, timeout_ms, &greeting_handlers, backend);
	if (backend->greeting != NULL)
		backend->link = link_new(loop, name, timeout_ms,
		    backend->greeting, &link_handlers, backend);
	if (backend->junk == NULL || backend->messages == NULL ||
	    backend->progress == NULL || backend->link == NULL)
		backend_free(&backend);
	return backend;
}

void
backend_free(struct backend **backend)
{
	struct backend *b = *backend;

	if (b == NULL)
		return;
	if (b->transport != NULL)
		b->transport->ops->free(b->transport);
	link_free(&b->link);
	greeting_free(&b->greeting);
	flood_free(&b->junk);
	flood_free(&b->messages);
	flood_free(&b->progress);
	buf_free(&b->text);
	buf_free(&b->answers);
	free(b);
	*backend = NULL;
}

void
backend_start(struct backend *backend, struct transport *transport)
{
	backend->transport = transport;
	greeting_start(backend->greeting);
}

int
backend_link(struct backend *backend, int *fd, uint32_t generation)
{
	return link_open(backend->link, fd, generation);
}

int
backend_add_ready(const struct backend *backend, struct buf *b)
{
	return greeting_add_ready(backend->greeting, b);
}

void
backend_report(const struct backend *backend)
{
	flood_report(backend->junk);
	flood_report(backend->messages);
	flood_report(backend->progress);
	if (backend->counted.strays + backend->counted.refused +
		backend->counted.unsent ==
	    0)
		return;
	log_info("backend %s: dropped in all: %" PRIu64
		 " responses and progress that nobody waited for, %" PRIu64
		 " lines that were no message, %" PRIu64
		 " messages that it did not take",
	    backend->name, backend->counted.strays, backend->counted.refused,
	    backend->counted.unsent);
}

bool
backend_flush_link(struct backend *backend)
{
	return link_flush(backend->link);
}
