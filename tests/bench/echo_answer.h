/* echo_answer.h: what the echo servers say, over stdio and over HTTP. */
#ifndef ECHO_ANSWER_H
#define ECHO_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Append the answer to a message, without a newline.  False for what has no
 * answer: a notification, a response, or what is no JSON object. */
bool echo_answer(struct buf *out, const char *text, size_t n);

/* List so many more tools, which do not work. */
void echo_add_tools(unsigned int count);

#endif
