/* salvage.c: which call a refused message was the answer to. */
#include <stdbool.h>
#include <string.h>

#include "salvage.h"

/* Digits of the longest id that we send: below 2^53. */
#define DIGITS_MAX 16

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *
skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

/* Read a plain positive integer; *at moves behind it. */
static int
read_integer(const char **at, const char *end, int64_t *ret)
{
	const char *p = *at;
	int64_t value = 0;

	while (p < end && *p >= '0' && *p <= '9' && p - *at < DIGITS_MAX)
		value = value * 10 + (*p++ - '0');
	if (p == *at || p == end)
		return -1;
	if (*p != ',' && *p != '}' && !is_space(*p))
		return -1;
	*at = p;
	*ret = value;
	return 0;
}

/* at is behind an opening quote; returns behind the closing one, or end. */
static const char *
skip_string(const char *at, const char *end)
{
	while (at < end && *at != '"')
		at += *at == '\\' && end - at > 1 ? 2 : 1;
	return at < end ? at + 1 : end;
}

static bool
text_is(const char *at, const char *end, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(end - at) == n && memcmp(at, text, n) == 0;
}

int
salvage_id(const char *text, size_t len, int64_t *id)
{
	const char *end = text + len;
	const char *at = skip_space(text, end);
	const char *from;
	int64_t found = -1;
	size_t depth = 0;

	if (at == end || *at != '{')
		return -1;
	while (at < end) {
		from = at;
		switch (*at++) {
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			break;
		case '"':
			at = skip_string(at, end);
			if (depth != 1)
				break;
			if (text_is(from, at, "\"method\""))
				return -1;
			if (!text_is(from, at, "\"id\""))
				break;
			at = skip_space(at, end);
			if (at == end || *at != ':')
				break;
			at = skip_space(at + 1, end);
			if (read_integer(&at, end, &found) == -1)
				return -1;
			break;
		default:
			break;
		}
	}
	if (found == -1)
		return -1;
	*id = found;
	return 0;
}

int
salvage_id_at_end(const char *tail, size_t len, int64_t *id)
{
	static const char key[] = "\"id\"";
	const size_t key_len = sizeof(key) - 1;
	const char *end = tail + len;
	const char *at;
	int64_t found;
	size_t i;

	for (i = len; i > key_len; i--) {
		at = tail + i - key_len;
		if (memcmp(at, key, key_len) == 0)
			break;
	}
	if (i <= key_len)
		return -1;
	at = skip_space(tail + i, end);
	if (at == end || *at != ':')
		return -1;
	at = skip_space(at + 1, end);
	if (read_integer(&at, end, &found) == -1)
		return -1;
	/* One closing brace and no more: the outermost object ends here. */
	at = skip_space(at, end);
	if (at == end || *at != '}' || skip_space(at + 1, end) != end)
		return -1;
	*id = found;
	return 0;
}
