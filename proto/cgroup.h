/*
 * cgroup.h: folders of cgroup v2, for counting and killing jobs as a whole: no
 * process can leave one by forking faster than it is killed; and for limits of
 * a whole job, where controllers were handed down to us.
 *
 * A gateway has one folder, CGROUP_GATEWAY and its process number, which it
 * keeps locked while it lives, and in that one folder for each job.
 */
#ifndef PROTO_CGROUP_H
#define PROTO_CGROUP_H

#include <sys/types.h>

#include <stdint.h>

#define CGROUP_GATEWAY "mcp-gateway."

/* What a folder can limit; see cgroups(7) and the kernel's cgroup-v2.rst. */
enum cgroup_limit {
	CGROUP_MEMORY,    /* bytes; over it the whole job is killed */
	CGROUP_PROCESSES, /* threads count too; over it fork(2) fails */
	CGROUP_CPU,       /* percent of one processor */
};
#define CGROUP_LIMITS 3

/* As many processes as a PONG can tell of. */
#define CGROUP_COUNT_MAX 65535

/*
 * Make a job's folder; an empty one that is there already is made anew.  0, or
 * -1 with errno, EBUSY when there is one in use.
 */
int cgroup_make(const char *path);

/* Move this process into the folder.  0, or -1 with errno. */
int cgroup_join(const char *path);

/*
 * fork(2) with a child that is in the folder from its birth on, which takes a
 * millisecond where joining takes ten: the kernel waits until nobody forks.  A
 * kernel or a user that cannot do that: the child joins; it goes on in any
 * case.  path NULL: just fork(2).  The pid, 0 in the child, -1 with errno.
 */
pid_t cgroup_fork(const char *path);

/* Limit what is in the folder.  0, or -1 with errno, ENOENT when the controller
 * is not there. */
int cgroup_set_limit(const char *path, enum cgroup_limit limit, uint64_t value);

/* How often the kernel killed something in the folder or below for want of
 * memory; -1 when that cannot be told. */
int64_t cgroup_memory_kills(const char *path);

/* Write a text to a file of the folder, in one call as the kernel wants it.  0,
 * or -1 with errno. */
int cgroup_write(const char *path, const char *file, const char *text);

/* SIGKILL to everything in the folder and below.  0, or -1 with errno. */
int cgroup_kill(const char *path);

/* How many processes are in the folder and below, at most CGROUP_COUNT_MAX; -1
 * with errno when it cannot be read. */
int cgroup_count(const char *path);

/*
 * Remove the folder and those that a job made in it; waits for a fifth of a
 * second when something in them is still ending.  0, also when it is not there;
 * -1 with errno, EBUSY when it is in use.
 */
int cgroup_remove(const char *path);

/* Lock a gateway's folder.  A descriptor of the caller's; -1 with errno,
 * EWOULDBLOCK when its gateway is alive, ESTALE when it was replaced meanwhile.
 */
int cgroup_lock(const char *path);

/*
 * Kill everything in a gateway's folder and remove it, unless that gateway is
 * alive: then -1 with errno EWOULDBLOCK.  0, or -1 with errno; EINVAL when this
 * is not a gateway's folder.
 */
int cgroup_reclaim(const char *path);

#endif
