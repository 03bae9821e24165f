#include "proto/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proto/msg.h"

/* Results of log_str() that one call of log_info() can use at once. */
#define STR_BUFFERS 8

/* Three bytes, and one cell on a terminal. */
#define ELLIPSIS     "…"
#define ELLIPSIS_LEN (sizeof(ELLIPSIS) - 1)

/* The longest escape: \u{10ffff}, and a NUL. */
#define ESCAPE_MAX 12

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_CRITICAL] = "critical",
};
#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

static void
to_stderr(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", level_names[level], text);
}

static log_sink current_sink = to_stderr;
static void *current_arg;
static enum log_level current_level = LOG_LEVEL_INFO;

void
log_set_sink(log_sink sink, void *arg)
{
	current_sink = sink == NULL ? to_stderr : sink;
	current_arg = arg;
}

void
log_set_level(enum log_level level)
{
	current_level = level;
}

enum log_level
log_get_level(void)
{
	return current_level;
}

int
log_level_find(const char *name)
{
	for (size_t i = 0; i < LEVELS; i++)
		if (strcmp(level_names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *
log_level_name(enum log_level level)
{
	return (size_t)level < LEVELS ? level_names[level] : "unknown";
}

/* ---- escaping ---- */

/* Continuation bytes after this first byte, or -1. */
static int
utf8_more(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first <= 0xdf)
		return 1;
	if (first >= 0xe0 && first <= 0xef)
		return 2;
	if (first >= 0xf0 && first <= 0xf4)
		return 3;
	return -1;
}

/*
 * Read one character of strict UTF-8 (RFC 3629: no overlong form, no surrogate,
 * nothing above U+10FFFF): its bytes with *ret set, or 0.
 */
static size_t
utf8_decode(const unsigned char *in, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	int more = utf8_more(in[0]);
	uint32_t c;

	if (more == -1 || (size_t)more >= n)
		return 0;
	if (more == 0) {
		*ret = in[0];
		return 1;
	}
	c = in[0] & (0x3fU >> more);
	for (int i = 1; i <= more; i++) {
		if ((in[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (in[i] & 0x3fU);
	}
	if (c < least[more] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 0;
	*ret = c;
	return (size_t)more + 1;
}

/* False for what moves the cursor, hides, or turns the text around. */
static bool
is_visible(uint32_t c)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} hidden[] = {
		{ 0, 0x1f },          /* C0 */
		{ 0x7f, 0x9f },       /* DEL, C1 */
		{ 0x61c, 0x61c },     /* Arabic letter mark */
		{ 0x200b, 0x200f },   /* zero width, direction marks */
		{ 0x2028, 0x202e },   /* separators, embeddings, overrides */
		{ 0x2060, 0x2069 },   /* invisible operators, isolates */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xe0000, 0xe007f }, /* tags */
	};

	if (c >= 0x20 && c < 0x7f)
		return true;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	return true;
}

/*
 * Turn the next character of in into a piece of a log line, at out: the bytes
 * read, and the length of the piece in *piece_len.
 */
static size_t
escape_one(const unsigned char *in, size_t n, char *out, size_t *piece_len)
{
	uint32_t c;
	size_t used = utf8_decode(in, n, &c);

	if (used > 0 && is_visible(c)) {
		memcpy(out, in, used);
		*piece_len = used;
		return used;
	}
	if (used <= 1) /* invalid, C0 or DEL */
		*piece_len = (size_t)snprintf(out, ESCAPE_MAX, "\\x%02x", *in);
	else
		*piece_len = (size_t)snprintf(out, ESCAPE_MAX, "\\u{%x}", c);
	return used == 0 ? 1 : used;
}

/*
 * Escape to dst.  A result of at most whole bytes stays as it is, a longer one
 * is cut to at most cut bytes and an ellipsis.  cut is not above whole, and dst
 * has room for either and a NUL.
 */
static void
escape(char *dst, size_t whole, size_t cut, const char *bytes, size_t n)
{
	const unsigned char *in = (const unsigned char *)bytes;
	char piece[ESCAPE_MAX];
	size_t piece_len, at = 0, keep = 0;

	for (size_t i = 0; i < n;) {
		i += escape_one(in + i, n - i, piece, &piece_len);
		if (at + piece_len > whole) {
			memcpy(dst + keep, ELLIPSIS, ELLIPSIS_LEN);
			dst[keep + ELLIPSIS_LEN] = '\0';
			return;
		}
		memcpy(dst + at, piece, piece_len);
		at += piece_len;
		if (at <= cut)
			keep = at;
	}
	dst[at] = '\0';
}

const char *
log_escape(char *dst, size_t cap, const char *bytes, size_t n)
{
	assert(cap > ELLIPSIS_LEN);
	escape(dst, cap - 1, cap - 1 - ELLIPSIS_LEN, bytes, n);
	return dst;
}

const char *
log_str(const char *bytes, size_t n)
{
	static char buffers[STR_BUFFERS][LOG_STR_MAX + ELLIPSIS_LEN + 1];
	static unsigned int next;
	char *dst = buffers[next++ % STR_BUFFERS];

	escape(dst, LOG_STR_MAX, LOG_STR_MAX, bytes, n);
	return dst;
}

/* ---- records ---- */

/*
 * Every record is escaped on its way out.  That changes nothing in one that was
 * escaped before, and keeps it one line wherever its text came from.
 */
void
log_record(enum log_level level, const char *text)
{
	char line[MSG_LOG_MAX];

	if (level < current_level || (size_t)level >= LEVELS)
		return;
	log_escape(line, sizeof(line), text, strlen(text));
	current_sink(current_arg, level, line);
}

static void __attribute__((format(printf, 2, 0)))
log_format(enum log_level level, const char *format, va_list ap)
{
	/* One byte more than a record has room for, so that a cut shows. */
	char text[MSG_LOG_MAX + 1];

	if (level < current_level)
		return;
	(void)vsnprintf(text, sizeof(text), format, ap);
	log_record(level, text);
}

#define LOG_FUNCTION(name, level)                                              \
	void name(const char *format, ...)                                     \
	{                                                                      \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, format);                                          \
		log_format(level, format, ap);                                 \
		va_end(ap);                                                    \
	}

LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_critical, LOG_LEVEL_CRITICAL)
