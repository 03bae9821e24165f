#include "chunk.h"

#include <string.h>

size_t
chunk_put_size(char *dst, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char text[CHUNK_SIZE_MAX];
	size_t n = 0;

	do
		text[n++] = digits[size & 15];
	while (size >>= 4);
	for (size_t i = 0; i < n; i++)
		dst[i] = text[n - 1 - i];
	memcpy(dst + n, "\r\n", 2);
	return n + 2;
}

static char *
put(char *dst, const char *from, size_t n)
{
	memcpy(dst, from, n);
	return dst + n;
}

size_t
chunk_put_message(
    char *dst, struct json_span id, const struct splice *message, bool newlines)
{
	size_t len = splice_length(message);
	char *at = dst;

	at += chunk_put_size(
	    at, id.len + CHUNK_EVENT_START_LEN + len + CHUNK_EVENT_END_LEN);
	at = put(at, id.at, id.len);
	at = put(at, CHUNK_EVENT_START, CHUNK_EVENT_START_LEN);
	splice_write(message, at);
	if (newlines)
		json_flatten(at, len);
	at = put(at + len, CHUNK_EVENT_END, CHUNK_EVENT_END_LEN);
	at = put(at, CHUNK_END, CHUNK_END_LEN);
	return (size_t)(at - dst);
}
