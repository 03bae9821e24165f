#include "pool.h"

#include <event2/event.h>

#include <err.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/role.h"

/* Pieces of a multiple of POOL_STEP bytes, up to POOL_LARGEST; larger ones are
 * malloc's.  Headers, header values and evbuffer chains lie below it. */
#define POOL_STEP    64U
#define POOL_LARGEST 4096U
#define POOL_CLASSES (POOL_LARGEST / POOL_STEP)
/* Free pieces are kept for a burst of some thousand connections; what a flood
 * needed beyond that goes back. */
#define POOL_KEEP ((size_t)8 << 20)
/* So many bytes through us may have left so much free memory behind, */
#define REST_AFTER (UINT64_C(1) << 20)
/* which is not needed again soon when in so long there were no more than that.
 */
#define REST_MS    2000U
#define REST_BYTES (UINT64_C(256) << 10)

/* Before every piece: its size.  As aligned as malloc(3) promises. */
struct piece {
	_Alignas(max_align_t) size_t size; /* this header included */
	struct piece *next;
};

static struct piece *free_pieces[POOL_CLASSES + 1];
static size_t kept; /* bytes in them */

static void *
pool_malloc(size_t n)
{
	size_t size = sizeof(struct piece) + n;
	size_t class;
	struct piece *piece;

	if (size < n)
		return NULL;
	if (size > POOL_LARGEST) {
		if ((piece = malloc(size)) == NULL)
			errx(ROLE_EXIT_MEMORY, "out of memory");
		piece->size = size;
		return piece + 1;
	}
	class = (size + POOL_STEP - 1) / POOL_STEP;
	if ((piece = free_pieces[class]) != NULL) {
		free_pieces[class] = piece->next;
		kept -= piece->size;
		return piece + 1;
	}
	if ((piece = malloc(class * POOL_STEP)) == NULL)
		errx(ROLE_EXIT_MEMORY, "out of memory");
	piece->size = class * POOL_STEP;
	return piece + 1;
}

static void
pool_free(void *memory)
{
	struct piece *piece;

	if (memory == NULL)
		return;
	piece = (struct piece *)memory - 1;
	if (piece->size > POOL_LARGEST || kept + piece->size > POOL_KEEP) {
		free(piece);
		return;
	}
	kept += piece->size;
	piece->next = free_pieces[piece->size / POOL_STEP];
	free_pieces[piece->size / POOL_STEP] = piece;
}

static void *
pool_realloc(void *memory, size_t n)
{
	size_t have;
	void *bigger;

	if (memory == NULL)
		return pool_malloc(n);
	have = ((struct piece *)memory - 1)->size - sizeof(struct piece);
	if (n <= have)
		return memory;
	bigger = pool_malloc(n);
	memcpy(bigger, memory, have);
	pool_free(memory);
	return bigger;
}

void
pool_trim(void)
{
	for (size_t class = 0; class <= POOL_CLASSES; class ++) {
		struct piece *piece;

		while ((piece = free_pieces[class]) != NULL) {
			free_pieces[class] = piece->next;
			free(piece);
		}
	}
	kept = 0;
	/* Free memory between what is in use stays with the process else. */
	malloc_trim(0);
}

void
pool_rest(uint64_t moved, uint64_t now_ms)
{
	static uint64_t trimmed, before, before_ms;

	if (now_ms - before_ms < REST_MS)
		return;
	if (moved - before < REST_BYTES && before - trimmed > REST_AFTER) {
		pool_trim();
		trimmed = moved;
	}
	before = moved;
	before_ms = now_ms;
}

void
pool_install(void)
{
#ifndef MCPGW_SANITIZE
	event_set_mem_functions(pool_malloc, pool_realloc, pool_free);
#else
	(void)pool_malloc;
	(void)pool_realloc;
#endif
}
