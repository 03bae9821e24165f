/* budget.c: how much a child may make us write. */
#include "budget.h"

bool
budget_spend(struct budget *budget, uint64_t len, uint64_t now_ms)
{
	uint64_t past = now_ms - budget->at_ms, forgotten;

	/* What a minute forgets is more than a burst. */
	forgotten = (past < 60000 ? past : 60000) * BUDGET_PER_SECOND / 1000;
	if (forgotten > 0) {
		budget->spent -=
		    forgotten < budget->spent ? forgotten : budget->spent;
		budget->at_ms = now_ms;
	}
	if (budget->spent + len + BUDGET_RECORD > BUDGET_BURST)
		return false;
	budget->spent += len + BUDGET_RECORD;
	return true;
}
