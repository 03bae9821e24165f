/* awaited.h: requests whose answers are to come on another stream. */
#ifndef WORKER_HTTP_AWAITED_H
#define WORKER_HTTP_AWAITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many as the front may have in flight with one backend. */
#define AWAITED_MAX 16384U

/* All zero awaits nothing. */
struct awaited {
	int64_t *ids;
	size_t count;
	size_t cap;
};

/* One more; over AWAITED_MAX the oldest is forgotten.  0, or -1 with errno
 * ENOMEM. */
int awaited_add(struct awaited *awaited, int64_t id);

/* It was answered; nothing happens when it is not awaited. */
void awaited_remove(struct awaited *awaited, int64_t id);

/* Free what it holds: nothing is awaited any more. */
void awaited_free(struct awaited *awaited);

#endif
