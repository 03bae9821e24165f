/* held.c: how many bytes of answers all exchanges of a backend hold together.
 */
#include <assert.h>

#include "held.h"

bool
held_change(struct held *held, size_t *counted, size_t bytes)
{
	assert(*counted <= held->bytes);
	if (bytes > *counted && bytes - *counted > HELD_MAX - held->bytes)
		return false;
	held->bytes = held->bytes - *counted + bytes;
	*counted = bytes;
	return true;
}
