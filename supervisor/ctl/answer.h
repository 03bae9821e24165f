/* answer.h: what a gateway answers. */
#ifndef CTL_ANSWER_H
#define CTL_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "options.h"

struct json_object;
struct page;

/* How long is waited for an answer, unless the user says so: a reload waits for
 * what is new to start. */
#define ANSWER_MS        10000U
#define ANSWER_RELOAD_MS 120000U

/* {"verb":"…"}, to be filled; exits when memory runs out. */
struct json_object *answer_request(const char *verb);

/*
 * Ask the gateway; request is taken.  0 with *ret, the caller's, which says
 * "ok": true; or the exit status, and why was printed.
 */
int answer_ask(struct json_object **ret, const struct options *opt,
    struct json_object *request, unsigned int timeout_ms);

/*
 * The same for what the front is asked: *report, which is answer's, is what it
 * said.
 */
int answer_ask_front(struct json_object **answer, struct json_object **report,
    const struct options *opt, struct json_object *request);

/* A member of an object; NULL where it is not there, or null, or this is no
 * object. */
struct json_object *answer_get(struct json_object *object, const char *key);

/* A string; NULL where it is none.  Bytes behind a NUL are lost. */
const char *answer_text(struct json_object *object, const char *key);

/* A number; fallback where it is none. */
int64_t answer_number(
    struct json_object *object, const char *key, int64_t fallback);

/* An array, and its length; NULL and 0 where it is none. */
struct json_object *answer_list(
    struct json_object *object, const char *key, size_t *count);

/* Put len bytes of JSON text, so that a terminal finds nothing in it to obey;
 * it means the same. */
void answer_put(struct page *page, const char *json, size_t len);

/* Print it as JSON that a terminal can be given, with a line feed.  0, or the
 * exit status. */
int answer_print(struct json_object *object);

#endif
