/* flood.c: a token bucket that reports once a second what it dropped. */
#include <event2/event.h>

#include <inttypes.h>
#include <stdlib.h>

#include "flood.h"
#include "proto/clock.h"
#include "proto/log.h"
#include "proto/loop.h"

struct flood {
	const char *name;
	const char *what;
	struct event *timer;
	uint64_t burst;      /* in thousandths, like tokens */
	uint64_t per_second; /* whole ones, that is thousandths per ms */
	uint64_t tokens;
	uint64_t filled_at;
	uint64_t dropped;
	uint64_t unreported;
};

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flood_report(arg);
}

struct flood *
flood_new(struct loop *loop, const char *name, const char *what, uint32_t burst,
    uint32_t per_second)
{
	struct flood *flood = calloc(1, sizeof(*flood));

	if (flood == NULL)
		return NULL;
	flood->timer = evtimer_new(loop_base(loop), on_second, flood);
	if (flood->timer == NULL) {
		free(flood);
		return NULL;
	}
	flood->name = name;
	flood->what = what;
	flood->burst = (uint64_t)burst * 1000;
	flood->per_second = per_second;
	flood->tokens = flood->burst;
	flood->filled_at = mono_ms();
	return flood;
}

void
flood_free(struct flood **flood)
{
	if (*flood == NULL)
		return;
	event_free((*flood)->timer);
	free(*flood);
	*flood = NULL;
}

static void
refill(struct flood *flood, uint64_t now)
{
	uint64_t room = flood->burst - flood->tokens;
	uint64_t elapsed = now - flood->filled_at;

	flood->filled_at = now;
	if (elapsed > room / flood->per_second)
		flood->tokens = flood->burst;
	else
		flood->tokens += elapsed * flood->per_second;
}

bool
flood_pass(struct flood *flood, size_t len)
{
	static const struct timeval second = { 1, 0 };
	uint64_t cost = 1000 * (1 + (uint64_t)len / FLOOD_BYTES);

	refill(flood, mono_ms());
	if (flood->tokens >= cost) {
		flood->tokens -= cost;
		return true;
	}
	flood->dropped++;
	if (flood->unreported++ == 0)
		event_add(flood->timer, &second);
	return false;
}

void
flood_report(struct flood *flood)
{
	event_del(flood->timer);
	if (flood->unreported == 0)
		return;
	log_warning("backend %s: %" PRIu64 " %s dropped", flood->name,
	    flood->unreported, flood->what);
	flood->unreported = 0;
}

uint64_t
flood_dropped(const struct flood *flood)
{
	return flood->dropped;
}
