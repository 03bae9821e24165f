/* launch.h: from the reaper to the job's first instruction. */
#ifndef REAPER_LAUNCH_H
#define REAPER_LAUNCH_H

#include <sys/types.h>

#include "report.h"
#include "spec.h"

/*
 * Start the job with our 0, 1 and 2 in a session of its own, as spec says.  Its
 * number, or -1 with errno.  *report becomes readable when there is news of it,
 * which may take long: a folder or a directory service may hang.
 */
pid_t launch(const struct spec *spec, int *report);

/*
 * The next news; waits when *report is not readable yet.  True and *news for a
 * note, after which there is more; false for the last one, with step
 * REPORT_NOTE when exec succeeded, and else what failed, after which the
 * process ends by itself.  *report is then closed and -1.
 */
bool launch_news(int *report, struct report *news);

#endif
