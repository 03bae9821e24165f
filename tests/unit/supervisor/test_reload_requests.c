/* test_reload_requests.c: reloads that change nothing, and many at once. */
#include "reload_fixture.h"

/* ---- what people are told ---- */

/* As many backends as there may be. */
static const char *
many(const char *arg)
{
	static char texts[2][CONFIG_BACKENDS_MAX * 64];
	static int last;
	char *text = texts[last = !last];
	size_t len = 0, size = sizeof(texts[0]);

	for (int i = 0; i < CONFIG_BACKENDS_MAX; i++)
		len += (size_t)snprintf(text + len, size - len,
		    "%s\"s%d\":{\"command\":\"/bin/true\",\"args\":[\"%s\"]}",
		    i == 0 ? "{\"mcpServers\":{" : ",", i, arg);
	(void)snprintf(text + len, size - len, "}}");
	return text;
}

static void
many_that_are_not_ready_are_counted(void **state)
{
	char reason[128];

	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(many("1"));
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	for (uint64_t i = 3; i < 3 + CONFIG_BACKENDS_MAX; i++) {
		__wrap_service_explain(services[i], reason);
		has_failed(i, BACKEND_BACKOFF);
	}
	assert_int_equal(f.done, 1);
	assert_non_null(
	    strstr(f.summary, "256 backends added, 2 removed; s0 is"));
	assert_non_null(strstr(f.summary, "x; s4 is not ready yet: x"));
	assert_null(strstr(f.summary, "s5"));
	assert_non_null(strstr(f.summary, "x; nor are 251 others"));
}

/* ---- what is wrong changes nothing ---- */

static void
assert_unchanged(const char *error)
{
	assert_int_equal(f.done, 1);
	if (strstr(f.error, error) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", error, f.error);
	assert_string_equal(f.summary, "");
	assert_int_equal(f.policies, 1);
	assert_int_equal(services[1]->starts, 1);
	assert_int_equal(services[1]->stops, 0);
	assert_null(services[3]);
	assert_string_equal(f.frames, "link 1;link 2;");
	assert_int_equal(f.gateway.listeners.count, 1);
	assert_int_equal(f.gateway.listeners.at[0].number, 1);
	assert_int_equal(f.gateway.config->backend_count, 2);
	assert_int_equal(reload_count(f.gateway.reload), 0);
	assert_non_null(reload_error(f.gateway.reload));
	assert_int_equal(f.ready, f.reloading);
	/* And the next one works. */
	f.plan_error = f.listen_error = NULL;
	f.beyond = false;
	reload(AB);
	assert_int_equal(f.done, 2);
	assert_null(reload_error(f.gateway.reload));
}

#define CHANGED CONFIG("\"port\":9001", ONE("a", "2") "," ONE("b", "1"))

static void
a_file_with_an_error_changes_nothing(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(CONFIG("", "\"a\":{\"command\":\"x\",\"comand\":1}"));
	assert_string_not_equal(f.error, "");
	assert_non_null(strstr(reload_error(f.gateway.reload), "/c.json:1:"));
	assert_unchanged("comand");
}

static void
a_user_who_is_not_there_changes_nothing(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	f.plan_error = "/c.json: backend \"a\": there is no user \"bob\"";
	reload(CHANGED);
	assert_int_equal(strncmp(f.error, "backend \"a\"", 11), 0);
	assert_unchanged("there is no user");
}

static void
an_address_that_is_taken_changes_nothing(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	f.listen_error = "cannot listen on 127.0.0.1:9001: in use";
	reload(CHANGED);
	assert_unchanged("cannot listen");
}

static void
an_open_address_without_tokens_changes_nothing(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	f.beyond = true;
	reload(CHANGED);
	assert_int_equal(f.sockets_closed, 1);
	assert_unchanged("mcp-gatewayctl token makes one");
}

static void
an_open_address_may_be_wanted(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	f.beyond = true;
	reload(CONFIG("\"port\":9001,\"insecure\":true",
	    ONE("a", "1") "," ONE("b", "1")));
	assert_string_equal(f.summary, "other addresses");
	assert_string_equal(f.frames, "link 1;link 2;unlisten 1;listen 2;");
	assert_string_equal(f.gateway.urls[0], "http://127.0.0.1:9001/mcp");
	assert_int_equal(f.sockets_closed, 1);
}

static void
a_question_changes_nothing(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	f.text = CHANGED;
	gateway_check(&f.gateway, on_done, NULL);
	assert_int_equal(f.done, 1);
	assert_string_equal(f.summary, "1 backend replaced");
	assert_int_equal(f.policies, 1);
	assert_int_equal(f.folders, 2); /* of when it began */
	assert_null(services[3]);
	f.text = "{";
	gateway_check(&f.gateway, on_done, NULL);
	assert_int_equal(f.done, 2);
	assert_string_not_equal(f.error, "");
}

/* ---- many at once ---- */

static void
a_storm_is_one_reload_now_and_one_later(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	f.text = AB;
	for (int i = 0; i < 1000; i++)
		gateway_reload(&f.gateway, NULL, NULL);
	turn();
	assert_int_equal(f.loads, 1);
	for (int i = 0; i < 1000; i++)
		gateway_reload(&f.gateway, NULL, NULL);
	turn();
	assert_int_equal(f.loads, 1);
	time_goes_by(RELOAD_EVERY_MS);
	assert_int_equal(f.loads, 2);
	turn();
	assert_int_equal(f.loads, 2);
}

static void
who_asks_meanwhile_gets_the_answer_of_the_next_one(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(CONFIG("", ONE("a", "2") "," ONE("b", "1")));
	f.text = CONFIG("", ONE("a", "2") "," ONE("b", "2"));
	for (int i = 0; i < 3; i++)
		gateway_reload(&f.gateway, on_done, NULL);
	turn();
	assert_int_equal(f.loads, 1);
	is_ready(3);
	assert_int_equal(f.done, 1);
	time_goes_by(RELOAD_EVERY_MS);
	assert_int_equal(f.loads, 2);
	assert_int_equal(f.done, 1);
	is_ready(4);
	assert_int_equal(f.done, 4);
	assert_parts("a3 serving, b4 serving, a1 leaving, b2 leaving");
}

static void
too_many_who_wait_are_told_so(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	f.text = AB;
	for (int i = 0; i < RELOAD_WAITERS_MAX; i++)
		gateway_reload(&f.gateway, on_done, NULL);
	assert_int_equal(f.done, 0);
	gateway_reload(&f.gateway, on_done, NULL);
	assert_int_equal(f.done, 1);
	assert_non_null(strstr(f.error, "too many"));
	turn();
	assert_int_equal(f.done, RELOAD_WAITERS_MAX + 1);
}

static void
who_waits_when_the_gateway_ends_is_told(void **state)
{
	(void)state;
	serve(AB);
	is_ready(1);
	is_ready(2);
	reload(CONFIG("", ONE("a", "2") "," ONE("b", "1")));
	gateway_reload(&f.gateway, on_done, NULL);
	assert_int_equal(f.done, 0);
	reload_abandon(f.gateway.reload);
	assert_int_equal(f.done, 2);
	assert_non_null(strstr(f.error, "stopping"));
	gateway_reload(&f.gateway, on_done, NULL);
	assert_int_equal(f.done, 3);
	is_ready(3);
	assert_parts("a1 serving, b2 serving, a3 standby");
	assert_int_equal(f.loads, 1);
}

static void
more_than_the_front_can_know_is_refused(void **state)
{
	(void)state;
	serve(many("1"));
	for (uint64_t i = 1; i <= CONFIG_BACKENDS_MAX; i++)
		is_ready(i);
	reload(many("2")); /* all at once may be replaced */
	assert_int_equal(roster_count(f.gateway.roster), ROSTER_MAX);
	time_goes_by(RELOAD_WAIT_MS);
	assert_int_equal(f.done, 1);
	assert_string_equal(f.error, "");
	reload(many("3"));
	assert_int_equal(f.done, 2);
	assert_non_null(strstr(f.error, "drain_timeout"));
	assert_int_equal(roster_count(f.gateway.roster), ROSTER_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_that_are_not_ready_are_counted),
		TEST(a_file_with_an_error_changes_nothing),
		TEST(a_user_who_is_not_there_changes_nothing),
		TEST(an_address_that_is_taken_changes_nothing),
		TEST(an_open_address_without_tokens_changes_nothing),
		TEST(an_open_address_may_be_wanted),
		TEST(a_question_changes_nothing),
		TEST(a_storm_is_one_reload_now_and_one_later),
		TEST(who_asks_meanwhile_gets_the_answer_of_the_next_one),
		TEST(too_many_who_wait_are_told_so),
		TEST(who_waits_when_the_gateway_ends_is_told),
		TEST(more_than_the_front_can_know_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
