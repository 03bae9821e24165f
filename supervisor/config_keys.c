#include "config_keys.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "config_tables.h"

/* Longer names are not compared for likeness. */
#define SUGGEST_MAX 32
/* A name with more wrong letters was probably meant as something else. */
#define SUGGEST_DISTANCE 2

/* What other programs call a thing that we have under another name. */
static const struct {
	enum config_section section;
	const char *theirs;
	const char *ours;
} synonyms[] = {
	{ CONFIG_TOP, "mcpProxy", "gateway" },
	{ CONFIG_GATEWAY, "address", "host" },
	{ CONFIG_GATEWAY, "addr", "listen" },
	{ CONFIG_GATEWAY, "bind", "listen" },
	{ CONFIG_GATEWAY, "socket", "listen" },
	{ CONFIG_GATEWAY, "baseURL", "public_url" },
	{ CONFIG_GATEWAY, "base_url", "public_url" },
	{ CONFIG_GATEWAY, "authTokens", "tokens" },
	{ CONFIG_GATEWAY, "auth_tokens", "tokens" },
	{ CONFIG_GATEWAY, "api_keys", "tokens" },
	{ CONFIG_GATEWAY, "auth", "tokens" },
	{ CONFIG_GATEWAY, "cors", "allowed_origins" },
	{ CONFIG_GATEWAY, "cors_origins", "allowed_origins" },
	{ CONFIG_GATEWAY, "logs", "log_dir" },
	{ CONFIG_GATEWAY, "log_file", "log_dir" },
	{ CONFIG_GATEWAY, "shutdown_timeout", "drain_timeout" },
	{ CONFIG_GATEWAY, "max_connections", "limits" },
	{ CONFIG_GATEWAY, "max_sessions", "limits" },
	{ CONFIG_GATEWAY, "max_body_size", "limits" },
	{ CONFIG_GATEWAY, "rate_limit", "limits" },
	{ CONFIG_GATEWAY, "separator", "names" },
	{ CONFIG_GATEWAY, "name_style", "names" },
	{ CONFIG_TOKEN, "token", "hash" },
	{ CONFIG_TOKEN, "sha256", "hash" },
	{ CONFIG_TOKEN, "servers", "backends" },
	{ CONFIG_TOKEN, "rate", "requests_per_second" },
	{ CONFIG_TOKEN, "rate_limit", "requests_per_second" },
	{ CONFIG_LIMITS, "max_connections", "connections" },
	{ CONFIG_LIMITS, "max_sessions", "sessions" },
	{ CONFIG_LIMITS, "session_timeout", "session_idle" },
	{ CONFIG_LIMITS, "idle_timeout", "session_idle" },
	{ CONFIG_LIMITS, "session_ttl", "session_lifetime" },
	{ CONFIG_LIMITS, "max_body_size", "body_size" },
	{ CONFIG_LIMITS, "rate", "requests_per_second" },
	{ CONFIG_LIMITS, "rate_limit", "requests_per_second" },
	{ CONFIG_BACKEND, "timeout", "request_timeout" },
	{ CONFIG_BACKEND, "tool_timeout_sec", "request_timeout" },
	{ CONFIG_BACKEND, "startup_timeout_sec", "startup_timeout" },
	{ CONFIG_BACKEND, "transport", "type" },
	{ CONFIG_BACKEND, "transportType", "type" },
	{ CONFIG_BACKEND, "serverUrl", "url" },
	{ CONFIG_BACKEND, "httpUrl", "url" },
	{ CONFIG_BACKEND, "endpoint", "url" },
	{ CONFIG_BACKEND, "http_headers", "headers" },
	{ CONFIG_BACKEND, "bearer_token_env_var", "headers" },
	{ CONFIG_BACKEND, "ca", "ca_file" },
	{ CONFIG_BACKEND, "cert", "cert_file" },
	{ CONFIG_BACKEND, "key", "key_file" },
	{ CONFIG_BACKEND, "enabled", "disabled" },
	{ CONFIG_BACKEND, "workingDirectory", "cwd" },
	{ CONFIG_BACKEND, "working_directory", "cwd" },
	{ CONFIG_BACKEND, "working_dir", "cwd" },
	{ CONFIG_BACKEND, "environment", "env" },
	{ CONFIG_BACKEND, "arguments", "args" },
	{ CONFIG_BACKEND, "entrypoint", "command" },
	{ CONFIG_BACKEND, "toolFilter", "tools" },
	{ CONFIG_BACKEND, "includeTools", "tools" },
	{ CONFIG_BACKEND, "excludeTools", "tools" },
	{ CONFIG_BACKEND, "enabled_tools", "tools" },
	{ CONFIG_BACKEND, "disabled_tools", "tools" },
	{ CONFIG_BACKEND, "disabledTools", "tools" },
	{ CONFIG_BACKEND, "sessions", "session" },
	{ CONFIG_BACKEND, "isolation", "session" },
	{ CONFIG_BACKEND, "instances", "max_instances" },
	{ CONFIG_BACKEND, "idle_timeout", "instance_idle" },
	{ CONFIG_BACKEND, "mem_limit", "limits" },
	{ CONFIG_BACKEND, "pids_limit", "limits" },
	{ CONFIG_BACKEND, "cpus", "limits" },
	{ CONFIG_BACKEND, "memory", "limits" },
	{ CONFIG_BACKEND, "ulimits", "limits" },
	{ CONFIG_BACKEND, "resources", "limits" },
	{ CONFIG_BACKEND, "network_mode", "sandbox" },
	{ CONFIG_BACKEND, "network", "sandbox" },
	{ CONFIG_BACKEND, "read_only", "sandbox" },
	{ CONFIG_BACKEND, "no_new_privileges", "new_privileges" },
	{ CONFIG_JOB_LIMITS, "mem", "memory" },
	{ CONFIG_JOB_LIMITS, "mem_limit", "memory" },
	{ CONFIG_JOB_LIMITS, "memory_max", "memory" },
	{ CONFIG_JOB_LIMITS, "pids", "processes" },
	{ CONFIG_JOB_LIMITS, "pids_limit", "processes" },
	{ CONFIG_JOB_LIMITS, "nproc", "processes" },
	{ CONFIG_JOB_LIMITS, "tasks_max", "processes" },
	{ CONFIG_JOB_LIMITS, "cpu", "cpu_percent" },
	{ CONFIG_JOB_LIMITS, "cpus", "cpu_percent" },
	{ CONFIG_JOB_LIMITS, "cpu_quota", "cpu_percent" },
	{ CONFIG_JOB_LIMITS, "nofile", "open_files" },
	{ CONFIG_JOB_LIMITS, "fsize", "file_size" },
	{ CONFIG_JOB_LIMITS, "core", "core_size" },
	{ CONFIG_SANDBOX, "ro", "read" },
	{ CONFIG_SANDBOX, "rw", "write" },
	{ CONFIG_SANDBOX, "ports", "connect" },
	{ CONFIG_SANDBOX, "network_mode", "network" },
	{ CONFIG_TOOLS, "include", "allow" },
	{ CONFIG_TOOLS, "list", "allow" },
	{ CONFIG_TOOLS, "exclude", "deny" },
	{ CONFIG_TOOLS, "block", "deny" },
};

const struct config_key *
config_keys(enum config_section section, size_t *n)
{
	static const struct config_table *const tables[CONFIG_SECTIONS] = {
		[CONFIG_TOP] = &config_table_top,
		[CONFIG_GATEWAY] = &config_table_gateway,
		[CONFIG_TOKEN] = &config_table_token,
		[CONFIG_LIMITS] = &config_table_limits,
		[CONFIG_BACKEND] = &config_table_backend,
		[CONFIG_JOB_LIMITS] = &config_table_job_limits,
		[CONFIG_SANDBOX] = &config_table_sandbox,
		[CONFIG_TOOLS] = &config_table_tools,
	};

	assert(section < CONFIG_SECTIONS);
	*n = tables[section]->count;
	return tables[section]->keys;
}

const struct config_key *
config_keys_find(enum config_section section, const char *name)
{
	size_t n;
	const struct config_key *keys = config_keys(section, &n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

/* "logLevel", "log-level" and "log_level" are the same to a reader. */
static size_t
fold(char *dst, const char *name)
{
	size_t n = 0;

	for (; *name != '\0'; name++) {
		if (*name != '_' && *name != '-' && *name != ' ')
			dst[n++] = (char)tolower((unsigned char)*name);
	}
	return n;
}

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/*
 * How many letters must be changed, added, left out or swapped with the next:
 * the optimal string alignment of two names of at most SUGGEST_MAX bytes.
 */
static size_t
distance(const char *one, const char *other)
{
	char a[SUGGEST_MAX], b[SUGGEST_MAX];
	size_t an = fold(a, one);
	size_t bn = fold(b, other);
	size_t d[SUGGEST_MAX + 1][SUGGEST_MAX + 1];

	if (an > bn + SUGGEST_DISTANCE || bn > an + SUGGEST_DISTANCE)
		return SUGGEST_DISTANCE + 1;
	for (size_t i = 0; i <= an; i++) {
		for (size_t j = 0; j <= bn; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
			    d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = least(
				    d[i][j], d[i - 2][j - 2] + 1, SIZE_MAX);
		}
	}
	return d[an][bn];
}

const char *
config_keys_suggest(enum config_section section, const char *name)
{
	size_t best = SUGGEST_DISTANCE + 1;
	const char *found = NULL;
	size_t n;
	const struct config_key *keys = config_keys(section, &n);

	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++) {
		if (synonyms[i].section == section &&
		    strcasecmp(synonyms[i].theirs, name) == 0)
			return synonyms[i].ours;
	}
	if (strlen(name) > SUGGEST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name, keys[i].name);

		/* Half of a short name wrong is another name. */
		if (d < best && 2 * d < strlen(keys[i].name)) {
			best = d;
			found = keys[i].name;
		}
	}
	return found;
}
