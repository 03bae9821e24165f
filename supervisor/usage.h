/* usage.h: what is wrong with a command line, for both of our programs that
 * have one. */
#ifndef SUPERVISOR_USAGE_H
#define SUPERVISOR_USAGE_H

#include <stdbool.h>

/* Exit status of a wrong command line. */
#define USAGE_EXIT 2

/* Print "PROGRAM: error: …" and where to look on.  False, for callers to
 * return. */
bool usage_error(const char *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Escaped for a message, as log_str(). */
const char *usage_shown(const char *text);

/* Take the argument of an option, borrowed.  False, and said, when it is empty.
 */
bool usage_take_text(
    const char *program, const char **ret, const char *name, const char *text);

/*
 * Take a whole number from min to max.  False, and said, when it is something
 * else.
 */
bool usage_take_number(const char *program, long long *ret, const char *name,
    const char *text, long long min, long long max);

/*
 * Say what getopt_long() did not like: what is what it returned, ':' or '?';
 * long options without a letter have numbers from first_long on.  False.
 */
bool usage_refuse(
    const char *program, int what, char *const *argv, int first_long);

#endif
