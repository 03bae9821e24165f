/* bash_text.h: how mcp-server-bash tells what a command did. */
#ifndef SERVERS_BASH_TEXT_H
#define SERVERS_BASH_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "proto/buf.h"

enum bash_language {
	BASH_ENGLISH,
	BASH_CHINESE,
};
#define BASH_LANGUAGES 2

/* "en", "zh"; -1 when the name is none of them. */
int bash_language_find(const char *name);

/*
 * Append the tool's definition for tools/list.  limit_s is the longest time
 * that a command may run, in seconds.
 */
void bash_text_tool(
    struct buf *json, enum bash_language language, uint32_t limit_s);

/*
 * Append the result of tools/call for a command that ended.  A command that
 * exits with another code than 0 did run and told something: only a timeout is
 * an error of the tool.
 */
void bash_text_result(struct buf *json, enum bash_language language,
    const char *command, const struct command_report *report);

/* What is told instead of a result; each returns a text that is a constant. */
const char *bash_text_empty(enum bash_language language);

/* Append the text for a command that could not be started. */
void bash_text_failure(struct buf *text, enum bash_language language,
    const char *command, int error);

#endif
