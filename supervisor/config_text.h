/* config_text.h: the bytes of a configuration file, before they are JSON. */
#ifndef SUPERVISOR_CONFIG_TEXT_H
#define SUPERVISOR_CONFIG_TEXT_H

#include <stddef.h>

enum config_read {
	CONFIG_READ_OK,
	CONFIG_READ_ERRNO, /* errno says why */
	CONFIG_READ_NOT_REGULAR,
	CONFIG_READ_TOO_LARGE,
	CONFIG_READ_UNSAFE, /* we are root and anyone may write it */
};

/*
 * Read a regular file of at most max bytes.  On CONFIG_READ_OK *ret is the
 * caller's, has *len bytes and a NUL behind them.
 */
enum config_read config_text_read(
    char **ret, size_t *len, const char *path, size_t max);

/* A sentence about a file that could not be read fits. */
#define CONFIG_TEXT_WHY_MAX 160

/*
 * Why config_text_read() did not read, with a remedy, into dst: it continues
 * "FILE, ", as in "which is not a regular file; name one".  To be asked before
 * errno changes; max as it was there.
 */
void config_text_why(
    char dst[CONFIG_TEXT_WHY_MAX], enum config_read why, size_t max);

/*
 * Overwrite a byte order mark, comments and trailing commas with spaces, but no
 * line feed, so that every other byte keeps its line and column.  0, or -1 when
 * a block comment has no end; *error_at is then its start.
 */
int config_text_blank(char *text, size_t len, size_t *error_at);

/* The line and column, from 1 and in bytes, of text[offset]. */
void config_text_place(
    const char *text, size_t offset, unsigned int *line, unsigned int *column);

#endif
