/*
 * held.h: bytes of requests that are not whole yet, or wait for the answer to
 * another: how many all connections hold together, and who may hold more.
 */
#ifndef FRONT_HELD_H
#define FRONT_HELD_H

#include <stdbool.h>
#include <stddef.h>

/* What each connection may hold in any case: a head, or a small request with
 * its head.  However much others hold, ordinary calls are served. */
#define HELD_FREE ((size_t)16384)

/* Of all connections, beyond HELD_FREE each. */
struct held {
	size_t bytes;
	size_t max;
};

/*
 * A connection holds this many bytes from now on; *share is what counts of
 * them, and *of_address the sum of the shares of its address.  All three change
 * in any case.
 *
 * False when it holds more than it did and that is too much: more than max
 * together, or more of one address than is left for all others, unless it has
 * no other request.  One address can so not keep the others out.
 */
bool held_set(
    struct held *held, size_t *of_address, size_t *share, size_t bytes);

#endif
