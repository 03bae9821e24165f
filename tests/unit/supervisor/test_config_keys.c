/*
 * The table of keys, the JSON Schema, the manual page and the shipped files say
 * the same.
 */
#include "config_test.h"

#include "proto/json.h"

#include "config_form.h"
#include "config_keys.h"
#include "config_text.h"

#define SOURCE_MAX (256U << 10)

/* The schema's name and the manual page's heading of each section. */
static const struct {
	const char *schema;
	const char *manual;
} sections[CONFIG_SECTIONS] = {
	[CONFIG_TOP] = { "top", ".Ss Sections\n" },
	[CONFIG_GATEWAY] = { "gateway", ".Ss Gateway\n" },
	[CONFIG_TOKEN] = { "token", ".Ss Tokens\n" },
	[CONFIG_LIMITS] = { "limits", ".Ss Limits\n" },
	[CONFIG_BACKEND] = { "backend", ".Ss Backend\n" },
	[CONFIG_JOB_LIMITS] = { "jobLimits", ".Ss Limits of a backend\n" },
	[CONFIG_SANDBOX] = { "sandbox", ".Ss Sandbox\n" },
	[CONFIG_TOOLS] = { "tools", ".Ss Tools\n" },
};

/* Where the file lies in the source tree, which begins where this one does. */
static const char *
path_of(const char *name)
{
	static char path[4096];
	static const char here[] = "tests/unit/supervisor/";
	const char *end = strstr(__FILE__, here);

	assert_non_null(end);
	snprintf(path, sizeof(path), "%.*s%s", (int)(end - __FILE__), __FILE__,
	    name);
	return path;
}

/* A file of the source tree; the caller's. */
static char *
source(const char *name, size_t *len)
{
	const char *path = path_of(name);
	char why[CONFIG_TEXT_WHY_MAX];
	char *text;

	/* Whose the source tree is does not matter here. */
	if (config_text_read(
		&text, len, path, SOURCE_MAX, CONFIG_TRUST_ANY, why) == -1)
		fail_msg("%s %s", path, why);
	return text;
}

static struct json_span
trim(const char *text, size_t len)
{
	while (len > 0 && text[len - 1] == '\n')
		len--;
	return (struct json_span){ text, len };
}

static size_t
members(struct json_span object)
{
	struct json_span key, value;
	struct json_iter it;
	size_t n = 0;

	json_iter_init(&it, object);
	while (json_iter_member(&it, &key, &value))
		n++;
	return n;
}

static double
number(struct json_span value)
{
	assert_int_equal(json_kind(value), JSON_NUMBER);
	return strtod(value.at, NULL);
}

/* The "type" of the schema, as it stands there; NULL: none. */
static const char *
schema_type(const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_CHOICE:
	case CONFIG_SWITCH:
	case CONFIG_TRANSPORT:
	case CONFIG_MODE:
	case CONFIG_PEM:
		return "\"string\"";
	case CONFIG_STRINGS:
	case CONFIG_PORTS:
		return "\"array\"";
	case CONFIG_ENV:
	case CONFIG_HEADERS:
		return "\"object\"";
	case CONFIG_BOOLEAN:
		return "\"boolean\"";
	case CONFIG_PORT:
	case CONFIG_RATE:
		return "\"integer\"";
	case CONFIG_COUNT:
		return key->or_unlimited ? "[\"integer\", \"string\"]"
					 : "\"integer\"";
	case CONFIG_SIZE:
		return "[\"integer\", \"string\"]";
	case CONFIG_SECONDS:
		return "\"number\"";
	case CONFIG_OBJECT:
	case CONFIG_TOKENS:
	case CONFIG_SECTION:
	case CONFIG_IGNORED:
		return NULL;
	}
	return NULL;
}

/* Whether it has a least and a greatest value. */
static bool
is_number(const struct config_key *key)
{
	return key->type == CONFIG_PORT || key->type == CONFIG_SECONDS ||
	    key->type == CONFIG_COUNT || key->type == CONFIG_RATE ||
	    key->type == CONFIG_SIZE;
}

/* "unlimited" matches the pattern of its strings, if it is allowed. */
static void
unlimited_must_agree(const struct config_key *key, struct json_span schema)
{
	struct json_span pattern = json_get(schema, "pattern");
	bool there = pattern.at != NULL &&
	    memmem(pattern.at, pattern.len, "unlimited", 9) != NULL;

	assert_int_equal(key->or_unlimited, there);
}

static void
choices_must_agree(const struct config_key *key, struct json_span list)
{
	struct json_span value;
	struct json_iter it;
	size_t i = 0;

	assert_int_equal(json_kind(list), JSON_ARRAY);
	json_iter_init(&it, list);
	for (; json_iter_element(&it, &value); i++) {
		assert_non_null(key->choices[i]);
		assert_true(json_string_is(value, key->choices[i]));
	}
	assert_null(key->choices[i]);
}

static void
schema_must_agree(const struct config_key *key, struct json_span schema)
{
	struct json_span fallback = json_get(schema, "default");
	struct json_span written = json_get(schema, "type");
	const char *type = schema_type(key);
	bool numeric = is_number(key);

	print_message("schema of %s\n", key->name);
	assert_true(
	    json_string_is(json_get(schema, "description"), key->description));
	if (type == NULL) {
		assert_null(written.at);
	} else {
		assert_int_equal(written.len, strlen(type));
		assert_memory_equal(written.at, type, written.len);
	}
	unlimited_must_agree(key, schema);
	if (key->fallback == NULL) {
		assert_null(fallback.at);
	} else {
		assert_int_equal(fallback.len, strlen(key->fallback));
		assert_memory_equal(fallback.at, key->fallback, fallback.len);
	}
	assert_int_equal(numeric, json_get(schema, "minimum").at != NULL);
	assert_int_equal(numeric, json_get(schema, "maximum").at != NULL);
	if (numeric) {
		assert_true(number(json_get(schema, "minimum")) ==
		    (key->or_zero ? 0 : key->min));
		assert_true(number(json_get(schema, "maximum")) == key->max);
	}
	if (key->or_zero)
		assert_true(number(json_get(json_get(schema, "not"),
				"exclusiveMaximum")) == key->min);
	if (key->choices != NULL)
		choices_must_agree(key, json_get(schema, "enum"));
	else
		assert_null(json_get(schema, "enum").at);
}

static void
the_schema_has_the_keys_of_the_table(void **state)
{
	size_t len;
	char *text = source("config/mcp-gateway.schema.json", &len);
	struct json_span root = trim(text, len);
	struct json_scan scan;

	(void)state;
	assert_int_equal(json_scan(text, len, NULL, 0, NULL, &scan), 0);
	for (unsigned int s = 0; s < CONFIG_SECTIONS; s++) {
		size_t n;
		const struct config_key *keys = config_keys(s, &n);
		struct json_span section =
		    json_get(json_get(root, "$defs"), sections[s].schema);
		struct json_span properties = json_get(section, "properties");
		struct json_span others =
		    json_get(section, "additionalProperties");

		assert_int_equal(members(properties), n);
		assert_int_equal(json_kind(others), JSON_BOOLEAN);
		assert_int_equal(*others.at, 'f');
		for (size_t i = 0; i < n; i++)
			schema_must_agree(
			    &keys[i], json_get(properties, keys[i].name));
	}
	free(text);
}

static void
line_must_have(const char *line, const char *part)
{
	if (strstr(line, part) == NULL)
		fail_msg("the manual page has no \"%s\" in: %s", part, line);
}

/* The default of a key as the manual page writes it. */
static void
manual_default(char *dst, size_t cap, const char *fallback)
{
	size_t n = strlen(fallback);

	if (strcmp(fallback, "[]") == 0 || strcmp(fallback, "{}") == 0)
		strlcpy(dst, "default none", cap);
	else if (*fallback == '"')
		snprintf(dst, cap, "default %.*s", (int)n - 2, fallback + 1);
	else
		snprintf(dst, cap, "default %s", fallback);
}

/* line is what follows ".It Cm ". */
static void
manual_must_agree(const struct config_key *key, const char *line)
{
	char min[CONFIG_FORM_SIZE_MAX], max[CONFIG_FORM_SIZE_MAX];
	char part[128];

	snprintf(part, sizeof(part), "%s Pq ", key->name);
	if (strncmp(line, part, strlen(part)) != 0)
		fail_msg("the manual page has %s instead of %s", line, part);
	if (key->fallback != NULL) {
		manual_default(part, sizeof(part), key->fallback);
		line_must_have(line, part);
	} else {
		assert_null(strstr(line, "default"));
	}
	if (key->type == CONFIG_SIZE) {
		snprintf(part, sizeof(part), "size from %s to %s",
		    config_form_size(min, key->min),
		    config_form_size(max, key->max));
		line_must_have(line, part);
	} else if (key->type == CONFIG_SECONDS) {
		snprintf(
		    part, sizeof(part), "from %g to %g", key->min, key->max);
		line_must_have(line, part);
	} else if (is_number(key)) {
		snprintf(part, sizeof(part), "whole number from %.0f to %.0f",
		    key->min, key->max);
		line_must_have(line, part);
	}
	if (key->or_zero)
		line_must_have(line, "0 or ");
	for (size_t i = 0; key->choices != NULL && key->choices[i] != NULL; i++)
		line_must_have(line, key->choices[i]);
	if (key->type == CONFIG_IGNORED)
		line_must_have(line, "ignored");
}

static void
the_manual_page_has_the_keys_of_the_table(void **state)
{
	static const char item[] = "\n.It Cm ";
	size_t len;
	char *text = source("config/mcp-gateway.json.5", &len);

	(void)state;
	for (unsigned int s = 0; s < CONFIG_SECTIONS; s++) {
		size_t n, i = 0;
		const struct config_key *keys = config_keys(s, &n);
		char *part = strstr(text, sections[s].manual);
		char *end = part == NULL ? NULL : strstr(part, "\n.El\n");
		char *at;

		assert_non_null(end);
		for (at = part; (at = strstr(at, item)) != NULL && at < end;
		     i++) {
			char line[256];

			at += sizeof(item) - 1;
			snprintf(line, sizeof(line), "%.*s",
			    (int)strcspn(at, "\n"), at);
			assert_true(i < n);
			manual_must_agree(&keys[i], line);
		}
		assert_int_equal(i, n);
	}
	free(text);
}

/* Where the manual page says what a change of keys needs. */
static const struct {
	enum config_needs needs;
	const char *item;
} ways[] = {
	{ CONFIG_NEEDS_JOBS, ".It with new processes of all backends" },
	{ CONFIG_NEEDS_RESTART, ".It when the gateway is started again" },
};

/* Whether one of the lines ".Cm a , b" of an item is about this key. */
static bool
names_key(const char *item, const char *name)
{
	const char *end = strstr(item + 1, "\n.It ");
	size_t len = strlen(name);

	if (end == NULL)
		end = strstr(item, "\n.El\n");
	assert_non_null(end);
	for (const char *at = item; (at = strstr(at, name)) != NULL && at < end;
	     at++) {
		if (at[-1] == ' ' && (at[len] == ' ' || at[len] == '\n'))
			return true;
	}
	return false;
}

static void
the_manual_page_says_what_a_change_needs(void **state)
{
	size_t len, n;
	const struct config_key *keys = config_keys(CONFIG_GATEWAY, &n);
	char *text = source("config/mcp-gateway.json.5", &len);
	const char *rules = strstr(text, ".It at once\n");

	(void)state;
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		const char *item = strstr(text, ways[w].item);

		assert_non_null(item);
		for (size_t i = 0; i < n; i++) {
			print_message("change of %s\n", keys[i].name);
			assert_int_equal(names_key(item, keys[i].name),
			    keys[i].needs == ways[w].needs);
		}
	}
	assert_non_null(rules);
	keys = config_keys(CONFIG_BACKEND, &n);
	for (size_t i = 0; i < n; i++) {
		print_message("change of %s\n", keys[i].name);
		if (keys[i].type != CONFIG_IGNORED)
			assert_int_equal(names_key(rules, keys[i].name),
			    keys[i].needs == CONFIG_NEEDS_NOTHING);
	}
	free(text);
}

/* Every key of every section, with its example, makes a good file. */
static void
every_example_of_the_table_is_good(void **state)
{
	struct config *c;
	char text[512];

	(void)state;
	for (unsigned int s = CONFIG_GATEWAY; s < CONFIG_SECTIONS; s++) {
		size_t n;
		const struct config_key *keys = config_keys(s, &n);

		for (size_t i = 0; i < n; i++) {
			if (keys[i].type == CONFIG_IGNORED)
				continue;
			c = must_parse(config_with(
			    text, sizeof(text), s, &keys[i], keys[i].example));
			config_free(&c);
		}
	}
}

static void
the_shipped_files_load(void **state)
{
	size_t len;
	char *text = source("config/config.json", &len);
	struct config *c = must_parse(text);

	(void)state;
	assert_int_equal(c->backend_count, 2);
	assert_string_equal(c->backends[0].name, "bash");
	assert_string_equal(c->backends[0].command, "mcp-server-bash");
	assert_string_equal(c->backends[1].name, "example");
	assert_string_equal(c->backends[1].command, "mcp-server-example");
	config_free(&c);
	free(text);
	text = source("config/config.example.jsonc", &len);
	c = must_parse(text);
	assert_int_equal(c->token_count, 1);
	config_free(&c);
	free(text);
}

static void
the_example_file_shows_every_key(void **state)
{
	size_t len;
	char *text = source("config/config.example.jsonc", &len);

	(void)state;
	for (unsigned int s = 0; s < CONFIG_SECTIONS; s++) {
		size_t n;
		const struct config_key *keys = config_keys(s, &n);

		for (size_t i = 0; i < n; i++) {
			char quoted[64];

			snprintf(
			    quoted, sizeof(quoted), "\"%s\"", keys[i].name);
			/* What is a client's own has no place in it. */
			if (keys[i].type != CONFIG_IGNORED)
				line_must_have(text, quoted);
		}
	}
	free(text);
}

static void
near_misses_are_understood(void **state)
{
	static const struct {
		enum config_section section;
		const char *name;
		const char *meant;
	} cases[] = {
		{ CONFIG_GATEWAY, "prot", "port" },
		{ CONFIG_GATEWAY, "Port", "port" },
		{ CONFIG_GATEWAY, "loglevel", "log_level" },
		{ CONFIG_GATEWAY, "locks", NULL },
		{ CONFIG_GATEWAY, "listens", "listen" },
		{ CONFIG_GATEWAY, "baseUrl", "public_url" },
		{ CONFIG_GATEWAY, "authTokens", "tokens" },
		{ CONFIG_GATEWAY, "max_connections", "limits" },
		{ CONFIG_GATEWAY, "allowed_host", "allowed_hosts" },
		{ CONFIG_GATEWAY, "", NULL },
		{ CONFIG_BACKEND, "commands", "command" },
		{ CONFIG_BACKEND, "arg", "args" },
		{ CONFIG_BACKEND, "agrs", "args" },
		{ CONFIG_BACKEND, "startupTimeout", "startup_timeout" },
		{ CONFIG_BACKEND, "Timeout", "request_timeout" },
		{ CONFIG_BACKEND, "uri", "url" },
		{ CONFIG_BACKEND, "serverUrl", "url" },
		{ CONFIG_BACKEND, "header", "headers" },
		{ CONFIG_BACKEND, "caFile", "ca_file" },
		{ CONFIG_BACKEND, "cert", "cert_file" },
		{ CONFIG_BACKEND, "pingInterval", "ping_interval" },
		{ CONFIG_BACKEND, "toolFilter", "tools" },
		{ CONFIG_BACKEND, "disabledTools", "tools" },
		{ CONFIG_BACKEND, "mem_limit", "limits" },
		{ CONFIG_BACKEND, "working_dir", "cwd" },
		{ CONFIG_BACKEND, "xyz", NULL },
		{ CONFIG_TOKEN, "sha256", "hash" },
		{ CONFIG_TOKEN, "tool", "tools" },
		{ CONFIG_BACKEND, "isolation", "session" },
		{ CONFIG_BACKEND, "maxInstances", "max_instances" },
		{ CONFIG_GATEWAY, "separator", "names" },
		{ CONFIG_LIMITS, "max_sessions", "sessions" },
		{ CONFIG_LIMITS, "session_timeout", "session_idle" },
		{ CONFIG_JOB_LIMITS, "pids_limit", "processes" },
		{ CONFIG_JOB_LIMITS, "cpus", "cpu_percent" },
		{ CONFIG_SANDBOX, "ports", "connect" },
		{ CONFIG_TOOLS, "block", "deny" },
		{ CONFIG_BACKEND, "a_name_that_is_longer_than_all_keys_are",
		    NULL },
		{ CONFIG_TOP, "mcp_servers", "mcpServers" },
		{ CONFIG_TOP, "mcpProxy", "gateway" },
		{ CONFIG_TOP, "Gateway", "gateway" },
		{ CONFIG_TOP, "playwright", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *meant =
		    config_keys_suggest(cases[i].section, cases[i].name);

		if (cases[i].meant == NULL
			? meant != NULL
			: meant == NULL || strcmp(meant, cases[i].meant) != 0)
			fail_msg("%s: %s instead of %s", cases[i].name,
			    meant == NULL ? "nothing" : meant,
			    cases[i].meant == NULL ? "nothing"
						   : cases[i].meant);
	}
}

/* What is asked for is what there is. */
static void
no_suggestion_is_a_key_that_does_not_exist(void **state)
{
	static const char *const theirs[] = { "address", "addr", "auth", "cors",
		"token", "rate", "timeout", "transport", "ca", "key", "enabled",
		"environment", "memory", "network", "ro", "rw", "include",
		"exclude", "pids", "nofile", "core", "ports", "list", "bind" };

	(void)state;
	for (unsigned int s = 0; s < CONFIG_SECTIONS; s++) {
		for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]);
		     i++) {
			const char *meant = config_keys_suggest(s, theirs[i]);

			if (meant != NULL)
				assert_non_null(config_keys_find(s, meant));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_schema_has_the_keys_of_the_table),
		cmocka_unit_test(the_manual_page_has_the_keys_of_the_table),
		cmocka_unit_test(the_manual_page_says_what_a_change_needs),
		cmocka_unit_test(every_example_of_the_table_is_good),
		cmocka_unit_test(the_shipped_files_load),
		cmocka_unit_test(the_example_file_shows_every_key),
		cmocka_unit_test(near_misses_are_understood),
		cmocka_unit_test(no_suggestion_is_a_key_that_does_not_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
