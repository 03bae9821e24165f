/* memory.h: how much memory processes of ours use, for people. */
#ifndef SUPERVISOR_MEMORY_H
#define SUPERVISOR_MEMORY_H

#include <sys/types.h>

#include <stdint.h>

/* It is not known: the process is gone, or there are too many. */
#define MEMORY_UNKNOWN UINT64_MAX

/*
 * What may be spent on one answer, so that nobody waits for it who needs the
 * supervisor: a process costs 20 microseconds, and as long as the exact
 * figure's time lasts, up to some milliseconds.
 */
struct memory_budget {
	unsigned int processes; /* that may still be looked at */
	uint64_t exact_until;   /* mono_ms() */
};

/* What one answer may spend, from now on. */
void memory_begin(struct memory_budget *budget);

/*
 * Bytes that a process uses: its proportional share of all pages, or where that
 * cannot be read what is resident.  0 for a pid below 1.
 */
uint64_t memory_of_process(struct memory_budget *budget, pid_t pid);

/* The same of all that descends from a process, which itself is left out. */
uint64_t memory_of_descendants(struct memory_budget *budget, pid_t pid);

#endif
