/* verbs.c: what mcp-gatewayctl can ask for. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "proto/buf.h"
#include "proto/json.h"
#include "proto/log.h"
#include "verbs.h"
#include "verbs_status.h"

/* The longest verb and level are shorter. */
#define WORD_MAX 32

/* Without memory even for an answer that says so. */
#define NO_MEMORY                                                              \
	"{\"ok\":false,\"errors\":[{\"line\":0,\"column\":0,\"text\":\"the "   \
	"gateway is out of memory\"}]}"

/* An answer that the gateway owes. */
struct pending {
	struct verbs *verbs;
	bool used;
	bool status; /* a report is one part of the answer */
	struct control_request request;
};

struct verbs {
	struct gateway *gateway;
	struct control *control; /* NULL: there is no socket */
	struct pending pending[VERBS_PENDING_MAX];
	unsigned int owed;
	bool freed; /* goes with the last pending one */
};

/* One request, while it is looked at. */
struct asked {
	struct verbs *verbs;
	const struct control_request *request;
	uid_t uid;
	struct json_span root;
	char verb[WORD_MAX];
};

/* A string without a NUL in it, into dst; false: it is none, or too long. */
static bool
take(struct json_span value, char *dst, size_t size)
{
	ssize_t len = json_string_decode(value, dst, size);

	return len != -1 && strlen(dst) == (size_t)len;
}

/* ---- answers ---- */

/* Send what was written, unless memory ran out, and free it. */
static void
answer(struct verbs *verbs, const struct control_request *request,
    struct buf *out, bool whole)
{
	if (verbs->control != NULL && whole)
		control_answer(
		    verbs->control, request, buf_data(out), buf_len(out));
	else if (verbs->control != NULL)
		control_answer(
		    verbs->control, request, NO_MEMORY, sizeof(NO_MEMORY) - 1);
	buf_free(out);
}

static void
answer_ok(struct verbs *verbs, const struct control_request *request)
{
	struct buf out = { .mem = NULL };
	bool whole = buf_add_text(&out, "{\"ok\":true}") == 0;

	answer(verbs, request, &out, whole);
}

static bool
add_error(
    struct buf *out, unsigned int line, unsigned int column, const char *text)
{
	return buf_add_format(out, "{\"line\":%u,\"column\":%u,\"text\":", line,
		   column) == 0 &&
	    verbs_add_text(out, text) == 0 && buf_add_text(out, "}") == 0;
}

/* Refuse with a text of ours. */
static void __attribute__((format(printf, 3, 4)))
refuse_request(struct verbs *verbs, const struct control_request *request,
    const char *format, ...)
{
	struct buf out = { .mem = NULL };
	char text[512];
	va_list args;
	bool whole;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	whole = buf_add_text(&out, "{\"ok\":false,\"errors\":[") == 0 &&
	    add_error(&out, 0, 0, text) && buf_add_text(&out, "]}") == 0;
	answer(verbs, request, &out, whole);
}

static bool
add_errors(
    struct buf *out, struct verbs *verbs, const struct config_errors *errors)
{
	struct status_gateway status;

	gateway_status(verbs->gateway, &status);
	if (buf_add_text(out, "{\"ok\":false,\"config\":") == -1 ||
	    verbs_add_text(out, status.config) == -1 ||
	    buf_add_text(out, ",\"errors\":[") == -1)
		return false;
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *e = &errors->list[i];

		if ((i > 0 && buf_add_text(out, ",") == -1) ||
		    !add_error(out, e->line, e->column, e->text))
			return false;
	}
	return buf_add_text(out, "]}") == 0;
}

static bool
add_summary(struct buf *out, const char *summary)
{
	return buf_add_text(out, "{\"ok\":true,\"summary\":") == 0 &&
	    verbs_add_text(out, summary) == 0 && buf_add_text(out, "}") == 0;
}

/* ---- answers that come later ---- */

/* Note that the gateway owes an answer; NULL, and refused, when it owes too
 * many. */
static struct pending *
owe(const struct asked *asked, bool status)
{
	struct verbs *verbs = asked->verbs;

	for (size_t i = 0; i < VERBS_PENDING_MAX; i++) {
		struct pending *pending = &verbs->pending[i];

		if (pending->used)
			continue;
		*pending = (struct pending){ .verbs = verbs,
			.used = true,
			.status = status,
			.request = *asked->request };
		verbs->owed++;
		return pending;
	}
	refuse_request(verbs, asked->request,
	    "the gateway has %d questions to answer; try again later",
	    VERBS_PENDING_MAX);
	return NULL;
}

/* It came: the request that it is for, unless nobody wants it any more. */
static struct verbs *
settle(struct pending *pending, struct control_request *request)
{
	struct verbs *verbs = pending->verbs;

	*request = pending->request;
	pending->used = false;
	verbs->owed--;
	if (!verbs->freed)
		return verbs;
	if (verbs->owed == 0)
		free(verbs);
	return NULL;
}

static void
on_reloaded(void *arg, const struct config_errors *errors, const char *summary)
{
	struct buf out = { .mem = NULL };
	struct control_request request;
	struct verbs *verbs = settle(arg, &request);
	bool whole;

	if (verbs == NULL)
		return;
	if (errors != NULL && errors->count > 0)
		whole = add_errors(&out, verbs, errors);
	else
		whole = add_summary(&out, summary != NULL ? summary : "");
	answer(verbs, &request, &out, whole);
}

/* The front's words go to root's terminal: they are at least one object. */
static bool
is_report(const char *json, size_t len)
{
	struct json_scan scan;

	return json != NULL && len > 0 && *json == '{' &&
	    json_scan(json, len, NULL, 0, NULL, &scan) == 0;
}

static void
on_report(void *arg, const char *json, size_t len)
{
	struct pending *pending = arg;
	bool status = pending->status, good = is_report(json, len);
	struct buf out = { .mem = NULL };
	struct control_request request;
	struct verbs *verbs = settle(pending, &request);
	bool whole;

	if (verbs == NULL)
		return;
	if (json != NULL && !good)
		log_warning("control: the front's report is no JSON object");
	if (status) {
		whole = verbs_status(
			    &out, verbs->gateway, good ? json : NULL, len) == 0;
	} else if (good) {
		whole = buf_add_text(&out, "{\"ok\":true,\"report\":") == 0 &&
		    buf_add(&out, json, len) == 0 &&
		    buf_add_text(&out, "}") == 0;
	} else {
		refuse_request(verbs, &request,
		    "the front does not answer; it may be starting anew: try "
		    "again in some seconds, and look at \"mcp-gatewayctl "
		    "status\" and the log");
		return;
	}
	answer(verbs, &request, &out, whole);
}

/* ---- what may be asked ---- */

static void
ask_front(const struct asked *asked, struct buf *query, bool whole)
{
	struct pending *pending;

	if (!whole || buf_add(query, "", 1) == -1)
		refuse_request(asked->verbs, asked->request,
		    "the gateway is out of memory");
	else if ((pending = owe(asked, false)) != NULL)
		gateway_query(
		    asked->verbs->gateway, buf_data(query), on_report, pending);
	buf_free(query);
}

static void
verb_status(const struct asked *asked)
{
	struct pending *pending = owe(asked, true);

	if (pending != NULL)
		gateway_query(asked->verbs->gateway, "{\"what\":\"status\"}",
		    on_report, pending);
}

static void
verb_tools(const struct asked *asked)
{
	struct json_span names = json_get(asked->root, "names");
	struct buf query = { .mem = NULL };
	const char *spelling = NULL;
	bool whole;

	if (json_string_is(names, "safe"))
		spelling = "safe";
	else if (json_string_is(names, "slash"))
		spelling = "slash";
	else if (json_kind(names) != JSON_NONE &&
	    json_kind(names) != JSON_NULL) {
		refuse_request(asked->verbs, asked->request,
		    "the \"names\" of \"tools\" are \"slash\" or \"safe\"");
		return;
	}
	whole = buf_add_text(&query, "{\"what\":\"tools\",\"names\":") == 0 &&
	    verbs_add_text(&query, spelling) == 0 &&
	    buf_add_text(&query, "}") == 0;
	ask_front(asked, &query, whole);
}

/* The member is absent, null, or right. */
static bool
is_optional(struct json_span value, enum json_kind kind)
{
	return json_kind(value) == JSON_NONE || json_kind(value) == JSON_NULL ||
	    json_kind(value) == kind;
}

static void
verb_calls(const struct asked *asked)
{
	struct json_span count = json_get(asked->root, "count");
	struct json_span backend = json_get(asked->root, "backend");
	struct json_span errors = json_get(asked->root, "errors");
	struct buf query = { .mem = NULL };
	char name[CONFIG_NAME_MAX + 1] = "";
	int64_t n = VERBS_CALLS;
	bool whole;

	if ((json_kind(count) != JSON_NONE && json_integer(count, &n) == -1) ||
	    n < 1 || n > VERBS_CALLS_MAX ||
	    !is_optional(backend, JSON_STRING) ||
	    !is_optional(errors, JSON_BOOLEAN) ||
	    (json_kind(backend) == JSON_STRING &&
		!take(backend, name, sizeof(name)))) {
		refuse_request(asked->verbs, asked->request,
		    "\"calls\" wants a \"count\" from 1 to %d, a \"backend\" "
		    "and whether \"errors\" alone",
		    VERBS_CALLS_MAX);
		return;
	}
	whole =
	    buf_add_format(&query,
		"{\"what\":\"calls\",\"count\":%" PRId64 ",\"backend\":", n) ==
		0 &&
	    verbs_add_text(
		&query, json_kind(backend) == JSON_STRING ? name : NULL) == 0 &&
	    buf_add_format(&query, ",\"errors\":%s}",
		json_kind(errors) == JSON_BOOLEAN && *errors.at == 't'
		    ? "true"
		    : "false") == 0;
	ask_front(asked, &query, whole);
}

static void
verb_call(const struct asked *asked)
{
	struct json_span call = json_get(asked->root, "call");
	struct buf query = { .mem = NULL };
	char id[VERBS_CALL_ID_MAX + 1];
	bool whole;

	if (!take(call, id, sizeof(id)) || *id == '\0' ||
	    id[strspn(id, "0123456789")] != '\0') {
		refuse_request(asked->verbs, asked->request,
		    "\"call\" wants the number of a call, as \"mcp-gatewayctl "
		    "calls\" shows it");
		return;
	}
	whole = buf_add_format(
		    &query, "{\"what\":\"call\",\"call\":\"%s\"}", id) == 0;
	ask_front(asked, &query, whole);
}

/* Who changes something is noted. */
static void
note(const struct asked *asked, const char *object)
{
	log_info("control: uid %u: %s%s%s", (unsigned int)asked->uid,
	    asked->verb, *object != '\0' ? " " : "",
	    log_str(object, strlen(object)));
}

static void
verb_reload(const struct asked *asked)
{
	struct pending *pending = owe(asked, false);

	if (pending == NULL)
		return;
	note(asked, "");
	gateway_reload(asked->verbs->gateway, on_reloaded, pending);
}

static void
verb_check(const struct asked *asked)
{
	struct pending *pending = owe(asked, false);

	if (pending != NULL)
		gateway_check(asked->verbs->gateway, on_reloaded, pending);
}

static void
act(const struct asked *asked, enum gateway_act act)
{
	char name[CONFIG_NAME_MAX + 1];
	char *error = NULL;

	if (!take(json_get(asked->root, "name"), name, sizeof(name))) {
		refuse_request(asked->verbs, asked->request,
		    "\"%s\" wants the \"name\" of a backend", asked->verb);
		return;
	}
	note(asked, name);
	if (gateway_act(asked->verbs->gateway, name, act, &error) == 0)
		answer_ok(asked->verbs, asked->request);
	else
		refuse_request(asked->verbs, asked->request, "%s",
		    error != NULL ? error : "the gateway is out of memory");
	free(error);
}

static void
verb_start(const struct asked *asked)
{
	act(asked, GATEWAY_START);
}

static void
verb_stop(const struct asked *asked)
{
	act(asked, GATEWAY_STOP);
}

static void
verb_restart(const struct asked *asked)
{
	act(asked, GATEWAY_RESTART);
}

static void
verb_log(const struct asked *asked)
{
	char name[WORD_MAX];
	int level = -1;

	if (take(json_get(asked->root, "level"), name, sizeof(name)))
		level = log_level_find(name);
	if (level == -1) {
		refuse_request(asked->verbs, asked->request,
		    "\"log\" wants a \"level\": debug, info, warning, error or "
		    "critical");
		return;
	}
	note(asked, name);
	gateway_set_log_level(asked->verbs->gateway, (enum log_level)level);
	answer_ok(asked->verbs, asked->request);
}

/* ---- the socket ---- */

static const struct {
	const char *name;
	void (*serve)(const struct asked *asked);
} table[] = {
	{ "status", verb_status },
	{ "reload", verb_reload },
	{ "check", verb_check },
	{ "start", verb_start },
	{ "stop", verb_stop },
	{ "restart", verb_restart },
	{ "log", verb_log },
	{ "tools", verb_tools },
	{ "calls", verb_calls },
	{ "call", verb_call },
};

static void
on_asked(void *arg, const struct control_request *request, uid_t uid,
    const char *json, size_t len)
{
	struct asked asked = { .verbs = arg, .request = request, .uid = uid };
	const char *begin = memchr(json, '{', len); /* behind spaces */

	asked.root = (struct json_span){ begin, len - (size_t)(begin - json) };
	while (asked.root.at[asked.root.len - 1] != '}')
		asked.root.len--;
	if (take(
		json_get(asked.root, "verb"), asked.verb, sizeof(asked.verb))) {
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			if (strcmp(table[i].name, asked.verb) == 0) {
				table[i].serve(&asked);
				return;
			}
		}
	}
	refuse_request(arg, request,
	    "the gateway, version " MCPGW_VERSION ", does not know this verb; "
	    "use the mcp-gatewayctl of that version");
}

/* What the configuration says, or the default; false: there is none. */
static bool
choose(struct control_options *ret, const struct config *config, char *place,
    size_t size)
{
	*ret = (struct control_options){ .path = config->control_socket,
		.group = config->control_group,
		.mode = config->control_mode };
	if (ret->path == NULL)
		ret->path = control_default_path(place, size);
	return *ret->path != '\0';
}

struct verbs *
verbs_new(struct gateway *gateway, struct loop *loop,
    const struct config *config, char **error)
{
	struct verbs *verbs = calloc(1, sizeof(*verbs));
	struct control_options options;
	char place[256];

	*error = NULL;
	if (verbs == NULL)
		return NULL;
	verbs->gateway = gateway;
	if (!choose(&options, config, place, sizeof(place))) {
		if (config->control_socket == NULL)
			log_info("control: no socket: there is no "
				 "XDG_RUNTIME_DIR; name one in "
				 "\"control_socket\"");
		return verbs;
	}
	verbs->control = control_new(loop, &options, on_asked, verbs, error);
	if (verbs->control != NULL)
		return verbs;
	if (config->control_socket == NULL && *error != NULL) {
		log_info("control: no socket: %s", *error);
		free(*error);
		*error = NULL;
		return verbs;
	}
	free(verbs);
	return NULL;
}

void
verbs_free(struct verbs **verbs)
{
	struct verbs *old = *verbs;

	*verbs = NULL;
	if (old == NULL)
		return;
	control_free(&old->control);
	old->freed = true;
	if (old->owed == 0)
		free(old);
}
