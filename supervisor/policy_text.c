/* policy_text.c: the payload of POLICY. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy_text.h"
#include "proto/buf.h"
#include "proto/json.h"
#include "proto/msg.h"

/* The front cannot number more on one link (front/link.h). */
#define REQUESTS_MAX 16384U

/* What comes before the digits of a token's hash. */
#define HASH_PREFIX "sha256:"

/* A call that failed shows at the end: nothing is read in between. */
struct text {
	struct buf buf;
	bool failed;
};

static void
add(struct text *t, const char *text)
{
	if (buf_add_text(&t->buf, text) == -1)
		t->failed = true;
}

static void
add_string(struct text *t, const char *value)
{
	if (value == NULL)
		add(t, "null");
	else if (json_add_string(&t->buf, value, strlen(value)) == -1)
		t->failed = true;
}

/* ,"key":  */
static void
add_key(struct text *t, const char *key)
{
	if (buf_add_format(&t->buf, ",\"%s\":", key) == -1)
		t->failed = true;
}

static void
add_number(struct text *t, const char *key, uint64_t value)
{
	if (buf_add_format(&t->buf, ",\"%s\":%" PRIu64, key, value) == -1)
		t->failed = true;
}

/* The strings of a list, each with a comma before it but for the first. */
static size_t
add_strings(struct text *t, char *const *list, size_t before)
{
	for (; list != NULL && *list != NULL; list++) {
		if (before++ > 0)
			add(t, ",");
		add_string(t, *list);
	}
	return before;
}

static void
add_list(struct text *t, const char *key, char *const *list)
{
	add_key(t, key);
	add(t, "[");
	(void)add_strings(t, list, 0);
	add(t, "]");
}

/* The name in "name:9000" and "https://name/", as a string of the list; none is
 * needed for an IP address, by which everybody may call us. */
static size_t
add_host(struct text *t, const char *address, size_t before)
{
	const char *begin = strstr(address, "://");
	size_t len;

	begin = begin != NULL ? begin + 3 : address;
	len = strcspn(begin, ":/");
	if (*begin == '[' || strspn(begin, "0123456789.") == len)
		return before;
	if (before > 0)
		add(t, ",");
	if (json_add_string(&t->buf, begin, len) == -1)
		t->failed = true;
	return before + 1;
}

/* The names by which clients may call us: the configured ones, those that we
 * listen on, and the one by which a proxy is called. */
static void
add_hosts(struct text *t, const struct config *config)
{
	size_t n;

	add(t, "\"hosts\":[");
	n = add_strings(t, config->allowed_hosts, 0);
	if (config->listen == NULL || config->listen[0] == NULL) {
		add(t, n++ > 0 ? "," : "");
		add_string(t, config->host);
	}
	for (char **at = config->listen; at != NULL && *at != NULL; at++) {
		if (**at != '/') /* not a path */
			n = add_host(t, *at, n);
	}
	if (config->public_url != NULL)
		(void)add_host(t, config->public_url, n);
	add(t, "]");
}

static void
add_limits(struct text *t, const struct config_limits *limits)
{
	add_key(t, "limits");
	if (buf_add_format(&t->buf, "{\"connections\":%" PRIu64,
		limits->connections) == -1)
		t->failed = true;
	add_number(
	    t, "connections_per_address", limits->connections_per_address);
	add_number(t, "sessions", limits->sessions);
	add_number(t, "requests_per_session", limits->requests_per_session);
	add_number(t, "rate", limits->rate);
	add_number(t, "burst", limits->burst);
	add_number(t, "body_size", limits->body_size);
	add_number(t, "queue_size", limits->queue_size);
	add_number(t, "memory", limits->memory);
	add_number(t, "session_idle_ms", limits->session_idle_ms);
	add_number(t, "session_lifetime_ms", limits->session_lifetime_ms);
	add(t, "}");
}

static void
add_token(struct text *t, const struct config_token *token)
{
	size_t prefix = strlen(HASH_PREFIX);

	add(t, "{\"name\":");
	add_string(t, token->name);
	add_key(t, "sha256");
	add_string(t,
	    token->hash +
		(strncmp(token->hash, HASH_PREFIX, prefix) == 0 ? prefix : 0));
	add_list(t, "backends", token->backends);
	add_list(t, "tools", token->tools);
	add_number(t, "rate", token->rate);
	add_number(t, "concurrent", token->concurrent);
	add(t, "}");
}

const char *
policy_text_part(enum part part)
{
	switch (part) {
	case PART_SERVING:
		return "serving";
	case PART_STANDBY:
		return "standby";
	case PART_LEAVING:
		return "leaving";
	}
	return "unknown";
}

const char *
policy_text_session(enum config_session session)
{
	switch (session) {
	case CONFIG_SHARED:
		return "shared";
	case CONFIG_PER_CLIENT:
		return "per-client";
	case CONFIG_SESSION_AUTO:
		return "auto";
	}
	return "shared";
}

/* NULL: by endpoint. */
static const char *
names_name(enum config_names names)
{
	switch (names) {
	case CONFIG_NAMES_SLASH:
		return "slash";
	case CONFIG_NAMES_SAFE:
		return "safe";
	case CONFIG_NAMES_BY_ENDPOINT:
		break;
	}
	return NULL;
}

static void
add_instances(struct text *t, const struct policy_text_backend *backend)
{
	const struct config_backend *rules = backend->rules;
	bool shared = backend->session == CONFIG_SHARED;

	add_key(t, "session");
	add_string(t, policy_text_session(backend->session));
	add_number(t, "instances", shared ? 0 : rules->max_instances);
	add_number(t, "instance_wait_ms", rules->instance_wait_ms);
	add_number(t, "instance_idle_ms", rules->instance_idle_ms);
}

static void
add_backend(struct text *t, const struct config_limits *limits,
    const struct policy_text_backend *backend)
{
	const struct config_backend *rules = backend->rules;
	bool seen = backend->part != PART_LEAVING;
	uint64_t requests = rules->requests != 0 ? rules->requests
						 : limits->requests_per_backend;

	if (buf_add_format(&t->buf, "{\"number\":%" PRIu64, backend->number) ==
	    -1)
		t->failed = true;
	add_key(t, "name");
	add_string(t, rules->name);
	add_key(t, "part");
	add_string(t, policy_text_part(backend->part));
	add_list(t, "allow", seen ? rules->tools.allow : NULL);
	add_list(t, "deny", seen ? rules->tools.deny : NULL);
	add_number(t, "requests",
	    requests != 0 && requests < REQUESTS_MAX ? requests : REQUESTS_MAX);
	add_instances(t, backend);
	add(t, "}");
}

/* The text as the caller's string; the buffer is gone in any case. */
static char *
finish(struct text *t)
{
	char *copy = NULL;

	if (t->failed)
		errno = ENOMEM;
	else if (buf_len(&t->buf) > MSG_POLICY_MAX)
		errno = E2BIG;
	else
		copy = strndup(buf_data(&t->buf), buf_len(&t->buf));
	buf_free(&t->buf);
	return copy;
}

char *
policy_text(const struct config *config,
    const struct policy_text_backend *backends, size_t count)
{
	struct text t = { .failed = false };

	add(&t, "{");
	add_hosts(&t, config);
	add_list(&t, "origins", config->allowed_origins);
	add_key(&t, "open");
	add(&t, config->token_count == 0 ? "true" : "false");
	add_key(&t, "public_url");
	add_string(&t, config->public_url);
	add_list(&t, "authorization_servers", config->authorization_servers);
	add_key(&t, "names");
	add_string(&t, names_name(config->names));
	add_limits(&t, &config->limits);
	add_key(&t, "tokens");
	add(&t, "[");
	for (size_t i = 0; i < config->token_count; i++) {
		add(&t, i > 0 ? "," : "");
		add_token(&t, &config->tokens[i]);
	}
	add(&t, "]");
	add_key(&t, "backends");
	add(&t, "[");
	for (size_t i = 0; i < count; i++) {
		add(&t, i > 0 ? "," : "");
		add_backend(&t, &config->limits, &backends[i]);
	}
	add(&t, "]}");
	return finish(&t);
}
