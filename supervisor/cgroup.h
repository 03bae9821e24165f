/* cgroup.h: where this gateway keeps the cgroups of its jobs. */
#ifndef SUPERVISOR_CGROUP_H
#define SUPERVISOR_CGROUP_H

#include <stdint.h>
#include <stdio.h>

#include "proto/cgroup.h"

struct cgroup;

/*
 * The folder of this process' own cgroup, from the texts of
 * /proc/self/mountinfo and /proc/self/cgroup.  The caller frees it; NULL with
 * errno ENOENT when cgroup v2 is not there, or read-only, or ENOMEM.
 */
char *cgroup_find(FILE *mountinfo, FILE *self);

/*
 * Make the gateway's folder, where it may, and end what gateways have left
 * there that were killed together with their reapers.  NULL with errno when
 * there is no such place: jobs are then ended without it.
 */
struct cgroup *cgroup_new(void);

/* The same in a given folder. */
struct cgroup *cgroup_new_at(const char *place);

/* Kills what is left in the folder and removes it. */
void cgroup_free(struct cgroup **cgroup);

/*
 * Which limits a job's folder can keep: one bit for each enum cgroup_limit. The
 * controllers are switched on for the gateway's folder when it is made.  In a
 * service of systemd's that takes Delegate=, and a folder beside it for the
 * gateway itself, since no process may be where controllers are handed down.  0
 * when cgroup is NULL.
 */
unsigned int cgroup_limits(const struct cgroup *cgroup);

/* The folder for a backend's job, which is not made here.  The caller frees it;
 * NULL when cgroup is NULL, or with errno ENOMEM. */
char *cgroup_path(
    const struct cgroup *cgroup, uint64_t number, const char *name);

/* What such a folder is called: the number makes it unique, and of the name
 * stays what any file system and any shell can bear. */
#define CGROUP_NAME_MAX 64
void cgroup_name(char dst[CGROUP_NAME_MAX], uint64_t number, const char *name);

#endif
