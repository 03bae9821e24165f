/* json_scan.c: the validating scanner of json.h: one pass, no recursion. */
#include <assert.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "proto/json.h"
#include "proto/json_utf8.h"

/* The parent number of an object whose members are not looked for. */
#define PARENT_NONE 0xfe

/* What a string held beyond plain text. */
#define STRING_ESCAPED 1U
#define STRING_NUL     2U /* \u0000 */
#define STRING_LONE    4U /* half of a surrogate pair */

/* An open object or array; the first level stands for the text itself. */
struct level {
	const struct json_field *members; /* of it, or fields_end */
	struct json_span *span;           /* of the field that it is, or NULL */
	uint8_t parent;                   /* in its members */
	char close;                       /* the byte that ends it */
};

struct scanner {
	const char *text;
	const char *end;
	const struct json_field *fields;
	const struct json_field *fields_end;
	struct json_span *spans;
	struct json_scan *scan;
};

/* Note what is wrong at this byte.  Always NULL, for the caller to return. */
__attribute__((noinline, cold)) static const char *
fail(struct scanner *s, const char *at, const char *why)
{
	s->scan->error_at = (size_t)(at - s->text);
	s->scan->error = at == s->end ? "unexpected end" : why;
	return NULL;
}

__attribute__((noinline)) static const char *
skip_spaces(struct scanner *s, const char *at)
{
	for (; at < s->end; at++) {
		if (*at == '\n' || *at == '\r')
			s->scan->newline = true;
		else if (*at != ' ' && *at != '\t')
			break;
	}
	return at;
}

/* The byte at, or NUL at the end: no token begins with NUL. */
static inline char
peek(const struct scanner *s, const char *at)
{
	return at < s->end ? *at : '\0';
}

/* Step over white space; the byte behind it, or NUL at the end. */
static inline char
next_token(struct scanner *s, const char **at)
{
	char c = peek(s, *at);

	if ((unsigned char)c > ' ')
		return c;
	*at = skip_spaces(s, *at);
	return peek(s, *at);
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

#ifdef __SSE2__
#define BLOCK 16
/* From here on a string may be long, and four blocks at a time pay. */
#define LONG_TEXT 512

/*
 * 16 bytes whose sign bits tell which of those at are '"', '\\', below 0x20 or
 * above 0x7f.
 */
static inline __m128i
find_special(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	/* Signed and saturating, only the sign bit counts: bytes from 0x80 are
	 * negative and stay so, those below 0x20 become so. */
	__m128i hit = _mm_subs_epi8(bytes, _mm_set1_epi8(0x20));

	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
	return _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
}

/* The same as one bit for each byte. */
static inline unsigned int
special_bytes(const char *at)
{
	return (unsigned int)_mm_movemask_epi8(find_special(at));
}

/* Over four blocks at a time as long as nothing in them is special. */
static inline const char *
skip_plain_blocks(const char *at, const char *end)
{
	__m128i first, second;

	for (; end - at >= 4 * BLOCK; at += 4 * BLOCK) {
		first =
		    _mm_or_si128(find_special(at), find_special(at + BLOCK));
		second = _mm_or_si128(
		    find_special(at + 2 * BLOCK), find_special(at + 3 * BLOCK));
		if (_mm_movemask_epi8(_mm_or_si128(first, second)) != 0)
			break;
	}
	return at;
}
#endif

static inline const char *
skip_plain_bytes(const char *at, const char *end)
{
	while (at < end && *at != '"' && *at != '\\' &&
	    (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80)
		at++;
	return at;
}

/* The first byte of a string's text that needs a closer look, or the end. */
static inline const char *
skip_plain(const struct scanner *s, const char *at)
{
#ifdef __SSE2__
	unsigned int hits;

	if (s->end - at >= LONG_TEXT)
		at = skip_plain_blocks(at, s->end);
	while (s->end - at >= BLOCK) {
		if ((hits = special_bytes(at)) != 0)
			return at + __builtin_ctz(hits);
		at += BLOCK;
	}
	if (s->end - s->text >= BLOCK) {
		/* The last block again, without the bytes before at. */
		hits = special_bytes(s->end - BLOCK) >> (BLOCK - (s->end - at));
		return hits == 0 ? s->end : at + __builtin_ctz(hits);
	}
#endif
	return skip_plain_bytes(at, s->end);
}

/* Behind four hexadecimal digits, with their value in *unit. */
static const char *
scan_hex(struct scanner *s, const char *at, unsigned int *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++, at++) {
		char lower = at < s->end ? (char)(*at | 0x20) : '\0';

		if (lower >= 'a' && lower <= 'f')
			*unit = *unit << 4 | (unsigned int)(lower - 'a' + 10);
		else if (at < s->end && is_digit(*at))
			*unit = *unit << 4 | (unsigned int)(*at - '0');
		else
			return fail(s, at, "not a hexadecimal digit");
	}
	return at;
}

/* Behind "\uXXXX" or a pair of them; at is behind the u. */
static const char *
scan_unicode(struct scanner *s, const char *at, unsigned int *kind)
{
	unsigned int unit, low;

	if ((at = scan_hex(s, at, &unit)) == NULL)
		return NULL;
	if (unit == 0)
		*kind |= STRING_NUL;
	if (unit < 0xd800 || unit > 0xdfff)
		return at;
	if (unit > 0xdbff || s->end - at < 2 || memcmp(at, "\\u", 2) != 0) {
		*kind |= STRING_LONE;
		return at;
	}
	const char *next = scan_hex(s, at + 2, &low);
	if (next == NULL)
		return NULL;
	if (low >= 0xdc00 && low <= 0xdfff)
		return next;
	*kind |= STRING_LONE;
	return at; /* the second escape is read for itself */
}

/* Behind the escape whose backslash is at. */
static const char *
scan_escape(struct scanner *s, const char *at, unsigned int *kind)
{
	*kind |= STRING_ESCAPED;
	if (++at == s->end)
		return fail(s, at, "");
	switch (*at) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return at + 1;
	case 'u':
		return scan_unicode(s, at + 1, kind);
	default:
		return fail(s, at, "unknown escape");
	}
}

/* Behind a run of bytes above 0x7f, the first of which is at. */
static const char *
scan_utf8(struct scanner *s, const char *at)
{
	do {
		size_t n = json_utf8_length(at, (size_t)(s->end - at));

		if (n == 0)
			return fail(s, at, "not UTF-8");
		at += n;
	} while (at < s->end && (unsigned char)*at >= 0x80);
	return at;
}

/*
 * Behind the string whose text begins at, which is behind its quote; adds what
 * was met to *kind.
 */
__attribute__((noinline)) static const char *
scan_string_slowly(struct scanner *s, const char *at, unsigned int *kind)
{
	while (at != NULL) {
		at = skip_plain(s, at);
		if (at == s->end)
			return fail(s, at, "");
		if (*at == '"')
			return at + 1;
		if (*at == '\\')
			at = scan_escape(s, at, kind);
		else if ((unsigned char)*at >= 0x80)
			at = scan_utf8(s, at);
		else
			return fail(s, at, "control character in a string");
	}
	return NULL;
}

/* The same, without a call for a short string of plain text. */
static inline const char *
scan_string(struct scanner *s, const char *at, unsigned int *kind)
{
#ifdef __SSE2__
	if (s->end - at >= BLOCK) {
		unsigned int hits = special_bytes(at);

		if (hits == 0)
			return scan_string_slowly(s, at + BLOCK, kind);
		at += __builtin_ctz(hits);
		if (*at == '"')
			return at + 1;
	}
#endif
	return scan_string_slowly(s, at, kind);
}

/* Behind one or more digits. */
static inline const char *
scan_digits(struct scanner *s, const char *at)
{
	if (at == s->end || !is_digit(*at))
		return fail(s, at, "not a digit");
	while (++at < s->end && is_digit(*at))
		continue;
	return at;
}

static const char *
scan_number(struct scanner *s, const char *at)
{
	if (*at == '-')
		at++;
	if (at < s->end && *at == '0')
		at++;
	else if ((at = scan_digits(s, at)) == NULL)
		return NULL;
	if (at < s->end && *at == '.' && (at = scan_digits(s, at + 1)) == NULL)
		return NULL;
	if (at < s->end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < s->end && (*at == '+' || *at == '-'))
			at++;
		at = scan_digits(s, at);
	}
	return at;
}

static const char *
scan_literal(struct scanner *s, const char *at, const char *word)
{
	for (; *word != '\0'; word++, at++)
		if (at == s->end || *at != *word)
			return fail(s, at, "unknown literal");
	return at;
}

/* Behind the number or literal that begins at, with c. */
static inline const char *
scan_word(struct scanner *s, const char *at, char c)
{
	switch (c) {
	case 't':
		return scan_literal(s, at, "true");
	case 'f':
		return scan_literal(s, at, "false");
	case 'n':
		return scan_literal(s, at, "null");
	default:
		if (c != '-' && !is_digit(c))
			return fail(s, at, "not a value");
		return scan_number(s, at);
	}
}

/* Whether two short texts of n bytes are equal, without a call. */
static inline bool
same_key(const char *a, const char *b, size_t n)
{
	uint32_t head_a, head_b, tail_a, tail_b;

	if (n < sizeof(head_a) || n > 2 * sizeof(head_a)) {
		while (n > 0 && a[n - 1] == b[n - 1])
			n--;
		return n == 0;
	}
	memcpy(&head_a, a, sizeof(head_a));
	memcpy(&head_b, b, sizeof(head_b));
	memcpy(&tail_a, a + n - sizeof(tail_a), sizeof(tail_a));
	memcpy(&tail_b, b + n - sizeof(tail_b), sizeof(tail_b));
	return head_a == head_b && tail_a == tail_b;
}

/* The span of the field that a member of this object is, or NULL. */
static inline struct json_span *
find_span(const struct scanner *s, const struct level *object, const char *key,
    size_t len)
{
	const struct json_field *field = object->members;
	const struct json_field *end = s->fields_end;
	unsigned int parent = object->parent;

	for (; field < end && field->parent == parent; field++)
		if (field->key_len == len && same_key(field->key, key, len))
			return s->spans + (field - s->fields);
	return NULL;
}

/* The same for a key, with its quotes, that has escapes. */
static struct json_span *
find_escaped_span(
    const struct scanner *s, const struct level *object, struct json_span key)
{
	const struct json_field *field = object->members;

	for (; field < s->fields_end && field->parent == object->parent;
	     field++)
		if (json_string_is(key, field->key))
			return s->spans + (field - s->fields);
	return NULL;
}

/*
 * Behind a member's key and colon, with the span of the field that it is or
 * NULL.  at is where the key has to be.
 */
static inline const char *
scan_key(struct scanner *s, const char *at, const struct level *object,
    struct json_span **span)
{
	unsigned int kind = 0;
	struct json_span key;

	if (next_token(s, &at) != '"')
		return fail(s, at, "not a key");
	key.at = at;
	if ((at = scan_string(s, at + 1, &kind)) == NULL)
		return NULL;
	key.len = (size_t)(at - key.at);
	if (kind & STRING_NUL)
		return fail(s, key.at, "\\u0000 in a key");
	if (object->members < s->fields_end) {
		if (kind & STRING_LONE)
			return fail(s, key.at, "lone surrogate in a key");
		*span = kind == 0
		    ? find_span(s, object, key.at + 1, key.len - 2)
		    : find_escaped_span(s, object, key);
		if (*span != NULL && (*span)->at != NULL)
			return fail(s, key.at, "duplicate key");
	}
	if (next_token(s, &at) != ':')
		return fail(s, at, "not a colon");
	return at + 1;
}

/* The fields that are members of this level's object, if any are. */
static inline void
find_members(const struct scanner *s, struct level *object)
{
	const struct json_field *field;

	if (object->span == NULL) {
		object->parent = JSON_ROOT;
		object->members = s->fields;
		return;
	}
	object->parent = (uint8_t)(object->span - s->spans);
	field = s->fields + object->parent;
	if (field->first_child != 0)
		object->members = s->fields + field->first_child;
}

/* The value of the field with this span, if it is one, ends before at. */
static inline void
end_span(struct json_span *span, const char *at)
{
	if (span != NULL)
		span->len = (size_t)(at - span->at);
}

/* Behind the one value of the text; NULL after fail(). */
static const char *
scan_document(struct scanner *s)
{
	/* Written before it is read: not worth zeroing for each message. */
	__attribute__((uninitialized)) struct level levels[1 + JSON_DEPTH_MAX];
	struct level *top = levels;
	struct json_span *span = NULL;
	const char *at = s->text;
	unsigned int kind;
	size_t nodes = 0;
	char c;

value:
	c = next_token(s, &at);
	nodes++;
	if (span != NULL)
		span->at = at;
	if (c == '{' || c == '[') {
		if (top == levels + JSON_DEPTH_MAX)
			return fail(s, at, "nested too deep");
		top++;
		top->span = span;
		top->members = s->fields_end;
		top->parent = PARENT_NONE;
		top->close = (char)(c + 2); /* of both, in ASCII */
		if (c == '{' && (span != NULL || top == levels + 1))
			find_members(s, top);
		at++;
		if (next_token(s, &at) == top->close)
			goto close;
		goto next;
	}
	at = c == '"' ? scan_string(s, at + 1, &kind) : scan_word(s, at, c);
	if (at == NULL)
		return NULL;
	end_span(span, at);

separator:
	if (top == levels) {
		s->scan->nodes = nodes;
		return at;
	}
	c = next_token(s, &at);
	if (c == ',') {
		at++;
		goto next;
	}
	if (c != top->close)
		return fail(s, at, "not a comma or closing bracket");
close:
	at++;
	end_span(top->span, at);
	top--;
	goto separator;

next:
	span = NULL;
	if (top->close == '}' && (at = scan_key(s, at, top, &span)) == NULL)
		return NULL;
	goto value;
}

int
json_scan(const char *text, size_t len, const struct json_field *fields,
    size_t n, struct json_span *spans, struct json_scan *scan)
{
	struct scanner s;
	const char *at;

	assert(n <= JSON_FIELDS_MAX);
	if (len == 0)
		text = ""; /* an empty buffer may be at NULL */
	s = (struct scanner){ .text = text,
		.end = text + len,
		.fields = fields,
		.fields_end = n > 0 ? fields + n : fields,
		.spans = spans,
		.scan = scan };
	*scan = (struct json_scan){ .newline = false };
	if (n > 0)
		memset(spans, 0, n * sizeof(*spans));
	if ((at = scan_document(&s)) == NULL)
		return -1;
	if (next_token(&s, &at) != '\0' || at != s.end) {
		fail(&s, at, "text after the value");
		return -1;
	}
	return 0;
}
