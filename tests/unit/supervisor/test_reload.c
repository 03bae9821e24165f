/* test_reload.c: what a reload does to backends, rules and sockets, and when.
 */
#include "reload_fixture.h"

static void
what_is_the_same_is_left_alone(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(AB);
	assert_int_equal(f.done, 1);
	assert_string_equal(f.summary, "nothing has changed");
	assert_int_equal(f.policies, 1); /* the first one */
	assert_int_equal(services[1]->starts, 1);
	assert_int_equal(services[1]->stops, 0);
	assert_int_equal(f.sockets_closed, 0);
	assert_int_equal(f.reloading, 1);
	assert_int_equal(f.ready, 1);
	assert_int_equal(reload_count(f.gateway.reload), 1);
	/* What it was made of is gone; it has the new one. */
	assert_ptr_equal(services[1]->config, &f.gateway.config->backends[0]);
}

static void
rules_apply_at_once_and_touch_no_process(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(CONFIG("\"log_level\":\"debug\"",
	    "\"a\":{\"command\":\"/bin/true\",\"args\":[\"1\"],"
	    "\"tools\":{\"deny\":[\"rm\"]}}," ONE("b", "1")));
	assert_string_equal(f.summary, "other rules");
	assert_int_equal(f.policies, 2);
	assert_non_null(strstr(f.policy, "\"deny\":[\"rm\"]"));
	assert_parts("a1 serving, b2 serving");
	assert_int_equal(services[1]->starts + services[2]->starts, 2);
	assert_int_equal(f.level, LOG_LEVEL_DEBUG);
}

static void
a_changed_one_serves_when_it_is_listed_and_the_old_one_drains(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(CONFIG("", ONE("a", "2") "," ONE("b", "1")));
	assert_int_equal(f.done, 0);
	assert_parts("a1 serving, b2 serving, a3 standby");
	assert_int_equal(services[3]->starts, 1);
	assert_int_equal(f.policies, 2);
	is_ready(3);
	assert_int_equal(f.policies, 3);
	assert_parts("a3 serving, b2 serving, a1 leaving");
	assert_int_equal(f.done, 1);
	assert_string_equal(f.summary, "1 backend replaced");
	assert_int_equal(services[1]->stops, 0); /* it has calls in flight */
	roster_drained(f.gateway.roster, 2);     /* serves: means nothing */
	roster_drained(f.gateway.roster, 1);
	roster_drained(f.gateway.roster, 1);
	assert_int_equal(services[2]->stops, 0);
	assert_int_equal(services[1]->stops, 1);
	is_gone(1);
	time_goes_by(ROSTER_TIDY_MS);
	assert_parts("a3 serving, b2 serving");
	assert_int_equal(services[2]->starts, 1);
}

static void
the_lists_may_come_before_the_worker_says_so(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(CONFIG("", ONE("a", "2") "," ONE("b", "1")));
	is_listed(3);
	become(services[3], BACKEND_SETUP);
	turn();
	assert_parts("a3 serving, b2 serving, a1 leaving");
}

/* The front may have read the last it said before it sees that it is gone. */
static void
the_lists_of_one_that_has_ended_do_not_make_it_serve(void **state)
{
	(void)state;
	serve(CONFIG("", ONE("a", "1")));
	is_ready(1);
	reload(CONFIG("", ONE("a", "2")));
	become(services[2], BACKEND_SETUP);
	has_failed(2, BACKEND_STOPPING);
	is_listed(2);
	turn();
	assert_parts("a1 serving, a2 standby");
	/* Nor do they when the next one runs. */
	become(services[2], BACKEND_BACKOFF);
	become(services[2], BACKEND_STARTING);
	services[2]->handlers->link(services[2]->arg, services[2]);
	become(services[2], BACKEND_SETUP);
	roster_listed(f.gateway.roster, 2, services[2]->generation - 1);
	turn();
	assert_parts("a1 serving, a2 standby");
	is_ready(2);
	assert_parts("a2 serving, a1 leaving");
}

static void
what_takes_too_long_to_drain_is_ended(void **state)
{
	(void)state;
	serve(CONFIG("\"drain_timeout\":7", ONE("a", "1")));
	is_ready(1);
	reload(CONFIG("\"drain_timeout\":7", ""));
	assert_parts("a1 leaving");
	assert_string_equal(f.summary, "1 backend removed");
	assert_int_equal(services[1]->stops, 0);
	time_goes_by(7000);
	assert_int_equal(services[1]->stops, 1);
	is_gone(1);
}

static void
what_dies_while_it_drains_is_not_started_again(void **state)
{
	(void)state;
	serve(CONFIG("", ONE("a", "1")));
	is_ready(1);
	reload(CONFIG("", ""));
	become(services[1], BACKEND_STOPPING);
	turn();
	assert_int_equal(services[1]->stops, 1);
	is_gone(1);
}

static void
several_changes_are_one_for_clients(void **state)
{
	(void)state;
	serve(CONFIG("", ONE("a", "1") "," ONE("b", "1") "," ONE("c", "1")));
	is_ready(1);
	is_ready(2);
	is_ready(3);
	reload(CONFIG("", ONE("d", "1") "," ONE("b", "2") "," ONE("a", "2")));
	assert_parts("a1 serving, b2 serving, c3 serving, d4 standby, "
		     "b5 standby, a6 standby");
	is_ready(5);
	is_ready(4);
	assert_int_equal(f.policies, 2);
	assert_int_equal(f.done, 0);
	is_ready(6);
	assert_int_equal(f.policies, 3);
	assert_parts("d4 serving, b5 serving, a6 serving, b2 leaving, "
		     "a1 leaving, c3 leaving");
	assert_string_equal(
	    f.summary, "2 backends replaced, 1 added, 1 removed");
}

static void
one_that_fails_does_not_hold_the_others_up(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(CONFIG("", ONE("a", "2") "," ONE("b", "2")));
	is_ready(3);
	__wrap_service_explain(services[4], "no luck");
	has_failed(4, BACKEND_BACKOFF);
	assert_parts("a3 serving, b2 serving, b4 standby, a1 leaving");
	assert_string_equal(f.summary,
	    "2 backends replaced; b is not ready yet: no luck (the one before "
	    "it serves until it is)");
	/* Later it works. */
	become(services[4], BACKEND_STARTING);
	is_ready(4);
	assert_parts("a3 serving, b4 serving, a1 leaving, b2 leaving");
}

static void
one_that_fails_for_good_leaves_the_old_one_serving(void **state)
{
	(void)state;
	serve(CONFIG("", ONE("a", "1")));
	is_ready(1);
	reload(CONFIG("", ONE("a", "2")));
	has_failed(2, BACKEND_BACKOFF);
	assert_parts("a1 serving, a2 standby");
	has_failed(2, BACKEND_FAILED);
	assert_parts("a1 serving, a2 standby");
	/* The next reload mends it. */
	reload(CONFIG("", ONE("a", "3")));
	is_ready(3);
	assert_parts("a3 serving, a1 leaving");
}

static void
one_that_is_slow_does_not_hold_the_others_up_for_ever(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(CONFIG("", ONE("a", "2") "," ONE("c", "2")));
	is_ready(3);
	assert_int_equal(f.done, 0);
	time_goes_by(RELOAD_WAIT_MS);
	assert_int_equal(f.done, 1);
	assert_parts("a3 serving, c4 serving, a1 leaving, b2 leaving");
	assert_string_equal(f.summary,
	    "1 backend replaced, 1 added, 1 removed; c is not ready yet");
}

static void
where_nothing_can_be_kept_the_new_one_serves_at_once(void **state)
{
	(void)state;
	serve(AB);
	is_ready(2);
	has_failed(1, BACKEND_FAILED);
	reload(CONFIG("", ONE("a", "2") "," ONE("b", "1")));
	assert_int_equal(services[3]->starts, 1);
	assert_null(services[1]);
	assert_int_equal(f.policies, 2);
	assert_non_null(strstr(f.policy,
	    "{\"number\":3,\"name\":\"a\","
	    "\"part\":\"serving\""));
	assert_int_equal(f.done, 0);
	is_ready(3);
	assert_int_equal(f.done, 1);
}

static void
one_that_failed_is_removed_at_once(void **state)
{
	(void)state;
	serve(AB);
	is_ready(2);
	has_failed(1, BACKEND_BACKOFF);
	reload(CONFIG("", ONE("b", "1")));
	assert_null(services[1]);
	assert_int_equal(f.done, 1);
}

static void
two_do_not_share_a_port(void **state)
{
	(void)state;
	serve(CONFIG("", PORT("a", "1")));
	is_ready(1);
	reload(CONFIG("", PORT("a", "2")));
	assert_parts("a2 serving, a1 leaving");
	assert_int_equal(services[2]->starts, 0);
	assert_non_null(strstr(services[2]->reason, "waits for"));
	/* Nor does a third one: it waits for the first. */
	reload(CONFIG("", PORT("a", "3")));
	roster_drained(f.gateway.roster, 1);
	turn();
	assert_int_equal(services[1]->stops, 1);
	assert_int_equal(f.done, 0);
	time_goes_by(RELOAD_WAIT_MS);
	assert_int_equal(f.done, 1);
	time_goes_by(RELOAD_WAIT_MS);
	assert_int_equal(f.done, 2);
	assert_null(services[2]);
	assert_int_equal(services[3]->starts, 0);
	is_gone(1);
	assert_int_equal(services[3]->starts, 1);
	assert_string_equal(services[3]->reason, "");
}

static void
back_to_what_there_was_drops_what_was_on_its_way(void **state)
{
	(void)state;
	serve(CONFIG("", ONE("a", "1")));
	is_ready(1);
	reload(CONFIG("", ONE("a", "2")));
	has_failed(2, BACKEND_BACKOFF);
	assert_int_equal(f.done, 1);
	/* The same again: it goes on trying. */
	reload(CONFIG("", ONE("a", "2")));
	assert_int_equal(f.done, 2);
	assert_string_equal(f.summary,
	    "nothing has changed; a is not ready yet (the one before it serves "
	    "until it is)");
	assert_non_null(services[2]);
	reload(CONFIG("", ONE("a", "1")));
	assert_int_equal(f.done, 3);
	assert_null(services[2]);
	assert_int_equal(services[1]->stops, 0);
	time_goes_by(ROSTER_TIDY_MS);
	assert_parts("a1 serving");
}

static void
a_disabled_one_has_no_process(void **state)
{
	(void)state;
	serve(CONFIG("", ONE("a", "1")));
	is_ready(1);
	reload(
	    CONFIG("", "\"a\":{\"command\":\"/bin/true\",\"disabled\":true}"));
	assert_int_equal(f.done, 1);
	assert_parts("a2 serving, a1 leaving");
	roster_drained(f.gateway.roster, 1);
	is_gone(1);
	reload(CONFIG("", ONE("a", "1")));
	assert_null(services[2]);
	assert_int_equal(services[3]->starts, 1);
}

/* ---- the front ---- */

static void
with_the_front_goes_what_was_drained(void **state)
{
	(void)state;
	serve(CONFIG("", ONE("a", "1")));
	is_ready(1);
	reload(CONFIG("", ONE("a", "2")));
	is_ready(2);
	assert_int_equal(services[1]->stops, 0);
	f.front = false;
	roster_front_gone(f.gateway.roster);
	assert_int_equal(services[1]->stops, 1);
}

static void
a_new_front_is_told_all(void **state)
{
	(void)state;
	serve(CONFIG("", ONE("a", "1")));
	is_ready(1);
	reload(CONFIG("", ONE("a", "2")));
	f.front = false;
	roster_front_gone(f.gateway.roster);
	is_ready(2); /* nobody can say that it is listed */
	f.policy[0] = f.frames[0] = '\0';
	f.front = true;
	roster_front_started(f.gateway.roster);
	roster_publish(f.gateway.roster, f.gateway.config);
	assert_non_null(strstr(f.frames, "link 2;"));
	turn();
	is_listed(2);
	turn();
	assert_parts("a2 serving, a1 leaving");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_the_same_is_left_alone),
		TEST(rules_apply_at_once_and_touch_no_process),
		TEST(
		    a_changed_one_serves_when_it_is_listed_and_the_old_one_drains),
		TEST(the_lists_may_come_before_the_worker_says_so),
		TEST(the_lists_of_one_that_has_ended_do_not_make_it_serve),
		TEST(what_takes_too_long_to_drain_is_ended),
		TEST(what_dies_while_it_drains_is_not_started_again),
		TEST(several_changes_are_one_for_clients),
		TEST(one_that_fails_does_not_hold_the_others_up),
		TEST(one_that_fails_for_good_leaves_the_old_one_serving),
		TEST(one_that_is_slow_does_not_hold_the_others_up_for_ever),
		TEST(where_nothing_can_be_kept_the_new_one_serves_at_once),
		TEST(one_that_failed_is_removed_at_once),
		TEST(two_do_not_share_a_port),
		TEST(back_to_what_there_was_drops_what_was_on_its_way),
		TEST(a_disabled_one_has_no_process),
		TEST(with_the_front_goes_what_was_drained),
		TEST(a_new_front_is_told_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
