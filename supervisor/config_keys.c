#include "config_keys.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "config_http.h"

/* Longer names are not compared for likeness. */
#define SUGGEST_MAX 32
/* A name with more wrong letters was probably meant as something else. */
#define SUGGEST_DISTANCE 2

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* In the order of enum log_level. */
static const char *const levels[] = { "debug", "info", "warning", "error",
	"critical", NULL };

/* config_backend.c knows what each means. */
static const char *const kinds[] = { "stdio", "sse", "http", "streamable-http",
	"streamableHttp", NULL };

static bool
only(const char *value, const char *allowed)
{
	return *value != '\0' && value[strspn(value, allowed)] == '\0';
}

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/* RFC 1035, 2.3.4: 255 octets on the wire. */
#define HOST_NAME_MAX_TEXT 253

static bool
is_not_empty(const char *value)
{
	return *value != '\0';
}

static bool
is_host_name(const char *value)
{
	return only(value, LETTERS DIGITS "-._") &&
	    strlen(value) <= HOST_NAME_MAX_TEXT;
}

/* A name or an address; ':' and '%' as in "fe80::1%eth0". */
static bool
is_host(const char *value)
{
	return only(value, LETTERS DIGITS "-._:%") &&
	    strlen(value) <= HOST_NAME_MAX_TEXT;
}

/* scheme://host or scheme://host:port, as RFC 6454 serialises an origin. */
static bool
is_origin(const char *value)
{
	size_t scheme = strspn(value, LETTERS DIGITS "+-.");

	return scheme > 0 && strncmp(value + scheme, "://", 3) == 0 &&
	    only(value + scheme + 3, LETTERS DIGITS "-._:[]") &&
	    strlen(value) <= HOST_NAME_MAX_TEXT;
}

static bool
is_user(const char *value)
{
	return only(value, LETTERS DIGITS "-._") && *value != '-' &&
	    strlen(value) <= CONFIG_NAME_MAX;
}

static bool
is_absolute(const char *value)
{
	return *value == '/';
}

/* What a program's environment can hold. */
static const char *
variable_fault(const char *name)
{
	if (*name != '\0' && strchr(name, '=') == NULL)
		return NULL;
	return "must not be empty or have a \"=\"; write \"env\": "
	       "{\"NAME\": \"value\"}";
}

#define FORM_USER "the name of a user account"
#define FORM_PEM  "the absolute path of a PEM file"

static const struct config_key top_keys[] = {
	{ .name = "gateway",
	    .type = CONFIG_SECTION,
	    .field = CONFIG_NO_FIELD,
	    .example = "{\"port\": 9000}",
	    .description = "The gateway's own settings." },
	{ .name = "mcpServers",
	    .type = CONFIG_SECTION,
	    .field = CONFIG_NO_FIELD,
	    .example = "{\"bash\": {\"command\": \"mcp-server-bash\"}}",
	    .description = "The backends by name, in the order in which their "
			   "tools are listed." },
	{ .name = "servers",
	    .type = CONFIG_SECTION,
	    .field = CONFIG_NO_FIELD,
	    .example = "{\"bash\": {\"command\": \"mcp-server-bash\"}}",
	    .description =
		"The same as \"mcpServers\", as VS Code writes it." },
	{ .name = "$schema",
	    .type = CONFIG_IGNORED,
	    .field = CONFIG_NO_FIELD,
	    .description = "The schema that an editor shall use; ignored." },
	{ .name = "inputs",
	    .type = CONFIG_IGNORED,
	    .field = CONFIG_NO_FIELD,
	    .description = "What VS Code asks its user; ignored." },
	{ .name = "globalShortcut",
	    .type = CONFIG_IGNORED,
	    .field = CONFIG_NO_FIELD,
	    .description = "A setting of Claude Desktop's own; ignored." },
	{ .name = "preferences",
	    .type = CONFIG_IGNORED,
	    .field = CONFIG_NO_FIELD,
	    .description = "Settings of Claude Desktop's own; ignored." },
};

#define GATEWAY(member) .field = offsetof(struct config, member)

static const struct config_key gateway_keys[] = {
	{ .name = "host",
	    .type = CONFIG_STRING,
	    GATEWAY(host),
	    .fallback = "\"127.0.0.1\"",
	    .check = is_host,
	    .form = "an IP address or a host name",
	    .example = "\"127.0.0.1\"",
	    .description = "The address to listen on." },
	{ .name = "port",
	    .type = CONFIG_PORT,
	    GATEWAY(port),
	    .fallback = "9000",
	    .min = 0,
	    .max = UINT16_MAX,
	    .example = "9000",
	    .description = "The TCP port to listen on; 0 takes any free one." },
	{ .name = "log_level",
	    .type = CONFIG_CHOICE,
	    .reloadable = true,
	    GATEWAY(log_level),
	    .fallback = "\"info\"",
	    .choices = levels,
	    .example = "\"info\"",
	    .description = "The least severe records that the log file gets." },
	{ .name = "log_dir",
	    .type = CONFIG_STRING,
	    .expand = true,
	    GATEWAY(log_dir),
	    .fallback = "\"logs\"",
	    .check = is_not_empty,
	    .form = "the path of a folder",
	    .example = "\"logs\"",
	    .description = "The folder of the log files; a relative one lies "
			   "where the gateway was started." },
	{ .name = "user",
	    .type = CONFIG_STRING,
	    GATEWAY(user),
	    .fallback = "\"_mcpgw\"",
	    .check = is_user,
	    .form = FORM_USER,
	    .example = "\"_mcpgw\"",
	    .description = "The user of the process that talks to clients, "
			   "when the gateway is started as root." },
	{ .name = "worker_user",
	    .type = CONFIG_STRING,
	    GATEWAY(worker_user),
	    .fallback = "\"_mcpgw-w\"",
	    .check = is_user,
	    .form = FORM_USER,
	    .example = "\"_mcpgw-w\"",
	    .description = "The user of the processes that talk to backends, "
			   "when the gateway is started as root." },
	{ .name = "allowed_hosts",
	    .type = CONFIG_STRINGS,
	    GATEWAY(allowed_hosts),
	    .fallback = "[]",
	    .check = is_host_name,
	    .form = "a host name without scheme and port",
	    .example = "[\"gateway.example.com\"]",
	    .description = "Names by which clients may call the gateway, "
			   "besides localhost, IP addresses and \"host\"." },
	{ .name = "allowed_origins",
	    .type = CONFIG_STRINGS,
	    GATEWAY(allowed_origins),
	    .fallback = "[]",
	    .check = is_origin,
	    .form = "a scheme and a host without a path",
	    .example = "[\"https://app.example.com\"]",
	    .description = "Web pages that may call the gateway from a "
			   "browser, by their origin." },
};

#define BACKEND(member)                                                        \
	.reloadable = true, .field = offsetof(struct config_backend, member)
#define IGNORED(key, text)                                                     \
	{                                                                      \
		.name = (key), .type = CONFIG_IGNORED,                         \
		.field = CONFIG_NO_FIELD, .description = (text)                \
	}

static const struct config_key backend_keys[] = {
	{ .name = "type",
	    .type = CONFIG_CHOICE,
	    .reloadable = true,
	    .field = CONFIG_NO_FIELD,
	    .choices = kinds,
	    .example = "\"stdio\"",
	    .description = "How the backend is reached; found out where it is "
			   "left out." },
	{ .name = "command",
	    .type = CONFIG_STRING,
	    .expand = true,
	    BACKEND(command),
	    .check = is_not_empty,
	    .form = "the name or path of a program",
	    .example = "\"npx\"",
	    .description = "The program to start, looked up in PATH." },
	{ .name = "args",
	    .type = CONFIG_STRINGS,
	    .expand = true,
	    BACKEND(args),
	    .fallback = "[]",
	    .example = "[\"…\"]",
	    .description = "The program's arguments." },
	{ .name = "env",
	    .type = CONFIG_ENV,
	    .expand = true,
	    BACKEND(env),
	    .fallback = "{}",
	    .fault = variable_fault,
	    .example = "{\"NAME\": \"value\"}",
	    .description = "Environment variables of the program, added to "
			   "the gateway's own." },
	{ .name = "cwd",
	    .type = CONFIG_STRING,
	    .expand = true,
	    BACKEND(cwd),
	    .check = is_absolute,
	    .form = "an absolute path",
	    .example = "\"/srv/project\"",
	    .description = "The folder to start the program in; the gateway's "
			   "own if left out." },
	{ .name = "user",
	    .type = CONFIG_STRING,
	    BACKEND(user),
	    .check = is_user,
	    .form = FORM_USER,
	    .example = "\"nobody\"",
	    .description = "The user to run the program as, when the gateway "
			   "is started as root." },
	{ .name = "disabled",
	    .type = CONFIG_BOOLEAN,
	    BACKEND(disabled),
	    .fallback = "false",
	    .example = "true",
	    .description = "Whether the backend is only noted and never "
			   "started." },
	{ .name = "startup_timeout",
	    .type = CONFIG_SECONDS,
	    BACKEND(startup_timeout_ms),
	    .fallback = "60",
	    .min = 0.1,
	    .max = 3600,
	    .example = "60",
	    .description = "Seconds from its start until the backend must "
			   "have listed its tools." },
	{ .name = "request_timeout",
	    .type = CONFIG_SECONDS,
	    BACKEND(request_timeout_ms),
	    .fallback = "60",
	    .min = 0.1,
	    .max = 86400,
	    .example = "60",
	    .description = "Seconds that a call may take without an answer or "
			   "a sign of progress." },
	{ .name = "url",
	    .type = CONFIG_STRING,
	    .expand = true,
	    BACKEND(url),
	    .fault = config_http_url_fault,
	    .form = "an http:// or https:// url",
	    .example = "\"http://localhost:8080/sse\"",
	    .description = "The address of the server, which the gateway "
			   "connects to; with a command, once it has started "
			   "it." },
	{ .name = "headers",
	    .type = CONFIG_HEADERS,
	    .expand = true,
	    BACKEND(headers),
	    .fallback = "{}",
	    .check = config_http_is_header,
	    .form = "not empty and without control characters",
	    .fault = config_http_name_fault,
	    .example = "{\"Authorization\": \"Bearer …\"}",
	    .description = "HTTP headers of each request to the url." },
	{ .name = "ca_file",
	    .type = CONFIG_PEM,
	    .expand = true,
	    BACKEND(ca),
	    .max = CONFIG_CA_MAX,
	    .check = is_absolute,
	    .form = FORM_PEM,
	    .pem = CONFIG_PEM_CERTIFICATE,
	    .example = "\"/etc/mcp-gateway/ca.pem\"",
	    .description = "The PEM file of the certificates that the server's "
			   "own is checked against; the system's if left "
			   "out." },
	{ .name = "cert_file",
	    .type = CONFIG_PEM,
	    .expand = true,
	    BACKEND(certificate),
	    .max = CONFIG_SECRET_MAX,
	    .check = is_absolute,
	    .form = FORM_PEM,
	    .pem = CONFIG_PEM_CERTIFICATE,
	    .example = "\"/etc/mcp-gateway/cert.pem\"",
	    .description = "The PEM file of the certificate that the gateway "
			   "shows to the server." },
	{ .name = "key_file",
	    .type = CONFIG_PEM,
	    .expand = true,
	    BACKEND(key),
	    .max = CONFIG_SECRET_MAX,
	    .check = is_absolute,
	    .form = FORM_PEM,
	    .pem = CONFIG_PEM_KEY,
	    .example = "\"/etc/mcp-gateway/key.pem\"",
	    .description = "The PEM file of the private key of cert_file." },
	{ .name = "private_network",
	    .type = CONFIG_BOOLEAN,
	    BACKEND(private_network),
	    .fallback = "false",
	    .example = "true",
	    .description = "Whether any host name in the url may stand for "
			   "a private address." },
	{ .name = "ping_interval",
	    .type = CONFIG_SECONDS,
	    BACKEND(ping_interval_ms),
	    .fallback = "0",
	    .min = 1,
	    .max = 3600,
	    .or_zero = true,
	    .example = "30",
	    .description = "Seconds between two questions to the backend "
			   "whether it is alive; 0 asks never." },
	IGNORED("description", "A remark; ignored."),
	IGNORED(
	    "autoApprove", "Tools that a client need not confirm; ignored."),
	IGNORED(
	    "alwaysAllow", "Tools that a client need not confirm; ignored."),
	IGNORED("gallery", "Where VS Code found the backend; ignored."),
	IGNORED("version", "What VS Code found there; ignored."),
};

/* What other programs call a thing that we have under another name. */
static const struct {
	enum config_section section;
	const char *theirs;
	const char *ours;
} synonyms[] = {
	{ CONFIG_BACKEND, "timeout", "request_timeout" },
	{ CONFIG_BACKEND, "transport", "type" },
	{ CONFIG_BACKEND, "transportType", "type" },
	{ CONFIG_BACKEND, "serverUrl", "url" },
	{ CONFIG_BACKEND, "httpUrl", "url" },
	{ CONFIG_BACKEND, "endpoint", "url" },
	{ CONFIG_BACKEND, "http_headers", "headers" },
	{ CONFIG_BACKEND, "ca", "ca_file" },
	{ CONFIG_BACKEND, "cert", "cert_file" },
	{ CONFIG_BACKEND, "key", "key_file" },
	{ CONFIG_BACKEND, "enabled", "disabled" },
	{ CONFIG_BACKEND, "workingDirectory", "cwd" },
	{ CONFIG_BACKEND, "working_directory", "cwd" },
	{ CONFIG_BACKEND, "environment", "env" },
	{ CONFIG_BACKEND, "arguments", "args" },
	{ CONFIG_GATEWAY, "address", "host" },
	{ CONFIG_GATEWAY, "listen", "host" },
	{ CONFIG_GATEWAY, "logs", "log_dir" },
};

const struct config_key *
config_keys(enum config_section section, size_t *n)
{
	static const struct {
		const struct config_key *keys;
		size_t count;
	} sections[CONFIG_SECTIONS] = {
		[CONFIG_TOP] = { top_keys, COUNT(top_keys) },
		[CONFIG_GATEWAY] = { gateway_keys, COUNT(gateway_keys) },
		[CONFIG_BACKEND] = { backend_keys, COUNT(backend_keys) },
	};

	assert(section < CONFIG_SECTIONS);
	*n = sections[section].count;
	return sections[section].keys;
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

	for (size_t i = 0; i < COUNT(synonyms); i++) {
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
