/* test_instance.c: which instances of a backend there may be, and when. */
#include <sys/resource.h>

#include "instance_fixture.h"

/* ---- one ---- */

static void
one_that_is_wanted_is_started_and_linked(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 7);
	assert_told("instance 7 3;state 3 " STATE("starting") "link 3;");
	assert_int_equal(f.capabilities, 5);
	assert_string_equal(__wrap_service_name(services[3]), "a instance 3");
	assert_ptr_equal(services[3]->config, services[1]->config);
	f.frames[0] = '\0';
	comes_up(3);
	assert_told("state 3 " STATE("setup") "state 3 " STATE("ready"));
	/* Nobody else hears of it. */
	assert_int_equal(f.policies, 1);
	assert_int_equal(roster_count(roster()), 2);
	release(3);
	assert_int_equal(services[3]->stops, 1);
	is_gone(3);
	assert_told("");
}

static void
each_is_another_one_whatever_its_key(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 7);
	want(1, 7);
	assert_told("instance 7 4;state 4 " STATE("starting") "link 4;");
	assert_non_null(services[3]);
	assert_int_equal(roster_serving(roster(), "a")->instances, 2);
}

static void
one_that_ends_by_itself_is_told_of_once_and_not_started_again(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 7);
	comes_up(3);
	f.frames[0] = '\0';
	crashes(3);
	assert_told("state 3 " STATE(
	    "stopping") "state 3 {\"state\":\"failed\",\"error\":\"exited with "
			"status 3\",\"retry_ms\":null};");
	assert_null(services[3]);
	release(3); /* the front did not know yet */
	assert_told("");
	want(1, 8);
	assert_told("instance 8 4;state 4 " STATE("starting") "link 4;");
}

static void
what_is_no_instance_is_not_released(void **state)
{
	(void)state;
	both_are_ready(A2B);
	release(1);
	release(2);
	release(3);
	release(UINT64_MAX);
	assert_int_equal(services[1]->stops + services[2]->stops, 0);
	assert_told("");
}

/* ---- which there may not be ---- */

static void
what_cannot_have_any_says_why(void **state)
{
	(void)state;
	both_are_ready(CONFIG("",
	    OWN("a", "1", "") "," ONE("b", "1") ","
						"\"c\":{\"command\":\"x\","
						"\"session\":\"auto\","
						"\"disabled\":true}"));
	want(77, 1);
	assert_told("none 1 {\"error\":\"does not exist\"};");
	want(2, 2);
	assert_none("is shared by all its clients");
	want(3, 3);
	assert_none("disabled");
	f.instance_error = "no room";
	want(1, 4);
	assert_told("none 4 {\"error\":\"has no instance to spare: the "
		    "gateway's log says why\"};");
	f.instance_error = NULL;
	instance_refuse(roster(), 9, "the gateway is stopping");
	assert_non_null(strstr(
	    f.frames, "none 9 {\"error\":\"the gateway is stopping\"};"));
	roster_stop(roster());
	want(1, 5);
	assert_none("the gateway is stopping");
	assert_int_equal(roster_serving(roster(), "a")->instances, 0);
}

static void
one_that_was_stopped_by_hand_has_none(void **state)
{
	char *error;

	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	comes_up(3);
	assert_int_equal(gateway_act(&f.gateway, "a", GATEWAY_STOP, &error), 0);
	turn();
	assert_parts("a4 serving, b2 serving, a1 leaving");
	want(4, 2);
	assert_none("stopped by mcp-gatewayctl");
	want(1, 3);
	assert_none("does not serve");
	assert_int_equal(services[3]->stops, 0); /* it may have calls */
	roster_drained(roster(), 1);
	turn();
	is_gone(1 + 2);
	is_gone(1);
}

static void
one_on_standby_has_none(void **state)
{
	(void)state;
	both_are_ready(A2B);
	reload(CONFIG("", OWN("a", "2", "") "," ONE("b", "1")));
	assert_parts("a1 serving, b2 serving, a3 standby");
	want(3, 1);
	assert_none("does not serve");
	is_ready(3);
	want(3, 2);
	assert_told("instance 2 4;state 4 " STATE("starting") "link 4;");
}

static void
there_are_max_instances_and_no_more(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	want(1, 2);
	want(1, 3);
	assert_told("none 3 {\"error\":\"has all of its 2 instances in use "
		    "(\\\"max_instances\\\")\"};");
	/* One that ends by itself is of no use to anybody. */
	become(services[3], BACKEND_STOPPING);
	turn();
	want(1, 4);
	assert_told("instance 4 5;");
	want(1, 5);
	assert_none("in use");
}

/* As many as the configuration says now. */
static void
the_limit_is_a_rule(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	want(1, 2);
	reload(CONFIG(
	    "", OWN("a", "1", ",\"max_instances\":3") "," ONE("b", "1")));
	assert_parts("a1 serving, b2 serving");
	assert_non_null(strstr(f.policy, "\"instances\":3"));
	want(1, 3);
	assert_told("instance 3 5;state 5 " STATE("starting") "link 5;");
	reload(CONFIG(
	    "", OWN("a", "1", ",\"max_instances\":1") "," ONE("b", "1")));
	turn();
	assert_int_equal(
	    services[3]->stops + services[4]->stops + services[5]->stops, 0);
	want(1, 4);
	assert_none("has all of its 3 instances in use");
}

/* Backends with as many instances as each may have, one after the other. */
static void
all_backends_together_have_a_limit(void **state)
{
	(void)state;
	serve(CONFIG("",
	    OWN("a", "1", ",\"max_instances\":256") "," OWN(
		"b", "1", ",\"max_instances\":256") "," OWN("c", "1",
		",\"max_instances\":256") "," OWN("d", "1",
		",\"max_instances\":256") "," OWN("e", "1", "")));
	for (uint64_t number = 1; number <= 4; number++) {
		for (uint32_t i = 0; i < 256; i++) {
			f.frames[0] = '\0';
			instance_want(roster(), number, i, 0);
			assert_int_equal(strncmp(f.frames, "instance ", 9), 0);
		}
	}
	want(5, 1);
	assert_none("has no instance to spare: the gateway has 1024 of all");
	release(6);
	is_gone(6);
	want(5, 1);
	assert_int_equal(strncmp(f.frames, "instance 1 ", 11), 0);
}

static void
none_is_started_without_descriptors_for_it(void **state)
{
	struct rlimit before, limit;

	(void)state;
	both_are_ready(A2B);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	/* For two backends and one instance. */
	limit.rlim_cur = 3 * INSTANCE_DESCRIPTORS + INSTANCE_DESCRIPTORS_SPARED;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	instance_want(roster(), 1, 1, 0);
	f.frames[0] = '\0';
	instance_want(roster(), 1, 2, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	turn();
	assert_non_null(services[3]);
	assert_null(services[4]);
	assert_none("no descriptors are left; raise");
}

/* ---- one after the other ---- */

static void
one_waits_for_the_end_of_one_that_was_released(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	want(1, 2);
	release(3);
	assert_int_equal(services[3]->stops, 1);
	want(1, 3);
	assert_told("instance 3 5;"); /* it has a number, and no process yet */
	assert_int_equal(services[5]->starts, 0);
	want(1, 4);
	assert_none("in use");
	f.frames[0] = '\0';
	is_gone(3);
	assert_int_equal(services[5]->starts, 1);
	assert_told("state 5 " STATE("starting") "link 5;");
}

static void
one_that_waits_goes_as_soon_as_it_is_released(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	want(1, 2);
	release(3);
	want(1, 3);
	release(5);
	assert_null(services[5]);
	is_gone(3);
	assert_told("");
	assert_int_equal(roster_serving(roster(), "a")->instances, 1);
}

static void
many_come_and_go_and_nothing_of_them_is_left(void **state)
{
	(void)state;
	both_are_ready(A2B);
	for (uint64_t i = 0; i < 300; i++) {
		want(1, 1);
		assert_non_null(services[3 + i]);
		if (i % 3 == 0)
			comes_up(3 + i);
		f.timer_count = 0;
		if (i % 3 == 1) {
			crashes(3 + i);
			f.now += BREAKER_WINDOW_MS / 2;
		} else {
			release(3 + i);
			is_gone(3 + i);
		}
		assert_null(services[3 + i]);
	}
	assert_int_equal(roster_serving(roster(), "a")->instances, 0);
	assert_int_equal(roster()->instance_count, 0);
}

/* ---- those that do not come up ---- */

static void
those_that_never_come_up_are_given_rest(void **state)
{
	struct member *a;

	(void)state;
	both_are_ready(A2B);
	a = roster_serving(roster(), "a");
	for (uint64_t i = 0; i < BREAKER_FAILURES; i++) {
		want(1, 1);
		assert_int_equal(strncmp(f.frames, "instance 1 ", 11), 0);
		crashes(3 + i);
	}
	want(1, 2);
	assert_none(
	    "has instances that do not come up: exited with status 3; tried "
	    "again in 1");
	/* The backend itself goes on. */
	assert_int_equal(services[1]->state, BACKEND_READY);
	assert_int_equal(services[1]->stops, 0);
	f.now = a->instances_retry_ms;
	want(1, 3);
	assert_int_equal(strncmp(f.frames, "instance 3 ", 11), 0);
	crashes(3 + BREAKER_FAILURES);
	assert_true(a->instances_retry_ms - f.now > BREAKER_FIRST_MS);
	f.now = a->instances_retry_ms;
	want(1, 4);
	comes_up(4 + BREAKER_FAILURES);
	assert_int_equal(a->instances_retry_ms, 0);
	/* All is forgotten. */
	want(1, 5);
	crashes(5 + BREAKER_FAILURES);
	want(1, 6);
	assert_int_equal(strncmp(f.frames, "instance 6 ", 11), 0);
}

/* A client that makes its own one end does not keep others from theirs. */
static void
those_that_were_ready_may_end_as_often_as_they_like(void **state)
{
	(void)state;
	both_are_ready(A2B);
	for (uint64_t i = 0; i < 5 * BREAKER_FAILURES; i++) {
		want(1, 1);
		assert_int_equal(strncmp(f.frames, "instance 1 ", 11), 0);
		comes_up(3 + i);
		crashes(3 + i);
	}
}

/* Nor does one that was released while it came up count. */
static void
those_that_nobody_waits_for_may_fail(void **state)
{
	(void)state;
	both_are_ready(A2B);
	for (uint64_t i = 0; i < 5 * BREAKER_FAILURES; i++) {
		want(1, 1);
		assert_int_equal(strncmp(f.frames, "instance 1 ", 11), 0);
		release(3 + i);
		become(services[3 + i], BACKEND_FAILED);
		turn();
		assert_null(services[3 + i]);
		assert_told("");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_is_wanted_is_started_and_linked),
		TEST(each_is_another_one_whatever_its_key),
		TEST(
		    one_that_ends_by_itself_is_told_of_once_and_not_started_again),
		TEST(what_is_no_instance_is_not_released),
		TEST(what_cannot_have_any_says_why),
		TEST(one_that_was_stopped_by_hand_has_none),
		TEST(one_on_standby_has_none),
		TEST(there_are_max_instances_and_no_more),
		TEST(the_limit_is_a_rule),
		TEST(all_backends_together_have_a_limit),
		TEST(none_is_started_without_descriptors_for_it),
		TEST(one_waits_for_the_end_of_one_that_was_released),
		TEST(one_that_waits_goes_as_soon_as_it_is_released),
		TEST(many_come_and_go_and_nothing_of_them_is_left),
		TEST(those_that_never_come_up_are_given_rest),
		TEST(those_that_were_ready_may_end_as_often_as_they_like),
		TEST(those_that_nobody_waits_for_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
