/*
 * guard_cases.h: streams of bytes and what must come of them, however they are
 * cut.
 */
#ifndef GUARD_CASES_H
#define GUARD_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard_http.h"

/* What came of a stream of bytes. */
struct outcome {
	int status; /* 0: all right so far */
	uint32_t heads;
	uint32_t messages;
	bool idle;
	bool in_head;
	const char *reason;
};

struct stream {
	const char *name;
	const char *bytes;
	size_t len;
	int status;
	uint32_t heads;
	uint32_t messages;
};

static struct outcome
outcome_of(const struct guard_http *g, int status, const char *reason)
{
	struct outcome o = { .status = status,
		.heads = g->heads,
		.messages = g->messages,
		.idle = guard_http_idle(g),
		.in_head = guard_http_in_head(g),
		.reason = reason };

	return o;
}

/* Feed up to two pieces from exactly sized memory, so that a sanitizer sees
 * every byte read outside of them. */
static struct outcome
feed_two(const char *bytes, size_t len, size_t split)
{
	struct guard_http g = { 0 };
	struct guard_refusal r = { 0, NULL };
	char *first = malloc(split + 1);
	char *second = malloc(len - split + 1);
	bool ok;

	assert_non_null(first);
	assert_non_null(second);
	memcpy(first + 1, bytes, split);
	memcpy(second + 1, bytes + split, len - split);
	ok = guard_http_feed(&g, first + 1, split, &r) &&
	    guard_http_feed(&g, second + 1, len - split, &r);
	free(first);
	free(second);
	assert_int_equal(ok, r.status == 0);
	return outcome_of(&g, r.status, r.reason);
}

static struct outcome
feed_bytewise(const char *bytes, size_t len)
{
	struct guard_http g = { 0 };
	struct guard_refusal r = { 0, NULL };
	size_t i;

	for (i = 0; i < len; i++)
		if (!guard_http_feed(&g, bytes + i, 1, &r))
			break;
	return outcome_of(&g, r.status, r.reason);
}

static void
assert_same(struct outcome a, struct outcome b)
{
	assert_int_equal(a.status, b.status);
	assert_int_equal(a.heads, b.heads);
	assert_int_equal(a.messages, b.messages);
	assert_int_equal(a.idle, b.idle);
	assert_int_equal(a.in_head, b.in_head);
	assert_ptr_equal(a.reason, b.reason);
}

static void
check(const struct stream *s)
{
	struct outcome whole = feed_two(s->bytes, s->len, 0);
	size_t split;

	if (whole.status != s->status || whole.messages != s->messages ||
	    whole.heads != s->heads)
		print_message("in case: %s: %d %s\n", s->name, whole.status,
		    whole.reason == NULL ? "" : whole.reason);
	assert_int_equal(whole.status, s->status);
	assert_int_equal(whole.heads, s->heads);
	assert_int_equal(whole.messages, s->messages);
	assert_same(feed_bytewise(s->bytes, s->len), whole);
	for (split = 1; split < s->len; split++)
		assert_same(feed_two(s->bytes, s->len, split), whole);
}

static void
check_all(const struct stream *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		check(&s[i]);
}

#define ALL(streams) check_all(streams, sizeof(streams) / sizeof((streams)[0]))

/* name, bytes, status, complete heads, complete messages */
#define S(name, bytes, status, heads, messages)                                \
	{                                                                      \
		name, bytes, sizeof(bytes) - 1, status, heads, messages        \
	}
/* A request line. */
#define LINE(name, line, status)                                               \
	S(name, line "\r\nHost: a\r\n\r\n", status, (status) == 0,             \
	    (status) == 0)
/* One more header line of a GET. */
#define GET(name, header, status)                                              \
	S(name, "GET /sse HTTP/1.1\r\nHost: a\r\n" header "\r\n\r\n", status,  \
	    (status) == 0, (status) == 0)
/* Headers and body of a POST: complete, or refused in the head. */
#define POST(name, header, body, status)                                       \
	S(name,                                                                \
	    "POST /messages HTTP/1.1\r\nHost: a\r\n" header "\r\n\r\n" body,   \
	    status, (status) == 0, (status) == 0)
/* A chunked body: complete, or refused in the body. */
#define CHUNKS(name, body, status)                                             \
	S(name,                                                                \
	    "POST /messages HTTP/1.1\r\nHost: a\r\n"                           \
	    "Transfer-Encoding: chunked\r\n\r\n" body,                         \
	    status, 1, (status) == 0)

#endif
