/* page.c: text for people on standard output. */
#include <sys/ioctl.h>

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "page.h"
#include "proto/log.h"

/* Narrower lines than this are not worth wrapping for. */
#define WIDTH_MIN 20

static const char *const codes[] = {
	[PAGE_PLAIN] = "",
	[PAGE_BOLD] = "\033[1m",
	[PAGE_DIM] = "\033[2m",
	[PAGE_RED] = "\033[31m",
	[PAGE_GREEN] = "\033[32m",
	[PAGE_YELLOW] = "\033[33m",
};
#define OFF "\033[0m"

static bool
wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

void
page_begin(struct page *page, int fd)
{
	struct winsize size;

	*page = (struct page){ .width = 0 };
	if (isatty(fd) != 1)
		return;
	page->colour = wants_colour();
	if (ioctl(fd, TIOCGWINSZ, &size) == 0)
		page->width = size.ws_col;
}

int
page_end(struct page *page)
{
	size_t len = buf_len(&page->out);
	int result = 0;

	if (page->failed) {
		warnx("out of memory");
		result = -1;
	} else if ((len > 0 &&
		       fwrite(buf_data(&page->out), 1, len, stdout) != len) ||
	    fflush(stdout) != 0) {
		warnx("cannot write to standard output: %s", strerror(errno));
		result = -1;
	}
	buf_free(&page->out);
	return result;
}

static void
add(struct page *page, const char *bytes, size_t n)
{
	if (buf_add(&page->out, bytes, n) == -1)
		page->failed = true;
}

static void __attribute__((format(printf, 2, 0)))
add_format(struct page *page, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) == -1) {
		page->failed = true;
		return;
	}
	add(page, text, strlen(text));
	free(text);
}

void
page_put(struct page *page, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_format(page, format, args);
	va_end(args);
}

void
page_paint(struct page *page, enum page_colour colour, const char *format, ...)
{
	bool painted = page->colour && colour != PAGE_PLAIN;
	va_list args;

	if (painted)
		add(page, codes[colour], strlen(codes[colour]));
	va_start(args, format);
	add_format(page, format, args);
	va_end(args);
	if (painted)
		add(page, OFF, sizeof(OFF) - 1);
}

/*
 * The character at text in *ret, its bytes returned; what is none is one byte
 * and one cell.  The program's locale has UTF-8.
 */
static size_t
next_char(const char *text, unsigned int *cells)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n = mbrtowc(&c, text, strlen(text), &state);
	int width;

	if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
		*cells = 1;
		return 1;
	}
	width = wcwidth(c);
	*cells = width < 0 ? 1 : (unsigned int)width;
	return n;
}

unsigned int
page_cells(const char *text)
{
	unsigned int sum = 0, cells;

	while (*text != '\0') {
		text += next_char(text, &cells);
		sum += cells;
	}
	return sum;
}

size_t
page_cut(const char *text, unsigned int cells)
{
	const char *at = text;
	unsigned int sum = 0, one;

	while (*at != '\0') {
		size_t n = next_char(at, &one);

		if (sum + one > cells)
			break;
		sum += one;
		at += n;
	}
	return (size_t)(at - text);
}

/* Bytes of the next line of text that has room cells; at least a character. */
static size_t
line_length(const char *text, unsigned int room)
{
	size_t n = page_cut(text, room), space = n;
	unsigned int cells;

	if (text[n] == '\0')
		return n;
	while (space > 0 && text[space] != ' ')
		space--;
	if (space > 0)
		return space;
	return n > 0 ? n : next_char(text, &cells);
}

void
page_wrap(
    struct page *page, const char *head, const char *text, unsigned int indent)
{
	unsigned int used = page_cells(head), room;
	size_t n;

	page_put(page, "%s", head);
	do {
		room = page->width > used + WIDTH_MIN ? page->width - used
						      : WIDTH_MIN;
		n = page->width == 0 ? strlen(text) : line_length(text, room);
		add(page, text, n);
		add(page, "\n", 1);
		text += n;
		text += strspn(text, " ");
		used = indent;
		if (*text != '\0')
			page_put(page, "%*s", (int)indent, "");
	} while (*text != '\0');
}

char *
page_safe(const char *text)
{
	char *copy = malloc(PAGE_SAFE_MAX);

	if (copy == NULL)
		err(1, NULL);
	log_escape(copy, PAGE_SAFE_MAX, text, strlen(text));
	return copy;
}
