/* environment.h: what a job finds in its environment. */
#ifndef SUPERVISOR_ENVIRONMENT_H
#define SUPERVISOR_ENVIRONMENT_H

#include <stdbool.h>

#include "identity.h"

/* What it is made of, all of it borrowed. */
struct environment {
	char *const *own;                 /* the gateway's, NULL-terminated */
	const struct identity_user *user; /* NULL: the gateway's own */
	const char *home;                 /* instead of the user's; or NULL */
	const char *tmp;                  /* TMPDIR, or NULL */
	bool other; /* the user is not the gateway's: what leads to that one's
		       files and sessions is left out */
	bool clear; /* of own only PATH, LANG and TZ, and without user HOME,
		       USER, LOGNAME and SHELL */
	char *const *extra;      /* "NAME=value", NULL-terminated: over all */
	const char *const *dirs; /* NULL-terminated: at the end of PATH, where
				    the gateway's own servers are found */
};

/*
 * Without what a service manager told the gateway alone; HOME, USER, LOGNAME
 * and SHELL are the user's, where that is another one or the environment is
 * clear, and else only a HOME that is missing.  The caller frees it with
 * environment_free(); NULL with ENOMEM.
 */
char **environment_make(const struct environment *from);

/* The texts are wiped: there are secrets in them. */
void environment_free(char ***env);

#endif
