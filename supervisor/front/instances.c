#include "instances.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/log.h"

#include "ask.h"
#include "descriptors.h"
#include "front.h"
#include "link_parts.h"
#include "session.h"

/* What a client reads of a reason. */
#define WHY_MAX 640

/* ---- objects ---------------------------------------------------------- */

/* A place among subscriptions that no instance has; SIZE_MAX: there may be no
 * more of them. */
static size_t
free_place(const struct front *front)
{
	size_t most = descriptors_for_instances(front->policy->backend_count,
	    policy_instances(front->policy, INSTANCES_MAX));
	size_t place = SIZE_MAX;
	size_t used = 0;

	for (size_t i = 0; i < INSTANCES_MAX; i++)
		if (front->instances[i] != NULL)
			used++;
		else if (place == SIZE_MAX)
			place = i;
	return used < most ? place : SIZE_MAX;
}

static void
arm(struct link *instance, uint64_t ms)
{
	struct timeval wait = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000) * 1000 };

	evtimer_add(instance->absent, &wait);
}

/* Ask the supervisor, each time with another key: the answer to the one before
 * may be on its way. */
static void
want(struct link *instance)
{
	struct front *front = instance->front;
	struct frame frame = {
		.type = MSG_WANT,
		.id = instance->base->number,
		.flags = instance->owner->capabilities,
	};

	if (++front->last_key == 0)
		front->last_key = 1;
	instance->key = frame.client = front->last_key;
	instance->refused = false;
	(void)chan_send(front->supervisor, &frame, NULL);
}

/* Somebody waits for it from now on. */
static void
begin_waiting(struct link *instance)
{
	instance->until_ms = mono_ms() + instance->base->instance_wait_ms;
	arm(instance, instance->base->instance_wait_ms);
	want(instance);
}

/* One that nobody has wanted yet. */
static struct link *
instance_new(struct session *session, struct link *backend)
{
	struct front *front = session->front;
	size_t i = free_place(front);
	struct link *instance;

	if (i == SIZE_MAX) {
		errno = EAGAIN;
		return NULL;
	}
	instance = link_new(front, backend->slot, 0, backend->name);
	if (instance == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	instance->base = backend;
	instance->owner = session;
	instance->place = CATALOGUE_SLOTS + i;
	instance->part = POLICY_SERVING;
	instance->requests_max = backend->requests_max;
	instance->used_ms = mono_ms();
	front->instances[i] = instance;
	TAILQ_INSERT_TAIL(&backend->instances, instance, of_base);
	TAILQ_INSERT_TAIL(&session->instances, instance, of_owner);
	log_debug("session %u: wants an instance of %s", session->handle,
	    backend->name);
	return instance;
}

/* Nothing is in flight on it any more. */
static void
instance_free(struct link *instance)
{
	struct front *front = instance->front;

	subscriptions_forget(front->subscriptions, instance->place);
	front->instances[instance->place - CATALOGUE_SLOTS] = NULL;
	TAILQ_REMOVE(&instance->base->instances, instance, of_base);
	TAILQ_REMOVE(&instance->owner->instances, instance, of_owner);
	link_free(&instance);
}

/* There is a place again, for who has waited longest. */
static void
offer_place(struct link *backend)
{
	struct link *instance;

	TAILQ_FOREACH (instance, &backend->instances, of_base) {
		if (instance->refused) {
			want(instance);
			return;
		}
	}
}

/* All that it had of its own is gone; requests fail: phrase, which goes on
 * after the backend's name, for those that were not sent, why for others. */
static void
instance_clear(struct link *instance, const char *phrase, const char *why)
{
	asks_link_lost(instance);
	subscriptions_lost(instance->front->subscriptions, instance->place);
	link_fail_held(instance, phrase);
	link_fail(instance, why);
	chan_free(&instance->chan);
	event_del(instance->absent);
	instance->greeted = false;
	instance->refused = false;
	instance->number = 0;
	instance->key = 0;
}

static void
send_release(const struct front *front, uint64_t number)
{
	const struct frame frame = { .type = MSG_RELEASE, .id = number };

	(void)chan_send(front->supervisor, &frame, NULL);
}

/* It is not needed any more, whatever it is doing.  What is wanted and has no
 * number yet is released when it gets one. */
static void
instance_release(struct link *instance)
{
	struct link *backend = instance->base;

	if (instance->number != 0)
		send_release(instance->front, instance->number);
	instance_clear(instance, "was not asked: nobody waits for it",
	    "nobody waits for it");
	instance_free(instance);
	offer_place(backend);
}

/* ---- who has one ------------------------------------------------------ */

void
instances_follow_policy(
    struct link *backend, const struct policy_backend *rules)
{
	backend->session = rules->session;
	backend->instance_wait_ms = rules->instance_wait_ms;
	backend->instance_idle_ms = rules->instance_idle_ms;
}

static bool
is_private(const struct session *session, const struct link *backend)
{
	switch (backend->session) {
	case POLICY_SHARED:
		return false;
	case POLICY_PER_CLIENT:
		return true;
	case POLICY_AUTO:
		break;
	}
	return backend->unattributed &&
	    session->handle > backend->private_after;
}

struct link *
instances_link(struct session *session, struct link *backend)
{
	struct link *instance;

	if (!is_private(session, backend))
		return backend;
	TAILQ_FOREACH (instance, &session->instances, of_owner)
		if (instance->base == backend)
			break;
	if (instance == NULL &&
	    (instance = instance_new(session, backend)) == NULL)
		return NULL;
	instance->used_ms = mono_ms();
	if (instance->key == 0)
		begin_waiting(instance);
	else if (!instance->greeted && TAILQ_EMPTY(&instance->held))
		instance->until_ms =
		    instance->used_ms + backend->instance_wait_ms;
	return instance;
}

struct link *
instances_find(const struct front *front, uint64_t number)
{
	for (size_t i = 0; number != 0 && i < INSTANCES_MAX; i++)
		if (front->instances[i] != NULL &&
		    front->instances[i]->number == number)
			return front->instances[i];
	return NULL;
}

size_t
instances_in_flight(const struct link *backend)
{
	const struct link *instance;
	size_t n = 0;

	TAILQ_FOREACH (instance, &backend->instances, of_base)
		n += instance->request_count;
	return n;
}

size_t
instances_count(const struct link *backend)
{
	const struct link *instance;
	size_t n = 0;

	TAILQ_FOREACH (instance, &backend->instances, of_base)
		n += instance->number != 0;
	return n;
}

/* ---- another backend -------------------------------------------------- */

/* It has no process yet: that can be one of another backend as well. */
static void
change_base(struct link *instance, struct link *backend)
{
	TAILQ_REMOVE(&instance->base->instances, instance, of_base);
	TAILQ_INSERT_TAIL(&backend->instances, instance, of_base);
	instance->base = backend;
	instance->slot = backend->slot;
	if (instance->key != 0)
		begin_waiting(instance);
}

/* What the client of an instance has subscribed to there is the same client's
 * at this backend from now on. */
static void
move_subscriptions(struct link *instance, struct link *backend)
{
	struct subscriptions *subscriptions = instance->front->subscriptions;
	struct link *to;

	if (!subscriptions_has(subscriptions, instance->place))
		return;
	to = instances_link(instance->owner, backend);
	if (to != NULL)
		subscriptions_move(subscriptions, instance->place, to->place);
}

void
instances_replaced(struct link *old, struct link *new)
{
	struct link *instance;
	struct link *next;

	if (old->session == POLICY_AUTO && new->session == POLICY_AUTO) {
		new->unattributed = old->unattributed;
		new->private_after = old->private_after;
	}
	TAILQ_FOREACH_SAFE (instance, &old->instances, of_base, next) {
		if (instance->number == 0 && is_private(instance->owner, new))
			change_base(instance, new);
		else
			move_subscriptions(instance, new);
	}
}

/* ---- until it is there ------------------------------------------------ */

static struct link *
find_wanted(const struct front *front, uint32_t key)
{
	for (size_t i = 0; key != 0 && i < INSTANCES_MAX; i++)
		if (front->instances[i] != NULL &&
		    front->instances[i]->key == key)
			return front->instances[i];
	return NULL;
}

/* Why there is none, as the supervisor says it. */
static void
read_reason(struct link *instance, const char *json, size_t len)
{
	struct json_span object = { json, len };
	struct json_scan scan;

	if (len == 0 || json_scan(json, len, NULL, 0, NULL, &scan) == -1 ||
	    json_string_decode(json_get(object, "error"), instance->reason,
		sizeof(instance->reason)) == -1)
		strlcpy(instance->reason, "has no instance to spare",
		    sizeof(instance->reason));
}

/* Its client shall get another one by itself: else it would never hear again of
 * what it subscribed to. */
static bool
is_missed(const struct link *instance)
{
	return subscriptions_has(
		   instance->front->subscriptions, instance->place) &&
	    instance->base->part == POLICY_SERVING &&
	    instance->owner->state == SESSION_ACTIVE;
}

/* It has ended, or did not come; ran is for how long it was of use.  One that
 * is missed is wanted again, later and later if it does not last. */
static void
instance_over(
    struct link *instance, const char *phrase, const char *why, uint64_t ran)
{
	struct link *backend = instance->base;

	instance_clear(instance, phrase, why);
	if (is_missed(instance))
		arm(instance,
		    backoff_fail(&instance->backoff, ran, arc4random()));
	else
		instance_free(instance);
	offer_place(backend);
}

/* Nobody waits for it any longer. */
static void
give_up(struct link *instance, const char *reason)
{
	char phrase[WHY_MAX];

	snprintf(phrase, sizeof(phrase),
	    "%s; waited for it for %.1f s (\"instance_wait\")", reason,
	    (double)instance->base->instance_wait_ms / 1000.0);
	if (!TAILQ_EMPTY(&instance->held))
		log_warning("session %u: backend %s %s",
		    instance->owner->handle, instance->name, phrase);
	if (instance->number != 0)
		send_release(instance->front, instance->number);
	instance_over(instance, phrase, "", 0);
}

/* Milliseconds until it is wanted once more, or given up. */
static uint64_t
retry_after(const struct link *instance)
{
	uint64_t now = mono_ms();
	uint64_t left = 0;

	if (instance->until_ms > now)
		left = instance->until_ms - now;
	return left < INSTANCES_RETRY_MS ? left : INSTANCES_RETRY_MS;
}

void
instances_on_instance(struct front *front, uint32_t key, uint64_t number,
    const char *json, size_t len)
{
	struct link *instance = find_wanted(front, key);
	char reason[sizeof(instance->reason)];

	if (instance == NULL) { /* nobody waits for it any more */
		if (number != 0)
			send_release(front, number);
		return;
	}
	if (number != 0) {
		instance->number = number;
		instance->reason[0] = '\0';
		return;
	}
	read_reason(instance, json, len);
	/* Nobody waits any more, or it is in vain. */
	if ((TAILQ_EMPTY(&instance->held) && !is_missed(instance)) ||
	    front->drain != NULL || instance->base->part != POLICY_SERVING) {
		strlcpy(reason, instance->reason, sizeof(reason));
		instance_over(instance, reason, "", 0);
		return;
	}
	instance->refused = true;
	arm(instance, retry_after(instance));
}

void
link_on_wait(struct link *instance)
{
	uint64_t now = mono_ms();
	char reason[sizeof(instance->reason)];

	if (instance->greeted)
		return;
	if (instance->key == 0) {
		begin_waiting(instance);
	} else if (now < instance->until_ms) {
		arm(instance, instance->until_ms - now);
		if (instance->refused)
			want(instance);
	} else {
		strlcpy(reason,
		    instance->reason[0] != '\0'
			? instance->reason
			: "has no instance for this session that has started "
			  "in time",
		    sizeof(reason));
		give_up(instance, reason);
	}
}

void
instances_greeted(struct link *instance)
{
	if (!instance->greeted)
		instance->greeted_ms = mono_ms();
	instance->greeted = true;
	event_del(instance->absent);
	link_send_held(instance);
}

/* ---- its end ---------------------------------------------------------- */

void
instances_ended(struct link *instance, const char *why)
{
	uint64_t now = mono_ms();
	uint64_t ran = instance->greeted ? now - instance->greeted_ms : 0;
	char text[sizeof(instance->reason)];
	char phrase[WHY_MAX];

	strlcpy(text, why, sizeof(text)); /* may be its own */
	snprintf(phrase, sizeof(phrase),
	    "was not asked: its instance for this session did not start: %s",
	    text);
	log_info("session %u: its instance of %s has ended: %s",
	    instance->owner->handle, instance->name, text);
	instance_over(instance, phrase, text, ran);
}

/* An instance whose link was closed and that may be alive yet. */
struct lost_instance {
	LIST_ENTRY(lost_instance) next;
	uint64_t number;
	uint64_t until_ms;
};

/* Release it, if it does not end by itself. */
static void
release_later(struct front *front, uint64_t number)
{
	struct lost_instance *lost = malloc(sizeof(*lost));

	if (lost == NULL) {
		send_release(front, number);
		return;
	}
	lost->number = number;
	lost->until_ms = mono_ms() + INSTANCES_LOST_MS;
	LIST_INSERT_HEAD(&front->lost_instances, lost, next);
}

static void
release_lost(struct front *front, uint64_t now_ms)
{
	struct lost_instance *lost;
	struct lost_instance *next;

	LIST_FOREACH_SAFE (lost, &front->lost_instances, next, next) {
		if (now_ms < lost->until_ms)
			continue;
		send_release(front, lost->number);
		LIST_REMOVE(lost, next);
		free(lost);
	}
}

void
instances_closed(struct link *instance, bool eof, const char *why)
{
	if (!instance->greeted) {
		/* The supervisor will say why, or the wait ends. */
		chan_free(&instance->chan);
		return;
	}
	if (eof)
		release_later(instance->front, instance->number);
	else
		send_release(instance->front, instance->number);
	instances_ended(instance, why);
}

void
instances_session_gone(struct session *session)
{
	struct link *instance;

	while ((instance = TAILQ_FIRST(&session->instances)) != NULL)
		instance_release(instance);
}

void
instances_backend_gone(struct link *backend)
{
	struct link *instance;

	while ((instance = TAILQ_FIRST(&backend->instances)) != NULL) {
		instance_clear(instance,
		    "was not asked: it is not configured any more",
		    "it is not configured any more");
		instance_free(instance);
	}
}

/* Does its client want something of it still? */
static bool
is_used(const struct link *instance)
{
	return !instance->greeted || instance->request_count > 0 ||
	    !TAILQ_EMPTY(&instance->asks) ||
	    subscriptions_has(instance->front->subscriptions, instance->place);
}

/* Is its client to have one at all? */
static bool
is_due(const struct link *instance)
{
	return instance->base->part == POLICY_SERVING &&
	    is_private(instance->owner, instance->base);
}

void
instances_tick(struct front *front, uint64_t now_ms)
{
	struct link *instance;
	uint32_t idle_ms;

	for (size_t i = 0; i < INSTANCES_MAX; i++) {
		if ((instance = front->instances[i]) == NULL)
			continue;
		idle_ms = instance->base->instance_idle_ms;
		if (is_used(instance))
			instance->used_ms = now_ms;
		else if (!is_due(instance) ||
		    (idle_ms > 0 && now_ms - instance->used_ms >= idle_ms))
			instance_release(instance);
	}
	release_lost(front, now_ms);
}

/* ---- what its client says --------------------------------------------- */

void
instances_roots_changed(struct session *session)
{
	const struct frame frame = { .type = MSG_ROOTS_CHANGED };
	struct link *instance;

	TAILQ_FOREACH (instance, &session->instances, of_owner)
		if (instance->greeted)
			(void)chan_send(instance->chan, &frame, NULL);
}

void
instances_set_level(struct session *session)
{
	struct link *instance;

	TAILQ_FOREACH (instance, &session->instances, of_owner)
		link_set_level(instance, (enum mcp_level)session->level);
}
