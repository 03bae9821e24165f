/* uri.h: as much of URIs as routing needs. */
#ifndef FRONT_URI_H
#define FRONT_URI_H

#include <stdbool.h>
#include <stddef.h>

/* Longer URIs are not listed, and not looked up. */
#define URI_MAX 4096U
/* Room for the normal spelling of the longest: every byte escaped, a slash. */
#define URI_NORMAL_MAX (3 * URI_MAX + 2)
/* Longer schemes are none that anybody uses. */
#define URI_SCHEME_MAX 64U
/* The longest "server+" (catalogue.c): a name, and what makes it unique. */
#define URI_HEAD_MAX 80U

/*
 * The length of the scheme before the colon, or 0 when text does not start with
 * one of at most URI_SCHEME_MAX characters.
 */
size_t uri_scheme_len(const char *text);

/* Write the lower-cased scheme with a NUL and return its length, or 0. */
size_t uri_scheme(const char *text, char scheme[URI_SCHEME_MAX + 1]);

/*
 * Write the lower-cased beginning of the scheme up to and with its first "+",
 * and a NUL, and return its length; 0 when there is none, or a longer one.
 */
size_t uri_head(const char *uri, char head[URI_HEAD_MAX + 1]);

/*
 * True for a lower-cased scheme whose URIs clients know what to do with
 * themselves: http, https, data.
 */
bool uri_scheme_is_web(const char *scheme);

/*
 * Write the spelling that URL libraries make of a URI: scheme and host in lower
 * case, "/" for an empty path after a host, spaces and bytes beyond ASCII
 * escaped.  uri has at most URI_MAX bytes.
 */
void uri_normalise(const char *uri, char normal[URI_NORMAL_MAX]);

#endif
