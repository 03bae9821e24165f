/* summary.c: what the console shows once the gateway has started. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "summary.h"

#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define OFF    "\033[0m"

/* Columns of a row that are not the name or the reason. */
#define STATE_WIDTH 8
#define TOOLS_WIDTH 6

/* On a narrow terminal a reason is wrapped by it rather than cut to nothing. */
#define REASON_MIN 20

struct page {
	struct buf *out;
	bool colour;
	unsigned int width;
	unsigned int name_width;
	bool failed;
};

static const char *
paint(const struct page *page, const char *code)
{
	return page->colour ? code : "";
}

/* Characters, not bytes: names may be in any language. */
static unsigned int
columns(const char *text)
{
	unsigned int n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first n characters. */
static size_t
bytes_of(const char *text, unsigned int n)
{
	const char *p = text;

	for (; *p != '\0'; p++) {
		if ((*p & 0xc0) != 0x80 && n-- == 0)
			break;
	}
	return (size_t)(p - text);
}

static void __attribute__((format(printf, 2, 3)))
put(struct page *page, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || buf_add_text(page->out, text) == -1)
		page->failed = true;
}

static const char *
state_text(const struct summary_row *row)
{
	if (row->disabled)
		return "disabled";
	switch (row->state) {
	case BACKEND_DOWN:
	case BACKEND_STOPPING:
	case BACKEND_FAILED:
	case BACKEND_READY:
		return backend_state_name(row->state);
	case BACKEND_STARTING:
	case BACKEND_SETUP:
		return "starting";
	case BACKEND_BACKOFF:
		return "retrying";
	}
	return "";
}

static const char *
state_colour(const struct summary_row *row)
{
	if (row->disabled)
		return DIM;
	switch (row->state) {
	case BACKEND_READY:
		return GREEN;
	case BACKEND_FAILED:
	case BACKEND_BACKOFF:
		return RED;
	case BACKEND_DOWN:
	case BACKEND_STARTING:
	case BACKEND_SETUP:
	case BACKEND_STOPPING:
		return YELLOW;
	}
	return "";
}

static void
put_reason(struct page *page, const char *reason)
{
	unsigned int used =
	    2 + page->name_width + 2 + STATE_WIDTH + 2 + TOOLS_WIDTH + 2;
	unsigned int room;

	if (reason == NULL)
		return;
	room = columns(reason);
	if (page->width > used && page->width - used < room)
		room = page->width - used;
	if (room < REASON_MIN || room == columns(reason))
		put(page, "  %s", reason);
	else
		put(page, "  %.*s…", (int)bytes_of(reason, room - 1), reason);
}

static void
put_row(struct page *page, const struct summary_row *row)
{
	char tools[16] = "-";

	if (row->state == BACKEND_READY)
		(void)snprintf(tools, sizeof(tools), "%u", row->tools);
	put(page, "  %s%*s  %s%-*s%s  %*s", row->name,
	    (int)(page->name_width - columns(row->name)), "",
	    paint(page, state_colour(row)), STATE_WIDTH, state_text(row),
	    paint(page, OFF), TOOLS_WIDTH, tools);
	if (row->state != BACKEND_READY && !row->disabled)
		put_reason(page, row->reason);
	put(page, "\n");
}

static void
put_table(struct page *page, const struct summary *s)
{
	if (s->count == 0) {
		put(page, "  no backends are configured\n\n");
		return;
	}
	put(page, "  %s%-*s  %-*s  %*s%s\n", paint(page, DIM),
	    (int)page->name_width, "backend", STATE_WIDTH, "state", TOOLS_WIDTH,
	    "tools", paint(page, OFF));
	for (size_t i = 0; i < s->count; i++)
		put_row(page, &s->rows[i]);
	put(page, "\n");
}

/* Tests and scripts wait for this line: nothing stands before "ready: ". */
static void
put_ready(struct page *page, const struct summary *s)
{
	unsigned int ready = 0, wanted = 0, tools = 0;

	for (size_t i = 0; i < s->count; i++) {
		wanted += !s->rows[i].disabled;
		if (s->rows[i].state != BACKEND_READY)
			continue;
		ready++;
		tools += s->rows[i].tools;
	}
	put(page, "ready: %s%u of %u backend%s, %u tool%s%s\n",
	    paint(page, ready == wanted ? GREEN : YELLOW), ready, wanted,
	    wanted == 1 ? "" : "s", tools, tools == 1 ? "" : "s",
	    paint(page, OFF));
}

static void
put_fact(struct page *page, const char *what, const char *value)
{
	put(page, "  %s%-13s%s  %s\n", paint(page, DIM), what, paint(page, OFF),
	    value);
}

int
summary_render(
    struct buf *out, const struct summary *s, bool colour, unsigned int width)
{
	struct page page = { .out = out,
		.colour = colour,
		.width = width,
		.name_width = sizeof("backend") - 1 };

	for (size_t i = 0; i < s->count; i++) {
		if (columns(s->rows[i].name) > page.name_width)
			page.name_width = columns(s->rows[i].name);
	}
	put(&page, "\n%sMCP Gateway %s%s\n", paint(&page, BOLD), s->version,
	    paint(&page, OFF));
	for (size_t i = 0; s->urls[i] != NULL; i++)
		put_fact(&page, i == 0 ? "address" : "", s->urls[i]);
	put_fact(&page, "configuration", s->config);
	put_fact(&page, "log file", s->log);
	put(&page, "\n");
	put_table(&page, s);
	put_ready(&page, s);
	return page.failed ? -1 : 0;
}
