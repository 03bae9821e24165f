/* config.h: the configuration file, parsed and checked. */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/log.h"

/* A file that a person writes is a few KiB; more is the wrong file. */
#define CONFIG_FILE_MAX (1U << 20)
/* What ${file:/path} may read: a certificate chain fits, a log file does not.
 */
#define CONFIG_SECRET_MAX (64U << 10)
/* A "ca_file": all certificates of a distribution are 220 KB. */
#define CONFIG_CA_MAX (256U << 10)
/* A longer URL would not fit into a server's request head. */
#define CONFIG_URL_MAX 4096
/* A name stands in URLs, in tool names and in every log line. */
#define CONFIG_NAME_MAX 64
/* Each is three processes and about ten descriptors of the supervisor. */
#define CONFIG_BACKENDS_MAX 256
/* Elements of one list or members of one env. */
#define CONFIG_ELEMENTS_MAX 1024
/*
 * All strings of one backend, or of "gateway", together.  They travel in one
 * SETUP, where a byte can take six, so that it stays below MSG_CONTROL_MAX;
 * Linux takes no longer single argument either.
 */
#define CONFIG_STRINGS_MAX (128U << 10)
/* Bearer tokens: each is a person or a program that somebody enrolled. */
#define CONFIG_TOKENS_MAX 1024
/*
 * All strings of "tokens" together, none of which is expanded.  With those of
 * "gateway" (a byte can take six in JSON) and the patterns of all backends (the
 * file's size, twice for "\/", and twice while backends are replaced) a POLICY
 * stays below MSG_POLICY_MAX.
 */
#define CONFIG_TOKEN_STRINGS_MAX (256U << 10)
/*
 * Instances of one backend, each for one client: as many processes and
 * descriptors as that many backends.
 */
#define CONFIG_INSTANCES_MAX 256
/* Addresses to listen on; a name may stand for several. */
#define CONFIG_LISTEN_MAX 16
/* Nobody reads more at once. */
#define CONFIG_ERRORS_MAX 100

/* How a backend is reached. */
enum config_transport {
	CONFIG_STDIO, /* its standard input and output */
	CONFIG_AUTO,  /* its url: Streamable HTTP, or else HTTP+SSE */
	CONFIG_SSE,   /* its url: HTTP+SSE of MCP 2024-11-05 */
	CONFIG_HTTP,  /* its url: Streamable HTTP */
};

/* Whether the clients of a backend share it; in the order of its key's choices.
 */
enum config_session {
	CONFIG_SHARED,
	CONFIG_PER_CLIENT,   /* each session has an instance of its own */
	CONFIG_SESSION_AUTO, /* from when on it asks clients something without
				saying which one */
};

/* How names of backends and tools are joined for clients that do not say it;
 * the first two in the order of the key's choices. */
enum config_names {
	CONFIG_NAMES_SLASH,       /* "backend/tool" */
	CONFIG_NAMES_SAFE,        /* of [A-Za-z0-9_-] alone */
	CONFIG_NAMES_BY_ENDPOINT, /* not configured */
};

/* A number that the configuration leaves to the one who reads it. */
#define CONFIG_UNLIMITED UINT64_MAX

/* "limits" of a backend: what its job may use; see setrlimit(2), cgroups(7). */
struct config_job_limits {
	uint64_t memory;      /* bytes of all its processes: cgroup */
	uint64_t processes;   /* cgroup, and RLIMIT_NPROC of its own user */
	uint64_t cpu_percent; /* of one processor; 150 is one and a half: cgroup
			       */
	uint64_t open_files;  /* RLIMIT_NOFILE */
	uint64_t file_size;   /* RLIMIT_FSIZE, bytes */
	uint64_t core_size;   /* RLIMIT_CORE, bytes; 0 unless set */
};

/* "sandbox" of a backend: Landlock and namespaces. */
struct config_sandbox {
	bool set;       /* "sandbox" was written: what is not listed is denied
			 */
	char **read;    /* paths, with all below them; never NULL */
	char **write;   /* the same; may be read too */
	char **connect; /* TCP ports, "443"; "*" for all */
	bool private_network; /* "network": "none": a namespace of its own with
				 a loopback interface only */
};

/* Which tools of a backend clients see: fnmatch(3) patterns for the names that
 * the backend gives them. */
struct config_tools {
	char **allow; /* empty: all; never NULL */
	char **deny;  /* wins over allow; never NULL */
};

/* One of "tokens". */
struct config_token {
	char *name;          /* for logs and people */
	char *hash;          /* "sha256:" and 64 hexadecimal digits */
	char **backends;     /* patterns of names; empty: all; never NULL */
	char **tools;        /* patterns of "backend/tool"; empty: all */
	uint32_t rate;       /* requests a second, 0: as many as it can */
	uint32_t concurrent; /* requests in flight, 0: as "limits" say */
};

/* "limits" of the gateway; front/policy.h says what each does. */
struct config_limits {
	uint64_t connections;             /* 0: what descriptors allow */
	uint64_t connections_per_address; /* 0: no limit of its own */
	uint64_t sessions;
	uint32_t session_idle_ms;      /* without a request and a stream */
	uint32_t session_lifetime_ms;  /* 0: any */
	uint64_t requests_per_session; /* in flight */
	uint64_t requests_per_backend; /* in flight, unless it has its own */
	uint64_t rate;       /* requests a second and address; 0: any */
	uint64_t burst;      /* of them at once */
	uint64_t body_size;  /* bytes of one request */
	uint64_t queue_size; /* bytes that wait for one client */
	uint64_t memory;     /* bytes of requests and queues, of all */
};

struct config_backend {
	char *name;
	enum config_transport transport;
	char *command;       /* as written: looked up in PATH; NULL: nothing is
				started, there is a url */
	char **args;         /* NULL-terminated; never NULL */
	char **env;          /* "NAME=value", NULL-terminated: added to
				the gateway's environment */
	char *cwd;           /* or NULL: the gateway's */
	char *user;          /* or NULL: "job_user", or one of its own */
	char *group;         /* or NULL: the user's */
	char *home;          /* its HOME; NULL: the user's, or one of its own */
	bool clear_env;      /* nothing of the gateway's environment */
	bool new_privileges; /* set-uid programs work in it */
	struct config_job_limits limits;
	struct config_sandbox sandbox;
	struct config_tools tools;
	uint64_t requests; /* in flight; 0: "requests_per_backend" */
	enum config_session session;
	uint64_t max_instances;    /* of it at once, where not CONFIG_SHARED */
	uint32_t instance_wait_ms; /* that a call waits for its instance */
	uint32_t instance_idle_ms; /* after which one ends; 0: never */
	uint64_t message_size;     /* bytes of one message of its */
	char *url;                 /* http or https; NULL with CONFIG_STDIO */
	char **headers;       /* "Name: value", NULL-terminated; never NULL */
	char *ca;             /* certificates in PEM; NULL: the system's */
	char *certificate;    /* the client's, in PEM; NULL: none */
	char *key;            /* its private key, in PEM; NULL: none */
	bool private_network; /* any name may stand for a private address */
	bool disabled;
	uint32_t startup_timeout_ms; /* until the backend is listed */
	uint32_t request_timeout_ms; /* without answer and progress */
	uint32_t ping_interval_ms;   /* 0: never */
};

/* Where log records go, beside the console. */
enum config_log {
	CONFIG_LOG_FILE,   /* log_dir */
	CONFIG_LOG_SYSLOG, /* syslog(3), which journald serves too */
	CONFIG_LOG_NONE, /* to the console alone: a service manager keeps it */
};

enum config_log_format {
	CONFIG_LOG_TEXT,
	CONFIG_LOG_JSON, /* one object a line */
};

struct config {
	unsigned int references; /* config_ref(), config_free() */
	uint32_t drain_timeout_ms;
	char *path;
	char *host;
	uint16_t port;
	bool insecure;        /* other machines may call it without a token */
	uint32_t socket_mode; /* of Unix sockets in listen */
	char *socket_group;   /* or NULL: ours */
	char **listen;    /* "127.0.0.1:9000", "[::1]:9000" or "/path" of a Unix
			     socket, instead of host and port; never NULL */
	char *public_url; /* "https://mcp.example.com", or NULL */
	char **authorization_servers; /* their issuer URLs; never NULL */
	size_t token_count;
	struct config_token *tokens;
	struct config_limits limits;
	char *control_socket; /* NULL: the default one, where it can be made;
				 "": none */
	char *control_group;  /* or NULL: ours */
	uint32_t control_mode;
	enum config_log log;
	enum config_log_format log_format;
	enum log_level log_level; /* of the log file */
	char *log_dir;
	char *job_user;  /* whom backends without "user" run as; or NULL: a user
			    of job_uids for each */
	char *job_uids;  /* "60578-61183", for root's jobs without a user */
	char *state_dir; /* where those have their HOME */
	char *user;      /* the front's, when started as root */
	char *worker_user;      /* the workers', when started as root */
	char **allowed_hosts;   /* NULL-terminated; names besides localhost,
				   IP addresses and host */
	char **allowed_origins; /* NULL-terminated; "https://app.example.com" */
	enum config_names names;
	size_t backend_count;
	struct config_backend *backends; /* in the file's order */
};

/* One thing wrong in the file.  line and column count from 1, in bytes; 0 when
 * the error is not at a place (the file cannot be read). */
struct config_error {
	unsigned int line;
	unsigned int column;
	char *text; /* what is wrong, where, and what would be right; goes
		       on after "config.json: " */
};

struct config_errors {
	size_t count;
	struct config_error *list; /* in the order of the file */
};

/*
 * Read path, in either shape (mcp-gateway.json(5)), and check all
 * of it.  0 and *ret, the caller's, without errors; -1 with at least one error
 * in *errors (none when there is no memory even for that), in which case *ret
 * is not set.  Values of variables and files are never in a message.
 */
int config_load(
    struct config **ret, const char *path, struct config_errors *errors);

/* The same from text[0..len), whose path is path. */
int config_parse(struct config **ret, const char *path, const char *text,
    size_t len, struct config_errors *errors);

/* A configuration lives as long as somebody holds it: one more does.  Returns
 * config. */
struct config *config_ref(struct config *config);

/* One less does. */
void config_free(struct config **config);
void config_errors_free(struct config_errors *errors);

#endif
