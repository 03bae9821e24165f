/* descriptors.h: how many connections of clients the descriptors allow. */
#ifndef FRONT_DESCRIPTORS_H
#define FRONT_DESCRIPTORS_H

#include <stddef.h>

/* How many there may be beside so many links; asks the kernel for as many
 * descriptors as it lets us have. */
size_t descriptors_for_clients(size_t links);

#endif
