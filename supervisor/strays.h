/* strays.h: processes that fell to us, because we are a child subreaper and
 * their parents ended. */
#ifndef SUPERVISOR_STRAYS_H
#define SUPERVISOR_STRAYS_H

#include <sys/types.h>

#include <stdbool.h>

struct strays;

/* Become the reaper of all that our children leave behind.  Children that are
 * there already are spared for good: a shell may have given us some with exec.
 * NULL with errno ENOMEM. */
struct strays *strays_new(void);
void strays_free(struct strays **strays);

/* Kill every child but those that known (may be NULL) wants to keep.  How many
 * there were; -1 with errno when /proc cannot be read. */
int strays_kill(const struct strays *strays,
    bool (*known)(void *arg, pid_t pid), void *arg);

/* This child was waited for: its number may come again, for another one. */
void strays_forget(struct strays *strays, pid_t pid);

#endif
