/*
 * diagnostics.h: a job's standard error, and its standard output where that
 * carries no messages: always drained, logged as far as it is reasonable, and
 * the last lines of both kept for the obituary.
 */
#ifndef WORKER_DIAGNOSTICS_H
#define WORKER_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct diagnostics;
struct loop;

/* Lines kept for the obituary, and the bytes kept of each. */
#define DIAGNOSTICS_LINES    10
#define DIAGNOSTICS_LINE_MAX 512

/* A line is cut into pieces of this size, so that none is held without end. */
#define DIAGNOSTICS_PIECE 1024

/* Records at once and per second: a stack trace passes, a flood does not. */
#define DIAGNOSTICS_BURST      100
#define DIAGNOSTICS_PER_SECOND 20

enum diagnostics_stream {
	DIAGNOSTICS_STDERR,
	DIAGNOSTICS_STDOUT,
};
#define DIAGNOSTICS_STREAMS 2

/* name is the backend's, borrowed.  NULL with errno ENOMEM. */
struct diagnostics *diagnostics_new(struct loop *loop, const char *name);

/* Close the descriptors; *d becomes NULL, NULL is accepted. */
void diagnostics_free(struct diagnostics **d);

/*
 * Take the read end *fd (set to -1) of a stream that was not opened before, and
 * drain it; ended is called once all that were opened are at their end.  0, or
 * -1 with errno and *fd is still the caller's.
 */
int diagnostics_open(struct diagnostics *d, enum diagnostics_stream which,
    int *fd, void (*ended)(void *arg), void *arg);

/* True when nothing more can come. */
bool diagnostics_ended(const struct diagnostics *d);

/* n bytes came, split anywhere. */
void diagnostics_feed(struct diagnostics *d, enum diagnostics_stream which,
    const char *bytes, size_t n);

/* What came without a newline is a line now; log what was dropped. */
void diagnostics_finish(struct diagnostics *d);

/*
 * Append the last lines as a JSON array of strings, the oldest first, escaped
 * for a log.  0, or -1 with errno ENOMEM.
 */
int diagnostics_add_last(const struct diagnostics *d, struct buf *b);

#endif
