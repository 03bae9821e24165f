/*
 * instance.h: instances of a backend, each for one client: runs of their own,
 * with worker, reaper and job, that are started when the front wants one and
 * never again.
 *
 * What the front may rely on:
 *
 * - Each WANT is answered by one INSTANCE with its key, in the order of the
 *   WANTs.  Keys are the front's: nothing else is done with them, and two WANTs
 *   with one key are two instances.
 * - Id 0 means that there is none; "error" says why and goes on after "backend
 *   NAME".  Another WANT is then as good as this one was: the front
 *   decides when.  Id 0 it is when the backend is not there, does not serve
 *   (standby or leaving), was stopped by hand, is shared by all its clients,
 *   has "max_instances" or all backends together have INSTANCES_MAX, when the
 *   last ones of it did not come up, and when the gateway stops.
 * - Otherwise id is a number that no backend and no instance had before.
 *   BACKEND and LINK with it follow, as they do for a backend: starting, setup,
 *   ready; LINK once.  They may take a while: what was released and has not
 *   ended yet counts as one of "max_instances", and the new one waits for it.
 * - Of each that was not released the last word is one BACKEND: failed, with
 *   the reason, when it ended by itself or never was ready, or down, when its
 *   backend was ended.  Its link is closed by then, maybe for a while already.
 *   It is not started again; its number means nothing any more.
 * - RELEASE ends it, whatever its state: its stdin is closed, and after two
 *   seconds it gets SIGTERM, after three more SIGKILL.  Nothing is said of its
 *   number after that but what is on its way already; a RELEASE of a number
 *   that has had its last word does no harm.  What is in flight on it is cut:
 *   the front releases it when nothing is.
 * - POLICY knows nothing of instances.  When the backend is leaving, they serve
 *   on until it is ended: by DRAINED_BACKEND with the number of the backend,
 *   which the front sends when neither that nor its instances have a request in
 *   flight, or after "drain_timeout".  They end with it, as by RELEASE.
 * - LISTED with the number of an instance means nothing.
 * - A front that ends has released all of them.
 */
#ifndef SUPERVISOR_INSTANCE_H
#define SUPERVISOR_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

struct instance;
struct member;
struct roster;

/*
 * All instances of all backends.  Each is two processes of ours and a job of at
 * least one; a machine has 32,768 unless somebody wanted more.
 */
#define INSTANCES_MAX 1024

/*
 * Descriptors of ours that a run may take while it starts: two ends of two
 * channels, of a link, and of three pipes.  The front keeps one for its link.
 */
#define INSTANCE_DESCRIPTORS 12
/* Those for everything else: sockets, logs, peers of the control socket. */
#define INSTANCE_DESCRIPTORS_SPARED 96

/* Answer a WANT for an instance of the backend of this number, for a client
 * that can do this (a set of enum mcp_capability). */
void instance_want(struct roster *roster, uint64_t number, uint32_t key,
    unsigned int capabilities);

/* Answer a WANT that there is none. */
void instance_refuse(struct roster *roster, uint32_t key, const char *why);

/* RELEASE: end the instance of this number, if it is one. */
void instance_release(struct roster *roster, uint64_t number);

/* Call each for every instance of this member, the oldest first, with texts
 * that last for the call; its part is "serving", "waiting" (for another one to
 * end) or "leaving". */
void instance_each(const struct member *member,
    void (*each)(void *arg, const struct status_backend *instance), void *arg);

/* ---- for the roster ---- */

/* Some instance of this member may have work to do. */
bool instances_are_used(const struct member *member);

/* End all of this member, or, where it is NULL, of all. */
void instances_end(struct roster *roster, const struct member *member);

/* End all: nobody is left who knows them. */
void instances_front_gone(struct roster *roster);
void instances_kill(struct roster *roster);

/* At the end of a turn in which something changed: forget those that are gone,
 * start those that waited for them. */
void instances_look(struct roster *roster);

/* Nothing is running any more. */
void instances_free(struct roster *roster);

#endif
