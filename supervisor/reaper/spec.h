/* spec.h: what the supervisor wants started. */
#ifndef REAPER_SPEC_H
#define REAPER_SPEC_H

#include <sys/types.h>

#include <stddef.h>

struct spec {
	char *name;
	char **argv;  /* the command first; NULL-terminated */
	char **env;   /* "NAME=value", NULL-terminated: all of it */
	char *cwd;    /* or NULL */
	char *cgroup; /* folder to make for it, or NULL */
	char *user;   /* or NULL: stay who we are */
	uid_t uid;
	gid_t gid;
};

/*
 * Read a SETUP payload (ARCHITECTURE.md, "Frames").  0 and *ret, the caller's;
 * -1 with errno EINVAL or ENOMEM.
 */
int spec_parse(struct spec *ret, const char *json, size_t len);

/* Free what spec_parse() allocated; one that is all zero is accepted. */
void spec_free(struct spec *spec);

#endif
