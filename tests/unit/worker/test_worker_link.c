/* test_worker_link.c: fronts come, go and do not read. */
#include <sys/resource.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker_fixture.h"

static void
a_new_link_replaces_the_old_one(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	open_link(w);
	(void)hear_with(w, "\"requestId\":65536");
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	answer(w, RESULT, FIRST, 1); /* to nobody */
	settle(w);
	end(w);
}

static void
an_id_of_an_abandoned_call_is_not_used_again(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	open_link(w);
	(void)hear_with(w, "\"requestId\":65536");
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	request(w, FIRST);
	expect(w, MSG_FAIL, FIRST);
	assert_non_null(strstr(w->payload, "not_sent"));
	answer(w, RESULT, FIRST, 1); /* of the old front's call */
	settle(w);
	call(w, FIRST);
	answer(w, RESULT, FIRST, 2);
	expect_result(w, FIRST, 2);
	end(w);
}

static void
a_closed_link_cancels_its_calls_and_the_worker_goes_on(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	call(w, FIRST);
	close_fd(&w->front);
	(void)hear_with(w, "\"requestId\":65536");
	open_link(w);
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	settle(w);
	end(w);
}

static void
a_link_before_the_greeting_is_told_when_it_is_up(void **state)
{
	struct world *w = begin(60000);

	(void)state;
	open_link(w);
	open_link(w);
	request(w, FIRST);
	expect(w, MSG_FAIL, FIRST);
	assert_non_null(strstr(w->payload, "is not ready"));
	answer_initialize(w, "2025-11-25", "{\"tools\":{}}");
	(void)hear_with(w, "initialized");
	answer_tools(w, "[1]");
	expect_catalogs(w, "[1]");
	end(w);
}

static void
garbage_on_the_link_closes_it_alone(void **state)
{
	struct world *w = begin_ready();

	(void)state;
	send_frame(w->front, MSG_READY, 0, 0, "{}", -1);
	expect_log(w, "link 0 failed");
	open_link(w);
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	settle(w);
	end(w);
}

static void
a_front_that_does_not_read_stops_the_backend_not_the_worker(void **state)
{
	const size_t piece = (size_t)1 << 20, limit = (size_t)40 << 20;
	struct world *w = begin_ready();
	char *text = malloc(piece);
	size_t n, put;
	int calls = 0;

	(void)state;
	assert_non_null(text);
	assert_int_equal(fcntl(w->out, F_SETFL, O_NONBLOCK), 0);
	/* 1 MiB answers until the worker reads no more of them. */
	for (put = 0; put < limit; put += piece) {
		struct pollfd p = { .fd = w->out, .events = POLLOUT };

		call(w, FIRST + (uint64_t)calls);
		n = (size_t)snprintf(text, piece,
		    "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"x\":\"",
		    FIRST + calls++);
		memset(text + n, 'x', piece - n);
		memcpy(text + piece - 4, "\"}}\n", 4);
		for (n = 0; n < piece && poll(&p, 1, 200) == 1;) {
			ssize_t got = write(w->out, text + n, piece - n);

			assert_true(got > 0);
			n += (size_t)got;
		}
		if (n < piece)
			break;
	}
	assert_true(put < limit);
	assert_true(put >= (size_t)8 << 20);
	/* The front reads on, and nothing was lost. */
	for (int i = 0; i < calls - 1; i++) {
		expect(w, MSG_RESPONSE, FIRST + (uint64_t)i);
		assert_int_equal(w->frame.length, piece - 1);
	}
	write_steps(w->out, text + n, piece - n, SIZE_MAX);
	expect(w, MSG_RESPONSE, FIRST + (uint64_t)calls - 1);
	free(text);
	settle(w);
	end(w);
}

/* Refused requests have no place in the table of calls: only the link bounds
 * what says so. */
static void
a_front_that_asks_and_never_reads_is_left(void **state)
{
	enum {
		FRAMES = 4096
	};
	static const char payload[] = "{}";
	const struct frame frame = {
		.length = sizeof(payload) - 1, .type = MSG_REQUEST, .id = 1
	}; /* not an id of a front's */
	const size_t size = FRAME_HEADER_LEN + sizeof(payload) - 1;
	struct world *w = begin_ready();
	unsigned char *many = malloc(FRAMES * size);
	size_t sent = 0;
	ssize_t n = 1;

	(void)state;
	assert_non_null(many);
	for (size_t i = 0; i < FRAMES; i++) {
		frame_encode(many + i * size, &frame);
		memcpy(many + i * size + FRAME_HEADER_LEN, payload,
		    sizeof(payload) - 1);
	}
	while (n > 0) {
		size_t at = sent % (FRAMES * size);

		n = send(w->front, many + at, FRAMES * size - at, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		assert_true(sent < (size_t)256 << 20);
	}
	free(many);
	/* Not for the 16,384 requests that a front may have. */
	assert_true(sent > 16384 * size);
	expect_log(w, "it does not read its answers");
	open_link(w);
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	settle(w);
	end(w);
}

#ifndef MCPGW_SANITIZE /* a sanitizer reserves all address space */
static void
limit_memory(struct world *w, size_t more)
{
	char path[64], text[64] = "";
	struct rlimit limit;
	size_t pages;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)w->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	pages = strtoul(text, NULL, 10);
	limit.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + more;
	limit.rlim_max = limit.rlim_cur;
	assert_int_equal(prlimit(w->pid, RLIMIT_AS, &limit, NULL), 0);
}

static void
an_answer_that_there_is_no_memory_for_fails(void **state)
{
	const size_t size = (size_t)40 << 20;
	struct world *w = begin_ready();
	char *text = malloc(size + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = '\0';
	call(w, FIRST);
	/* The line fits, with room to grow, but not its copy for the link. */
	limit_memory(w, (size_t)80 << 20);
	answer(w, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"x\":\"%s\"}}",
	    FIRST, text);
	free(text);
	expect(w, MSG_FAIL, FIRST);
	assert_non_null(strstr(w->payload, "\"outcome\":\"unknown\""));
	settle(w);
	end(w);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_link_replaces_the_old_one),
		cmocka_unit_test(an_id_of_an_abandoned_call_is_not_used_again),
		cmocka_unit_test(
		    a_closed_link_cancels_its_calls_and_the_worker_goes_on),
		cmocka_unit_test(
		    a_link_before_the_greeting_is_told_when_it_is_up),
		cmocka_unit_test(garbage_on_the_link_closes_it_alone),
		cmocka_unit_test(
		    a_front_that_does_not_read_stops_the_backend_not_the_worker),
		cmocka_unit_test(a_front_that_asks_and_never_reads_is_left),
#ifndef MCPGW_SANITIZE
		cmocka_unit_test(an_answer_that_there_is_no_memory_for_fails),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
