#include "wellknown.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/json.h"

#include "http_target.h"
#include "policy.h"

#define CHALLENGE "Bearer realm=\"mcp-gateway\""

/* Where clients find us. */
struct base {
	const char *origin; /* scheme and authority, not terminated */
	size_t origin_len;
	const char *path; /* "", or begins with '/' and ends with none */
	size_t path_len;
};

/* False: there is no public URL. */
static bool
read_base(struct base *base, const char *url)
{
	const char *authority;
	size_t len;

	if (url == NULL)
		return false;
	len = strlen(url);
	while (len > 0 && url[len - 1] == '/')
		len--;
	authority = strstr(url, "://");
	authority = authority != NULL ? authority + 3 : url;
	base->origin = url;
	base->origin_len = (size_t)(authority - url) + strcspn(authority, "/");
	if (base->origin_len > len)
		base->origin_len = len;
	base->path = url + base->origin_len;
	base->path_len = len - base->origin_len;
	return true;
}

/* ---- metadata --------------------------------------------------------- */

static int
add_resource(
    struct buf *b, const struct base *base, const char *path, size_t len)
{
	struct buf url = { 0 };
	int ret = -1;

	if (buf_add(&url, base->origin, base->origin_len) == 0 &&
	    buf_add(&url, base->path, base->path_len) == 0 &&
	    buf_add(&url, path, len) == 0)
		ret = json_add_string(b, buf_data(&url), buf_len(&url));
	buf_free(&url);
	return ret;
}

static int
add_servers(struct buf *b, char *const *servers)
{
	if (servers == NULL || *servers == NULL)
		return 0;
	if (buf_add_text(b, ",\"authorization_servers\":[") == -1)
		return -1;
	for (size_t i = 0; servers[i] != NULL; i++) {
		if (i > 0 && buf_add_text(b, ",") == -1)
			return -1;
		if (json_add_string(b, servers[i], strlen(servers[i])) == -1)
			return -1;
	}
	return buf_add_text(b, "]");
}

/* Clients that find no metadata of their endpoint ask for that of the whole
 * host, and take it for theirs when their URL begins with its resource. */
int
wellknown_add_metadata(
    struct buf *b, const struct policy *policy, const char *path, size_t len)
{
	struct base base;

	if (!read_base(&base, policy->public_url)) {
		errno = ENOENT;
		return -1;
	}
	if (base.path_len > 0 && len >= base.path_len &&
	    memcmp(path, base.path, base.path_len) == 0 &&
	    (len == base.path_len || path[base.path_len] == '/')) {
		path += base.path_len;
		len -= base.path_len;
	}
	if (len > 0 && !http_target_is_endpoint(path, len)) {
		errno = ENOENT;
		return -1;
	}
	/* RFC 9728, section 2. */
	if (buf_add_text(b, "{\"resource\":") == -1 ||
	    add_resource(b, &base, path, len) == -1 ||
	    add_servers(b, policy->authorization_servers) == -1)
		return -1;
	return buf_add_text(b,
	    ",\"bearer_methods_supported\":[\"header\"],"
	    "\"resource_name\":\"MCP Gateway\"}");
}

/* ---- challenges ------------------------------------------------------- */

/* RFC 6750, section 3, and RFC 9728, section 5.1.  No path has a '"'. */
int
wellknown_add_challenge(struct buf *b, const struct policy *policy,
    enum wellknown_challenge challenge, const char *path, size_t len)
{
	static const char *const errors[] = {
		[WELLKNOWN_NO_TOKEN] = "",
		[WELLKNOWN_INVALID_REQUEST] = ", error=\"invalid_request\"",
		[WELLKNOWN_INVALID_TOKEN] = ", error=\"invalid_token\"",
	};
	struct base base;

	if (buf_add_text(b, CHALLENGE) == -1 ||
	    buf_add_text(b, errors[challenge]) == -1)
		return -1;
	if (!read_base(&base, policy->public_url) ||
	    strpbrk(policy->public_url, "\"\\\r\n") != NULL)
		return 0;
	if (buf_add_text(b, ", resource_metadata=\"") == -1 ||
	    buf_add(b, base.origin, base.origin_len) == -1 ||
	    buf_add_text(b, HTTP_PATH_METADATA) == -1 ||
	    buf_add(b, base.path, base.path_len) == -1 ||
	    buf_add(b, path, len) == -1)
		return -1;
	return buf_add_text(b, "\"");
}
