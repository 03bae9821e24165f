/* json_value.c: reading the values of a scanned text, and writing strings. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "proto/buf.h"
#include "proto/json.h"
#include "proto/json_utf8.h"

/* Bytes of the longest escape that json_add_string() writes, "\u001f". */
#define ESCAPE_MAX 6

static inline bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *
skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

/* Behind the string that begins at. */
static const char *
string_end(const char *at, const char *end)
{
	at++;
	for (;;) {
#ifdef __SSE2__
		while (end - at >= 16) {
			__m128i bytes =
			    _mm_loadu_si128((const __m128i *)(const void *)at);
			int hits = _mm_movemask_epi8(_mm_or_si128(
			    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
			    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));

			if (hits != 0) {
				at += __builtin_ctz((unsigned int)hits);
				break;
			}
			at += 16;
		}
#endif
		while (at < end && *at != '"' && *at != '\\')
			at++;
		if (at >= end)
			return end;
		if (*at == '"')
			return at + 1;
		at += 2; /* the backslash and what it protects */
	}
}

/* Behind the object or array that begins at. */
static const char *
container_end(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		char c = *at;

		if (c == '"') {
			at = string_end(at, end);
			continue;
		}
		at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			break;
	}
	return at;
}

/* Behind the value that begins at. */
static const char *
value_end(const char *at, const char *end)
{
	if (*at == '"')
		return string_end(at, end);
	if (*at == '{' || *at == '[')
		return container_end(at, end);
	while (at < end && *at != ',' && *at != '}' && *at != ']' &&
	    !is_space(*at))
		at++;
	return at;
}

void
json_iter_init(struct json_iter *it, struct json_span value)
{
	enum json_kind type = json_kind(value);

	assert(type == JSON_OBJECT || type == JSON_ARRAY);
	assert(value.len >= 2);
	it->end = value.at + value.len - 1;
	it->at = skip_space(value.at + 1, it->end);
}

bool
json_iter_element(struct json_iter *it, struct json_span *value)
{
	const char *begin = it->at, *at;

	if (begin >= it->end)
		return false;
	at = value_end(begin, it->end);
	*value = (struct json_span){ begin, (size_t)(at - begin) };
	at = skip_space(at, it->end);
	if (at < it->end) /* a comma */
		at = skip_space(at + 1, it->end);
	it->at = at;
	return true;
}

bool
json_iter_member(
    struct json_iter *it, struct json_span *key, struct json_span *value)
{
	const char *begin = it->at, *at;

	if (begin >= it->end)
		return false;
	assert(*begin == '"');
	at = string_end(begin, it->end);
	*key = (struct json_span){ begin, (size_t)(at - begin) };
	at = skip_space(at, it->end);
	assert(at < it->end && *at == ':');
	it->at = skip_space(at + 1, it->end);
	return json_iter_element(it, value);
}

struct json_span
json_get(struct json_span object, const char *key)
{
	struct json_span name, value;
	struct json_iter it;

	if (json_kind(object) == JSON_OBJECT) {
		json_iter_init(&it, object);
		while (json_iter_member(&it, &name, &value))
			if (json_string_is(name, key))
				return value;
	}
	return (struct json_span){ NULL, 0 };
}

static unsigned int
hex_digit(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* The value of the four digits at. */
static unsigned int
hex_unit(const char *at)
{
	return hex_digit(at[0]) << 12 | hex_digit(at[1]) << 8 |
	    hex_digit(at[2]) << 4 | hex_digit(at[3]);
}

static inline bool
is_surrogate(unsigned int code)
{
	return code >= 0xd800 && code <= 0xdfff;
}

/*
 * The code point that the escape at *at means, which is left behind it: a lone
 * surrogate stands for itself.
 */
static unsigned int
escape_code(const char **at, const char *end)
{
	unsigned int unit, low;
	char c = (*at)[1];

	*at += 2;
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'u':
		break;
	default:
		return (unsigned char)c; /* itself */
	}
	unit = hex_unit(*at);
	*at += 4;
	if (unit < 0xd800 || unit > 0xdbff || end - *at < 6 ||
	    memcmp(*at, "\\u", 2) != 0)
		return unit;
	low = hex_unit(*at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return unit;
	*at += 6;
	return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* Write a code point, lone surrogates like any other; the length, 1 to 4. */
static size_t
encode_utf8(unsigned int code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/*
 * A piece of what a string means: one escape, decoded, or the text up to the
 * next escape.  One piece of one string may be several of an equal one.
 */
struct piece {
	const char *at;
	size_t len;
	bool lone;
	char decoded[4];
};

/* The next piece of [*at, end), which lies between the quotes; false at the
 * end. */
static bool
next_piece(struct piece *piece, const char **at, const char *end)
{
	const char *begin = *at, *stop;
	unsigned int code;

	if (begin == end)
		return false;
	piece->lone = false;
	if (*begin == '\\') {
		code = escape_code(at, end);
		piece->lone = is_surrogate(code);
		piece->len = encode_utf8(code, piece->decoded);
		piece->at = piece->decoded;
		return true;
	}
	stop = memchr(begin, '\\', (size_t)(end - begin));
	*at = stop != NULL ? stop : end;
	piece->at = begin;
	piece->len = (size_t)(*at - begin);
	return true;
}

ssize_t
json_string_decode(struct json_span string, char *dst, size_t cap)
{
	const char *at, *end;
	struct piece piece;
	size_t len = 0;

	if (json_kind(string) != JSON_STRING) {
		errno = EINVAL;
		return -1;
	}
	at = string.at + 1;
	end = string.at + string.len - 1;
	while (next_piece(&piece, &at, end)) {
		if (piece.lone) {
			errno = EINVAL;
			return -1;
		}
		if (len >= cap || piece.len >= cap - len) {
			errno = ENOSPC;
			return -1;
		}
		memcpy(dst + len, piece.at, piece.len);
		len += piece.len;
	}
	if (len >= cap) { /* an empty string, and no room for its NUL */
		errno = ENOSPC;
		return -1;
	}
	dst[len] = '\0';
	return (ssize_t)len;
}

bool
json_string_is(struct json_span value, const char *text)
{
	size_t left = strlen(text);
	const char *at, *end;
	struct piece piece;

	if (json_kind(value) != JSON_STRING)
		return false;
	at = value.at + 1;
	end = value.at + value.len - 1;
	while (next_piece(&piece, &at, end)) {
		if (piece.len > left || memcmp(piece.at, text, piece.len) != 0)
			return false;
		text += piece.len;
		left -= piece.len;
	}
	return left == 0;
}

/* Two strings of which one at least has escapes. */
static bool
strings_equal(struct json_span a, struct json_span b)
{
	const char *at_a = a.at + 1, *end_a = a.at + a.len - 1;
	const char *at_b = b.at + 1, *end_b = b.at + b.len - 1;
	struct piece piece_a = { .len = 0 }, piece_b = { .len = 0 };

	for (;;) {
		size_t n;

		if (piece_a.len == 0 && !next_piece(&piece_a, &at_a, end_a))
			return piece_b.len == 0 && at_b == end_b;
		if (piece_b.len == 0 && !next_piece(&piece_b, &at_b, end_b))
			return false;
		n = piece_a.len < piece_b.len ? piece_a.len : piece_b.len;
		if (memcmp(piece_a.at, piece_b.at, n) != 0)
			return false;
		piece_a.at += n;
		piece_a.len -= n;
		piece_b.at += n;
		piece_b.len -= n;
	}
}

bool
json_scalar_equal(struct json_span a, struct json_span b)
{
	if (json_kind(a) != json_kind(b))
		return false;
	if (a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0))
		return true;
	if (json_kind(a) != JSON_STRING)
		return false;
	if (memchr(a.at, '\\', a.len) == NULL &&
	    memchr(b.at, '\\', b.len) == NULL)
		return false;
	return strings_equal(a, b);
}

/* Digits of INT64_MAX. */
#define INTEGER_DIGITS 19

int
json_integer(struct json_span value, int64_t *ret)
{
	const char *at, *end;
	uint64_t number = 0, max = INT64_MAX;
	unsigned int digit;
	size_t digits;
	bool minus;

	if (json_kind(value) != JSON_NUMBER) {
		errno = EINVAL;
		return -1;
	}
	minus = *value.at == '-';
	end = value.at + value.len;
	for (at = value.at + minus; at < end; at++) {
		digit = (unsigned int)*at - '0';
		if (digit > 9) {
			errno = EINVAL;
			return -1;
		}
		number = number * 10 + digit;
	}
	/* It has not wrapped: there are no leading zeros, and 10^19 < 2^64. */
	digits = value.len - minus;
	if (digits > INTEGER_DIGITS || number > max + minus) {
		errno = ERANGE;
		return -1;
	}
	*ret = (int64_t)(minus ? 0 - number : number);
	return 0;
}

/* Write the escape of a quote, backslash or control character. */
static size_t
escape_byte(char c, char *out)
{
	static const char names[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	static const char digits[] = "0123456789abcdef";
	const char *name = memchr(names, c, sizeof(names) - 1);

	out[0] = '\\';
	if (name != NULL) {
		out[1] = letters[name - names];
		return 2;
	}
	memcpy(out + 1, "u00", 3);
	out[4] = digits[(unsigned char)c >> 4];
	out[5] = digits[c & 0xf];
	return ESCAPE_MAX;
}

/*
 * Write the character at *at, which is left behind it, as it stands in a JSON
 * string; the length, 1 to ESCAPE_MAX.
 */
static size_t
escape_character(const char **at, const char *end, char *out)
{
	const char *begin = *at;
	size_t n;

	if ((unsigned char)*begin < 0x80) {
		*at += 1;
		if ((unsigned char)*begin < 0x20 || *begin == '"' ||
		    *begin == '\\')
			return escape_byte(*begin, out);
		*out = *begin;
		return 1;
	}
	n = json_utf8_length(begin, (size_t)(end - begin));
	if (n == 0) {
		*at += 1;
		return encode_utf8(0xfffd, out);
	}
	*at += n;
	memcpy(out, begin, n);
	return n;
}

int
json_add_string(struct buf *b, const char *s, size_t n)
{
	char scratch[ESCAPE_MAX], *out;
	const char *at = s, *end = s + n;
	size_t len = 2;

	while (at < end)
		len += escape_character(&at, end, scratch);
	if ((out = buf_reserve(b, len)) == NULL)
		return -1;
	*out++ = '"';
	for (at = s; at < end;)
		out += escape_character(&at, end, out);
	*out = '"';
	buf_commit(b, len);
	return 0;
}

void
json_flatten(char *text, size_t len)
{
	char *end = text + len;

#ifdef __SSE2__
	for (; end - text >= 16; text += 16) {
		__m128i *at = (__m128i *)(void *)text;
		__m128i bytes = _mm_loadu_si128(at);
		__m128i hits =
		    _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')),
			_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')));

		bytes = _mm_or_si128(_mm_andnot_si128(hits, bytes),
		    _mm_and_si128(hits, _mm_set1_epi8(' ')));
		_mm_storeu_si128(at, bytes);
	}
#endif
	for (; text < end; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}
