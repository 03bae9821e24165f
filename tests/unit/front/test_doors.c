/* test_doors.c: listeners are open or closed together. */
/* wrap: evconnlistener_enable */
/* wrap: evconnlistener_disable */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/http.h>

#include <cmocka.h>

#include "doors.h"

#define LISTENERS 3

struct evconnlistener;
int __wrap_evconnlistener_enable(struct evconnlistener *listener);
int __wrap_evconnlistener_disable(struct evconnlistener *listener);

static struct event_base *base;
static struct evhttp *http;
static struct evhttp_bound_socket *bound[LISTENERS];
static bool counting;
static size_t opened, closed;

int
__wrap_evconnlistener_enable(struct evconnlistener *listener)
{
	(void)listener;
	opened += counting ? 1 : 0;
	return 0;
}

int
__wrap_evconnlistener_disable(struct evconnlistener *listener)
{
	(void)listener;
	closed += counting ? 1 : 0;
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	base = event_base_new();
	http = evhttp_new(base);
	for (size_t i = 0; i < LISTENERS; i++)
		bound[i] = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	counting = true;
	opened = closed = 0;
	return bound[LISTENERS - 1] != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	counting = false;
	evhttp_free(http);
	event_base_free(base);
	return 0;
}

static void
all_of_them_and_none_that_is_gone(void **state)
{
	struct doors doors = { 0 };

	(void)state;
	doors_open(&doors, true);
	assert_int_equal(opened, 0);
	for (size_t i = 0; i < LISTENERS; i++)
		doors_add(&doors, bound[i]);
	doors_open(&doors, false);
	assert_int_equal(closed, 3);
	doors_remove(&doors, bound[0]);
	doors_open(&doors, true);
	assert_int_equal(opened, 2);
	doors_remove(&doors, bound[0]);
	doors_remove(&doors, bound[2]);
	doors_remove(&doors, bound[1]);
	doors_open(&doors, false);
	assert_int_equal(closed, 3);
	assert_int_equal(doors.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    all_of_them_and_none_that_is_gone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
