/*
 * spec.c: what the supervisor wants started.  Nothing of the text is kept but
 * in the struct, which is wiped when it is freed: there are secrets in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "spec.h"

/* A string's text, the caller's; NULL when it is none, or has a NUL in it. */
static char *
text_of(struct json_span value)
{
	char *text;
	ssize_t n;

	if (json_kind(value) != JSON_STRING ||
	    (text = malloc(value.len)) == NULL)
		return NULL;
	n = json_string_decode(value, text, value.len);
	if (n != -1 && strlen(text) == (size_t)n)
		return text;
	freezero(text, value.len);
	return NULL;
}

/* A string, or null or nothing at all. */
static bool
read_text(char **ret, struct json_span object, const char *key)
{
	struct json_span value = json_get(object, key);

	if (json_kind(value) == JSON_NONE || json_kind(value) == JSON_NULL)
		return true;
	return (*ret = text_of(value)) != NULL;
}

static bool
read_boolean(bool *ret, struct json_span object, const char *key)
{
	struct json_span value = json_get(object, key);

	if (json_kind(value) == JSON_NONE)
		return true;
	*ret = *value.at == 't';
	return json_kind(value) == JSON_BOOLEAN;
}

static bool
read_id(uid_t *ret, struct json_span object, const char *key)
{
	int64_t number;

	/* The greatest one stands for no change. */
	if (json_integer(json_get(object, key), &number) == -1 || number < 0 ||
	    number >= UINT32_MAX)
		return false;
	*ret = (uid_t)number;
	return true;
}

/* Not set, or null, is no limit. */
static bool
read_limit(uint64_t *ret, struct json_span object, const char *key)
{
	struct json_span value = json_get(object, key);
	int64_t number;

	*ret = SPEC_UNLIMITED;
	if (json_kind(value) == JSON_NONE || json_kind(value) == JSON_NULL)
		return true;
	if (json_integer(value, &number) == -1 || number < 0)
		return false;
	*ret = (uint64_t)number;
	return true;
}

static size_t
count(struct json_span value)
{
	struct json_span element;
	struct json_iter it;
	size_t n = 0;

	json_iter_init(&it, value);
	while (json_iter_element(&it, &element))
		n++;
	return n; /* of an object: keys and values, more than enough */
}

/* An array of strings, after first, unless that is NULL; takes first. */
static bool
read_strings(char ***list, char *first, struct json_span array)
{
	struct json_span element;
	struct json_iter it;
	char **at;

	if (json_kind(array) != JSON_ARRAY ||
	    (*list = calloc(count(array) + 2, sizeof(**list))) == NULL) {
		free(first);
		return false;
	}
	at = *list;
	if (first != NULL)
		*at++ = first;
	json_iter_init(&it, array);
	while (json_iter_element(&it, &element)) {
		if ((*at++ = text_of(element)) == NULL)
			return false;
	}
	return true;
}

/* "NAME=value", the caller's. */
static char *
pair(struct json_span key, struct json_span value)
{
	size_t size = key.len + value.len;
	char *text = malloc(size);
	ssize_t n, m;

	if (text == NULL)
		return NULL;
	n = json_string_decode(key, text, size);
	if (n > 0 && (size_t)n == strlen(text)) {
		text[n++] = '=';
		m = json_string_decode(value, text + n, size - (size_t)n);
		if (m != -1 && strlen(text) == (size_t)(n + m))
			return text;
	}
	freezero(text, size);
	return NULL;
}

static bool
read_env(struct spec *spec, struct json_span object)
{
	struct json_span key, value;
	struct json_iter it;
	size_t n = 0;

	if (json_kind(object) != JSON_OBJECT)
		return false;
	json_iter_init(&it, object);
	while (json_iter_member(&it, &key, &value))
		n++;
	if ((spec->env = calloc(n + 1, sizeof(*spec->env))) == NULL)
		return false;
	json_iter_init(&it, object);
	for (n = 0; json_iter_member(&it, &key, &value); n++) {
		if ((spec->env[n] = pair(key, value)) == NULL)
			return false;
	}
	return true;
}

static bool
read_user(struct spec *spec, struct json_span user)
{
	if (json_kind(user) == JSON_NONE || json_kind(user) == JSON_NULL)
		return true;
	spec->has_user = true;
	return json_kind(user) == JSON_OBJECT &&
	    read_text(&spec->user, user, "name") &&
	    read_id(&spec->uid, user, "uid") &&
	    read_id(&spec->gid, user, "gid");
}

static bool
read_limits(struct spec_limits *limits, struct json_span object)
{
	return read_limit(&limits->memory, object, "memory") &&
	    read_limit(&limits->processes, object, "processes") &&
	    read_limit(&limits->cpu_percent, object, "cpu_percent") &&
	    read_limit(&limits->user_processes, object, "user_processes") &&
	    read_limit(&limits->open_files, object, "open_files") &&
	    read_limit(&limits->file_size, object, "file_size") &&
	    read_limit(&limits->core_size, object, "core_size");
}

static bool
read_sandbox(struct spec_sandbox *sandbox, struct json_span object)
{
	if (json_kind(object) == JSON_NONE || json_kind(object) == JSON_NULL)
		return true;
	sandbox->set = true;
	return json_kind(object) == JSON_OBJECT &&
	    read_strings(&sandbox->read, NULL, json_get(object, "read")) &&
	    read_strings(&sandbox->write, NULL, json_get(object, "write")) &&
	    read_strings(
		&sandbox->connect, NULL, json_get(object, "connect")) &&
	    read_boolean(&sandbox->private_network, object, "private_network");
}

static bool
read_command(struct spec *spec, struct json_span root)
{
	char *command = text_of(json_get(root, "command"));

	return command != NULL &&
	    read_strings(&spec->argv, command, json_get(root, "args"));
}

static bool
read_spec(struct spec *spec, struct json_span root)
{
	return json_kind(root) == JSON_OBJECT && read_command(spec, root) &&
	    read_env(spec, json_get(root, "env")) &&
	    read_text(&spec->name, root, "name") && spec->name != NULL &&
	    read_text(&spec->cwd, root, "cwd") &&
	    read_text(&spec->home, root, "home") &&
	    read_text(&spec->tmp, root, "tmp") &&
	    read_text(&spec->cgroup, root, "cgroup") &&
	    read_user(spec, json_get(root, "user")) &&
	    read_boolean(&spec->new_privileges, root, "new_privileges") &&
	    read_limits(&spec->limits, json_get(root, "limits")) &&
	    read_sandbox(&spec->sandbox, json_get(root, "sandbox"));
}

const char *
spec_variable(const struct spec *spec, const char *name)
{
	size_t len = strlen(name);

	for (char **p = spec->env; p != NULL && *p != NULL; p++) {
		if (strncmp(*p, name, len) == 0 && (*p)[len] == '=')
			return *p + len + 1;
	}
	return NULL;
}

static void
free_list(char ***list)
{
	for (char **p = *list; p != NULL && *p != NULL; p++)
		freezero(*p, strlen(*p));
	free(*list);
	*list = NULL;
}

void
spec_forget_environment(struct spec *spec)
{
	free_list(&spec->env);
}

void
spec_free(struct spec *spec)
{
	free(spec->name);
	free_list(&spec->argv);
	free_list(&spec->env);
	free(spec->cwd);
	free(spec->home);
	free(spec->tmp);
	free(spec->cgroup);
	free(spec->user);
	free_list(&spec->sandbox.read);
	free_list(&spec->sandbox.write);
	free_list(&spec->sandbox.connect);
	*spec = (struct spec){ .name = NULL };
}

int
spec_parse(struct spec *ret, const char *json, size_t len)
{
	struct json_span root = { json, len };
	struct json_scan scan;
	struct spec spec = { .name = NULL };

	if (json_scan(json, len, NULL, 0, NULL, &scan) == 0 &&
	    read_spec(&spec, root)) {
		*ret = spec;
		return 0;
	}
	spec_free(&spec);
	errno = EINVAL;
	return -1;
}
