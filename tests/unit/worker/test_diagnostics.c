/* test_diagnostics.c: a job's standard error. */
/* wrap: mono_ms */
#include <event2/event.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "diagnostics.h"
#include "proto/buf.h"
#include "proto/log.h"
#include "proto/loop.h"

uint64_t __wrap_mono_ms(void);

static uint64_t now = 1000000;

uint64_t
__wrap_mono_ms(void)
{
	return now;
}

struct world {
	struct loop *loop;
	struct diagnostics *d;
	size_t records;
	char last[4096];
};

static void
sink(void *arg, enum log_level level, const char *text)
{
	struct world *w = arg;

	(void)level;
	w->records++;
	(void)strlcpy(w->last, text, sizeof(w->last));
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->loop = loop_new(false)) == NULL)
		return -1;
	w->d = diagnostics_new(w->loop, "b");
	log_set_sink(sink, w);
	*state = w;
	return w->d == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	log_set_sink(NULL, NULL);
	diagnostics_free(&w->d);
	loop_free(&w->loop);
	free(w);
	return 0;
}

static void
feed(struct world *w, const char *text)
{
	diagnostics_feed(w->d, DIAGNOSTICS_STDERR, text, strlen(text));
}

static void
expect_last(struct world *w, const char *want)
{
	struct buf b = { 0 };

	assert_int_equal(diagnostics_add_last(w->d, &b), 0);
	assert_int_equal(buf_add(&b, "", 1), 0);
	assert_string_equal(buf_data(&b), want);
	buf_free(&b);
}

static void
lines_are_logged_escaped(void **state)
{
	struct world *w = *state;

	feed(w, "hel");
	assert_int_equal(w->records, 0);
	feed(w, "lo\r\n\n\r\nbad\x1b[31m \xff\n");
	assert_int_equal(w->records, 2);
	assert_string_equal(w->last, "backend b: stderr: bad\\x1b[31m \\xff");
	feed(w, "no end");
	assert_int_equal(w->records, 2);
	diagnostics_finish(w->d);
	assert_string_equal(w->last, "backend b: stderr: no end");
	diagnostics_finish(w->d);
	assert_int_equal(w->records, 3);
}

static void
the_last_ten_lines_are_kept(void **state)
{
	struct world *w = *state;

	expect_last(w, "[]");
	feed(w, "1\n\"2\"\n");
	expect_last(w, "[\"1\",\"\\\"2\\\"\"]");
	feed(w, "3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n");
	expect_last(w,
	    "[\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
	    "\"12\"]");
}

static void
a_flood_is_cut_and_counted(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < DIAGNOSTICS_BURST + 50; i++)
		feed(w, "x\n");
	assert_int_equal(w->records, DIAGNOSTICS_BURST);
	now += 1000;
	for (int i = 0; i < DIAGNOSTICS_PER_SECOND + 5; i++)
		feed(w, "y\n");
	assert_int_equal(
	    w->records, DIAGNOSTICS_BURST + DIAGNOSTICS_PER_SECOND);
	diagnostics_finish(w->d);
	assert_string_equal(
	    w->last, "backend b: 55 lines of standard error dropped");
	/* The obituary has the latest, logged or not. */
	feed(w, "z\n");
	expect_last(
	    w, "[\"y\",\"y\",\"y\",\"y\",\"y\",\"y\",\"y\",\"y\",\"y\",\"z\"]");
}

static void
text_without_newlines_comes_in_pieces(void **state)
{
	struct world *w = *state;
	char text[700];

	memset(text, 'a', sizeof(text));
	for (int i = 0; i < 5; i++)
		diagnostics_feed(w->d, DIAGNOSTICS_STDERR, text, sizeof(text));
	assert_int_equal(w->records, 3500 / DIAGNOSTICS_PIECE);
	assert_true(strlen(w->last) <= DIAGNOSTICS_PIECE + 32);
}

static void
split_anywhere_the_lines_are_the_same(void **state)
{
	static const char text[] = "one\ntwo\r\nthree\n";
	struct world *w = *state;

	for (size_t split = 0; split < sizeof(text); split++) {
		w->records = 0;
		now += 60000;
		diagnostics_feed(w->d, DIAGNOSTICS_STDERR, text, split);
		diagnostics_feed(w->d, DIAGNOSTICS_STDERR, text + split,
		    sizeof(text) - 1 - split);
		assert_int_equal(w->records, 3);
		assert_string_equal(w->last, "backend b: stderr: three");
	}
}

static void
on_ended(void *arg)
{
	loop_stop(((struct world *)arg)->loop);
}

static void
a_pipe_is_drained_to_its_end(void **state)
{
	struct world *w = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "last words", 10), 10);
	close(fds[1]);
	assert_true(diagnostics_ended(w->d));
	assert_int_equal(
	    diagnostics_open(w->d, DIAGNOSTICS_STDERR, &fds[0], on_ended, w),
	    0);
	assert_int_equal(fds[0], -1);
	assert_false(diagnostics_ended(w->d));
	loop_run(w->loop);
	assert_true(diagnostics_ended(w->d));
	expect_last(w, "[\"last words\"]");
}

static void
standard_output_is_marked_and_its_lines_are_kept_in_order(void **state)
{
	struct world *w = *state;

	feed(w, "a\nhalf of an er");
	diagnostics_feed(w->d, DIAGNOSTICS_STDOUT, "listening\n", 10);
	assert_string_equal(w->last, "backend b: stdout: listening");
	feed(w, "ror\n");
	assert_string_equal(w->last, "backend b: stderr: half of an error");
	expect_last(w, "[\"a\",\"listening\",\"half of an error\"]");
}

static void
each_stream_has_its_own_flood(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < DIAGNOSTICS_BURST + 1; i++)
		diagnostics_feed(w->d, DIAGNOSTICS_STDOUT, "x\n", 2);
	assert_int_equal(w->records, DIAGNOSTICS_BURST);
	feed(w, "e\n");
	assert_string_equal(w->last, "backend b: stderr: e");
	diagnostics_finish(w->d);
	assert_string_equal(
	    w->last, "backend b: 1 lines of standard output dropped");
}

static void
both_pipes_end_before_the_end_is_told(void **state)
{
	struct world *w = *state;
	int err[2], out[2];

	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(
	    diagnostics_open(w->d, DIAGNOSTICS_STDERR, &err[0], on_ended, w),
	    0);
	assert_int_equal(
	    diagnostics_open(w->d, DIAGNOSTICS_STDOUT, &out[0], on_ended, w),
	    0);
	close(err[1]);
	while (w->records == 0) {
		assert_int_equal(write(out[1], "up\n", 3), 3);
		assert_int_equal(
		    event_base_loop(loop_base(w->loop), EVLOOP_ONCE), 0);
	}
	assert_string_equal(w->last, "backend b: stdout: up");
	assert_false(diagnostics_ended(w->d));
	close(out[1]);
	loop_run(w->loop);
	assert_true(diagnostics_ended(w->d));
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_WORLD(lines_are_logged_escaped),
		IN_WORLD(the_last_ten_lines_are_kept),
		IN_WORLD(a_flood_is_cut_and_counted),
		IN_WORLD(text_without_newlines_comes_in_pieces),
		IN_WORLD(split_anywhere_the_lines_are_the_same),
		IN_WORLD(a_pipe_is_drained_to_its_end),
		IN_WORLD(
		    standard_output_is_marked_and_its_lines_are_kept_in_order),
		IN_WORLD(each_stream_has_its_own_flood),
		IN_WORLD(both_pipes_end_before_the_end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
