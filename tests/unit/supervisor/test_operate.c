/* test_operate.c: what people ask of a running gateway, and its end. */
/* wrap: front_send_query */
/* wrap: front_status */
/* wrap: service_status */
/* wrap: logfile_path */
/* wrap: front_drain */
/* wrap: front_stop */
/* wrap: front_kill */
/* wrap: service_kill */
/* wrap: notify_stopping */
/* wrap: processes_count */
/* wrap: logfile_hush */
#include "ending.h"
#include "reload_fixture.h"

static uint64_t asked;
static unsigned int drains, stops, kills, answers;
static size_t left; /* processes */

bool
__wrap_front_send_query(struct front *front, uint64_t id, const char *json)
{
	(void)front;
	assert_string_equal(json, "{\"what\":\"status\"}");
	asked = id;
	return f.front;
}

void
__wrap_front_status(const struct front *front, struct status_front *ret)
{
	(void)front;
	*ret = (struct status_front){ .pid = 4711 };
}

void
__wrap_service_status(const struct service *s, struct status_backend *ret)
{
	*ret = (struct status_backend){ .name = s->config->name,
		.number = s->number,
		.state = s->state,
		.part = "serving" };
}

const char *
__wrap_logfile_path(const struct logfile *logfile)
{
	(void)logfile;
	return "x.log";
}

bool
__wrap_front_drain(struct front *front)
{
	(void)front;
	drains++;
	return f.front;
}

void
__wrap_front_stop(struct front *front)
{
	(void)front;
	stops++;
}

void
__wrap_front_kill(struct front *front)
{
	(void)front;
	kills++;
}

void
__wrap_service_kill(struct service *s)
{
	(void)s;
}

void
__wrap_notify_stopping(uint64_t timeout_ms)
{
	(void)timeout_ms;
}

size_t
__wrap_processes_count(const struct processes *processes)
{
	(void)processes;
	return left;
}

void
__wrap_logfile_hush(struct logfile *logfile, bool hush)
{
	(void)logfile;
	(void)hush;
}

static void
nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
on_end_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ending_on_timer(arg);
}

static int
set_up_all(void **state)
{
	struct gateway *gw = &f.gateway;

	if (set_up(state) != 0)
		return -1;
	asked = 0;
	drains = stops = kills = answers = 0;
	left = 3;
	gw->queries = queries_new(f.loop);
	gw->summary_timer = event_new(loop_base(f.loop), -1, 0, nothing, gw);
	gw->end_timer = event_new(loop_base(f.loop), -1, 0, on_end_timer, gw);
	return gw->queries == NULL || gw->summary_timer == NULL ||
	    gw->end_timer == NULL;
}

static int
tear_down_all(void **state)
{
	struct gateway *gw = &f.gateway;

	queries_free(&gw->queries);
	event_free(gw->summary_timer);
	event_free(gw->end_timer);
	return tear_down(state);
}

static void
act(const char *name, enum gateway_act what)
{
	char *error = NULL;

	if (gateway_act(&f.gateway, name, what, &error) == -1)
		fail_msg("%s", error);
	assert_null(error);
	turn();
}

static void
assert_refused(const char *name, enum gateway_act what, const char *part)
{
	char *error = NULL;

	assert_int_equal(gateway_act(&f.gateway, name, what, &error), -1);
	assert_non_null(error);
	if (strstr(error, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, error);
	free(error);
}

static void
append_part(void *arg, const struct status_backend *backend)
{
	char *text = arg;
	size_t len = strlen(text);

	(void)snprintf(text + len, 256 - len, "%s%s%d %s", len > 0 ? ", " : "",
	    backend->name, (int)backend->number, backend->part);
}

static void
assert_status(const char *expected)
{
	char text[256] = "";

	gateway_each(&f.gateway, append_part, text);
	assert_string_equal(text, expected);
}

/* ---- start, stop, restart ---- */

static void
one_that_is_stopped_drains_and_stays_known(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	act("a", GATEWAY_STOP);
	assert_parts("a3 serving, b2 serving, a1 leaving");
	assert_status("a3 stopped, b2 serving, a1 leaving");
	assert_string_equal(services[3]->reason, "stopped by mcp-gatewayctl");
	assert_int_equal(services[3]->starts, 0);
	assert_int_equal(services[1]->stops, 0);
	roster_drained(f.gateway.roster, 1);
	is_gone(1);
	assert_refused("a", GATEWAY_STOP, "is stopped");
	/* A reload that does not change it leaves it so. */
	reload(AB);
	assert_status("a3 stopped, b2 serving");
	act("a", GATEWAY_START);
	assert_status("a3 serving, b2 serving");
	assert_int_equal(services[3]->starts, 1);
	assert_string_equal(services[3]->reason, "");
}

static void
a_reload_that_changes_a_stopped_one_starts_it(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	act("a", GATEWAY_STOP);
	reload(CONFIG("", ONE("a", "2") "," ONE("b", "1")));
	assert_int_equal(services[4]->starts, 1);
	assert_status("a4 serving, b2 serving, a1 leaving");
}

static void
one_that_is_restarted_serves_until_the_other_one_does(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	act("b", GATEWAY_RESTART);
	assert_parts("a1 serving, b2 serving, b3 standby");
	assert_refused("b", GATEWAY_RESTART, "being replaced");
	is_ready(3);
	assert_parts("a1 serving, b3 serving, b2 leaving");
	assert_int_equal(services[1]->starts, 1);
}

static void
a_restart_goes_on_in_a_reload(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	act("b", GATEWAY_RESTART);
	reload(CONFIG("", ONE("a", "1") "," ONE("b", "1") "," ONE("c", "1")));
	assert_refused("c", GATEWAY_STOP, "being added");
	is_ready(3);
	assert_parts("a1 serving, b2 serving, b3 standby, c4 standby");
	is_ready(4);
	assert_parts("a1 serving, b3 serving, c4 serving, b2 leaving");
}

static void
one_with_a_port_is_ended_before_it_is_started_again(void **state)
{
	(void)state;
	serve(CONFIG("", PORT("a", "1")));
	is_ready(1);
	act("a", GATEWAY_RESTART);
	assert_parts("a2 serving, a1 leaving");
	assert_int_equal(services[2]->starts, 0);
	assert_refused("a", GATEWAY_START, "waiting");
	assert_refused("a", GATEWAY_RESTART, "being replaced");
	roster_drained(f.gateway.roster, 1);
	is_gone(1);
	assert_int_equal(services[2]->starts, 1);
	/* Stopped while it waits, it does not start. */
	is_ready(2);
	act("a", GATEWAY_RESTART);
	act("a", GATEWAY_STOP);
	assert_status("a4 stopped, a2 leaving");
	act("a", GATEWAY_START);
	assert_int_equal(services[4]->starts, 0);
	roster_drained(f.gateway.roster, 2);
	is_gone(2);
	assert_int_equal(services[4]->starts, 1);
}

static void
one_that_failed_is_tried_now(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	has_failed(2, BACKEND_FAILED);
	act("b", GATEWAY_START);
	assert_int_equal(services[2]->starts, 2);
	has_failed(2, BACKEND_BACKOFF);
	act("b", GATEWAY_RESTART); /* nothing of it can be kept */
	assert_null(services[2]);
	assert_int_equal(services[3]->starts, 1);
	assert_refused("a", GATEWAY_START, "its state is ready");
}

static void
what_makes_no_sense_is_refused_with_a_reason(void **state)
{
	(void)state;
	serve(CONFIG("",
	    ONE("a",
		"1") ","
		     "\"off\":{\"command\":\"/bin/true\",\"disabled\":true}"));
	is_ready(1);
	assert_refused("zzz", GATEWAY_STOP, "there is no backend \"zzz\"");
	assert_refused("off", GATEWAY_START, "disabled");
	reload(CONFIG("", ONE("b", "1")));
	assert_refused("a", GATEWAY_RESTART, "being removed");
	f.gateway.phase = GATEWAY_DRAINS;
	assert_refused("a", GATEWAY_STOP, "stopping");
}

static void
a_level_by_hand_lasts_until_a_reload(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	log_set_level(LOG_LEVEL_INFO);
	gateway_set_log_level(&f.gateway, LOG_LEVEL_DEBUG);
	assert_int_equal(f.level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_get_level(), LOG_LEVEL_DEBUG);
	reload(AB);
	assert_int_equal(f.level, LOG_LEVEL_INFO);
	assert_int_equal(log_get_level(), LOG_LEVEL_INFO);
}

/* ---- what is there ---- */

static void
on_answer(void *arg, const char *json, size_t len)
{
	(void)len;
	assert_ptr_equal(json != NULL, arg != NULL);
	answers++;
}

static void
a_question_without_a_front_has_no_answer(void **state)
{
	static char yes[] = "yes";

	(void)state;
	serve(AB);
	gateway_query(&f.gateway, "{\"what\":\"status\"}", on_answer, yes);
	assert_int_equal(answers, 0);
	queries_answer(f.gateway.queries, asked, "{}", 2);
	assert_int_equal(answers, 1);
	f.front = false;
	gateway_query(&f.gateway, "{\"what\":\"status\"}", on_answer, NULL);
	assert_int_equal(answers, 2);
}

static void
its_state_follows_what_it_does(void **state)
{
	struct status_gateway status;

	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	gateway_status(&f.gateway, &status);
	assert_string_equal(status.state, "running");
	assert_string_equal(status.log, "x.log");
	assert_int_equal(status.front, 4711);
	reload(CONFIG("", ONE("a", "2") "," ONE("b", "1")));
	gateway_status(&f.gateway, &status);
	assert_string_equal(status.state, "reloading");
	is_ready(3);
	gateway_status(&f.gateway, &status);
	assert_string_equal(status.state, "running");
	assert_int_equal(status.reloads, 1);
	assert_null(status.reload_error);
	reload("{");
	gateway_status(&f.gateway, &status);
	assert_int_equal(status.reloads, 1);
	assert_non_null(status.reload_error);
	ending_begin(&f.gateway);
	gateway_status(&f.gateway, &status);
	assert_string_equal(status.state, "draining");
}

/* ---- the end ---- */

static void
it_ends_when_nothing_is_in_flight(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	ending_begin(&f.gateway);
	assert_int_equal(drains, 1);
	assert_int_equal(f.sockets_closed, 1);
	assert_non_null(strstr(f.frames, "unlisten 1;"));
	assert_int_equal(stops, 0);
	assert_int_equal(services[1]->stops, 0);
	ending_drained(&f.gateway);
	assert_int_equal(stops, 1);
	assert_int_equal(services[1]->stops, 1);
	ending_drained(&f.gateway); /* the front is gone, too */
	assert_int_equal(stops, 1);
	assert_int_equal(services[1]->stops, 1);
	assert_int_equal(kills, 0);
}

static void
what_is_in_flight_for_too_long_fails_before_the_front_goes(void **state)
{
	(void)state;
	serve("{\"gateway\":{\"drain_timeout\":7},\"mcpServers\":{" ONE(
	    "a", "1") "}}");
	is_ready(1);
	ending_begin(&f.gateway);
	time_goes_by(7000);
	assert_int_equal(services[1]->stops, 1);
	assert_int_equal(stops, 0);
	time_goes_by(1000); /* clients did not read it */
	assert_int_equal(stops, 1);
	assert_int_equal(services[1]->stops, 1);
}

static void
without_a_front_or_time_it_ends_at_once(void **state)
{
	(void)state;
	serve(AB);
	f.front = false;
	ending_begin(&f.gateway);
	assert_int_equal(stops, 1);
}

static void
no_time_to_drain_is_none(void **state)
{
	(void)state;
	serve("{\"gateway\":{\"drain_timeout\":0},\"mcpServers\":{}}");
	ending_begin(&f.gateway);
	assert_int_equal(drains, 0);
	assert_int_equal(stops, 1);
}

static void
a_second_signal_kills(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	ending_begin(&f.gateway);
	ending_begin(&f.gateway);
	assert_int_equal(stops, 1);
	assert_int_equal(kills, 1);
	ending_begin(&f.gateway);
	assert_int_equal(kills, 1);
}

#define ALL(name)                                                              \
	cmocka_unit_test_setup_teardown(name, set_up_all, tear_down_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ALL(one_that_is_stopped_drains_and_stays_known),
		ALL(a_reload_that_changes_a_stopped_one_starts_it),
		ALL(one_that_is_restarted_serves_until_the_other_one_does),
		ALL(a_restart_goes_on_in_a_reload),
		ALL(one_with_a_port_is_ended_before_it_is_started_again),
		ALL(one_that_failed_is_tried_now),
		ALL(what_makes_no_sense_is_refused_with_a_reason),
		ALL(a_level_by_hand_lasts_until_a_reload),
		ALL(a_question_without_a_front_has_no_answer),
		ALL(its_state_follows_what_it_does),
		ALL(it_ends_when_nothing_is_in_flight),
		ALL(what_is_in_flight_for_too_long_fails_before_the_front_goes),
		ALL(without_a_front_or_time_it_ends_at_once),
		ALL(no_time_to_drain_is_none),
		ALL(a_second_signal_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
