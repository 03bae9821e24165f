/*
 * console.h: lines for whoever started the gateway.  A terminal that is
 * stopped or a pipe that nobody reads never holds us up: what does not fit is
 * dropped and counted.
 */
#ifndef SUPERVISOR_CONSOLE_H
#define SUPERVISOR_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/loop.h"

struct console;

/* Text that waits for a reader; more is dropped by the line. */
#define CONSOLE_QUEUE_MAX ((size_t)256 << 10)

/*
 * Write to a copy of fd; to fd itself when it does not block as it is, so that
 * whoever made it so may later put something else in its place.  NULL with
 * errno.
 */
struct console *console_new(struct loop *loop, int fd);
void console_free(struct console **console);

/* A terminal, and what may be done on it: NO_COLOR and TERM are respected. */
bool console_is_terminal(const struct console *console);
bool console_has_colour(const struct console *console);

/* The journal of systemd reads it ($JOURNAL_STREAM): lines may begin with a
 * priority, and need no time. */
bool console_is_journal(const struct console *console);

/* Columns of the terminal; 0 when it is none, or they are unknown. */
unsigned int console_width(const struct console *console);

/* Write whole lines, now or when there is room; never waits, never fails. */
void console_write(struct console *console, const char *text, size_t len);

/* Lines that were dropped so far. */
unsigned long console_dropped(const struct console *console);

#endif
