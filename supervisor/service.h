/*
 * service.h: one configured backend kept running: its state, and when it is
 * tried again.
 */
#ifndef SUPERVISOR_SERVICE_H
#define SUPERVISOR_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "config.h"
#include "process.h"
#include "proto/log.h"
#include "status.h"

struct service;

struct service_handlers {
	/* Its state changed. */
	void (*changed)(void *arg, struct service *service);
	/* It has a new worker, which needs a link to the front. */
	void (*link)(void *arg, struct service *service);
	/* Something happened that a user wants to know. */
	void (*tell)(void *arg, enum log_level level, const char *text);
};

/* What a service is made of; the texts are taken, config is borrowed. */
struct service_spec {
	uint64_t number; /* its own: never used twice */
	const struct config_backend *config;
	char *name;         /* what it is called; NULL: as config says */
	bool once;          /* what fails is not tried again: FAILED is its end
			     */
	bool remote;        /* its worker is the one that speaks HTTP */
	char *worker_setup; /* payloads of SETUP */
	char *reaper_setup; /* NULL: there is no job */
	char *cgroup;       /* the job's folder, or NULL */
	char *user;         /* whom the job runs as; NULL: as the gateway */
	int pipe_size;
};

/* NULL with ENOMEM; the texts of spec are then freed too. */
struct service *service_new(struct loop *loop, struct processes *processes,
    const struct service_spec *spec, const struct service_handlers *handlers,
    void *arg);
void service_free(struct service **service);

/* Keep it running from now on; nothing happens to a disabled one. */
void service_start(struct service *service);

/* End it in peace: its job may finish what it does within a few seconds. */
void service_stop(struct service *service);

/* End it at once. */
void service_kill(struct service *service);

/* After a reload: config says the same about how it is started, and is borrowed
 * instead of the one before. */
void service_rebind(
    struct service *service, const struct config_backend *config);

/* Try one in BACKOFF or FAILED again, now, as if it had never failed.  False in
 * every other state. */
bool service_try_now(struct service *service);

/* While it is DOWN: why, for whoever calls it.  A copy is kept. */
void service_explain(struct service *service, const char *why);

uint64_t service_number(const struct service *service);
const char *service_name(const struct service *service);
enum backend_state service_state(const struct service *service);
bool service_is_disabled(const struct service *service);

/* It is ready, or its first try failed, or it is not wanted. */
bool service_is_settled(const struct service *service);

/* Tools that it offers while it is ready. */
unsigned int service_tools(const struct service *service);

/* Why it is not ready; NULL when there is nothing to say. */
const char *service_reason(const struct service *service);

/* Milliseconds until the next try, or -1. */
int64_t service_retry_ms(const struct service *service);

/* How many processes its job has; 0 when that is not known, or there is no job.
 */
unsigned int service_processes(const struct service *service);

/* All there is to say about it now; the texts are the service's and last until
 * the next turn of the loop. */
void service_status(const struct service *service, struct status_backend *ret);

/* True while it has a worker that can use a link. */
bool service_can_link(const struct service *service);

/* Give the worker its end of a link; *fd is taken in any case. */
void service_send_link(struct service *service, uint32_t generation, int *fd);

/* There is no link for the worker: end this run, the next one gets another.
 * why is a static text. */
void service_no_link(struct service *service, const char *why);

#endif
