#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "proto/log.h"

#include "config.h"
#include "config_backend.h"
#include "config_gateway.h"
#include "config_keys.h"
#include "config_report.h"
#include "config_rules.h"
#include "config_string.h"
#include "config_text.h"
#include "config_value.h"

#define TOP_LEVEL "top level"

struct parser {
	struct config_report report;
	struct config *config;
	bool full; /* CONFIG_BACKENDS_MAX was reported */
};

struct config *
config_ref(struct config *config)
{
	config->references++;
	return config;
}

void
config_free(struct config **config)
{
	struct config *c = *config;

	*config = NULL;
	if (c == NULL || --c->references > 0)
		return;
	for (size_t i = 0; i < c->backend_count; i++)
		config_backend_free(&c->backends[i]);
	free(c->backends);
	config_gateway_free(c);
	free(c);
}

void
config_errors_free(struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		free(errors->list[i].text);
	free(errors->list);
	errors->list = NULL;
	errors->count = 0;
}

/* What is wrong with a backend's name, or NULL. */
static const char *
name_fault(const struct config *config, const char *name)
{
	if (strchr(name, '/') != NULL)
		return "a name must not have a \"/\", which stands between "
		       "backend and tool; write \"-\" instead";
	for (size_t i = 0; i < config->backend_count; i++) {
		if (strcmp(config->backends[i].name, name) == 0)
			return "there is another backend of this name; give "
			       "each its own";
	}
	return config_rules_name_fault(name);
}

/* A new backend that takes name; NULL, and reported, without room. */
static struct config_backend *
add_backend(struct parser *p, char *name)
{
	struct config *config = p->config;
	struct config_backend *backend;

	if (config->backends == NULL)
		config->backends =
		    calloc(CONFIG_BACKENDS_MAX, sizeof(*config->backends));
	if (config->backends == NULL) {
		config_report_no_memory(&p->report);
		return NULL;
	}
	backend = &config->backends[config->backend_count++];
	backend->name = name;
	return backend;
}

static void
read_backend(struct parser *p, struct json_span key, struct json_span value,
    struct config_backend *backend)
{
	char where[CONFIG_WHERE_MAX];
	struct config_room room = { where, CONFIG_STRINGS_MAX,
		CONFIG_STRINGS_MAX };
	struct config_reader rd = {
		.report = &p->report,
		.section = CONFIG_BACKEND,
		.where = where,
		.fields = backend,
		.room = &room,
	};

	snprintf(where, sizeof(where), "backend \"%s\"",
	    log_str(backend->name, strlen(backend->name)));
	if (json_kind(value) != JSON_OBJECT) {
		config_report_add(&p->report, value.at,
		    "%s must be an object, not %s; write {\"command\": "
		    "\"npx\", \"args\": [\"…\"]}",
		    where, config_value_type(value));
		return;
	}
	/* Nothing is looked up for what is never started. */
	rd.literal = json_kind(json_get(value, "disabled")) == JSON_BOOLEAN &&
	    *json_get(value, "disabled").at == 't';
	config_value_members(&rd, value);
	config_backend_check(&rd, key, value, backend);
}

static void
parse_backend(struct parser *p, struct json_span key, struct json_span value)
{
	struct config_backend *backend;
	struct config_backend unnamed = { 0 };
	const char *fault;
	char *name;

	if (p->config->backend_count == CONFIG_BACKENDS_MAX) {
		if (!p->full)
			config_report_add(&p->report, key.at,
			    "there are more than %d backends; leave some out",
			    CONFIG_BACKENDS_MAX);
		p->full = true;
		return;
	}
	name = config_value_key(&p->report, TOP_LEVEL, key);
	if (name == NULL)
		return;
	fault = name_fault(p->config, name);
	if (fault == NULL) {
		backend = add_backend(p, name);
		if (backend != NULL)
			read_backend(p, key, value, backend);
		else
			free(name);
		return;
	}
	/* All of it is checked, but it is not kept. */
	config_report_add(&p->report, key.at, "backend \"%s\": %s",
	    log_str(name, strlen(name)), fault);
	unnamed.name = name;
	read_backend(p, key, value, &unnamed);
	config_backend_free(&unnamed);
}

/* The value of a top-level key must be an object; false: reported. */
static bool
is_section(
    struct parser *p, const struct config_key *key, struct json_span value)
{
	if (json_kind(value) == JSON_OBJECT)
		return true;
	config_report_add(&p->report, value.at,
	    "\"%s\" must be an object, not %s; write \"%s\": %s", key->name,
	    config_value_type(value), key->name, key->example);
	return false;
}

static void
parse_gateway(struct parser *p, struct json_span value)
{
	struct config_room room = { "gateway", CONFIG_STRINGS_MAX,
		CONFIG_STRINGS_MAX };
	struct config_reader rd = {
		.report = &p->report,
		.section = CONFIG_GATEWAY,
		.where = "gateway",
		.fields = p->config,
		.room = &room,
	};

	config_value_members(&rd, value);
	config_gateway_check(&rd, value, p->config);
}

static void
parse_backends(struct parser *p, struct json_span value)
{
	struct json_span key, backend;
	struct json_iter it;

	json_iter_init(&it, value);
	while (json_iter_member(&it, &key, &backend))
		parse_backend(p, key, backend);
}

/* A known member of the outermost object of the shape with sections. */
static void
parse_section(
    struct parser *p, const struct config_key *key, struct json_span value)
{
	if (key->type == CONFIG_IGNORED || !is_section(p, key, value))
		return;
	if (strcmp(key->name, "gateway") == 0)
		parse_gateway(p, value);
	else
		parse_backends(p, value);
}

static void
parse_sections(struct parser *p, struct json_span root)
{
	char hint[CONFIG_HINT_MAX];
	size_t n;
	const struct config_key *keys = config_keys(CONFIG_TOP, &n);
	struct json_span name_span, value;
	struct json_iter it;
	unsigned int seen = 0;

	json_iter_init(&it, root);
	while (json_iter_member(&it, &name_span, &value)) {
		char *name = config_value_key(&p->report, TOP_LEVEL, name_span);
		const struct config_key *key;

		if (name == NULL)
			continue;
		key = config_keys_find(CONFIG_TOP, name);
		if (key == NULL) {
			config_report_add(&p->report, name_span.at,
			    TOP_LEVEL ": there is no key \"%s\"%s",
			    log_str(name, strlen(name)),
			    config_value_hint(
				hint, sizeof(hint), CONFIG_TOP, name));
		} else if (seen & 1U << (key - keys)) {
			config_report_add(&p->report, name_span.at,
			    TOP_LEVEL ": \"%s\" is there twice; keep one of "
				      "them",
			    key->name);
		} else {
			seen |= 1U << (key - keys);
			parse_section(p, key, value);
		}
		free(name);
	}
}

/* The shape without sections: every member is a backend. */
static void
parse_flat(struct parser *p, struct json_span root)
{
	struct json_span name, value;
	struct json_iter it;

	json_iter_init(&it, root);
	while (json_iter_member(&it, &name, &value)) {
		/* An object can only be a backend of that name. */
		if (json_kind(value) != JSON_OBJECT &&
		    (json_string_is(name, "$schema") ||
			json_string_is(name, "inputs")))
			continue;
		parse_backend(p, name, value);
	}
}

/* An object that says how to start or reach something. */
static bool
is_backend(struct json_span value)
{
	return json_kind(value) == JSON_OBJECT &&
	    (json_kind(json_get(value, "command")) == JSON_STRING ||
		json_kind(json_get(value, "url")) == JSON_STRING ||
		json_kind(json_get(value, "type")) == JSON_STRING);
}

/* An object of objects, and of at least one. */
static bool
holds_objects(struct json_span value)
{
	struct json_span name, member;
	struct json_iter it;
	bool any = false;

	if (json_kind(value) != JSON_OBJECT)
		return false;
	json_iter_init(&it, value);
	for (; json_iter_member(&it, &name, &member); any = true) {
		if (json_kind(member) != JSON_OBJECT)
			return false;
	}
	return any;
}

/* Whether a top-level member is or was meant as "gateway", "mcpServers", … */
static bool
is_named_section(struct json_span name, struct json_span value)
{
	char text[CONFIG_NAME_MAX];
	const struct config_key *key;

	if (is_backend(value) ||
	    json_string_decode(name, text, sizeof(text)) == -1)
		return false;
	key = config_keys_find(CONFIG_TOP, text);
	if (key != NULL)
		return key->type == CONFIG_SECTION;
	return holds_objects(value) &&
	    config_keys_suggest(CONFIG_TOP, text) != NULL;
}

/*
 * A file has sections when one of its top-level members has a section's name,
 * or nearly, and is not a backend itself: in the flat shape a backend may be
 * called "gateway".
 */
static bool
has_sections(struct json_span root)
{
	struct json_span name, value;
	struct json_iter it;

	json_iter_init(&it, root);
	while (json_iter_member(&it, &name, &value)) {
		if (is_named_section(name, value))
			return true;
	}
	return false;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* text is free of comments. */
static void
parse_text(struct parser *p, const char *text, size_t len)
{
	static const char empty[] = "{}";
	struct json_span root = { text, len };
	struct json_scan scan;

	if (json_scan(text, len, NULL, 0, NULL, &scan) == -1) {
		config_report_add(&p->report, text + scan.error_at,
		    "this is not JSON: %s", scan.error);
		return;
	}
	for (; is_space(*root.at); root.at++)
		root.len--;
	while (is_space(root.at[root.len - 1]))
		root.len--;
	if (json_kind(root) != JSON_OBJECT) {
		config_report_add(&p->report, root.at,
		    "the file must hold an object, not %s; write "
		    "{\"mcpServers\": {}}",
		    config_value_type(root));
		return;
	}
	if (has_sections(root))
		parse_sections(p, root);
	else
		parse_flat(p, root);
	/* What "gateway" left out, or all of it where there is none. */
	if (p->config->host == NULL && config_report_clean(&p->report))
		parse_gateway(p, (struct json_span){ empty, 2 });
}

static int
finish(struct parser *p, struct config **ret, struct config_errors *errors)
{
	bool good = config_report_clean(&p->report);

	config_report_end(&p->report, errors);
	if (!good) {
		config_free(&p->config);
		return -1;
	}
	config_errors_free(errors);
	*ret = p->config;
	return 0;
}

int
config_parse(struct config **ret, const char *path, const char *text,
    size_t len, struct config_errors *errors)
{
	struct parser p = { 0 };
	size_t error_at;
	char *copy = malloc(len + 1);

	memset(errors, 0, sizeof(*errors));
	if (copy == NULL)
		return -1;
	if (len > 0) /* text may be NULL then */
		memcpy(copy, text, len);
	copy[len] = '\0';
	if (config_report_begin(&p.report, copy) == -1) {
		freezero(copy, len);
		return -1;
	}
	p.config = calloc(1, sizeof(*p.config));
	if (p.config != NULL) {
		p.config->references = 1;
		p.config->names = CONFIG_NAMES_BY_ENDPOINT;
	}
	if (p.config == NULL || (p.config->path = strdup(path)) == NULL)
		config_report_no_memory(&p.report);
	else if (config_text_blank(copy, len, &error_at) == -1)
		config_report_add(&p.report, copy + error_at,
		    "this comment has no end; write \"*/\" behind it");
	else
		parse_text(&p, copy, len);
	freezero(copy, len);
	return finish(&p, ret, errors);
}

/* Report that the file itself cannot be had; its caller names it. */
static int
not_read(const char *why, struct config_errors *errors)
{
	struct config_report report;

	memset(errors, 0, sizeof(*errors));
	if (config_report_begin(&report, NULL) == -1)
		return -1;
	config_report_add(&report, NULL, "%s", why);
	config_report_end(&report, errors);
	return -1;
}

int
config_load(struct config **ret, const char *path, struct config_errors *errors)
{
	char why[CONFIG_TEXT_WHY_MAX];
	size_t len;
	char *text;
	int result;

	if (config_text_read(&text, &len, path, CONFIG_FILE_MAX,
		CONFIG_TRUST_FILE, why) == -1)
		return not_read(why, errors);
	result = config_parse(ret, path, text, len, errors);
	freezero(text, len);
	return result;
}
