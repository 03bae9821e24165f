/* calls.c: the latest calls, and what became of one. */
#include <err.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "answer.h"
#include "backends.h"
#include "calls.h"
#include "commands.h"
#include "page.h"
#include "table.h"
#include "words.h"

static const struct calls_end ends[] = {
	{ "answered", true, "was answered by the backend" },
	{ "backend error", false,
	    "was answered by the backend with an error of its own" },
	{ "failed", false,
	    "failed: the backend took too long, refused it, or gave an answer "
	    "that made no sense" },
	{ "not sent", false,
	    "was not sent: the backend has too much to do already" },
	{ "cancelled", false, "was cancelled by its client" },
	{ "client gone", false,
	    "was given up, because the session of its client ended first" },
	{ "backend lost", false,
	    "was lost: the backend or its worker ended before it had "
	    "answered" },
};

static const struct {
	const char *name;
	const char *text;
} outcomes[] = {
	{ "not_sent",
	    "the backend never had it, so nothing was done: it can be made "
	    "again safely" },
	{ "refused",
	    "the backend refused it and did not run it: correct the call, or "
	    "what the backend wants of it (its log says more)" },
	{ "unknown",
	    "the backend may have done all, a part or nothing of it: look "
	    "there before it is made again, unless twice does no harm" },
};

const struct calls_end *
calls_end_find(const char *name)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (strcmp(ends[i].name, name) == 0)
			return &ends[i];
	}
	return NULL;
}

const char *
calls_outcome_text(const char *outcome)
{
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		if (strcmp(outcomes[i].name, outcome) == 0)
			return outcomes[i].text;
	}
	return NULL;
}

static const char *
text_of(struct json_object *object, const char *key, const char *fallback)
{
	const char *text = answer_text(object, key);

	return text != NULL && *text != '\0' ? text : fallback;
}

static bool
is_in_flight(struct json_object *call)
{
	return strcmp(text_of(call, "state", ""), "in_flight") == 0;
}

static bool
is_good(struct json_object *call)
{
	const struct calls_end *end = calls_end_find(text_of(call, "end", ""));

	return end != NULL && end->good && answer_text(call, "outcome") == NULL;
}

/* ---- the list ---- */

enum column {
	COLUMN_CALL,
	COLUMN_AGO,
	COLUMN_TOKEN,
	COLUMN_SESSION,
	COLUMN_BACKEND,
	COLUMN_METHOD,
	COLUMN_NAME,
	COLUMN_TIME,
	COLUMN_IN,
	COLUMN_OUT,
	COLUMN_END,
};
#define COLUMNS 11

static const struct table_column columns[COLUMNS] = {
	[COLUMN_CALL] = { "CALL", 0, true, false },
	[COLUMN_AGO] = { "AGO", 4, true, false },
	[COLUMN_TOKEN] = { "TOKEN", 6, false, false },
	[COLUMN_SESSION] = { "SESSION", 8, true, false },
	[COLUMN_BACKEND] = { "BACKEND", 1, false, false },
	[COLUMN_METHOD] = { "METHOD", 5, false, false },
	[COLUMN_NAME] = { "NAME", 0, false, true },
	[COLUMN_TIME] = { "TIME", 2, true, false },
	[COLUMN_IN] = { "SENT", 7, true, false },
	[COLUMN_OUT] = { "GOT", 7, true, false },
	[COLUMN_END] = { "END", 0, false, false },
};

/* "answered", "failed (not_sent)", "in flight" */
static char *
end_words(struct json_object *call)
{
	const char *outcome = answer_text(call, "outcome");
	char *text, *safe;

	if (is_in_flight(call))
		return page_safe("in flight");
	if (asprintf(&text, outcome != NULL ? "%s (%s)" : "%s",
		text_of(call, "end", "?"), outcome) == -1)
		err(EXIT_REFUSED, NULL);
	safe = page_safe(text);
	free(text);
	return safe;
}

static void
add_row(struct table *table, struct json_object *call)
{
	char ago[WORDS_MAX], time[WORDS_MAX], in[WORDS_MAX], out[WORDS_MAX];
	struct table_cell cells[COLUMNS] = { 0 };

	words_time(ago, answer_number(call, "ago_ms", 0) / 1000);
	words_ms(time, answer_number(call, "ms", 0));
	words_bytes(in, answer_number(call, "request_bytes", -1));
	words_bytes(out, answer_number(call, "response_bytes", -1));
	cells[COLUMN_CALL].text = page_safe(text_of(call, "call", "?"));
	cells[COLUMN_AGO].text = page_safe(ago);
	cells[COLUMN_TOKEN].text = page_safe(text_of(call, "token", "-"));
	cells[COLUMN_SESSION].text =
	    backends_number(answer_number(call, "session", 0));
	cells[COLUMN_BACKEND].text = page_safe(text_of(call, "backend", "-"));
	cells[COLUMN_METHOD].text = page_safe(text_of(call, "method", "-"));
	cells[COLUMN_NAME].text = page_safe(text_of(call, "name", "-"));
	cells[COLUMN_TIME].text = page_safe(time);
	cells[COLUMN_IN].text = page_safe(in);
	cells[COLUMN_OUT].text = page_safe(is_in_flight(call) ? "-" : out);
	cells[COLUMN_END].text = end_words(call);
	cells[COLUMN_END].colour = is_in_flight(call) ? PAGE_YELLOW
	    : is_good(call)                           ? PAGE_GREEN
						      : PAGE_RED;
	table_add(table, cells);
}

static int
print_table(struct json_object *list, size_t count)
{
	struct table *table = table_new(columns, COLUMNS);
	struct page page;

	for (size_t i = 0; i < count; i++)
		add_row(table, json_object_array_get_idx(list, i));
	page_begin(&page, STDOUT_FILENO);
	if (count == 0)
		page_put(&page, "no calls\n");
	table_put(table, &page);
	table_free(&table);
	return page_end(&page) == 0 ? 0 : EXIT_REFUSED;
}

static void
add(struct json_object *request, const char *key, struct json_object *value)
{
	if (value == NULL || json_object_object_add(request, key, value) == -1)
		err(EXIT_REFUSED, NULL);
}

int
command_calls(const struct options *opt)
{
	struct json_object *request = answer_request("calls");
	struct json_object *answer, *report, *list;
	size_t count;
	int status;

	if (opt->count > 0)
		add(request, "count", json_object_new_int64(opt->count));
	if (opt->backend != NULL)
		add(request, "backend", json_object_new_string(opt->backend));
	if (opt->errors)
		add(request, "errors", json_object_new_boolean(1));
	status = answer_ask_front(&answer, &report, opt, request);
	if (status != 0)
		return status;
	list = answer_list(report, "calls", &count);
	status = opt->json ? answer_print(report) : print_table(list, count);
	json_object_put(answer);
	return status;
}

/* ---- one call ---- */

/* Put a sentence, whose words were escaped. */
static void __attribute__((format(printf, 2, 3)))
say(struct page *page, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) == -1)
		err(EXIT_REFUSED, NULL);
	va_end(args);
	page_wrap(page, "", text, 0);
	free(text);
}

/* Who asked, when, for what, and where it went. */
static void
say_question(struct page *page, struct json_object *call)
{
	char *id = page_safe(text_of(call, "call", "?"));
	char *method = page_safe(text_of(call, "method", "a request"));
	char *name = page_safe(text_of(call, "name", ""));
	char *backend = page_safe(text_of(call, "backend", "?"));
	char *token = page_safe(text_of(call, "token", ""));
	char ago[WORDS_MAX], bytes[WORDS_MAX];

	say(page,
	    "Call %s: %s ago, session %" PRId64 " %s%s%s asked for %s%s%s%s.",
	    id, words_time(ago, answer_number(call, "ago_ms", 0) / 1000),
	    answer_number(call, "session", 0),
	    *token != '\0' ? "(token \"" : "without a token", token,
	    *token != '\0' ? "\")" : "", method, *name != '\0' ? " \"" : "",
	    name, *name != '\0' ? "\"" : "");
	say(page, "It is for backend \"%s\", in a request of %s.", backend,
	    words_bytes(bytes, answer_number(call, "request_bytes", 0)));
	free(id);
	free(method);
	free(name);
	free(backend);
	free(token);
}

static void
say_end(struct page *page, struct json_object *call)
{
	const char *word = text_of(call, "end", "?");
	const struct calls_end *end = calls_end_find(word);
	char time[WORDS_MAX], bytes[WORDS_MAX];
	char *safe = page_safe(word);

	words_ms(time, answer_number(call, "ms", 0));
	words_bytes(bytes, answer_number(call, "response_bytes", 0));
	if (is_in_flight(call))
		say(page, "It is still in flight, for %s now.", time);
	else if (end != NULL && answer_number(call, "response_bytes", 0) > 0)
		say(page, "It %s. That took %s; the answer has %s.",
		    end->sentence, time, bytes);
	else if (end != NULL)
		say(page, "It %s. That took %s.", end->sentence, time);
	else
		say(page, "It ended after %s: %s.", time, safe);
	free(safe);
}

static void
say_outcome(struct page *page, struct json_object *call)
{
	const char *outcome = answer_text(call, "outcome");
	const char *meaning;
	char *safe;

	if (outcome == NULL || is_in_flight(call))
		return;
	safe = page_safe(outcome);
	meaning = calls_outcome_text(outcome);
	say(page, "Its outcome is \"%s\": %s.", safe,
	    meaning != NULL ? meaning : "see the manual of that gateway");
	free(safe);
}

static void
say_more(struct page *page, struct json_object *call)
{
	const char *text = answer_text(call, "error");
	char *backend = page_safe(text_of(call, "backend", "?"));
	char *safe;

	if (text != NULL) {
		safe = page_safe(text);
		page_wrap(page, "The error: ", safe, 0);
		free(safe);
	}
	if (!is_good(call))
		say(page,
		    "More about it: mcp-gatewayctl status '%s', and the "
		    "log.",
		    backend);
	free(backend);
}

static int
print_call(struct json_object *call)
{
	struct page page;

	page_begin(&page, STDOUT_FILENO);
	say_question(&page, call);
	say_end(&page, call);
	say_outcome(&page, call);
	say_more(&page, call);
	return page_end(&page) == 0 ? 0 : EXIT_REFUSED;
}

int
command_explain(const struct options *opt)
{
	const char *id = opt->args[0];
	struct json_object *request, *answer, *report, *list;
	size_t count;
	int status;

	if (id[strspn(id, "0123456789")] != '\0' || strlen(id) > 20) {
		warnx("a call is a number, as \"mcp-gatewayctl calls\" shows "
		      "it");
		return EXIT_USAGE;
	}
	request = answer_request("call");
	add(request, "call", json_object_new_string(id));
	status = answer_ask_front(&answer, &report, opt, request);
	if (status != 0)
		return status;
	list = answer_list(report, "calls", &count);
	if (count == 0) {
		warnx("call %s is not known: the gateway keeps the latest "
		      "only, see \"mcp-gatewayctl calls\"; older ones are in "
		      "the log",
		    id);
		status = EXIT_REFUSED;
	} else {
		struct json_object *call = json_object_array_get_idx(list, 0);

		status = opt->json ? answer_print(call) : print_call(call);
	}
	json_object_put(answer);
	return status;
}
