/* json_text.c: an object of JSON, written member by member. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "proto/json.h"

/* A byte of a string as "\u0000", and both quotes. */
#define STRING_MAX(len) (6 * (len) + 2)

static void
wipe(struct buf *buf)
{
	if (buf_len(buf) > 0)
		explicit_bzero(buf_data(buf), buf_len(buf));
	buf_free(buf);
}

/* Room for n more bytes: a buffer that grows by itself leaves its old text
 * behind. */
static bool
make_room(struct json_text *text, size_t n)
{
	struct buf bigger = { .mem = NULL };

	if (text->failed)
		return false;
	if (buf_room(&text->out) >= n)
		return true;
	if (buf_reserve(&bigger, 2 * buf_len(&text->out) + n) == NULL ||
	    buf_add(&bigger, buf_data(&text->out), buf_len(&text->out)) == -1) {
		text->failed = true;
		return false;
	}
	wipe(&text->out);
	text->out = bigger;
	return true;
}

static void
put(struct json_text *text, const char *plain)
{
	if (make_room(text, strlen(plain)))
		(void)buf_add(&text->out, plain, strlen(plain));
}

static void
put_string(struct json_text *text, const char *value, size_t len)
{
	if (make_room(text, STRING_MAX(len)) &&
	    json_add_string(&text->out, value, len) == -1)
		text->failed = true;
}

/* What stands before a value. */
static void
begin_value(struct json_text *text, const char *key)
{
	if (text->follows)
		put(text, ",");
	text->follows = true;
	if (key == NULL)
		return;
	put_string(text, key, strlen(key));
	put(text, ":");
}

void
json_text_begin(struct json_text *text)
{
	*text = (struct json_text){ .failed = false };
	put(text, "{");
}

void
json_text_null(struct json_text *text, const char *key)
{
	begin_value(text, key);
	put(text, "null");
}

void
json_text_string(struct json_text *text, const char *key, const char *value)
{
	if (value == NULL) {
		json_text_null(text, key);
		return;
	}
	begin_value(text, key);
	put_string(text, value, strlen(value));
}

void
json_text_number(struct json_text *text, const char *key, int64_t value)
{
	char digits[32];

	(void)snprintf(digits, sizeof(digits), "%" PRId64, value);
	begin_value(text, key);
	put(text, digits);
}

void
json_text_boolean(struct json_text *text, const char *key, bool value)
{
	begin_value(text, key);
	put(text, value ? "true" : "false");
}

void
json_text_strings(struct json_text *text, const char *key, char *const *list)
{
	begin_value(text, key);
	put(text, "[");
	text->follows = false;
	for (; list != NULL && *list != NULL; list++)
		json_text_string(text, NULL, *list);
	put(text, "]");
	text->follows = true;
}

void
json_text_open(struct json_text *text, const char *key)
{
	begin_value(text, key);
	put(text, "{");
	text->follows = false;
}

void
json_text_close(struct json_text *text)
{
	put(text, "}");
	text->follows = true;
}

char *
json_text_finish(struct json_text *text, size_t max)
{
	char *copy = NULL;
	int error = ENOMEM;
	size_t len;

	json_text_close(text);
	len = buf_len(&text->out);
	if (!text->failed && len > max)
		error = E2BIG;
	else if (!text->failed)
		copy = strndup(buf_data(&text->out), len);
	wipe(&text->out);
	errno = error;
	return copy;
}
