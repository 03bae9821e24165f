/* spec.h: what the supervisor wants started. */
#ifndef REAPER_SPEC_H
#define REAPER_SPEC_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A limit that there is none of. */
#define SPEC_UNLIMITED UINT64_MAX

struct spec_limits {
	uint64_t memory; /* the first three: of the cgroup */
	uint64_t processes;
	uint64_t cpu_percent;
	uint64_t user_processes; /* of the user: RLIMIT_NPROC */
	uint64_t open_files;
	uint64_t file_size;
	uint64_t core_size;
};

struct spec_sandbox {
	bool set;
	char **read;    /* paths; NULL-terminated, as the others */
	char **write;   /* the same */
	char **connect; /* TCP ports; "*": all */
	bool private_network;
};

struct spec {
	char *name;
	char **argv;   /* the command first; NULL-terminated */
	char **env;    /* "NAME=value", NULL-terminated: all of it */
	char *cwd;     /* or NULL: ours */
	char *home;    /* where it goes when ours is closed to it, or NULL */
	char *tmp;     /* folder to make as its user, or NULL */
	char *cgroup;  /* folder to make for it, or NULL */
	bool has_user; /* else: stay who we are */
	char *user;    /* whose groups it gets, or NULL */
	uid_t uid;
	gid_t gid;
	bool new_privileges; /* set-uid programs work */
	struct spec_limits limits;
	struct spec_sandbox sandbox;
};

/*
 * Read a SETUP payload (ARCHITECTURE.md, "Frames").  0 and *ret, the caller's;
 * -1 with errno EINVAL or ENOMEM.
 */
int spec_parse(struct spec *ret, const char *json, size_t len);

/* The value of a variable of its environment, or NULL. */
const char *spec_variable(const struct spec *spec, const char *name);

/* Free what spec_parse() allocated, wiped; one that is all zero is accepted. */
void spec_free(struct spec *spec);

/* Free its environment alone, in which secrets are, when it was started. */
void spec_forget_environment(struct spec *spec);

#endif
