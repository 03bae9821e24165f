/* descriptors.h: how many connections of clients the descriptors allow, and how
 * many links of instances. */
#ifndef FRONT_DESCRIPTORS_H
#define FRONT_DESCRIPTORS_H

#include <stddef.h>

/* How many there may be beside so many links; asks the kernel for as many
 * descriptors as it lets us have. */
size_t descriptors_for_clients(size_t links);

/* Where that leaves fewer than these links of backends and instances need: how
 * many instances there may be; else SIZE_MAX. */
size_t descriptors_for_instances(size_t backends, size_t instances);

#endif
