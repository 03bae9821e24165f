/* setup.h: the worker's slice of the configuration, as SETUP brings it. */
#ifndef WORKER_SETUP_H
#define WORKER_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/log.h"
#include "proto/mcp.h"
#include "proto/role.h"

enum remote_type {
	REMOTE_AUTO, /* Streamable HTTP, or HTTP+SSE where that is refused */
	REMOTE_HTTP, /* Streamable HTTP */
	REMOTE_SSE,  /* HTTP+SSE, MCP 2024-11-05 */
};

/* A backend with a url; url NULL: it has none. */
struct setup_remote {
	enum remote_type type;
	char *url;            /* http or https, checked by the supervisor */
	char **headers;       /* "Name: value", NULL-terminated, never NULL */
	char *ca;             /* certificates in PEM, NULL: the system's */
	char *certificate;    /* the client's, in PEM, or NULL */
	char *key;            /* its private key, in PEM, or NULL */
	bool private_network; /* any name may stand for a private address */
	bool has_job;         /* the gateway starts the server itself */
};

/* All zero is nothing; free with setup_free(). */
struct setup {
	enum log_level log_level;
	struct role_identity identity; /* its chroot is ours */
	char *name;
	uint32_t request_timeout_ms;
	uint32_t startup_timeout_ms;
	uint32_t ping_interval_ms; /* 0: never */
	uint32_t message_size;     /* bytes of one message of the backend, at
				      most MSG_JSON_MAX */
	unsigned int capabilities; /* of its clients: set of enum
				      mcp_capability */
	struct setup_remote remote;
};

/* Read SETUP's payload.  0, or -1 with errno EINVAL or ENOMEM. */
int setup_parse(struct setup *setup, const char *text, size_t len);

/* Secrets are wiped. */
void setup_free(struct setup *setup);

#endif
