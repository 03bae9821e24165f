/*
 * principal.h: who a request comes from: the bearer of a token, a user of this
 * machine over a Unix socket, or anyone where no token is needed.  Sessions
 * belong to principals, and limits and rules are theirs.
 */
#ifndef FRONT_PRINCIPAL_H
#define FRONT_PRINCIPAL_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy.h"
#include "rate.h"

struct principals;

enum principal_kind {
	PRINCIPAL_ANONYMOUS,
	PRINCIPAL_TOKEN,
	PRINCIPAL_USER,
};

struct principal {
	TAILQ_ENTRY(principal) link;
	struct principals *principals;
	char *name; /* "alice", "uid 1000" or "anonymous": for logs, people */
	enum principal_kind kind;
	uid_t uid;                           /* of a user */
	unsigned char hash[POLICY_HASH_LEN]; /* of a token */
	size_t audience;                     /* of the policy: what it sees */
	uint32_t rate;                       /* requests a second, 0: any */
	uint32_t concurrent;                 /* in flight, 0: any */
	uint32_t sessions;                   /* that are open */
	uint32_t in_flight;                  /* requests at backends */
	uint64_t requests;                   /* of its life */
	uint64_t refused; /* of these, for going over a limit */
	struct rate_bucket bucket;
	struct rate_bucket logged; /* its sessions: session.h */
	unsigned int references;
	bool revoked; /* the policy knows it no more: nothing is done for it */
	bool kept;    /* private to principals_update() */
};

/* NULL with errno ENOMEM.  Nobody is known before the first policy. */
struct principals *principals_new(void);
/* Those that somebody refers to still are freed with their last reference. */
void principals_free(struct principals **principals);

/*
 * Follow a new policy: a token of the same name and hash stays who it is, with
 * its sessions, under the new rules; one that is gone is revoked.  0, or -1
 * with errno ENOMEM, and everything is as before.
 */
int principals_update(
    struct principals *principals, const struct policy *policy);

/* True when there are tokens: one that is presented must be right. */
bool principals_have_tokens(const struct principals *principals);

/* Whoever comes without a token; NULL when the policy wants one. */
struct principal *principals_anonymous(const struct principals *principals);

/* The bearer of these bytes, or NULL.  Takes as long for every wrong token. */
struct principal *principals_find_token(
    const struct principals *principals, const char *token, size_t len);

/* A user of this machine, with a new reference; NULL with errno ENOMEM. */
struct principal *principals_user(struct principals *principals, uid_t uid);

/* The one after it in no special order, the first after NULL, or NULL; those
 * that are revoked are passed over: another may have the name by now. */
const struct principal *principals_next(
    const struct principals *principals, const struct principal *principal);

/* Keep it, and let it go; NULL is accepted. */
void principal_keep(struct principal *principal);
void principal_release(struct principal *principal);

#endif
