/* tools.c: the tools that clients see. */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "answer.h"
#include "commands.h"
#include "page.h"
#include "table.h"

static const struct table_column columns[] = {
	{ "TOOL", 0, false, false },
	{ "DESCRIPTION", 1, false, true },
};

/* Leave only those of one backend, if one is asked for. */
static size_t
choose(const struct options *opt, struct json_object *list, size_t count)
{
	for (size_t i = count; opt->arg_count > 0 && i-- > 0;) {
		const char *backend =
		    answer_text(json_object_array_get_idx(list, i), "backend");

		if (backend == NULL || strcmp(backend, opt->args[0]) != 0)
			(void)json_object_array_del_idx(list, i, 1);
	}
	return list != NULL ? json_object_array_length(list) : 0;
}

/* Its title, or the first line of its description. */
static char *
description_of(struct json_object *tool)
{
	const char *text = answer_text(tool, "title");
	char *line, *safe;

	if (text == NULL || *text == '\0')
		text = answer_text(tool, "description");
	if (text == NULL)
		text = "";
	text += strspn(text, " \t\r\n");
	if ((line = strndup(text, strcspn(text, "\r\n"))) == NULL)
		err(EXIT_REFUSED, NULL);
	safe = page_safe(line);
	free(line);
	return safe;
}

static int
print_table(struct json_object *list, size_t count)
{
	struct table *table = table_new(columns, 2);
	struct page page;

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = answer_text(one, "name");
		struct table_cell cells[2] = { 0 };

		cells[0].text = page_safe(name != NULL ? name : "?");
		cells[1].text = description_of(one);
		table_add(table, cells);
	}
	page_begin(&page, STDOUT_FILENO);
	if (count == 0)
		page_put(&page, "no tools\n");
	table_put(table, &page);
	table_free(&table);
	return page_end(&page) == 0 ? 0 : EXIT_REFUSED;
}

int
command_tools(const struct options *opt)
{
	struct json_object *request = answer_request("tools");
	struct json_object *answer, *report, *list;
	size_t count;
	int status;

	if (opt->safe &&
	    json_object_object_add(
		request, "names", json_object_new_string("safe")) != 0)
		err(EXIT_REFUSED, NULL);
	status = answer_ask_front(&answer, &report, opt, request);
	if (status != 0)
		return status;
	list = answer_list(report, "tools", &count);
	count = choose(opt, list, count);
	status = opt->json ? answer_print(report) : print_table(list, count);
	json_object_put(answer);
	return status;
}
