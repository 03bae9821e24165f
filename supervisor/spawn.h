/* spawn.h: our programs: which there are, and how one is started. */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <sys/resource.h>
#include <sys/types.h>

#include "proto/msg.h"

/* What is installed.  Two of them are workers: one role, two transports. */
enum program {
	PROGRAM_FRONT,
	PROGRAM_WORKER,
	PROGRAM_WORKER_HTTP,
	PROGRAM_REAPER,
};
#define PROGRAM_COUNT 4

/* The name of its file: "mcp-gateway-worker-http". */
const char *spawn_name(enum program program);

/* The role that it has towards us. */
enum role spawn_role(enum program program);

/*
 * The path of a program: in bindir (a build folder), or where it is installed.
 * The caller's; NULL with *error, the caller's too, or NULL without memory.
 */
char *spawn_find(const char *bindir, enum program program, char **error);

/*
 * Start the program at path with stdio[0..2] as its 0, 1 and 2, channel as
 * ROLE_CHANNEL_FD, nothing else open, every signal as a new process has it, in
 * a session of its own, and without our environment.  All of these descriptors
 * are above 2 or already in their place, and stay the caller's.  0 and *pid, or
 * the errno of what failed, exec included.
 */
int spawn(pid_t *pid, char *path, const int stdio[3], int channel);

/* Let this process have as many descriptors as it may, and all that it starts.
 * How many it might have before. */
rlim_t spawn_raise_files(void);

/* Let a process that was just started have so many at most, and all that it
 * starts. */
void spawn_limit_files(pid_t pid, rlim_t files);

#endif
