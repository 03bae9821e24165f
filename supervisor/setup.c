/* setup.c: the JSON texts of control messages. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "proto/json.h"
#include "setup.h"

#define PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* json-c returns no error from most of its calls; an allocation that failed
 * shows as a NULL object, which prints as null.  Each value is checked here
 * instead, and a flag remembers. */
struct text {
	struct json_object *root;
	bool failed;
};

static void
add(struct text *t, struct json_object *to, const char *key,
    struct json_object *value)
{
	if (value == NULL || json_object_object_add(to, key, value) != 0)
		t->failed = true;
}

static void
add_null(struct text *t, struct json_object *to, const char *key)
{
	if (json_object_object_add(to, key, NULL) != 0)
		t->failed = true;
}

static void
add_string(
    struct text *t, struct json_object *to, const char *key, const char *value)
{
	if (value == NULL)
		add_null(t, to, key);
	else
		add(t, to, key, json_object_new_string(value));
}

static void
add_number(
    struct text *t, struct json_object *to, const char *key, int64_t value)
{
	add(t, to, key, json_object_new_int64(value));
}

static void
add_boolean(struct text *t, struct json_object *to, const char *key, bool value)
{
	add(t, to, key, json_object_new_boolean(value));
}

static void
append(struct text *t, struct json_object *array, const char *value)
{
	struct json_object *string = json_object_new_string(value);

	if (array == NULL || string == NULL ||
	    json_object_array_add(array, string) != 0)
		t->failed = true;
}

/* list is NULL-terminated; NULL is an empty one. */
static struct json_object *
new_array(struct text *t, char *const *list)
{
	struct json_object *array = json_object_new_array();

	for (; list != NULL && *list != NULL; list++)
		append(t, array, *list);
	return array;
}

static struct text
begin(void)
{
	struct text t = { .root = json_object_new_object() };

	t.failed = t.root == NULL;
	return t;
}

/* The text as the caller's string; the tree is gone in any case. */
static char *
finish(struct text *t)
{
	const char *json;
	char *copy = NULL;
	size_t len = 0;

	errno = ENOMEM;
	if (!t->failed &&
	    (json = json_object_to_json_string_length(t->root, PLAIN, &len)) !=
		NULL) {
		if (len > MSG_CONTROL_MAX)
			errno = E2BIG;
		else
			copy = strdup(json);
	}
	json_object_put(t->root);
	return copy;
}

static void
add_identity(struct text *t, const struct role_identity *identity)
{
	struct json_object *object;

	if (!identity->set) {
		add_null(t, t->root, "identity");
		return;
	}
	object = json_object_new_object();
	add(t, t->root, "identity", object);
	add_number(t, object, "uid", identity->uid);
	add_number(t, object, "gid", identity->gid);
	add_string(t, object, "chroot", identity->chroot);
}

char *
setup_front(enum log_level level, const struct role_identity *identity)
{
	struct text t = begin();

	add_string(&t, t.root, "log_level", log_level_name(level));
	add_identity(&t, identity);
	return finish(&t);
}

/* What a worker calls it. */
static const char *
transport_name(enum config_transport transport)
{
	switch (transport) {
	case CONFIG_STDIO: /* has no url */
	case CONFIG_AUTO:
		break;
	case CONFIG_SSE:
		return "sse";
	case CONFIG_HTTP:
		return "http";
	}
	return "auto";
}

static void
add_remote(struct text *t, const struct config_backend *backend)
{
	struct json_object *object;

	if (backend->url == NULL) {
		add_null(t, t->root, "remote");
		return;
	}
	object = json_object_new_object();
	add(t, t->root, "remote", object);
	add_string(t, object, "type", transport_name(backend->transport));
	add_string(t, object, "url", backend->url);
	add(t, object, "headers", new_array(t, backend->headers));
	add_string(t, object, "ca", backend->ca);
	add_string(t, object, "certificate", backend->certificate);
	add_string(t, object, "key", backend->key);
	add_boolean(t, object, "private_network", backend->private_network);
	add_boolean(t, object, "has_job", backend->command != NULL);
}

char *
setup_worker(const struct config_backend *backend, enum log_level level,
    const struct role_identity *identity)
{
	struct text t = begin();

	add_string(&t, t.root, "log_level", log_level_name(level));
	add_identity(&t, identity);
	add_string(&t, t.root, "name", backend->name);
	add_number(
	    &t, t.root, "request_timeout_ms", backend->request_timeout_ms);
	add_number(
	    &t, t.root, "startup_timeout_ms", backend->startup_timeout_ms);
	add_number(&t, t.root, "ping_interval_ms", backend->ping_interval_ms);
	add_remote(&t, backend);
	return finish(&t);
}

static void
add_env(struct text *t, char *const *env)
{
	struct json_object *object = json_object_new_object();

	add(t, t->root, "env", object);
	for (; *env != NULL; env++) {
		const char *equals = strchr(*env, '=');
		char *name;

		if (equals == NULL || equals == *env)
			continue;
		name = strndup(*env, (size_t)(equals - *env));
		if (name == NULL)
			t->failed = true;
		else
			add_string(t, object, name, equals + 1);
		free(name);
	}
}

static void
add_user(struct text *t, const struct setup_user *user)
{
	struct json_object *object;

	if (user->name == NULL) {
		add_null(t, t->root, "user");
		return;
	}
	object = json_object_new_object();
	add(t, t->root, "user", object);
	add_string(t, object, "name", user->name);
	add_number(t, object, "uid", user->uid);
	add_number(t, object, "gid", user->gid);
}

char *
setup_reaper(const struct config_backend *backend, enum log_level level,
    char *const *env, const struct setup_user *user, const char *cgroup)
{
	struct text t = begin();

	add_string(&t, t.root, "log_level", log_level_name(level));
	add_string(&t, t.root, "name", backend->name);
	add_string(&t, t.root, "command", backend->command);
	add(&t, t.root, "args", new_array(&t, backend->args));
	add_env(&t, env);
	add_string(&t, t.root, "cwd", backend->cwd);
	add_user(&t, user);
	add_string(&t, t.root, "cgroup", cgroup);
	return finish(&t);
}

char *
setup_listen(const char *address)
{
	struct text t = begin();

	add_string(&t, t.root, "address", address);
	return finish(&t);
}

char *
setup_backend(const char *state, const char *error, int64_t retry_ms)
{
	struct text t = begin();

	add_string(&t, t.root, "state", state);
	add_string(&t, t.root, "error", error);
	if (retry_ms < 0)
		add_null(&t, t.root, "retry_ms");
	else
		add_number(&t, t.root, "retry_ms", retry_ms);
	return finish(&t);
}

char *
setup_stop(unsigned int wait_ms, unsigned int term_ms)
{
	struct text t = begin();

	add_number(&t, t.root, "wait_ms", wait_ms);
	add_number(&t, t.root, "term_ms", term_ms);
	return finish(&t);
}

/*
 * What children report is scanned without building anything: a child may be in
 * a stranger's hands.
 */

static bool
scan(const char *json, size_t len, const struct json_field *fields, size_t n,
    struct json_span *spans)
{
	struct json_scan result;
	struct json_span all = { json, len };

	if (json_scan(json, len, fields, n, spans, &result) == -1 ||
	    json_kind(all) != JSON_OBJECT) {
		errno = EINVAL;
		return false;
	}
	return true;
}

/* A string of a peer, cut and made fit for a log line; "" when it is none. */
static void
read_text(char *dst, size_t size, struct json_span value)
{
	char raw[4 * LOG_STR_MAX];
	ssize_t n = 0;

	dst[0] = '\0';
	if (json_kind(value) != JSON_STRING)
		return;
	n = json_string_decode(value, raw, sizeof(raw));
	if (n == -1) { /* too long, or not text: as it came, but cut */
		(void)log_escape(dst, size, value.at + 1,
		    value.len - 2 < sizeof(raw) ? value.len - 2 : sizeof(raw));
		return;
	}
	(void)log_escape(dst, size, raw, (size_t)n);
}

static bool
read_count(unsigned int *dst, struct json_span value)
{
	int64_t number;

	if (json_kind(value) != JSON_NUMBER ||
	    json_integer(value, &number) == -1 || number < 0 ||
	    number > INT_MAX)
		return false;
	*dst = (unsigned int)number;
	return true;
}

const char *
setup_check_hello(
    const char *json, size_t len, enum role role, const char *version)
{
	static const struct json_field fields[] = {
		JSON_FIELD("role", JSON_ROOT),
		JSON_FIELD("version", JSON_ROOT),
	};
	struct json_span span[2];

	if (!scan(json, len, fields, 2, span))
		return "says HELLO without a JSON object";
	if (!json_string_is(span[1], version))
		return "has another version than mcp-gatewayd; install all "
		       "programs of the gateway together and restart "
		       "mcp-gatewayd";
	if (!json_string_is(span[0], role_name(role)))
		return "says that it is another program";
	return NULL;
}

int
setup_parse_ready(struct setup_ready *ret, const char *json, size_t len)
{
	static const struct json_field fields[] = {
		JSON_FIELD("revision", JSON_ROOT),
		JSON_FIELD("server", JSON_ROOT),
		JSON_FIELD("tools", JSON_ROOT),
		JSON_FIELD("resources", JSON_ROOT),
		JSON_FIELD("templates", JSON_ROOT),
		JSON_FIELD("prompts", JSON_ROOT),
	};
	struct json_span span[6];
	struct setup_ready ready;

	if (!scan(json, len, fields, 6, span))
		return -1;
	read_text(ready.revision, sizeof(ready.revision), span[0]);
	read_text(ready.server, sizeof(ready.server), span[1]);
	if (!read_count(&ready.tools, span[2]) ||
	    !read_count(&ready.resources, span[3]) ||
	    !read_count(&ready.templates, span[4]) ||
	    !read_count(&ready.prompts, span[5])) {
		errno = EINVAL;
		return -1;
	}
	*ret = ready;
	return 0;
}

/* The last lines of a list that say something; how many, the oldest first. */
static size_t
read_lines(char lines[SETUP_LINES_MAX][LOG_STR_MAX], struct json_span list)
{
	struct json_span line;
	struct json_iter it;
	size_t n = 0;

	json_iter_init(&it, list);
	while (json_iter_element(&it, &line)) {
		char text[LOG_STR_MAX];

		read_text(text, sizeof(text), line);
		if (text[strspn(text, " ")] == '\0')
			continue;
		if (n == SETUP_LINES_MAX)
			memmove(lines[0], lines[1], --n * sizeof(lines[0]));
		memcpy(lines[n++], text, sizeof(text));
	}
	return n;
}

/* The last n lines into dst[0..size); what does not fit are the oldest ones. */
static void
join_lines(
    char *dst, size_t size, char lines[SETUP_LINES_MAX][LOG_STR_MAX], size_t n)
{
	static const char joint[] = " | ";
	size_t first = n, len = 1; /* the NUL */

	while (first > 0 &&
	    (len += strlen(lines[first - 1]) + sizeof(joint) - 1) <=
		size + sizeof(joint) - 1)
		first--;
	dst[0] = '\0';
	for (size_t i = first; i < n; i++) {
		(void)strlcat(dst, i > first ? joint : "", size);
		(void)strlcat(dst, lines[i], size);
	}
}

int
setup_parse_last_words(
    struct setup_last_words *ret, const char *json, size_t len)
{
	static const struct json_field fields[] = {
		JSON_FIELD("why", JSON_ROOT),
		JSON_FIELD("stderr", JSON_ROOT),
	};
	char lines[SETUP_LINES_MAX][LOG_STR_MAX];
	struct json_span span[2];

	if (!scan(json, len, fields, 2, span))
		return -1;
	memset(ret, 0, sizeof(*ret));
	read_text(ret->why, sizeof(ret->why), span[0]);
	if (json_kind(span[1]) == JSON_ARRAY)
		join_lines(ret->stderr_lines, sizeof(ret->stderr_lines), lines,
		    read_lines(lines, span[1]));
	return 0;
}

int
setup_parse_job_end(struct setup_job_end *ret, const char *json, size_t len)
{
	static const struct json_field fields[] = {
		JSON_FIELD("exit", JSON_ROOT),
		JSON_FIELD("signal", JSON_ROOT),
		JSON_FIELD("spawn_errno", JSON_ROOT),
		JSON_FIELD("what", JSON_ROOT),
	};
	struct json_span span[4];
	struct setup_job_end end = { .kind = SETUP_JOB_EXIT };
	unsigned int value = 0;

	if (!scan(json, len, fields, 4, span))
		return -1;
	if (read_count(&value, span[0])) {
		end.kind = SETUP_JOB_EXIT;
	} else if (read_count(&value, span[1])) {
		end.kind = SETUP_JOB_SIGNAL;
	} else if (read_count(&value, span[2])) {
		end.kind = SETUP_JOB_SPAWN;
	} else {
		errno = EINVAL;
		return -1;
	}
	end.value = (int)value;
	read_text(end.what, sizeof(end.what), span[3]);
	*ret = end;
	return 0;
}
