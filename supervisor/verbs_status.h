/* verbs_status.h: the answer to "status". */
#ifndef SUPERVISOR_VERBS_STATUS_H
#define SUPERVISOR_VERBS_STATUS_H

#include <stddef.h>

#include "gateway.h"
#include "proto/buf.h"

/*
 * Append the answer; front is the front's report of len bytes, checked JSON, or
 * NULL.  0, or -1 with errno ENOMEM.
 */
int verbs_status(
    struct buf *out, struct gateway *gateway, const char *front, size_t len);

/* Append text as a JSON string, or null where it is NULL. */
int verbs_add_text(struct buf *out, const char *text);

#endif
