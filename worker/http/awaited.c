/* awaited.c: requests whose answers are to come on another stream. */
#include <stdlib.h>
#include <string.h>

#include "awaited.h"

static void
remove_at(struct awaited *awaited, size_t at)
{
	awaited->count--;
	memmove(awaited->ids + at, awaited->ids + at + 1,
	    (awaited->count - at) * sizeof(*awaited->ids));
}

int
awaited_add(struct awaited *awaited, int64_t id)
{
	size_t cap = awaited->cap == 0 ? 16 : awaited->cap * 2;
	int64_t *more;

	if (awaited->count == AWAITED_MAX)
		remove_at(awaited, 0);
	if (awaited->count == awaited->cap) {
		more = reallocarray(awaited->ids, cap, sizeof(*more));
		if (more == NULL)
			return -1;
		awaited->ids = more;
		awaited->cap = cap;
	}
	awaited->ids[awaited->count++] = id;
	return 0;
}

void
awaited_remove(struct awaited *awaited, int64_t id)
{
	for (size_t i = 0; i < awaited->count; i++)
		if (awaited->ids[i] == id) {
			remove_at(awaited, i);
			return;
		}
}

void
awaited_free(struct awaited *awaited)
{
	free(awaited->ids);
	*awaited = (struct awaited){ 0 };
}
