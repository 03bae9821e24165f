/* plan.h: what each process is started with, worked out before any is. */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "cgroup.h"
#include "config.h"
#include "proto/log.h"
#include "service.h"

struct plan;

/*
 * Find the users that the configuration names, and the folder of our own
 * binary.  config is borrowed until plan_free(), as is cgroup, which is NULL
 * with cgroup_error set where we may make none: all plans of a gateway share
 * it.  NULL with *error, the caller's, which has a remedy, or NULL when memory
 * ran out.
 */
struct plan *plan_new(const struct config *config, struct cgroup *cgroup,
    int cgroup_error, char **error);

/* A plan lives as long as somebody holds it: one more does.  Returns plan. */
struct plan *plan_ref(struct plan *plan);
/* One less does. */
void plan_free(struct plan **plan);

/* It is only a question what plan_service() would say: no folders are made. */
void plan_only_ask(struct plan *plan);

/* The folder of our own binary, where the others are looked for first. */
const char *plan_bindir(const struct plan *plan);

/* Log what is not as it should be about who runs as whom. */
void plan_tell(const struct plan *plan);

/* The front's SETUP, the caller's; children log from this level on.  NULL with
 * *error as above. */
char *plan_front(const struct plan *plan, enum log_level level, char **error);

/* What the service for the backend at this place of the configuration is made
 * of; number is its own.  Its texts are the caller's.  The folder of a job with
 * a user id of its own is there then.  0, or -1 with *error as above. */
int plan_service(const struct plan *plan, size_t place, uint64_t number,
    enum log_level level, struct service_spec *ret, char **error);

/* The same for one more run of it, for a client that can do this (a set of enum
 * mcp_capability). */
int plan_instance(const struct plan *plan, size_t place, uint64_t number,
    unsigned int capabilities, enum log_level level, struct service_spec *ret,
    char **error);

#endif
