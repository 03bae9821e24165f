/*
 * json.h: a strict JSON scanner that validates a text in one pass, records
 * where the members lie that the caller knows, and builds nothing.
 *
 * Accepted is what RFC 8259 allows in UTF-8 without a byte order mark, and of
 * that only texts without "\u0000" in an object's key and without lone
 * surrogate escapes in keys that are compared.  Everything accepted passes on
 * byte for byte: big integers, key order and unknown members survive.
 */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A piece of a text, borrowed from it; at is NULL when there is none. */
struct json_span {
	const char *at;
	size_t len;
};

enum json_kind {
	JSON_NONE, /* an absent span */
	JSON_NULL,
	JSON_BOOLEAN,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/*
 * A member to look for: key inside the object that field number parent
 * names, or inside the outermost object (JSON_ROOT).  A table begins with the
 * members of the outermost object; children of one parent stand together
 * behind it, and the parent tells the number of the first (JSON_PARENT).
 */
#define JSON_ROOT 0xff
struct json_field {
	const char *key;
	uint8_t key_len;
	uint8_t parent;
	uint8_t first_child; /* or 0: it has none */
};
#define JSON_PARENT(key, parent, first_child)                                  \
	{                                                                      \
		key, sizeof(key) - 1, parent, first_child                      \
	}
#define JSON_FIELD(key, parent) JSON_PARENT(key, parent, 0)

/* At most this many fields in one table. */
#define JSON_FIELDS_MAX 48

/*
 * Nesting deeper than this is refused: real tool schemas nest a few dozen
 * levels, and json-c frees recursively.
 */
#define JSON_DEPTH_MAX 128

struct json_scan {
	bool newline;      /* a raw CR or LF between tokens */
	size_t nodes;      /* values in the text */
	size_t error_at;   /* on failure: offset of the first wrong byte */
	const char *error; /* on failure: what is wrong, a static text */
};

/*
 * Validate text[0..len) and set spans[i] to the value of fields[i] (absent ones
 * to {NULL, 0}).  A string's span includes its quotes.  fields may be NULL with
 * n 0.  Keys are compared after decoding their escapes; the same listed key
 * twice in one object is an error ("duplicate key").  Returns 0, or -1 with
 * *scan telling where and why (spans are then unspecified).
 */
int json_scan(const char *text, size_t len, const struct json_field *fields,
    size_t n, struct json_span *spans, struct json_scan *scan);

/* The rest of this header works on spans of a text that json_scan accepted. */

/* What a value is, which its first byte tells. */
static inline enum json_kind
json_kind(struct json_span value)
{
	if (value.at == NULL)
		return JSON_NONE;
	switch (*value.at) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOLEAN;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

/* Walk the members of an object or the elements of an array. */
struct json_iter {
	const char *at;
	const char *end;
};
/* value is an object or an array (asserted). */
void json_iter_init(struct json_iter *it, struct json_span value);
/* False at the end.  key keeps its quotes. */
bool json_iter_member(
    struct json_iter *it, struct json_span *key, struct json_span *value);
bool json_iter_element(struct json_iter *it, struct json_span *value);

/* The value of the first member with this key, or an absent span. */
struct json_span json_get(struct json_span object, const char *key);

/*
 * Decode a string's escapes into dst[0..cap), add a NUL, and return its length
 * in bytes.  -1 with errno EINVAL (not a string, or a lone surrogate escape),
 * or ENOSPC.  The result may hold NUL bytes if the text had \u0000.
 */
ssize_t json_string_decode(struct json_span string, char *dst, size_t cap);

/* True when value is a string that means exactly this text. */
bool json_string_is(struct json_span value, const char *text);

/* Same type and same meaning for two strings, else the same bytes. */
bool json_scalar_equal(struct json_span a, struct json_span b);

/*
 * Read an integer written without fraction and exponent.  0, or -1 with errno
 * EINVAL (not such a number) or ERANGE.
 */
int json_integer(struct json_span value, int64_t *ret);

struct buf;
/*
 * Append s[0..n) as a JSON string with its quotes; bytes that are not UTF-8
 * become U+FFFD.  0, or -1 with errno ENOMEM.
 */
int json_add_string(struct buf *b, const char *s, size_t n);

/* Turn raw CR and LF into spaces, in place: for texts with scan.newline. */
void json_flatten(char *text, size_t len);

#endif
