#include "wellknown.h"

#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/json.h"

#include "policy.h"

#define CHALLENGE "Bearer realm=\"mcp-gateway\""

/* The public URL, which may end with a '/', and a path. */
static int
add_url(struct buf *b, const char *public_url, const char *path)
{
	size_t len = strlen(public_url);

	while (len > 0 && public_url[len - 1] == '/')
		len--;
	if (buf_add(b, public_url, len) == -1)
		return -1;
	return buf_add_text(b, path);
}

static int
add_json_url(struct buf *b, const char *public_url, const char *path)
{
	struct buf url = { 0 };
	int ret = -1;

	if (add_url(&url, public_url, path) == 0)
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

/* RFC 9728, section 2. */
static int
add_metadata(struct buf *b, const struct policy *policy)
{
	if (buf_add_text(b, "{\"resource\":") == -1 ||
	    add_json_url(b, policy->public_url, "/sse") == -1 ||
	    add_servers(b, policy->authorization_servers) == -1)
		return -1;
	return buf_add_text(b,
	    ",\"bearer_methods_supported\":[\"header\"],"
	    "\"resource_name\":\"MCP Gateway\"}");
}

/* RFC 6750, section 3, and RFC 9728, section 5.1.  The URL has no '"'. */
static int
add_challenge(struct buf *b, const char *public_url, const char *error)
{
	if (buf_add_text(b, CHALLENGE) == -1 || buf_add_text(b, error) == -1)
		return -1;
	if (public_url == NULL || strpbrk(public_url, "\"\\\r\n") != NULL)
		return 0;
	if (buf_add_text(b, ", resource_metadata=\"") == -1 ||
	    add_url(b, public_url, WELLKNOWN_PATH_SSE) == -1)
		return -1;
	return buf_add_text(b, "\"");
}

static char *
copy_of(const struct buf *b)
{
	return strndup(buf_data(b), buf_len(b));
}

static int
make_challenges(struct wellknown *wellknown, const struct policy *policy)
{
	static const char *const errors[] = {
		[WELLKNOWN_NO_TOKEN] = "",
		[WELLKNOWN_INVALID_REQUEST] = ", error=\"invalid_request\"",
		[WELLKNOWN_INVALID_TOKEN] = ", error=\"invalid_token\"",
	};
	struct buf text = { 0 };

	for (size_t i = 0; i < WELLKNOWN_CHALLENGES; i++) {
		if (add_challenge(&text, policy->public_url, errors[i]) == 0)
			wellknown->challenges[i] = copy_of(&text);
		buf_free(&text);
		if (wellknown->challenges[i] == NULL)
			return -1;
	}
	return 0;
}

static int
make_metadata(struct wellknown *wellknown, const struct policy *policy)
{
	struct buf text = { 0 };

	if (policy->public_url == NULL)
		return 0;
	if (add_metadata(&text, policy) == 0)
		wellknown->metadata = copy_of(&text);
	wellknown->metadata_len = buf_len(&text);
	buf_free(&text);
	return wellknown->metadata != NULL ? 0 : -1;
}

int
wellknown_make(struct wellknown *wellknown, const struct policy *policy)
{
	struct wellknown made = { 0 };

	if (make_challenges(&made, policy) == -1 ||
	    make_metadata(&made, policy) == -1) {
		wellknown_free(&made);
		return -1;
	}
	wellknown_free(wellknown);
	*wellknown = made;
	return 0;
}

void
wellknown_free(struct wellknown *wellknown)
{
	for (size_t i = 0; i < WELLKNOWN_CHALLENGES; i++)
		free(wellknown->challenges[i]);
	free(wellknown->metadata);
	*wellknown = (struct wellknown){ 0 };
}
