/* roster_parts.h: what roster.c and member.c share; all others include
 * roster.h. */
#ifndef SUPERVISOR_ROSTER_PARTS_H
#define SUPERVISOR_ROSTER_PARTS_H

#include "instance.h"
#include "roster.h"

TAILQ_HEAD(instances, instance);

struct roster {
	struct loop *loop;
	struct processes *processes;
	struct front *front;
	const struct roster_handlers *handlers;
	void *arg;
	struct members members;
	size_t count;
	struct instances instances; /* of all members */
	size_t instance_count;
	struct deferred look;        /* something changed */
	struct event *tidy;          /* the POLICY has some that are gone */
	const struct config *config; /* of the last POLICY; NULL: none yet */
	char *told;                  /* the last POLICY; NULL: none yet */
	uint64_t last_number;
	uint32_t generation; /* of the last link */
	bool ending;         /* roster_stop(): nothing is started any more */
};

/* Something changed: look at everything at the end of this turn. */
void roster_touch(struct roster *roster);

/* NULL when there is none. */
struct member *roster_by_number(const struct roster *roster, uint64_t number);

/* The front was told of it in a POLICY: it gets to know its state and a link.
 */
void member_introduce(struct member *member);

/* Of one that leaves: it ends with its instances, once. */
void member_end(struct member *member);

/* The front has the lists that came over the link of this generation. */
void member_listed(struct member *member, uint32_t generation);

/* Tell the front how a service is that it knows. */
void member_send_state(struct roster *roster, const struct service *service);

/* Link the front, which knows the service, with its worker, if there are both.
 * The generation of the link, or 0. */
uint32_t member_send_link(struct roster *roster, struct service *service);

/* It is on no list any more, and no process of it is left. */
void member_free(struct member **member);

#endif
