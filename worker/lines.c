/* lines.c: a byte stream cut at its newlines, with a greatest length. */
#include <string.h>

#include "lines.h"

void
lines_init(struct lines *lines, size_t max)
{
	memset(lines, 0, sizeof(*lines));
	lines->max = max;
}

void
lines_free(struct lines *lines)
{
	buf_free(&lines->buf);
	lines_init(lines, lines->max);
}

static void
release(struct lines *lines)
{
	if (lines->taken == 0)
		return;
	buf_consume(&lines->buf, lines->taken);
	lines->taken = 0;
	if (buf_len(&lines->buf) == 0)
		buf_trim(&lines->buf, LINES_KEEP);
}

char *
lines_reserve(struct lines *lines, size_t n)
{
	release(lines);
	return buf_reserve(&lines->buf, n);
}

void
lines_commit(struct lines *lines, size_t n)
{
	buf_commit(&lines->buf, n);
}

/* Keep the last bytes of what is skipped. */
static void
keep_tail(struct lines *lines, const char *text, size_t len)
{
	size_t keep;

	if (len > LINES_TAIL) {
		text += len - LINES_TAIL;
		len = LINES_TAIL;
	}
	keep = lines->tail_len;
	if (keep > LINES_TAIL - len)
		keep = LINES_TAIL - len;
	memmove(lines->tail, lines->tail + lines->tail_len - keep, keep);
	memcpy(lines->tail + keep, text, len);
	lines->tail_len = keep + len;
}

/* Inside a line that is too long: forget bytes up to its newline. */
static enum lines_found
skip(struct lines *lines, char **text, size_t *len)
{
	char *data = buf_data(&lines->buf);
	size_t n = buf_len(&lines->buf);
	const char *end;

	if (n == 0)
		return LINES_NONE;
	end = memchr(data, '\n', n);
	if (end == NULL) {
		keep_tail(lines, data, n);
		lines->taken = n;
		release(lines);
		return LINES_NONE;
	}
	n = (size_t)(end - data);
	keep_tail(lines, data, n);
	lines->taken = n + 1;
	lines->skipping = false;
	*text = lines->tail;
	*len = lines->tail_len;
	return LINES_SKIPPED;
}

/* The first n bytes are a line, or a part of one, that is too long. */
static enum lines_found
begin_skip(struct lines *lines, char **text, size_t *len, size_t n)
{
	lines->skipping = true;
	lines->searched = 0;
	lines->taken = n;
	lines->tail_len = 0;
	*text = buf_data(&lines->buf);
	*len = n;
	keep_tail(lines, *text, n);
	return LINES_TOO_LONG;
}

enum lines_found
lines_next(struct lines *lines, char **text, size_t *len)
{
	const char *end;
	char *data;
	size_t n;

	release(lines);
	if (lines->skipping)
		return skip(lines, text, len);
	n = buf_len(&lines->buf);
	if (n == lines->searched)
		return LINES_NONE;
	data = buf_data(&lines->buf);
	end = memchr(data + lines->searched, '\n', n - lines->searched);
	if (end != NULL)
		n = (size_t)(end - data);
	if (n > lines->max)
		return begin_skip(lines, text, len, n);
	if (end == NULL) {
		lines->searched = n;
		return LINES_NONE;
	}
	lines->searched = 0;
	lines->taken = n + 1;
	if (n > 0 && data[n - 1] == '\r')
		n--;
	*text = data;
	*len = n;
	return LINES_LINE;
}

size_t
lines_rest(const struct lines *lines)
{
	return buf_len(&lines->buf) - lines->taken;
}
