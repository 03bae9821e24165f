#include "held.h"

bool
held_set(struct held *held, size_t *of_address, size_t *share, size_t bytes)
{
	size_t before = *share;
	size_t now = bytes > HELD_FREE ? bytes - HELD_FREE : 0;

	*share = now;
	held->bytes = held->bytes - before + now;
	*of_address = *of_address - before + now;
	if (now <= before)
		return true;
	return held->bytes <= held->max &&
	    (*of_address == now || *of_address <= held->max - held->bytes);
}
