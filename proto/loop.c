#include "proto/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

struct loop {
	struct event_base *base;
	TAILQ_HEAD(, deferred) deferred;
	bool stopped;
};

void
deferred_init(struct deferred *d, void (*run)(void *arg), void *arg)
{
	*d = (struct deferred){ .run = run, .arg = arg };
}

void
deferred_queue(struct loop *loop, struct deferred *d)
{
	if (d->loop != NULL) {
		assert(d->loop == loop);
		return;
	}
	d->loop = loop;
	TAILQ_INSERT_TAIL(&loop->deferred, d, link);
}

void
deferred_cancel(struct deferred *d)
{
	if (d->loop == NULL)
		return;
	TAILQ_REMOVE(&d->loop->deferred, d, link);
	d->loop = NULL;
}

/* Run what was put off, and what that puts off; false if there was nothing. */
static bool
loop_run_deferred(struct loop *loop)
{
	struct deferred *d;
	bool any = false;

	while ((d = TAILQ_FIRST(&loop->deferred)) != NULL) {
		any = true;
		deferred_cancel(d);
		d->run(d->arg); /* may free d */
	}
	return any;
}

static struct event_base *
loop_base_new(bool changelist)
{
	struct event_config *config;
	struct event_base *base = NULL;
	int flags = EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NOLOCK;

	if (changelist)
		flags |= EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
	errno = 0;
	if ((config = event_config_new()) == NULL)
		goto done;
	if (event_config_set_flag(config, flags) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
done:
	if (base == NULL && errno == 0)
		errno = ENOMEM;
	return base;
}

struct loop *
loop_new(bool changelist)
{
	struct loop *loop;

	if ((loop = calloc(1, sizeof(*loop))) == NULL)
		return NULL;
	TAILQ_INIT(&loop->deferred);
	if ((loop->base = loop_base_new(changelist)) == NULL) {
		int saved = errno;

		free(loop);
		errno = saved;
		return NULL;
	}
	return loop;
}

void
loop_free(struct loop **loop)
{
	if (*loop == NULL)
		return;
	loop_run_deferred(*loop);
	event_base_free((*loop)->base);
	free(*loop);
	*loop = NULL;
}

struct event_base *
loop_base(const struct loop *loop)
{
	return loop->base;
}

void
loop_arm(struct event *timer, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(timer, &tv);
}

void
loop_run(struct loop *loop)
{
	int none = 0;
	bool any;

	/* Before the first wait: it may have no event to wake it. */
	any = loop_run_deferred(loop);
	while (!loop->stopped && (none == 0 || any)) {
		none = event_base_loop(loop->base, EVLOOP_ONCE);
		assert(none != -1); /* epoll_wait(2) fails for our bugs only */
		any = loop_run_deferred(loop);
	}
	loop->stopped = false;
}

void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
