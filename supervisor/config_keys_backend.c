/* The keys of a backend, and of what it holds. */
#include "proto/msg.h"

#include "config.h"
#include "config_http.h"
#include "config_rules.h"
#include "config_tables.h"

/* config_backend.c knows what each means. */
static const char *const kinds[] = { "stdio", "sse", "http", "streamable-http",
	"streamableHttp", NULL };
/* In the order of enum config_session. */
static const char *const sessions[] = { "shared", "per-client", "auto", NULL };
/* The second is private_network. */
static const char *const networks[] = { "host", "none", NULL };

/* As many as the front has numbers for. */
#define REQUESTS_MAX 16384
/* Greater numbers are not limits but mistakes; the kernel has no more processes
 * (PID_MAX_LIMIT), and by default no more descriptors (fs.nr_open). */
#define BYTES_MAX     1125899906842624.0
#define PROCESSES_MAX 4194304
#define CPU_MAX       100000
#define FILES_MAX     1048576
/* A week: longer is meant as never. */
#define IDLE_MAX 604800

#define FORM_USER  "the name of a user account"
#define FORM_GROUP "the name of a group"
#define FORM_PEM   "the absolute path of a PEM file"

/* What a process was started with, and what only the front knows. */
#define BACKEND(member)                                                        \
	.needs = CONFIG_NEEDS_REPLACEMENT,                                     \
	.field = offsetof(struct config_backend, member)
#define RULE(member) .field = offsetof(struct config_backend, member)
#define IGNORED(key, text)                                                     \
	{                                                                      \
		.name = (key), .type = CONFIG_IGNORED,                         \
		.field = CONFIG_NO_FIELD, .description = (text)                \
	}

static const struct config_key backend_keys[] = {
	{ .name = "type",
	    .type = CONFIG_TRANSPORT,
	    BACKEND(transport),
	    .choices = kinds,
	    .example = "\"stdio\"",
	    .description = "How the backend is reached; found out where it is "
			   "left out." },
	{ .name = "command",
	    .type = CONFIG_STRING,
	    .expand = true,
	    BACKEND(command),
	    .check = config_rules_is_not_empty,
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
	    .fault = config_rules_variable_fault,
	    .example = "{\"NAME\": \"value\"}",
	    .description = "Environment variables of the program, added to "
			   "the gateway's own." },
	{ .name = "clear_env",
	    .type = CONFIG_BOOLEAN,
	    BACKEND(clear_env),
	    .fallback = "false",
	    .example = "true",
	    .description =
		"Whether the program gets nothing of the gateway's own "
		"environment." },
	{ .name = "cwd",
	    .type = CONFIG_STRING,
	    .expand = true,
	    BACKEND(cwd),
	    .check = config_rules_is_absolute,
	    .form = "an absolute path",
	    .example = "\"/srv/project\"",
	    .description = "The folder to start the program in; the gateway's "
			   "own if left out." },
	{ .name = "user",
	    .type = CONFIG_STRING,
	    BACKEND(user),
	    .check = config_rules_is_user,
	    .form = FORM_USER,
	    .example = "\"nobody\"",
	    .description = "The user to run the program as, when the gateway "
			   "is started as root." },
	{ .name = "group",
	    .type = CONFIG_STRING,
	    BACKEND(group),
	    .check = config_rules_is_user,
	    .form = FORM_GROUP,
	    .example = "\"nogroup\"",
	    .description =
		"The group to run the program as; the user's own if left "
		"out." },
	{ .name = "home",
	    .type = CONFIG_STRING,
	    .expand = true,
	    BACKEND(home),
	    .check = config_rules_is_absolute,
	    .form = "an absolute path",
	    .example = "\"/srv/home\"",
	    .description =
		"The program's HOME; its user's, or a folder of its own if "
		"left out." },
	{ .name = "new_privileges",
	    .type = CONFIG_BOOLEAN,
	    BACKEND(new_privileges),
	    .fallback = "false",
	    .example = "true",
	    .description =
		"Whether set-user-ID programs such as sudo work in it." },
	{ .name = "limits",
	    .type = CONFIG_OBJECT,
	    .section = CONFIG_JOB_LIMITS,
	    BACKEND(limits),
	    .example = "{\"memory\": \"512M\"}",
	    .description = "What the program and all that it starts may use." },
	{ .name = "sandbox",
	    .type = CONFIG_OBJECT,
	    .section = CONFIG_SANDBOX,
	    .is_noted = true,
	    BACKEND(sandbox),
	    .example = "{\"read\": [\"/srv\"]}",
	    .description =
		"Which files and ports the program can use; what is not "
		"listed is denied." },
	{ .name = "tools",
	    .type = CONFIG_OBJECT,
	    .section = CONFIG_TOOLS,
	    RULE(tools),
	    .example = "{\"deny\": [\"delete_*\"]}",
	    .description = "Which of its tools clients see." },
	{ .name = "requests",
	    .type = CONFIG_COUNT,
	    RULE(requests),
	    .fallback = "0",
	    .min = 0,
	    .max = REQUESTS_MAX,
	    .example = "16",
	    .description =
		"Requests in flight; 0 is \"requests_per_backend\" of the "
		"gateway." },
	{ .name = "session",
	    .type = CONFIG_CHOICE,
	    BACKEND(session),
	    .fallback = "\"shared\"",
	    .choices = sessions,
	    .example = "\"per-client\"",
	    .description =
		"Whether all clients share it, or each has an instance of "
		"its own." },
	{ .name = "max_instances",
	    .type = CONFIG_COUNT,
	    RULE(max_instances),
	    .fallback = "16",
	    .min = 1,
	    .max = CONFIG_INSTANCES_MAX,
	    .example = "8",
	    .description = "Instances for single clients at once." },
	{ .name = "instance_wait",
	    .type = CONFIG_SECONDS,
	    RULE(instance_wait_ms),
	    .fallback = "30",
	    .min = 0.1,
	    .max = 3600,
	    .example = "10",
	    .description = "Seconds that a call waits for the instance of its "
			   "client." },
	{ .name = "instance_idle",
	    .type = CONFIG_SECONDS,
	    RULE(instance_idle_ms),
	    .fallback = "600",
	    .min = 1,
	    .max = IDLE_MAX,
	    .or_zero = true,
	    .example = "60",
	    .description =
		"Seconds after which an instance ends whose client asked "
		"nothing; 0 is never." },
	{ .name = "message_size",
	    .type = CONFIG_SIZE,
	    BACKEND(message_size),
	    .fallback = "\"64M\"",
	    .min = 1024,
	    .max = MSG_JSON_MAX,
	    .example = "\"1M\"",
	    .description = "Bytes of one message from the backend." },
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
	    .check = config_rules_is_absolute,
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
	    .check = config_rules_is_absolute,
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
	    .check = config_rules_is_absolute,
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

const struct config_table config_table_backend = CONFIG_TABLE(backend_keys);

#define LIMIT(member)                                                          \
	.needs = CONFIG_NEEDS_REPLACEMENT,                                     \
	.field = offsetof(struct config_job_limits, member)

static const struct config_key job_limit_keys[] = {
	{ .name = "memory",
	    .type = CONFIG_SIZE,
	    .or_unlimited = true,
	    LIMIT(memory),
	    .fallback = "\"unlimited\"",
	    .min = 1 << 20,
	    .max = BYTES_MAX,
	    .example = "\"512M\"",
	    .description = "Bytes of memory of all its processes together." },
	{ .name = "processes",
	    .type = CONFIG_COUNT,
	    .or_unlimited = true,
	    LIMIT(processes),
	    .fallback = "\"unlimited\"",
	    .min = 1,
	    .max = PROCESSES_MAX,
	    .example = "64",
	    .description = "How many processes and threads it may have." },
	{ .name = "cpu_percent",
	    .type = CONFIG_COUNT,
	    .or_unlimited = true,
	    LIMIT(cpu_percent),
	    .fallback = "\"unlimited\"",
	    .min = 1,
	    .max = CPU_MAX,
	    .example = "150",
	    .description = "Percent of one processor; 150 is one and a half." },
	{ .name = "open_files",
	    .type = CONFIG_COUNT,
	    .or_unlimited = true,
	    LIMIT(open_files),
	    .fallback = "\"unlimited\"",
	    .min = 16,
	    .max = FILES_MAX,
	    .example = "1024",
	    .description = "Descriptors that one process may have open." },
	{ .name = "file_size",
	    .type = CONFIG_SIZE,
	    .or_unlimited = true,
	    LIMIT(file_size),
	    .fallback = "\"unlimited\"",
	    .min = 0,
	    .max = BYTES_MAX,
	    .example = "\"1G\"",
	    .description = "Bytes of a file that it writes." },
	{ .name = "core_size",
	    .type = CONFIG_SIZE,
	    .or_unlimited = true,
	    LIMIT(core_size),
	    .fallback = "0",
	    .min = 0,
	    .max = BYTES_MAX,
	    .example = "\"1G\"",
	    .description = "Bytes of a core file; 0 is none." },
};

const struct config_table config_table_job_limits =
    CONFIG_TABLE(job_limit_keys);

#define SANDBOX(member)                                                        \
	.needs = CONFIG_NEEDS_REPLACEMENT,                                     \
	.field = offsetof(struct config_sandbox, member)

static const struct config_key sandbox_keys[] = {
	{ .name = "read",
	    .type = CONFIG_STRINGS,
	    .expand = true,
	    SANDBOX(read),
	    .fallback = "[]",
	    .check = config_rules_is_absolute,
	    .form = "an absolute path",
	    .example = "[\"/srv/project\"]",
	    .description = "Paths that it may read, with all below them." },
	{ .name = "write",
	    .type = CONFIG_STRINGS,
	    .expand = true,
	    SANDBOX(write),
	    .fallback = "[]",
	    .check = config_rules_is_absolute,
	    .form = "an absolute path",
	    .example = "[\"/srv/project/out\"]",
	    .description =
		"Paths that it may read and write, with all below them." },
	{ .name = "connect",
	    .type = CONFIG_PORTS,
	    SANDBOX(connect),
	    .fallback = "[]",
	    .check = config_rules_is_port,
	    .form = "a port from 1 to 65535 or \"*\"",
	    .example = "[443]",
	    .description =
		"TCP ports that it may connect to; \"*\" is all of them." },
	{ .name = "network",
	    .type = CONFIG_SWITCH,
	    SANDBOX(private_network),
	    .fallback = "\"host\"",
	    .choices = networks,
	    .example = "\"none\"",
	    .description =
		"Whether it has the host's network, or none but a loopback "
		"of its own." },
};

const struct config_table config_table_sandbox = CONFIG_TABLE(sandbox_keys);

#define TOOLS(member) .field = offsetof(struct config_tools, member)

static const struct config_key tools_keys[] = {
	{ .name = "allow",
	    .type = CONFIG_STRINGS,
	    TOOLS(allow),
	    .fallback = "[]",
	    .fault = config_rules_pattern_fault,
	    .example = "[\"read_*\"]",
	    .description =
		"Patterns for the names of the tools that are seen; all if "
		"empty." },
	{ .name = "deny",
	    .type = CONFIG_STRINGS,
	    TOOLS(deny),
	    .fallback = "[]",
	    .fault = config_rules_pattern_fault,
	    .example = "[\"delete_*\"]",
	    .description =
		"Patterns for those that are not, whatever \"allow\" says." },
};

const struct config_table config_table_tools = CONFIG_TABLE(tools_keys);
