/* launch.h: from the reaper to the job's first instruction. */
#ifndef REAPER_LAUNCH_H
#define REAPER_LAUNCH_H

#include <sys/types.h>

#include "spec.h"

/*
 * Start the job with our 0, 1 and 2 in a session of its own, as spec says.  Its
 * number, or -1 with errno and *what set to a static text that says which step
 * failed ("exec", "chdir", …).  Waits until exec succeeded or failed.
 */
pid_t launch(const struct spec *spec, const char **what);

#endif
