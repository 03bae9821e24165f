/* spawn.h: from a role to a running program of ours. */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <sys/types.h>

#include "proto/msg.h"

/*
 * The path of a role's program: in bindir (a build folder), or where it is
 * installed.  The caller's; NULL with *error, the caller's too.
 */
char *spawn_find(const char *bindir, enum role role, char **error);

/*
 * Start program with stdio[0..2] as its 0, 1 and 2, channel as ROLE_CHANNEL_FD,
 * nothing else open, every signal as a new process has it, in a session of its
 * own, and without our environment.  All of these descriptors are above 2 or
 * already in their place, and stay the caller's.  0 and *pid, or the errno of
 * what failed, exec included.
 */
int spawn(pid_t *pid, char *program, const int stdio[3], int channel);

/* Let a process have as many descriptors as it may. */
void spawn_raise_files(pid_t pid);

#endif
