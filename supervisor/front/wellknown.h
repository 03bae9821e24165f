/*
 * wellknown.h: what clients that have no token are told of where to get one:
 * OAuth 2.0 Protected Resource Metadata (RFC 9728), WWW-Authenticate (RFC
 * 6750).
 */
#ifndef FRONT_WELLKNOWN_H
#define FRONT_WELLKNOWN_H

#include <stddef.h>

struct policy;

/* The document of the whole host, and the one of /sse (RFC 9728, 3.1). */
#define WELLKNOWN_PATH     "/.well-known/oauth-protected-resource"
#define WELLKNOWN_PATH_SSE WELLKNOWN_PATH "/sse"

/* Why a token is asked for (RFC 6750, 3.1). */
enum wellknown_challenge {
	WELLKNOWN_NO_TOKEN,
	WELLKNOWN_INVALID_REQUEST,
	WELLKNOWN_INVALID_TOKEN,
};
#define WELLKNOWN_CHALLENGES 3

/* Made once for each policy; zeroed: none yet. */
struct wellknown {
	char *metadata; /* JSON, or NULL: there is no public URL */
	size_t metadata_len;
	char *challenges[WELLKNOWN_CHALLENGES]; /* WWW-Authenticate */
};

/* 0, or -1 with errno ENOMEM, and *wellknown is unchanged. */
int wellknown_make(struct wellknown *wellknown, const struct policy *policy);
void wellknown_free(struct wellknown *wellknown);

#endif
