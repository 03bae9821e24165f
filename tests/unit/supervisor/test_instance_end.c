/* test_instance_end.c: what ends instances of a backend, in every state. */
#include "instance_fixture.h"

/* ---- the others end ---- */

static void
a_front_that_ends_has_released_all(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	want(1, 2);
	comes_up(3);
	f.frames[0] = '\0';
	f.front = false;
	roster_front_gone(roster());
	turn();
	assert_int_equal(services[3]->stops, 1);
	assert_int_equal(services[4]->stops, 1);
	assert_int_equal(services[1]->stops + services[2]->stops, 0);
	f.front = true;
	roster_front_started(roster());
	roster_publish(roster(), f.gateway.config);
	turn();
	assert_told("link 1;link 2;");
	/* What the new one wants waits for what the old one had. */
	want(1, 1);
	assert_told("instance 1 5;");
	is_gone(3);
	is_gone(4);
	assert_int_equal(services[5]->starts, 1);
}

static void
they_serve_until_their_backend_is_drained(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	comes_up(3);
	want(1, 2);
	reload(CONFIG("", ONE("b", "1")));
	assert_parts("b2 serving, a1 leaving");
	assert_int_equal(services[3]->stops + services[1]->stops, 0);
	roster_drained(roster(), 3); /* no backend: means nothing */
	assert_int_equal(services[3]->stops + services[1]->stops, 0);
	roster_drained(roster(), 1);
	turn();
	assert_int_equal(services[1]->stops, 1);
	assert_int_equal(services[3]->stops, 1);
	assert_int_equal(services[4]->stops, 1);
	f.frames[0] = '\0';
	is_gone(3);
	assert_told("state 3 " STATE("down"));
	/* It goes last. */
	become(services[1], BACKEND_DOWN);
	turn();
	assert_non_null(services[1]);
	is_gone(4);
	assert_null(services[1]);
}

/* The run for its lists may be away; clients have instances all the same. */
static void
they_are_drained_when_the_backend_itself_is_not_ready(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	comes_up(3);
	has_failed(1, BACKEND_BACKOFF);
	reload(CONFIG("", ONE("b", "1")));
	assert_parts("b2 serving, a1 leaving");
	assert_int_equal(services[1]->stops, 0);
	assert_int_equal(services[3]->stops, 0);
	release(3);
	/* The last one ends it. */
	assert_int_equal(services[1]->stops, 1);
	is_gone(3);
	assert_null(services[1]);
}

static void
they_end_when_drain_timeout_is_over(void **state)
{
	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	comes_up(3);
	reload(CONFIG("\"drain_timeout\":5", ONE("b", "1")));
	assert_int_equal(services[3]->stops, 0);
	time_goes_by(5000);
	assert_int_equal(services[3]->stops, 1);
	assert_int_equal(services[1]->stops, 1);
	is_gone(3);
	is_gone(1);
}

/* While another one comes up that replaces it, it is what it was. */
static void
one_of_a_backend_that_is_replaced_is_made_as_that_was(void **state)
{
	(void)state;
	both_are_ready(A2B);
	reload(CONFIG(
	    "", OWN("a", "2", ",\"max_instances\":1") "," ONE("b", "1")));
	assert_parts("a1 serving, b2 serving, a3 standby");
	want(1, 1);
	assert_told("instance 1 4;state 4 " STATE("starting") "link 4;");
	assert_string_equal(services[4]->config->args[0], "1");
	want(1, 2);
	assert_none("has all of its 1 instances"); /* that is a rule */
	is_ready(3);
	assert_parts("a3 serving, b2 serving, a1 leaving");
	/* It stays in its backend's hands, not in the new one's. */
	want(3, 2);
	assert_told("instance 2 5;state 5 " STATE("starting") "link 5;");
	assert_string_equal(services[5]->config->args[0], "2");
	roster_drained(roster(), 1);
	turn();
	assert_int_equal(services[4]->stops, 1);
	assert_int_equal(services[5]->stops, 0);
	is_gone(4);
	is_gone(1);
	assert_string_equal(services[5]->config->args[0], "2");
}

/* POLICY says what it was started as, whatever its successor will be. */
static void
who_shares_it_changes_with_its_processes(void **state)
{
	(void)state;
	both_are_ready(A2B);
	reload(CONFIG("", ONE("a", "1") "," ONE("b", "1")));
	assert_parts("a1 serving, b2 serving, a3 standby");
	assert_non_null(strstr(f.policy, "\"session\":\"per-client\""));
	is_ready(3);
	assert_parts("a3 serving, b2 serving, a1 leaving");
	assert_non_null(strstr(f.policy, "\"session\":\"shared\""));
}

static void
they_end_and_are_killed_with_the_gateway(void **state)
{
	(void)state;
	kills = 0;
	both_are_ready(A2B);
	want(1, 1);
	want(1, 2);
	release(3);
	want(1, 3); /* waits, and never starts */
	roster_stop(roster());
	turn();
	assert_int_equal(services[4]->stops, 1);
	assert_null(services[5]);
	is_gone(3);
	roster_kill(roster());
	assert_int_equal(kills, 3); /* both backends and the one */
	is_gone(4);
}

/* ---- what people see ---- */

static void
append(void *arg, const struct status_backend *instance)
{
	size_t len = strlen(arg);

	(void)snprintf((char *)arg + len, 256 - len, "%llu %s %s;",
	    (unsigned long long)instance->number, instance->part,
	    backend_state_name(instance->state));
}

static void
each_is_shown_with_its_part(void **state)
{
	char text[256] = "";

	(void)state;
	both_are_ready(A2B);
	want(1, 1);
	want(1, 2);
	comes_up(4);
	release(3);
	want(1, 3);
	instance_each(roster_serving(roster(), "a"), append, text);
	assert_string_equal(
	    text, "3 leaving stopping;4 serving ready;5 waiting down;");
	text[0] = '\0';
	instance_each(roster_serving(roster(), "b"), append, text);
	assert_string_equal(text, "");
	gateway_each_instance(&f.gateway, 1, append, text);
	assert_int_equal(strncmp(text, "3 leaving ", 10), 0);
}

/* ---- every state and every event ---- */

enum event_of {
	RELEASED,
	FRONT_GONE,
	BACKEND_ENDS,
	GATEWAY_ENDS,
	RUN_ENDS, /* by itself, at once and altogether */
	WANTED,   /* another one */
	LISTED,
	EVENTS,
};

/* An instance, number 3, in this state. */
static void
bring(enum backend_state to, bool waits)
{
	both_are_ready(CONFIG(
	    "", OWN("a", "1", ",\"max_instances\":1") "," ONE("b", "1")));
	if (waits) {
		want(1, 0); /* 3: makes the other one wait */
		release(3);
	}
	want(1, 1);
	if (to == BACKEND_SETUP || to == BACKEND_READY)
		become(services[3], BACKEND_SETUP);
	if (to == BACKEND_READY || to == BACKEND_STOPPING)
		become(services[3], to);
	turn();
	f.frames[0] = '\0';
}

static void
meet(enum event_of event, uint64_t number)
{
	switch (event) {
	case RELEASED:
		instance_release(roster(), number);
		break;
	case FRONT_GONE:
		roster_front_gone(roster());
		break;
	case BACKEND_ENDS:
		roster_leave(roster_serving(roster(), "a"), 1000);
		roster_drained(roster(), 1);
		break;
	case GATEWAY_ENDS:
		roster_stop(roster());
		break;
	case RUN_ENDS:
		if (services[number]->state != BACKEND_STOPPING)
			become(services[number], BACKEND_STOPPING);
		become(services[number], BACKEND_FAILED);
		break;
	case WANTED:
		want(1, 2);
		break;
	case LISTED:
		roster_listed(roster(), number, services[number]->generation);
		break;
	case EVENTS:
		break;
	}
	turn();
}

/* One that was told to end is gone. */
static void
has_its_last_word(bool quiet)
{
	f.frames[0] = '\0';
	is_gone(3);
	assert_told(quiet ? "" : "state 3 " STATE("down"));
}

/* Whether it is there after this event, and told to end; what the front hears
 * begins so. */
static void
each_event_in_each_state_has_its_end(void **state)
{
	static const enum backend_state states[] = { BACKEND_STARTING,
		BACKEND_SETUP, BACKEND_READY, BACKEND_STOPPING };
	static const bool ends[EVENTS] = { [RELEASED] = true,
		[FRONT_GONE] = true,
		[BACKEND_ENDS] = true,
		[GATEWAY_ENDS] = true };
	static const bool quiet[EVENTS] = {
		[RELEASED] = true, [FRONT_GONE] = true, [LISTED] = true
	};

	for (size_t s = 0; s < sizeof(states) / sizeof(states[0]); s++) {
		for (unsigned int e = 0; e < EVENTS; e++) {
			bring(states[s], false);
			meet(e, 3);
			print_message("%s, event %u: %s\n",
			    backend_state_name(states[s]), e, f.frames);
			if (e == RUN_ENDS) {
				assert_null(services[3]);
				assert_non_null(strstr(f.frames, "failed"));
			} else {
				assert_non_null(services[3]);
				assert_int_equal(services[3]->stops, ends[e]);
			}
			if (quiet[e])
				assert_told("");
			if (e == WANTED && states[s] == BACKEND_STOPPING)
				assert_told("instance 2 4;");
			else if (e == WANTED)
				assert_none("in use");
			if (ends[e])
				has_its_last_word(quiet[e]);
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
	}
	serve(A2B); /* for the last tear_down() */
}

/* The same of one that waits, which is number 4. */
static void
each_event_ends_one_that_waits(void **state)
{
	for (unsigned int e = 0; e < EVENTS; e++) {
		bring(BACKEND_DOWN, true);
		assert_non_null(services[4]);
		assert_int_equal(services[4]->starts, 0);
		if (e != RUN_ENDS)
			meet(e, 4);
		if (e == BACKEND_ENDS || e == GATEWAY_ENDS)
			assert_non_null(
			    strstr(f.frames, "state 4 " STATE("down")));
		else if (e != WANTED)
			assert_told("");
		print_message("waits, event %u: %s\n", e, f.frames);
		if (e == WANTED || e == LISTED || e == RUN_ENDS)
			assert_int_equal(services[4]->starts, 0);
		else
			assert_null(services[4]);
		f.frames[0] = '\0';
		is_gone(3);
		if (e == WANTED || e == LISTED || e == RUN_ENDS)
			assert_told("state 4 " STATE("starting") "link 4;");
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
	serve(A2B);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_front_that_ends_has_released_all),
		TEST(they_serve_until_their_backend_is_drained),
		TEST(they_are_drained_when_the_backend_itself_is_not_ready),
		TEST(they_end_when_drain_timeout_is_over),
		TEST(one_of_a_backend_that_is_replaced_is_made_as_that_was),
		TEST(who_shares_it_changes_with_its_processes),
		TEST(they_end_and_are_killed_with_the_gateway),
		TEST(each_is_shown_with_its_part),
		TEST(each_event_in_each_state_has_its_end),
		TEST(each_event_ends_one_that_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
