/*
 * backend.h: one backend, whatever its transport: what it says goes to the
 * greeting, to the link or is answered here; what the front says goes to it.
 */
#ifndef WORKER_BACKEND_H
#define WORKER_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "setup.h"
#include "transport.h"

struct backend;
struct buf;
struct loop;

struct backend_handlers {
	/* It is ready, or its counts changed: backend_add_ready(). */
	void (*ready)(void *arg);
	/* The greeting failed, the first one or one that renews a session.  why
	 * continues the sentence "the backend …".
	 */
	void (*failed)(void *arg, const char *why);
	/* The transport is at its end, or the backend hangs.  The same. */
	void (*lost)(void *arg, const char *why);
};

/*
 * setup, handlers and arg are borrowed until backend_free().  NULL with errno
 * ENOMEM.
 */
struct backend *backend_new(struct loop *loop, const struct setup *setup,
    const struct backend_handlers *handlers, void *arg);

/* Frees the transport too.  Not from within a callback of the backend's. */
void backend_free(struct backend **backend);

/* What a transport for this backend is created with; its arg is the backend. */
extern const struct transport_events backend_transport_events;

/* Take the transport and send initialize. */
void backend_start(struct backend *backend, struct transport *transport);

/*
 * Take no more requests and say goodbye.  True when that takes a moment, at the
 * end of which lost() is called.
 */
bool backend_close(struct backend *backend);

/* The job that is this backend has ended: as if its transport had been lost. */
void backend_job_ended(struct backend *backend);

/* Take *fd (set to -1) as the new link to the front.  0, or -1 with errno. */
int backend_link(struct backend *backend, int *fd, uint32_t generation);

/* Append the payload of READY.  0, or -1 with errno ENOMEM. */
int backend_add_ready(const struct backend *backend, struct buf *b);

/* Log what was dropped so far, if anything was. */
void backend_report(const struct backend *backend);

/* Write now what the link takes; true when nothing is left to write. */
bool backend_flush_link(struct backend *backend);

#endif
