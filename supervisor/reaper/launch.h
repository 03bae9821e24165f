/* launch.h: from the reaper to the job's first instruction. */
#ifndef REAPER_LAUNCH_H
#define REAPER_LAUNCH_H

#include <sys/types.h>

#include "spec.h"

/*
 * Start the job with our 0, 1 and 2 in a session of its own, as spec says.  Its
 * number, or -1 with errno.  *report becomes readable when exec succeeded or
 * failed, which may take long: a folder or a directory service may hang.
 */
pid_t launch(const struct spec *spec, int *report);

/*
 * What became of it; waits when *report is not readable yet, closes it and sets
 * it to -1.  0, or -1 with errno and *what set to a static text that says which
 * step failed ("exec", "chdir", …); the process then ends by itself.
 */
int launch_result(int *report, const char **what);

#endif
