#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "uri.h"

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
is_scheme(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
	    c == '.';
}

size_t
uri_scheme_len(const char *text)
{
	size_t n;

	if (!is_letter(text[0]))
		return 0;
	for (n = 1; n <= URI_SCHEME_MAX; n++) {
		const char c = text[n];

		if (c == ':')
			return n;
		if (!is_scheme(c))
			return 0;
	}
	return 0;
}

size_t
uri_scheme(const char *text, char scheme[URI_SCHEME_MAX + 1])
{
	const size_t len = uri_scheme_len(text);
	size_t i;

	for (i = 0; i < len; i++)
		scheme[i] = lower(text[i]);
	scheme[len] = '\0';
	return len;
}

size_t
uri_head(const char *uri, char head[URI_HEAD_MAX + 1])
{
	size_t n;

	if (!is_letter(uri[0]))
		return 0;
	for (n = 0; n < URI_HEAD_MAX && is_scheme(uri[n]); n++) {
		head[n] = lower(uri[n]);
		if (uri[n] != '+')
			continue;
		head[n + 1] = '\0';
		return n + 1;
	}
	return 0;
}

bool
uri_scheme_is_web(const char *scheme)
{
	return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0 ||
	    strcmp(scheme, "data") == 0;
}

void
uri_normalise(const char *uri, char normal[URI_NORMAL_MAX])
{
	static const char hex[] = "0123456789ABCDEF";
	const size_t scheme = uri_scheme_len(uri);
	const size_t len = strlen(uri);
	size_t authority = 0; /* where it ends */
	size_t i, n = 0;

	assert(len <= URI_MAX);
	if (scheme > 0 && strncmp(uri + scheme, "://", 3) == 0)
		authority = scheme + 3 + strcspn(uri + scheme + 3, "/?#");
	for (i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)uri[i];

		if (i == authority && i > scheme + 3 && c != '/')
			normal[n++] = '/';
		if (c > 0x20 && c < 0x7f) {
			normal[n++] = i < scheme || i < authority
			    ? lower(uri[i])
			    : uri[i];
			continue;
		}
		normal[n++] = '%';
		normal[n++] = hex[c >> 4];
		normal[n++] = hex[c & 15];
	}
	if (authority == len && authority > scheme + 3)
		normal[n++] = '/';
	normal[n] = '\0';
}
