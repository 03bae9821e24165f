/* carrier.c: what both HTTP transports are made of. */
#include <event2/event.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "carrier.h"
#include "post.h"
#include "proto/log.h"
#include "remote.h"
#include "streamable.h"

static const struct timeval poll_interval = { 0, REMOTE_POLL_MS * 1000 };

void
carrier_fail(struct carrier *c, int64_t id, enum transport_outcome outcome,
    long status, const char *why)
{
	if (id == 0) {
		log_debug("http: a message that expects no answer: the backend "
			  "%s",
		    why);
		return;
	}
	c->status = status;
	c->events->failed(c->arg, id, outcome, why);
}

/* ---- the end ---- */

void
carrier_end(struct carrier *c, const char *why)
{
	if (c->over)
		return;
	c->over = true;
	(void)strlcpy(c->why, why, sizeof(c->why));
	deferred_queue(c->loop, &c->end);
}

/* Nothing that waits will be sent. */
static void
fail_waiting(struct carrier *c)
{
	struct queue_message *message = c->first;

	c->first = NULL;
	if (message == NULL)
		message = queue_take(&c->queue, true, true);
	while (message != NULL) {
		if (message->id != 0)
			carrier_fail(
			    c, message->id, TRANSPORT_NOT_SENT, 0, c->why);
		queue_message_free(&c->queue, &message);
		message = queue_take(&c->queue, true, true);
	}
}

static void
end_posts(struct carrier *c)
{
	struct post *post;

	while ((post = TAILQ_FIRST(&c->posts)) != NULL)
		post_free(&post);
}

static void
run_end(void *arg)
{
	struct carrier *c = arg;

	/* What came before counts; it waits for the owner to read it. */
	if (c->told || !inbox_is_empty(&c->inbox))
		return;
	c->told = true;
	event_del(c->poll);
	c->kind->ended(c);
	fail_waiting(c);
	/* The owner asks which of those under way were never sent. */
	c->events->lost(c->arg, c->why);
	end_posts(c);
}

/* ---- what goes out ---- */

/* The oldest message that may be sent now, or NULL. */
static struct queue_message *
next_message(struct carrier *c)
{
	struct queue_message *message = c->first;

	if (message != NULL) {
		c->first = NULL;
		return message;
	}
	if (c->gate != CARRIER_OPEN || c->connecting >= CARRIER_CONNECTING_MAX)
		return NULL;
	return queue_take(&c->queue, c->requests < STREAMABLE_EXCHANGES_MAX,
	    c->asides < CARRIER_ASIDES_MAX);
}

static void
run_flush(void *arg)
{
	struct carrier *c = arg;
	bool first = c->first != NULL;
	struct queue_message *message;
	struct post *post;

	if (c->over || c->closed || c->unknown || c->polling)
		return;
	for (; (message = next_message(c)) != NULL; first = c->first != NULL) {
		post = post_new(c, message);
		if (post == NULL) {
			carrier_fail(c, message->id, TRANSPORT_NOT_SENT, 0,
			    errno == EINVAL
				? "cannot be asked: a header is not valid"
				: "cannot be asked: out of memory");
			queue_message_free(&c->queue, &message);
			/* Its answer would have let the others out. */
			if (first && c->gate == CARRIER_OPENING)
				carrier_end(c, "cannot be asked");
			continue;
		}
		post->greeting = first && c->gate == CARRIER_GREETING;
		post->opening = first && c->gate == CARRIER_OPENING;
	}
}

void
carrier_flush(struct carrier *c)
{
	deferred_queue(c->loop, &c->flush);
}

static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct carrier *c = arg;

	(void)fd;
	(void)what;
	c->polling = false;
	carrier_flush(c);
}

int
carrier_send(struct transport *t, const char *text, size_t len, int64_t id)
{
	struct carrier *c = (struct carrier *)t;
	bool first = c->gate == CARRIER_NEW || c->gate == CARRIER_AGREED;
	struct queue_message *message;

	if (c->over || c->closed) {
		errno = EPIPE;
		return -1;
	}
	/* What fills the queue may wait for just this greeting. */
	if (!first && queue_is_full(&c->queue)) {
		errno = EAGAIN;
		return -1;
	}
	message = queue_message_new(&c->queue, text, len, id);
	if (message == NULL)
		return -1;
	if (first) {
		assert(c->first == NULL);
		c->first = message;
		c->gate =
		    c->gate == CARRIER_NEW ? CARRIER_GREETING : CARRIER_OPENING;
	} else {
		queue_add(&c->queue, message);
	}
	carrier_flush(c);
	return 0;
}

uint64_t
carrier_position(const struct transport *t)
{
	const struct carrier *c = (const struct carrier *)t;

	return c->queue.position;
}

bool
carrier_withdraw(struct transport *t, uint64_t position)
{
	struct carrier *c = (struct carrier *)t;
	struct queue_message *message = queue_take_at(&c->queue, position);
	struct post *post;

	if (message != NULL) {
		queue_message_free(&c->queue, &message);
		return true;
	}
	TAILQ_FOREACH (post, &c->posts, link)
		if (post->message->position == position)
			break;
	if (post == NULL || !post_abandon(post))
		return false;
	post_free(&post);
	carrier_flush(c);
	return true;
}

void
carrier_agreed(struct carrier *c)
{
	if (c->gate == CARRIER_GREETING)
		c->gate = CARRIER_AGREED;
}

void
carrier_hold(struct carrier *c)
{
	struct queue_message *aside;

	c->gate = CARRIER_NEW;
	/* What is no request is about one of the session that is over: in the
	 * next one the same id may mean another. */
	while ((aside = queue_take(&c->queue, false, true)) != NULL)
		queue_message_free(&c->queue, &aside);
}

/* ---- what comes back ---- */

bool
carrier_is_early(struct carrier *c, enum exchange_outcome outcome)
{
	if (outcome != EXCHANGE_UNREACHABLE)
		c->patient = false;
	return c->patient;
}

/* Its message is the caller's again. */
static struct queue_message *
recover(struct post *post)
{
	struct queue_message *message = post->message;
	struct carrier *c = post->carrier;

	if (message->id == 0)
		c->asides--;
	else
		c->requests--;
	post->message = NULL;
	post_free(&post);
	return message;
}

void
carrier_put_back(struct post *post)
{
	struct carrier *c = post->carrier;

	queue_add(&c->queue, recover(post));
	carrier_flush(c);
}

/* Hand out the message that the body is, or say why there is none. */
static void
conclude(struct post *post, const struct reply_end *end)
{
	struct carrier *c = post->carrier;
	int64_t id = post->message->id;
	struct buf body;

	if (end->verdict == REPLY_FAILED || end->verdict == REPLY_CUT) {
		carrier_fail(c, id, end->outcome, end->status, end->why);
		return;
	}
	if (!end->message)
		return;
	body = reply_take(&post->reply); /* for which there is room now */
	if (inbox_take(&c->inbox, &body, id) == -1) {
		buf_free(&body);
		carrier_fail(c, id, TRANSPORT_UNKNOWN, end->status,
		    "answered, and the gateway has no memory for it");
	}
}

void
carrier_post_done(struct post *post, struct reply_end *end)
{
	struct carrier *c = post->carrier;
	bool opening = post->opening;

	if (carrier_is_early(c, end->exchange)) {
		/* Nothing but initialize can be under way. */
		c->first = recover(post);
		c->polling = true;
		event_add(c->poll, &poll_interval);
		return;
	}
	if (c->kind->settle != NULL && c->kind->settle(post, end))
		return;
	conclude(post, end);
	post_free(&post);
	if (end->exchange == EXCHANGE_UNREACHABLE ||
	    end->exchange == EXCHANGE_UNTRUSTED) {
		carrier_end(c, end->why);
	} else if (opening && c->gate == CARRIER_OPENING) {
		c->gate = CARRIER_OPEN;
		if (c->kind->opened != NULL)
			c->kind->opened(c);
	}
	carrier_flush(c);
}

/* The owner has read all that came. */
static void
on_emptied(void *arg)
{
	struct carrier *c = arg;
	struct post *post;

	if (c->over) {
		deferred_queue(c->loop, &c->end);
		return;
	}
	if (!c->paused)
		return;
	c->paused = false;
	TAILQ_FOREACH (post, &c->posts, link)
		post_read_on(post);
	c->kind->read_on(c);
}

void
carrier_set_reading(struct transport *t, bool on)
{
	struct carrier *c = (struct carrier *)t;

	inbox_set_reading(&c->inbox, on);
}

/* ---- the carrier itself ---- */

int
carrier_init(struct carrier *c, const struct carrier_kind *kind,
    struct loop *loop, struct http *http, const struct transport_events *events,
    void *arg)
{
	c->kind = kind;
	c->loop = loop;
	c->http = http;
	c->events = events;
	c->arg = arg;
	inbox_init(&c->inbox, loop, &c->held, events, arg, on_emptied, c);
	queue_init(&c->queue, STREAMABLE_QUEUE_MAX);
	TAILQ_INIT(&c->posts);
	deferred_init(&c->flush, run_flush, c);
	deferred_init(&c->end, run_end, c);
	c->poll = evtimer_new(loop_base(loop), on_poll, c);
	if (c->poll == NULL) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void
carrier_free(struct carrier *c)
{
	struct queue_message *message;

	end_posts(c);
	queue_message_free(&c->queue, &c->first);
	while ((message = queue_take(&c->queue, true, true)) != NULL)
		queue_message_free(&c->queue, &message);
	inbox_free(&c->inbox);
	deferred_cancel(&c->flush);
	deferred_cancel(&c->end);
	if (c->poll != NULL)
		event_free(c->poll);
}
