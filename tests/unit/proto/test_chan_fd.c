/* Descriptors in a channel: each with its frame, none lost, none left open. */
#include "chan_fixture.h"

#include <fcntl.h>

#include "proto/socket.h"

/* A new pipe: the read end to send, the write end to recognise it by. */
static void
make_pipe(int fds[2])
{
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

static void
assert_same_file(int a, int b)
{
	struct stat sa, sb;

	assert_int_equal(fstat(a, &sa), 0);
	assert_int_equal(fstat(b, &sb), 0);
	assert_int_equal(sa.st_ino, sb.st_ino);
	assert_int_equal(sa.st_dev, sb.st_dev);
}

/* Frames with and without descriptors, and where those stand on the wire. */
struct script {
	struct buf wire;
	size_t at[2];
	int pipes[2][2];
};

static void
script_start(struct script *s)
{
	*s = (struct script){ 0 };
	make_pipe(s->pipes[0]);
	make_pipe(s->pipes[1]);
	add_frame(&s->wire, MSG_SETUP, "one");
	s->at[0] = buf_len(&s->wire);
	add_frame(&s->wire, MSG_JOB_STDIN, "");
	add_frame(&s->wire, MSG_LOGLEVEL, "");
	s->at[1] = buf_len(&s->wire);
	add_frame(&s->wire, MSG_LINK, "");
	add_frame(&s->wire, MSG_SETUP, "two");
}

static void
script_end(struct script *s)
{
	for (int i = 0; i < 2; i++) {
		close(s->pipes[i][0]);
		close(s->pipes[i][1]);
	}
	buf_free(&s->wire);
}

/* Send the bytes from .. to, each descriptor with its frame's first byte. */
static void
script_send(struct script *s, struct fixture *f, size_t from, size_t to)
{
	while (from < to) {
		size_t stop = to;
		const int *fd = NULL;

		for (int i = 0; i < 2; i++) {
			if (s->at[i] == from)
				fd = &s->pipes[i][0];
			else if (s->at[i] > from && s->at[i] < stop)
				stop = s->at[i];
		}
		raw_send(f, buf_data(&s->wire) + from, stop - from, fd,
		    fd == NULL ? 0 : 1);
		from = stop;
	}
}

static void
descriptors_arrive_with_their_frames_at_every_split(void **state)
{
	struct script s;

	(void)state;
	script_start(&s);
	for (size_t split = 0; split <= buf_len(&s.wire); split++) {
		struct fixture f;

		start(&f, false);
		script_send(&s, &f, 0, split);
		turns(&f, 4);
		assert_int_equal(f.near.closed, 0);
		script_send(&s, &f, split, buf_len(&s.wire));
		turns(&f, 4);
		assert_int_equal(f.near.closed, 0);
		assert_int_equal(f.near.frames, 5);
		assert_same_file(f.near.fds[1], s.pipes[0][1]);
		assert_same_file(f.near.fds[3], s.pipes[1][1]);
		assert_int_equal(fcntl(f.near.fds[1], F_GETFD), FD_CLOEXEC);
		assert_payloads(&f.near, "onetwo");
		finish(&f);
	}
	script_end(&s);
}

static void
descriptors_arrive_byte_by_byte(void **state)
{
	struct script s;
	struct fixture f;

	(void)state;
	script_start(&s);
	start(&f, false);
	for (size_t i = 0; i < buf_len(&s.wire); i++) {
		script_send(&s, &f, i, i + 1);
		turns(&f, 1);
		assert_int_equal(f.near.closed, 0);
	}
	assert_int_equal(f.near.frames, 5);
	assert_same_file(f.near.fds[1], s.pipes[0][1]);
	assert_same_file(f.near.fds[3], s.pipes[1][1]);
	finish(&f);
	script_end(&s);
}

static void
a_truncated_stream_leaves_no_descriptor_open(void **state)
{
	struct script s;

	(void)state;
	script_start(&s);
	for (size_t n = 0; n <= buf_len(&s.wire); n++) {
		struct fixture f;

		start(&f, false);
		f.near.leave_fds = true;
		script_send(&s, &f, 0, n);
		close(f.raw);
		f.raw = -1;
		turns(&f, 5);
		assert_int_equal(f.near.closed, 1);
		assert_string_equal(f.near.why, "closed");
		finish(&f);
	}
	script_end(&s);
}

static void
send_fd(struct fixture *f, unsigned int type, int fd)
{
	struct frame frame = { .type = (uint16_t)type };
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	assert_int_not_equal(copy, -1);
	assert_int_equal(chan_send_fd(f->far.chan, &frame, NULL, &copy), 0);
	assert_int_equal(copy, -1);
}

static void
a_payload_comes_along_with_a_descriptor(void **state)
{
	static const char address[] = "{\"address\":\"127.0.0.1:9000\"}";
	struct frame frame = { .type = MSG_LISTEN,
		.length = sizeof(address) - 1 };
	struct fixture f;
	int pipes[2];

	(void)state;
	make_pipe(pipes);
	start_as(&f, true, ROLE_FRONT, ROLE_SUPERVISOR);
	f.open_at_start -= 2; /* the pipe goes before the end */
	assert_int_equal(
	    chan_send_fd(f.far.chan, &frame, address, &pipes[0]), 0);
	assert_int_equal(pipes[0], -1);
	turns(&f, 3);
	assert_int_equal(f.near.frames, 1);
	assert_same_file(f.near.fds[0], pipes[1]);
	assert_payloads(&f.near, address);
	close(pipes[1]);
	finish(&f);
}

/* Read one header from the raw end; whether a descriptor came with it. */
static bool
raw_read_has_fd(struct fixture *f)
{
	char header[FRAME_HEADER_LEN];
	int fds[SOCKET_FDS_MAX];
	size_t count;

	assert_int_equal(
	    socket_read(f->raw, header, sizeof(header), fds, &count),
	    sizeof(header));
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	assert_true(count <= 1);
	return count == 1;
}

static void
a_descriptor_goes_with_the_first_byte_of_its_frame(void **state)
{
	struct frame plain = { .type = MSG_LOGLEVEL };
	struct frame link = { .type = MSG_LINK };
	struct fixture f;
	int pipes[2];

	(void)state;
	make_pipe(pipes);
	start_as(&f, false, ROLE_SUPERVISOR, ROLE_WORKER);
	f.open_at_start -= 2; /* the pipe goes before the end */
	assert_int_equal(chan_send(f.near.chan, &plain, NULL), 0);
	assert_int_equal(chan_send_fd(f.near.chan, &link, NULL, &pipes[0]), 0);
	assert_int_equal(chan_send(f.near.chan, &plain, NULL), 0);
	assert_int_equal(chan_send_fd(f.near.chan, &link, NULL, &pipes[1]), 0);
	turns(&f, 1);
	assert_int_equal(chan_queued(f.near.chan), 0);
	assert_false(raw_read_has_fd(&f));
	assert_true(raw_read_has_fd(&f));
	assert_false(raw_read_has_fd(&f));
	assert_true(raw_read_has_fd(&f));
	finish(&f);
}

/* Bursts of descriptors between large frames, through small sockets. */
static void
many_descriptors_keep_their_order_in_a_full_socket(void **state)
{
	enum {
		PIPES = 20,
	};
	struct frame large = { .type = MSG_SETUP, .length = 30000 };
	int pipes[PIPES][2];
	char text[30000];
	struct fixture f;
	size_t got = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < PIPES; i++)
		make_pipe(pipes[i]);
	start(&f, true);
	chan_set_socket_buffer(f.far.chan, 4096);
	for (int i = 0; i < PIPES; i++) {
		send_fd(&f, MSG_LINK, pipes[i][0]);
		if (i % 3 == 0)
			assert_int_equal(
			    chan_send(f.far.chan, &large, text), 0);
	}
	turns(&f, 1000);
	assert_int_equal(chan_queued(f.far.chan), 0);
	assert_int_equal(f.near.frames, PIPES + 7);
	for (size_t i = 0; i < f.near.frames; i++)
		if (f.near.seen[i].type == MSG_LINK)
			assert_same_file(f.near.fds[i], pipes[got++][1]);
	assert_int_equal(got, PIPES);
	finish(&f);
	for (int i = 0; i < PIPES; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

static void
unsent_descriptors_are_closed_with_the_channel(void **state)
{
	struct fixture f;
	int pipes[2];

	(void)state;
	make_pipe(pipes);
	start(&f, true);
	for (int i = 0; i < 5; i++)
		send_fd(&f, MSG_JOB_STDERR, pipes[0]);
	finish(&f);
	start(&f, true);
	send_fd(&f, MSG_JOB_STDERR, pipes[0]);
	chan_free(&f.near.chan);
	turns(&f, 3);
	assert_int_equal(f.far.closed, 1);
	finish(&f);
	close(pipes[0]);
	close(pipes[1]);
}

static void
a_refused_descriptor_stays_with_its_sender(void **state)
{
	struct frame frame = { .type = MSG_LINK };
	struct fixture f;
	int pipes[2];

	(void)state;
	make_pipe(pipes);
	start(&f, true);
	chan_set_queue_max(f.far.chan, 1);
	send_fd(&f, MSG_LINK, pipes[0]);
	assert_int_equal(chan_send_fd(f.far.chan, &frame, NULL, &pipes[0]), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_not_equal(fcntl(pipes[0], F_GETFD), -1);
	chan_free(&f.near.chan);
	turns(&f, 3);
	assert_int_equal(chan_send_fd(f.far.chan, &frame, NULL, &pipes[0]), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_not_equal(fcntl(pipes[0], F_GETFD), -1);
	finish(&f);
	close(pipes[0]);
	close(pipes[1]);
}

/* A frame of this type with n descriptors; what the channel says to that. */
static void
assert_refused(unsigned int type, size_t n, size_t frames, const char *why)
{
	struct buf wire = { 0 };
	struct fixture f;
	int pipes[2];
	int fds[16];

	make_pipe(pipes);
	for (size_t i = 0; i < n; i++)
		fds[i] = pipes[0];
	start(&f, false);
	add_frame(&wire, type, "");
	raw_send(&f, buf_data(&wire), buf_len(&wire), fds, n);
	turns(&f, 3);
	assert_int_equal(f.near.frames, frames);
	assert_int_equal(f.near.closed, 1);
	assert_string_equal(f.near.why, why);
	buf_free(&wire);
	finish(&f);
	close(pipes[0]);
	close(pipes[1]);
}

static void
missing_and_surplus_descriptors_break_the_rules(void **state)
{
	(void)state;
	assert_refused(MSG_LINK, 0, 0, "missing descriptor");
	assert_refused(MSG_LOGLEVEL, 1, 1, "surplus descriptor");
	assert_refused(MSG_LINK, 2, 1, "surplus descriptor");
	assert_refused(MSG_LINK, 4, 1, "surplus descriptor");
	assert_refused(MSG_LINK, 5, 0, "descriptors cut off");
	assert_refused(MSG_LINK, 16, 0, "descriptors cut off");
}

static void
a_descriptor_in_the_middle_of_a_payload_breaks_the_rules(void **state)
{
	struct buf wire = { 0 };
	int pipes[2];

	(void)state;
	make_pipe(pipes);
	add_frame(&wire, MSG_SETUP, "0123456789");
	for (size_t split = FRAME_HEADER_LEN; split < buf_len(&wire) - 1;
	     split++) {
		struct fixture f;

		start(&f, false);
		raw_send(&f, buf_data(&wire), split, NULL, 0);
		raw_send(&f, buf_data(&wire) + split, 1, pipes, 1);
		turns(&f, 3);
		assert_int_equal(f.near.closed, 1);
		assert_string_equal(f.near.why, "surplus descriptor");
		finish(&f);
	}
	buf_free(&wire);
	close(pipes[0]);
	close(pipes[1]);
}

static void
a_pause_does_not_mix_descriptors_up(void **state)
{
	struct script s;
	struct fixture f;

	(void)state;
	script_start(&s);
	for (size_t pause = 1; pause <= 5; pause++) {
		start(&f, false);
		f.near.pause_at = pause;
		script_send(&s, &f, 0, buf_len(&s.wire));
		turns(&f, 5);
		assert_true(f.near.frames <= pause);
		chan_set_reading(f.near.chan, true);
		turns(&f, 5);
		assert_int_equal(f.near.frames, 5);
		assert_int_equal(f.near.closed, 0);
		assert_same_file(f.near.fds[1], s.pipes[0][1]);
		assert_same_file(f.near.fds[3], s.pipes[1][1]);
		finish(&f);
	}
	script_end(&s);
}

static void
freeing_in_a_handler_closes_what_came_with_later_frames(void **state)
{
	struct script s;

	(void)state;
	script_start(&s);
	for (size_t n = 1; n <= 5; n++) {
		struct fixture f;

		start(&f, false);
		f.near.free_at = n;
		script_send(&s, &f, 0, buf_len(&s.wire));
		turns(&f, 5);
		assert_int_equal(f.near.frames, n);
		assert_int_equal(f.near.closed, 0);
		finish(&f);
	}
	script_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    descriptors_arrive_with_their_frames_at_every_split),
		cmocka_unit_test(descriptors_arrive_byte_by_byte),
		cmocka_unit_test(a_truncated_stream_leaves_no_descriptor_open),
		cmocka_unit_test(a_payload_comes_along_with_a_descriptor),
		cmocka_unit_test(
		    a_descriptor_goes_with_the_first_byte_of_its_frame),
		cmocka_unit_test(
		    many_descriptors_keep_their_order_in_a_full_socket),
		cmocka_unit_test(
		    unsent_descriptors_are_closed_with_the_channel),
		cmocka_unit_test(a_refused_descriptor_stays_with_its_sender),
		cmocka_unit_test(
		    missing_and_surplus_descriptors_break_the_rules),
		cmocka_unit_test(
		    a_descriptor_in_the_middle_of_a_payload_breaks_the_rules),
		cmocka_unit_test(a_pause_does_not_mix_descriptors_up),
		cmocka_unit_test(
		    freeing_in_a_handler_closes_what_came_with_later_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
