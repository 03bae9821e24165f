/*
 * budget.h: how much a child may make us write.  Ours stay far below it; one in
 * a stranger's hands shall not fill the disk.
 */
#ifndef SUPERVISOR_BUDGET_H
#define SUPERVISOR_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes at once, and each second after that: every line of the standard error
 * that a worker passes on fits in, and an hour of the worst is 900 MB. */
#define BUDGET_BURST      (UINT64_C(4) << 20)
#define BUDGET_PER_SECOND (UINT64_C(256) << 10)

/* What a record costs besides its text: the time, the subject, the work. */
#define BUDGET_RECORD 128

/* All zero is a full one. */
struct budget {
	uint64_t spent; /* bytes, not yet forgotten */
	uint64_t at_ms; /* the time of spent */
};

/* Spend len bytes and BUDGET_RECORD now; false, and nothing is spent, when they
 * are not left.  now is monotonic. */
bool budget_spend(struct budget *budget, uint64_t len, uint64_t now_ms);

#endif
