/* import.c: "import": what kind of file it is. */
#include <err.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "commands.h"
#include "config.h"
#include "config_text.h"
#include "import.h"
#include "page.h"
#include "proto/json.h"
#include "proto/log.h"

void
import_note(struct import_notes *notes, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) == -1)
		err(EXIT_REFUSED, NULL);
	va_end(args);
	notes->lines =
	    reallocarray(notes->lines, notes->count + 1, sizeof(*notes->lines));
	if (notes->lines == NULL)
		err(EXIT_REFUSED, NULL);
	notes->lines[notes->count++] = page_safe(text);
	free(text);
}

void
import_add(
    struct json_object *object, const char *key, struct json_object *value)
{
	if (value == NULL || json_object_object_add(object, key, value) == -1)
		err(EXIT_REFUSED, NULL);
}

static void
free_notes(struct import_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		free(notes->lines[i]);
	free(notes->lines);
}

void
import_free(struct import *import)
{
	for (size_t i = 0; i < import->count; i++) {
		free(import->entries[i].name);
		json_object_put(import->entries[i].backend);
		free_notes(&import->entries[i].notes);
	}
	free(import->entries);
	free_notes(&import->notes);
	json_object_put(import->gateway);
	json_object_put(import->variables);
	free(import->workspace);
}

/* ---- reading ---- */

static void
wrong_place(const char *path, const char *text, size_t at, const char *why)
{
	unsigned int line, column;

	config_text_place(text, at, &line, &column);
	fprintf(stderr, "%s:%u:%u: this is not JSON: %s\n",
	    log_str(path, strlen(path)), line, column, why);
}

/* The file's object; NULL, and reported. */
static struct json_object *
read_file(const char *path)
{
	struct json_object *root = NULL;
	char why[CONFIG_TEXT_WHY_MAX];
	struct json_scan scan;
	size_t len, at;
	char *text;

	if (config_text_read(&text, &len, path, CONFIG_FILE_MAX,
		CONFIG_TRUST_ANY, why) == -1) {
		warnx("%s %s", log_str(path, strlen(path)), why);
		return NULL;
	}
	if (config_text_blank(text, len, &at) == -1)
		wrong_place(path, text, at, "this comment has no end");
	else if (json_scan(text, len, NULL, 0, NULL, &scan) == -1)
		wrong_place(path, text, scan.error_at, scan.error);
	else if (!json_object_is_type(
		     root = json_tokener_parse(text), json_type_object)) {
		warnx("\"%s\" does not hold an object",
		    log_str(path, strlen(path)));
		json_object_put(root);
		root = NULL;
	}
	freezero(text, len);
	return root;
}

/* The folder of the file, or of the project whose editor has it. */
static char *
find_workspace(const char *path)
{
	static const char *const editors[] = { "/.vscode", "/.cursor",
		"/.idea" };
	char *real = realpath(path, NULL);
	char *folder;
	size_t len;

	if (real == NULL)
		err(EXIT_REFUSED, "%s", path);
	if ((folder = strdup(dirname(real))) == NULL)
		err(EXIT_REFUSED, NULL);
	free(real);
	len = strlen(folder);
	for (size_t i = 0; i < sizeof(editors) / sizeof(editors[0]); i++) {
		size_t tail = strlen(editors[i]);

		if (len > tail && strcmp(folder + len - tail, editors[i]) == 0)
			folder[len - tail] = '\0';
	}
	return folder;
}

/* ---- kinds of files ---- */

static void
import_servers(struct import *import, struct json_object *servers)
{
	json_object_object_foreach (servers, name, theirs) {
		import_backend(import, name, theirs);
	}
}

/* What else stands beside the servers. */
static void
note_others(struct import *import, struct json_object *root)
{
	static const char *const known[] = { "mcpServers", "servers", "inputs",
		"mcpProxy", "$schema" };

	json_object_object_foreach (root, name, value) {
		bool found = false;

		(void)value;
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found = found || strcmp(known[i], name) == 0;
		if (!found)
			import_note(&import->notes,
			    "\"%s\" is left out: a setting of the other "
			    "program's own",
			    name);
	}
}

/* The object that has the servers: settings.json of VS Code has it in "mcp". */
static struct json_object *
find_root(struct json_object *root)
{
	struct json_object *mcp = answer_get(root, "mcp");

	return answer_get(root, "servers") == NULL &&
		answer_get(root, "mcpServers") == NULL &&
		json_object_is_type(
		    answer_get(mcp, "servers"), json_type_object)
	    ? mcp
	    : root;
}

/* False, and reported, when it is no file that we know. */
static bool
import_root(struct import *import, struct json_object *file)
{
	struct json_object *root = find_root(file);
	struct json_object *proxy = answer_get(root, "mcpProxy");
	struct json_object *servers = answer_get(root, "mcpServers");

	if (!json_object_is_type(servers, json_type_object))
		servers = answer_get(root, "servers");
	if (!json_object_is_type(servers, json_type_object)) {
		warnx("there is no object \"mcpServers\" (Claude Desktop, "
		      "Cursor, TBXark/mcp-proxy) or \"servers\" (VS Code) in "
		      "this file");
		return false;
	}
	import->inputs = answer_get(root, "inputs");
	import->proxy = json_object_is_type(proxy, json_type_object);
	if (root == file)
		note_others(import, root);
	import_servers(import, servers);
	if (import->proxy)
		import_proxy(import, proxy, servers);
	return true;
}

int
command_import(const struct options *opt)
{
	const char *path = opt->args[0];
	struct json_object *file = read_file(path), *modern;
	struct import import = { .workspace = NULL };
	int status = EXIT_REFUSED;

	if (file == NULL)
		return EXIT_REFUSED;
	modern = import_proxy_modern(file);
	import.workspace = find_workspace(path);
	import.variables = json_object_new_object();
	if (import.variables == NULL)
		err(EXIT_REFUSED, NULL);
	if (import_root(&import, modern) && import_check(&import) &&
	    import_write(&import, path, opt->json) == 0)
		status = 0;
	import_free(&import);
	json_object_put(modern);
	json_object_put(file);
	return status;
}
