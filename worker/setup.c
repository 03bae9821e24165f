/* setup.c: the worker's slice of the configuration, as SETUP brings it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/json.h"
#include "proto/msg.h"
#include "setup.h"

enum {
	LOG_LEVEL,
	IDENTITY,
	NAME,
	REQUEST_TIMEOUT,
	STARTUP_TIMEOUT,
	PING_INTERVAL,
	MESSAGE_SIZE,
	CAPABILITIES,
	REMOTE,
	UID,
	GID,
	CHROOT,
	TYPE,
	URL,
	HEADERS,
	CA,
	CERTIFICATE,
	KEY,
	PRIVATE_NETWORK,
	HAS_JOB,
	FIELDS
};

static const struct json_field fields[FIELDS] = {
	[LOG_LEVEL] = JSON_FIELD("log_level", JSON_ROOT),
	[IDENTITY] = JSON_PARENT("identity", JSON_ROOT, UID),
	[NAME] = JSON_FIELD("name", JSON_ROOT),
	[REQUEST_TIMEOUT] = JSON_FIELD("request_timeout_ms", JSON_ROOT),
	[STARTUP_TIMEOUT] = JSON_FIELD("startup_timeout_ms", JSON_ROOT),
	[PING_INTERVAL] = JSON_FIELD("ping_interval_ms", JSON_ROOT),
	[MESSAGE_SIZE] = JSON_FIELD("message_size", JSON_ROOT),
	[CAPABILITIES] = JSON_FIELD("capabilities", JSON_ROOT),
	[REMOTE] = JSON_PARENT("remote", JSON_ROOT, TYPE),
	[UID] = JSON_FIELD("uid", IDENTITY),
	[GID] = JSON_FIELD("gid", IDENTITY),
	[CHROOT] = JSON_FIELD("chroot", IDENTITY),
	[TYPE] = JSON_FIELD("type", REMOTE),
	[URL] = JSON_FIELD("url", REMOTE),
	[HEADERS] = JSON_FIELD("headers", REMOTE),
	[CA] = JSON_FIELD("ca", REMOTE),
	[CERTIFICATE] = JSON_FIELD("certificate", REMOTE),
	[KEY] = JSON_FIELD("key", REMOTE),
	[PRIVATE_NETWORK] = JSON_FIELD("private_network", REMOTE),
	[HAS_JOB] = JSON_FIELD("has_job", REMOTE),
};

static const char *const remote_types[] = {
	[REMOTE_AUTO] = "auto",
	[REMOTE_HTTP] = "http",
	[REMOTE_SSE] = "sse",
};

static int
invalid(void)
{
	errno = EINVAL;
	return -1;
}

/* A copy of a JSON string that is not empty and has no NUL, or NULL with errno.
 */
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
	freezero(copy, value.len + 1);
	errno = EINVAL;
	return NULL;
}

/* The same for a string or null: 0 with *ret NULL. */
static int
string_or_null(struct json_span value, char **ret)
{
	if (json_kind(value) == JSON_NULL)
		return 0;
	*ret = string(value);
	return *ret == NULL ? -1 : 0;
}

static int
number(struct json_span value, uint32_t *ret)
{
	int64_t n;

	if (value.at == NULL || json_integer(value, &n) == -1 || n < 0 ||
	    n > UINT32_MAX)
		return invalid();
	*ret = (uint32_t)n;
	return 0;
}

static int
boolean(struct json_span value, bool *ret)
{
	if (json_kind(value) != JSON_BOOLEAN)
		return invalid();
	*ret = *value.at == 't';
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
	    (found = log_level_find(name)) == -1)
		return invalid();
	*level = (enum log_level)found;
	return 0;
}

static int
parse_type(enum remote_type *type, struct json_span value)
{
	size_t i;

	for (i = 0; i < sizeof(remote_types) / sizeof(remote_types[0]); i++)
		if (json_string_is(value, remote_types[i])) {
			*type = (enum remote_type)i;
			return 0;
		}
	return invalid();
}

/* As many as a control message has room for. */
static int
parse_headers(char ***ret, struct json_span array)
{
	struct json_span element;
	struct json_iter it;
	size_t n = 0;
	char *colon;

	if (json_kind(array) != JSON_ARRAY)
		return invalid();
	json_iter_init(&it, array);
	while (json_iter_element(&it, &element))
		n++;
	*ret = calloc(n + 1, sizeof(**ret));
	if (*ret == NULL)
		return -1;
	json_iter_init(&it, array);
	for (n = 0; json_iter_element(&it, &element); n++) {
		(*ret)[n] = string(element);
		if ((*ret)[n] == NULL)
			return -1;
		colon = strchr((*ret)[n], ':');
		if (colon == NULL || colon == (*ret)[n])
			return invalid();
	}
	return 0;
}

/* A url without all that belongs to it is refused, and so is no word of it. */
static int
parse_remote(struct setup_remote *remote, const struct json_span *spans)
{
	if (json_kind(spans[REMOTE]) == JSON_NULL)
		return 0;
	if (json_kind(spans[REMOTE]) != JSON_OBJECT)
		return invalid();
	if (parse_type(&remote->type, spans[TYPE]) == -1 ||
	    (remote->url = string(spans[URL])) == NULL ||
	    parse_headers(&remote->headers, spans[HEADERS]) == -1 ||
	    string_or_null(spans[CA], &remote->ca) == -1 ||
	    string_or_null(spans[CERTIFICATE], &remote->certificate) == -1 ||
	    string_or_null(spans[KEY], &remote->key) == -1 ||
	    boolean(spans[PRIVATE_NETWORK], &remote->private_network) == -1 ||
	    boolean(spans[HAS_JOB], &remote->has_job) == -1)
		return -1;
	return 0;
}

static int
parse_all(struct setup *setup, const struct json_span *spans)
{
	if (parse_level(&setup->log_level, spans[LOG_LEVEL]) == -1 ||
	    parse_identity(&setup->identity, spans) == -1 ||
	    number(spans[REQUEST_TIMEOUT], &setup->request_timeout_ms) == -1 ||
	    number(spans[STARTUP_TIMEOUT], &setup->startup_timeout_ms) == -1 ||
	    number(spans[PING_INTERVAL], &setup->ping_interval_ms) == -1 ||
	    number(spans[MESSAGE_SIZE], &setup->message_size) == -1 ||
	    number(spans[CAPABILITIES], &setup->capabilities) == -1 ||
	    (setup->name = string(spans[NAME])) == NULL)
		return -1;
	/* No time at all is a mistake; no pings are not. */
	if (setup->request_timeout_ms == 0 || setup->startup_timeout_ms == 0 ||
	    setup->message_size == 0 || setup->message_size > MSG_JSON_MAX ||
	    setup->capabilities > MCP_CAPABILITIES_ALL)
		return invalid();
	return parse_remote(&setup->remote, spans);
}

int
setup_parse(struct setup *setup, const char *text, size_t len)
{
	struct json_span spans[FIELDS];
	struct json_scan scan;
	int error;

	memset(setup, 0, sizeof(*setup));
	if (json_scan(text, len, fields, FIELDS, spans, &scan) == -1)
		return invalid();
	if (parse_all(setup, spans) == 0)
		return 0;
	error = errno;
	setup_free(setup);
	errno = error;
	return -1;
}

static void
wipe(char *text)
{
	if (text != NULL)
		freezero(text, strlen(text));
}

void
setup_free(struct setup *setup)
{
	struct setup_remote *remote = &setup->remote;
	char *chroot_copy;
	char **header;

	/* The member is const for whoever drops privileges; it is our copy. */
	memcpy(&chroot_copy, &setup->identity.chroot, sizeof(chroot_copy));
	free(chroot_copy);
	free(setup->name);
	wipe(remote->url); /* people put keys into it */
	for (header = remote->headers; header != NULL && *header != NULL;
	     header++)
		wipe(*header);
	free(remote->headers);
	wipe(remote->ca);
	wipe(remote->certificate);
	wipe(remote->key);
	memset(setup, 0, sizeof(*setup));
}
