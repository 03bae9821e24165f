/* inbox.c: messages from the server on their way to the transport's owner. */
#include <errno.h>
#include <stdlib.h>

#include "inbox.h"

struct inbox_message {
	TAILQ_ENTRY(inbox_message) link;
	struct buf text;
	int64_t about;
	size_t counted;
};

/* About what is kept of a message besides its text. */
#define MESSAGE_COST 128U

static void
drop(struct inbox *inbox, struct inbox_message *message)
{
	inbox->bytes -= message->counted;
	(void)held_change(inbox->held, &message->counted, 0);
	buf_free(&message->text);
	free(message);
}

static void
deliver(void *arg)
{
	struct inbox *inbox = arg;
	struct inbox_message *message;

	while (
	    inbox->reading && (message = TAILQ_FIRST(&inbox->list)) != NULL) {
		TAILQ_REMOVE(&inbox->list, message, link);
		inbox->events->message(inbox->arg, buf_data(&message->text),
		    buf_len(&message->text), message->about);
		drop(inbox, message);
	}
	if (inbox->reading)
		inbox->emptied(inbox->carrier);
}

void
inbox_init(struct inbox *inbox, struct loop *loop, struct held *held,
    const struct transport_events *events, void *arg,
    void (*emptied)(void *carrier), void *carrier)
{
	*inbox = (struct inbox){ .loop = loop,
		.held = held,
		.events = events,
		.arg = arg,
		.emptied = emptied,
		.carrier = carrier,
		.reading = true };
	TAILQ_INIT(&inbox->list);
	deferred_init(&inbox->deliver, deliver, inbox);
}

void
inbox_free(struct inbox *inbox)
{
	struct inbox_message *message;

	deferred_cancel(&inbox->deliver);
	while ((message = TAILQ_FIRST(&inbox->list)) != NULL) {
		TAILQ_REMOVE(&inbox->list, message, link);
		drop(inbox, message);
	}
}

int
inbox_take(struct inbox *inbox, struct buf *text, int64_t about)
{
	struct inbox_message *message = calloc(1, sizeof(*message));

	if (message == NULL)
		return -1;
	if (!held_change(
		inbox->held, &message->counted, buf_len(text) + MESSAGE_COST)) {
		free(message);
		errno = ENOBUFS;
		return -1;
	}
	inbox->bytes += message->counted;
	message->text = *text;
	message->about = about;
	*text = (struct buf){ 0 };
	TAILQ_INSERT_TAIL(&inbox->list, message, link);
	deferred_queue(inbox->loop, &inbox->deliver);
	return 0;
}

int
inbox_add(struct inbox *inbox, const char *text, size_t len, int64_t about)
{
	struct buf copy = { 0 };
	int error;

	if (buf_add(&copy, text, len) == 0 &&
	    inbox_take(inbox, &copy, about) == 0)
		return 0;
	error = errno;
	buf_free(&copy);
	errno = error;
	return -1;
}

bool
inbox_is_full(const struct inbox *inbox)
{
	return !inbox->reading || inbox->bytes > INBOX_TURN_MAX;
}

bool
inbox_is_empty(const struct inbox *inbox)
{
	return TAILQ_EMPTY(&inbox->list);
}

void
inbox_set_reading(struct inbox *inbox, bool on)
{
	if (inbox->reading == on)
		return;
	inbox->reading = on;
	if (on)
		deferred_queue(inbox->loop, &inbox->deliver);
}
