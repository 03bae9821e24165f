/* The keys of the outermost object, of "gateway" and of what it holds. */
#include <stdint.h>

#include "config.h"
#include "config_http.h"
#include "config_rules.h"
#include "config_tables.h"

/* In the order of enum log_level, enum config_log and enum config_log_format.
 */
static const char *const levels[] = { "debug", "info", "warning", "error",
	"critical", NULL };
static const char *const logs[] = { "file", "syslog", "none", NULL };
static const char *const formats[] = { "text", "json", NULL };
/* In the order of enum config_names. */
static const char *const spellings[] = { "slash", "safe", NULL };

/* More than one process answers in a second is as good as none. */
#define RATE_MAX 1000000
/* What the front can hold: guard.h, session.h, link.h and request.h there. */
#define CONNECTIONS_MAX 20000
#define SESSIONS_MAX    20000
#define PER_SESSION_MAX 1024
#define PER_BACKEND_MAX 16384
#define IN_FLIGHT_MAX   65536
#define BODY_MAX        (4 << 20)
#define QUEUE_MAX       (1 << 30)
/* One body and one queue of the usual size. */
#define MEMORY_MIN (16 << 20)
#define MEMORY_MAX (64.0 * (1 << 30))
/* A week: whoever comes back later begins anew. */
#define SESSION_MAX 604800

/* Nobody knows a token with this one. */
#define EXAMPLE_HASH                                                           \
	"\"sha256:"                                                            \
	"0000000000000000000000000000000000000000000000000000000000000000\""

#define FORM_USER  "the name of a user account"
#define FORM_GROUP "the name of a group"

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

const struct config_table config_table_top = CONFIG_TABLE(top_keys);

#define GATEWAY(member) .field = offsetof(struct config, member)

static const struct config_key gateway_keys[] = {
	{ .name = "host",
	    .type = CONFIG_STRING,
	    GATEWAY(host),
	    .fallback = "\"127.0.0.1\"",
	    .check = config_rules_is_host,
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
	{ .name = "listen",
	    .type = CONFIG_STRINGS,
	    GATEWAY(listen),
	    .fallback = "[]",
	    .max = CONFIG_LISTEN_MAX,
	    .fault = config_rules_listen_fault,
	    .example = "[\"127.0.0.1:9000\", \"/run/mcp-gateway/mcp.sock\"]",
	    .description =
		"Addresses with ports and paths of Unix sockets to listen "
		"on, instead of \"host\" and \"port\"." },
	{ .name = "socket_mode",
	    .type = CONFIG_MODE,
	    GATEWAY(socket_mode),
	    .fallback = "\"0600\"",
	    .example = "\"0660\"",
	    .description = "The permissions of Unix sockets in \"listen\"." },
	{ .name = "socket_group",
	    .type = CONFIG_STRING,
	    GATEWAY(socket_group),
	    .check = config_rules_is_user,
	    .form = FORM_GROUP,
	    .example = "\"mcp\"",
	    .description =
		"The group of Unix sockets in \"listen\"; the gateway's "
		"own if left out." },
	{ .name = "insecure",
	    .type = CONFIG_BOOLEAN,
	    GATEWAY(insecure),
	    .fallback = "false",
	    .example = "true",
	    .description =
		"Whether other machines may call the gateway without a "
		"token." },
	{ .name = "public_url",
	    .type = CONFIG_STRING,
	    GATEWAY(public_url),
	    .form = "an https:// url without a path",
	    .fault = config_http_public_fault,
	    .example = "\"https://mcp.example.com\"",
	    .description =
		"The address under which clients know the gateway, without "
		"a path." },
	{ .name = "authorization_servers",
	    .type = CONFIG_STRINGS,
	    GATEWAY(authorization_servers),
	    .fallback = "[]",
	    .fault = config_http_issuer_fault,
	    .example = "[\"https://login.example.com\"]",
	    .description =
		"Issuers whose tokens clients should ask for (RFC 9728)." },
	{ .name = "tokens",
	    .type = CONFIG_TOKENS,
	    .section = CONFIG_TOKEN,
	    GATEWAY(tokens),
	    .fallback = "{}",
	    .example = "{\"alice\": {\"hash\": " EXAMPLE_HASH "}}",
	    .description =
		"Who may call the gateway, by name; anybody if there is "
		"none." },
	{ .name = "limits",
	    .type = CONFIG_OBJECT,
	    .section = CONFIG_LIMITS,
	    GATEWAY(limits),
	    .example = "{\"sessions\": 1000}",
	    .description = "What clients may use." },
	{ .name = "allowed_hosts",
	    .type = CONFIG_STRINGS,
	    GATEWAY(allowed_hosts),
	    .fallback = "[]",
	    .check = config_rules_is_host_name,
	    .form = "a host name without scheme and port",
	    .example = "[\"gateway.example.com\"]",
	    .description = "Names by which clients may call the gateway, "
			   "besides localhost, IP addresses and \"host\"." },
	{ .name = "allowed_origins",
	    .type = CONFIG_STRINGS,
	    GATEWAY(allowed_origins),
	    .fallback = "[]",
	    .check = config_rules_is_origin,
	    .form = "a scheme and a host without a path",
	    .example = "[\"https://app.example.com\"]",
	    .description = "Web pages that may call the gateway from a "
			   "browser, by their origin." },
	{ .name = "names",
	    .type = CONFIG_CHOICE,
	    GATEWAY(names),
	    .choices = spellings,
	    .example = "\"safe\"",
	    .description = "How names of tools and prompts begin with their "
			   "backend's; by the endpoint if left out." },
	{ .name = "drain_timeout",
	    .type = CONFIG_SECONDS,
	    GATEWAY(drain_timeout_ms),
	    .fallback = "20",
	    .min = 0,
	    .max = 3600,
	    .example = "20",
	    .description =
		"Seconds that calls in flight may take when the gateway "
		"stops or a backend is replaced." },
	{ .name = "control_socket",
	    .type = CONFIG_STRING,
	    .needs = CONFIG_NEEDS_RESTART,
	    .expand = true,
	    GATEWAY(control_socket),
	    .form = "an absolute path",
	    .fault = config_rules_socket_fault,
	    .example = "\"/run/mcp-gateway/control.sock\"",
	    .description =
		"The path of the Unix socket of mcp-gatewayctl; \"\" is "
		"none." },
	{ .name = "control_mode",
	    .type = CONFIG_MODE,
	    .needs = CONFIG_NEEDS_RESTART,
	    GATEWAY(control_mode),
	    .fallback = "\"0600\"",
	    .example = "\"0660\"",
	    .description = "The permissions of the control socket." },
	{ .name = "control_group",
	    .type = CONFIG_STRING,
	    .needs = CONFIG_NEEDS_RESTART,
	    GATEWAY(control_group),
	    .check = config_rules_is_user,
	    .form = FORM_GROUP,
	    .example = "\"mcp-admin\"",
	    .description =
		"The group of the control socket; the gateway's own if "
		"left out." },
	{ .name = "log",
	    .type = CONFIG_CHOICE,
	    .needs = CONFIG_NEEDS_RESTART,
	    GATEWAY(log),
	    .fallback = "\"file\"",
	    .choices = logs,
	    .example = "\"syslog\"",
	    .description = "Where log records go, beside the console." },
	{ .name = "log_format",
	    .type = CONFIG_CHOICE,
	    .needs = CONFIG_NEEDS_RESTART,
	    GATEWAY(log_format),
	    .fallback = "\"text\"",
	    .choices = formats,
	    .example = "\"json\"",
	    .description = "How log records are written." },
	{ .name = "log_level",
	    .type = CONFIG_CHOICE,
	    GATEWAY(log_level),
	    .fallback = "\"info\"",
	    .choices = levels,
	    .example = "\"info\"",
	    .description = "The least severe records that the log file gets." },
	{ .name = "log_dir",
	    .type = CONFIG_STRING,
	    .expand = true,
	    .needs = CONFIG_NEEDS_RESTART,
	    GATEWAY(log_dir),
	    .fallback = "\"logs\"",
	    .check = config_rules_is_not_empty,
	    .form = "the path of a folder",
	    .example = "\"logs\"",
	    .description = "The folder of the log files; a relative one lies "
			   "where the gateway was started." },
	{ .name = "user",
	    .type = CONFIG_STRING,
	    .needs = CONFIG_NEEDS_RESTART,
	    GATEWAY(user),
	    .fallback = "\"_mcpgw\"",
	    .check = config_rules_is_user,
	    .form = FORM_USER,
	    .example = "\"_mcpgw\"",
	    .description = "The user of the process that talks to clients, "
			   "when the gateway is started as root." },
	{ .name = "worker_user",
	    .type = CONFIG_STRING,
	    .needs = CONFIG_NEEDS_RESTART,
	    GATEWAY(worker_user),
	    .fallback = "\"_mcpgw-w\"",
	    .check = config_rules_is_user,
	    .form = FORM_USER,
	    .example = "\"_mcpgw-w\"",
	    .description = "The user of the processes that talk to backends, "
			   "when the gateway is started as root." },
	{ .name = "job_user",
	    .type = CONFIG_STRING,
	    .needs = CONFIG_NEEDS_JOBS,
	    GATEWAY(job_user),
	    .check = config_rules_is_user,
	    .form = FORM_USER,
	    .example = "\"mcp-jobs\"",
	    .description =
		"The user of programs whose backend has no \"user\", when "
		"the gateway is started as root." },
	{ .name = "job_uids",
	    .type = CONFIG_STRING,
	    .needs = CONFIG_NEEDS_JOBS,
	    GATEWAY(job_uids),
	    .fallback = "\"60578-61183\"",
	    .form = "a range of user ids",
	    .fault = config_rules_uids_fault,
	    .example = "\"60578-61183\"",
	    .description =
		"The range of user ids from which such programs get one "
		"each, where there is no \"job_user\"." },
	{ .name = "state_dir",
	    .type = CONFIG_STRING,
	    .needs = CONFIG_NEEDS_JOBS,
	    .expand = true,
	    GATEWAY(state_dir),
	    .fallback = "\"/var/lib/mcp-gateway\"",
	    .check = config_rules_is_absolute,
	    .form = "an absolute path",
	    .example = "\"/var/lib/mcp-gateway\"",
	    .description =
		"The folder of the home folders of programs without a user "
		"of their own." },
};

const struct config_table config_table_gateway = CONFIG_TABLE(gateway_keys);

#define TOKEN(member) .field = offsetof(struct config_token, member)

static const struct config_key token_keys[] = {
	{ .name = "hash",
	    .type = CONFIG_STRING,
	    TOKEN(hash),
	    .form = "a hash of a token",
	    .fault = config_rules_hash_fault,
	    .example = EXAMPLE_HASH,
	    .description = "The token's hash, as mcp-gatewayctl prints it." },
	{ .name = "backends",
	    .type = CONFIG_STRINGS,
	    TOKEN(backends),
	    .fallback = "[]",
	    .fault = config_rules_pattern_fault,
	    .example = "[\"github\", \"jira-*\"]",
	    .description =
		"Patterns for the names of the backends that are seen with "
		"it; all if empty." },
	{ .name = "tools",
	    .type = CONFIG_STRINGS,
	    TOKEN(tools),
	    .fallback = "[]",
	    .fault = config_rules_tool_fault,
	    .example = "[\"github/get_*\"]",
	    .description = "Patterns for the tools that are seen with it, as "
			   "backend/tool; all if empty." },
	{ .name = "requests_per_second",
	    .type = CONFIG_RATE,
	    TOKEN(rate),
	    .fallback = "0",
	    .min = 0,
	    .max = RATE_MAX,
	    .example = "20",
	    .description = "Requests a second; 0 is as many as it can." },
	{ .name = "concurrent_requests",
	    .type = CONFIG_RATE,
	    TOKEN(concurrent),
	    .fallback = "0",
	    .min = 0,
	    .max = IN_FLIGHT_MAX,
	    .example = "8",
	    .description =
		"Requests in flight; 0 is as many as \"limits\" allow." },
};

const struct config_table config_table_token = CONFIG_TABLE(token_keys);

#define LIMIT(member) .field = offsetof(struct config_limits, member)

static const struct config_key limit_keys[] = {
	{ .name = "connections",
	    .type = CONFIG_COUNT,
	    LIMIT(connections),
	    .fallback = "0",
	    .min = 0,
	    .max = CONNECTIONS_MAX,
	    .example = "1000",
	    .description =
		"Connections of all clients; 0 is what descriptors allow." },
	{ .name = "connections_per_address",
	    .type = CONFIG_COUNT,
	    LIMIT(connections_per_address),
	    .fallback = "0",
	    .min = 0,
	    .max = CONNECTIONS_MAX,
	    .example = "100",
	    .description = "Connections from one address; 0 is any number." },
	{ .name = "sessions",
	    .type = CONFIG_COUNT,
	    LIMIT(sessions),
	    .fallback = "10000",
	    .min = 1,
	    .max = SESSIONS_MAX,
	    .example = "1000",
	    .description = "Sessions of all clients." },
	{ .name = "session_idle",
	    .type = CONFIG_SECONDS,
	    LIMIT(session_idle_ms),
	    .fallback = "1800",
	    .min = 1,
	    .max = SESSION_MAX,
	    .example = "600",
	    .description =
		"Seconds after which a Streamable HTTP session ends that "
		"sends nothing and has no stream." },
	{ .name = "session_lifetime",
	    .type = CONFIG_SECONDS,
	    LIMIT(session_lifetime_ms),
	    .fallback = "86400",
	    .min = 1,
	    .max = SESSION_MAX,
	    .or_zero = true,
	    .example = "3600",
	    .description =
		"Seconds after which a Streamable HTTP session ends in any "
		"case; 0 is never." },
	{ .name = "requests_per_session",
	    .type = CONFIG_COUNT,
	    LIMIT(requests_per_session),
	    .fallback = "1024",
	    .min = 1,
	    .max = PER_SESSION_MAX,
	    .example = "64",
	    .description = "Requests in flight of one session." },
	{ .name = "requests_per_backend",
	    .type = CONFIG_COUNT,
	    LIMIT(requests_per_backend),
	    .fallback = "16384",
	    .min = 1,
	    .max = PER_BACKEND_MAX,
	    .example = "256",
	    .description = "Requests in flight to one backend that has no "
			   "\"requests\" of its own." },
	{ .name = "requests_per_second",
	    .type = CONFIG_COUNT,
	    LIMIT(rate),
	    .fallback = "0",
	    .min = 0,
	    .max = RATE_MAX,
	    .example = "100",
	    .description =
		"Requests a second from one address; 0 is any number." },
	{ .name = "burst",
	    .type = CONFIG_COUNT,
	    LIMIT(burst),
	    .fallback = "0",
	    .min = 0,
	    .max = 2.0 * RATE_MAX,
	    .example = "200",
	    .description =
		"How many of them at once; 0 is twice as many as a second." },
	{ .name = "body_size",
	    .type = CONFIG_SIZE,
	    LIMIT(body_size),
	    .fallback = "\"4M\"",
	    .min = 64,
	    .max = BODY_MAX,
	    .example = "\"1M\"",
	    .description = "Bytes of one request." },
	{ .name = "queue_size",
	    .type = CONFIG_SIZE,
	    LIMIT(queue_size),
	    .fallback = "\"8M\"",
	    .min = 65536,
	    .max = QUEUE_MAX,
	    .example = "\"16M\"",
	    .description =
		"Bytes that wait for one client before it is dropped." },
	{ .name = "memory",
	    .type = CONFIG_SIZE,
	    LIMIT(memory),
	    .fallback = "\"320M\"",
	    .min = MEMORY_MIN,
	    .max = MEMORY_MAX,
	    .example = "\"128M\"",
	    .description = "Bytes of unfinished requests and of queues, of all "
			   "clients together." },
};

const struct config_table config_table_limits = CONFIG_TABLE(limit_keys);
