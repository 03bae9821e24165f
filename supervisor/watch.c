/* watch.c: whether a child still answers. */
#include "watch.h"

bool
watch_tick(struct watch *watch)
{
	if (watch->missed >= WATCH_MISSED_MAX)
		return false;
	watch->missed++;
	return true;
}

bool
watch_pong(struct watch *watch, uint64_t now_ms)
{
	watch->missed = 0;
	return budget_spend(&watch->pongs, 0, now_ms);
}
