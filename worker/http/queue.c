/* queue.c: messages to the server that wait for their turn. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue.h"

void
queue_init(struct queue *queue, size_t max)
{
	*queue = (struct queue){ .max = max };
	TAILQ_INIT(&queue->requests);
	TAILQ_INIT(&queue->asides);
}

static struct queue_list *
list_of(struct queue *queue, const struct queue_message *message)
{
	return message->id == 0 ? &queue->asides : &queue->requests;
}

bool
queue_is_full(const struct queue *queue)
{
	return queue->bytes >= queue->max;
}

struct queue_message *
queue_message_new(struct queue *queue, const char *text, size_t len, int64_t id)
{
	struct queue_message *message;

	message = calloc(1, sizeof(*message));
	if (message == NULL)
		return NULL;
	message->text = malloc(len + 1);
	if (message->text == NULL) {
		free(message);
		errno = ENOMEM;
		return NULL;
	}
	memcpy(message->text, text, len);
	message->text[len] = '\0';
	message->len = len;
	message->id = id;
	message->position = queue->position++;
	queue->bytes += len;
	return message;
}

void
queue_drop_text(struct queue *queue, struct queue_message *message)
{
	if (message->text == NULL)
		return;
	queue->bytes -= message->len;
	free(message->text);
	message->text = NULL;
}

void
queue_message_free(struct queue *queue, struct queue_message **message)
{
	if (*message == NULL)
		return;
	queue_drop_text(queue, *message);
	free(*message);
	*message = NULL;
}

void
queue_add(struct queue *queue, struct queue_message *message)
{
	struct queue_list *list = list_of(queue, message);
	struct queue_message *last = TAILQ_LAST(list, queue_list);
	struct queue_message *later;

	if (last == NULL || last->position < message->position) {
		TAILQ_INSERT_TAIL(list, message, link);
		return;
	}
	/* One that comes back is older than nearly all. */
	later = TAILQ_FIRST(list);
	while (later->position < message->position)
		later = TAILQ_NEXT(later, link);
	TAILQ_INSERT_BEFORE(later, message, link);
}

struct queue_message *
queue_take(struct queue *queue, bool requests, bool asides)
{
	struct queue_message *request = TAILQ_FIRST(&queue->requests);
	struct queue_message *aside = TAILQ_FIRST(&queue->asides);
	struct queue_message *message = requests ? request : NULL;

	if (asides && aside != NULL &&
	    (message == NULL || aside->position < message->position))
		message = aside;
	if (message != NULL)
		TAILQ_REMOVE(list_of(queue, message), message, link);
	return message;
}

static struct queue_message *
find(struct queue_list *list, uint64_t position)
{
	struct queue_message *message;

	TAILQ_FOREACH (message, list, link)
		if (message->position >= position)
			break;
	return message != NULL && message->position == position ? message
								: NULL;
}

struct queue_message *
queue_take_at(struct queue *queue, uint64_t position)
{
	struct queue_message *message = find(&queue->requests, position);

	if (message == NULL)
		message = find(&queue->asides, position);
	if (message != NULL)
		TAILQ_REMOVE(list_of(queue, message), message, link);
	return message;
}
