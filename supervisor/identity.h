/* identity.h: who the children run as, when the gateway was started by root. */
#ifndef SUPERVISOR_IDENTITY_H
#define SUPERVISOR_IDENTITY_H

#include <sys/types.h>

#include "proto/role.h"

/* The empty folder that front and workers see as their root. */
#define IDENTITY_CHROOT "/run/mcp-gateway/empty"

/* A user of the system; the strings are ours until identity_user_free(). */
struct identity_user {
	char *name; /* NULL: nobody else than the gateway itself */
	uid_t uid;
	gid_t gid;
	char *home;
	char *shell;
};

/* Look a user up.  0, or -1 with *error, the caller's, which has a remedy. */
int identity_find_user(
    struct identity_user *ret, const char *name, char **error);
void identity_user_free(struct identity_user *user);

/* Look a group up.  0, or -1 with *error as above. */
int identity_find_group(gid_t *ret, const char *name, char **error);

/*
 * The identity of a role that runs as this user of the gateway's own; root is
 * refused.  0, or -1 with *error as above.
 */
int identity_find_role(
    struct role_identity *ret, const char *name, char **error);

/*
 * Make IDENTITY_CHROOT where it is missing, and see that it is an empty folder
 * that only root can change, and so is the way to it.  0, or -1 with *error.
 */
int identity_prepare_chroot(char **error);

#endif
