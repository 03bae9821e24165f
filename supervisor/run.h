/*
 * run.h: one run of a backend: its worker and, where it has one, its job.  They
 * start together, and when one ends so does the other.
 */
#ifndef SUPERVISOR_RUN_H
#define SUPERVISOR_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "outcome.h"
#include "process.h"
#include "setup.h"

struct run;

/* What it is made of; borrowed for as long as the struct run, but for name. */
struct run_spec {
	const char *name;
	const char *worker_setup; /* payloads of SETUP */
	const char *reaper_setup; /* NULL: there is no job */
	const char *cgroup;       /* the job's folder, or NULL */
	int pipe_size;
	bool remote; /* the worker speaks HTTP: the job reads no stdin */
};

struct run_handlers {
	/* The worker said HELLO. */
	void (*hello)(void *arg);
	/* It said READY.  False when it may not, which ends it. */
	bool (*ready)(void *arg, const struct setup_ready *ready);
	/* A part of it ended or must end: so will all. */
	void (*ending)(void *arg, const char *why);
	/* No process of it is left; it can be started again. */
	void (*gone)(void *arg, const struct outcome *outcome);
};

/* Nothing is started yet.  NULL with ENOMEM. */
struct run *run_new(struct loop *loop, struct processes *processes,
    const struct run_spec *spec, const struct run_handlers *handlers,
    void *arg);
/* None of its processes is left: they have ended, or processes_free() was
 * called. */
void run_free(struct run **run);

/* Start it; it is not running.  When that fails ending() and gone() tell why,
 * and may have been called when this returns. */
void run_start(struct run *run);

/* End it in peace: its job may finish what it does within a few seconds. */
void run_stop(struct run *run);

/* End it, because of this. */
void run_fail(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* End it at once. */
void run_kill(struct run *run);

/* How many processes its job has; 0 when that is not known, or there is no job.
 */
unsigned int run_processes(const struct run *run);

/* The numbers of its worker and its reaper; -1 where there is none. */
pid_t run_worker(const struct run *run);
pid_t run_reaper(const struct run *run);

/* True while it has a worker that can use a link. */
bool run_can_link(const struct run *run);

/* Give that worker its end of a link; *fd is taken in any case. */
void run_send_link(
    struct run *run, uint64_t backend, uint32_t generation, int *fd);

/* There is no link for that worker, which is of no use then.  why is a static
 * text. */
void run_no_link(struct run *run, const char *why);

#endif
