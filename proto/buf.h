/* buf.h: a byte queue: appended at the end, consumed from the front. */
#ifndef PROTO_BUF_H
#define PROTO_BUF_H

#include <assert.h>
#include <stddef.h>

/*
 * A zeroed struct buf is an empty buffer.  The members are private to buf.c and
 * to the functions that are small enough to live here.
 */
struct buf {
	char *mem;
	size_t start;
	size_t end;
	size_t cap;
};

/*
 * The first unconsumed byte; valid until the next change of the buffer.  NULL
 * in a buffer that never held anything (NULL + 0 is harmless, whatever
 * sanitizers say).
 */
__attribute__((no_sanitize("pointer-overflow"))) static inline char *
buf_data(const struct buf *b)
{
	return b->mem + b->start;
}

/* Unconsumed bytes. */
static inline size_t
buf_len(const struct buf *b)
{
	return b->end - b->start;
}

/*
 * Make room for n more bytes at the end and return where they go, or NULL with
 * errno ENOMEM.  The buffer is unchanged until buf_commit().
 */
char *buf_reserve(struct buf *b, size_t n);

/* n bytes were written at the place that buf_reserve() returned. */
static inline void
buf_commit(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->end);
	b->end += n;
}

/* Room at the end that buf_reserve() would return without growing. */
size_t buf_room(const struct buf *b);

/* Append a copy of n bytes.  0, or -1 with errno ENOMEM. */
int buf_add(struct buf *b, const void *data, size_t n);

/* Append the text of a string literal or other NUL-terminated string. */
int buf_add_text(struct buf *b, const char *text);

/* Append formatted text.  0, or -1 with errno ENOMEM. */
int buf_add_format(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Forget the first n bytes; n is at most buf_len(). */
static inline void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

/*
 * Give memory back where an empty buffer keeps more than keep bytes of it, so
 * that one large message does not hold its size for ever.
 */
void buf_trim(struct buf *b, size_t keep);

/* Free the memory; the buffer is empty and usable again. */
void buf_free(struct buf *b);

#endif
