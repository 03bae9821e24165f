/*
 * shortfall.h: what of a backend's "limits" and "sandbox" this system can keep,
 * and what not.
 */
#ifndef SUPERVISOR_SHORTFALL_H
#define SUPERVISOR_SHORTFALL_H

#include <stdbool.h>

#include "config.h"
#include "setup.h"

/* What this system offers to one backend. */
struct shortfall_means {
	unsigned int cgroup; /* bits of enum cgroup_limit */
	bool own_user;       /* the job's user has no other processes */
	int landlock;        /* its version, 0: there is none */
};

/* The version of Landlock, 0 where there is none. */
int shortfall_landlock(void);

/*
 * The limits that are kept.  Without a cgroup a user's processes can be
 * counted, as long as the user is nobody else's; twice as many as the limit are
 * allowed then, because a job and the one that replaces it may live at the same
 * time.
 */
struct setup_limits shortfall_limits(
    const struct config_backend *backend, const struct shortfall_means *means);

/* Log what is not kept, with the remedy. */
void shortfall_tell(
    const struct config_backend *backend, const struct shortfall_means *means);

#endif
