/*
 * Two savings evhttp's API allows: a free-list allocator for
 * event_set_mem_functions(), and a Date header made once a second (evhttp
 * formats one for every answer unless the header is there already).
 */
#ifndef POOL_ALLOC_H
#define POOL_ALLOC_H

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Size classes of 64 bytes up to 4 KiB, never given back: one thread only. */
#define POOL_CLASSES 64

static void *pool[POOL_CLASSES + 1];

static void *
pool_malloc(size_t n)
{
	size_t c = (n + 16 + 63) / 64, *p;

	if (c <= POOL_CLASSES && pool[c]) {
		p = pool[c];
		pool[c] = *(void **)p;
	} else {
		p = malloc(c * 64);
		if (!p)
			return NULL;
	}
	*p = c;
	return p + 2;
}

static void
pool_free(void *mem)
{
	size_t *p, c;

	if (!mem)
		return;
	p = (size_t *)mem - 2;
	c = *p;
	if (c > POOL_CLASSES) {
		free(p);
		return;
	}
	*(void **)p = pool[c];
	pool[c] = p;
}

static void *
pool_realloc(void *mem, size_t n)
{
	void *q = pool_malloc(n);

	if (mem && q) {
		size_t have = ((size_t *)mem)[-2] * 64 - 16;

		memcpy(q, mem, have < n ? have : n);
		pool_free(mem);
	}
	return q;
}

static inline const char *
http_date(struct event_base *base)
{
	static char date[64];
	static time_t made_at;
	struct timeval tv;

	event_base_gettimeofday_cached(base, &tv);
	if (tv.tv_sec != made_at) {
		struct tm tm;

		made_at = tv.tv_sec;
		gmtime_r(&made_at, &tm);
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
	return date;
}

#endif
