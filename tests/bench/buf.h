/* buf.h: bytes that grow at their end. */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct buf {
	char *p;
	size_t n, cap, done; /* done: of those who write it out in pieces */
};

static inline void
buf_reserve(struct buf *b, size_t more)
{
	if (b->n + more <= b->cap)
		return;
	b->cap = (b->n + more) * 2;
	b->p = realloc(b->p, b->cap);
	if (!b->p)
		abort();
}

static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (!n)
		return;
	buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void
buf_eat(struct buf *b, size_t n)
{
	b->n -= n;
	if (b->n)
		memmove(b->p, b->p + n, b->n);
}

static inline void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

#endif
