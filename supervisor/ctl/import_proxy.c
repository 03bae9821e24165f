/* import_proxy.c: TBXark/mcp-proxy: its address and its tokens. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "config.h"
#include "config_http.h"
#include "import.h"
#include "options.h"
#include "token.h"

#define PORT_MAX     65535
#define DEFAULT_ADDR ":9090"

/* ---- the file before version 2 ---- */

static void
copy(struct json_object *to, struct json_object *from)
{
	if (!json_object_is_type(from, json_type_object))
		return;
	json_object_object_foreach (from, name, value) {
		import_add(to, name, json_object_get(value));
	}
}

static void
append(struct json_object *to, struct json_object *list)
{
	for (size_t i = 0; json_object_is_type(list, json_type_array) &&
	     i < json_object_array_length(list);
	     i++) {
		if (json_object_array_add(to,
			json_object_get(json_object_array_get_idx(list, i))) ==
		    -1)
			err(EXIT_REFUSED, NULL);
	}
}

/* {"type","config":{…},"authTokens"} as {…,"transportType","options"}. */
static struct json_object *
modern_server(struct json_object *client, struct json_object *global)
{
	struct json_object *server = json_object_new_object();
	struct json_object *options = json_object_new_object();
	struct json_object *tokens = json_object_new_array();
	const char *type = answer_text(client, "type");

	copy(server, answer_get(client, "config"));
	if (type != NULL)
		import_add(
		    server, "transportType", json_object_new_string(type));
	append(tokens, answer_get(client, "authTokens"));
	append(tokens, global);
	import_add(options, "authTokens", tokens);
	import_add(server, "options", options);
	return server;
}

struct json_object *
import_proxy_modern(struct json_object *root)
{
	struct json_object *old = answer_get(root, "server");
	struct json_object *clients = answer_get(root, "clients");
	struct json_object *global = answer_get(old, "globalAuthTokens");
	struct json_object *modern, *proxy, *servers, *options;

	if (!json_object_is_type(old, json_type_object) ||
	    !json_object_is_type(clients, json_type_object))
		return json_object_get(root);
	modern = json_object_new_object();
	proxy = json_object_new_object();
	servers = json_object_new_object();
	options = json_object_new_object();
	copy(proxy, old);
	json_object_object_del(proxy, "globalAuthTokens");
	if (global != NULL)
		import_add(options, "authTokens", json_object_get(global));
	import_add(proxy, "options", options);
	json_object_object_foreach (clients, name, client) {
		import_add(servers, name, modern_server(client, global));
	}
	import_add(modern, "mcpProxy", proxy);
	import_add(modern, "mcpServers", servers);
	return modern;
}

/* ---- tokens ---- */

/* The tokens that open a backend: its own ones, or everyone's. */
static struct json_object *
tokens_of(struct json_object *proxy, struct json_object *servers,
    const struct import_entry *entry, size_t *count)
{
	struct json_object *server = answer_get(servers, entry->name);
	struct json_object *options = answer_get(server, "options");

	if (answer_list(options, "authTokens", count) == NULL)
		options = answer_get(proxy, "options");
	return answer_list(options, "authTokens", count);
}

static struct json_object *
find_token(struct json_object *tokens, const char *hash)
{
	json_object_object_foreach (tokens, name, token) {
		const char *other = answer_text(token, "hash");

		(void)name;
		if (other != NULL && strcmp(other, hash) == 0)
			return token;
	}
	return NULL;
}

/* This token opens this backend. */
static void
add_token(struct import *import, struct json_object *tokens, const char *token,
    const char *backend)
{
	char hash[TOKEN_HASH_SIZE], name[32];
	struct json_object *entry;

	if (!token_is_good(token)) {
		import_note(&import->notes,
		    "a token of \"%s\" is left out: no client can send it as "
		    "\"Authorization: Bearer\" (RFC 6750)",
		    backend);
		return;
	}
	token_hash(hash, token);
	if ((entry = find_token(tokens, hash)) == NULL) {
		entry = json_object_new_object();
		(void)snprintf(name, sizeof(name), "imported-%d",
		    json_object_object_length(tokens) + 1);
		import_add(entry, "hash", json_object_new_string(hash));
		import_add(entry, "backends", json_object_new_array());
		import_add(tokens, name, entry);
	}
	if (json_object_array_add(answer_get(entry, "backends"),
		json_object_new_string(backend)) == -1)
		err(EXIT_REFUSED, NULL);
}

/* One that opens all of them needs no list. */
static void
shorten(struct json_object *tokens, size_t all)
{
	json_object_object_foreach (tokens, name, token) {
		(void)name;
		if (json_object_array_length(answer_get(token, "backends")) ==
		    all)
			json_object_object_del(token, "backends");
	}
}

/* What had no token among others that have. */
static void
note_open(struct import *import, struct json_object *proxy,
    struct json_object *servers)
{
	size_t count;

	for (size_t i = 0; i < import->count; i++) {
		struct import_entry *entry = &import->entries[i];

		(void)tokens_of(proxy, servers, entry, &count);
		if (count == 0)
			import_note(&entry->notes,
			    "anybody could call it; now it needs a token, as "
			    "all do where there is one");
	}
}

/* "tokens" of the gateway; NULL when it has none. */
static struct json_object *
import_tokens(struct import *import, struct json_object *proxy,
    struct json_object *servers)
{
	struct json_object *tokens = json_object_new_object();
	size_t all = 0, count;

	for (size_t i = 0; i < import->count; i++) {
		struct import_entry *entry = &import->entries[i];
		struct json_object *list =
		    tokens_of(proxy, servers, entry, &count);

		all++;
		for (size_t j = 0; j < count; j++) {
			const char *token = json_object_get_string(
			    json_object_array_get_idx(list, j));

			if (token != NULL)
				add_token(import, tokens, token, entry->name);
		}
	}
	shorten(tokens, all);
	if (json_object_object_length(tokens) == 0) {
		json_object_put(tokens);
		return NULL;
	}
	note_open(import, proxy, servers);
	import_note(&import->notes,
	    "tokens are kept as their hashes: clients go on with theirs, and "
	    "nobody reads them here; rename \"imported-1\" to whose it is");
	return tokens;
}

/* ---- the address ---- */

/* "host:port", ":port" or "[host]:port": false when it is none of them. */
static bool
split(const char *addr, char *host, size_t size, long long *port)
{
	const char *colon = strrchr(addr, ':');
	const char *error = NULL;
	size_t len;

	if (colon == NULL)
		return false;
	len = (size_t)(colon - addr);
	if (len >= 2 && addr[0] == '[' && addr[len - 1] == ']') {
		addr++;
		len -= 2;
	}
	if (len >= size)
		return false;
	memcpy(host, addr, len);
	host[len] = '\0';
	*port = strtonum(colon + 1, 0, PORT_MAX, &error);
	return error == NULL;
}

static bool
is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "localhost") == 0;
}

static void
import_address(
    struct import *import, struct json_object *proxy, bool has_tokens)
{
	const char *addr = answer_text(proxy, "addr");
	char host[128];
	long long port;

	if (addr == NULL || *addr == '\0')
		addr = DEFAULT_ADDR;
	if (!split(addr, host, sizeof(host), &port)) {
		import_note(&import->notes,
		    "\"addr\" is left out: \"%s\" is no host and port", addr);
		return;
	}
	if (*host == '\0')
		(void)strlcpy(host, "0.0.0.0", sizeof(host));
	if (!is_loopback(host) && !has_tokens) {
		import_note(&import->notes,
		    "\"addr\" was \"%s\" for all machines, without any token: "
		    "here it is for this one alone, until there is one "
		    "(mcp-gatewayctl token)",
		    addr);
		(void)strlcpy(host, "127.0.0.1", sizeof(host));
	}
	import_add(import->gateway, "host", json_object_new_string(host));
	import_add(import->gateway, "port", json_object_new_int64(port));
}

/* Scheme and host alone: ours has no path before its own ones. */
static void
import_base_url(struct import *import, struct json_object *proxy)
{
	const char *base = answer_text(proxy, "baseURL"), *fault, *host;
	char *url;

	if (base == NULL || *base == '\0')
		return;
	host = strstr(base, "://");
	host = host != NULL ? host + 3 : base;
	if (asprintf(&url, "%.*s",
		(int)(host - base + (long)strcspn(host, "/")), base) == -1)
		err(EXIT_REFUSED, NULL);
	if ((fault = config_http_public_fault(url)) != NULL)
		import_note(&import->notes,
		    "\"baseURL\" is left out: \"public_url\" %s", fault);
	else
		import_add(
		    import->gateway, "public_url", json_object_new_string(url));
	if (fault == NULL && strcmp(url, base) != 0 &&
	    strcmp(base + strlen(url), "/") != 0)
		import_note(&import->notes,
		    "\"baseURL\" was \"%s\": the gateway's paths begin behind "
		    "the host",
		    base);
	free(url);
}

static void
note_options(struct import *import, struct json_object *options)
{
	if (!json_object_is_type(options, json_type_object))
		return;
	json_object_object_foreach (options, name, value) {
		(void)value;
		if (strcmp(name, "oauth2") == 0)
			import_note(&import->notes,
			    "\"oauth2\" is left out: the gateway issues no "
			    "tokens; name who does in "
			    "\"authorization_servers\"");
		else if (strcmp(name, "authTokens") != 0)
			import_note(&import->notes,
			    "\"%s\" is left out: the gateway has nothing like "
			    "it",
			    name);
	}
}

void
import_proxy(struct import *import, struct json_object *proxy,
    struct json_object *servers)
{
	struct json_object *tokens;

	import->gateway = json_object_new_object();
	tokens = import_tokens(import, proxy, servers);
	import_address(import, proxy, tokens != NULL);
	import_base_url(import, proxy);
	if (tokens != NULL)
		import_add(import->gateway, "tokens", tokens);
	note_options(import, answer_get(proxy, "options"));
	json_object_object_foreach (proxy, name, value) {
		(void)value;
		if (strcmp(name, "name") == 0 || strcmp(name, "version") == 0)
			import_note(&import->notes,
			    "\"%s\" is left out: the gateway tells clients "
			    "its own",
			    name);
	}
	import_note(&import->notes,
	    "each server had an address of its own, such as /NAME/sse; here "
	    "one is for all, and tools are called NAME/tool");
}
