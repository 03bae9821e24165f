#include "instances.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/log.h"

#include "front.h"
#include "link_parts.h"
#include "session.h"

/* ---- objects ---------------------------------------------------------- */

/* A place among subscriptions that no instance has, or SIZE_MAX. */
static size_t
free_place(const struct front *front)
{
	for (size_t i = 0; i < INSTANCES_MAX; i++)
		if (front->instances[i] == NULL)
			return i;
	return SIZE_MAX;
}

static void
want(struct link *instance)
{
	struct frame frame = {
		.type = MSG_WANT,
		.id = instance->base->number,
		.client = instance->key,
		.flags = instance->owner->capabilities,
	};

	(void)chan_send(instance->front->supervisor, &frame, NULL);
}

static void
arm(struct link *instance, uint64_t ms)
{
	struct timeval wait = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000) * 1000 };

	evtimer_add(instance->absent, &wait);
}

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
	instance->key = ++front->last_key;
	instance->used_ms = mono_ms();
	instance->until_ms = instance->used_ms + backend->instance_wait_ms;
	front->instances[i] = instance;
	TAILQ_INSERT_TAIL(&backend->instances, instance, of_base);
	TAILQ_INSERT_TAIL(&session->instances, instance, of_owner);
	log_debug("session %u: wants an instance of %s", session->handle,
	    backend->name);
	want(instance);
	arm(instance, backend->instance_wait_ms);
	return instance;
}

/* The last one of a backend that leaves was in somebody's way. */
static void
look_at_base(struct link *backend)
{
	if (backend->watched && backend->request_count == 0 &&
	    instances_in_flight(backend) == 0)
		link_on_idle(backend);
}

/* Requests in flight on it fail. */
static void
instance_free(struct link *instance, const char *why)
{
	struct front *front = instance->front;
	struct link *backend = instance->base;

	subscriptions_lost(front->subscriptions, instance->place);
	link_fail_held(instance, why);
	link_fail(instance, why);
	subscriptions_forget(front->subscriptions, instance->place);
	front->instances[instance->place - CATALOGUE_SLOTS] = NULL;
	TAILQ_REMOVE(&backend->instances, instance, of_base);
	TAILQ_REMOVE(&instance->owner->instances, instance, of_owner);
	link_free(&instance);
	look_at_base(backend);
}

/* It is not needed any more, whatever it is doing. */
static void
instance_release(struct link *instance, const char *why)
{
	struct frame frame = { .type = MSG_RELEASE, .id = instance->number };

	/* Without a number it is released when it gets one. */
	if (instance->number != 0)
		(void)chan_send(instance->front->supervisor, &frame, NULL);
	instance_free(instance, why);
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
	struct link *other = NULL;

	if (!is_private(session, backend))
		return backend;
	TAILQ_FOREACH (instance, &session->instances, of_owner) {
		if (instance->base == backend) {
			instance->used_ms = mono_ms();
			return instance;
		}
		if (strcmp(instance->name, backend->name) == 0)
			other = instance;
	}
	if ((instance = instance_new(session, backend)) != NULL &&
	    other != NULL) /* of the backend that this one replaces */
		subscriptions_move(session->front->subscriptions, other->place,
		    instance->place);
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
		n++;
	return n;
}

/* ---- until it is there ------------------------------------------------ */

static struct link *
find_wanted(const struct front *front, uint32_t key)
{
	for (size_t i = 0; i < INSTANCES_MAX; i++)
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
		strlcpy(instance->reason, "it has no instance to spare",
		    sizeof(instance->reason));
}

void
instances_on_instance(struct front *front, uint32_t key, uint64_t number,
    const char *json, size_t len)
{
	struct link *instance = find_wanted(front, key);
	struct frame frame = { .type = MSG_RELEASE, .id = number };
	uint64_t now = mono_ms();

	if (instance == NULL) { /* nobody waits for it any more */
		if (number != 0)
			(void)chan_send(front->supervisor, &frame, NULL);
		return;
	}
	if (number != 0) {
		instance->number = number;
		return;
	}
	read_reason(instance, json, len);
	if (now + INSTANCES_RETRY_MS < instance->until_ms)
		arm(instance, INSTANCES_RETRY_MS);
	else
		instance_free(instance, instance->reason);
}

void
link_on_wait(struct link *instance)
{
	uint64_t now = mono_ms();
	char why[512];

	if (instance->greeted)
		return;
	if (instance->number == 0 && instance->reason[0] != '\0' &&
	    now < instance->until_ms) {
		want(instance);
		arm(instance, instance->until_ms - now);
		return;
	}
	strlcpy(why,
	    instance->reason[0] != '\0'
		? instance->reason
		: "no instance for this session has started in time",
	    sizeof(why));
	log_warning("session %u: backend %s: %s", instance->owner->handle,
	    instance->name, why);
	instance_release(instance, why);
}

void
instances_greeted(struct link *instance)
{
	event_del(instance->absent);
	link_send_held(instance);
}

/* ---- its end ---------------------------------------------------------- */

/*
 * What its client subscribed to there is another one's, which is wanted at
 * once: else it would never hear of it again.
 */
static void
keep_subscriptions(struct link *instance)
{
	struct subscriptions *subscriptions = instance->front->subscriptions;
	struct link *other;

	if (!subscriptions_has(subscriptions, instance->place) ||
	    instance->base->part != POLICY_SERVING ||
	    instance->owner->state != SESSION_ACTIVE)
		return;
	if ((other = instance_new(instance->owner, instance->base)) != NULL)
		subscriptions_move(
		    subscriptions, instance->place, other->place);
}

void
instances_ended(struct link *instance, const char *why)
{
	char text[512];

	strlcpy(text, why, sizeof(text)); /* may be its own */
	log_info("session %u: its instance of %s has ended: %s",
	    instance->owner->handle, instance->name, text);
	subscriptions_lost(instance->front->subscriptions, instance->place);
	link_fail_held(instance, text);
	link_fail(instance, text);
	if (instance->greeted)
		keep_subscriptions(instance);
	instance_free(instance, text);
}

void
instances_session_gone(struct session *session)
{
	struct link *instance;

	while ((instance = TAILQ_FIRST(&session->instances)) != NULL)
		instance_release(instance, "its session is over");
}

void
instances_backend_gone(struct link *backend)
{
	struct link *instance;

	while ((instance = TAILQ_FIRST(&backend->instances)) != NULL)
		instance_free(instance, "it is not configured any more");
}

/* Does its client want something of it still? */
static bool
is_used(struct link *instance)
{
	return !instance->greeted || instance->request_count > 0 ||
	    !TAILQ_EMPTY(&instance->asks) ||
	    subscriptions_has(instance->front->subscriptions, instance->place);
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
		else if ((idle_ms > 0 &&
			     now_ms - instance->used_ms >= idle_ms) ||
		    instance->base->part != POLICY_SERVING)
			instance_release(instance, "it is not used");
	}
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
