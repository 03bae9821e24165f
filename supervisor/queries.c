/* queries.c: what was asked of the front and not answered yet. */
#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "proto/clock.h"
#include "queries.h"

struct query {
	uint64_t id; /* 0: a free place */
	uint64_t until_ms;
	gateway_answered *answered;
	void *arg;
};

struct queries {
	struct event *timer; /* of the one that waits longest */
	uint64_t last_id;
	struct query all[QUERIES_MAX];
};

/* The place is free before the answer is told, which may ask again. */
static void
query_end(struct query *query, const char *json, size_t len)
{
	struct query ended = *query;

	query->id = 0;
	ended.answered(ended.arg, json, len);
}

/* Wake up when the next one is late. */
static void
queries_arm(struct queries *queries)
{
	uint64_t now = mono_ms(), next = UINT64_MAX;

	for (size_t i = 0; i < QUERIES_MAX; i++) {
		const struct query *query = &queries->all[i];

		if (query->id != 0 && query->until_ms < next)
			next = query->until_ms;
	}
	if (next == UINT64_MAX) {
		(void)event_del(queries->timer);
		return;
	}
	loop_arm(queries->timer, next > now ? next - now : 0);
}

static void
queries_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct queries *queries = arg;
	uint64_t now = mono_ms();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < QUERIES_MAX; i++) {
		struct query *query = &queries->all[i];

		if (query->id != 0 && query->until_ms <= now)
			query_end(query, NULL, 0);
	}
	queries_arm(queries);
}

struct queries *
queries_new(struct loop *loop)
{
	struct queries *queries = calloc(1, sizeof(*queries));

	if (queries == NULL)
		return NULL;
	queries->timer =
	    event_new(loop_base(loop), -1, 0, queries_on_timer, queries);
	if (queries->timer == NULL) {
		free(queries);
		errno = ENOMEM;
		return NULL;
	}
	return queries;
}

void
queries_free(struct queries **queries)
{
	if (*queries == NULL)
		return;
	queries_fail_all(*queries);
	event_free((*queries)->timer);
	free(*queries);
	*queries = NULL;
}

uint64_t
queries_add(struct queries *queries, gateway_answered *answered, void *arg)
{
	for (size_t i = 0; i < QUERIES_MAX; i++) {
		struct query *query = &queries->all[i];

		if (query->id != 0)
			continue;
		*query = (struct query){
			.id = ++queries->last_id,
			.until_ms = mono_ms() + QUERIES_WAIT_MS,
			.answered = answered,
			.arg = arg,
		};
		queries_arm(queries);
		return query->id;
	}
	return 0;
}

void
queries_answer(
    struct queries *queries, uint64_t id, const char *json, size_t len)
{
	if (id == 0)
		return;
	for (size_t i = 0; i < QUERIES_MAX; i++) {
		if (queries->all[i].id == id) {
			query_end(&queries->all[i], json, len);
			break;
		}
	}
	queries_arm(queries);
}

/* Those that are asked meanwhile, because of that, are not meant. */
void
queries_fail_all(struct queries *queries)
{
	uint64_t last = queries->last_id;

	for (size_t i = 0; i < QUERIES_MAX; i++) {
		struct query *query = &queries->all[i];

		if (query->id != 0 && query->id <= last)
			query_end(query, NULL, 0);
	}
	queries_arm(queries);
}
