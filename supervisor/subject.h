/* subject.h: in whose name a child's log records appear. */
#ifndef SUPERVISOR_SUBJECT_H
#define SUPERVISOR_SUBJECT_H

#include <stddef.h>

#include "proto/msg.h"

/*
 * Write a record of the child that we call subject ("worker bash", "front") to
 * dst: escaped once more, because a child may lie, and under its own name,
 * because it shall not speak for another one.  It may call itself by its role,
 * and a worker may speak of its own backend.  Returns dst.
 */
const char *subject_record(char *dst, size_t size, const char *subject,
    enum role role, const char *text, size_t len);

#endif
