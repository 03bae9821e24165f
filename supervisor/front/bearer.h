/* bearer.h: what an Authorization header holds (RFC 6750, 2.1). */
#ifndef FRONT_BEARER_H
#define FRONT_BEARER_H

#include <stddef.h>

enum bearer {
	BEARER_NONE, /* nothing, or another scheme than ours */
	BEARER_MALFORMED,
	BEARER_TOKEN,
};

/*
 * Find the token in the value of an Authorization header, which may be NULL.
 * *token and *len are set for BEARER_TOKEN only, and lie within the header.
 */
enum bearer bearer_find(const char *header, const char **token, size_t *len);

#endif
