/* How a channel ends and pauses: freed in handlers, closed by a peer that left
 * something unread, killed in the middle of a word. */
#include "chan_fixture.h"

#include <sys/wait.h>

#include <signal.h>

/* Ten frames in one read; n ends the channel in its handler. */
static void
a_handler_may_free_the_channel_at_any_frame(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 10; n++) {
		struct buf wire = { 0 };
		struct fixture f;

		start(&f, false);
		f.near.free_at = n;
		for (int i = 0; i < 10; i++)
			add_frame(&wire, MSG_SETUP, "text");
		struct frame frame = { .type = MSG_READY };
		assert_int_equal(chan_send(f.near.chan, &frame, NULL), 0);
		raw_send(&f, buf_data(&wire), buf_len(&wire), NULL, 0);
		turns(&f, 3);
		assert_null(f.near.chan);
		assert_int_equal(f.near.frames, n);
		assert_int_equal(buf_len(&f.near.payloads), 4 * n);
		assert_int_equal(f.near.closed, 0);
		buf_free(&wire);
		finish(&f);
	}
}

static void
the_other_handlers_may_free_the_channel_too(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, true);
	f.near.free_when_closed = true;
	f.far.free_when_drained = true;
	chan_set_queue_max(f.far.chan, 10);
	struct frame frame = { .type = MSG_SETUP, .length = 4 };
	assert_int_equal(chan_send(f.far.chan, &frame, "text"), 0);
	assert_true(chan_congested(f.far.chan));
	turns(&f, 4);
	assert_int_equal(f.far.drained, 1);
	assert_null(f.far.chan);
	assert_int_equal(f.near.frames, 1);
	assert_int_equal(f.near.closed, 1);
	assert_string_equal(f.near.why, "closed");
	assert_null(f.near.chan);
	finish(&f);
}

static void
frames_before_the_end_are_delivered_first_at_every_truncation(void **state)
{
	struct buf wire = { 0 };

	(void)state;
	add_frame(&wire, MSG_SETUP, "last");
	add_frame(&wire, MSG_SETUP, "words");
	for (size_t n = 0; n <= buf_len(&wire); n++) {
		struct fixture f;

		start(&f, false);
		raw_send(&f, buf_data(&wire), n, NULL, 0);
		close(f.raw);
		f.raw = -1;
		turns(&f, 4);
		assert_int_equal(f.near.frames,
		    n < 28                   ? 0
			: n < buf_len(&wire) ? 1
					     : 2);
		assert_int_equal(f.near.closed, 1);
		assert_string_equal(f.near.why, "closed");
		finish(&f);
	}
	buf_free(&wire);
}

static void
writing_to_a_dead_peer_still_reads_its_last_words(void **state)
{
	struct buf wire = { 0 };
	struct fixture f;
	struct frame frame = { .type = MSG_READY };

	(void)state;
	start(&f, false);
	for (int i = 0; i < 3; i++)
		add_frame(&wire, MSG_SETUP, "last words");
	raw_send(&f, buf_data(&wire), buf_len(&wire), NULL, 0);
	close(f.raw);
	f.raw = -1;
	assert_int_equal(chan_send(f.near.chan, &frame, NULL), 0);
	chan_flush(f.near.chan); /* EPIPE */
	assert_int_equal(f.near.closed, 0);
	assert_int_equal(chan_queued(f.near.chan), 0);
	assert_int_equal(chan_send(f.near.chan, &frame, NULL), -1);
	assert_int_equal(errno, EPIPE);
	turns(&f, 4);
	assert_int_equal(f.near.frames, 3);
	assert_int_equal(f.near.closed, 1);
	assert_string_equal(f.near.why, "closed");
	buf_free(&wire);
	finish(&f);
}

static void
a_peer_that_left_something_unread_is_closed_like_any_other(void **state)
{
	struct buf wire = { 0 };
	struct fixture f;
	struct frame frame = { .type = MSG_READY };

	(void)state;
	start(&f, false);
	add_frame(&wire, MSG_SETUP, "last words");
	raw_send(&f, buf_data(&wire), buf_len(&wire), NULL, 0);
	assert_int_equal(chan_send(f.near.chan, &frame, NULL), 0);
	chan_flush(f.near.chan);
	close(f.raw); /* we read ECONNRESET where others read the end */
	f.raw = -1;
	turns(&f, 4);
	assert_int_equal(f.near.frames, 1);
	assert_int_equal(f.near.closed, 1);
	assert_string_equal(f.near.why, "closed");
	buf_free(&wire);
	finish(&f);
}

static void
a_peer_that_only_stops_reading_is_closed_too(void **state)
{
	struct fixture f;
	struct frame frame = { .type = MSG_READY };

	(void)state;
	start(&f, false);
	assert_int_equal(shutdown(f.raw, SHUT_RD), 0);
	assert_int_equal(chan_send(f.near.chan, &frame, NULL), 0);
	turns(&f, 4);
	assert_int_equal(f.near.closed, 1);
	finish(&f);
}

static void
a_pause_holds_frames_back_even_in_the_middle_of_a_read(void **state)
{
	struct buf wire = { 0 };
	struct fixture f;

	(void)state;
	start(&f, false);
	for (int i = 0; i < 6; i++)
		add_frame(&wire, MSG_SETUP, i % 2 == 0 ? "even" : "odd");
	f.near.pause_at = 2;
	raw_send(&f, buf_data(&wire), buf_len(&wire), NULL, 0);
	turns(&f, 3);
	assert_int_equal(f.near.frames, 2);
	chan_set_reading(f.near.chan, false);
	turns(&f, 3);
	assert_int_equal(f.near.frames, 2);
	f.near.pause_at = 4;
	chan_set_reading(f.near.chan, true);
	assert_int_equal(f.near.frames, 2); /* not under the caller */
	turns(&f, 3);
	assert_int_equal(f.near.frames, 4);
	close(f.raw);
	f.raw = -1;
	turns(&f, 3);
	assert_int_equal(f.near.closed, 0); /* not even the end */
	chan_set_reading(f.near.chan, true);
	turns(&f, 4);
	assert_int_equal(f.near.frames, 6);
	assert_payloads(&f.near, "evenoddevenoddevenodd");
	assert_int_equal(f.near.closed, 1);
	buf_free(&wire);
	finish(&f);
}

static void
a_pause_also_holds_back_the_end_that_writing_found(void **state)
{
	struct buf wire = { 0 };
	struct fixture f;
	struct frame frame = { .type = MSG_READY };

	(void)state;
	start(&f, false);
	add_frame(&wire, MSG_SETUP, "text");
	add_frame(&wire, MSG_SETUP, "text");
	f.near.pause_at = 1;
	raw_send(&f, buf_data(&wire), buf_len(&wire), NULL, 0);
	turns(&f, 2);
	close(f.raw);
	f.raw = -1;
	assert_int_equal(chan_send(f.near.chan, &frame, NULL), 0);
	turns(&f, 3);
	assert_int_equal(f.near.frames, 1);
	assert_int_equal(f.near.closed, 0);
	chan_set_reading(f.near.chan, true);
	turns(&f, 3);
	assert_int_equal(f.near.frames, 2);
	assert_int_equal(f.near.closed, 1);
	buf_free(&wire);
	finish(&f);
}

static void
resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	chan_set_reading(arg, true);
}

/* The end is known already: what was read comes first all the same. */
static void
resuming_in_an_event_delivers_before_the_end(void **state)
{
	(void)state;
	for (size_t last = 2; last <= 4; last++) {
		const struct timeval now = { 0, 0 };
		struct frame frame = { .type = MSG_READY };
		struct buf wire = { 0 };
		struct fixture f;

		start(&f, false);
		for (int i = 0; i < 3; i++)
			add_frame(&wire, MSG_SETUP, "text");
		f.near.pause_at = 1;
		raw_send(&f, buf_data(&wire), buf_len(&wire), NULL, 0);
		turns(&f, 2);
		close(f.raw);
		f.raw = -1;
		assert_int_equal(chan_send(f.near.chan, &frame, NULL), 0);
		turns(&f, 2);
		f.near.pause_at = last; /* again; 4: never */
		assert_int_equal(event_base_once(loop_base(f.loop), -1,
				     EV_TIMEOUT, resume, f.near.chan, &now),
		    0);
		turns(&f, 4);
		assert_int_equal(f.near.frames, last > 3 ? 3 : last);
		assert_int_equal(f.near.closed, last > 3);
		chan_set_reading(f.near.chan, true);
		turns(&f, 4);
		assert_int_equal(f.near.frames, 3);
		assert_int_equal(f.near.closed, 1);
		buf_free(&wire);
		finish(&f);
	}
}

/* In the child: say something whole and something torn, then wait. */
static void
speak_and_wait(struct fixture *f)
{
	struct buf wire = { 0 };

	add_frame(&wire, MSG_SETUP, "whole");
	add_frame(&wire, MSG_SETUP, "torn");
	raw_send(f, buf_data(&wire), buf_len(&wire) - 1, NULL, 0);
	for (;;)
		pause();
}

static void
a_killed_peer_is_the_end_of_the_channel(void **state)
{
	struct fixture f;
	pid_t pid;

	(void)state;
	start(&f, false);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0)
		speak_and_wait(&f);
	close(f.raw);
	f.raw = -1;
	while (f.near.frames == 0)
		turns(&f, 1);
	assert_int_equal(f.near.closed, 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	turns(&f, 3);
	assert_int_equal(f.near.frames, 1);
	assert_int_equal(f.near.closed, 1);
	assert_string_equal(f.near.why, "closed");
	finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handler_may_free_the_channel_at_any_frame),
		cmocka_unit_test(the_other_handlers_may_free_the_channel_too),
		cmocka_unit_test(
		    frames_before_the_end_are_delivered_first_at_every_truncation),
		cmocka_unit_test(
		    writing_to_a_dead_peer_still_reads_its_last_words),
		cmocka_unit_test(
		    a_peer_that_left_something_unread_is_closed_like_any_other),
		cmocka_unit_test(a_peer_that_only_stops_reading_is_closed_too),
		cmocka_unit_test(
		    a_pause_holds_frames_back_even_in_the_middle_of_a_read),
		cmocka_unit_test(
		    a_pause_also_holds_back_the_end_that_writing_found),
		cmocka_unit_test(resuming_in_an_event_delivers_before_the_end),
		cmocka_unit_test(a_killed_peer_is_the_end_of_the_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
