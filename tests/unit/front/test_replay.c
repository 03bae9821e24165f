/* test_replay.c: events that may be asked for again, and which go first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "replay.h"

#define NOW  UINT64_C(1000000)
#define MANY ((size_t)64 << 20)
#define COST sizeof(struct replay_event) /* of an event besides its bytes */

struct world {
	struct replays all;
	struct replay one;
	struct replay other;
};

static void
begin(struct world *w, size_t bytes_max)
{
	replays_init(&w->all, bytes_max);
	replay_init(&w->one);
	replay_init(&w->other);
}

static void
end(struct world *w)
{
	replay_clear(&w->all, &w->one);
	replay_clear(&w->all, &w->other);
	assert_int_equal(w->all.bytes, 0);
	assert_true(TAILQ_EMPTY(&w->all.events));
}

/* Keep an event of len bytes, each of which is its number. */
static void
add(struct world *w, struct replay *replay, uint32_t stream, uint32_t event,
    size_t len, uint64_t now_ms)
{
	char *chunk = replay_add(&w->all, replay, stream, event, len, now_ms);

	assert_non_null(chunk);
	memset(chunk, (int)event, len);
}

/* The events of a stream behind one, of which the first must be this; returns
 * how many there are. */
static size_t
count(const struct replay *replay, uint32_t stream, uint32_t event,
    uint32_t first)
{
	const struct replay_event *kept = NULL;
	size_t n = 0;

	while ((kept = replay_after(replay, kept, stream, event)) != NULL) {
		if (n++ == 0)
			assert_int_equal(kept->event, first);
		assert_int_equal(kept->stream, stream);
		assert_true(kept->event > event);
		assert_int_equal(
		    (unsigned char)kept->chunk[0], kept->event & 0xff);
		event = kept->event;
	}
	return n;
}

static void
events_are_found_by_stream_in_their_order(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MANY);
	for (uint32_t event = 1; event <= 10; event++)
		for (uint32_t stream = 0; stream < 3; stream++)
			add(&w, &w.one, stream, event, 10, NOW);
	assert_int_equal(count(&w.one, 0, 0, 1), 10);
	assert_int_equal(count(&w.one, 1, 4, 5), 6);
	assert_int_equal(count(&w.one, 2, 9, 10), 1);
	assert_int_equal(count(&w.one, 2, 10, 0), 0);
	assert_int_equal(count(&w.one, 3, 0, 0), 0);
	assert_int_equal(count(&w.other, 0, 0, 0), 0);
	end(&w);
}

static void
the_oldest_events_of_a_session_make_room(void **state)
{
	const size_t len = REPLAY_SESSION_MAX / 4 - COST;
	struct world w;

	(void)state;
	begin(&w, MANY);
	add(&w, &w.other, 0, 1, 100, NOW);
	for (uint32_t event = 1; event <= 9; event++) {
		add(&w, &w.one, 0, event, len, NOW);
		assert_true(w.one.bytes <= REPLAY_SESSION_MAX);
	}
	assert_int_equal(count(&w.one, 0, 0, 6), 4);
	/* One that needs all the room. */
	add(&w, &w.one, 7, 1, REPLAY_SESSION_MAX - COST, NOW);
	assert_int_equal(count(&w.one, 0, 0, 0), 0);
	assert_int_equal(count(&w.one, 7, 0, 1), 1);
	assert_int_equal(count(&w.other, 0, 0, 1), 1);
	end(&w);
}

static void
the_oldest_events_of_all_make_room(void **state)
{
	const size_t len = 1000;
	struct world w;

	(void)state;
	begin(&w, 6 * (COST + len));
	for (uint32_t event = 1; event <= 5; event++) {
		add(&w, &w.one, 0, event, len, NOW);
		add(&w, &w.other, 0, event, len, NOW);
		assert_true(w.all.bytes <= w.all.bytes_max);
	}
	assert_int_equal(count(&w.one, 0, 0, 3), 3);
	assert_int_equal(count(&w.other, 0, 0, 3), 3);
	end(&w);
}

static void
what_is_too_large_is_not_kept_and_costs_nobody_his(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MANY);
	add(&w, &w.one, 0, 1, 100, NOW);
	assert_null(replay_add(
	    &w.all, &w.one, 0, 2, REPLAY_SESSION_MAX - COST + 1, NOW));
	assert_int_equal(count(&w.one, 0, 0, 1), 1);
	replays_limit(&w.all, 2 * (COST + 100));
	assert_null(replay_add(&w.all, &w.one, 0, 2, 300 + 2 * COST, NOW));
	assert_int_equal(count(&w.one, 0, 0, 1), 1);
	end(&w);
}

static void
a_narrower_limit_holds_at_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MANY);
	for (uint32_t event = 1; event <= 10; event++)
		add(&w, event % 2 == 1 ? &w.one : &w.other, 0, event, 100, NOW);
	replays_limit(&w.all, 3 * (COST + 100) + 99);
	assert_int_equal(w.all.bytes, 3 * (COST + 100));
	assert_int_equal(count(&w.one, 0, 0, 9), 1);
	assert_int_equal(count(&w.other, 0, 0, 8), 2);
	replays_limit(&w.all, 0);
	assert_int_equal(w.all.bytes, 0);
	assert_null(replay_add(&w.all, &w.one, 0, 11, 1, NOW));
	end(&w);
}

static void
events_are_forgotten_after_a_while(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MANY);
	add(&w, &w.one, 0, 1, 10, NOW);
	add(&w, &w.other, 0, 1, 10, NOW + 1);
	add(&w, &w.one, 0, 2, 10, NOW + 2);
	replays_expire(&w.all, NOW + REPLAY_AGE_MS - 1);
	assert_int_equal(count(&w.one, 0, 0, 1), 2);
	replays_expire(&w.all, NOW + REPLAY_AGE_MS + 1);
	assert_int_equal(count(&w.one, 0, 0, 2), 1);
	assert_int_equal(count(&w.other, 0, 0, 0), 0);
	replays_expire(&w.all, NOW + 2 * REPLAY_AGE_MS);
	assert_int_equal(w.all.bytes, 0);
	end(&w);
}

static void
an_event_may_turn_out_to_be_shorter(void **state)
{
	struct world w;

	(void)state;
	begin(&w, MANY);
	add(&w, &w.one, 0, 1, 1000, NOW);
	add(&w, &w.one, 0, 2, 1000, NOW);
	replay_shrink(&w.all, &w.one, 1);
	assert_int_equal(w.one.bytes, 2 * COST + 1001);
	assert_int_equal(w.all.bytes, w.one.bytes);
	assert_int_equal(replay_after(&w.one, NULL, 0, 1)->len, 1);
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_found_by_stream_in_their_order),
		cmocka_unit_test(the_oldest_events_of_a_session_make_room),
		cmocka_unit_test(the_oldest_events_of_all_make_room),
		cmocka_unit_test(
		    what_is_too_large_is_not_kept_and_costs_nobody_his),
		cmocka_unit_test(a_narrower_limit_holds_at_once),
		cmocka_unit_test(events_are_forgotten_after_a_while),
		cmocka_unit_test(an_event_may_turn_out_to_be_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
