/* names.h: the spellings of a backend's name for a tool or prompt. */
#ifndef FRONT_NAMES_H
#define FRONT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* MCP 2025-11-25 asks for at most 128 characters; twice that is no name. */
#define NAMES_MAX 256U
/* What the APIs of OpenAI and Anthropic take. */
#define NAMES_SAFE_MAX 64U
/* How lists spell names; every spelling is understood in a call. */
enum names_spelling {
	NAMES_SLASH, /* "server/tool" */
	NAMES_SAFE,  /* "server__tool" */
};
#define NAMES_SPELLINGS 2U

/* "_" and six hexadecimal digits. */
#define NAMES_TAIL_LEN 7U

/*
 * True when this UTF-8 text can be shown and told from others by a reader: not
 * empty, at most max bytes, no control characters, nothing that is invisible or
 * changes the direction of writing.
 */
bool names_usable(const char *text, size_t len, size_t max);

/*
 * Write "_" and six hexadecimal digits of the SHA-256 of "server/tool", with a
 * NUL.  attempt is 0, or counts up when that was taken already.
 */
void names_tail(const char *server, const char *tool, unsigned int attempt,
    char tail[NAMES_TAIL_LEN + 1]);

/*
 * Write the safe spelling "server__tool": [A-Za-z0-9_-] only, not beginning
 * with "-", at most NAMES_SAFE_MAX characters, with a NUL.  What else stands
 * there becomes one "_".  It ends with the tail when something was replaced or
 * cut, or when attempt is not 0 since the spelling was taken; true when it has
 * none.
 */
bool names_safe(const char *server, const char *tool, unsigned int attempt,
    char safe[NAMES_SAFE_MAX + 1]);

#endif
