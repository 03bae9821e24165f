/*
 * instances.h: instances of backends: workers and jobs that serve one session
 * each.  A session gets one when it asks such a backend for the first time; its
 * requests wait until it is there, for as long as the policy says.  One that
 * ends is forgotten, but where its client subscribed to something: then another
 * one takes its place.
 */
#ifndef FRONT_INSTANCES_H
#define FRONT_INSTANCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy.h"

struct front;
struct link;
struct session;

/* What all requests that wait for one instance may hold, and for all: as much
 * as one body, and as a quarter of limits.memory as it is; one fits in any
 * case. */
#define INSTANCES_HELD_MAX     ((size_t)4 << 20)
#define INSTANCES_HELD_ALL_MAX ((size_t)64 << 20)
/* Instances of all backends; the supervisor has as many. */
#define INSTANCES_MAX 1024U
/* How soon another one is wanted where there was no place. */
#define INSTANCES_RETRY_MS 500U
/* When one whose link was closed is released: by then the supervisor has
 * noticed by itself that it ended, if it did, and has written why. */
#define INSTANCES_LOST_MS 10000U

/* How the sessions of this backend are kept apart, from now on. */
void instances_follow_policy(
    struct link *backend, const struct policy_backend *rules);

/* A backend begins to serve in place of another one of its name: who has an
 * instance of that gets one of this when it asks, or at once where it waits for
 * one or has subscribed to something. */
void instances_replaced(struct link *old, struct link *new);

/*
 * Where a session's requests to this backend go: to the backend itself where it
 * is shared, else to the session's instance of it, which is wanted now if there
 * is none.  NULL with errno ENOMEM, or EAGAIN: there are INSTANCES_MAX, or no
 * descriptors for another link.
 */
struct link *instances_link(struct session *session, struct link *backend);

/* INSTANCE: what became of a WANT. */
void instances_on_instance(struct front *front, uint32_t key, uint64_t number,
    const char *json, size_t len);

/* The instance of this number, or NULL. */
struct link *instances_find(const struct front *front, uint64_t number);

/* It was greeted (anew): send what waited for it. */
void instances_greeted(struct link *instance);

/* The supervisor has said its last word: requests in flight fail. */
void instances_ended(struct link *instance, const char *why);

/* The same of its link: by the worker's end (eof), or because of what the
 * worker said. */
void instances_closed(struct link *instance, bool eof, const char *why);

/* The session is gone, and its requests have ended. */
void instances_session_gone(struct session *session);

/* The backend is gone; requests in flight on its instances fail. */
void instances_backend_gone(struct link *backend);

/* notifications/roots/list_changed of a client. */
void instances_roots_changed(struct session *session);

/* A session asked for another log level. */
void instances_set_level(struct session *session);

/* End those whose session asked nothing for as long as the policy says, and
 * those that nobody shall use any more. */
void instances_tick(struct front *front, uint64_t now_ms);

/* Requests in flight on all instances of a backend. */
size_t instances_in_flight(const struct link *backend);

/* How many of them a backend has that the supervisor knows. */
size_t instances_count(const struct link *backend);

#endif
