/* status.h: the state of everything in words, one record for each part. */
#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"

/* A name, a reason (outcome.h) and numbers. */
#define STATUS_TEXT_MAX 1536

struct status_backend {
	const char *name;
	enum backend_state state;
	bool disabled;
	const char *reason;     /* why it is not ready, or NULL */
	uint64_t for_ms;        /* since it is ready, or was started */
	unsigned int tools;     /* while it is ready */
	bool has_job;           /* processes means something */
	unsigned int processes; /* of its job */
	unsigned int starts;
	int64_t retry_ms; /* until the next try, or -1 */
	uint64_t number;  /* the front's word for it */
	const char *part; /* "serving", "standby" (it will replace another one),
			     "leaving" (it is drained) or "stopped" (by hand);
			     of an instance see instance.h */
	const char *session;    /* "shared", "per-client" or "auto" */
	unsigned int instances; /* for single clients, beside it */
	const char *revision;   /* of MCP, or NULL before it is ready */
	const char *server;     /* what it says it is, or NULL */
	unsigned int resources, templates, prompts;
	pid_t worker;     /* -1: there is none */
	pid_t reaper;     /* -1: there is none, or no job */
	const char *user; /* whom its job runs as, or NULL: as the gateway */
};

struct status_gateway {
	const char *version;
	const char *config; /* path */
	const char *log;    /* path, or "syslog" */
	const char *state;  /* "running", "reloading", "draining" */
	pid_t pid;
	pid_t front; /* its pid; -1: there is none */
	uint64_t for_ms;
	uint64_t reloads;         /* that were applied */
	const char *reload_error; /* of the last one, or NULL */
	char *const *addresses;   /* NULL-terminated */
};

struct status_front {
	pid_t pid; /* -1: there is none */
	uint64_t for_ms;
	unsigned int starts;
};

/* "backend bash: ready for 12 s, 3 tools, 2 processes, 4 starts": into dst,
 * which is returned. */
const char *status_backend_text(
    char dst[STATUS_TEXT_MAX], const struct status_backend *backend);

/* "front: running for 12 s, pid 4711, 1 start": into dst, which is returned. */
const char *status_front_text(
    char dst[STATUS_TEXT_MAX], const struct status_front *front);

#endif
