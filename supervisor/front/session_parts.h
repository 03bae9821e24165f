/* session_parts.h: what the files of sessions and streams share. */
#ifndef FRONT_SESSION_PARTS_H
#define FRONT_SESSION_PARTS_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "session.h"
#include "stream_parts.h"

/* Chains stay short up to the greatest number of connections; ids are random,
 * so nobody can choose a bucket. */
#define SESSION_BUCKETS 4096U

struct sessions {
	struct front *front;
	struct event *timer;
	struct streams streams;
	LIST_HEAD(, session) buckets[SESSION_BUCKETS];
	TAILQ_HEAD(, session) all;
	TAILQ_HEAD(idle_list, session) idle; /* not used for longest first */
	size_t count;
	size_t max;
	size_t looks; /* that may be taken in this tick to make room */
	uint64_t idle_ms;
	uint64_t lifetime_ms;      /* 0: any */
	size_t levels[MCP_LEVELS]; /* how many sessions asked for each */
	int told_level;            /* that backends know, or -1 */
	uint32_t next_handle;
};

#endif
