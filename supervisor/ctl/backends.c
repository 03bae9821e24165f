/* backends.c: the backends in an answer to "status". */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "backends.h"
#include "table.h"
#include "words.h"

/* How a backend is, for people. */
enum health {
	HEALTH_READY,
	HEALTH_QUIET, /* nobody wants it, or it makes way for another one */
	HEALTH_UNDER_WAY,
	HEALTH_TROUBLE, /* it failed, or is tried again */
};

struct health_words {
	const char *state;
	enum health health;
};

static const char *
text_of(struct json_object *object, const char *key)
{
	const char *text = answer_text(object, key);

	return text != NULL ? text : "";
}

/* Between two states in which it stays. */
static bool
is_under_way(struct json_object *backend)
{
	const char *state = text_of(backend, "state");

	return strcmp(state, "starting") == 0 || strcmp(state, "setup") == 0 ||
	    strcmp(state, "stopping") == 0;
}

static struct health_words
health_of(struct json_object *backend)
{
	static const struct {
		const char *theirs;
		struct health_words ours;
	} states[] = {
		{ "ready", { "ready", HEALTH_READY } },
		{ "starting", { "starting", HEALTH_UNDER_WAY } },
		{ "setup", { "starting", HEALTH_UNDER_WAY } },
		{ "stopping", { "stopping", HEALTH_UNDER_WAY } },
		{ "backoff", { "retrying", HEALTH_TROUBLE } },
		{ "failed", { "failed", HEALTH_TROUBLE } },
	};
	const char *state = text_of(backend, "state");
	const char *part = text_of(backend, "part");

	if (json_object_get_boolean(answer_get(backend, "disabled")))
		return (struct health_words){ "disabled", HEALTH_QUIET };
	if (strcmp(part, "leaving") == 0)
		return (struct health_words){ "leaving", HEALTH_QUIET };
	if (strcmp(part, "stopped") == 0)
		return (struct health_words){ "stopped", HEALTH_QUIET };
	if (strcmp(part, "standby") == 0 && strcmp(state, "ready") == 0)
		return (struct health_words){ "standby", HEALTH_UNDER_WAY };
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct health_words ours = states[i].ours;

		if (strcmp(states[i].theirs, state) != 0)
			continue;
		/* One that ends again and again is not well between. */
		if (ours.health == HEALTH_UNDER_WAY &&
		    *text_of(backend, "reason") != '\0')
			ours.health = HEALTH_TROUBLE;
		return ours;
	}
	return (struct health_words){ "down", HEALTH_QUIET };
}

static enum page_colour
colour_of(enum health health)
{
	switch (health) {
	case HEALTH_READY:
		return PAGE_GREEN;
	case HEALTH_QUIET:
		return PAGE_DIM;
	case HEALTH_UNDER_WAY:
		return PAGE_YELLOW;
	case HEALTH_TROUBLE:
		return PAGE_RED;
	}
	return PAGE_PLAIN;
}

/* What the front counts for it, or NULL. */
static struct json_object *
counts_of(struct json_object *answer, struct json_object *backend)
{
	size_t count;
	struct json_object *list =
	    answer_list(answer_get(answer, "front"), "backends", &count);
	int64_t number = answer_number(backend, "number", -1);

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (answer_number(one, "number", -2) == number)
			return one;
	}
	return NULL;
}

bool
backends_choose(struct json_object *answer, const char *name)
{
	size_t count;
	struct json_object *list = answer_list(answer, "backends", &count);
	bool found = false;

	for (size_t i = count; i-- > 0;) {
		if (strcmp(text_of(json_object_array_get_idx(list, i), "name"),
			name) == 0)
			found = true;
		else
			(void)json_object_array_del_idx(list, i, 1);
	}
	if (!found) {
		char *safe = page_safe(name);

		warnx("there is no backend \"%s\"; \"mcp-gatewayctl status\" "
		      "shows all",
		    safe);
		free(safe);
	}
	return found;
}

bool
backends_is_double(struct json_object *list, size_t i)
{
	const char *name = text_of(json_object_array_get_idx(list, i), "name");

	for (size_t j = 0; j < i; j++) {
		if (strcmp(text_of(json_object_array_get_idx(list, j), "name"),
			name) == 0)
			return true;
	}
	return false;
}

bool
backends_are_well(struct json_object *answer)
{
	size_t count;
	struct json_object *list = answer_list(answer, "backends", &count);

	for (size_t i = 0; i < count; i++) {
		if (health_of(json_object_array_get_idx(list, i)).health ==
		    HEALTH_TROUBLE)
			return false;
	}
	return true;
}

char *
backends_number(int64_t n)
{
	char *text;

	if (asprintf(&text, "%" PRId64, n) == -1)
		err(1, NULL);
	return text;
}

/* A number, or "-" where there is none. */
static char *
number_or_dash(struct json_object *object, const char *key)
{
	int64_t n = answer_number(object, key, -1);

	return n >= 0 ? backends_number(n) : page_safe("-");
}

enum column {
	COLUMN_NAME,
	COLUMN_STATE,
	COLUMN_UPTIME,
	COLUMN_TOOLS,
	COLUMN_CALLS,
	COLUMN_ERRORS,
	COLUMN_BUSY,
	COLUMN_STARTS,
	COLUMN_PROCESSES,
	COLUMN_MEMORY,
	COLUMN_PID,
	COLUMN_INSTANCES, /* the last: where none can be it is left out */
};
#define COLUMNS 12

static const struct table_column columns[COLUMNS] = {
	[COLUMN_NAME] = { "NAME", 0, false, true },
	[COLUMN_STATE] = { "STATE", 0, false, false },
	[COLUMN_UPTIME] = { "UPTIME", 3, true, false },
	[COLUMN_TOOLS] = { "TOOLS", 1, true, false },
	[COLUMN_CALLS] = { "CALLS", 2, true, false },
	[COLUMN_ERRORS] = { "ERRORS", 2, true, false },
	[COLUMN_BUSY] = { "BUSY", 4, true, false },
	[COLUMN_STARTS] = { "STARTS", 7, true, false },
	[COLUMN_PROCESSES] = { "PROCS", 6, true, false },
	[COLUMN_MEMORY] = { "MEMORY", 5, true, false },
	[COLUMN_PID] = { "WORKER", 8, true, false },
	[COLUMN_INSTANCES] = { "INSTANCES", 3, true, false },
};

/* Its clients may have instances of their own. */
static bool
is_divided(struct json_object *backend)
{
	const char *session = text_of(backend, "session");

	return *session != '\0' && strcmp(session, "shared") != 0;
}

/* How many instances it has, and how many of them are ready. */
static size_t
count_instances(struct json_object *backend, size_t *ready)
{
	size_t count;
	struct json_object *list = answer_list(backend, "instances", &count);

	*ready = 0;
	for (size_t i = 0; i < count; i++)
		*ready +=
		    strcmp(text_of(json_object_array_get_idx(list, i), "state"),
			"ready") == 0;
	return count;
}

static char *
instances_or_dash(struct json_object *backend)
{
	size_t ready;

	return is_divided(backend)
	    ? backends_number((int64_t)count_instances(backend, &ready))
	    : page_safe("-");
}

static void
add_row(struct table *table, struct json_object *answer,
    struct json_object *backend, bool divided)
{
	struct json_object *counts = counts_of(answer, backend);
	struct health_words words = health_of(backend);
	bool ready = strcmp(text_of(backend, "state"), "ready") == 0;
	char time[WORDS_MAX], memory[WORDS_MAX];
	int64_t errors = answer_number(counts, "errors", 0);
	struct table_cell cells[COLUMNS] = { 0 };

	cells[COLUMN_NAME].text = page_safe(text_of(backend, "name"));
	cells[COLUMN_STATE].text = page_safe(words.state);
	cells[COLUMN_STATE].colour = colour_of(words.health);
	words_time(time, answer_number(backend, "uptime_seconds", 0));
	cells[COLUMN_UPTIME].text = page_safe(ready ? time : "-");
	cells[COLUMN_TOOLS].text =
	    ready ? number_or_dash(backend, "tools") : page_safe("-");
	cells[COLUMN_CALLS].text = number_or_dash(counts, "calls");
	cells[COLUMN_ERRORS].text = number_or_dash(counts, "errors");
	cells[COLUMN_ERRORS].colour = errors > 0 ? PAGE_YELLOW : PAGE_PLAIN;
	cells[COLUMN_BUSY].text = number_or_dash(counts, "in_flight");
	cells[COLUMN_STARTS].text = number_or_dash(backend, "starts");
	cells[COLUMN_PROCESSES].text = number_or_dash(backend, "processes");
	words_bytes(memory, answer_number(backend, "memory_bytes", -1));
	cells[COLUMN_MEMORY].text = page_safe(
	    answer_number(backend, "memory_bytes", 0) > 0 ? memory : "-");
	cells[COLUMN_PID].text = number_or_dash(backend, "worker_pid");
	if (divided)
		cells[COLUMN_INSTANCES].text = instances_or_dash(backend);
	table_add(table, cells);
}

void
backends_put_table(struct page *page, struct json_object *answer)
{
	size_t count;
	struct json_object *list = answer_list(answer, "backends", &count);
	struct table *table;
	bool divided = false;

	for (size_t i = 0; i < count; i++)
		divided |= is_divided(json_object_array_get_idx(list, i));
	table = table_new(columns, divided ? COLUMNS : COLUMN_INSTANCES);
	for (size_t i = 0; i < count; i++)
		add_row(
		    table, answer, json_object_array_get_idx(list, i), divided);
	if (count == 0)
		page_put(page, "no backends are configured\n");
	table_put(table, page);
	table_free(&table);
}

/* "next try in 14s"; "not tried again"; "" where neither is so. */
static void
retry_text(char *dst, size_t size, struct json_object *backend)
{
	int64_t seconds = answer_number(backend, "retry_seconds", -1);
	char time[WORDS_MAX];

	*dst = '\0';
	if (health_of(backend).health != HEALTH_TROUBLE)
		return;
	if (is_under_way(backend))
		(void)strlcpy(dst, "tried again now", size);
	else if (seconds >= 0)
		(void)snprintf(
		    dst, size, "next try in %s", words_time(time, seconds));
	else
		(void)strlcpy(dst,
		    "not tried again until a reload that changes it, or "
		    "\"mcp-gatewayctl start\"",
		    size);
}

static void
put_reason(struct page *page, struct json_object *backend)
{
	char *name = page_safe(text_of(backend, "name"));
	char *reason = page_safe(text_of(backend, "reason"));
	char retry[128];
	char *text;

	retry_text(retry, sizeof(retry), backend);
	if (asprintf(&text, "%s%s%s", reason,
		*reason != '\0' && *retry != '\0' ? "; " : "", retry) == -1)
		err(1, NULL);
	page_paint(page, colour_of(health_of(backend).health), "%s", name);
	page_wrap(page, ": ", text, 2);
	free(text);
	free(reason);
	free(name);
}

void
backends_put_reasons(struct page *page, struct json_object *answer)
{
	size_t count;
	struct json_object *list = answer_list(answer, "backends", &count);
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (health_of(one).health != HEALTH_TROUBLE &&
		    (*text_of(one, "reason") == '\0' ||
			health_of(one).health == HEALTH_READY))
			continue;
		if (!any)
			page_put(page, "\n");
		any = true;
		put_reason(page, one);
	}
}

static void
put_fact(struct page *page, const char *what, const char *value)
{
	char *safe = page_safe(value);
	char head[32];

	(void)snprintf(head, sizeof(head), "  %-10s ", what);
	page_wrap(page, head, safe, 13);
	free(safe);
}

static void
put_counts(struct page *page, struct json_object *counts)
{
	char text[160], calls[WORDS_MAX], errors[WORDS_MAX];

	if (counts == NULL)
		return;
	(void)snprintf(text, sizeof(text),
	    "%s, %s, %" PRId64 " refused, %" PRId64 " in flight",
	    words_count(
		calls, answer_number(counts, "calls", 0), "call", "calls"),
	    words_count(
		errors, answer_number(counts, "errors", 0), "error", "errors"),
	    answer_number(counts, "refused", 0),
	    answer_number(counts, "in_flight", 0));
	put_fact(page, "calls", text);
}

static void
put_offer(struct page *page, struct json_object *backend)
{
	char text[160];
	char tools[WORDS_MAX], resources[WORDS_MAX], templates[WORDS_MAX],
	    prompts[WORDS_MAX];

	(void)snprintf(text, sizeof(text), "%s, %s, %s, %s",
	    words_count(
		tools, answer_number(backend, "tools", 0), "tool", "tools"),
	    words_count(resources, answer_number(backend, "resources", 0),
		"resource", "resources"),
	    words_count(templates, answer_number(backend, "templates", 0),
		"template", "templates"),
	    words_count(prompts, answer_number(backend, "prompts", 0), "prompt",
		"prompts"));
	put_fact(page, "offers", text);
	if (*text_of(backend, "server") != '\0') {
		char *both;

		if (asprintf(&both, "%s, MCP %s", text_of(backend, "server"),
			text_of(backend, "revision")) == -1)
			err(1, NULL);
		put_fact(page, "server", both);
		free(both);
	}
}

static void
put_processes(struct page *page, struct json_object *backend)
{
	int64_t worker = answer_number(backend, "worker_pid", -1);
	int64_t reaper = answer_number(backend, "reaper_pid", -1);
	int64_t job = answer_number(backend, "processes", -1);
	int64_t memory = answer_number(backend, "memory_bytes", -1);
	char text[160], starts[WORDS_MAX], processes[WORDS_MAX];
	char bytes[WORDS_MAX];

	if (worker > 0) {
		(void)snprintf(text, sizeof(text), "%" PRId64, worker);
		put_fact(page, "worker", text);
	}
	if (reaper > 0) {
		(void)snprintf(text, sizeof(text),
		    "%" PRId64 ", with a job of %s", reaper,
		    words_count(processes, job, "process", "processes"));
		put_fact(page, "reaper", text);
	}
	if (*text_of(backend, "user") != '\0')
		put_fact(page, "user", text_of(backend, "user"));
	if (memory > 0)
		put_fact(page, "memory", words_bytes(bytes, memory));
	put_fact(page, "starts",
	    words_count(starts, answer_number(backend, "starts", 0), "start",
		"starts"));
}

static void
put_instances(struct page *page, struct json_object *backend)
{
	size_t ready, count = count_instances(backend, &ready);
	char text[160], instances[WORDS_MAX];

	if (!is_divided(backend))
		return;
	(void)snprintf(text, sizeof(text), "%s (%s), %zu ready",
	    words_count(instances, (int64_t)count, "instance", "instances"),
	    text_of(backend, "session"), ready);
	put_fact(page, "clients", text);
}

static void
put_one(
    struct page *page, struct json_object *answer, struct json_object *backend)
{
	struct health_words words = health_of(backend);
	char *name = page_safe(text_of(backend, "name"));
	char time[WORDS_MAX], retry[128];

	page_paint(page, PAGE_BOLD, "%s", name);
	page_put(page, ": ");
	page_paint(page, colour_of(words.health), "%s", words.state);
	if (words.health == HEALTH_READY || words.health == HEALTH_UNDER_WAY)
		page_put(page, " for %s",
		    words_time(
			time, answer_number(backend, "uptime_seconds", 0)));
	page_put(page, "\n");
	free(name);
	if (*text_of(backend, "reason") != '\0')
		put_fact(page, "reason", text_of(backend, "reason"));
	retry_text(retry, sizeof(retry), backend);
	if (*retry != '\0')
		put_fact(page, "retry", retry);
	if (strcmp(text_of(backend, "state"), "ready") == 0)
		put_offer(page, backend);
	put_counts(page, counts_of(answer, backend));
	put_processes(page, backend);
	put_instances(page, backend);
}

void
backends_put_each(struct page *page, struct json_object *answer)
{
	size_t count;
	struct json_object *list = answer_list(answer, "backends", &count);

	for (size_t i = 0; i < count; i++)
		put_one(page, answer, json_object_array_get_idx(list, i));
}
