/*
 * replay.h: events of streams whose clients may have missed them, kept for a
 * while: a stream that broke is resumed behind the last event that arrived.
 * MCP transports, "Resumability and Redelivery".
 */
#ifndef FRONT_REPLAY_H
#define FRONT_REPLAY_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

/* What one session may have kept; older events go first.  An answer with a
 * picture fits. */
#define REPLAY_SESSION_MAX ((size_t)1 << 20)
/* A client that comes back later asks anew. */
#define REPLAY_AGE_MS 300000U

/* One event, as the chunk that was or will be written. */
struct replay_event {
	TAILQ_ENTRY(replay_event) of_session;
	TAILQ_ENTRY(replay_event) of_all; /* oldest first */
	struct replay *replay;
	uint64_t at_ms;
	uint32_t stream; /* its number within the session */
	uint32_t event;  /* its number within the stream */
	size_t len;
	char chunk[];
};
TAILQ_HEAD(replay_list, replay_event);

/* Of one session. */
struct replay {
	struct replay_list events; /* oldest first */
	size_t bytes;
};

/* Of all sessions. */
struct replays {
	struct replay_list events;
	size_t bytes;
	size_t bytes_max;
};

void replays_init(struct replays *all, size_t bytes_max);
/* Have all events together take at most so much from now on. */
void replays_limit(struct replays *all, size_t bytes_max);
/* Forget what is older than REPLAY_AGE_MS. */
void replays_expire(struct replays *all, uint64_t now_ms);

void replay_init(struct replay *replay);
void replay_clear(struct replays *all, struct replay *replay);

/*
 * Keep an event of len bytes: returns where to write it.  NULL when it is too
 * large to be kept or there is no memory: it cannot be had again then.
 */
char *replay_add(struct replays *all, struct replay *replay, uint32_t stream,
    uint32_t event, size_t len, uint64_t now_ms);

/* The event that was kept last turned out to have len bytes only. */
void replay_shrink(struct replays *all, struct replay *replay, size_t len);

/* The first event of a stream behind the one of this number, looked for from
 * the event after last on, or from the first on (NULL).  NULL: there is none.
 */
const struct replay_event *replay_after(const struct replay *replay,
    const struct replay_event *last, uint32_t stream, uint32_t event);

#endif
