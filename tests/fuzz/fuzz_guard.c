/*
 * fuzz_guard.c: the guard's verdict does not depend on how bytes are cut, and
 * what it accepts another reader of HTTP frames the same.
 */
/* link: front */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guard_http.h"

/* Requests looked at in one input; the rest is only fed. */
#define REQUESTS_MAX 64

/* Where heads and messages end in a stream. */
struct framing {
	size_t heads;
	size_t messages;
	size_t head_end[REQUESTS_MAX];
	size_t message_end[REQUESTS_MAX];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(bool condition, const char *what)
{
	if (condition)
		return;
	(void)fprintf(stderr, "fuzz_guard: %s\n", what);
	abort();
}

/* ---- the reference: one request at a time, whole, by searching --------- */

static const char *
find(const char *at, const char *end, const char *text)
{
	return memmem(at, (size_t)(end - at), text, strlen(text));
}

static bool
has_name(const char *line, const char *colon, const char *name)
{
	return (size_t)(colon - line) == strlen(name) &&
	    strncasecmp(line, name, strlen(name)) == 0;
}

/* What a head says of its body. */
struct said {
	unsigned int hosts;
	unsigned int lengths;
	unsigned int codings;
	bool chunked;
	uint64_t length;
};

static bool
read_length(const char *value, size_t n, uint64_t *length)
{
	*length = 0;
	if (n == 0 || n > 15)
		return false;
	for (; n > 0; n--, value++) {
		if (!isdigit((unsigned char)*value))
			return false;
		*length = *length * 10 + (uint64_t)(*value - '0');
	}
	return true;
}

static bool
read_header(const char *line, const char *end, struct said *said)
{
	static const char separators[] = " \t\"(),/:;<=>?@[\\]{}";
	const char *colon = memchr(line, ':', (size_t)(end - line));
	const char *value, *c;
	size_t n;

	if (colon == NULL || colon == line)
		return false;
	for (c = line; c < colon; c++)
		if (!isgraph((unsigned char)*c) || strchr(separators, *c))
			return false;
	for (c = colon; c < end; c++)
		if (*c != '\t' && !isprint((unsigned char)*c))
			return false;
	for (value = colon + 1; value < end && isblank(*value);)
		value++;
	while (end > value && isblank(end[-1]))
		end--;
	n = (size_t)(end - value);
	if (has_name(line, colon, "host")) {
		said->hosts++;
		return n > 0;
	}
	if (has_name(line, colon, "content-length")) {
		said->lengths++;
		return read_length(value, n, &said->length);
	}
	if (has_name(line, colon, "transfer-encoding")) {
		said->codings++;
		said->chunked = n == 7 && strncasecmp(value, "chunked", 7) == 0;
		return said->chunked;
	}
	return true;
}

static bool
read_request_line(const char *line, const char *end)
{
	static const char *const methods[] = { "GET ", "POST ", "DELETE ",
		"OPTIONS ", "HEAD " };
	const char *target = NULL, *c;
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if ((size_t)(end - line) > strlen(methods[i]) &&
		    strncmp(line, methods[i], strlen(methods[i])) == 0)
			target = line + strlen(methods[i]);
	if (target == NULL || end - target < 10 ||
	    memcmp(end - 9, " HTTP/1.1", 9) != 0)
		return false;
	if (target[0] != '/' || target[1] == '/')
		return false;
	for (c = target; c < end - 9; c++)
		if (!isgraph((unsigned char)*c))
			return false;
	return true;
}

/* Read the head that ends before body. */
static bool
read_head(const char *head, const char *body, struct said *said)
{
	const char *line = head, *end;

	*said = (struct said){ 0 };
	for (;; line = end + 2) {
		end = find(line, body, "\r\n");
		if (end == line)
			break;
		if (memchr(line, '\n', (size_t)(end - line)) != NULL ||
		    memchr(line, '\r', (size_t)(end - line)) != NULL)
			return false;
		if (line == head ? !read_request_line(line, end)
				 : !read_header(line, end, said))
			return false;
	}
	return said->hosts == 1 && said->lengths + said->codings <= 1;
}

/* Where a chunked body ends; NULL when it is incomplete or wrong. */
static const char *
chunks_end(const char *at, const char *end)
{
	const char *line_end;
	size_t size, digits;

	for (;;) {
		if ((line_end = find(at, end, "\r\n")) == NULL)
			return NULL;
		digits = (size_t)(line_end - at);
		if (digits == 0 || digits > 8)
			return NULL;
		for (size = 0; at < line_end; at++) {
			if (!isxdigit((unsigned char)*at))
				return NULL;
			size = size * 16 +
			    (size_t)(isdigit((unsigned char)*at)
				    ? *at - '0'
				    : tolower((unsigned char)*at) - 'a' + 10);
		}
		at += 2;
		if ((size_t)(end - at) < size + 2 ||
		    memcmp(at + size, "\r\n", 2) != 0)
			return NULL;
		at += size + 2;
		if (size == 0)
			return at;
	}
}

static void
read_stream(const char *data, size_t size, struct framing *f)
{
	const char *at = data, *end = data + size, *body;
	struct said said;

	*f = (struct framing){ 0 };
	while (f->heads < REQUESTS_MAX) {
		if ((body = find(at, end, "\r\n\r\n")) == NULL)
			return;
		body += 4;
		if (!read_head(at, body, &said))
			return;
		f->head_end[f->heads++] = (size_t)(body - data);
		if (said.chunked)
			at = chunks_end(body, end);
		else if ((uint64_t)(end - body) >= said.length)
			at = body + said.length;
		else
			at = NULL;
		if (at == NULL)
			return;
		f->message_end[f->messages++] = (size_t)(at - data);
	}
}

/* ---- the guard ---------------------------------------------------------- */

struct verdict {
	struct guard_http guard;
	struct guard_refusal refusal;
	bool ok;
};

/* Feed pieces of step bytes from memory of exactly that size. */
static struct verdict
feed(const uint8_t *data, size_t size, size_t step)
{
	struct verdict v = { .ok = true };
	size_t at, n;
	char *piece;

	for (at = 0; v.ok && at < size; at += n) {
		n = size - at < step ? size - at : step;
		demand((piece = malloc(n)) != NULL, "no memory");
		memcpy(piece, data + at, n);
		v.ok = guard_http_feed(&v.guard, piece, n, &v.refusal);
		free(piece);
	}
	return v;
}

static struct verdict
feed_bytes(const uint8_t *data, size_t size, struct framing *f)
{
	struct verdict v = { .ok = true };
	size_t i;

	*f = (struct framing){ 0 };
	for (i = 0; v.ok && i < size; i++) {
		v.ok = guard_http_feed(
		    &v.guard, (const char *)data + i, 1, &v.refusal);
		if (v.guard.heads > f->heads && f->heads < REQUESTS_MAX)
			f->head_end[f->heads++] = i + 1;
		if (v.guard.messages > f->messages &&
		    f->messages < REQUESTS_MAX)
			f->message_end[f->messages++] = i + 1;
		demand(v.guard.heads - v.guard.messages <= 1,
		    "a head within a message");
	}
	return v;
}

static void
compare(const struct verdict *a, const struct verdict *b)
{
	demand(a->ok == b->ok, "verdicts differ");
	demand(a->guard.heads == b->guard.heads, "heads differ");
	demand(a->guard.messages == b->guard.messages, "messages differ");
	demand(guard_http_idle(&a->guard) == guard_http_idle(&b->guard) &&
		guard_http_in_head(&a->guard) == guard_http_in_head(&b->guard),
	    "states differ");
	demand(
	    a->ok || a->refusal.status == b->refusal.status, "statuses differ");
	demand(
	    a->ok || a->refusal.reason == b->refusal.reason, "reasons differ");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { SIZE_MAX, 2, 3, 5, 7, 8, 13, 64 };
	struct framing seen, wanted;
	struct verdict bytes, pieces;
	size_t i;

	bytes = feed_bytes(data, size, &seen);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		pieces = feed(data, size, steps[i]);
		compare(&bytes, &pieces);
	}
	/* The reference knows no limits and may so read more, never less. */
	read_stream((const char *)data, size, &wanted);
	demand(seen.heads <= wanted.heads, "a head that is none");
	demand(seen.messages <= wanted.messages, "a message that is none");
	demand(memcmp(seen.head_end, wanted.head_end,
		   seen.heads * sizeof(size_t)) == 0,
	    "heads end elsewhere");
	demand(memcmp(seen.message_end, wanted.message_end,
		   seen.messages * sizeof(size_t)) == 0,
	    "messages end elsewhere");
	return 0;
}
