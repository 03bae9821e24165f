/* origin.c: URLs of a backend: parts, and which belong together. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <curl/curl.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "origin.h"

#define NOT_A_URL    "announced an endpoint that is not a URL"
#define OTHER_ORIGIN "announced an endpoint on another origin"

/* A URL, or NULL with errno. */
static CURLU *
parse(const char *url)
{
	CURLU *u = curl_url();
	CURLUcode code;

	if (u == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	code = curl_url_set(u, CURLUPART_URL, url, 0);
	if (code == CURLUE_OK)
		return u;
	curl_url_cleanup(u);
	errno = code == CURLUE_OUT_OF_MEMORY ? ENOMEM : EINVAL;
	return NULL;
}

/* A part of a URL; "" when it has none, NULL without memory. */
static char *
part(CURLU *u, CURLUPart what)
{
	char *text;
	char *copy;

	switch (curl_url_get(u, what, &text, CURLU_DEFAULT_PORT)) {
	case CURLUE_OK:
		copy = strdup(text);
		curl_free(text);
		return copy;
	case CURLUE_OUT_OF_MEMORY:
		return NULL;
	default:
		return strdup("");
	}
}

static bool
is_this_machine(const char *host)
{
	static const char *const names[] = { "localhost", "localhost.",
		"127.0.0.1", "[::1]", "0.0.0.0" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(host, names[i]) == 0)
			return true;
	return false;
}

/* The address in brackets. */
static bool
ipv6(const char *host, struct in6_addr *address)
{
	char text[INET6_ADDRSTRLEN];
	size_t len = strlen(host);

	if (len < 2 || len - 2 >= sizeof(text) || host[0] != '[')
		return false;
	memcpy(text, host + 1, len - 2);
	text[len - 2] = '\0';
	return inet_pton(AF_INET6, text, address) == 1;
}

static size_t
length_without_root(const char *host)
{
	size_t len = strlen(host);

	return len > 0 && host[len - 1] == '.' ? len - 1 : len;
}

static bool
same_host(const char *a, const char *b)
{
	struct in6_addr a6, b6;
	size_t len = length_without_root(a);

	if (is_this_machine(a) && is_this_machine(b))
		return true;
	if (ipv6(a, &a6) && ipv6(b, &b6))
		return memcmp(&a6, &b6, sizeof(a6)) == 0;
	return len == length_without_root(b) && strncasecmp(a, b, len) == 0;
}

/* 1 when this part of both is the same, 0 when not, -1 without memory. */
static int
same_part(CURLU *a, CURLU *b, CURLUPart what)
{
	char *of_a = part(a, what);
	char *of_b = part(b, what);
	int same = -1;

	if (of_a != NULL && of_b != NULL)
		same = what == CURLUPART_HOST ? same_host(of_a, of_b)
					      : strcasecmp(of_a, of_b) == 0;
	free(of_a);
	free(of_b);
	return same;
}

static int
same_origin(CURLU *a, CURLU *b)
{
	/* Of a name and a password, base has none by now. */
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST,
		CURLUPART_PORT, CURLUPART_USER, CURLUPART_PASSWORD };
	int same = 1;

	for (size_t i = 0; same == 1 && i < sizeof(parts) / sizeof(parts[0]);
	     i++)
		same = same_part(a, b, parts[i]);
	return same;
}

/* Bytes of base up to its path. */
static size_t
prefix_length(const char *base)
{
	const char *host = strstr(base, "://");
	size_t scheme = host == NULL ? 0 : (size_t)(host + 3 - base);

	return scheme + strcspn(base + scheme, "/?#");
}

/* What base says of scheme, host and port, and what u says of the rest. */
static char *
join(const char *base, CURLU *u)
{
	char *path = part(u, CURLUPART_PATH);
	char *query = part(u, CURLUPART_QUERY);
	char *url = NULL;

	if (path != NULL && query != NULL &&
	    asprintf(&url, "%.*s%s%s%s", (int)prefix_length(base), base, path,
		query[0] == '\0' ? "" : "?", query) == -1)
		url = NULL;
	free(path);
	free(query);
	return url;
}

/*
 * What was announced without white space around it and without a fragment, in
 * out[len + 1].  NULL, or what is wrong.
 */
static const char *
tidy(char *out, const char *endpoint, size_t len)
{
	const char *hash;

	while (len > 0 && (endpoint[0] == ' ' || endpoint[0] == '\t')) {
		endpoint++;
		len--;
	}
	while (
	    len > 0 && (endpoint[len - 1] == ' ' || endpoint[len - 1] == '\t'))
		len--;
	hash = memchr(endpoint, '#', len);
	if (hash != NULL)
		len = (size_t)(hash - endpoint);
	if (len == 0)
		return "announced an empty endpoint";
	for (size_t i = 0; i < len; i++)
		if (endpoint[i] <= ' ' || endpoint[i] > '~' ||
		    endpoint[i] == '\\')
			return NOT_A_URL;
	memcpy(out, endpoint, len);
	out[len] = '\0';
	return NULL;
}

/* Make *ret of base with what was announced: 0, or -1 and *why. */
static int
resolve(char **ret, const char *base, CURLU *of_base, const char *endpoint,
    const char **why)
{
	CURLU *u = NULL;
	CURLUcode code = CURLUE_OUT_OF_MEMORY;
	int same = -1;
	char *url = NULL;

	*why = NULL;
	/* The endpoint must not inherit a password in order to have none. */
	(void)curl_url_set(of_base, CURLUPART_USER, NULL, 0);
	(void)curl_url_set(of_base, CURLUPART_PASSWORD, NULL, 0);
	if ((u = curl_url_dup(of_base)) == NULL)
		return -1;
	code =
	    curl_url_set(u, CURLUPART_URL, endpoint, CURLU_NON_SUPPORT_SCHEME);
	if (code == CURLUE_OK)
		same = same_origin(of_base, u);
	else if (code != CURLUE_OUT_OF_MEMORY)
		*why = NOT_A_URL;
	if (same == 0)
		*why = OTHER_ORIGIN;
	if (same == 1)
		url = join(base, u);
	curl_url_cleanup(u);
	if (url != NULL && strlen(url) > ORIGIN_URL_MAX) {
		free(url);
		url = NULL;
		*why = "announced an endpoint with too long a URL";
	}
	if (url == NULL)
		return -1;
	*ret = url;
	return 0;
}

int
origin_resolve(char **ret, const char *base, const char *endpoint, size_t len,
    const char **why)
{
	char text[ORIGIN_URL_MAX + 1];
	CURLU *of_base;
	int result;

	if (len > ORIGIN_URL_MAX) {
		*why = "announced an endpoint with too long a URL";
		return -1;
	}
	*why = tidy(text, endpoint, len);
	if (*why != NULL)
		return -1;
	of_base = parse(base);
	if (of_base == NULL) {
		*why = errno == ENOMEM ? NULL : "has a URL that is none";
		return -1;
	}
	result = resolve(ret, base, of_base, text, why);
	curl_url_cleanup(of_base);
	return result;
}

char *
origin_host(const char *url)
{
	CURLU *u = parse(url);
	char *host;
	size_t len;

	if (u == NULL)
		return NULL;
	host = part(u, CURLUPART_HOST);
	curl_url_cleanup(u);
	if (host == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	len = strlen(host);
	if (len >= 2 && host[0] == '[') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
	return host;
}
