/*
 * children.h: counting and ending what fell to a child subreaper.  Only direct
 * children are ever killed: their numbers cannot be reused before we have
 * waited for them, and what they leave behind becomes our child in turn.
 */
#ifndef PROTO_CHILDREN_H
#define PROTO_CHILDREN_H

#include <sys/types.h>

#include <stdbool.h>

/* As many processes as a PONG can tell of. */
#define CHILDREN_COUNT_MAX 65535

/*
 * Send SIGKILL to every child of this single-threaded process that spare (may
 * be NULL) does not want to keep.  Returns how many there were, those that may
 * not be signalled and those that are dead already included; -1 with errno when
 * /proc cannot be read.
 */
int children_kill(bool (*spare)(void *arg, pid_t pid), void *arg);

/*
 * How many processes descend from this one, those included that are dead and
 * not waited for.  At most CHILDREN_COUNT_MAX, and too few when there are
 * thousands: it looks at so many only.  -1 with errno when /proc cannot be
 * read, or ENOMEM.
 */
int children_count(void);

#endif
