#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

static int
parse_chroot(struct settings *settings, struct json_object *path)
{
	if (path == NULL)
		return 0;
	if (!json_object_is_type(path, json_type_string)) {
		errno = EINVAL;
		return -1;
	}
	settings->chroot = strdup(json_object_get_string(path));
	settings->identity.chroot = settings->chroot;
	return settings->chroot == NULL ? -1 : 0;
}

static int
parse_identity(struct settings *settings, struct json_object *identity)
{
	struct json_object *uid;
	struct json_object *gid;
	struct json_object *path;

	if (identity == NULL)
		return 0;
	if (!json_object_object_get_ex(identity, "uid", &uid) ||
	    !json_object_is_type(uid, json_type_int) ||
	    !json_object_object_get_ex(identity, "gid", &gid) ||
	    !json_object_is_type(gid, json_type_int) ||
	    !json_object_object_get_ex(identity, "chroot", &path)) {
		errno = EINVAL;
		return -1;
	}
	settings->identity.set = true;
	settings->identity.uid = (uid_t)json_object_get_int64(uid);
	settings->identity.gid = (gid_t)json_object_get_int64(gid);
	return parse_chroot(settings, path);
}

static int
parse_object(struct settings *settings, struct json_object *object)
{
	struct json_object *level;
	struct json_object *identity;
	int found = -1;

	if (json_object_object_get_ex(object, "log_level", &level) &&
	    json_object_is_type(level, json_type_string))
		found = log_level_find(json_object_get_string(level));
	if (found == -1 ||
	    !json_object_object_get_ex(object, "identity", &identity)) {
		errno = EINVAL;
		return -1;
	}
	settings->log_level = (enum log_level)found;
	return parse_identity(settings, identity);
}

struct settings *
settings_parse(const char *json, size_t len)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;

	if (settings == NULL || tokener == NULL)
		goto fail;
	object = json_tokener_parse_ex(tokener, json, (int)len);
	if (object == NULL) {
		errno = EINVAL;
		goto fail;
	}
	if (parse_object(settings, object) == -1)
		goto fail;
	json_object_put(object);
	json_tokener_free(tokener);
	return settings;
fail:
	json_object_put(object);
	if (tokener != NULL)
		json_tokener_free(tokener);
	settings_free(&settings);
	return NULL;
}

void
settings_free(struct settings **settings)
{
	int error = errno;

	if (*settings == NULL)
		return;
	free((*settings)->chroot);
	free(*settings);
	*settings = NULL;
	errno = error;
}
