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
