#include "config_backend.h"

#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "config_string.h"

/* The choices of "type", in the order of its table. */
static const enum config_transport transports[] = { CONFIG_STDIO, CONFIG_SSE,
	CONFIG_HTTP, CONFIG_HTTP, CONFIG_HTTP };

/* Keys that mean something beside another one only. */
static const char *const of_url[] = { "headers", "ca_file", "cert_file",
	"key_file", "private_network", NULL };
static const char *const of_tls[] = { "ca_file", "cert_file", "key_file",
	NULL };
static const char *const of_command[] = { "args", "env", "clear_env", "cwd",
	"user", "group", "home", "new_privileges", "limits", "sandbox", NULL };

static const char *const of_instances[] = { "max_instances", "instance_wait",
	"instance_idle", NULL };

static void
wipe(char *text)
{
	if (text != NULL)
		freezero(text, strlen(text));
}

void
config_backend_free(struct config_backend *backend)
{
	free(backend->name);
	free(backend->command);
	config_string_free_list(backend->args);
	config_string_free_list(backend->env);
	free(backend->cwd);
	free(backend->user);
	free(backend->group);
	free(backend->home);
	config_string_free_list(backend->sandbox.read);
	config_string_free_list(backend->sandbox.write);
	config_string_free_list(backend->sandbox.connect);
	config_string_free_list(backend->tools.allow);
	config_string_free_list(backend->tools.deny);
	wipe(backend->url); /* a query may hold a token */
	config_string_free_list(backend->headers);
	wipe(backend->ca);
	wipe(backend->certificate);
	wipe(backend->key);
}

static bool
has(struct json_span object, const char *key)
{
	return json_get(object, key).at != NULL;
}

/* [] or {}: some programs write what they have nothing for. */
static bool
is_empty(struct json_span value)
{
	struct json_span key, member;
	struct json_iter it;

	if (json_kind(value) != JSON_ARRAY && json_kind(value) != JSON_OBJECT)
		return false;
	json_iter_init(&it, value);
	return json_kind(value) == JSON_ARRAY
	    ? !json_iter_element(&it, &member)
	    : !json_iter_member(&it, &key, &member);
}

/* Report each of the keys that is there and says something; text goes on after
 * its name. */
static void
refuse_each(struct config_reader *rd, struct json_span object,
    const char *const *keys, const char *text)
{
	for (; *keys != NULL; keys++) {
		if (has(object, *keys) && !is_empty(json_get(object, *keys)))
			config_report_add(rd->report,
			    json_get(object, *keys).at, "%s: \"%s\" %s",
			    rd->where, *keys, text);
	}
}

/* A certificate is of no use without its key, nor the other way round. */
static void
check_pair(struct config_reader *rd, struct json_span object)
{
	struct json_span certificate = json_get(object, "cert_file");
	struct json_span key = json_get(object, "key_file");

	if (certificate.at != NULL && key.at == NULL)
		config_report_add(rd->report, certificate.at,
		    "%s: \"cert_file\" needs the private key of that "
		    "certificate; add \"key_file\": \"/path/key.pem\"",
		    rd->where);
	if (key.at != NULL && certificate.at == NULL)
		config_report_add(rd->report, key.at,
		    "%s: \"key_file\" needs the certificate of that key; add "
		    "\"cert_file\": \"/path/cert.pem\"",
		    rd->where);
}

/* What a backend with a url has. */
static void
check_remote(struct config_reader *rd, struct json_span object,
    const struct config_backend *backend)
{
	static const char https[] = "https://";

	if (!has(object, "command"))
		refuse_each(rd, object, of_command,
		    "is for a program that the gateway starts; remove it, or "
		    "add the \"command\" that starts the server");
	/* A url that was refused may have been meant in any way. */
	if (backend->url != NULL &&
	    strncmp(backend->url, https, sizeof(https) - 1) != 0)
		refuse_each(rd, object, of_tls,
		    "is for a \"url\" with \"https://\"; write that, or remove "
		    "it");
	else
		check_pair(rd, object);
}

/* Report that type and the other keys do not go together. */
static void
check_type(struct config_reader *rd, struct json_span object,
    const struct config_backend *backend)
{
	struct json_span type = json_get(object, "type");
	bool stdio = backend->transport == CONFIG_STDIO;

	if (stdio && has(object, "url"))
		config_report_add(rd->report, type.at,
		    "%s: \"type\": \"stdio\" has no use for a \"url\"; remove "
		    "\"url\", or write \"type\": \"sse\" or \"http\"",
		    rd->where);
	else if (!stdio && !has(object, "url"))
		config_report_add(rd->report, type.at,
		    "%s: this \"type\" needs a \"url\"; add \"url\": "
		    "\"http://localhost:8080/sse\", or write \"type\": "
		    "\"stdio\" for a \"command\" alone",
		    rd->where);
}

/* Who shares it, and what is for those that do not. */
static void
check_session(struct config_reader *rd, struct json_span object,
    const struct config_backend *backend)
{
	struct json_span session = json_get(object, "session");

	if (session.at != NULL &&
	    config_value_choice(
		config_keys_find(CONFIG_BACKEND, "session"), session) == -1)
		return; /* reported; nobody knows what was meant */
	if (backend->session == CONFIG_SHARED)
		refuse_each(rd, object, of_instances,
		    "is for a backend whose clients have instances of their "
		    "own; add \"session\": \"per-client\" or \"auto\", or "
		    "remove it");
	else if (has(object, "url") && has(object, "command"))
		config_report_add(rd->report, session.at,
		    "%s: only one instance of a program can have the port of "
		    "its \"url\"; remove \"session\", or remove \"url\" if "
		    "the program can be spoken to over its standard input and "
		    "output",
		    rd->where);
}

/* What a disabled backend has beside its name is not looked at as closely. */
static void
check_together(struct config_reader *rd, struct json_span object,
    const struct config_backend *backend)
{
	check_type(rd, object, backend);
	check_session(rd, object, backend);
	if (has(object, "url"))
		check_remote(rd, object, backend);
	else
		refuse_each(rd, object, of_url,
		    "is for a backend with a \"url\"; add that, or remove it");
}

void
config_backend_check(struct config_reader *rd, struct json_span name,
    struct json_span object, struct config_backend *backend)
{
	struct json_span type = json_get(object, "type");
	int choice;

	if (type.at != NULL) {
		choice = config_value_choice(
		    config_keys_find(CONFIG_BACKEND, "type"), type);
		if (choice == -1)
			return; /* reported; nobody knows what else it needs */
		backend->transport = transports[choice];
	} else if (has(object, "url"))
		backend->transport = CONFIG_AUTO;
	if (has(object, "command") || has(object, "url")) {
		if (!backend->disabled)
			check_together(rd, object, backend);
	} else if (backend->transport == CONFIG_STDIO)
		config_report_add(rd->report, name.at,
		    "%s: \"command\" is missing; write \"command\": \"npx\" "
		    "or whatever starts the server, or the \"url\" of one that "
		    "runs",
		    rd->where);
	else
		config_report_add(rd->report, type.at,
		    "%s: \"url\" is missing; write \"url\": "
		    "\"http://localhost:8080/sse\"",
		    rd->where);
}
