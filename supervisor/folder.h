/* folder.h: whether others could put something else in our file's place. */
#ifndef SUPERVISOR_FOLDER_H
#define SUPERVISOR_FOLDER_H

#include <stdbool.h>

/*
 * Check the folder that the file at path lies in, or will: it is there, and
 * nobody but root and ourselves can add or replace files in it.  sticky: one
 * like /tmp will do, in which others can add files but not replace ours.  0, or
 * -1 with *error, the caller's: what is wrong with the folder and a remedy;
 * NULL when memory ran out.
 */
int folder_check(const char *path, bool sticky, char **error);

#endif
