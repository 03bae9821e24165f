#include "proto/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first allocation: a header and a short message. */
#define BUF_FIRST 256

/* Move what is there to the front of the memory. */
static void
buf_compact(struct buf *b)
{
	size_t len = buf_len(b);

	if (b->mem != NULL)
		memmove(b->mem, b->mem + b->start, len);
	b->start = 0;
	b->end = len;
}

/* Make b->cap - b->end at least n; doubling keeps appends linear. */
static int
buf_grow(struct buf *b, size_t n)
{
	size_t need, cap;
	char *mem;

	if (n > SIZE_MAX / 2 - buf_len(b)) {
		errno = ENOMEM;
		return -1;
	}
	need = buf_len(b) + n;
	cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap * 2;
	if (cap < need)
		cap = need;
	if (b->start > 0)
		buf_compact(b); /* realloc() shall not copy what is gone */
	if ((mem = realloc(b->mem, cap)) == NULL)
		return -1;
	b->mem = mem;
	b->cap = cap;
	return 0;
}

char *
buf_reserve(struct buf *b, size_t n)
{
	if (b->mem != NULL && n <= b->cap - b->end)
		return b->mem + b->end;
	/*
	 * Moving pays only when at least as many bytes were consumed as are
	 * moved: every byte then moves once at most on average.
	 */
	if (b->start > 0 && buf_len(b) <= b->start &&
	    n <= b->cap - buf_len(b)) {
		buf_compact(b);
		return b->mem + b->end;
	}
	if (buf_grow(b, n) == -1)
		return NULL;
	return b->mem + b->end;
}

size_t
buf_room(const struct buf *b)
{
	return b->cap - b->end;
}

int
buf_add(struct buf *b, const void *data, size_t n)
{
	char *at;

	if (n == 0)
		return 0;
	if ((at = buf_reserve(b, n)) == NULL)
		return -1;
	memcpy(at, data, n);
	b->end += n;
	return 0;
}

int
buf_add_text(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

/* Print to the room at the end; the length that the whole text has. */
static size_t __attribute__((format(printf, 2, 0)))
buf_print(struct buf *b, const char *format, va_list ap)
{
	int n;

	n = vsnprintf(b->mem + b->end, buf_room(b), format, ap);
	assert(n >= 0); /* our own format */
	return (size_t)n;
}

int
buf_add_format(struct buf *b, const char *format, ...)
{
	va_list ap;
	size_t n;

	/* One byte more than the text: vsnprintf(3) ends it with a NUL. */
	if (buf_reserve(b, 1) == NULL)
		return -1;
	va_start(ap, format);
	n = buf_print(b, format, ap);
	va_end(ap);
	if (n >= buf_room(b)) {
		if (buf_reserve(b, n + 1) == NULL)
			return -1;
		va_start(ap, format);
		n = buf_print(b, format, ap);
		va_end(ap);
	}
	buf_commit(b, n);
	return 0;
}

void
buf_trim(struct buf *b, size_t keep)
{
	if (buf_len(b) == 0 && b->cap > keep)
		buf_free(b);
}

void
buf_free(struct buf *b)
{
	free(b->mem);
	*b = (struct buf){ 0 };
}
