/* import_text.c: variables of other programs in strings. */
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "import.h"
#include "options.h"
#include "proto/buf.h"

/* The longest name of a variable that is looked at. */
#define NAME_MAX_LEN 128

#define ENV     "env:"
#define INPUT   "input:"
#define OR_ELSE ":-"
#define LETTERS                                                                \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* One string, while it is written anew. */
struct text {
	struct import *import;
	struct import_entry *entry;
	const char *where;
	struct buf out;
};

static void
add(struct text *text, const char *bytes, size_t n)
{
	if (buf_add(&text->out, bytes, n) == -1)
		err(EXIT_REFUSED, NULL);
}

/* Text as it is: ours would read a variable at "${". */
static void
add_literal(struct text *text, const char *bytes)
{
	for (; *bytes != '\0'; bytes++) {
		if (bytes[0] == '$' && bytes[1] == '{')
			add(text, "$", 1);
		add(text, bytes, 1);
	}
}

static bool
is_name(const char *name)
{
	return *name != '\0' && !isdigit((unsigned char)*name) &&
	    name[strspn(name, LETTERS)] == '\0';
}

/* "${NAME}", which the gateway's environment must have; why is for people, or
 * NULL. */
static void
add_variable(struct text *text, const char *name, const char *why)
{
	char user[512];

	(void)snprintf(
	    user, sizeof(user), "for backend \"%s\"", text->entry->name);
	if (answer_get(text->import->variables, name) == NULL)
		import_add(text->import->variables, name,
		    json_object_new_string(why != NULL ? why : user));
	/* "$${" would be a literal one. */
	if (buf_len(&text->out) > 0 &&
	    buf_data(&text->out)[buf_len(&text->out) - 1] == '$') {
		import_note(&text->entry->notes,
		    "%s: a \"$\" before a variable cannot be written; put it "
		    "into the variable %s",
		    text->where, name);
		text->entry->broken = true;
	}
	add(text, "${", 2);
	add(text, name, strlen(name));
	add(text, "}", 1);
}

/* What VS Code asks its user. */
static void
add_input(struct text *text, const char *id)
{
	struct json_object *inputs = text->import->inputs, *one;
	const char *said = NULL, *found;
	char name[NAME_MAX_LEN], why[512];
	size_t n = json_object_is_type(inputs, json_type_array)
	    ? json_object_array_length(inputs)
	    : 0;

	for (size_t i = 0; i < n; i++) {
		one = json_object_array_get_idx(inputs, i);
		found = answer_text(one, "id");
		if (found != NULL && strcmp(found, id) == 0)
			said = answer_text(one, "description");
	}
	(void)snprintf(name, sizeof(name), "%s%s",
	    isdigit((unsigned char)*id) ? "_" : "", id);
	for (char *at = name; *at != '\0'; at++)
		*at = isalnum((unsigned char)*at)
		    ? (char)toupper((unsigned char)*at)
		    : '_';
	(void)snprintf(why, sizeof(why), "VS Code asked for it as \"%s\"%s%s",
	    id, said != NULL ? ": " : "", said != NULL ? said : "");
	add_variable(text, name, why);
}

/* "${NAME:-text}": the variable if there is one now, otherwise the text. */
static void
add_or_else(struct text *text, char *name, const char *otherwise)
{
	if (getenv(name) != NULL) {
		add_variable(text, name, NULL);
		return;
	}
	add_literal(text, otherwise);
	import_note(&text->entry->notes,
	    "%s: ${%s} is not set, so its default stands here", text->where,
	    name);
}

/* The places that editors know; NULL for anything else. */
static const char *
find_place(const struct import *import, const char *name)
{
	const char *home = getenv("HOME");
	const char *base = strrchr(import->workspace, '/');

	if (strcmp(name, "userHome") == 0 && home != NULL)
		return home;
	if (strcmp(name, "workspaceFolder") == 0 ||
	    strcmp(name, "workspaceRoot") == 0 || strcmp(name, "cwd") == 0)
		return import->workspace;
	if (strcmp(name, "pathSeparator") == 0 || strcmp(name, "/") == 0)
		return "/";
	if (strcmp(name, "workspaceFolderBasename") != 0)
		return NULL;
	return base != NULL ? base + 1 : import->workspace;
}

static void
add_place(struct text *text, const char *name)
{
	const char *place = find_place(text->import, name);

	if (place == NULL) {
		import_note(&text->entry->notes,
		    "%s: ${%s} means nothing here; write what it stood for, "
		    "and remove \"disabled\"",
		    text->where, name);
		text->entry->broken = true;
		add_literal(text, "${");
		add_literal(text, name);
		add(text, "}", 1);
		return;
	}
	add_literal(text, place);
	if (strlen(place) > 1)
		import_note(&text->entry->notes, "%s: ${%s} was %s here",
		    text->where, name, place);
}

static void
add_reference(struct text *text, char *name)
{
	char *otherwise = strstr(name, OR_ELSE);

	if (strncmp(name, ENV, sizeof(ENV) - 1) == 0 &&
	    is_name(name + sizeof(ENV) - 1)) {
		add_variable(text, name + sizeof(ENV) - 1, NULL);
	} else if (strncmp(name, INPUT, sizeof(INPUT) - 1) == 0 &&
	    name[sizeof(INPUT) - 1] != '\0') {
		add_input(text, name + sizeof(INPUT) - 1);
	} else if (find_place(text->import, name) != NULL || !is_name(name)) {
		if (otherwise == NULL) {
			add_place(text, name);
			return;
		}
		*otherwise = '\0';
		if (is_name(name)) {
			add_or_else(
			    text, name, otherwise + sizeof(OR_ELSE) - 1);
			return;
		}
		*otherwise = *OR_ELSE;
		add_place(text, name);
	} else {
		add_variable(text, name, NULL);
	}
}

struct json_object *
import_text(struct import *import, struct import_entry *entry,
    const char *where, struct json_object *value)
{
	struct text text = { .import = import, .entry = entry, .where = where };
	const char *at = json_object_get_string(value), *end;
	struct json_object *result;
	char name[NAME_MAX_LEN];

	while (*at != '\0') {
		end = strncmp(at, "${", 2) == 0 ? strchr(at, '}') : NULL;
		if (end == NULL || (size_t)(end - at - 2) >= sizeof(name)) {
			if (strncmp(at, "${", 2) == 0)
				add(&text, "$", 1);
			add(&text, at++, 1);
			continue;
		}
		(void)strlcpy(name, at + 2, (size_t)(end - at - 1));
		add_reference(&text, name);
		at = end + 1;
	}
	result = json_object_new_string_len(
	    buf_data(&text.out), (int)buf_len(&text.out));
	buf_free(&text.out);
	if (result == NULL)
		err(EXIT_REFUSED, NULL);
	return result;
}
