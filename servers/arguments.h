/* arguments.h: what a tool or a prompt was called with. */
#ifndef SERVERS_ARGUMENTS_H
#define SERVERS_ARGUMENTS_H

#include <stddef.h>

#include "proto/jsonrpc.h"

/*
 * The string argument of this name, which the caller frees, and its length
 * (it may hold NUL bytes).  NULL when it is absent or no string.
 */
char *argument_string(
    const struct rpc_message *msg, const char *name, size_t *len);

/* The same for the value of a string anywhere. */
char *argument_text(struct json_span value, size_t *len);

/*
 * The finite number of this name; *ret is left alone when it is absent.  0, or
 * -1 when it is something else.
 */
int argument_number(
    const struct rpc_message *msg, const char *name, double *ret);

#endif
