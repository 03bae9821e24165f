/* test_worker_remote.c: a worker whose transport is not the job's pipes. */
/* wrap: role_title */
/* wrap: sandbox_enter */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "health.h"

void __wrap_role_title(const char *name);

/* This process has a title of its own. */
void
__wrap_role_title(const char *name)
{
	(void)name;
}

#define NOT_SENT 0
#define REFUSED  1
#define UNKNOWN  2

static void
failed(struct world *w, uint64_t id, int outcome, const char *why)
{
	answer(w, "failed %" PRIu64 " %d %s", id, outcome, why);
}

static void
expect_failed(
    struct world *w, uint64_t id, const char *outcome, const char *message)
{
	expect(w, MSG_FAIL, id);
	if (strstr(w->payload, outcome) == NULL ||
	    strstr(w->payload, message) == NULL)
		fail_msg("%s", w->payload);
}

static void
a_backend_without_a_job_is_greeted_at_once(void **state)
{
	struct world *w = begin_fake();

	(void)state;
	send_setup(w, (struct remote_setup){ 0 });
	greet(w, "{\"tools\":{}}");
	answer_tools(w, "[]");
	expect_control(w, MSG_READY);
	end(w);
}

static void
a_backend_with_a_job_is_greeted_when_both_outputs_are_read(void **state)
{
	struct world *w = begin_fake();
	int out[2], err[2];
	struct pollfd p = { .fd = w->in, .events = POLLIN };

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	send_setup(w, (struct remote_setup){ .has_job = true });
	send_frame(w->control, MSG_JOB_STDERR, 0, 0, "", err[0]);
	/* All that was sent before PING has been seen when PONG comes. */
	send_frame(w->control, MSG_PING, 0, 0, "", -1);
	expect_control(w, MSG_PONG);
	assert_int_equal(poll(&p, 1, 0), 0);
	send_frame(w->control, MSG_JOB_STDOUT, 0, 0, "", out[0]);
	(void)hear_with(w, "\"initialize\"");
	write_steps(out[1], "listening on 1\n", 15, SIZE_MAX);
	expect_log(w, "backend b: stdout: listening on 1");
	write_steps(err[1], "oh\n", 3, SIZE_MAX);
	expect_log(w, "backend b: stderr: oh");
	close(out[1]);
	close(err[1]);
	answer(w, "lost closed the connection");
	expect_control(w, MSG_OBITUARY);
	assert_string_equal(w->payload,
	    "{\"why\":\"closed the connection\","
	    "\"stderr\":[\"listening on 1\",\"oh\"]}");
	expect_exit(w, ROLE_EXIT_BACKEND);
	end(w);
}

static void
pipes_that_are_not_due_end_the_worker(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct world *w = begin_fake();
		int fds[2];

		(void)state;
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		send_setup(w, (struct remote_setup){ .has_job = i == 0 });
		send_frame(w->control, i == 0 ? MSG_JOB_STDIN : MSG_JOB_STDERR,
		    0, 0, "", fds[i == 0]);
		close(fds[i != 0]);
		expect_log(w, "does not belong into state");
		expect_exit(w, ROLE_EXIT_PROTOCOL);
		end(w);
	}
}

static void
a_setup_for_the_other_program_ends_the_worker(void **state)
{
	char setup[256];
	struct world *w = begin_fake();

	(void)state;
	(void)snprintf(
	    setup, sizeof(setup), SETUP_UNTIL_REMOTE "null}", 1U, 1U, 0U);
	send_frame(w->control, MSG_SETUP, 0, 0, setup, -1);
	expect_log(w, "not for backends without a url");
	expect_exit(w, ROLE_EXIT_PROTOCOL);
	end(w);
	w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->front = w->in = w->out = w->err = -1;
	spawn(w);
	send_setup(w, (struct remote_setup){ 0 });
	expect_log(w, "not for backends with a url");
	expect_exit(w, ROLE_EXIT_PROTOCOL);
	end(w);
}

static void
a_transport_that_cannot_be_configured_is_a_wrong_configuration(void **state)
{
	struct world *w = begin_fake();

	(void)state;
	send_setup(w, (struct remote_setup){ .url = "http://bad" });
	expect_log(w, "backend b: it has a URL that is bad");
	expect_control(w, MSG_OBITUARY);
	assert_string_equal(
	    w->payload, "{\"why\":\"has a URL that is bad\",\"stderr\":[]}");
	expect_exit(w, ROLE_EXIT_CONFIG);
	end(w);
}

static void
a_ping_of_the_supervisor_is_answered_in_every_state(void **state)
{
	struct world *w = begin_fake();
	int err[2];

	(void)state;
	send_frame(w->control, MSG_PING, 0, 0, "", -1);
	expect_control(w, MSG_PONG); /* new */
	assert_int_equal(w->frame.flags, 0);
	send_setup(w, (struct remote_setup){ .has_job = true });
	send_frame(w->control, MSG_PING, 0, 0, "", -1);
	expect_control(w, MSG_PONG); /* waiting */
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	send_frame(w->control, MSG_JOB_STDERR, 0, 0, "", err[0]);
	send_frame(w->control, MSG_JOB_STDOUT, 0, 0, "", dup(err[1]));
	send_frame(w->control, MSG_PING, 0, 0, "", -1);
	expect_control(w, MSG_PONG); /* running */
	close(err[1]);
	end(w);
}

static void
a_failed_call_says_what_became_of_it(void **state)
{
	static const char *const outcomes[] = {
		[NOT_SENT] = "\"outcome\":\"not_sent\"",
		[REFUSED] = "\"outcome\":\"refused\"",
	};
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	for (int i = 0; i < 2; i++) {
		call(w, FIRST);
		failed(w, FIRST, i, "answered 418 \"teapot\"");
		expect_failed(w, FIRST, outcomes[i],
		    "\"message\":\"backend b answered 418 \\\"teapot\\\"\"");
		failed(w, FIRST, i, "answered twice");
	}
	settle(w);
	end(w);
}

static void
a_failure_of_a_cancelled_call_concerns_nobody(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	call(w, FIRST);
	send_frame(w->front, MSG_CANCEL, 0, FIRST, "", -1);
	(void)hear_with(w, "notifications/cancelled");
	failed(w, FIRST, REFUSED, "answered 418");
	settle(w);
	call(w, FIRST); /* its id is free */
	end(w);
}

static void
a_broken_call_makes_the_worker_ask_once(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });
	uint64_t id;

	(void)state;
	call(w, FIRST);
	call(w, FIRST + 1);
	failed(w, FIRST, UNKNOWN, "closed the connection");
	failed(w, FIRST + 1, UNKNOWN, "closed the connection");
	expect_failed(w, FIRST, "\"outcome\":\"unknown\"", "closed the conn");
	expect_failed(w, FIRST + 1, "\"outcome\":\"unknown\"", "closed");
	id = hear_with(w, "\"method\":\"ping\"}");
	assert_in_range(id, 1, FIRST - 1);
	settle(w); /* a second ping would have come before */
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"error\":{\"code\":-32601,\"message\":\"no\"}}",
	    id);
	call(w, FIRST);
	failed(w, FIRST, UNKNOWN, "closed the connection");
	expect_failed(w, FIRST, "unknown", "closed");
	id = hear_with(w, "\"method\":\"ping\"}");
	failed(w, id, REFUSED, "answered 400");
	settle(w);
	end(w);
}

static void
a_server_that_is_dead_when_asked_is_lost(void **state)
{
	for (int outcome = NOT_SENT; outcome <= UNKNOWN; outcome += 2) {
		struct world *w = begin_fake_ready((struct remote_setup){ 0 });

		(void)state;
		answer(w, "take 1");
		call(w, FIRST);
		call(w, FIRST + 1);
		failed(w, FIRST, UNKNOWN, "closed the connection");
		expect_failed(w, FIRST, "unknown", "closed");
		for (unsigned int i = 0; i < HEALTH_BROKEN_MAX; i++)
			failed(w, hear_with(w, "\"ping\""), outcome,
			    "is not there");
		expect_failed(w, FIRST + 1, "not_sent", "is gone");
		expect_end(w, ROLE_EXIT_BACKEND, "\"why\":\"is not there\"");
	}
}

static void
pings_are_sent_when_nothing_else_is_in_flight(void **state)
{
	struct world *w =
	    begin_fake_ready((struct remote_setup){ .ping_ms = 20 });
	uint64_t id = hear_with(w, "\"method\":\"ping\"}");
	struct pollfd p = { .fd = w->in, .events = POLLIN };

	(void)state;
	request(w, FIRST);
	assert_int_equal(hear_with(w, "tools/call"), FIRST);
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", id);
	assert_int_equal(poll(&p, 1, 100), 0);
	answer(w, RESULT, FIRST, 1);
	expect_result(w, FIRST, 1);
	(void)hear_with(w, "\"method\":\"ping\"}");
	end(w);
}

static void
a_greeting_that_failed_ends_the_worker(void **state)
{
	struct world *w = begin_fake();

	(void)state;
	send_setup(w, (struct remote_setup){ 0 });
	failed(w, hear_with(w, "\"initialize\""), NOT_SENT,
	    "refused the connection");
	expect_end(w, ROLE_EXIT_GREETING, "\"why\":\"refused the connection\"");
}

static void
a_list_that_failed_is_empty(void **state)
{
	struct world *w = begin_fake();

	(void)state;
	send_setup(w, (struct remote_setup){ 0 });
	open_link(w);
	greet(w, "{\"tools\":{}}");
	failed(w, hear_with(w, "tools/list"), UNKNOWN, "closed the connection");
	expect_catalogs(w, "[]");
	/* It broke: is the server alive? */
	(void)hear_with(w, "\"method\":\"ping\"}");
	end(w);
}

static void
a_forgotten_session_is_begun_again_and_calls_go_on(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });
	uint64_t id;

	(void)state;
	send_frame(w->front, MSG_CLIENT_LEVEL, MCP_LEVEL_DEBUG, 0, "", -1);
	(void)hear_with(w, "logging/setLevel");
	answer(w, "renew answered 404");
	expect_log(w, "it answered 404; it is greeted again");
	id = hear_with(w, "\"initialize\"");
	call(w, FIRST); /* for the transport to hold */
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"result\":{\"protocolVersion\":\"2025-03-26\",\"capabilities\":"
	    "{\"tools\":{},\"logging\":{},\"later\":1}}}",
	    id);
	assert_string_equal(hear(w), "agreed 2025-03-26");
	(void)hear_with(w, "notifications/initialized");
	answer_tools(w, "[{\"name\":\"u\"}]");
	(void)hear_with(w,
	    "\"method\":\"logging/setLevel\",\"params\":{\"level\":\"debug\"");
	expect(w, MSG_GREETING, 0);
	assert_non_null(strstr(w->payload, "\"later\":1"));
	expect_text(w, MSG_CATALOG, 0, "[{\"name\":\"u\"}]");
	assert_int_equal(w->frame.flags, CATALOG_TOOLS);
	expect_control(w, MSG_READY);
	assert_non_null(strstr(w->payload, "\"revision\":\"2025-03-26\""));
	answer(w, RESULT, FIRST, 1);
	expect_result(w, FIRST, 1);
	settle(w);
	end(w);
}

static void
the_same_lists_are_not_told_again(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	answer(w, "renew forgot");
	greet(w, "{\"tools\":{}}");
	answer_tools(w, "[{\"name\":\"t\"}]");
	expect(w, MSG_GREETING, 0);
	settle(w);
	end(w);
}

static void
a_renewal_that_fails_ends_the_worker(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	answer(w, "take 1");
	call(w, FIRST);
	answer(w, "renew forgot");
	failed(w, hear_with(w, "\"initialize\""), REFUSED, "answered 401");
	expect_failed(w, FIRST, "not_sent", "is gone");
	expect_end(w, ROLE_EXIT_GREETING, "\"why\":\"answered 401\"");
}

static void
a_renewal_without_an_end_ends_the_worker(void **state)
{
	struct world *w =
	    begin_fake_ready((struct remote_setup){ .startup_ms = 50 });

	(void)state;
	answer(w, "renew forgot");
	(void)hear_with(w, "\"initialize\"");
	expect_end(w, ROLE_EXIT_GREETING, "begin another within 0.05 s");
}

static void
subscriptions_go_to_the_backend_and_updates_come_back(void **state)
{
	static const char updated[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/"
	    "updated\",\"params\":{\"uri\":\"a\\u002f\"}}";
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });
	uint64_t id;

	(void)state;
	send_frame(w->front, MSG_SUBSCRIBE, 0, 0, "\"a\\u002f\"", -1);
	id = hear_with(w,
	    "\"method\":\"resources/subscribe\",\"params\":{\"uri\":"
	    "\"a\\u002f\"}}");
	assert_in_range(id, 1, FIRST - 1);
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"result\":{}}", id);
	answer(w, "%s", updated);
	expect_text(w, MSG_NOTIFY, 0, updated);
	send_frame(w->front, MSG_UNSUBSCRIBE, 0, 0, "\"a\\u002f\"", -1);
	id = hear_with(w, "\"resources/unsubscribe\",\"params\":{\"uri\":");
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"error\":{\"code\":1,\"message\":\"never\"}}",
	    id);
	expect_log(w, "resources/unsubscribe failed: {\"code\":1,");
	send_frame(w->front, MSG_SUBSCRIBE, 0, 0, "\"b\"", -1);
	failed(w, hear_with(w, "\"resources/subscribe\""), REFUSED, "said 400");
	expect_log(w, "resources/subscribe failed: it said 400");
	settle(w);
	end(w);
}

static void
what_is_no_uri_is_ignored(void **state)
{
	static const char *const wrong[] = { "", "\"", "1", "{}", " \"a\"",
		"\"a\"\n", "\"a\nb\"", "\"a\",\"b\"", "\"\xff\"" };
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		send_frame(w->front, MSG_SUBSCRIBE, 0, 0, wrong[i], -1);
		expect_log(w, "a SUBSCRIBE without a URI is ignored");
	}
	settle(w);
	end(w);
}

static void
more_subscriptions_than_are_awaited_are_sent_all_the_same(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });
	uint64_t first = 0, id;

	(void)state;
	for (int i = 0; i < 300; i++) {
		send_frame(w->front, MSG_SUBSCRIBE, 0, 0, "\"u\"", -1);
		id = hear_with(w, "\"resources/subscribe\"");
		if (i == 0)
			first = id;
		else
			assert_int_equal(id, first + (uint64_t)i);
	}
	settle(w);
	end(w);
}

static void
an_id_that_is_awaited_is_not_used_again(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });
	uint64_t list, id;

	(void)state;
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"method\":"
	    "\"notifications/tools/list_changed\"}");
	list = hear_with(w, "tools/list");
	assert_in_range(list, 2, 100);
	/* Until the numbers have come round. */
	do {
		send_frame(w->front, MSG_SUBSCRIBE, 0, 0, "\"u\"", -1);
		id = hear_with(w, "\"resources/subscribe\"");
		assert_in_range(id, 1, FIRST - 1);
	} while (id != list - 1);
	send_frame(w->front, MSG_SUBSCRIBE, 0, 0, "\"u\"", -1);
	assert_int_equal(hear_with(w, "subscribe"), list + 1);
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"result\":{\"tools\":[5]}}",
	    list);
	expect_text(w, MSG_CATALOG, 0, "[5]");
	end(w);
}

static void
a_worker_that_is_not_wanted_says_goodbye(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	answer(w, "take 1");
	call(w, FIRST);
	close_fd(&w->control);
	assert_string_equal(hear(w), "close");
	expect_failed(w, FIRST, "not_sent", "is gone");
	request(w, FIRST + 1);
	expect_failed(w, FIRST + 1, "not_sent", "is gone");
	answer(w, "lost said goodbye");
	expect_exit(w, ROLE_EXIT_PARENT_GONE);
	end(w);
}

static void
a_goodbye_that_takes_long_is_cut_short(void **state)
{
	struct world *w = begin_fake_ready((struct remote_setup){ 0 });

	(void)state;
	close_fd(&w->control);
	assert_string_equal(hear(w), "close");
	expect_exit(w, ROLE_EXIT_PARENT_GONE);
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_without_a_job_is_greeted_at_once),
		cmocka_unit_test(
		    a_backend_with_a_job_is_greeted_when_both_outputs_are_read),
		cmocka_unit_test(pipes_that_are_not_due_end_the_worker),
		cmocka_unit_test(a_setup_for_the_other_program_ends_the_worker),
		cmocka_unit_test(
		    a_transport_that_cannot_be_configured_is_a_wrong_configuration),
		cmocka_unit_test(
		    a_ping_of_the_supervisor_is_answered_in_every_state),
		cmocka_unit_test(a_failed_call_says_what_became_of_it),
		cmocka_unit_test(a_failure_of_a_cancelled_call_concerns_nobody),
		cmocka_unit_test(a_broken_call_makes_the_worker_ask_once),
		cmocka_unit_test(a_server_that_is_dead_when_asked_is_lost),
		cmocka_unit_test(pings_are_sent_when_nothing_else_is_in_flight),
		cmocka_unit_test(a_greeting_that_failed_ends_the_worker),
		cmocka_unit_test(a_list_that_failed_is_empty),
		cmocka_unit_test(
		    a_forgotten_session_is_begun_again_and_calls_go_on),
		cmocka_unit_test(the_same_lists_are_not_told_again),
		cmocka_unit_test(a_renewal_that_fails_ends_the_worker),
		cmocka_unit_test(a_renewal_without_an_end_ends_the_worker),
		cmocka_unit_test(
		    subscriptions_go_to_the_backend_and_updates_come_back),
		cmocka_unit_test(what_is_no_uri_is_ignored),
		cmocka_unit_test(
		    more_subscriptions_than_are_awaited_are_sent_all_the_same),
		cmocka_unit_test(an_id_that_is_awaited_is_not_used_again),
		cmocka_unit_test(a_worker_that_is_not_wanted_says_goodbye),
		cmocka_unit_test(a_goodbye_that_takes_long_is_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
