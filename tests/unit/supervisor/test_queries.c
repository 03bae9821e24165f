/* test_queries.c: everybody who asks the front gets one answer, or none in
 * time. */
/* wrap: mono_ms */
/* wrap: event_add */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "queries.h"

static uint64_t now = 1000;
/* The timer, which never runs by itself. */
static struct event *timer;
static struct timeval timer_wait;

uint64_t
__wrap_mono_ms(void)
{
	return now;
}

int
__wrap_event_add(struct event *event, const struct timeval *wait)
{
	timer = event;
	timer_wait = *wait;
	return 0;
}

struct asker {
	struct queries *queries;
	unsigned int answers;
	unsigned int failures;
	char text[16];
	bool asks_again;
};

static void
on_answer(void *arg, const char *json, size_t len)
{
	struct asker *asker = arg;

	if (json == NULL) {
		asker->failures++;
	} else {
		asker->answers++;
		memcpy(asker->text, json, len);
		asker->text[len] = '\0';
	}
	if (asker->asks_again) {
		asker->asks_again = false;
		assert_int_not_equal(
		    queries_add(asker->queries, on_answer, asker), 0);
	}
}

static int
set_up(void **state)
{
	static struct asker asker;

	memset(&asker, 0, sizeof(asker));
	now = 1000;
	timer = NULL;
	*state = &asker;
	return 0;
}

static void
fire(struct loop *loop)
{
	assert_non_null(timer);
	event_active(timer, EV_TIMEOUT, 1);
	(void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
}

static void
an_answer_goes_once_to_who_asked(void **state)
{
	struct asker *a = *state, b = { .answers = 0 };
	struct loop *loop = loop_new(false);
	struct queries *queries = queries_new(loop);
	uint64_t one = queries_add(queries, on_answer, a);
	uint64_t two = queries_add(queries, on_answer, &b);

	assert_int_not_equal(one, two);
	queries_answer(queries, two, "{\"b\":1}x", 7);
	queries_answer(queries, two, "late", 4);
	queries_answer(queries, 99, "none", 4);
	queries_answer(queries, 0, "free", 4);
	assert_int_equal(b.answers, 1);
	assert_string_equal(b.text, "{\"b\":1}");
	assert_int_equal(a->answers, 0);
	queries_free(&queries);
	assert_int_equal(a->failures, 1);
	assert_int_equal(b.failures, 0);
	loop_free(&loop);
}

static void
who_gets_no_answer_in_time_is_told(void **state)
{
	struct asker *a = *state, b = { .answers = 0 };
	struct loop *loop = loop_new(false);
	struct queries *queries = queries_new(loop);

	(void)queries_add(queries, on_answer, a);
	assert_int_equal(timer_wait.tv_sec, QUERIES_WAIT_MS / 1000);
	now += QUERIES_WAIT_MS - 1;
	(void)queries_add(queries, on_answer, &b);
	assert_int_equal(timer_wait.tv_sec, 0);
	assert_int_equal(timer_wait.tv_usec, 1000);
	fire(loop);
	assert_int_equal(a->failures, 0);
	now++;
	fire(loop);
	assert_int_equal(a->failures, 1);
	assert_int_equal(b.failures, 0);
	queries_free(&queries);
	loop_free(&loop);
}

static void
too_many_at_once_are_refused_and_places_come_free(void **state)
{
	struct asker *a = *state;
	struct loop *loop = loop_new(false);
	struct queries *queries = queries_new(loop);
	uint64_t last = 0;

	for (int i = 0; i < QUERIES_MAX; i++)
		assert_int_not_equal(
		    last = queries_add(queries, on_answer, a), 0);
	assert_int_equal(queries_add(queries, on_answer, a), 0);
	queries_answer(queries, last, "{}", 2);
	assert_int_not_equal(queries_add(queries, on_answer, a), 0);
	queries_free(&queries);
	assert_int_equal(a->answers, 1);
	assert_int_equal(a->failures, QUERIES_MAX);
	loop_free(&loop);
}

static void
who_asks_again_when_the_front_dies_waits_for_the_next_one(void **state)
{
	struct asker *a = *state;
	struct loop *loop = loop_new(false);
	struct queries *queries = queries_new(loop);

	a->queries = queries;
	a->asks_again = true;
	(void)queries_add(queries, on_answer, a);
	queries_fail_all(queries);
	assert_int_equal(a->failures, 1);
	queries_free(&queries);
	assert_int_equal(a->failures, 2);
	loop_free(&loop);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_goes_once_to_who_asked),
		TEST(who_gets_no_answer_in_time_is_told),
		TEST(too_many_at_once_are_refused_and_places_come_free),
		TEST(who_asks_again_when_the_front_dies_waits_for_the_next_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
