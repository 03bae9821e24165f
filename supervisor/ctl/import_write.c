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

#define INDENT_MAX 8

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

/* A string, a number, a boolean or a list of them: in one line. */
static void
put_scalar(struct page *page, struct json_object *value)
{
	size_t n;

	if (!json_object_is_type(value, json_type_array)) {
		answer_put(page, value, JSON_C_TO_STRING_PLAIN);
		return;
	}
	n = json_object_array_length(value);
	page_put(page, "[");
	for (size_t i = 0; i < n; i++) {
		page_put(page, "%s", i > 0 ? ", " : "");
		put_scalar(page, json_object_array_get_idx(value, i));
	}
	page_put(page, "]");
}

static void
put_key(struct page *page, const char *key, unsigned int depth)
{
	struct json_object *text = json_object_new_string(key);

	if (text == NULL)
		err(EXIT_REFUSED, NULL);
	indent(page, depth);
	put_scalar(page, text);
	page_put(page, ": ");
	json_object_put(text);
}

static void
put_object(struct page *page, struct json_object *object, unsigned int depth)
{
	size_t left = (size_t)json_object_object_length(object);

	page_put(page, "{\n");
	json_object_object_foreach (object, name, value) {
		put_key(page, name, depth + 1);
		if (json_object_is_type(value, json_type_object) &&
		    depth < INDENT_MAX)
			put_object(page, value, depth + 1);
		else
			put_scalar(page, value);
		page_put(page, "%s\n", --left > 0 ? "," : "");
	}
	indent(page, depth);
	page_put(page, "}");
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
	put_key(page, entry->name, 2);
	put_object(page, entry->backend, 2);
	page_put(page, "%s\n", more ? "," : "");
}

static void
put_all(struct page *page, const struct import *import, const char *path)
{
	size_t left = 0;

	put_head(page, import, path);
	page_put(page, "{\n");
	if (import->gateway != NULL) {
		put_key(page, "gateway", 1);
		put_object(page, import->gateway, 1);
		page_put(page, ",\n\n");
	}
	put_key(page, "mcpServers", 1);
	page_put(page, "{\n");
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
