/* call.h: the front's requests that the backend has not answered. */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The front's ids: the low bits are a slot of its table. */
#define CALL_SLOTS 65536U
/* Ids below are the worker's own requests. */
#define CALL_ID_FIRST ((uint64_t)CALL_SLOTS)
/* Every JSON library keeps integers up to here. */
#define CALL_ID_MAX (((uint64_t)1 << 53) - 1)

/*
 * Progress, and a client that is being asked, put a call's deadline off, but
 * not for ever: one hour after its start they do so no longer (MCP lifecycle,
 * "Timeouts").
 */
#define CALL_PROGRESS_MAX_MS ((uint64_t)3600 * 1000)

enum call_state {
	CALL_NONE,      /* the slot is free */
	CALL_SENT,      /* the backend has it */
	CALL_CANCELLED, /* nobody waits; its late answer is dropped */
	CALL_EXPIRED,   /* the same after its deadline */
};

struct call_table;

/* Every call gets this many milliseconds.  NULL with errno ENOMEM. */
struct call_table *call_table_new(uint64_t timeout_ms);
void call_table_free(struct call_table **ct);

/*
 * Note a call, and where its request is queued.  0, or -1 with errno EINVAL
 * (not an id of the front's) or EEXIST (its slot is in use, or it is the id of
 * a call that was given up and may still be answered).
 */
int call_add(
    struct call_table *ct, uint64_t id, uint64_t position, uint64_t now);

/* Where the request of a call that is noted was queued (asserted). */
uint64_t call_position(const struct call_table *ct, uint64_t id);

/*
 * An answer came: its state so far, and the slot is free.  CALL_NONE when no
 * call has this id.
 */
enum call_state call_answer(struct call_table *ct, uint64_t id);

/* The backend works on it: put the deadline off.  False when nobody waits. */
bool call_progress(struct call_table *ct, uint64_t id, uint64_t now);

/* Nobody waits for it any more.  False when nobody did. */
bool call_cancel(struct call_table *ct, uint64_t id);

/* Somebody waits for it. */
bool call_is_waited_for(const struct call_table *ct, uint64_t id);

/*
 * No call expires, as the backend waits for a client's answer that one of them
 * may need; or from now on they do, and all of them have their whole time
 * again.
 */
void call_hold(struct call_table *ct, bool on, uint64_t now);

/* Expire the oldest call whose deadline has passed; false when there is none.
 */
bool call_expire(struct call_table *ct, uint64_t now, uint64_t *id);

/* Cancel the oldest call; false when there is none. */
bool call_cancel_oldest(struct call_table *ct, uint64_t *id);

/* When the next call expires; false when none is waiting. */
bool call_next_deadline(const struct call_table *ct, uint64_t *ms);

/* Calls that somebody waits for. */
size_t call_count(const struct call_table *ct);

#endif
