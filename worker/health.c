/* health.c: pings to the backend. */
#include <event2/event.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "health.h"
#include "proto/loop.h"

struct health {
	uint32_t interval_ms;
	const struct health_handlers *handlers;
	void *arg;
	bool watching;
	bool suspected;      /* while not watching */
	uint32_t id;         /* of the ping that is not answered, or 0 */
	unsigned int broken; /* pings in a row that came to nothing */
	/* With an id: the end of our patience; without: the next ping. */
	struct event *timer;
};

static void on_timer(evutil_socket_t fd, short what, void *arg);

struct health *
health_new(struct loop *loop, uint32_t interval_ms,
    const struct health_handlers *handlers, void *arg)
{
	struct health *health = calloc(1, sizeof(*health));

	if (health == NULL)
		return NULL;
	health->interval_ms = interval_ms;
	health->handlers = handlers;
	health->arg = arg;
	health->timer = evtimer_new(loop_base(loop), on_timer, health);
	if (health->timer == NULL)
		health_free(&health);
	return health;
}

void
health_free(struct health **health)
{
	if (*health == NULL)
		return;
	if ((*health)->timer != NULL)
		event_free((*health)->timer);
	free(*health);
	*health = NULL;
}

/* Wait for what comes next. */
static void
arm(struct health *health)
{
	uint32_t ms = health->id != 0 ? HEALTH_ANSWER_MS : health->interval_ms;
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	event_del(health->timer);
	if (health->watching && ms != 0)
		event_add(health->timer, &tv);
}

/* It is alive. */
static void
reassure(struct health *health)
{
	health->id = 0;
	health->broken = 0;
	arm(health);
}

static void
ping(struct health *health)
{
	char text[64];
	uint32_t id = health->handlers->next_id(health->arg);
	int n;

	n = snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu32 ",\"method\":\"ping\"}", id);
	assert(n > 0 && (size_t)n < sizeof(text));
	(void)health->handlers->heard(health->arg); /* what came before */
	if (health->handlers->send(health->arg, text, (size_t)n, id) == 0)
		health->id = id;
	/* Else it has much to read, or is lost, which its owner hears. */
	arm(health);
}

static void
give_up(struct health *health, const char *why)
{
	health->id = 0;
	health->broken = 0;
	health->watching = false;
	arm(health);
	health->handlers->lost(health->arg, why);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct health *health = arg;
	char why[64];

	(void)fd;
	(void)what;
	if (health->id == 0) {
		if (health->handlers->busy(health->arg))
			arm(health);
		else
			ping(health);
		return;
	}
	if (health->handlers->heard(health->arg)) {
		reassure(health);
		return;
	}
	(void)snprintf(why, sizeof(why), "did not answer a ping within %g s",
	    HEALTH_ANSWER_MS / 1000.0);
	give_up(health, why);
}

void
health_watch(struct health *health, bool on)
{
	if (health->watching == on)
		return;
	health->watching = on;
	if (on && health->suspected && health->id == 0)
		ping(health);
	else
		arm(health);
	health->suspected = health->suspected && !on;
}

void
health_suspect(struct health *health)
{
	if (!health->watching)
		health->suspected = true;
	else if (health->id == 0)
		ping(health);
}

bool
health_answered(struct health *health, int64_t id)
{
	if (!health_awaits(health, id))
		return false;
	reassure(health);
	return true;
}

bool
health_failed(struct health *health, int64_t id, enum transport_outcome outcome,
    const char *why)
{
	if (!health_awaits(health, id))
		return false;
	if (outcome == TRANSPORT_REFUSED || !health->watching)
		reassure(health); /* it was there to refuse it */
	else if (++health->broken < HEALTH_BROKEN_MAX)
		ping(health);
	else
		give_up(health, why);
	return true;
}

bool
health_awaits(const struct health *health, int64_t id)
{
	return health->id != 0 && health->id == id;
}
