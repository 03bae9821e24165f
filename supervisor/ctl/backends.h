/* backends.h: the backends in an answer to "status". */
#ifndef CTL_BACKENDS_H
#define CTL_BACKENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page.h"

struct json_object;

/* Leave only those of this name; false, and reported, when there is none. */
bool backends_choose(struct json_object *answer, const char *name);

/* One before number i has its name: one replaces the other. */
bool backends_is_double(struct json_object *list, size_t i);

/* None of them failed, or is tried again. */
bool backends_are_well(struct json_object *answer);

/* A line for each. */
void backends_put_table(struct page *page, struct json_object *answer);

/* Why some are not ready, and when they are tried again. */
void backends_put_reasons(struct page *page, struct json_object *answer);

/* All there is to say about each. */
void backends_put_each(struct page *page, struct json_object *answer);

/* "12", the caller's. */
char *backends_number(int64_t n);

#endif
