/*
 * reload.h: one reload at a time, from its request to the answer: read, check,
 * apply, wait for what is new, switch.
 */
#ifndef SUPERVISOR_RELOAD_H
#define SUPERVISOR_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway.h"

struct reload;

/* What is new gets this long to be listed before clients see the rest. */
#define RELOAD_WAIT_MS 10000U

/* From one begin to the next: a storm of requests is five a second at most. */
#define RELOAD_EVERY_MS 200U

/* Who may wait for an answer at once: every peer of the control socket may ask
 * more than once. */
#define RELOAD_WAITERS_MAX 64

/* gateway is borrowed.  NULL with ENOMEM. */
struct reload *reload_new(struct gateway *gateway);
/* After reload_abandon(). */
void reload_free(struct reload **reload);

/* Reload soon; done may be NULL, see gateway_reload(). */
void reload_request(struct reload *reload, gateway_reloaded *done, void *arg);

/* See gateway_check(). */
void reload_check(struct gateway *gateway, gateway_reloaded *done, void *arg);

/* Something of the backends changed. */
void reload_look(struct reload *reload);

/* The gateway ends: whoever waits is told, and nothing is reloaded any more. */
void reload_abandon(struct reload *reload);

/* From its begin until what is new has settled. */
bool reload_is_under_way(const struct reload *reload);

/* How many were applied, and why the last one was not; NULL when it was. */
uint64_t reload_count(const struct reload *reload);
const char *reload_error(const struct reload *reload);

#endif
