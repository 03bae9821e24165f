/* import_tools.c: "options" of a backend of TBXark/mcp-proxy. */
#include <err.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "import.h"
#include "options.h"
#include "proto/buf.h"

/* A name as a pattern of fnmatch(3) that matches nothing else. */
static struct json_object *
as_pattern(const char *name)
{
	struct buf out = { .mem = NULL };
	struct json_object *pattern;

	for (; *name != '\0'; name++) {
		if ((strchr("*?[\\", *name) != NULL &&
			buf_add(&out, "\\", 1) == -1) ||
		    buf_add(&out, name, 1) == -1)
			err(EXIT_REFUSED, NULL);
	}
	pattern =
	    json_object_new_string_len(buf_data(&out), (int)buf_len(&out));
	buf_free(&out);
	return pattern;
}

static void
import_filter(struct import_entry *entry, struct json_object *filter)
{
	const char *mode = answer_text(filter, "mode");
	struct json_object *patterns, *tools;
	size_t count;
	struct json_object *list = answer_list(filter, "list", &count);
	bool allow = mode != NULL && strcmp(mode, "allow") == 0;

	if (count == 0)
		return;
	if (!allow && (mode == NULL || strcmp(mode, "block") != 0)) {
		import_note(&entry->notes,
		    "\"toolFilter\" is left out: without \"mode\" it did "
		    "nothing");
		return;
	}
	patterns = json_object_new_array();
	tools = json_object_new_object();
	for (size_t i = 0; i < count; i++) {
		const char *name =
		    json_object_get_string(json_object_array_get_idx(list, i));

		if (name != NULL &&
		    json_object_array_add(patterns, as_pattern(name)) == -1)
			err(EXIT_REFUSED, NULL);
	}
	import_add(tools, allow ? "allow" : "deny", patterns);
	import_add(entry->backend, "tools", tools);
}

void
import_options(struct import_entry *entry, struct json_object *options)
{
	if (!json_object_is_type(options, json_type_object)) {
		import_note(&entry->notes,
		    "\"options\" is left out: it is no "
		    "object");
		return;
	}
	json_object_object_foreach (options, name, value) {
		if (strcmp(name, "toolFilter") == 0)
			import_filter(entry, value);
		else if (strcmp(name, "disabled") == 0 &&
		    json_object_get_boolean(value))
			import_add(entry->backend, "disabled",
			    json_object_new_boolean(1));
		else if (strcmp(name, "panicIfInvalid") == 0)
			import_note(&entry->notes,
			    "\"panicIfInvalid\" is left out: one backend that "
			    "fails never ends the gateway");
		else if (strcmp(name, "logEnabled") == 0)
			import_note(&entry->notes,
			    "\"logEnabled\" is left out: \"mcp-gatewayctl "
			    "calls\" shows the calls");
		else if (strcmp(name, "authTokens") != 0 &&
		    strcmp(name, "disabled") != 0)
			import_note(&entry->notes,
			    "\"%s\" is left out: the gateway has nothing like "
			    "it",
			    name);
	}
}
