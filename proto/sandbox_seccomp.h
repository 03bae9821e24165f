/* sandbox_seccomp.h: the system calls that a process of ours may still make. */
#ifndef PROTO_SANDBOX_SECCOMP_H
#define PROTO_SANDBOX_SECCOMP_H

#include <stdbool.h>

#include "proto/sandbox.h"

/*
 * Allow this process, all its threads, and nothing that it could start, the
 * calls of its kind; any other one, and any through another ABI, kills it with
 * SIGSYS.  After no_new_privs.  *missing is set when the kernel has no seccomp
 * filters, and left alone otherwise.  0, or -1 with errno.
 */
int sandbox_seccomp_enter(enum sandbox sandbox, bool *missing);

#endif
