/*
 * ours.h: the servers that come with the gateway.  They can be started wherever
 * it was built, also where the users of jobs are not let in, such as /root: of
 * its folder alone a way in is kept from before the change of user.
 */
#ifndef REAPER_OURS_H
#define REAPER_OURS_H

#include <limits.h>

#include "report.h"
#include "spec.h"

/* In the new process: the folder that this program is in. */
#define OURS_FD (REPORT_FD + 1)

/*
 * Before the change of user: open it as OURS_FD, close-on-exec, when the
 * command has no slash and there is such a file; else OURS_FD is closed.
 */
void ours_open(const struct spec *spec);

/* A path of the command that leads through OURS_FD; NULL when that is closed.
 */
const char *ours_path(const struct spec *spec, char path[PATH_MAX]);

#endif
