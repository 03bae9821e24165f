/*
 * flood.h: a token bucket in front of something that a backend can do too
 * often, which reports once a second what it dropped.
 */
#ifndef WORKER_FLOOD_H
#define WORKER_FLOOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flood;
struct loop;

/*
 * At most burst at once and per_second after that.  name is the backend's and
 * what goes into "backend NAME: 12 WHAT dropped"; both are borrowed until
 * flood_free().  NULL with errno ENOMEM.
 */
struct flood *flood_new(struct loop *loop, const char *name, const char *what,
    uint32_t burst, uint32_t per_second);
void flood_free(struct flood **flood);

/* Bytes that count as one; a large one counts for as many as it is long. */
#define FLOOD_BYTES 4096U

/*
 * True when this one of len bytes may pass; otherwise it is counted as dropped.
 * One that is longer than burst times FLOOD_BYTES never passes.
 */
bool flood_pass(struct flood *flood, size_t len);

/* Log now what was dropped and not yet reported. */
void flood_report(struct flood *flood);

/* Dropped since the start. */
uint64_t flood_dropped(const struct flood *flood);

#endif
