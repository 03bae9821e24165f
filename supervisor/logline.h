/* logline.h: one log record as one line, in each of the shapes that it has. */
#ifndef SUPERVISOR_LOGLINE_H
#define SUPERVISOR_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "proto/log.h"
#include "proto/msg.h"

/* A record of which every byte is escaped, and what stands around it. */
#define LOGLINE_MAX (2 * MSG_LOG_MAX + 1024)

/* A record. */
struct logline {
	struct timespec when; /* of CLOCK_REALTIME */
	enum log_level level;
	const char *text; /* from log_escape(): "backend bash: ready" */
};

/* "INFO", as in the names of files and in lines. */
const char *logline_level(enum log_level level);

/*
 * These write to dst[0..size) and return the length; a line that had to be cut
 * ends as well.  size is at least 64.
 *
 * "2026-11-22 12:34:56 - backend bash - INFO - ready", and a line feed.
 */
size_t logline_text(char *dst, size_t size, const struct logline *line);

/* {"time":"2026-11-22T12:34:56.789Z","level":"info","subject":"backend bash",
 * "text":"ready"}, and a line feed.  A text over MSG_LOG_MAX is cut. */
size_t logline_json(char dst[LOGLINE_MAX], const struct logline *line);

/* For people: "12:34:56 INFO     backend bash: ready"; with the date where it
 * is no terminal. */
size_t logline_console(char *dst, size_t size, const struct logline *line,
    bool terminal, bool colour);

/* "<6>backend bash: ready": what the journal makes a record of its own, with a
 * time of its own; see sd-daemon(3). */
size_t logline_journal(char *dst, size_t size, const struct logline *line);

/* "<30>Nov 22 12:34:56 mcp-gatewayd[4711]: backend bash: ready", as syslog(3)
 * sends it, without an end; body is the record in the log's format. */
size_t logline_syslog(
    char *dst, size_t size, const struct logline *line, const char *body);

#endif
