#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

/* A list of strings, NULL-terminated.  NULL when it is something else. */
static char **
parse_strings(struct json_object *array, size_t *ret)
{
	char **list;
	size_t n;

	if (!json_object_is_type(array, json_type_array))
		return NULL;
	n = json_object_array_length(array);
	if ((list = calloc(n + 1, sizeof(*list))) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *text =
		    json_object_get_string(json_object_array_get_idx(array, i));

		if (text == NULL || (list[i] = strdup(text)) == NULL) {
			while (i-- > 0)
				free(list[i]);
			free(list);
			return NULL;
		}
	}
	if (ret != NULL)
		*ret = n;
	return list;
}

static void
free_strings(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

static int
parse_identity(struct settings *settings, struct json_object *identity)
{
	struct json_object *uid;
	struct json_object *gid;
	struct json_object *root;

	if (identity == NULL)
		return 0;
	if (!json_object_object_get_ex(identity, "uid", &uid) ||
	    !json_object_object_get_ex(identity, "gid", &gid))
		return -1;
	settings->identity.set = true;
	settings->identity.uid = (uid_t)json_object_get_int64(uid);
	settings->identity.gid = (gid_t)json_object_get_int64(gid);
	if (json_object_object_get_ex(identity, "chroot", &root) &&
	    root != NULL) {
		settings->chroot = strdup(json_object_get_string(root));
		if (settings->chroot == NULL)
			return -1;
		settings->identity.chroot = settings->chroot;
	}
	return 0;
}

static int
parse_object(struct settings *settings, struct json_object *object)
{
	struct json_object *value;
	int level;

	if (!json_object_object_get_ex(object, "log_level", &value) ||
	    value == NULL ||
	    (level = log_level_find(json_object_get_string(value))) == -1)
		return -1;
	settings->log_level = (enum log_level)level;
	if (!json_object_object_get_ex(object, "identity", &value) ||
	    parse_identity(settings, value) == -1)
		return -1;
	if (!json_object_object_get_ex(object, "hosts", &value) ||
	    (settings->hosts = parse_strings(value, NULL)) == NULL)
		return -1;
	if (!json_object_object_get_ex(object, "origins", &value) ||
	    (settings->allowed_origins = parse_strings(value, NULL)) == NULL)
		return -1;
	if (!json_object_object_get_ex(object, "backends", &value) ||
	    (settings->backends =
		    parse_strings(value, &settings->backend_count)) == NULL)
		return -1;
	return 0;
}

struct settings *
settings_parse(const char *json, size_t len)
{
	struct json_tokener *tokener;
	struct json_object *object;
	struct settings *settings;

	if ((settings = calloc(1, sizeof(*settings))) == NULL)
		return NULL;
	if ((tokener = json_tokener_new()) == NULL) {
		settings_free(&settings);
		return NULL;
	}
	object = json_tokener_parse_ex(tokener, json, (int)len);
	json_tokener_free(tokener);
	if (object == NULL || parse_object(settings, object) == -1) {
		json_object_put(object);
		settings_free(&settings);
		errno = EINVAL;
		return NULL;
	}
	json_object_put(object);
	settings->origins.hosts = (const char *const *)settings->hosts;
	settings->origins.origins =
	    (const char *const *)settings->allowed_origins;
	return settings;
}

void
settings_free(struct settings **settings)
{
	if (*settings == NULL)
		return;
	free_strings((*settings)->hosts);
	free_strings((*settings)->allowed_origins);
	free_strings((*settings)->backends);
	free((*settings)->chroot);
	free(*settings);
	*settings = NULL;
}
