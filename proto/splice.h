/*
 * splice.h: a text with a few pieces replaced, written without touching the
 * rest: ids, names and tokens change, everything else passes byte for byte.
 */
#ifndef PROTO_SPLICE_H
#define PROTO_SPLICE_H

#include <stddef.h>

#include "proto/json.h"

/* Id, name, cursor, progress token and a few to spare. */
#define SPLICE_MAX 8

/* Borrows the text and the replacements until it is written. */
struct splice {
	struct json_span text;
	size_t count;
	size_t length; /* of the result */
	struct splice_edit {
		struct json_span old;
		struct json_span new;
	} edits[SPLICE_MAX]; /* ordered by old.at */
};

void splice_init(struct splice *s, const char *text, size_t len);

/*
 * Replace old, a span inside the text, by len bytes at new.  In any order, but
 * spans must not overlap, and at most SPLICE_MAX (both asserted).
 */
void splice_replace(
    struct splice *s, struct json_span old, const char *new, size_t len);

/* Take back what replaces spans that lie in this one. */
void splice_forget(struct splice *s, struct json_span within);

/* Bytes of the result. */
size_t splice_length(const struct splice *s);

/* Write the result, splice_length() bytes, to dst. */
void splice_write(const struct splice *s, char *dst);

#endif
