/* test_worker_end.c: how a worker ends, and what it survives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker_fixture.h"

static void
the_end_of_the_supervisor_ends_the_worker(void **state)
{
	struct world *w = begin_ready();
	char byte;

	(void)state;
	close_fd(&w->control);
	assert_int_equal(read(w->in, &byte, 1), 0);
	expect_exit(w, ROLE_EXIT_PARENT_GONE);
	end(w);
}

static void
the_end_of_the_job_is_reported_with_its_last_words(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	for (int i = 0; i < 12; i++)
		write_steps(
		    w->err, (char[]){ (char)('a' + i), '\r', '\n' }, 3, 1);
	write_steps(w->err, "\xff\x1b[1m", 5, 1);
	call(w, FIRST);
	call(w, FIRST + 1);
	answer(w, RESULT, FIRST, 1);
	say(w, "{\"jsonrpc\":\"2.0\",\"id\":65537,\"result\":{}}"); /* no \n */
	close_fd(&w->out);
	close_fd(&w->err);
	expect_control(w, MSG_OBITUARY);
	assert_non_null(strstr(w->payload,
	    "\"why\":\"closed its standard output inside a line of 40 bytes"));
	assert_non_null(strstr(w->payload, "\"stderr\":[\"d\",\"e\",\"f\","));
	assert_non_null(
	    strstr(w->payload, "\"k\",\"l\",\"\\\\xff\\\\x1b[1m\"]"));
	/* What was answered before arrives, then the link closes. */
	expect_result(w, FIRST, 1);
	assert_int_equal(read(w->front, w->line, 1), 0);
	expect_exit(w, ROLE_EXIT_BACKEND);
	end(w);
}

static void
answers_before_the_end_reach_a_slow_front(void **state)
{
	const size_t size = (size_t)2 << 20;
	struct world *w = begin_ready();
	char *text = malloc(size + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = '\0';
	call(w, FIRST);
	call(w, FIRST + 1);
	for (int i = 0; i < 2; i++)
		answer(w,
		    "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"x\":\"%s\"}}",
		    FIRST + i, text);
	free(text);
	close_fd(&w->out);
	close_fd(&w->err);
	expect_control(w, MSG_OBITUARY);
	for (uint64_t i = 0; i < 2; i++) {
		expect(w, MSG_RESPONSE, FIRST + i);
		assert_true(w->frame.length > size);
	}
	assert_int_equal(read(w->front, w->line, 1), 0);
	expect_exit(w, ROLE_EXIT_BACKEND);
	end(w);
}

static void
a_job_that_keeps_stderr_open_ends_all_the_same(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	close_fd(&w->out);
	expect_end(w, ROLE_EXIT_BACKEND, "closed its standard output");
}

static void
a_job_that_closes_stdin_is_lost_after_its_last_answer(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	close_fd(&w->in);
	request(w, FIRST + 1);
	answer(w, RESULT, FIRST, 1);
	expect_result(w, FIRST, 1);
	expect_end(w, ROLE_EXIT_BACKEND, "closed its standard input");
}

static void
a_job_that_does_not_read_is_refused_more(void **state)
{
	const size_t size = (size_t)1 << 20;
	struct world *w = begin_ready();
	char *text = malloc(size + 1);
	int sent = 0;

	(void)state;
	assert_non_null(text);
	for (;;) {
		struct pollfd p = { .fd = w->front, .events = POLLIN };
		int n = snprintf(text, size,
		    "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\","
		    "\"params\":{\"x\":\"",
		    FIRST + sent);

		memset(text + n, 'y', size - (size_t)n);
		memcpy(text + size - 3, "\"}}", 4);
		send_frame(w->front, MSG_REQUEST, 0, FIRST + (uint64_t)sent++,
		    text, -1);
		if (poll(&p, 1, 0) == 1)
			break;
		assert_in_range(sent, 0, 64);
	}
	get_frame(w, w->front);
	assert_int_equal(w->frame.type, MSG_FAIL);
	assert_non_null(strstr(w->payload, "does not read"));
	assert_non_null(strstr(w->payload, "\"outcome\":\"not_sent\""));
	assert_in_range(sent, 16, 40);
	free(text);
	end(w);
}

static void
a_line_over_the_limit_fails_its_call_and_is_skipped(void **state)
{
	const size_t size = (size_t)1 << 20;
	struct world *w = begin_ready();
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, 'z', size);
	/* Its id first: known as soon as the limit is passed. */
	call(w, FIRST);
	say(w, "{\"jsonrpc\":\"2.0\",\"id\":65536,\"result\":{\"x\":\"");
	for (int i = 0; i < 66; i++)
		write_steps(w->out, text, size, SIZE_MAX);
	expect(w, MSG_FAIL, FIRST);
	assert_non_null(strstr(w->payload, "longer than 64 MiB"));
	say(w, "\"}}\n");
	settle(w);
	/* Its id last: known when it is over. */
	call(w, FIRST + 1);
	say(w, "{\"result\":{\"x\":\"");
	for (int i = 0; i < 66; i++)
		write_steps(w->out, text, size, SIZE_MAX);
	say(w, "\"},\"jsonrpc\":\"2.0\",\"id\":65537}\n");
	expect(w, MSG_FAIL, FIRST + 1);
	settle(w);
	free(text);
	end(w);
}

static void
a_flood_on_stderr_stops_nobody(void **state)
{
	const size_t size = (size_t)1 << 20;
	struct world *w = begin_ready();
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', size);
	for (size_t i = 0; i < size - 1; i += 2)
		text[i] = 'e';
	for (int i = 0; i < 8; i++)
		write_steps(w->err, text, size, SIZE_MAX);
	memset(text, 'e', size); /* and no newline */
	for (int i = 0; i < 8; i++)
		write_steps(w->err, text, size, SIZE_MAX);
	free(text);
	settle(w);
	expect_log(w, "lines of standard error dropped");
	end(w);
}

static void
a_frame_out_of_place_ends_the_worker(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	send_frame(w->control, MSG_SETUP, 0, 0, "{}", -1);
	expect_log(w, "SETUP does not belong");
	expect_exit(w, ROLE_EXIT_PROTOCOL);
	end(w);
}

static void
a_wrong_setup_ends_the_worker(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)state;
	assert_non_null(w);
	w->front = w->in = w->out = w->err = -1;
	spawn(w);
	send_frame(w->control, MSG_SETUP, 0, 0, "{\"name\":7}", -1);
	expect_exit(w, ROLE_EXIT_PROTOCOL);
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_the_supervisor_ends_the_worker),
		cmocka_unit_test(
		    the_end_of_the_job_is_reported_with_its_last_words),
		cmocka_unit_test(answers_before_the_end_reach_a_slow_front),
		cmocka_unit_test(
		    a_job_that_keeps_stderr_open_ends_all_the_same),
		cmocka_unit_test(
		    a_job_that_closes_stdin_is_lost_after_its_last_answer),
		cmocka_unit_test(a_job_that_does_not_read_is_refused_more),
		cmocka_unit_test(
		    a_line_over_the_limit_fails_its_call_and_is_skipped),
		cmocka_unit_test(a_flood_on_stderr_stops_nobody),
		cmocka_unit_test(a_frame_out_of_place_ends_the_worker),
		cmocka_unit_test(a_wrong_setup_ends_the_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
