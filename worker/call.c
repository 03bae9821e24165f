/* call.c: the front's requests that the backend has not answered. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "call.h"

/* No call: one more than the last slot. */
#define NOBODY CALL_SLOTS

/*
 * All calls have the same timeout, so a list in the order of their last sign
 * of life is sorted by deadline.  Neighbours are slots.
 */
struct call {
	uint64_t id;
	uint64_t started;
	uint64_t deadline;
	uint64_t position; /* of its request in what is queued */
	uint32_t older;
	uint32_t newer;
	enum call_state state;
};

struct call_table {
	uint64_t timeout_ms;
	uint64_t held_until; /* before that none expires */
	size_t count;
	uint32_t oldest;
	uint32_t newest;
	/* Untouched pages of these 3 MiB cost nothing. */
	struct call calls[CALL_SLOTS];
};

static const unsigned int may_become[] = {
	[CALL_NONE] = 1U << CALL_SENT,
	[CALL_SENT] =
	    1U << CALL_NONE | 1U << CALL_CANCELLED | 1U << CALL_EXPIRED,
	[CALL_CANCELLED] = 1U << CALL_NONE | 1U << CALL_SENT,
	[CALL_EXPIRED] = 1U << CALL_NONE | 1U << CALL_SENT,
};

struct call_table *
call_table_new(uint64_t timeout_ms)
{
	struct call_table *ct = calloc(1, sizeof(*ct));

	if (ct == NULL)
		return NULL;
	ct->timeout_ms = timeout_ms;
	ct->oldest = NOBODY;
	ct->newest = NOBODY;
	return ct;
}

void
call_table_free(struct call_table **ct)
{
	free(*ct);
	*ct = NULL;
}

static uint32_t
slot_of(uint64_t id)
{
	return (uint32_t)(id % CALL_SLOTS);
}

static void
link_newest(struct call_table *ct, struct call *call)
{
	uint32_t slot = slot_of(call->id);

	call->newer = NOBODY;
	call->older = ct->newest;
	if (ct->newest == NOBODY)
		ct->oldest = slot;
	else
		ct->calls[ct->newest].newer = slot;
	ct->newest = slot;
}

static void
unlink_call(struct call_table *ct, const struct call *call)
{
	if (call->older == NOBODY)
		ct->oldest = call->newer;
	else
		ct->calls[call->older].newer = call->newer;
	if (call->newer == NOBODY)
		ct->newest = call->older;
	else
		ct->calls[call->newer].older = call->older;
}

/* The only place that writes call->state. */
static void
call_transition(struct call_table *ct, struct call *call, enum call_state to)
{
	assert(may_become[call->state] & 1U << to);
	if (call->state == CALL_SENT) {
		unlink_call(ct, call);
		ct->count--;
	}
	if (to == CALL_SENT) {
		link_newest(ct, call);
		ct->count++;
	}
	call->state = to;
}

/* The call of exactly this id, in whatever state but CALL_NONE. */
static struct call *
find(struct call_table *ct, uint64_t id)
{
	struct call *call = &ct->calls[slot_of(id)];

	return call->state != CALL_NONE && call->id == id ? call : NULL;
}

int
call_add(struct call_table *ct, uint64_t id, uint64_t position, uint64_t now)
{
	struct call *call = &ct->calls[slot_of(id)];

	if (id < CALL_ID_FIRST || id > CALL_ID_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (call->state == CALL_SENT ||
	    (call->state != CALL_NONE && call->id == id)) {
		errno = EEXIST;
		return -1;
	}
	call->id = id;
	call->started = now;
	call->deadline = now + ct->timeout_ms;
	call->position = position;
	call_transition(ct, call, CALL_SENT);
	return 0;
}

uint64_t
call_position(const struct call_table *ct, uint64_t id)
{
	const struct call *call = &ct->calls[slot_of(id)];

	assert(call->state != CALL_NONE && call->id == id);
	return call->position;
}

enum call_state
call_answer(struct call_table *ct, uint64_t id)
{
	struct call *call = find(ct, id);
	enum call_state was;

	if (call == NULL)
		return CALL_NONE;
	was = call->state;
	call_transition(ct, call, CALL_NONE);
	return was;
}

bool
call_progress(struct call_table *ct, uint64_t id, uint64_t now)
{
	struct call *call = find(ct, id);

	if (call == NULL || call->state != CALL_SENT)
		return false;
	if (now - call->started < CALL_PROGRESS_MAX_MS) {
		unlink_call(ct, call);
		call->deadline = now + ct->timeout_ms;
		link_newest(ct, call);
	}
	return true;
}

bool
call_cancel(struct call_table *ct, uint64_t id)
{
	struct call *call = find(ct, id);

	if (call == NULL || call->state != CALL_SENT)
		return false;
	call_transition(ct, call, CALL_CANCELLED);
	return true;
}

bool
call_is_waited_for(const struct call_table *ct, uint64_t id)
{
	const struct call *call = &ct->calls[slot_of(id)];

	return call->state == CALL_SENT && call->id == id;
}

void
call_hold(struct call_table *ct, bool on, uint64_t now)
{
	ct->held_until = on ? UINT64_MAX : now + ct->timeout_ms;
}

/* When it does. */
static uint64_t
expires(const struct call_table *ct, const struct call *call)
{
	uint64_t last = call->started + CALL_PROGRESS_MAX_MS;
	uint64_t held = ct->held_until < last ? ct->held_until : last;

	return call->deadline > held ? call->deadline : held;
}

bool
call_expire(struct call_table *ct, uint64_t now, uint64_t *id)
{
	struct call *call;

	if (ct->oldest == NOBODY)
		return false;
	call = &ct->calls[ct->oldest];
	if (now < expires(ct, call))
		return false;
	call_transition(ct, call, CALL_EXPIRED);
	*id = call->id;
	return true;
}

bool
call_cancel_oldest(struct call_table *ct, uint64_t *id)
{
	struct call *call;

	if (ct->oldest == NOBODY)
		return false;
	call = &ct->calls[ct->oldest];
	call_transition(ct, call, CALL_CANCELLED);
	*id = call->id;
	return true;
}

bool
call_next_deadline(const struct call_table *ct, uint64_t *ms)
{
	if (ct->oldest == NOBODY)
		return false;
	*ms = expires(ct, &ct->calls[ct->oldest]);
	return true;
}

size_t
call_count(const struct call_table *ct)
{
	return ct->count;
}
