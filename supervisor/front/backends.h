/* backends.h: which backends there are: the numbers of POLICY, and our slots.
 */
#ifndef FRONT_BACKENDS_H
#define FRONT_BACKENDS_H

#include <stdint.h>

struct front;
struct link;
struct policy;

/*
 * Have the backends that a policy says, in one turn: new ones get a slot, those
 * that begin to serve get the subscriptions of the ones that they replace, and
 * those that it does not know any more are gone, with what is in flight there.
 * 0, or -1 with errno ENOMEM: nothing can be said of them then.
 */
int backends_follow(struct front *front, const struct policy *policy);

/* The backend of this number, or NULL. */
struct link *backends_find(const struct front *front, uint64_t number);

#endif
