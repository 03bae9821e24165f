/* post.c: one message under way, until all of its answer has come. */
#include <event2/event.h>

#include <stdlib.h>
#include <string.h>

#include "post.h"
#include "proto/log.h"
#include "streamable.h"

/* Many streams that ended together go on one after the other. */
#define POST_TURN_MS 50U

static void
arm(struct post *post, uint32_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000) * 1000 };

	event_add(post->timer, &tv);
}

/* It has a connection, or needs none any more: it is another one's turn. */
static void
connected(struct post *post)
{
	if (!post->connecting)
		return;
	post->connecting = false;
	post->carrier->connecting--;
	carrier_flush(post->carrier);
}

/* ---- what the exchange says, from within libcurl ---- */

static void
on_begun(void *arg)
{
	connected(arg);
}

static void
on_head(void *arg, const struct exchange_head *head)
{
	struct post *post = arg;

	post->carrier->patient = false;
	reply_head(&post->reply, head);
	/* With these two it may be sent once more. */
	if (head->status != 404 && head->status != 400)
		queue_drop_text(&post->carrier->queue, post->message);
	if (post->carrier->kind->head != NULL)
		post->carrier->kind->head(post, head);
}

static bool
on_body(void *arg, const char *bytes, size_t n)
{
	struct post *post = arg;

	if (!reply_body(&post->reply, bytes, n))
		return false;
	if (inbox_is_full(&post->carrier->inbox)) {
		post->paused = true;
		post->carrier->paused = true;
		exchange_pause(post->exchange, true);
	}
	return true;
}

/* An event came.  0, or -1 with errno ENOMEM. */
static int
on_event(void *arg, const struct sse_event *event)
{
	struct post *post = arg;
	struct reply *reply = &post->reply;
	bool is_answer;

	if (event->data_len == 0 || strcmp(event->type, "message") != 0)
		return 0;
	is_answer = !reply->answered && reply->id != 0 &&
	    reply_is_answer(event->data, event->data_len, reply->id);
	/* A session that is over: what it asks cannot be answered in the next
	 * one, where the same id may mean something else. */
	if (post->session != post->carrier->session && !is_answer)
		return 0;
	if (inbox_add(&post->carrier->inbox, event->data, event->data_len,
		reply->id) == -1)
		return -1;
	if (is_answer)
		post_answered(post);
	return 0;
}

static void
on_done(void *arg, enum exchange_outcome outcome, const char *why)
{
	struct post *post = arg;
	struct reply_end end;

	post->exchange = NULL;
	post->paused = false;
	connected(post);
	event_del(post->timer);
	reply_finish(&post->reply, outcome, why, &end);
	carrier_post_done(post, &end);
}

static const struct exchange_handlers handlers = {
	.begun = on_begun,
	.head = on_head,
	.body = on_body,
	.done = on_done,
};

/* ---- its life ---- */

/* Let the carrier judge a post whose exchange will not end by itself. */
static void
give_up(struct post *post, const char *why)
{
	struct reply_end end;

	exchange_cancel(&post->exchange);
	post->paused = false;
	connected(post);
	reply_finish(&post->reply, EXCHANGE_STOPPED, why, &end);
	if (end.verdict != REPLY_ANSWERED) {
		end.verdict = REPLY_FAILED;
		end.outcome = TRANSPORT_UNKNOWN;
		end.status = 0;
		end.forgotten = false;
		(void)strlcpy(end.why, why, sizeof(end.why));
	}
	end.message = false;
	carrier_post_done(post, &end);
}

static int
start(struct post *post, const struct exchange_request *request)
{
	struct carrier *c = post->carrier;

	post->exchange = exchange_start(c->http, request, &handlers, post);
	if (post->exchange == NULL)
		return -1;
	post->connecting = true;
	c->connecting++;
	return 0;
}

static void
resume(struct post *post)
{
	struct exchange_request request = { .method = EXCHANGE_GET };

	if (post->carrier->connecting >= CARRIER_CONNECTING_MAX) {
		arm(post, POST_TURN_MS);
		return;
	}
	post->carrier->kind->address(post->carrier, &request);
	request.accept = "text/event-stream";
	request.last_event_id = post->reply.events.last_id;
	reply_again(&post->reply);
	if (start(post, &request) == -1) {
		/* Its id is no header, or there is no memory: not again. */
		post->reply.events.last_id[0] = '\0';
		give_up(post, "closed the stream before its answer");
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct post *post = arg;

	(void)fd;
	(void)what;
	if (post->abandoned || post->reply.answered)
		give_up(post, "did not answer a request that was given up");
	else
		resume(post);
}

static void
count(const struct post *post, int by)
{
	struct carrier *c = post->carrier;

	if (post->message->id == 0)
		c->asides += (unsigned int)by;
	else
		c->requests += (unsigned int)by;
}

struct post *
post_new(struct carrier *c, struct queue_message *message)
{
	struct exchange_request request = { .method = EXCHANGE_POST,
		.accept = c->kind->accept,
		.body = message->text,
		.body_len = message->len };
	struct post *post = calloc(1, sizeof(*post));

	if (post == NULL)
		return NULL;
	post->carrier = c;
	reply_init(&post->reply, c->kind->mode, message->id, c->message_max,
	    &c->held, on_event, post);
	post->timer = evtimer_new(loop_base(c->loop), on_timer, post);
	if (message->id == 0)
		request.timeout_ms = (uint32_t)EXCHANGE_STATUS_MS;
	c->kind->address(c, &request);
	if (post->timer == NULL || start(post, &request) == -1) {
		if (post->timer != NULL)
			event_free(post->timer);
		free(post);
		return NULL;
	}
	post->message = message;
	post->session = c->session;
	count(post, 1);
	TAILQ_INSERT_TAIL(&c->posts, post, link);
	return post;
}

void
post_free(struct post **post)
{
	struct post *p = *post;

	if (p == NULL)
		return;
	exchange_cancel(&p->exchange);
	connected(p);
	TAILQ_REMOVE(&p->carrier->posts, p, link);
	if (p->message != NULL)
		count(p, -1);
	queue_message_free(&p->carrier->queue, &p->message);
	event_free(p->timer);
	reply_free(&p->reply);
	free(p);
	*post = NULL;
}

void
post_resume(struct post *post, uint32_t ms)
{
	post->resumed = true;
	arm(post, ms);
}

bool
post_abandon(struct post *post)
{
	if (post->exchange != NULL && !post->resumed &&
	    !exchange_is_sent(post->exchange))
		return true;
	if (!post->abandoned) {
		post->abandoned = true;
		arm(post, STREAMABLE_ABANDONED_MS);
	}
	return false;
}

void
post_answered(struct post *post)
{
	if (post->reply.answered)
		return;
	post->reply.answered = true;
	arm(post, STREAMABLE_ABANDONED_MS);
}

void
post_read_on(struct post *post)
{
	if (!post->paused)
		return;
	post->paused = false;
	exchange_pause(post->exchange, false);
}
