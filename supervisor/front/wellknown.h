/*
 * wellknown.h: what clients that have no token are told of where to get one:
 * OAuth 2.0 Protected Resource Metadata (RFC 9728), WWW-Authenticate (RFC
 * 6750).  It is for everybody: of servers that do not exist it tells the same
 * as of those that do.
 */
#ifndef FRONT_WELLKNOWN_H
#define FRONT_WELLKNOWN_H

#include <stddef.h>

struct buf;
struct policy;

/* Why a token is asked for (RFC 6750, 3.1). */
enum wellknown_challenge {
	WELLKNOWN_NO_TOKEN,
	WELLKNOWN_INVALID_REQUEST,
	WELLKNOWN_INVALID_TOKEN,
};

/*
 * Add the metadata, as JSON, that is asked for with this path behind
 * HTTP_PATH_METADATA: that of one endpoint, or of all of them together (""). A
 * path of the public URL may stand before it (RFC 9728, 3.1).  0, or -1 with
 * errno: ENOENT, there is no public URL or no such endpoint; ENOMEM.
 */
int wellknown_add_metadata(
    struct buf *b, const struct policy *policy, const char *path, size_t len);

/*
 * Add the value of WWW-Authenticate for a request to the endpoint of this path,
 * as http_target.h finds it; "": to none.  0, or -1 with errno ENOMEM.
 */
int wellknown_add_challenge(struct buf *b, const struct policy *policy,
    enum wellknown_challenge challenge, const char *path, size_t len);

#endif
