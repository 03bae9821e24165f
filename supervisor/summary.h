/* summary.h: what the console shows once the gateway has started. */
#ifndef SUPERVISOR_SUMMARY_H
#define SUPERVISOR_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>

#include "backend.h"
#include "proto/buf.h"

struct summary_row {
	const char *name;
	enum backend_state state;
	bool disabled;
	unsigned int tools; /* shown when ready */
	const char *reason; /* why it is not ready, or NULL */
};

/* Strings are borrowed. */
struct summary {
	const char *version;
	char *const *urls; /* NULL-terminated, as where.h has them */
	const char *config;
	const char *log;
	size_t count;
	const struct summary_row *rows;
};

/*
 * Append the summary; width is the terminal's, 0 for none, and reasons are then
 * not cut.  Its last line is "ready: 2 of 2 backends, 5 tools".  0, or -1 with
 * ENOMEM.
 */
int summary_render(struct buf *out, const struct summary *summary, bool colour,
    unsigned int width);

#endif
