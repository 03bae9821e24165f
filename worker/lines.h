/* lines.h: a byte stream cut at its newlines, with a greatest length. */
#ifndef WORKER_LINES_H
#define WORKER_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/buf.h"

/*
 * Of a line that is skipped for its length this many last bytes are kept: an
 * "id" that stands last in its message is then still found.
 */
#define LINES_TAIL 128

/*
 * Memory that an empty buffer keeps between messages: small messages never
 * allocate, and one large message does not hold its size for ever.
 */
#define LINES_KEEP ((size_t)256 << 10)

/* The members are private to lines.c. */
struct lines {
	struct buf buf;
	size_t max;      /* longest line, without its end */
	size_t searched; /* bytes known to hold no newline */
	size_t taken;    /* bytes handed out by the last lines_next() */
	bool skipping;   /* inside a line that is too long */
	char tail[LINES_TAIL];
	size_t tail_len;
};

enum lines_found {
	LINES_NONE,     /* more bytes are needed */
	LINES_LINE,     /* one line, without "\n" or "\r\n" */
	LINES_TOO_LONG, /* the beginning of a line over the limit, once */
	LINES_SKIPPED,  /* that line has ended; its last LINES_TAIL bytes */
};

/* An empty stream of lines of at most max bytes. */
void lines_init(struct lines *lines, size_t max);

/* Free the memory. */
void lines_free(struct lines *lines);

/*
 * Room for n more bytes, or NULL with errno ENOMEM.  Ends what lines_next()
 * returned.
 */
char *lines_reserve(struct lines *lines, size_t n);

/* n bytes were written at the place that lines_reserve() returned. */
void lines_commit(struct lines *lines, size_t n);

/*
 * Find the next line; *text stays valid and writable until the next call on
 * these lines.  Every byte is searched once however the stream was split.
 */
enum lines_found lines_next(struct lines *lines, char **text, size_t *len);

/* Bytes of a line that has not ended. */
size_t lines_rest(const struct lines *lines);

#endif
