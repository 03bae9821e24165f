/*
 * children.h: ending what fell to a child subreaper.  Only direct children are
 * ever killed: their numbers cannot be reused before we have waited for them,
 * and what they leave behind becomes our child in turn.
 */
#ifndef PROTO_CHILDREN_H
#define PROTO_CHILDREN_H

#include <sys/types.h>

#include <stdbool.h>

/*
 * Send SIGKILL to every child of this single-threaded process that spare (may
 * be NULL) does not want to keep.  Returns how many there were, those that may
 * not be signalled and those that are dead already included; -1 with errno when
 * /proc cannot be read.
 */
int children_kill(bool (*spare)(void *arg, pid_t pid), void *arg);

#endif
