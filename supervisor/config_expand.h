/* config_expand.h: ${NAME} and ${file:/path} in strings of the configuration.
 */
#ifndef SUPERVISOR_CONFIG_EXPAND_H
#define SUPERVISOR_CONFIG_EXPAND_H

#include <stddef.h>

#include "proto/buf.h"

/* A piece of a configuration string to show in an error is cut to this. */
#define CONFIG_EXPAND_SHOWN 128

enum config_expand_result {
	CONFIG_EXPAND_OK,
	CONFIG_EXPAND_NO_MEMORY,
	CONFIG_EXPAND_TOO_LONG, /* more than max bytes */
	CONFIG_EXPAND_WRONG,    /* *why says what; without values */
};

/*
 * Append text[0..len) with what it refers to: ${NAME} and ${env:NAME} become
 * the environment variable, ${file:/path} the file's text without its last line
 * feed, and "$${" becomes "${".  What was put in is not expanded again.
 *
 * On CONFIG_EXPAND_WRONG *why is the caller's to free (NULL without memory): a
 * sentence that goes on after a subject, as in "uses ${X}, which is not set".
 * It never holds the value of a variable or a file's text.
 */
enum config_expand_result config_expand(
    struct buf *out, const char *text, size_t len, size_t max, char **why);

/*
 * CONFIG_EXPAND_WRONG for bytes that a JSON string cannot carry unchanged to
 * another process, because they are not UTF-8 or have a NUL among them;
 * otherwise CONFIG_EXPAND_OK or CONFIG_EXPAND_NO_MEMORY.
 */
enum config_expand_result config_expand_check(const char *bytes, size_t n);

#endif
