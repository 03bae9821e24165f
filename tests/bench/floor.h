/* floor.h: what floor's front and worker share. */
#ifndef FLOOR_H
#define FLOOR_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"

/* The options; see floor.c. */
struct how {
	int use_jsonc, direct, big_pipes, eager, nagle, tuned, changelist;
};
extern struct how how;

/* Write what is pending; 0 when all is out, 1 when the peer is full, -1 on
 * error. */
static inline int
buf_flush(struct buf *b, int fd)
{
	while (b->done < b->n) {
		ssize_t w = write(fd, b->p + b->done, b->n - b->done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return errno == EAGAIN ? 1 : -1;
		b->done += (size_t)w;
	}
	b->n = b->done = 0;
	return 0;
}

static inline ssize_t
buf_read(struct buf *b, int fd)
{
	ssize_t r;

	buf_reserve(b, how.big_pipes ? 1 << 20 : 1 << 16);
	r = read(fd, b->p + b->n, b->cap - b->n);
	if (r > 0)
		b->n += (size_t)r;
	return r;
}

/* Parse and serialize once, as a design that hands trees around would. */
void jsonc_round_trip(struct buf *out, const char *text, size_t n);

void set_nonblock(int fd);

/* Start the backend; the ends of its pipes do not block. */
void spawn_child(char **argv, int *to, int *from);

/* Frames from the front become lines to the child, and the other way round. */
void run_worker(int front, char **argv);

#endif
