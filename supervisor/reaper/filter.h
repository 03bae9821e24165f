/* filter.h: system calls that a job does not get. */
#ifndef REAPER_FILTER_H
#define REAPER_FILTER_H

#include <stdbool.h>

/*
 * In the new process, for good, after no_new_privs: calls with which a program
 * looks into others, or changes the system, fail with EPERM.  What every
 * language's runtime and a browser use stays.  user_namespaces: it may make
 * some, as a browser's own sandbox does, which a sandbox of ours forbids.  A
 * kernel without seccomp gets a note.  0, or -1 with errno.
 */
int filter_enter(bool user_namespaces);

#endif
