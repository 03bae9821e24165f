/* front.h: the one front process, kept running. */
#ifndef SUPERVISOR_FRONT_H
#define SUPERVISOR_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "listen.h"
#include "process.h"
#include "status.h"

struct front;

struct front_handlers {
	/* A front process was started: it must hear of all backends and get a
	 * new link to each worker. */
	void (*started)(void *arg);
	/* It said HELLO. */
	void (*hello)(void *arg);
	/* It ended before it ever worked, for a reason that will not change. */
	void (*useless)(void *arg);
};

/*
 * setup is the payload of SETUP, taken.  listeners, handlers and arg are
 * borrowed.  NULL with ENOMEM; setup is then freed too.
 */
struct front *front_new(struct loop *loop, struct processes *processes,
    char *setup, const struct listeners *listeners,
    const struct front_handlers *handlers, void *arg);
void front_free(struct front **front);

/* Start it, and again whenever it ends, until front_stop(). */
void front_start(struct front *front);
void front_stop(struct front *front);

/* End it at once. */
void front_kill(struct front *front);

/* True while there is a process. */
bool front_is_running(const struct front *front);

/* All there is to say about it now. */
void front_status(const struct front *front, struct status_front *ret);

/* Tell it the state of a backend; json is from setup_backend(). */
void front_send_backend(struct front *front, size_t number, const char *json);

/* Give it its end of a link; *fd is taken in any case. */
void front_send_link(
    struct front *front, size_t number, uint32_t generation, int *fd);

#endif
