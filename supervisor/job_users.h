/*
 * job_users.h: whom the job of each backend runs as: the backend's "user", else
 * "job_user", else, when the gateway is root, a user id out of "job_uids" that
 * nobody else has.
 */
#ifndef SUPERVISOR_JOB_USERS_H
#define SUPERVISOR_JOB_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "identity.h"

/* What "job_uids" is when the configuration does not say it: no system and no
 * person gets these (systemd, "Users, Groups, UIDs and GIDs"). */
#define JOB_USERS_RANGE "60578-61183"

struct job_user {
	struct identity_user as; /* name NULL: as the gateway does */
	bool other;              /* and that is another user than the gateway */
	bool own; /* its user id is of job_uids, and no system knows it: name
		     is its folder's, home the path of that */
};

struct job_users;

/*
 * Find them for all backends of config (borrowed) that are not disabled and
 * have a command.  Nothing is made: homes_make() is for when one is started,
 * and remembers its id.  root: the gateway may become others.  NULL with
 * *error, the caller's, which has a remedy, or NULL when memory ran out.
 */
struct job_users *job_users_new(
    const struct config *config, bool root, char **error);
void job_users_free(struct job_users **users);

/* Of the backend at this place of the configuration. */
const struct job_user *job_users_at(
    const struct job_users *users, size_t place);

/* Where the folders are of those with an id of their own. */
const char *job_users_state_dir(const struct config *config);

#endif
