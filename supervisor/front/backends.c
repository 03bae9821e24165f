#include "backends.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/log.h"

#include "catalogue.h"
#include "front.h"
#include "instances.h"
#include "link.h"
#include "lists.h"
#include "policy.h"
#include "subscriptions.h"

/* The slot of a backend, or front->slots. */
static size_t
find_slot(const struct front *front, uint64_t number)
{
	size_t i;

	for (i = 0; i < front->slots; i++)
		if (front->links[i] != NULL &&
		    link_number(front->links[i]) == number)
			break;
	return i;
}

struct link *
backends_find(const struct front *front, uint64_t number)
{
	size_t slot = find_slot(front, number);

	return slot < front->slots ? front->links[slot] : NULL;
}

/* There is always a free slot: a policy's backends take half of them at most,
 * and the one before had no more. */
static int
add_backend(struct front *front, const struct policy_backend *b, size_t *ret)
{
	size_t slot = 0;

	while (front->links[slot] != NULL)
		slot++;
	if (catalogue_add(front->catalogue, slot, b->name) == -1)
		return -1;
	front->links[slot] = link_new(front, slot, b->number, b->name);
	if (front->links[slot] == NULL) {
		catalogue_remove(front->catalogue, slot);
		errno = ENOMEM;
		return -1;
	}
	if (slot >= front->slots)
		front->slots = slot + 1;
	*ret = slot;
	return 0;
}

static int
find_slots(struct front *front, const struct policy *policy, size_t *slots)
{
	for (size_t i = 0; i < policy->backend_count; i++) {
		slots[i] = find_slot(front, policy->backends[i].number);
		if (slots[i] == front->slots &&
		    add_backend(front, &policy->backends[i], &slots[i]) == -1)
			return -1;
	}
	return 0;
}

/*
 * One begins to serve.  Another one of its name has what clients subscribed to;
 * and as long as nothing is known of the new one, what the other offered may
 * stay in the lists, so that clients are not told of two changes that cancel
 * out.
 */
static void
replace(struct front *front, size_t slot, const struct policy_backend *rules)
{
	struct link *new = front->links[slot];

	instances_follow_policy(new, rules);
	for (size_t i = 0; i < front->slots; i++) {
		struct link *old = front->links[i];

		if (old == NULL || old == new ||
		    strcmp(link_name(old), link_name(new)) != 0)
			continue;
		subscriptions_move(front->subscriptions, i, slot);
		instances_replaced(old, new);
		if (link_part(old) != POLICY_SERVING)
			continue;
		link_take_count(new, old);
		if (link_keep_place(new))
			catalogue_copy(front->catalogue, i, slot);
	}
}

static void
set_rules(struct link *link, const struct policy_backend *rules)
{
	instances_follow_policy(link, rules);
	link_set_part(link, rules->part, rules->requests);
}

static void
set_parts(struct front *front, const struct policy *policy, const size_t *slots)
{
	/* Before the old ones leave: they are known by what they were. */
	for (size_t i = 0; i < policy->backend_count; i++)
		if (policy->backends[i].part == POLICY_SERVING &&
		    link_part(front->links[slots[i]]) != POLICY_SERVING)
			replace(front, slots[i], &policy->backends[i]);
	for (size_t i = 0; i < policy->backend_count; i++)
		set_rules(front->links[slots[i]], &policy->backends[i]);
}

static void
remove_others(
    struct front *front, const struct policy *policy, const size_t *slots)
{
	bool known[CATALOGUE_SLOTS] = { false };

	for (size_t i = 0; i < policy->backend_count; i++)
		known[slots[i]] = true;
	for (size_t i = 0; i < front->slots; i++) {
		if (front->links[i] == NULL || known[i])
			continue;
		log_debug("backend %s: gone", link_name(front->links[i]));
		link_free(&front->links[i]);
		subscriptions_forget(front->subscriptions, i);
		catalogue_remove(front->catalogue, i);
	}
}

int
backends_follow(struct front *front, const struct policy *policy)
{
	size_t slots[POLICY_BACKENDS_MAX];

	if (find_slots(front, policy, slots) == -1)
		return -1;
	set_parts(front, policy, slots);
	if (catalogue_arrange(front->catalogue, policy, slots) == -1)
		return -1;
	remove_others(front, policy, slots);
	lists_moved(front);
	return 0;
}
