/* queries.h: what was asked of the front and not answered yet. */
#ifndef SUPERVISOR_QUERIES_H
#define SUPERVISOR_QUERIES_H

#include "gateway.h"
#include "proto/loop.h"

struct queries;

/* Under way at once: people and a script that scrapes; more wait in vain. */
#define QUERIES_MAX 64

/* The front answers in a turn of its loop.  One that does not is in trouble,
 * and whoever asks shall hear of it before the watch does. */
#define QUERIES_WAIT_MS 2000

/* NULL with ENOMEM. */
struct queries *queries_new(struct loop *loop);

/* Everybody who waits is told that there is no answer. */
void queries_free(struct queries **queries);

/* Note a question; answered and arg are borrowed until it is called, once.  Its
 * number, which goes with the QUERY and is never 0; or 0 with answered not
 * called, when too many are under way. */
uint64_t queries_add(
    struct queries *queries, gateway_answered *answered, void *arg);

/* The answer to this number came, or will not come (NULL).  Nothing when nobody
 * waits for it any more. */
void queries_answer(
    struct queries *queries, uint64_t id, const char *json, size_t len);

/* Nobody is there to answer any more. */
void queries_fail_all(struct queries *queries);

#endif
