/* Turns of the loop, and the order of what is put off to their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "proto/loop.h"

/* What ran, in order: one letter each. */
static char trace[64];

static void
note(char letter)
{
	size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = letter;
	trace[n + 1] = '\0';
}

struct item {
	struct deferred deferred;
	struct loop *loop;
	struct item *next; /* to put off in its turn */
	char letter;
	bool stop;
};

static void
item_run(void *arg)
{
	struct item *item = arg;

	note(item->letter);
	if (item->next != NULL)
		deferred_queue(item->loop, &item->next->deferred);
	if (item->stop)
		loop_stop(item->loop);
}

static struct item
item_of(struct loop *loop, char letter)
{
	struct item item = { .loop = loop, .letter = letter };

	return item;
}

static void
item_start(struct item *item)
{
	deferred_init(&item->deferred, item_run, item);
}

static int
setup(void **state)
{
	trace[0] = '\0';
	*state = loop_new(false);
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct loop *loop = *state;

	loop_free(&loop);
	assert_null(loop);
	loop_free(&loop);
	return 0;
}

static void
stopping_before_the_run_lets_only_deferred_work_run(void **state)
{
	struct loop *loop = *state;
	struct item a = item_of(loop, 'a');

	item_start(&a);
	deferred_queue(loop, &a.deferred);
	loop_stop(loop);
	loop_run(loop);
	assert_string_equal(trace, "a");
}

static void
deferred_work_runs_in_order_and_once(void **state)
{
	struct loop *loop = *state;
	struct item a = item_of(loop, 'a'), b = item_of(loop, 'b'),
		    c = item_of(loop, 'c');

	item_start(&a);
	item_start(&b);
	item_start(&c);
	deferred_queue(loop, &b.deferred);
	deferred_queue(loop, &a.deferred);
	deferred_queue(loop, &b.deferred);
	deferred_queue(loop, &c.deferred);
	deferred_cancel(&a.deferred);
	deferred_cancel(&a.deferred);
	loop_run(loop);
	assert_string_equal(trace, "bc");
	deferred_queue(loop, &b.deferred);
	loop_run(loop);
	assert_string_equal(trace, "bcb");
}

static void
work_deferred_by_deferred_work_runs_in_the_same_turn(void **state)
{
	struct loop *loop = *state;
	struct item a = item_of(loop, 'a'), b = item_of(loop, 'b'),
		    c = item_of(loop, 'c');

	item_start(&a);
	item_start(&b);
	item_start(&c);
	a.next = &c;
	a.stop = true;
	deferred_queue(loop, &a.deferred);
	deferred_queue(loop, &b.deferred);
	loop_run(loop);
	assert_string_equal(trace, "abc");
}

static void
a_loop_without_events_returns_instead_of_spinning(void **state)
{
	loop_run(*state);
	loop_run(*state);
}

struct pipe_case {
	struct item item;
	struct event *event;
	int fds[2];
	int left;
};

static void
on_pipe(evutil_socket_t fd, short what, void *arg)
{
	struct pipe_case *c = arg;

	(void)fd;
	(void)what;
	note('e');
	deferred_queue(c->item.loop, &c->item.deferred);
	if (--c->left == 0)
		loop_stop(c->item.loop);
}

static void
pipe_case_start(struct pipe_case *c, struct loop *loop, int left)
{
	*c = (struct pipe_case){ .item = item_of(loop, 'd'), .left = left };
	item_start(&c->item);
	assert_int_equal(pipe(c->fds), 0);
	assert_int_equal(write(c->fds[1], "x", 1), 1);
	c->event = event_new(
	    loop_base(loop), c->fds[0], EV_READ | EV_PERSIST, on_pipe, c);
	assert_non_null(c->event);
	assert_int_equal(event_add(c->event, NULL), 0);
}

static void
pipe_case_end(struct pipe_case *c)
{
	event_free(c->event);
	close(c->fds[0]);
	close(c->fds[1]);
}

static void
each_turn_ends_with_its_deferred_work(void **state)
{
	struct pipe_case c;

	pipe_case_start(&c, *state, 3);
	loop_run(*state);
	assert_string_equal(trace, "ededed");
	c.left = 1;
	loop_run(*state); /* a stop counts for one run only */
	assert_string_equal(trace, "edededed");
	pipe_case_end(&c);
}

static void
stopping_in_deferred_work_ends_the_run(void **state)
{
	struct pipe_case c;

	pipe_case_start(&c, *state, 100);
	c.item.stop = true;
	loop_run(*state);
	assert_string_equal(trace, "ed");
	pipe_case_end(&c);
}

static void
free_itself(void *arg)
{
	struct item *item = arg;

	note(item->letter);
	free(item);
}

static void
freeing_the_loop_runs_what_waits_to_be_freed(void **state)
{
	struct loop *loop = loop_new(true);
	struct item *item = malloc(sizeof(*item));

	(void)state;
	assert_non_null(loop);
	assert_non_null(item);
	*item = item_of(loop, 'f');
	deferred_init(&item->deferred, free_itself, item);
	deferred_queue(loop, &item->deferred);
	loop_free(&loop);
	assert_string_equal(trace, "f");
}

static void
the_environment_does_not_choose_the_backend(void **state)
{
	struct loop *loop;

	(void)state;
	assert_int_equal(setenv("EVENT_NOEPOLL", "1", 1), 0);
	assert_non_null(loop = loop_new(true));
	assert_int_equal(unsetenv("EVENT_NOEPOLL"), 0);
	assert_string_equal(
	    event_base_get_method(loop_base(loop)), "epoll (with changelist)");
	loop_free(&loop);
	assert_non_null(loop = loop_new(false));
	assert_string_equal(event_base_get_method(loop_base(loop)), "epoll");
	loop_free(&loop);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	note('t');
}

static void
a_timer_that_is_armed_again_runs_once_at_its_new_time(void **state)
{
	struct loop *loop = *state;
	struct event *timer = event_new(loop_base(loop), -1, 0, on_timer, NULL);
	struct timeval due, base;

	loop_arm(timer, 0);
	loop_arm(timer, UINT64_C(1234567));
	assert_int_equal(
	    event_base_gettimeofday_cached(loop_base(loop), &base), 0);
	assert_int_equal(event_pending(timer, EV_TIMEOUT, &due), EV_TIMEOUT);
	assert_in_range(due.tv_sec - base.tv_sec, 1233, 1235);
	loop_arm(timer, 0);
	loop_run(loop); /* until nothing is left to wait for */
	assert_string_equal(trace, "t");
	event_free(timer);
}

#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(stopping_before_the_run_lets_only_deferred_work_run),
		LOOP_TEST(deferred_work_runs_in_order_and_once),
		LOOP_TEST(work_deferred_by_deferred_work_runs_in_the_same_turn),
		LOOP_TEST(a_loop_without_events_returns_instead_of_spinning),
		LOOP_TEST(each_turn_ends_with_its_deferred_work),
		LOOP_TEST(stopping_in_deferred_work_ends_the_run),
		LOOP_TEST(freeing_the_loop_runs_what_waits_to_be_freed),
		LOOP_TEST(the_environment_does_not_choose_the_backend),
		LOOP_TEST(
		    a_timer_that_is_armed_again_runs_once_at_its_new_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
