/*
 * homes.h: the folders of jobs that have a user id of their own: one below
 * "state_dir" for each backend, and its owner is that id, which is thereby
 * remembered.
 */
#ifndef SUPERVISOR_HOMES_H
#define SUPERVISOR_HOMES_H

#include <sys/types.h>

#include "config.h"

/* Where they are when the configuration does not say it. */
#define HOMES_STATE_DIR "/var/lib/mcp-gateway"

/* Each byte of a name can take three. */
#define HOMES_NAME_MAX (3 * CONFIG_NAME_MAX + 1)

/*
 * What a backend's folder is called: its name, but what shells and file systems
 * mistake is written as "%20".  Two names never become one.
 */
void homes_name(char dst[HOMES_NAME_MAX], const char *backend);

/* The path of a backend's folder, which may not be there.  The caller's, or
 * NULL with ENOMEM. */
char *homes_path(const char *state_dir, const char *backend);

/* The owner of a backend's folder, 0 where it is not there.  0, or -1 with
 * errno.
 */
int homes_owner(const char *state_dir, const char *backend, uid_t *ret);

/*
 * Call each for every folder in state_dir.  0, also when there is no such
 * folder; -1 with errno.
 */
int homes_each(const char *state_dir,
    void (*each)(void *arg, const char *name, uid_t owner), void *arg);

/*
 * Make a backend's folder for this owner, unless it is there and is that
 * owner's; state_dir too, where it is missing.  Whoever is not root must not be
 * able to change state_dir, so that no job can put a link in the way.  0, or -1
 * with *error, the caller's, which has a remedy, or NULL when memory ran out.
 */
int homes_make(const char *state_dir, const char *backend, uid_t uid, gid_t gid,
    char **error);

#endif
