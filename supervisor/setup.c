/* setup.c: the JSON texts of control messages. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "proto/json.h"
#include "setup.h"

static struct json_text
begin(void)
{
	struct json_text t;

	json_text_begin(&t);
	return t;
}

static char *
finish(struct json_text *t)
{
	return json_text_finish(t, MSG_CONTROL_MAX);
}

static void
add_identity(struct json_text *t, const struct role_identity *identity)
{
	if (!identity->set) {
		json_text_null(t, "identity");
		return;
	}
	json_text_open(t, "identity");
	json_text_number(t, "uid", identity->uid);
	json_text_number(t, "gid", identity->gid);
	json_text_string(t, "chroot", identity->chroot);
	json_text_close(t);
}

char *
setup_front(enum log_level level, const struct role_identity *identity)
{
	struct json_text t = begin();

	json_text_string(&t, "log_level", log_level_name(level));
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
add_remote(struct json_text *t, const struct config_backend *backend)
{
	if (backend->url == NULL) {
		json_text_null(t, "remote");
		return;
	}
	json_text_open(t, "remote");
	json_text_string(t, "type", transport_name(backend->transport));
	json_text_string(t, "url", backend->url);
	json_text_strings(t, "headers", backend->headers);
	json_text_string(t, "ca", backend->ca);
	json_text_string(t, "certificate", backend->certificate);
	json_text_string(t, "key", backend->key);
	json_text_boolean(t, "private_network", backend->private_network);
	json_text_boolean(t, "has_job", backend->command != NULL);
	json_text_close(t);
}

char *
setup_worker(const struct config_backend *backend, enum log_level level,
    const struct role_identity *identity, unsigned int capabilities)
{
	struct json_text t = begin();

	json_text_string(&t, "log_level", log_level_name(level));
	add_identity(&t, identity);
	json_text_string(&t, "name", backend->name);
	json_text_number(&t, "request_timeout_ms", backend->request_timeout_ms);
	json_text_number(&t, "startup_timeout_ms", backend->startup_timeout_ms);
	json_text_number(&t, "ping_interval_ms", backend->ping_interval_ms);
	json_text_number(&t, "message_size", (int64_t)backend->message_size);
	json_text_number(&t, "capabilities", capabilities);
	add_remote(&t, backend);
	return finish(&t);
}

static void
add_env(struct json_text *t, char *const *env)
{
	json_text_open(t, "env");
	for (; *env != NULL; env++) {
		size_t len = strcspn(*env, "=");
		char *name;

		if ((*env)[len] != '=' || len == 0)
			continue;
		if ((name = strndup(*env, len)) == NULL)
			t->failed = true;
		else
			json_text_string(t, name, *env + len + 1);
		free(name);
	}
	json_text_close(t);
}

static void
add_user(struct json_text *t, const struct setup_user *user)
{
	if (!user->set) {
		json_text_null(t, "user");
		return;
	}
	json_text_open(t, "user");
	json_text_string(t, "name", user->name);
	json_text_number(t, "uid", user->uid);
	json_text_number(t, "gid", user->gid);
	json_text_close(t);
}

static void
add_limit(struct json_text *t, const char *key, uint64_t limit)
{
	if (limit > INT64_MAX) /* CONFIG_UNLIMITED */
		json_text_null(t, key);
	else
		json_text_number(t, key, (int64_t)limit);
}

static void
add_limits(struct json_text *t, const struct setup_limits *limits)
{
	json_text_open(t, "limits");
	add_limit(t, "memory", limits->memory);
	add_limit(t, "processes", limits->processes);
	add_limit(t, "cpu_percent", limits->cpu_percent);
	add_limit(t, "user_processes", limits->user_processes);
	add_limit(t, "open_files", limits->open_files);
	add_limit(t, "file_size", limits->file_size);
	add_limit(t, "core_size", limits->core_size);
	json_text_close(t);
}

static void
add_sandbox(struct json_text *t, const struct config_sandbox *sandbox)
{
	if (!sandbox->set) {
		json_text_null(t, "sandbox");
		return;
	}
	json_text_open(t, "sandbox");
	json_text_strings(t, "read", sandbox->read);
	json_text_strings(t, "write", sandbox->write);
	json_text_strings(t, "connect", sandbox->connect);
	json_text_boolean(t, "private_network", sandbox->private_network);
	json_text_close(t);
}

char *
setup_reaper(const struct config_backend *backend, enum log_level level,
    const struct setup_job *job)
{
	struct json_text t = begin();

	json_text_string(&t, "log_level", log_level_name(level));
	json_text_string(&t, "name", backend->name);
	json_text_string(&t, "command", backend->command);
	json_text_strings(&t, "args", backend->args);
	add_env(&t, job->env);
	json_text_string(&t, "cwd", job->cwd);
	json_text_string(&t, "home", job->home);
	json_text_string(&t, "tmp", job->tmp);
	add_user(&t, &job->user);
	json_text_boolean(&t, "new_privileges", backend->new_privileges);
	add_limits(&t, &job->limits);
	add_sandbox(&t, &backend->sandbox);
	json_text_string(&t, "cgroup", job->cgroup);
	return finish(&t);
}

char *
setup_listen(const char *address, bool local)
{
	struct json_text t = begin();

	json_text_string(&t, "address", address);
	json_text_boolean(&t, "local", local);
	return finish(&t);
}

char *
setup_backend(const char *state, const char *error, int64_t retry_ms)
{
	struct json_text t = begin();

	json_text_string(&t, "state", state);
	json_text_string(&t, "error", error);
	if (retry_ms < 0)
		json_text_null(&t, "retry_ms");
	else
		json_text_number(&t, "retry_ms", retry_ms);
	return finish(&t);
}

char *
setup_no_instance(const char *error)
{
	struct json_text t = begin();

	json_text_string(&t, "error", error);
	return finish(&t);
}

char *
setup_stop(unsigned int wait_ms, unsigned int term_ms)
{
	struct json_text t = begin();

	json_text_number(&t, "wait_ms", wait_ms);
	json_text_number(&t, "term_ms", term_ms);
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
		JSON_FIELD("no_memory", JSON_ROOT),
	};
	struct json_span span[5];
	struct setup_job_end end = { .kind = SETUP_JOB_EXIT };
	unsigned int value = 0;
	int64_t memory;

	if (!scan(json, len, fields, 5, span))
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
	if (json_integer(span[4], &memory) == 0 && memory >= 0) {
		end.no_memory = true;
		end.memory = (uint64_t)memory;
	}
	*ret = end;
	return 0;
}
