#include "pool.h"

#include <event2/event.h>

#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/role.h"

/* Pieces of a multiple of POOL_STEP bytes, up to POOL_LARGEST; larger ones are
 * malloc's.  Headers, header values and evbuffer chains lie below it. */
#define POOL_STEP    64U
#define POOL_LARGEST 4096U
#define POOL_CLASSES (POOL_LARGEST / POOL_STEP)

/* Before every piece: its size, and what malloc(3) promises of alignment. */
union piece {
	struct {
		size_t size; /* of the whole piece, this header included */
		union piece *next;
	} s;
	max_align_t align;
};

static union piece *free_pieces[POOL_CLASSES + 1];

static void *
pool_malloc(size_t n)
{
	size_t size = sizeof(union piece) + n;
	size_t class;
	union piece *piece;

	if (size < n)
		return NULL;
	if (size > POOL_LARGEST) {
		if ((piece = malloc(size)) == NULL)
			errx(ROLE_EXIT_MEMORY, "out of memory");
		piece->s.size = size;
		return piece + 1;
	}
	class = (size + POOL_STEP - 1) / POOL_STEP;
	if ((piece = free_pieces[class]) != NULL) {
		free_pieces[class] = piece->s.next;
		return piece + 1;
	}
	if ((piece = malloc(class * POOL_STEP)) == NULL)
		errx(ROLE_EXIT_MEMORY, "out of memory");
	piece->s.size = class * POOL_STEP;
	return piece + 1;
}

static void
pool_free(void *memory)
{
	union piece *piece;

	if (memory == NULL)
		return;
	piece = (union piece *)memory - 1;
	if (piece->s.size > POOL_LARGEST) {
		free(piece);
		return;
	}
	piece->s.next = free_pieces[piece->s.size / POOL_STEP];
	free_pieces[piece->s.size / POOL_STEP] = piece;
}

static void *
pool_realloc(void *memory, size_t n)
{
	size_t have;
	void *bigger;

	if (memory == NULL)
		return pool_malloc(n);
	have = ((union piece *)memory - 1)->s.size - sizeof(union piece);
	if (n <= have)
		return memory;
	bigger = pool_malloc(n);
	memcpy(bigger, memory, have);
	pool_free(memory);
	return bigger;
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
