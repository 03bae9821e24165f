/* config_text.h: the bytes of a configuration file, before they are JSON. */
#ifndef SUPERVISOR_CONFIG_TEXT_H
#define SUPERVISOR_CONFIG_TEXT_H

#include <stddef.h>

/* What must be so for a file to be read. */
enum config_trust {
	CONFIG_TRUST_ANY,    /* nothing */
	CONFIG_TRUST_FILE,   /* nobody else may change it: config_access.h */
	CONFIG_TRUST_SECRET, /* the same, and not everybody may read it */
};

/* A sentence about a file that is not read fits, with a path in it twice. */
#define CONFIG_TEXT_WHY_MAX 1024

/*
 * Read a regular file of at most max bytes.  0, and *ret is the caller's, has
 * *len bytes and a NUL behind them; or -1 with the reason and a remedy in why,
 * which goes on after the file's name: "is not a regular file; …".
 */
int config_text_read(char **ret, size_t *len, const char *path, size_t max,
    enum config_trust trust, char why[CONFIG_TEXT_WHY_MAX]);

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
