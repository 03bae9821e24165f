/* environment.h: what a job finds in its environment. */
#ifndef SUPERVISOR_ENVIRONMENT_H
#define SUPERVISOR_ENVIRONMENT_H

#include "identity.h"

/*
 * The gateway's own environment (own) without what a service manager told the
 * gateway alone; the user's HOME, USER, LOGNAME and SHELL where user is not
 * NULL; the NULL-terminated extra ("NAME=value") over both; and PATH with the
 * folders dirs (NULL-terminated) at its end, so that the gateway's own servers
 * are found.  The caller frees it with environment_free(); NULL with ENOMEM.
 */
char **environment_make(char *const *own, const struct identity_user *user,
    char *const *extra, const char *const *dirs);
void environment_free(char ***env);

#endif
