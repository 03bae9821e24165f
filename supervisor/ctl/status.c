/* status.c: how the gateway and its backends are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "answer.h"
#include "backends.h"
#include "commands.h"
#include "page.h"
#include "table.h"
#include "words.h"

static void
put_fact(struct page *page, const char *what, const char *value)
{
	char *safe = page_safe(value);

	page_put(page, "  ");
	page_paint(page, PAGE_DIM, "%-13s", what);
	page_put(page, "  %s\n", safe);
	free(safe);
}

static void
put_addresses(struct page *page, struct json_object *gateway)
{
	size_t count;
	struct json_object *list = answer_list(gateway, "addresses", &count);

	for (size_t i = 0; i < count; i++) {
		const char *text =
		    json_object_get_string(json_object_array_get_idx(list, i));

		put_fact(
		    page, i == 0 ? "address" : "", text != NULL ? text : "");
	}
}

static void
put_clients(struct page *page, struct json_object *front)
{
	char connections[WORDS_MAX], sessions[WORDS_MAX], calls[WORDS_MAX];

	page_put(page, "  ");
	page_paint(page, PAGE_DIM, "%-13s", "clients");
	if (front == NULL) {
		page_put(page, "  ");
		page_paint(page, PAGE_RED, "the front does not answer\n");
		return;
	}
	page_put(page, "  %s, %s, %s in flight\n",
	    words_count(connections, answer_number(front, "connections", 0),
		"connection", "connections"),
	    words_count(sessions, answer_number(front, "sessions", 0),
		"session", "sessions"),
	    words_count(
		calls, answer_number(front, "requests", 0), "call", "calls"));
}

static void
put_memory(struct page *page, struct json_object *gateway)
{
	struct json_object *memory = answer_get(gateway, "memory");
	char own[WORDS_MAX], front[WORDS_MAX], backends[WORDS_MAX];

	page_put(page, "  ");
	page_paint(page, PAGE_DIM, "%-13s", "memory");
	page_put(page, "  supervisor %s, front %s, backends %s\n",
	    words_bytes(own, answer_number(memory, "supervisor", -1)),
	    words_bytes(front, answer_number(memory, "front", -1)),
	    words_bytes(backends, answer_number(memory, "backends", -1)));
}

static void
put_head(struct page *page, struct json_object *answer)
{
	struct json_object *gateway = answer_get(answer, "gateway");
	const char *version = answer_text(gateway, "version");
	const char *state = answer_text(gateway, "state");
	const char *config = answer_text(gateway, "config");
	const char *log = answer_text(gateway, "log");
	char time[WORDS_MAX];
	char *safe = page_safe(version != NULL ? version : "");

	page_paint(page, PAGE_BOLD, "MCP Gateway %s", safe);
	free(safe);
	safe = page_safe(state != NULL ? state : "running");
	page_put(page, ": %s for %s, pid %" PRId64 "\n", safe,
	    words_time(time, answer_number(gateway, "uptime_seconds", 0)),
	    answer_number(gateway, "pid", 0));
	free(safe);
	put_addresses(page, gateway);
	put_fact(page, "configuration", config != NULL ? config : "");
	put_fact(page, "log", log != NULL ? log : "");
	put_clients(page, answer_get(answer, "front"));
	put_memory(page, gateway);
	page_put(page, "\n");
}

/* Who calls, by token; nothing to tell apart where there is one alone. */
static void
put_tokens(struct page *page, struct json_object *front)
{
	static const struct table_column columns[] = {
		{ "TOKEN", 0, false, true },
		{ "SESSIONS", 0, true, false },
		{ "BUSY", 0, true, false },
		{ "CALLS", 0, true, false },
		{ "REFUSED", 0, true, false },
	};
	static const char *const keys[] = { "sessions", "in_flight", "requests",
		"refused" };
	size_t count;
	struct json_object *list = answer_list(front, "tokens", &count);
	struct table *table;

	if (count < 2)
		return;
	table = table_new(columns, 5);
	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = answer_text(one, "name");
		struct table_cell cells[5] = { 0 };

		cells[0].text = page_safe(name != NULL ? name : "?");
		for (size_t j = 0; j < 4; j++)
			cells[j + 1].text =
			    backends_number(answer_number(one, keys[j], 0));
		table_add(table, cells);
	}
	page_put(page, "\n");
	table_put(table, page);
	table_free(&table);
}

/* The rest of the page: what is wrong, in words. */
static void
put_troubles(struct page *page, struct json_object *answer)
{
	const char *error =
	    answer_text(answer_get(answer, "gateway"), "reload_error");
	char *safe;

	backends_put_reasons(page, answer);
	if (error == NULL)
		return;
	safe = page_safe(error);
	page_put(page, "\n");
	page_paint(page, PAGE_RED, "the last reload was refused");
	page_wrap(page, ": ", safe, 2);
	free(safe);
}

static int
print_names(struct json_object *answer)
{
	size_t count;
	struct json_object *list = answer_list(answer, "backends", &count);

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = answer_text(one, "name");
		char *safe;

		/* One that is replaced has the name of the other one. */
		if (name == NULL || backends_is_double(list, i))
			continue;
		safe = page_safe(name);
		(void)puts(safe);
		free(safe);
	}
	return 0;
}

static int
print_page(const struct options *opt, struct json_object *answer)
{
	struct page page;

	page_begin(&page, STDOUT_FILENO);
	if (opt->arg_count == 0)
		put_head(&page, answer);
	if (opt->arg_count == 0)
		backends_put_table(&page, answer);
	else
		backends_put_each(&page, answer);
	if (opt->arg_count == 0) {
		put_tokens(&page, answer_get(answer, "front"));
		put_troubles(&page, answer);
	}
	return page_end(&page) == 0 ? 0 : EXIT_REFUSED;
}

/* What monitoring wants to know: is everything as it should be? */
static bool
is_well(const struct options *opt, struct json_object *answer)
{
	if (!backends_are_well(answer))
		return false;
	return opt->arg_count > 0 ||
	    (answer_get(answer, "front") != NULL &&
		answer_get(answer_get(answer, "gateway"), "reload_error") ==
		    NULL);
}

int
command_status(const struct options *opt)
{
	struct json_object *answer;
	int status =
	    answer_ask(&answer, opt, answer_request("status"), ANSWER_MS);

	if (status != 0)
		return status;
	if (opt->arg_count > 0 && !backends_choose(answer, opt->args[0]))
		status = EXIT_REFUSED;
	else if (opt->names)
		status = print_names(answer);
	else
		status =
		    opt->json ? answer_print(answer) : print_page(opt, answer);
	if (status == 0 && !opt->names && !is_well(opt, answer))
		status = EXIT_TROUBLE;
	json_object_put(answer);
	return status;
}
