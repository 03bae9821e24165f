#include "report.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/json.h"
#include "proto/log.h"
#include "proto/mcp.h"
#include "proto/msg.h"

#include "backends.h"
#include "calls.h"
#include "catalogue.h"
#include "front.h"
#include "guard.h"
#include "link.h"
#include "principal.h"
#include "request.h"
#include "session.h"

/* Of a description: what fits a line or two. */
#define DESCRIPTION_MAX 400U
/* Texts of a list item are decoded into this; longer ones are cut. */
#define TEXT_MAX 8192U
/* A report ends before MSG_REPORT_MAX: room for one more item. */
#define REPORT_FULL ((size_t)MSG_REPORT_MAX - 3 * TEXT_MAX)

/* A report that is being written; nothing is checked before its end. */
struct report {
	struct buf text;
	bool failed;
	bool first; /* of the list that is being written */
};

static void
add(struct report *r, const char *text)
{
	if (buf_add_text(&r->text, text) == -1)
		r->failed = true;
}

static void
add_name(struct report *r, const char *name)
{
	if (buf_add_format(&r->text, "%s\"%s\":", r->first ? "" : ",", name) ==
	    -1)
		r->failed = true;
	r->first = false;
}

static void
add_number(struct report *r, const char *name, uint64_t number)
{
	add_name(r, name);
	if (buf_add_format(&r->text, "%" PRIu64, number) == -1)
		r->failed = true;
}

/* text is NULL for null. */
static void
add_text(struct report *r, const char *name, const char *text, size_t len)
{
	add_name(r, name);
	if (text == NULL)
		add(r, "null");
	else if (json_add_string(&r->text, text, len) == -1)
		r->failed = true;
}

static void
add_words(struct report *r, const char *name, const char *text)
{
	add_text(r, name, text, text != NULL ? strlen(text) : 0);
}

static void
begin_list(struct report *r, const char *name)
{
	add_name(r, name);
	add(r, "[");
	r->first = true;
}

static void
end_list(struct report *r)
{
	add(r, "]");
	r->first = false;
}

static void
begin_item(struct report *r)
{
	add(r, r->first ? "{" : ",{");
	r->first = true;
}

static void
end_item(struct report *r)
{
	add(r, "}");
	r->first = false;
}

/* ---- status ----------------------------------------------------------- */

static void
add_backend(struct report *r, const struct link *link)
{
	const struct link_count *count = link_count(link);
	uint64_t calls = 0;

	for (size_t i = 0; i < REQUEST_END_KINDS; i++)
		calls += count->ended[i];
	begin_item(r);
	add_number(r, "number", link_number(link));
	add_number(r, "in_flight", link_in_flight(link));
	add_number(r, "calls", calls);
	add_number(r, "errors",
	    count->ended[REQUEST_BACKEND_ERROR] + count->ended[REQUEST_FAILED] +
		count->ended[REQUEST_UNSENT] + count->ended[REQUEST_LINK_LOST]);
	add_number(r, "refused", count->refused);
	end_item(r);
}

static void
add_principal(struct report *r, const struct principal *principal)
{
	begin_item(r);
	add_words(r, "name", principal->name);
	add_number(r, "sessions", principal->sessions);
	add_number(r, "in_flight", principal->in_flight);
	add_number(r, "requests", principal->requests);
	add_number(r, "refused", principal->refused);
	end_item(r);
}

static void
report_status(struct report *r, struct front *front)
{
	const struct principal *principal = NULL;

	add_number(r, "connections", guard_connections(front->guard));
	add_number(r, "sessions", sessions_count(front->sessions));
	add_number(r, "requests", requests_count(front->requests));
	begin_list(r, "backends");
	for (size_t i = 0; i < front->slots; i++) {
		if (front->links[i] != NULL)
			add_backend(r, front->links[i]);
	}
	end_list(r);
	begin_list(r, "tokens");
	while (
	    (principal = principals_next(front->principals, principal)) != NULL)
		add_principal(r, principal);
	end_list(r);
	add_number(r, "held_bytes", guard_held(front->guard));
}

/* ---- tools ------------------------------------------------------------ */

/* A member that is a string, cut; null where there is none. */
static void
add_member(
    struct report *r, struct json_span item, const char *name, size_t max)
{
	char text[TEXT_MAX];
	ssize_t len =
	    json_string_decode(json_get(item, name), text, sizeof(text));

	if (len > 0 && (size_t)len > max)
		len = (ssize_t)max;
	add_text(r, name, len >= 0 ? text : NULL, (size_t)len);
}

static void
add_tool(struct report *r, struct front *front,
    const struct catalogue_lens *lens, struct json_span item)
{
	struct catalogue_route route;
	const char *backend = NULL;

	if (catalogue_find_name(front->catalogue, lens, CATALOG_TOOLS,
		json_get(item, "name"), &route) == 0)
		backend = link_name(front->links[route.slot]);
	begin_item(r);
	add_member(r, item, "name", TEXT_MAX);
	add_words(r, "backend", backend);
	add_member(r, item, "title", DESCRIPTION_MAX);
	add_member(r, item, "description", DESCRIPTION_MAX);
	end_item(r);
}

/* The tools of a page, and the cursor of the next one, which lies in it. */
static struct json_span
add_tools(struct report *r, struct front *front,
    const struct catalogue_lens *lens, const struct catalogue_text *page)
{
	struct json_span object = { page->data, page->len };
	struct json_span tools = json_get(object, "tools"), item;
	struct json_iter it;

	json_iter_init(&it, tools);
	while (buf_len(&r->text) < REPORT_FULL && json_iter_element(&it, &item))
		add_tool(r, front, lens, item);
	return json_get(object, "nextCursor");
}

/* How names are wanted, else as on /sse. */
static enum names_spelling
spelling_of(const struct front *front, struct json_span query)
{
	struct json_span names = json_get(query, "names");

	if (json_string_is(names, "safe"))
		return NAMES_SAFE;
	if (json_string_is(names, "slash"))
		return NAMES_SLASH;
	return front->policy != NULL &&
		front->policy->names == POLICY_NAMES_SAFE
	    ? NAMES_SAFE
	    : NAMES_SLASH;
}

/* Everything: of all backends, whoever may call it. */
static void
report_tools(struct report *r, struct front *front, struct json_span query)
{
	const struct catalogue_lens all = {
		.audience = 0,
		.spelling = spelling_of(front, query),
	};
	struct json_span cursor = { NULL, 0 };
	struct catalogue_text *page, *before = NULL;

	begin_list(r, "tools");
	while (catalogue_page(
		   front->catalogue, &all, CATALOG_TOOLS, cursor, &page) == 0) {
		cursor = add_tools(r, front, &all, page);
		catalogue_text_release(before);
		before = page;
		if (cursor.at == NULL || buf_len(&r->text) >= REPORT_FULL)
			break;
	}
	end_list(r);
	catalogue_text_release(before);
}

/* ---- calls ------------------------------------------------------------ */

/* What a call that had no answer of its backend may have done. */
static const char *
outcome(const struct call *call)
{
	if (!call->done || call->end == REQUEST_ANSWERED ||
	    call->end == REQUEST_BACKEND_ERROR)
		return NULL;
	return call->end == REQUEST_UNSENT ? "not_sent" : "unknown";
}

static void
add_call(struct report *r, const struct front *front, const struct call *call)
{
	const struct link *link = backends_find(front, call->backend);
	uint64_t now = mono_ms();
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, call->number);
	begin_item(r);
	add_words(r, "call", number);
	add_number(r, "ago_ms", now - call->began_ms);
	add_number(r, "session", call->session);
	add_words(r, "token", call->token[0] != '\0' ? call->token : NULL);
	add_words(r, "backend", link != NULL ? link_name(link) : NULL);
	add_words(r, "method", mcp_method_name(call->method));
	add_text(r, "name", call->name, call->name_len);
	add_words(r, "state", call->done ? "done" : "in_flight");
	add_words(r, "end", call->done ? calls_end_name(call->end) : NULL);
	add_words(r, "outcome", outcome(call));
	add_number(
	    r, "ms", (call->done ? call->ended_ms : now) - call->began_ms);
	add_number(r, "request_bytes", call->request_len);
	add_number(r, "response_bytes", call->response_len);
	end_item(r);
}

static bool
is_wanted(
    const struct front *front, const struct call *call, struct json_span query)
{
	struct json_span backend = json_get(query, "backend");
	const struct link *link = backends_find(front, call->backend);
	bool errors = json_kind(json_get(query, "errors")) == JSON_BOOLEAN &&
	    *json_get(query, "errors").at == 't';

	if (errors && (!call->done || call->end == REQUEST_ANSWERED))
		return false;
	return json_kind(backend) != JSON_STRING ||
	    (link != NULL && json_string_is(backend, link_name(link)));
}

static void
report_calls(
    struct report *r, const struct front *front, struct json_span query)
{
	const struct call *call = NULL;
	int64_t count;

	if (json_integer(json_get(query, "count"), &count) == -1)
		count = CALLS_MAX;
	begin_list(r, "calls");
	while (count > 0 && (call = calls_before(front->calls, call)) != NULL) {
		if (is_wanted(front, call, query)) {
			add_call(r, front, call);
			count--;
		}
	}
	end_list(r);
}

static void
report_call(struct report *r, const struct front *front, struct json_span query)
{
	const struct call *call = NULL;
	char text[24] = "";
	char *end = text;
	uint64_t number = 0;

	if (json_string_decode(json_get(query, "call"), text, sizeof(text)) > 0)
		number = strtoull(text, &end, 10);
	if (*end == '\0')
		call = calls_find(front->calls, number);
	begin_list(r, "calls");
	if (call != NULL)
		add_call(r, front, call);
	end_list(r);
}

void
report_answer(struct front *front, uint64_t id, const char *json, size_t len)
{
	struct json_span query = { json, len }, what = { NULL, 0 };
	struct frame frame = { .type = MSG_REPORT, .id = id };
	struct report r = { .first = true };
	struct json_scan scan;

	if (json_scan(json, len, NULL, 0, NULL, &scan) == 0 &&
	    json_kind(query) == JSON_OBJECT)
		what = json_get(query, "what");
	add(&r, "{");
	if (json_string_is(what, "status"))
		report_status(&r, front);
	else if (json_string_is(what, "tools"))
		report_tools(&r, front, query);
	else if (json_string_is(what, "calls"))
		report_calls(&r, front, query);
	else if (json_string_is(what, "call"))
		report_call(&r, front, query);
	else
		add_words(&r, "error", "the front does not know that question");
	add(&r, "}");
	frame.length = (uint32_t)buf_len(&r.text);
	if (r.failed ||
	    chan_send(front->supervisor, &frame, buf_data(&r.text)) == -1)
		log_error("front: no room for a report");
	buf_free(&r.text);
}
