/*
 * roster.h: the live services, each with the part that it plays for clients,
 * and what the front is told of them: POLICY, BACKEND and LINK.
 *
 * Of one name there is at most one that serves and one on standby; any number
 * may be leaving.
 */
#ifndef SUPERVISOR_ROSTER_H
#define SUPERVISOR_ROSTER_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "breaker.h"
#include "config.h"
#include "front.h"
#include "outcome.h"
#include "plan.h"
#include "policy_text.h"
#include "process.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "service.h"

struct roster;

/* All backends of a configuration may be replaced at once; the front knows this
 * number too. */
#define ROSTER_MAX (CONFIG_BACKENDS_MAX * 2)

/* What is gone is taken from the POLICY after this long, with all that goes
 * meanwhile: nobody waits for it. */
#define ROSTER_TIDY_MS 100

struct member {
	TAILQ_ENTRY(member) link;
	struct roster *roster;
	struct service *service;
	enum part part;

	/* What it was started with, and what clients may see of it; each is in
	 * a configuration that is held for it. */
	const struct config_backend *backend;
	const struct config_backend *rules;
	struct config *backend_config;
	struct config *rules_config;
	struct plan *plan; /* for backend_config; held */

	bool stopped;    /* by hand: it serves, but is not started */
	bool waits;      /* it is started when another one has left its port */
	bool introduced; /* the front knows it */
	bool listed;     /* the front has its lists, and it may still run */
	bool fresh;      /* a reload that is under way made it */
	bool ended;      /* LEAVING, and told to end */
	uint32_t generation; /* of its last link */
	struct event *timer; /* of LEAVING: it has drained long enough */

	/* Its instances for single clients, see instance.h. */
	unsigned int instances;      /* with those that wait or end */
	struct breaker breaker;      /* of those that never were ready */
	uint64_t instances_retry_ms; /* none is started before; 0: any time */
	char trouble[OUTCOME_TEXT_MAX]; /* why the last of them was not */
};
TAILQ_HEAD(members, member);

struct roster_handlers {
	/* At the end of a turn in which something changed. */
	void (*changed)(void *arg);
	/* Something happened that a user wants to know. */
	void (*tell)(void *arg, enum log_level level, const char *text);
	/* The same of something that happens all the time: for the log alone.
	 */
	void (*note)(void *arg, enum log_level level, const char *text);
};

/* All is borrowed.  NULL with ENOMEM. */
struct roster *roster_new(struct loop *loop, struct processes *processes,
    struct front *front, const struct roster_handlers *handlers, void *arg);
/* After processes_free(): nothing is running any more. */
void roster_free(struct roster **roster);

/* For reading; serving ones in the order of the lists, leaving ones last. */
const struct members *roster_members(const struct roster *roster);
size_t roster_count(const struct roster *roster);

/* NULL when there is none. */
struct member *roster_serving(const struct roster *roster, const char *name);
struct member *roster_standby(const struct roster *roster, const char *name);

/* ---- members come ---- */

/*
 * Everything that can fail before a backend is started: a member that is on no
 * list yet, for the backend at this place of config, which plan is for and
 * which both are held from now on.  NULL with *error, the caller's, or NULL
 * when memory ran out.
 */
struct member *roster_make(struct roster *roster, struct plan *plan,
    struct config *config, size_t place, char **error);
/* One that was never added; *member becomes NULL, NULL is accepted. */
void roster_discard(struct member **member);

/* Put it behind all others that do not leave; it is not started yet. */
void roster_add(struct member *member, enum part part);

/* Start it, or have it wait until another one has left the port that it needs;
 * nothing happens to a disabled one, and to one that was stopped by hand. */
void roster_start(struct member *member);

/* ---- members change ---- */

/* True when nothing more is to be expected of it for now: it is listed, or its
 * first try failed, or it is not to be started. */
bool roster_is_settled(const struct member *member);

/* It is ready, so that clients may be served by it right now. */
bool roster_is_ready(const struct member *member);

/* Two of these cannot run side by side. */
bool roster_share_port(
    const struct config_backend *a, const struct config_backend *b);

/* After a reload: it is started as this backend of config says, which plan is
 * for, and clients see of it what that says. */
void roster_rebind(struct member *member, struct plan *plan,
    struct config *config, size_t place);
/* Only the latter. */
void roster_set_rules(
    struct member *member, struct config *config, size_t place);

/* It serves from now on; who did before leaves. */
void roster_promote(struct member *standby, unsigned int drain_ms);

/* Clients see no more of it; what is in flight may go on for so long.  One that
 * is not ready and has no instances has nothing in flight and ends now. */
void roster_leave(struct member *member, unsigned int drain_ms);

/* The order of the lists: that of this configuration. */
void roster_arrange(struct roster *roster, const struct config *config);

/* ---- what the front is told ---- */

/* The POLICY for config with these members besides those of the list (only to
 * see whether there can be one: the caller frees it).  NULL with errno. */
char *roster_policy(const struct roster *roster, const struct config *config,
    struct member *const *more, size_t count);

/* Tell the front of the list as it is now, with the rules of config, which is
 * borrowed until the next call; and of each new member how it is. */
void roster_publish(struct roster *roster, const struct config *config);

/* ---- what the front says ---- */

/* There is a new one, which was told nothing yet. */
void roster_front_started(struct roster *roster);
/* It is gone, with all that was in flight. */
void roster_front_gone(struct roster *roster);
/* Nothing of a run that is over: what is listed then is about to go. */
void roster_listed(struct roster *roster, uint64_t number, uint32_t generation);
void roster_drained(struct roster *roster, uint64_t number);

/* ---- the end ---- */

/* End all, once; nothing is started any more. */
void roster_stop(struct roster *roster);
void roster_kill(struct roster *roster);

#endif
