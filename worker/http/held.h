/* held.h: how many bytes of answers all exchanges of a backend hold together.
 */
#ifndef WORKER_HTTP_HELD_H
#define WORKER_HTTP_HELD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * 768 answers may be under way, of up to 64 MiB each: four of the longest fit,
 * or any number of usual ones.
 */
#define HELD_MAX ((size_t)256 << 20)

/* All zero holds nothing. */
struct held {
	size_t bytes;
};

/*
 * So many bytes are held instead of *counted, which becomes the new number.
 * False, and nothing changes, when they are more than before and all together
 * would be more than HELD_MAX.
 */
bool held_change(struct held *held, size_t *counted, size_t bytes);

#endif
