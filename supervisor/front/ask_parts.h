/* ask_parts.h: what the files of asks share. */
#ifndef FRONT_ASK_PARTS_H
#define FRONT_ASK_PARTS_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ask.h"

struct event;

struct ask {
	TAILQ_ENTRY(ask) of_all; /* oldest first */
	TAILQ_ENTRY(ask) of_link;
	TAILQ_ENTRY(ask) of_session;
	struct link *link;
	struct session *session;
	uint64_t id;       /* as the client knows it */
	uint64_t request;  /* that it belongs to, 0: unknown */
	uint64_t until_ms; /* then nobody waits any more */
	uint32_t number;   /* as the worker knows it */
	bool certain;      /* it came with the answer to that request */
};

struct asks {
	struct event *timer;
	TAILQ_HEAD(, ask) all;
	size_t count;
	size_t completions; /* ask_completions.h, of all links */
	uint64_t last_id;
};

#endif
