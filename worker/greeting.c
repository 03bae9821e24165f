/* greeting.c: initialize, notifications/initialized, and the lists. */
#include <event2/event.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "greeting.h"
#include "proto/clock.h"
#include "proto/log.h"
#include "proto/loop.h"

/* Of serverInfo's name and version this much is told to the supervisor. */
#define SERVER_NAME_MAX 128

enum greeting_state {
	GREETING_IDLE,
	GREETING_INITIALIZING, /* initialize was sent */
	GREETING_LISTING,      /* initialized was sent, lists are awaited */
	GREETING_UP,
	GREETING_FAILED,
};

struct greeting {
	enum greeting_state state;
	const char *name;
	const struct greeting_handlers *handlers;
	void *arg;
	struct lists *lists;
	const struct mcp_revision *revision;
	bool logging;
	uint32_t initialize_id; /* 0 when it is answered */
	struct buf result;
	unsigned int capabilities; /* that are declared */
	uint32_t startup_timeout_ms;
	struct event *patience;  /* with a renewal that is not over */
	uint64_t renewals_since; /* the first of those that are counted */
	unsigned int renewals;
};

static const char *const state_names[] = {
	[GREETING_IDLE] = "idle",
	[GREETING_INITIALIZING] = "initializing",
	[GREETING_LISTING] = "listing",
	[GREETING_UP] = "up",
	[GREETING_FAILED] = "failed",
};

/* The only place that writes greeting->state. */
static void
greeting_transition(
    struct greeting *greeting, enum greeting_state to, const char *why)
{
	static const unsigned int may_become[] = {
		[GREETING_IDLE] = 1U << GREETING_INITIALIZING,
		[GREETING_INITIALIZING] = 1U << GREETING_INITIALIZING |
		    1U << GREETING_LISTING | 1U << GREETING_FAILED,
		[GREETING_LISTING] = 1U << GREETING_UP |
		    1U << GREETING_INITIALIZING | 1U << GREETING_FAILED,
		[GREETING_UP] =
		    1U << GREETING_INITIALIZING | 1U << GREETING_FAILED,
		[GREETING_FAILED] = 0,
	};

	assert(may_become[greeting->state] & 1U << to);
	log_debug("backend %s: %s -> %s (%s)", greeting->name,
	    state_names[greeting->state], state_names[to], why);
	greeting->state = to;
}

static void
fail(struct greeting *greeting, const char *why)
{
	greeting_transition(greeting, GREETING_FAILED, why);
	event_del(greeting->patience);
	lists_stop(greeting->lists);
	greeting->handlers->failed(greeting->arg, why);
}

static int
on_send(void *arg, const char *text, size_t len, int64_t id)
{
	struct greeting *greeting = arg;

	return greeting->handlers->send(greeting->arg, text, len, id);
}

static uint32_t
on_next_id(void *arg)
{
	struct greeting *greeting = arg;

	return greeting->handlers->next_id(greeting->arg);
}

static void
on_changed(void *arg, enum catalog_kind kind)
{
	struct greeting *greeting = arg;

	greeting->handlers->changed(greeting->arg, kind);
}

static void
on_complete(void *arg, unsigned int kinds)
{
	struct greeting *greeting = arg;

	greeting_transition(greeting, GREETING_UP, "all lists are known");
	event_del(greeting->patience);
	greeting->handlers->up(greeting->arg, kinds);
}

static const struct lists_handlers lists_handlers = {
	.send = on_send,
	.next_id = on_next_id,
	.changed = on_changed,
	.complete = on_complete,
};

static void
on_patience_lost(evutil_socket_t fd, short what, void *arg)
{
	struct greeting *greeting = arg;
	char why[128];

	(void)fd;
	(void)what;
	(void)snprintf(why, sizeof(why),
	    "forgot its session and did not begin another within %g s",
	    greeting->startup_timeout_ms / 1000.0);
	fail(greeting, why);
}

struct greeting *
greeting_new(struct loop *loop, const char *name, uint32_t request_timeout_ms,
    uint32_t startup_timeout_ms, unsigned int capabilities,
    const struct greeting_handlers *handlers, void *arg)
{
	struct greeting *greeting = calloc(1, sizeof(*greeting));

	if (greeting == NULL)
		return NULL;
	greeting->name = name;
	greeting->handlers = handlers;
	greeting->arg = arg;
	greeting->lists = lists_new(
	    loop, name, request_timeout_ms, &lists_handlers, greeting);
	greeting->startup_timeout_ms = startup_timeout_ms;
	greeting->capabilities = capabilities;
	greeting->patience =
	    evtimer_new(loop_base(loop), on_patience_lost, greeting);
	if (greeting->lists == NULL || greeting->patience == NULL)
		greeting_free(&greeting);
	return greeting;
}

void
greeting_free(struct greeting **greeting)
{
	if (*greeting == NULL)
		return;
	lists_free(&(*greeting)->lists);
	if ((*greeting)->patience != NULL)
		event_free((*greeting)->patience);
	buf_free(&(*greeting)->result);
	free(*greeting);
	*greeting = NULL;
}

static void
initialize(struct greeting *greeting, const char *why)
{
	struct buf b = { 0 };

	greeting->initialize_id = greeting->handlers->next_id(greeting->arg);
	greeting_transition(greeting, GREETING_INITIALIZING, why);
	if (buf_add_format(&b,
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRIu32
		",\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"%s\",\"capabilities\":",
		greeting->initialize_id,
		mcp_revision_latest_legacy()->name) == -1 ||
	    mcp_capabilities_add(&b, greeting->capabilities) == -1 ||
	    buf_add_text(&b,
		",\"clientInfo\":{\"name\":\"mcp-gateway\","
		"\"version\":\"" MCPGW_VERSION "\"}}}") == -1 ||
	    greeting->handlers->send(greeting->arg, buf_data(&b), buf_len(&b),
		greeting->initialize_id) == -1)
		fail(greeting, "could not be sent initialize");
	buf_free(&b);
}

void
greeting_start(struct greeting *greeting)
{
	initialize(greeting, "started");
}

/* Count one more; true when there were too many within a short time. */
static bool
is_forgetful(struct greeting *greeting)
{
	uint64_t now = mono_ms();

	if (greeting->renewals == 0 ||
	    now - greeting->renewals_since > GREETING_RENEWALS_MS) {
		greeting->renewals = 0;
		greeting->renewals_since = now;
	}
	return ++greeting->renewals > GREETING_RENEWALS_MAX;
}

void
greeting_restart(struct greeting *greeting)
{
	const struct timeval tv = { greeting->startup_timeout_ms / 1000,
		(suseconds_t)(greeting->startup_timeout_ms % 1000) * 1000 };

	if (greeting->state == GREETING_IDLE ||
	    greeting->state == GREETING_FAILED)
		return;
	if (is_forgetful(greeting)) {
		fail(greeting, "forgets its sessions again and again");
		return;
	}
	/* From the first one on, however often it is forgotten again. */
	if (!event_pending(greeting->patience, EV_TIMEOUT, NULL))
		event_add(greeting->patience, &tv);
	lists_stop(greeting->lists);
	initialize(greeting, "its session was forgotten");
}

/* What the backend declares, as a set of 1U << enum catalog_kind. */
static unsigned int
declared(struct greeting *greeting, struct json_span capabilities)
{
	unsigned int kinds = 0;

	greeting->logging = false;
	if (json_kind(capabilities) != JSON_OBJECT) {
		log_warning("backend %s: its answer to initialize has no "
			    "capabilities",
		    greeting->name);
	} else {
		if (json_kind(json_get(capabilities, "tools")) == JSON_OBJECT)
			kinds |= 1U << CATALOG_TOOLS;
		if (json_kind(json_get(capabilities, "resources")) ==
		    JSON_OBJECT)
			kinds |=
			    1U << CATALOG_RESOURCES | 1U << CATALOG_TEMPLATES;
		if (json_kind(json_get(capabilities, "prompts")) == JSON_OBJECT)
			kinds |= 1U << CATALOG_PROMPTS;
		greeting->logging =
		    json_kind(json_get(capabilities, "logging")) == JSON_OBJECT;
	}
	/* Small servers declare nothing and have tools all the same. */
	return kinds != 0 ? kinds : 1U << CATALOG_TOOLS;
}

/* The revision that the backend chose, or NULL with a reason. */
static const struct mcp_revision *
chosen(struct json_span version, char *why, size_t cap)
{
	const struct mcp_revision *revision = NULL;
	char name[32];
	ssize_t n = json_string_decode(version, name, sizeof(name));

	if (n > 0)
		revision = mcp_revision_find(name, (size_t)n);
	if (revision != NULL && revision->legacy)
		return revision;
	if (version.at == NULL)
		(void)snprintf(
		    why, cap, "answered initialize without a protocolVersion");
	else
		(void)snprintf(why, cap,
		    "answered initialize with the protocol version %s, which "
		    "the gateway does not speak",
		    log_str(version.at, version.len));
	return NULL;
}

static void
on_initialized(struct greeting *greeting, struct json_span result)
{
	static const char initialized[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";
	const struct mcp_revision *revision;
	char why[512] = "";

	greeting->initialize_id = 0;
	if (json_kind(result) != JSON_OBJECT) {
		fail(greeting,
		    "answered initialize with something that is not "
		    "an object");
		return;
	}
	revision =
	    chosen(json_get(result, "protocolVersion"), why, sizeof(why));
	if (revision == NULL) {
		fail(greeting, why);
		return;
	}
	greeting->revision = revision;
	greeting->handlers->agreed(greeting->arg, revision);
	buf_consume(&greeting->result, buf_len(&greeting->result));
	if (buf_add(&greeting->result, result.at, result.len) == -1 ||
	    greeting->handlers->send(
		greeting->arg, initialized, sizeof(initialized) - 1, 0) == -1) {
		fail(greeting, "could not be sent notifications/initialized");
		return;
	}
	greeting_transition(
	    greeting, GREETING_LISTING, greeting->revision->name);
	lists_start(greeting->lists,
	    declared(greeting, json_get(result, "capabilities")));
}

static bool
awaits_initialize(const struct greeting *greeting, int64_t id)
{
	return greeting->state == GREETING_INITIALIZING &&
	    greeting->initialize_id == id;
}

bool
greeting_response(
    struct greeting *greeting, const struct rpc_message *msg, int64_t id)
{
	char why[512];

	if (!awaits_initialize(greeting, id))
		return lists_response(greeting->lists, msg, id);
	if (msg->kind == RPC_RESULT) {
		on_initialized(greeting, msg->result);
		return true;
	}
	(void)snprintf(why, sizeof(why), "refused initialize: %s",
	    log_str(msg->error.at, msg->error.len));
	fail(greeting, why);
	return true;
}

bool
greeting_refused(struct greeting *greeting, int64_t id, const char *why)
{
	char text[256];

	if (!awaits_initialize(greeting, id))
		return lists_failed(greeting->lists, id, why);
	(void)snprintf(text, sizeof(text),
	    "answered initialize with a message that is not valid: %s", why);
	fail(greeting, text);
	return true;
}

bool
greeting_failed(struct greeting *greeting, int64_t id, const char *why)
{
	char text[512];

	if (awaits_initialize(greeting, id)) {
		fail(greeting, why);
		return true;
	}
	(void)snprintf(text, sizeof(text), "it %s", why);
	return lists_failed(greeting->lists, id, text);
}

bool
greeting_awaits(const struct greeting *greeting, int64_t id)
{
	return awaits_initialize(greeting, id) ||
	    lists_await(greeting->lists, id);
}

bool
greeting_is_busy(const struct greeting *greeting)
{
	return greeting->state == GREETING_INITIALIZING ||
	    lists_busy(greeting->lists);
}

void
greeting_list_changed(struct greeting *greeting, enum catalog_kind kind)
{
	lists_changed(greeting->lists, kind);
}

bool
greeting_is_begun(const struct greeting *greeting)
{
	return greeting->state == GREETING_LISTING ||
	    greeting->state == GREETING_UP;
}

bool
greeting_is_up(const struct greeting *greeting)
{
	return greeting->state == GREETING_UP;
}

const struct mcp_revision *
greeting_revision(const struct greeting *greeting)
{
	return greeting->revision;
}

bool
greeting_has_logging(const struct greeting *greeting)
{
	return greeting->logging;
}

struct json_span
greeting_result(const struct greeting *greeting)
{
	return (struct json_span){ buf_data(&greeting->result),
		buf_len(&greeting->result) };
}

struct json_span
greeting_items(const struct greeting *greeting, enum catalog_kind kind)
{
	return lists_items(greeting->lists, kind);
}

/* Append what a member of serverInfo says; one that is too long is left out. */
static void
add_word(char *text, size_t cap, struct json_span value)
{
	char word[SERVER_NAME_MAX];

	if (json_string_decode(value, word, sizeof(word)) <= 0)
		return;
	if (text[0] != '\0')
		(void)strlcat(text, " ", cap);
	(void)strlcat(text, word, cap);
}

int
greeting_add_ready(const struct greeting *greeting, struct buf *b)
{
	const struct lists *lists = greeting->lists;
	char server[2 * SERVER_NAME_MAX] = "";
	struct json_span info;

	info = json_get(greeting_result(greeting), "serverInfo");
	add_word(server, sizeof(server), json_get(info, "name"));
	add_word(server, sizeof(server), json_get(info, "version"));
	if (buf_add_format(b, "{\"revision\":\"%s\",\"server\":",
		greeting->revision->name) == -1 ||
	    json_add_string(b, server, strlen(server)) == -1)
		return -1;
	return buf_add_format(b,
	    ",\"tools\":%zu,\"resources\":%zu,\"templates\":%zu,"
	    "\"prompts\":%zu}",
	    lists_count(lists, CATALOG_TOOLS),
	    lists_count(lists, CATALOG_RESOURCES),
	    lists_count(lists, CATALOG_TEMPLATES),
	    lists_count(lists, CATALOG_PROMPTS));
}
