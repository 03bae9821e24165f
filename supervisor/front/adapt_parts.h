/* adapt_parts.h: what the files of adapt.h share. */
#ifndef FRONT_ADAPT_PARTS_H
#define FRONT_ADAPT_PARTS_H

#include "proto/buf.h"

#include "adapt.h"

/*
 * A text on its way into a buffer.  Changes are made in the order of the text;
 * what lies between them is copied, and nothing before the first one.
 */
struct adapt {
	const struct adapt_rules *rules;
	struct json_span text;
	struct buf *out;
	/* what the message's splice replaces from at on */
	const struct splice_edit *edits;
	size_t edit_count;
	const char *at;     /* copied up to here; NULL: nothing has changed */
	size_t max;         /* bytes that out may have */
	int error;          /* errno of what failed; all else does nothing */
	struct buf scratch; /* a decoded text, now and then */
	struct buf spelled; /* the last URI of adapt_spell() */
};

/* Behind the last byte. */
static inline const char *
adapt_end(struct json_span span)
{
	return span.at + span.len;
}

/* The same as json_string_is(), without a call for most keys. */
static inline bool
adapt_is_key(struct json_span key, const char *name)
{
	return (key.at[1] == *name || key.at[1] == '\\') &&
	    json_string_is(key, name);
}

/* Begin with a value; out is empty. */
void adapt_begin(struct adapt *a, const struct adapt_rules *rules,
    struct json_span text, struct buf *out);

/* What the splice replaces in the value stays replaced. */
void adapt_keep(struct adapt *a, const struct splice *splice);

/* Copy the rest: 1, 0 or -1 as adapt_message() says it. */
int adapt_finish(struct adapt *a);

/* Copy what comes before from, and leave out all until to. */
void adapt_cut(struct adapt *a, const char *from, const char *to);

/* The same with a value. */
void adapt_cut_value(struct adapt *a, struct json_span value);

/* Write len bytes; a text; bytes as a JSON string.  After a cut. */
void adapt_add(struct adapt *a, const char *bytes, size_t len);
void adapt_add_text(struct adapt *a, const char *text);
void adapt_add_string(struct adapt *a, const char *bytes, size_t len);

/* Fail, unless something did before. */
void adapt_fail(struct adapt *a, int error);

/*
 * The value of the last member for each of n keys: that is the one which nearly
 * all JSON libraries take.  Absent ones, and all of what is no object, are
 * {NULL, 0}.
 */
void adapt_collect(struct json_span object, const char *const *keys, size_t n,
    struct json_span *values);

/* One of them. */
struct json_span adapt_get(struct json_span object, const char *key);

/*
 * Leave out a member that was just read from it.  *before is the end of the
 * member before it, or NULL as long as none was there that stays.
 */
void adapt_drop(struct adapt *a, const struct json_iter *it,
    struct json_span key, struct json_span value, const char **before);

/*
 * The JSON string with which the client knows a resource: a new one, valid
 * until the next call, or uri itself, which may be any value.
 */
struct json_span adapt_spell(struct adapt *a, struct json_span uri);

/* Replace a URI by that. */
void adapt_uri(struct adapt *a, struct json_span uri);

/* The URIs of all members of object with this key. */
void adapt_member_uri(
    struct adapt *a, struct json_span object, const char *key);

/* True when content blocks can have something to be changed. */
bool adapt_has_blocks(const struct adapt_rules *rules);

/* One content block, or an array of them. */
void adapt_content(struct adapt *a, struct json_span content);

/*
 * The content of each of an array of messages.  alone: an array of blocks is
 * unknown to the client, so that each gets a message of its own.
 */
void adapt_messages(struct adapt *a, struct json_span messages, bool alone);

/* Write a schema that is one of an object, if this is not. */
void adapt_output_schema(struct adapt *a, struct json_span schema);

#endif
