/* link_held.c: requests that wait until an instance is there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front.h"
#include "instances.h"
#include "link_parts.h"
#include "session.h"

struct held_request {
	TAILQ_ENTRY(held_request) next;
	uint64_t number;
	uint32_t client;
	uint32_t len;
	char text[];
};

char *
link_hold(struct link *link, const struct frame *frame)
{
	size_t *all = &link->front->held_bytes;
	struct held_request *held;

	if ((link->held_bytes > 0 &&
		link->held_bytes + frame->length > INSTANCES_HELD_MAX) ||
	    (*all > 0 && *all + frame->length > INSTANCES_HELD_ALL_MAX)) {
		errno = EAGAIN;
		return NULL;
	}
	if ((held = malloc(sizeof(*held) + frame->length)) == NULL)
		return NULL;
	held->number = frame->id;
	held->client = frame->client;
	held->len = frame->length;
	link->held_bytes += held->len;
	*all += held->len;
	TAILQ_INSERT_TAIL(&link->held, held, next);
	return held->text;
}

/* It is not kept any more; it is the caller's. */
static void
release(struct link *link, struct held_request *held)
{
	TAILQ_REMOVE(&link->held, held, next);
	link->held_bytes -= held->len;
	link->front->held_bytes -= held->len;
}

/* The oldest one, which is the caller's now, or NULL. */
static struct held_request *
take(struct link *link)
{
	struct held_request *held = TAILQ_FIRST(&link->held);

	if (held != NULL)
		release(link, held);
	return held;
}

void
link_drop_held(struct link *link, uint64_t number)
{
	struct held_request *held;

	TAILQ_FOREACH (held, &link->held, next) {
		if (held->number == number) {
			release(link, held);
			free(held);
			return;
		}
	}
}

static struct request *
find(struct link *link, const struct held_request *held)
{
	struct request *request =
	    request_find(link->front->requests, held->number);

	return request != NULL && request->link == link ? request : NULL;
}

static void
refuse(struct link *link, struct request *request, const char *phrase)
{
	char text[768];

	snprintf(text, sizeof(text), "Backend \"%s\" %s", link->name, phrase);
	stream_answer_error(request->stream, request_bytes(&request->id),
	    RPC_INTERNAL_ERROR, text, link_data(link, LINK_NOT_SENT));
	link_end(link, request, REQUEST_UNSENT, SUBSCRIPTION_REFUSED);
}

void
link_send_held(struct link *link)
{
	struct held_request *held;
	struct request *request;

	while ((held = take(link)) != NULL) {
		struct frame frame = {
			.type = MSG_REQUEST,
			.id = held->number,
			.client = held->client,
			.length = held->len,
		};

		request = find(link, held);
		if (request != NULL &&
		    chan_send(link->chan, &frame, held->text) == -1)
			refuse(link, request, "does not read its requests");
		free(held);
	}
}

void
link_fail_held(struct link *link, const char *phrase)
{
	struct held_request *held;
	struct request *request;

	while ((held = take(link)) != NULL) {
		if ((request = find(link, held)) != NULL)
			refuse(link, request, phrase);
		free(held);
	}
}
