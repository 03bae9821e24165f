/*
 * jscan.h: find members of a JSON object without building a tree.
 *
 * The scanner walks the text once.  It knows strings, escapes and bracket
 * nesting; it does not check number or literal spelling inside skipped values.
 * A slice points into the caller's text, so nothing is allocated or copied.
 */
#ifndef JSCAN_H
#define JSCAN_H

#include <stddef.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct jslice {
	const char *p; /* NULL when the member is absent */
	size_t n;
};

/* Skip white space. */
static inline const char *
js_ws(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* p is just behind an opening quote: return the position behind the closing
 * quote, or NULL when the string does not end before `end`. */
static inline const char *
js_string_end(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i bslash = _mm_set1_epi8('\\');

	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const void *)p);
		__m128i hit = _mm_or_si128(
		    _mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, bslash));
		unsigned mask = (unsigned)_mm_movemask_epi8(hit);

		if (!mask) {
			p += 16;
			continue;
		}
		p += __builtin_ctz(mask);
		if (*p == '"')
			return p + 1;
		p += 2; /* backslash and the byte it protects */
	}
#endif
	while (p < end) {
		if (*p == '"')
			return p + 1;
		p += (*p == '\\') ? 2 : 1;
	}
	return NULL;
}

/* p is at an opening bracket or brace: return the position behind the one
 * that closes it, or NULL. */
static inline const char *
js_container_end(const char *p, const char *end)
{
	int depth = 0;

	while (p < end) {
		char c = *p++;

		if (c == '"') {
			p = js_string_end(p, end);
			if (!p)
				return NULL;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (--depth == 0)
				return p;
		}
	}
	return NULL;
}

/* Return the position behind the value that begins at p, or NULL. */
static inline const char *
js_value_end(const char *p, const char *end)
{
	const char *start = p;

	if (p >= end)
		return NULL;
	if (*p == '"')
		return js_string_end(p + 1, end);
	if (*p == '{' || *p == '[')
		return js_container_end(p, end);
	while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != ' ' &&
	    *p != '\n' && *p != '\r' && *p != '\t')
		p++;
	return p > start ? p : NULL;
}

/*
 * Read the object text[0..n) and store in out[i] the value of the member named
 * keys[i] (absent members get {NULL, 0}).  Stops early once every key is found
 * when `stop_early` is set.  Returns 0, or -1 when the text is not an object.
 */
static inline int
js_members(const char *text, size_t n, const char *const *keys,
    struct jslice *out, int nkeys, int stop_early)
{
	const char *end = text + n, *p = js_ws(text, end);
	int found = 0;

	for (int i = 0; i < nkeys; i++)
		out[i] = (struct jslice){ NULL, 0 };
	if (p >= end || *p != '{')
		return -1;
	p = js_ws(p + 1, end);
	if (p < end && *p == '}')
		return 0;
	while (p < end) {
		const char *key, *key_end, *val, *val_end;

		if (*p != '"')
			return -1;
		key = p + 1;
		p = js_string_end(key, end);
		if (!p)
			return -1;
		key_end = p - 1;
		p = js_ws(p, end);
		if (p >= end || *p != ':')
			return -1;
		val = js_ws(p + 1, end);
		val_end = js_value_end(val, end);
		if (!val_end)
			return -1;
		for (int i = 0; i < nkeys; i++) {
			size_t len = (size_t)(key_end - key);

			if (!out[i].p && strlen(keys[i]) == len &&
			    !memcmp(keys[i], key, len)) {
				out[i] = (struct jslice){ val,
					(size_t)(val_end - val) };
				found++;
				break;
			}
		}
		if (stop_early && found == nkeys)
			return 0;
		p = js_ws(val_end, end);
		if (p < end && *p == '}')
			return 0;
		if (p >= end || *p != ',')
			return -1;
		p = js_ws(p + 1, end);
	}
	return -1;
}

/* Does the slice hold exactly this text (quotes included for a string)? */
static inline int
js_is(struct jslice s, const char *lit)
{
	return s.p && s.n == strlen(lit) && !memcmp(s.p, lit, s.n);
}

#endif
