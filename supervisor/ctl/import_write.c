/* import_write.c: an imported configuration, with comments. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "import.h"
#include "options.h"
#include "page.h"

static void
indent(struct page *page, unsigned int depth)
{
	page_put(page, "%.*s", (int)depth, "\t\t\t\t\t\t\t\t");
}

static void
put_notes(
    struct page *page, const struct import_notes *notes, unsigned int depth)
{
	for (size_t i = 0; i < notes->count; i++) {
		indent(page, depth);
		page_put(page, "// %s\n", notes->lines[i]);
	}
}

/* The end of the JSON string that begins at. */
static const char *
string_end(const char *at)
{
	for (at++; *at != '"'; at++)
		at += *at == '\\';
	return at + 1;
}

/*
 * A value, its lines behind the first indented by depth more; lists, which have
 * words only, stand in one line.
 */
static void
put_value(struct page *page, struct json_object *value, unsigned int depth)
{
	const char *at = json_object_to_json_string_ext(value,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB |
		JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	const char *end;
	bool list = false;

	if (at == NULL)
		err(EXIT_REFUSED, NULL);
	while (*at != '\0') {
		end = *at == '"' ? string_end(at) : at + 1;
		if (*at == '[' || *at == ']')
			list = *at == '[';
		if (*at == '\n' && list) {
			at += 1 + strspn(at + 1, "\t");
			if (end[-2] == ',')
				page_put(page, " ");
			continue;
		}
		answer_put(page, at, (size_t)(end - at));
		if (*at == '\n')
			indent(page, depth);
		at = end;
	}
}

static void
put_member(struct page *page, const char *key, struct json_object *value,
    unsigned int depth)
{
	struct json_object *text = json_object_new_string(key);

	if (text == NULL)
		err(EXIT_REFUSED, NULL);
	indent(page, depth);
	put_value(page, text, 0);
	page_put(page, ": ");
	put_value(page, value, depth);
	json_object_put(text);
}

static void
put_head(struct page *page, const struct import *import, const char *path)
{
	char *safe = page_safe(path);

	page_put(page, "// Imported from %s\n", safe);
	free(safe);
	put_notes(page, &import->notes, 0);
	if (json_object_object_length(import->variables) > 0)
		page_put(page,
		    "// The gateway's environment must have these variables "
		    "(systemctl edit, Environment=):\n");
	json_object_object_foreach (import->variables, name, why) {
		safe = page_safe(json_object_get_string(why));
		page_put(page, "//   %s  (%s)\n", name, safe);
		free(safe);
	}
}

static void
put_entry(struct page *page, const struct import_entry *entry, bool more)
{
	if (entry->left_out) {
		char *safe = page_safe(entry->name);

		indent(page, 2);
		page_put(page, "// \"%s\" is left out:\n", safe);
		free(safe);
		put_notes(page, &entry->notes, 2);
		return;
	}
	put_notes(page, &entry->notes, 2);
	put_member(page, entry->name, entry->backend, 2);
	page_put(page, "%s\n", more ? "," : "");
}

static void
put_all(struct page *page, const struct import *import, const char *path)
{
	size_t left = 0;

	put_head(page, import, path);
	page_put(page, "{\n");
	if (import->gateway != NULL) {
		put_member(page, "gateway", import->gateway, 1);
		page_put(page, ",\n\n");
	}
	indent(page, 1);
	page_put(page, "\"mcpServers\": {\n");
	for (size_t i = 0; i < import->count; i++)
		left += !import->entries[i].left_out;
	for (size_t i = 0; i < import->count; i++) {
		if (!import->entries[i].left_out)
			left--;
		page_put(page, "%s", i > 0 ? "\n" : "");
		put_entry(page, &import->entries[i], left > 0);
	}
	indent(page, 1);
	page_put(page, "}\n}\n");
}

struct json_object *
import_result(const struct import *import, const struct import_entry *only)
{
	struct json_object *root = json_object_new_object();
	struct json_object *servers = json_object_new_object();

	if (root == NULL)
		err(EXIT_REFUSED, NULL);
	if (only == NULL && import->gateway != NULL)
		import_add(root, "gateway", json_object_get(import->gateway));
	for (size_t i = 0; i < import->count; i++) {
		const struct import_entry *entry = &import->entries[i];

		if (only == NULL ? !entry->left_out : entry == only)
			import_add(servers, entry->name,
			    json_object_get(entry->backend));
	}
	import_add(root, "mcpServers", servers);
	return root;
}

static void
tell_notes(const struct import_notes *notes, const char *name)
{
	for (size_t i = 0; i < notes->count; i++)
		fprintf(stderr, "%s%s%s\n", name, *name != '\0' ? ": " : "",
		    notes->lines[i]);
}

static int
write_plain(const struct import *import)
{
	struct json_object *root = import_result(import, NULL);
	int result = answer_print(root) == 0 ? 0 : -1;

	json_object_put(root);
	tell_notes(&import->notes, "");
	for (size_t i = 0; i < import->count; i++) {
		char *safe = page_safe(import->entries[i].name);

		tell_notes(&import->entries[i].notes, safe);
		free(safe);
	}
	return result;
}

int
import_write(const struct import *import, const char *path, bool json)
{
	struct page page = { .width = 0 };

	if (json)
		return write_plain(import);
	put_all(&page, import, path);
	return page_end(&page);
}
