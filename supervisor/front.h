/* front.h: the one front process, kept running. */
#ifndef SUPERVISOR_FRONT_H
#define SUPERVISOR_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "listen.h"
#include "process.h"
#include "proto/msg.h"
#include "status.h"

struct front;

struct front_handlers {
	/* A front process was started and got its SETUP: it must get POLICY,
	 * all sockets, hear of all backends and get a link to each worker. */
	void (*started)(void *arg);
	/* It said HELLO, took its SETUP and answers: it serves. */
	void (*hello)(void *arg);
	/* It ended, with all that was in flight; another one may follow. */
	void (*gone)(void *arg);
	/* It ended before it ever worked, for a reason that will not change;
	 * gone() came before. */
	void (*useless)(void *arg);
	/* It has the lists of the backend of this number, which came over the
	 * link of this generation. */
	void (*listed)(void *arg, uint64_t number, uint32_t generation);
	/* Nothing is in flight any more; number is that of the backend. */
	void (*drained)(void *arg, enum drained what, uint64_t number);
	/* It wants an instance of the backend of this number for a client that
	 * can do this (enum mcp_capability); key is its own. */
	void (*want)(void *arg, uint64_t number, uint32_t key,
	    unsigned int capabilities);
	/* It has no use for this instance any more. */
	void (*release)(void *arg, uint64_t number);
	/* Its answer to the QUERY of this number; not checked in any way. */
	void (*report)(void *arg, uint64_t id, const char *json, size_t len);
};

/*
 * setup is the payload of SETUP, taken.  handlers and arg are borrowed.  NULL
 * with ENOMEM; setup is then freed too.
 */
struct front *front_new(struct loop *loop, struct processes *processes,
    char *setup, const struct front_handlers *handlers, void *arg);
void front_free(struct front **front);

/* Start it, and again whenever it ends, until front_stop() or front_drain(). */
void front_start(struct front *front);
void front_stop(struct front *front);

/* Have it take no new work, and say DRAINED when nothing is in flight.  False
 * when there is none: nothing is. */
bool front_drain(struct front *front);

/* End it at once. */
void front_kill(struct front *front);

/* True while there is a process. */
bool front_is_running(const struct front *front);

/* True while it said HELLO and answers. */
bool front_is_alive(const struct front *front);

/* All there is to say about it now. */
void front_status(const struct front *front, struct status_front *ret);

/* What follows does nothing while no process is there: it is said again to the
 * next one. */

/* Tell it all rules and backends; json is from policy_text(). */
void front_send_policy(struct front *front, const char *json);

/* Have it serve a socket, of which it gets a descriptor of its own; and no
 * more. */
void front_send_listen(struct front *front, const struct listener *listener);
void front_send_unlisten(struct front *front, uint32_t number);

/* Tell it the state of a backend; json is from setup_backend(). */
void front_send_backend(struct front *front, uint64_t number, const char *json);

/* Answer a WANT: the number of the instance, or 0 and json from
 * setup_no_instance(). */
void front_send_instance(
    struct front *front, uint32_t key, uint64_t number, const char *json);

/* Give it its end of a link; *fd is taken in any case. */
void front_send_link(
    struct front *front, uint64_t number, uint32_t generation, int *fd);

/* Ask it; report() may come.  False when nobody is there to answer. */
bool front_send_query(struct front *front, uint64_t id, const char *json);

#endif
