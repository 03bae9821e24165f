/* obituary.h: how a job ended, as its supervisor is told. */
#ifndef REAPER_OBITUARY_H
#define REAPER_OBITUARY_H

#include <stdint.h>

#include "report.h"
#include "spec.h"

/*
 * OBITUARY of a job whose main process ended with this status of waitpid(2).
 * no_memory: -1, or the limit of memory that was not enough for it, 0 for that
 * of the machine.  An enum role_exit.
 */
int obituary_of_end(int status, int64_t no_memory);

/* OBITUARY of a job that could not be started.  An enum role_exit. */
int obituary_of_launch(const struct spec *spec, const struct report *failure);

#endif
