#include "replay.h"

#include <stdlib.h>

void
replays_init(struct replays *all, size_t bytes_max)
{
	TAILQ_INIT(&all->events);
	all->bytes = 0;
	all->bytes_max = bytes_max;
}

/* What an event costs. */
static size_t
cost(const struct replay_event *event)
{
	return sizeof(*event) + event->len;
}

static void
event_free(struct replays *all, struct replay_event *event)
{
	TAILQ_REMOVE(&event->replay->events, event, of_session);
	TAILQ_REMOVE(&all->events, event, of_all);
	event->replay->bytes -= cost(event);
	all->bytes -= cost(event);
	free(event);
}

void
replays_limit(struct replays *all, size_t bytes_max)
{
	all->bytes_max = bytes_max;
	while (all->bytes > all->bytes_max)
		event_free(all, TAILQ_FIRST(&all->events));
}

void
replays_expire(struct replays *all, uint64_t now_ms)
{
	struct replay_event *event;

	while ((event = TAILQ_FIRST(&all->events)) != NULL &&
	    now_ms - event->at_ms >= REPLAY_AGE_MS)
		event_free(all, event);
}

void
replay_init(struct replay *replay)
{
	TAILQ_INIT(&replay->events);
	replay->bytes = 0;
}

void
replay_clear(struct replays *all, struct replay *replay)
{
	struct replay_event *event;

	while ((event = TAILQ_FIRST(&replay->events)) != NULL)
		event_free(all, event);
}

char *
replay_add(struct replays *all, struct replay *replay, uint32_t stream,
    uint32_t number, size_t len, uint64_t now_ms)
{
	size_t bytes = sizeof(struct replay_event) + len;
	struct replay_event *event;

	if (bytes > REPLAY_SESSION_MAX || bytes > all->bytes_max ||
	    (event = malloc(bytes)) == NULL)
		return NULL;
	while (replay->bytes + bytes > REPLAY_SESSION_MAX)
		event_free(all, TAILQ_FIRST(&replay->events));
	while (all->bytes + bytes > all->bytes_max)
		event_free(all, TAILQ_FIRST(&all->events));
	event->replay = replay;
	event->at_ms = now_ms;
	event->stream = stream;
	event->event = number;
	event->len = len;
	TAILQ_INSERT_TAIL(&replay->events, event, of_session);
	TAILQ_INSERT_TAIL(&all->events, event, of_all);
	replay->bytes += bytes;
	all->bytes += bytes;
	return event->chunk;
}

void
replay_shrink(struct replays *all, struct replay *replay, size_t len)
{
	struct replay_event *event = TAILQ_LAST(&replay->events, replay_list);

	replay->bytes -= event->len - len;
	all->bytes -= event->len - len;
	event->len = len;
}

const struct replay_event *
replay_after(const struct replay *replay, const struct replay_event *last,
    uint32_t stream, uint32_t number)
{
	const struct replay_event *event = last != NULL
	    ? TAILQ_NEXT(last, of_session)
	    : TAILQ_FIRST(&replay->events);

	while (event != NULL &&
	    (event->stream != stream || event->event <= number))
		event = TAILQ_NEXT(event, of_session);
	return event;
}
