/* setup.c: the worker's slice of the configuration, as SETUP brings it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/json.h"
#include "setup.h"

enum {
	LOG_LEVEL,
	IDENTITY,
	NAME,
	REQUEST_TIMEOUT,
	UID,
	GID,
	CHROOT,
	FIELDS
};

static const struct json_field fields[FIELDS] = {
	[LOG_LEVEL] = JSON_FIELD("log_level", JSON_ROOT),
	[IDENTITY] = JSON_PARENT("identity", JSON_ROOT, UID),
	[NAME] = JSON_FIELD("name", JSON_ROOT),
	[REQUEST_TIMEOUT] = JSON_FIELD("request_timeout_ms", JSON_ROOT),
	[UID] = JSON_FIELD("uid", IDENTITY),
	[GID] = JSON_FIELD("gid", IDENTITY),
	[CHROOT] = JSON_FIELD("chroot", IDENTITY),
};

/* A copy of a JSON string without NUL bytes, or NULL with errno. */
static char *
string(struct json_span value)
{
	char *copy;
	ssize_t n;

	copy = malloc(value.len + 1);
	if (copy == NULL)
		return NULL;
	n = json_string_decode(value, copy, value.len + 1);
	if (n > 0 && strlen(copy) == (size_t)n)
		return copy;
	free(copy);
	errno = EINVAL;
	return NULL;
}

static int
number(struct json_span value, uint32_t *ret)
{
	int64_t n;

	if (value.at == NULL || json_integer(value, &n) == -1 || n < 0 ||
	    n > UINT32_MAX) {
		errno = EINVAL;
		return -1;
	}
	*ret = (uint32_t)n;
	return 0;
}

static int
parse_identity(struct role_identity *identity, const struct json_span *spans)
{
	uint32_t uid, gid;

	if (json_kind(spans[IDENTITY]) != JSON_OBJECT)
		return 0;
	if (number(spans[UID], &uid) == -1 || number(spans[GID], &gid) == -1)
		return -1;
	identity->set = true;
	identity->uid = uid;
	identity->gid = gid;
	if (json_kind(spans[CHROOT]) == JSON_STRING) {
		identity->chroot = string(spans[CHROOT]);
		if (identity->chroot == NULL)
			return -1;
	}
	return 0;
}

static int
parse_level(enum log_level *level, struct json_span value)
{
	char name[16];
	int found;

	if (json_string_decode(value, name, sizeof(name)) == -1 ||
	    (found = log_level_find(name)) == -1) {
		errno = EINVAL;
		return -1;
	}
	*level = (enum log_level)found;
	return 0;
}

int
setup_parse(struct setup *setup, const char *text, size_t len)
{
	struct json_span spans[FIELDS];
	struct json_scan scan;

	memset(setup, 0, sizeof(*setup));
	if (json_scan(text, len, fields, FIELDS, spans, &scan) == -1) {
		errno = EINVAL;
		return -1;
	}
	if (parse_level(&setup->log_level, spans[LOG_LEVEL]) == -1 ||
	    parse_identity(&setup->identity, spans) == -1 ||
	    number(spans[REQUEST_TIMEOUT], &setup->request_timeout_ms) == -1 ||
	    (setup->name = string(spans[NAME])) == NULL) {
		setup_free(setup);
		return -1;
	}
	return 0;
}

void
setup_free(struct setup *setup)
{
	char *chroot_copy;

	/* The member is const for whoever drops privileges; it is our copy. */
	memcpy(&chroot_copy, &setup->identity.chroot, sizeof(chroot_copy));
	free(chroot_copy);
	free(setup->name);
	memset(setup, 0, sizeof(*setup));
}
