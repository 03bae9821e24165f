/* landlock.h: the files and ports that a job with a "sandbox" may reach. */
#ifndef REAPER_LANDLOCK_H
#define REAPER_LANDLOCK_H

#include "spec.h"

/*
 * In the new process, for good, after no_new_privs, as its user and in its
 * folder: what the sandbox lists, and what every program needs: the system's
 * programs and libraries, /etc and /proc for reading, the harmless ones of
 * /dev, the command itself, HOME and TMPDIR.  A path that is not there gets a
 * note. What the kernel's Landlock is too old for is left out, which the
 * supervisor has told.  0, or -1 with errno.
 */
int landlock_enter(const struct spec *spec);

#endif
