/* test_worker_calls.c: calls pass through the worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker_fixture.h"

static void
a_call_passes_both_ways_byte_for_byte(void **state)
{
	struct world *w = begin_ready();
	static const char text[] =
	    "{ \"params\":{\"z\":123456789012345678901234567890,\"a\":1.10},"
	    "\"id\":65540,\"jsonrpc\":\"2.0\",\"method\":\"tools/call\"}";
	static const char reply[] =
	    "{\"result\":{\"x\":1e400,\"\\u0061\":\"\xc3\xa4\"},"
	    "\"unknown\":[],\"jsonrpc\":\"2.0\",\"id\":65540}";

	(void)state;
	send_frame(w->front, MSG_REQUEST, 0, 65540, text, -1);
	assert_string_equal(hear(w), text);
	answer(w, "%s", reply);
	expect_text(w, MSG_RESPONSE, 65540, reply);
	end(w);
}

static void
answers_find_their_calls_in_any_order(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	for (int i = 0; i < 100; i++)
		call(w, FIRST + (uint64_t)i);
	for (int i = 99; i >= 0; i--)
		answer(w, RESULT, FIRST + i, i);
	for (int i = 99; i >= 0; i--)
		expect_result(w, FIRST + i, i);
	end(w);
}

static void
an_answer_may_come_one_byte_at_a_time(void **state)
{
	struct world *w = begin_ready();
	char text[128];

	(void)state;
	call(w, FIRST);
	(void)snprintf(text, sizeof(text), RESULT "\n", FIRST, 5);
	write_steps(w->out, text, strlen(text), 1);
	expect_result(w, FIRST, 5);
	end(w);
}

static void
raw_newlines_never_reach_either_side(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	send_frame(w->front, MSG_REQUEST, 0, FIRST,
	    "{\"jsonrpc\":\"2.0\",\n\"id\":65536,\r\n\"method\":\"x\"}", -1);
	assert_string_equal(
	    hear(w), "{\"jsonrpc\":\"2.0\", \"id\":65536,  \"method\":\"x\"}");
	say(w, "{\"jsonrpc\":\"2.0\",\r\"id\":65536,\"result\":{}}\r\n");
	expect_text(w, MSG_RESPONSE, FIRST,
	    "{\"jsonrpc\":\"2.0\", \"id\":65536,\"result\":{}}");
	end(w);
}

static void
strange_answers_are_dropped(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	answer(w, RESULT, FIRST + 1, 1);
	answer(w, RESULT, -1, 1);
	answer(w, RESULT, 1, 1);
	answer(w, RESULT, 40000, 1);
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":\"65536\",\"result\":{}}");
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":65536.0,\"result\":{}}");
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":6553600e-2,\"result\":{}}");
	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,"
	    "\"message\":\"\"}}");
	answer(
	    w, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\"}}");
	answer(w, RESULT, FIRST, 7);
	answer(w, RESULT, FIRST, 8);
	expect_result(w, FIRST, 7);
	settle(w);
	end(w);
}

static void
an_invalid_answer_fails_its_call_at_once(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":65536,\"result\":{\"x\":NaN}}");
	expect(w, MSG_FAIL, FIRST);
	assert_non_null(strstr(w->payload, "\"code\":-32603"));
	assert_non_null(strstr(w->payload, "not valid"));
	assert_non_null(strstr(w->payload,
	    "\"data\":{\"backend\":\"b\",\"outcome\":\"unknown\"}"));
	answer(w, RESULT, FIRST, 1);
	settle(w);
	end(w);
}

static void
a_request_with_a_wrong_id_is_refused(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	request(w, 7);
	expect(w, MSG_FAIL, 7);
	assert_non_null(strstr(w->payload, "\"outcome\":\"not_sent\""));
	call(w, FIRST);
	request(w, FIRST + 65536); /* the same slot */
	expect(w, MSG_FAIL, FIRST + 65536);
	assert_non_null(strstr(w->payload, "\"outcome\":\"not_sent\""));
	end(w);
}

static void
a_call_expires_and_its_late_answer_is_dropped(void **state)
{
	struct world *w = begin_ready_with(30, "2025-11-25");

	(void)state;
	call(w, FIRST);
	expect(w, MSG_FAIL, FIRST);
	assert_non_null(
	    strstr(w->payload, "backend b did not answer within 0.03 s"));
	assert_non_null(strstr(w->payload, "\"outcome\":\"unknown\""));
	assert_non_null(strstr(hear(w),
	    "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"
	    "65536,"));
	answer(w, RESULT, FIRST, 1);
	settle(w);
	end(w);
}

static void
a_cancelled_call_is_cancelled_at_the_backend(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	send_frame(w->front, MSG_CANCEL, 0, FIRST, "\"user\\n\"", -1);
	assert_string_equal(hear(w),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
	    "\"params\":{\"requestId\":65536,\"reason\":\"user\\n\"}}");
	answer(w, RESULT, FIRST, 1);
	settle(w);
	send_frame(w->front, MSG_CANCEL, 0, FIRST, "", -1);
	settle(w);
	end(w);
}

/*
 * Three requests to a job that does not read: the first is in the pipe, the
 * second partly, and the third waits behind it.
 */
static void
fill_the_pipe(struct world *w)
{
	static char text[700001];
	size_t head;

	for (uint64_t i = 0; i < 2; i++) {
		head = (size_t)snprintf(text, sizeof(text),
		    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
		    ",\"method\":\"big\",\"params\":{\"x\":\"",
		    FIRST + i);
		memset(text + head, 'x', sizeof(text) - 1 - head);
		memcpy(text + sizeof(text) - 4, "\"}}", 4);
		send_frame(w->front, MSG_REQUEST, 0, FIRST + i, text, -1);
	}
	request(w, FIRST + 2);
}

static void
expect_fail(struct world *w, uint64_t id, const char *outcome)
{
	expect(w, MSG_FAIL, id);
	if (strstr(w->payload, outcome) == NULL)
		fail_msg("%s is not in %s", outcome, w->payload);
}

static void
what_expires_unread_was_not_sent_and_never_will_be(void **state)
{
	struct world *w = begin_ready_with(300, "2025-11-25");

	(void)state;
	fill_the_pipe(w);
	expect_fail(w, FIRST, "\"outcome\":\"unknown\"");
	expect_fail(w, FIRST + 1, "\"outcome\":\"unknown\"");
	expect_fail(w, FIRST + 2, "\"outcome\":\"not_sent\"");
	assert_int_equal(hear_with(w, "big"), FIRST);
	assert_int_equal(hear_with(w, "big"), FIRST + 1);
	/* White space, where the third request was, is legal. */
	(void)hear_with(w,
	    " {\"jsonrpc\":\"2.0\",\"method\":"
	    "\"notifications/cancelled\",\"params\":{"
	    "\"requestId\":65536");
	(void)hear_with(w, "\"requestId\":65537");
	settle(w);
	end(w);
}

static void
what_is_cancelled_unread_is_never_sent(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	fill_the_pipe(w);
	send_frame(w->front, MSG_CANCEL, 0, FIRST + 2, "", -1);
	request(w, FIRST + 3);
	/* The worker has it all when a second one of this id fails. */
	request(w, FIRST + 3);
	expect_fail(w, FIRST + 3, "\"outcome\":\"not_sent\"");
	assert_int_equal(hear_with(w, "big"), FIRST);
	assert_int_equal(hear_with(w, "big"), FIRST + 1);
	assert_int_equal(hear_with(w, "tools/call"), FIRST + 3);
	request(w, FIRST + 2); /* its id is free again */
	assert_int_equal(hear_with(w, "tools/call"), FIRST + 2);
	end(w);
}

static void
what_a_lost_job_did_not_read_was_not_sent(void **state)
{
	for (int broken = 0; broken < 2; broken++) {
		struct world *w = begin_ready();

		(void)state;
		fill_the_pipe(w);
		request(w, FIRST + 2);
		expect_fail(w, FIRST + 2, "still has"); /* all has come */
		close_fd(broken ? &w->in : &w->out);
		expect_fail(w, FIRST + 2, "\"outcome\":\"not_sent\"");
		/* The front is told nothing of the others. */
		assert_int_equal(read(w->front, w->line, 1), 0);
		expect_exit(w, ROLE_EXIT_BACKEND);
		end(w);
	}
}

static void
progress_goes_to_its_call_only(void **state)
{
#define PROGRESS(token)                                                        \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","          \
	"\"params\":{\"progressToken\":" token ",\"progress\":1}}"
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	answer(w, PROGRESS("65537"));
	answer(w, PROGRESS("\"65536\""));
	answer(w, PROGRESS("null"));
	answer(w, PROGRESS("65536"));
	expect_text(w, MSG_EVENT, FIRST, PROGRESS("65536"));
	answer(w, RESULT, FIRST, 1);
	answer(w, PROGRESS("65536"));
	expect_result(w, FIRST, 1);
	settle(w);
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_passes_both_ways_byte_for_byte),
		cmocka_unit_test(answers_find_their_calls_in_any_order),
		cmocka_unit_test(an_answer_may_come_one_byte_at_a_time),
		cmocka_unit_test(raw_newlines_never_reach_either_side),
		cmocka_unit_test(strange_answers_are_dropped),
		cmocka_unit_test(an_invalid_answer_fails_its_call_at_once),
		cmocka_unit_test(a_request_with_a_wrong_id_is_refused),
		cmocka_unit_test(a_call_expires_and_its_late_answer_is_dropped),
		cmocka_unit_test(a_cancelled_call_is_cancelled_at_the_backend),
		cmocka_unit_test(
		    what_expires_unread_was_not_sent_and_never_will_be),
		cmocka_unit_test(what_is_cancelled_unread_is_never_sent),
		cmocka_unit_test(what_a_lost_job_did_not_read_was_not_sent),
		cmocka_unit_test(progress_goes_to_its_call_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
