/* test_health.c: pings, with timers that the test fires. */
/* wrap: event_add */
/* wrap: event_del */
#include <event2/event.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "health.h"
#include "proto/loop.h"

int __wrap_event_add(struct event *ev, const struct timeval *tv);
int __wrap_event_del(struct event *ev);

static struct event *timer; /* NULL: none is pending */
static long timer_ms;

int
__wrap_event_add(struct event *ev, const struct timeval *tv)
{
	timer = ev;
	timer_ms = (long)tv->tv_sec * 1000 + (long)tv->tv_usec / 1000;
	return 0;
}

int
__wrap_event_del(struct event *ev)
{
	(void)ev;
	timer = NULL;
	return 0;
}

struct world {
	struct loop *loop;
	struct health *health;
	uint32_t last_id;
	unsigned int pings;
	bool refuse;
	bool busy;
	bool heard;
	unsigned int losses;
	char lost[128];
};

static int
on_send(void *arg, const char *text, size_t len, int64_t id)
{
	struct world *w = arg;
	char want[64];
	int n;

	if (w->refuse)
		return -1;
	n = snprintf(want, sizeof(want),
	    "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"ping\"}", (int)id);
	assert_int_equal(len, n);
	assert_memory_equal(text, want, len);
	assert_int_equal(id, w->last_id);
	w->pings++;
	return 0;
}

static uint32_t
on_next_id(void *arg)
{
	return ++((struct world *)arg)->last_id;
}

static bool
on_busy(void *arg)
{
	return ((struct world *)arg)->busy;
}

static bool
on_heard(void *arg)
{
	struct world *w = arg;
	bool heard = w->heard;

	w->heard = false;
	return heard;
}

static void
on_lost(void *arg, const char *why)
{
	struct world *w = arg;

	w->losses++;
	(void)strlcpy(w->lost, why, sizeof(w->lost));
}

static const struct health_handlers handlers = {
	.send = on_send,
	.next_id = on_next_id,
	.busy = on_busy,
	.heard = on_heard,
	.lost = on_lost,
};

static int
set_up_with(void **state, uint32_t interval_ms)
{
	struct world *w = calloc(1, sizeof(*w));

	timer = NULL;
	if (w == NULL || (w->loop = loop_new(false)) == NULL)
		return -1;
	w->health = health_new(w->loop, interval_ms, &handlers, w);
	*state = w;
	return w->health == NULL ? -1 : 0;
}

static int
set_up_pinging(void **state)
{
	return set_up_with(state, 30000);
}

static int
set_up_silent(void **state)
{
	return set_up_with(state, 0);
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	health_free(&w->health);
	loop_free(&w->loop);
	free(w);
	return 0;
}

/* The time has come; it must be this. */
static void
pass(struct world *w, long ms)
{
	struct event *fired = timer;

	assert_non_null(fired);
	assert_int_equal(timer_ms, ms);
	timer = NULL;
	event_active(fired, EV_TIMEOUT, 0);
	assert_int_not_equal(
	    event_base_loop(loop_base(w->loop), EVLOOP_NONBLOCK), -1);
}

static void
every_interval_has_its_ping(void **state)
{
	struct world *w = *state;

	assert_null(timer);
	health_watch(w->health, true);
	for (unsigned int i = 1; i < 4; i++) {
		pass(w, 30000);
		assert_int_equal(w->pings, i);
		assert_int_equal(timer_ms, HEALTH_ANSWER_MS);
		assert_true(health_awaits(w->health, w->last_id));
		assert_false(health_answered(w->health, w->last_id + 1));
		assert_true(health_answered(w->health, w->last_id));
		assert_false(health_answered(w->health, w->last_id));
	}
	assert_int_equal(w->losses, 0);
}

static void
silence_is_the_end(void **state)
{
	struct world *w = *state;

	w->heard = true; /* before the ping: does not count */
	health_watch(w->health, true);
	pass(w, 30000);
	pass(w, 10000);
	assert_int_equal(w->losses, 1);
	assert_string_equal(w->lost, "did not answer a ping within 10 s");
	assert_null(timer);
	health_suspect(w->health);
	assert_int_equal(w->pings, 1);
}

static void
anything_that_is_said_is_life(void **state)
{
	struct world *w = *state;

	health_watch(w->health, true);
	pass(w, 30000);
	w->heard = true;
	pass(w, 10000);
	assert_int_equal(w->losses, 0);
	assert_false(health_answered(w->health, w->last_id)); /* too late */
	pass(w, 30000);
	assert_int_equal(w->pings, 2);
	pass(w, 10000);
	assert_int_equal(w->losses, 1);
}

static void
who_works_is_not_disturbed(void **state)
{
	struct world *w = *state;

	health_watch(w->health, true);
	w->busy = true;
	pass(w, 30000);
	pass(w, 30000);
	assert_int_equal(w->pings, 0);
	w->busy = false;
	pass(w, 30000);
	assert_int_equal(w->pings, 1);
}

static void
a_ping_that_cannot_be_sent_waits_for_the_next_interval(void **state)
{
	struct world *w = *state;

	health_watch(w->health, true);
	w->refuse = true;
	pass(w, 30000);
	assert_int_equal(timer_ms, 30000);
	assert_false(health_awaits(w->health, w->last_id));
	w->refuse = false;
	pass(w, 30000);
	assert_int_equal(w->pings, 1);
	assert_int_equal(w->losses, 0);
}

static void
nobody_is_blamed_while_nobody_listens(void **state)
{
	struct world *w = *state;

	health_watch(w->health, true);
	pass(w, 30000);
	health_watch(w->health, false);
	assert_null(timer);
	health_watch(w->health, true);
	assert_int_equal(timer_ms, HEALTH_ANSWER_MS); /* all of it anew */
	assert_true(health_answered(w->health, w->last_id));
	assert_int_equal(timer_ms, 30000);
}

static void
without_an_interval_only_suspicion_pings(void **state)
{
	struct world *w = *state;

	health_watch(w->health, true);
	assert_null(timer);
	health_suspect(w->health);
	health_suspect(w->health); /* never two at once */
	assert_int_equal(w->pings, 1);
	assert_true(health_answered(w->health, w->last_id));
	assert_null(timer);
	health_suspect(w->health);
	assert_int_equal(w->pings, 2);
	pass(w, 10000);
	assert_int_equal(w->losses, 1);
}

static void
a_suspicion_is_not_forgotten_while_nobody_listens(void **state)
{
	struct world *w = *state;

	health_suspect(w->health);
	assert_int_equal(w->pings, 0);
	health_watch(w->health, true);
	assert_int_equal(w->pings, 1);
	assert_true(health_answered(w->health, w->last_id));
	health_watch(w->health, false);
	health_watch(w->health, true);
	assert_int_equal(w->pings, 1);
}

/* The ping in flight, and as many more as come to nothing. */
static void
break_pings(struct world *w, enum transport_outcome outcome, const char *why)
{
	unsigned int losses = w->losses;

	for (unsigned int i = 1; i <= HEALTH_BROKEN_MAX; i++) {
		assert_int_equal(w->losses, losses);
		assert_true(health_failed(w->health, w->last_id, outcome, why));
	}
	assert_int_equal(w->losses, losses + 1);
	assert_string_equal(w->lost, why);
}

static void
pings_that_break_in_a_row_are_the_end_unless_one_was_refused(void **state)
{
	struct world *w = *state;

	health_watch(w->health, true);
	health_suspect(w->health);
	assert_false(health_failed(
	    w->health, w->last_id + 1, TRANSPORT_UNKNOWN, "is strange"));
	assert_true(
	    health_failed(w->health, w->last_id, TRANSPORT_UNKNOWN, "broke"));
	assert_true(health_failed(
	    w->health, w->last_id, TRANSPORT_REFUSED, "answered 404"));
	assert_int_equal(w->losses, 0);
	assert_int_equal(w->pings, 2);
	health_suspect(w->health);
	break_pings(w, TRANSPORT_NOT_SENT, "refused");
	health_watch(w->health, true);
	health_suspect(w->health);
	break_pings(w, TRANSPORT_UNKNOWN, "broke");
}

int
main(void)
{
#define IN_WORLD(test, set_up)                                                 \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_WORLD(every_interval_has_its_ping, set_up_pinging),
		IN_WORLD(silence_is_the_end, set_up_pinging),
		IN_WORLD(anything_that_is_said_is_life, set_up_pinging),
		IN_WORLD(who_works_is_not_disturbed, set_up_pinging),
		IN_WORLD(a_ping_that_cannot_be_sent_waits_for_the_next_interval,
		    set_up_pinging),
		IN_WORLD(nobody_is_blamed_while_nobody_listens, set_up_pinging),
		IN_WORLD(
		    without_an_interval_only_suspicion_pings, set_up_silent),
		IN_WORLD(a_suspicion_is_not_forgotten_while_nobody_listens,
		    set_up_silent),
		IN_WORLD(
		    pings_that_break_in_a_row_are_the_end_unless_one_was_refused,
		    set_up_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
