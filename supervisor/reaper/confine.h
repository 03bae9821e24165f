/* confine.h: what a job may use up, and which privileges it keeps. */
#ifndef REAPER_CONFINE_H
#define REAPER_CONFINE_H

#include "spec.h"

/*
 * In the new process, before it changes its user: resource limits, soft and
 * hard.  One that is beyond what we have ourselves and may not raise becomes
 * that, with a note.  0, or -1 with errno.
 */
int confine_limits(const struct spec *spec);

/*
 * At the same time: no capability is inherited, and what is to run as another
 * user than root can regain none.  0, or -1 with errno.
 */
int confine_capabilities(const struct spec *spec);

/*
 * In the new process, for good: become the user and the group, with the groups
 * of the user; nothing of root is left or can be regained.  0, or -1 with
 * errno.
 */
int confine_user(const struct spec *spec);

/* True when set-uid programs shall not work in it: always within a sandbox,
 * which they would leave. */
bool confine_is_tight(const struct spec *spec);

/*
 * In the reaper itself, when the job was started: of root's privileges it keeps
 * the one to signal other users' processes, and, where the folder above the
 * gateway's cgroup does not let root write otherwise (that of all cgroups is
 * such a one), the one to do that.  cgroup is the job's, or NULL.  0, or -1
 * with errno.
 */
int confine_reaper(const char *cgroup);

#endif
