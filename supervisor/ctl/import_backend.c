/* import_backend.c: one backend of another program's file. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "config.h"
#include "import.h"
#include "options.h"

/* How a member of theirs becomes one of ours. */
struct member;
typedef void read_member(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value);

struct member {
	const char *theirs;
	const char *ours;
	read_member *read;
};

static void
note_type(struct import_entry *entry, const char *name, const char *wanted)
{
	import_note(
	    &entry->notes, "\"%s\" is left out: it is not %s", name, wanted);
}

static void
read_text(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		import_add(entry->backend, member->ours,
		    import_text(import, entry, member->ours, value));
	else if (!json_object_is_type(value, json_type_null))
		note_type(entry, member->theirs, "a string");
}

/* Relative ones begin in the folder of the project. */
static void
read_path(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	struct json_object *text;
	const char *path;
	char *whole;

	if (!json_object_is_type(value, json_type_string)) {
		read_text(import, entry, member, value);
		return;
	}
	text = import_text(import, entry, member->ours, value);
	path = json_object_get_string(text);
	if (*path == '/' || strncmp(path, "${", 2) == 0 ||
	    (strcmp(member->ours, "command") == 0 &&
		strchr(path, '/') == NULL)) {
		import_add(entry->backend, member->ours, text);
		return;
	}
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (asprintf(&whole, "%s/%s", import->workspace, path) == -1)
		err(EXIT_REFUSED, NULL);
	import_note(&entry->notes,
	    "\"%s\" was \"%s\", from the folder of the "
	    "project on",
	    member->ours, path);
	import_add(entry->backend, member->ours, json_object_new_string(whole));
	free(whole);
	json_object_put(text);
}

/* A string, or what programs write instead of one; NULL: neither. */
static struct json_object *
as_text(struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		return json_object_get(value);
	if (json_object_is_type(value, json_type_int) ||
	    json_object_is_type(value, json_type_double) ||
	    json_object_is_type(value, json_type_boolean))
		return json_object_new_string(json_object_get_string(value));
	return NULL;
}

static void
read_list(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	struct json_object *list = json_object_new_array(), *text;

	if (!json_object_is_type(value, json_type_array)) {
		json_object_put(list);
		if (!json_object_is_type(value, json_type_null))
			note_type(entry, member->theirs, "a list");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		text = as_text(json_object_array_get_idx(value, i));
		if (text == NULL) {
			import_note(&entry->notes,
			    "\"%s\": element %zu is left out: it is no string",
			    member->theirs, i + 1);
			continue;
		}
		if (json_object_array_add(list,
			import_text(import, entry, member->ours, text)) == -1)
			err(EXIT_REFUSED, NULL);
		json_object_put(text);
	}
	import_add(entry->backend, member->ours, list);
}

static void
read_object(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	struct json_object *object = json_object_new_object(), *text;

	if (!json_object_is_type(value, json_type_object)) {
		json_object_put(object);
		if (!json_object_is_type(value, json_type_null))
			note_type(entry, member->theirs, "an object");
		return;
	}
	json_object_object_foreach (value, name, one) {
		text = as_text(one);
		if (text == NULL) {
			import_note(&entry->notes,
			    "\"%s\": \"%s\" is left out: it is no string",
			    member->theirs, name);
			continue;
		}
		import_add(
		    object, name, import_text(import, entry, name, text));
		json_object_put(text);
	}
	if (json_object_object_length(object) > 0)
		import_add(entry->backend, member->ours, object);
	else
		json_object_put(object);
}

static void
read_type(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	static const char *const kinds[][2] = {
		{ "stdio", "stdio" },
		{ "local", "stdio" },
		{ "sse", "sse" },
		{ "http", "http" },
		{ "streamable-http", "http" },
		{ "streamableHttp", "http" },
		{ "streamable_http", "http" },
	};
	const char *type = json_object_is_type(value, json_type_string)
	    ? json_object_get_string(value)
	    : "";

	(void)import;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i][0], type) == 0) {
			import_add(entry->backend, "type",
			    json_object_new_string(kinds[i][1]));
			return;
		}
	}
	import_note(&entry->notes,
	    "\"%s\": \"%s\" is left out: the gateway finds out how a backend "
	    "is reached",
	    member->theirs, type);
}

static void
read_flag(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	bool on = json_object_get_boolean(value);

	(void)import;
	if (!json_object_is_type(value, json_type_boolean))
		note_type(entry, member->theirs, "true or false");
	else if (on == (strcmp(member->theirs, "disabled") == 0))
		import_add(
		    entry->backend, "disabled", json_object_new_boolean(1));
}

/* Go's time.Duration is in nanoseconds; in other files nobody knows. */
static void
read_timeout(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	int64_t ms = json_object_get_int64(value) / 1000000;

	if (import->proxy && json_object_is_type(value, json_type_int) &&
	    ms >= 1000 && ms <= 86400000)
		import_add(entry->backend, member->ours,
		    json_object_new_int64(ms / 1000));
	else
		import_note(&entry->notes,
		    "\"%s\" is left out: programs count it in different "
		    "units; write \"request_timeout\" in seconds",
		    member->theirs);
}

static void
read_options(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	(void)import;
	(void)member;
	import_options(entry, value);
}

/* Of the program on the user's desk. */
static void
read_client(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	(void)import;
	(void)value;
	import_note(&entry->notes,
	    "\"%s\" is left out: it is for the client, which keeps it",
	    member->theirs);
}

static void
read_env_file(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	struct json_object *text;

	if (!json_object_is_type(value, json_type_string))
		return;
	text = import_text(import, entry, member->theirs, value);
	import_note(&entry->notes,
	    "\"envFile\" is left out: write what %s has into \"env\", secrets "
	    "as \"${file:/path}\"",
	    json_object_get_string(text));
	json_object_put(text);
}

static void
read_login(struct import *import, struct import_entry *entry,
    const struct member *member, struct json_object *value)
{
	(void)import;
	(void)value;
	import_note(&entry->notes,
	    "\"%s\" is left out: the gateway does not log in by OAuth; write a "
	    "token into \"headers\"",
	    member->theirs);
}

static const struct member members[] = {
	{ "type", "type", read_type },
	{ "transportType", "type", read_type },
	{ "transport", "type", read_type },
	{ "command", "command", read_path },
	{ "args", "args", read_list },
	{ "env", "env", read_object },
	{ "envFile", "env", read_env_file },
	{ "cwd", "cwd", read_path },
	{ "url", "url", read_text },
	{ "serverUrl", "url", read_text },
	{ "httpUrl", "url", read_text },
	{ "headers", "headers", read_object },
	{ "description", "description", read_text },
	{ "disabled", "disabled", read_flag },
	{ "enabled", "disabled", read_flag },
	{ "timeout", "request_timeout", read_timeout },
	{ "options", "tools", read_options },
	{ "autoApprove", NULL, read_client },
	{ "alwaysAllow", NULL, read_client },
	{ "trust", NULL, read_client },
	{ "gallery", NULL, read_client },
	{ "version", NULL, read_client },
	{ "dev", NULL, read_client },
	{ "auth", NULL, read_login },
	{ "oauth", NULL, read_login },
};

static void
read_members(
    struct import *import, struct import_entry *entry, struct json_object *all)
{
	const struct member *found;

	json_object_object_foreach (all, name, value) {
		found = NULL;
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]);
		     i++) {
			if (strcmp(members[i].theirs, name) == 0)
				found = &members[i];
		}
		if (found != NULL)
			found->read(import, entry, found, value);
		else
			import_note(&entry->notes,
			    "\"%s\" is left out: the gateway has nothing like "
			    "it",
			    name);
	}
}

static void
drop(struct import_entry *entry, const char *key, const char *why)
{
	if (answer_get(entry->backend, key) == NULL)
		return;
	json_object_object_del(entry->backend, key);
	import_note(&entry->notes, "\"%s\" is left out: %s", key, why);
}

/* A file may have both; ours then starts a server and connects to it. */
static void
choose_transport(struct import *import, struct import_entry *entry)
{
	static const char *const of_command[] = { "command", "args", "env",
		"cwd" };
	bool command = answer_get(entry->backend, "command") != NULL;
	bool url = answer_get(entry->backend, "url") != NULL;
	const char *type = answer_text(entry->backend, "type");
	bool stdio =
	    type == NULL || strcmp(type, "stdio") == 0 || import->proxy;

	if (command && (!url || stdio)) {
		drop(entry, "url", "the program is started instead");
		drop(entry, "headers", "they are for a url");
		json_object_object_del(entry->backend, "type");
		return;
	}
	for (size_t i = 0; i < 4 && url; i++)
		drop(entry, of_command[i], "there is a url to connect to");
	if (url && type != NULL && strcmp(type, "stdio") == 0)
		json_object_object_del(entry->backend, "type");
	/* There only what says so is Streamable HTTP. */
	if (url && import->proxy && type == NULL)
		import_add(
		    entry->backend, "type", json_object_new_string("sse"));
}

/* The name, as ours may have it; the caller's. */
static char *
fit_name(struct import *import, struct import_entry *entry, const char *name)
{
	size_t len = strnlen(name, CONFIG_NAME_MAX);
	char *fit;

	while (len > 0 && len < strlen(name) && (name[len] & 0xc0) == 0x80)
		len--; /* within a character */
	if (asprintf(&fit, "%.*s", (int)len, name) == -1)
		err(EXIT_REFUSED, NULL);
	for (char *at = fit; *at != '\0'; at++) {
		if (*at == '/' || (unsigned char)*at < ' ' || *at == 0x7f)
			*at = '-';
	}
	for (size_t i = 0; i < import->count; i++) {
		if (strcmp(import->entries[i].name, fit) == 0)
			entry->left_out = true;
	}
	if (entry->left_out)
		import_note(&entry->notes,
		    "\"%s\" is left out: there is another one of this name",
		    fit);
	else if (strcmp(fit, name) != 0)
		import_note(&entry->notes,
		    "it was called \"%s\"; a name has no \"/\" and at most %d "
		    "bytes",
		    name, CONFIG_NAME_MAX);
	return fit;
}

void
import_backend(
    struct import *import, const char *name, struct json_object *theirs)
{
	struct import_entry entry = { .backend = json_object_new_object() };

	if (entry.backend == NULL)
		err(EXIT_REFUSED, NULL);
	entry.name = fit_name(import, &entry, name);
	if (json_object_is_type(theirs, json_type_object)) {
		read_members(import, &entry, theirs);
		choose_transport(import, &entry);
	} else {
		import_note(&entry.notes, "it is no object");
		entry.left_out = true;
	}
	if (entry.broken)
		import_add(
		    entry.backend, "disabled", json_object_new_boolean(1));
	import->entries =
	    reallocarray(import->entries, import->count + 1, sizeof(entry));
	if (import->entries == NULL)
		err(EXIT_REFUSED, NULL);
	import->entries[import->count++] = entry;
}
