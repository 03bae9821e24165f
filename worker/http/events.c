/* events.c: an event stream that may end and go on where it was. */
#include <string.h>

#include "events.h"
#include "streamable.h"

/* Doubled so often, the shortest pause is over the longest. */
#define DOUBLED_MAX 11

int
events_open(struct events *events, size_t event_max)
{
	sse_parser_free(&events->parser);
	events->any = false;
	events->parser = sse_parser_new(event_max);
	return events->parser == NULL ? -1 : 0;
}

int
events_feed(struct events *events, const char *bytes, size_t n,
    void (*event)(void *arg, const struct sse_event *event), void *arg)
{
	return sse_parser_feed(events->parser, bytes, n, event, arg);
}

size_t
events_held(const struct events *events)
{
	return events->parser == NULL ? 0 : sse_parser_held(events->parser);
}

void
events_note(struct events *events, const struct sse_event *event)
{
	events->any = true;
	/* A stream that was opened again knows no id at first. */
	if (event->id[0] == '\0')
		return;
	if (strlcpy(events->last_id, event->id, sizeof(events->last_id)) >=
	    sizeof(events->last_id))
		events->last_id[0] = '\0';
}

uint32_t
events_close(struct events *events)
{
	int64_t retry = -1;
	uint64_t ms;

	if (events->parser != NULL)
		retry = sse_parser_retry(events->parser);
	if (retry >= 0)
		events->retry_ms =
		    retry < EVENTS_RETRY_MIN_MS ? EVENTS_RETRY_MIN_MS : retry;
	sse_parser_free(&events->parser);
	if (events->any)
		events->fruitless = 0;
	else if (events->fruitless < DOUBLED_MAX)
		events->fruitless++;
	events->any = false;
	if (events->retry_ms >= STREAMABLE_RETRY_MAX_MS)
		return STREAMABLE_RETRY_MAX_MS;
	ms = events->retry_ms > 0 ? (uint64_t)events->retry_ms
				  : STREAMABLE_RETRY_MS;
	ms <<= events->fruitless;
	return ms < STREAMABLE_RETRY_MAX_MS ? (uint32_t)ms
					    : STREAMABLE_RETRY_MAX_MS;
}

void
events_free(struct events *events)
{
	sse_parser_free(&events->parser);
	*events = (struct events){ 0 };
}
