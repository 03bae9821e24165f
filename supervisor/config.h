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
/* Nobody reads more at once. */
#define CONFIG_ERRORS_MAX 100

/* How a backend is reached. */
enum config_transport {
	CONFIG_STDIO, /* its standard input and output */
	CONFIG_AUTO,  /* its url: Streamable HTTP, or else HTTP+SSE */
	CONFIG_SSE,   /* its url: HTTP+SSE of MCP 2024-11-05 */
	CONFIG_HTTP,  /* its url: Streamable HTTP */
};

struct config_backend {
	char *name;
	enum config_transport transport;
	char *command;        /* as written: looked up in PATH; NULL: nothing is
				 started, there is a url */
	char **args;          /* NULL-terminated; never NULL */
	char **env;           /* "NAME=value", NULL-terminated: added to
				 the gateway's environment */
	char *cwd;            /* or NULL: the gateway's */
	char *user;           /* or NULL: the gateway's */
	char *url;            /* http or https; NULL with CONFIG_STDIO */
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

struct config {
	char *path;
	char *host;
	uint16_t port;
	enum log_level log_level; /* of the log file */
	char *log_dir;
	char *user;             /* the front's, when started as root */
	char *worker_user;      /* the workers', when started as root */
	char **allowed_hosts;   /* NULL-terminated; names besides localhost,
				   IP addresses and host */
	char **allowed_origins; /* NULL-terminated; "https://app.example.com" */
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

void config_free(struct config **config);
void config_errors_free(struct config_errors *errors);

#endif
