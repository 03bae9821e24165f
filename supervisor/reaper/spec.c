/* spec.c: what the supervisor wants started. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "spec.h"

/* The supervisor's payload is a flat object with two short levels. */
#define DEPTH 8

static struct json_object *
member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

static char *
member_text(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key, json_type_string);

	return value != NULL ? strdup(json_object_get_string(value)) : NULL;
}

static bool
read_argv(struct spec *spec, const char *command, struct json_object *args)
{
	size_t n = json_object_array_length(args);

	spec->argv = calloc(n + 2, sizeof(*spec->argv));
	if (spec->argv == NULL || (spec->argv[0] = strdup(command)) == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *arg = json_object_array_get_idx(args, i);

		if (!json_object_is_type(arg, json_type_string))
			return false;
		spec->argv[i + 1] = strdup(json_object_get_string(arg));
		if (spec->argv[i + 1] == NULL)
			return false;
	}
	return true;
}

static bool
read_env(struct spec *spec, struct json_object *object)
{
	size_t n = (size_t)json_object_object_length(object), i = 0;

	if ((spec->env = calloc(n + 1, sizeof(*spec->env))) == NULL)
		return false;
	json_object_object_foreach (object, name, value) {
		if (!json_object_is_type(value, json_type_string))
			return false;
		if (asprintf(&spec->env[i], "%s=%s", name,
			json_object_get_string(value)) == -1) {
			spec->env[i] = NULL;
			return false;
		}
		i++;
	}
	return true;
}

static bool
read_user(struct spec *spec, struct json_object *root)
{
	struct json_object *user = member(root, "user", json_type_object);
	struct json_object *uid, *gid;

	if (user == NULL)
		return true;
	uid = member(user, "uid", json_type_int);
	gid = member(user, "gid", json_type_int);
	spec->user = member_text(user, "name");
	if (uid == NULL || gid == NULL || spec->user == NULL)
		return false;
	spec->uid = (uid_t)json_object_get_int64(uid);
	spec->gid = (gid_t)json_object_get_int64(gid);
	return true;
}

static bool
read_spec(struct spec *spec, struct json_object *root)
{
	struct json_object *args = member(root, "args", json_type_array);
	struct json_object *env = member(root, "env", json_type_object);
	struct json_object *command = member(root, "command", json_type_string);

	if (args == NULL || env == NULL || command == NULL ||
	    !read_user(spec, root))
		return false;
	spec->name = member_text(root, "name");
	spec->cwd = member_text(root, "cwd");
	spec->cgroup = member_text(root, "cgroup");
	return spec->name != NULL &&
	    read_argv(spec, json_object_get_string(command), args) &&
	    read_env(spec, env);
}

static void
free_list(char **list)
{
	for (char **p = list; p != NULL && *p != NULL; p++)
		free(*p);
	free(list);
}

void
spec_free(struct spec *spec)
{
	free(spec->name);
	free_list(spec->argv);
	free_list(spec->env);
	free(spec->cwd);
	free(spec->cgroup);
	free(spec->user);
	*spec = (struct spec){ .name = NULL };
}

int
spec_parse(struct spec *ret, const char *json, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *root;
	struct spec spec = { .name = NULL };
	bool good;

	if (tokener == NULL || len > INT_MAX) {
		errno = ENOMEM;
		return -1;
	}
	root = json_tokener_parse_ex(tokener, json, (int)len);
	json_tokener_free(tokener);
	good = json_object_is_type(root, json_type_object) &&
	    read_spec(&spec, root);
	json_object_put(root);
	if (!good) {
		spec_free(&spec);
		errno = EINVAL;
		return -1;
	}
	*ret = spec;
	return 0;
}
