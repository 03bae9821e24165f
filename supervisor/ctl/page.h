/*
 * page.h: text for people on standard output: escaped, in columns that fit the
 * terminal, coloured only there.
 */
#ifndef CTL_PAGE_H
#define CTL_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/buf.h"

enum page_colour {
	PAGE_PLAIN,
	PAGE_BOLD,
	PAGE_DIM,
	PAGE_RED,
	PAGE_GREEN,
	PAGE_YELLOW,
};

struct page {
	struct buf out;
	bool colour;
	unsigned int width; /* cells of a line; 0: no limit */
	bool failed;        /* memory ran out */
};

/* A page for this descriptor: a terminal has a width, and colours where its
 * user has nothing against them (NO_COLOR). */
void page_begin(struct page *page, int fd);

/* Write it to standard output and free it.  0, or -1, and reported, when it
 * could not all be written. */
int page_end(struct page *page);

/* Our own text; what others wrote goes through page_safe() first. */
void page_put(struct page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same in a colour. */
void page_paint(struct page *page, enum page_colour colour, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/*
 * A paragraph behind head (ours, "" for none), wrapped at the page's width, its
 * lines behind the first moved in by indent cells.
 */
void page_wrap(
    struct page *page, const char *head, const char *text, unsigned int indent);

/* Longer words of others are cut to this. */
#define PAGE_SAFE_MAX 4096

/*
 * Words of others, without anything that a terminal obeys: proto/log.h.  The
 * caller's; never NULL.
 */
char *page_safe(const char *text);

/* How many cells of a terminal the text takes. */
unsigned int page_cells(const char *text);

/* Bytes of its first pieces that take at most this many cells. */
size_t page_cut(const char *text, unsigned int cells);

#endif
