/* config_diff.h: what a new configuration changes. */
#ifndef SUPERVISOR_CONFIG_DIFF_H
#define SUPERVISOR_CONFIG_DIFF_H

#include "config.h"

enum config_change {
	CONFIG_SAME,     /* every key has the same value */
	CONFIG_RULES,    /* only keys differ that no process was started with */
	CONFIG_REPLACED, /* its processes must be started anew */
};

/*
 * Compare two backends of one name, key by key (config_keys.h).  The content of
 * files that they name is part of their values.
 */
enum config_change config_diff_backend(
    const struct config_backend *a, const struct config_backend *b);

/*
 * Compare what is not about backends.  The name of the first key that differs
 * and that a running gateway cannot take over ("user"), or NULL.
 */
const char *config_diff_fixed(const struct config *a, const struct config *b);

/* What of "gateway" decides how jobs are started (job_user, job_uids,
 * state_dir) differs: every backend with a command is to be replaced. */
bool config_diff_jobs(const struct config *a, const struct config *b);

#endif
