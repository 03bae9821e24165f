/*
 * json_text.h: an object of JSON, written member by member.  What it held is
 * wiped from memory on its way: there may be secrets in it.
 */
#ifndef SUPERVISOR_JSON_TEXT_H
#define SUPERVISOR_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"

/* Private to json_text.c; what fails is remembered until it is finished. */
struct json_text {
	struct buf out;
	bool failed;
	bool follows; /* another value came before in this object or array */
};

/* An object that has no members yet. */
void json_text_begin(struct json_text *text);

/* A member of the innermost object; or, with key NULL, an element of the
 * innermost array.  A string NULL is null; what is not UTF-8 becomes U+FFFD. */
void json_text_null(struct json_text *text, const char *key);
void json_text_string(
    struct json_text *text, const char *key, const char *value);
void json_text_number(struct json_text *text, const char *key, int64_t value);
void json_text_boolean(struct json_text *text, const char *key, bool value);
/* list is NULL-terminated; NULL is an empty one. */
void json_text_strings(
    struct json_text *text, const char *key, char *const *list);

/* A member that is an object itself, up to json_text_close(). */
void json_text_open(struct json_text *text, const char *key);
void json_text_close(struct json_text *text);

/* Close the outermost object.  The text is the caller's; NULL with errno
 * ENOMEM, or E2BIG when it is longer than max. */
char *json_text_finish(struct json_text *text, size_t max);

#endif
