/* wrap: realloc */
/* A channel: frames at every split, broken rules, full queues. */
#include "chan_fixture.h"

static bool realloc_fails;
static size_t realloc_largest;
static int realloc_firsts; /* calls that began a new piece of memory */

void *__real_realloc(void *mem, size_t n);
void *__wrap_realloc(void *mem, size_t n);

void *
__wrap_realloc(void *mem, size_t n)
{
	if (realloc_fails) {
		errno = ENOMEM;
		return NULL;
	}
	if (n > realloc_largest)
		realloc_largest = n;
	if (mem == NULL)
		realloc_firsts++;
	return __real_realloc(mem, n);
}

static void
frames_arrive_whole_at_every_split(void **state)
{
	struct buf wire = { 0 };

	(void)state;
	add_frame(&wire, MSG_SETUP, "first");
	add_frame(&wire, MSG_LOGLEVEL, "");
	add_frame(&wire, MSG_SETUP, "second");
	for (size_t split = 0; split <= buf_len(&wire); split++) {
		struct fixture f;

		start(&f, false);
		raw_send(&f, buf_data(&wire), split, NULL, 0);
		turns(&f, 2);
		assert_int_equal(f.near.frames,
		    split < 29       ? 0
			: split < 53 ? 1
			: split < 83 ? 2
				     : 3);
		raw_send(&f, buf_data(&wire) + split, buf_len(&wire) - split,
		    NULL, 0);
		turns(&f, 2);
		assert_int_equal(f.near.frames, 3);
		assert_payloads(&f.near, "firstsecond");
		assert_int_equal(f.near.seen[1].type, MSG_LOGLEVEL);
		assert_int_equal(f.near.seen[2].id, 7);
		assert_int_equal(f.near.seen[2].client, 9);
		assert_int_equal(f.near.closed, 0);
		finish(&f);
	}
	buf_free(&wire);
}

static void
frames_arrive_byte_by_byte(void **state)
{
	struct buf wire = { 0 };
	struct fixture f;

	(void)state;
	start(&f, false);
	for (int i = 0; i < 5; i++)
		add_frame(&wire, MSG_SETUP, "abc");
	for (size_t i = 0; i < buf_len(&wire); i++) {
		raw_send(&f, buf_data(&wire) + i, 1, NULL, 0);
		turns(&f, 1);
	}
	assert_int_equal(f.near.frames, 5);
	assert_payloads(&f.near, "abcabcabcabcabc");
	buf_free(&wire);
	finish(&f);
}

static void
send_number(struct chan *chan, uint64_t id, const char *payload)
{
	struct frame frame = {
		.type = MSG_SETUP, .id = id, .length = (uint32_t)strlen(payload)
	};

	assert_int_equal(chan_send(chan, &frame, payload), 0);
}

static void
what_is_queued_goes_out_at_the_end_of_the_turn(void **state)
{
	struct fixture f;
	struct frame frame = { .type = MSG_SETUP, .length = 3 };
	char *at;

	(void)state;
	start(&f, true);
	for (uint64_t id = 0; id < 1000; id++)
		send_number(f.far.chan, id, "x");
	assert_non_null(at = chan_send_in_place(f.far.chan, &frame));
	memcpy(at, "end", 3);
	assert_int_equal(chan_queued(f.far.chan), 1000 * 25 + 27);
	turns(&f, 2);
	assert_int_equal(chan_queued(f.far.chan), 0);
	assert_int_equal(f.near.frames, 1001);
	for (uint64_t id = 0; id < 1000; id++)
		assert_int_equal(f.near.seen[id].id, id);
	assert_memory_equal(buf_data(&f.near.payloads) + 1000, "end", 3);
	assert_int_equal(f.far.drained, 0);
	finish(&f);
}

static void
a_flush_writes_without_the_loop(void **state)
{
	struct fixture f;
	char bytes[100];

	(void)state;
	start(&f, false);
	chan_flush(f.near.chan);
	struct frame frame = { .type = MSG_READY, .length = 2 };
	assert_int_equal(chan_send(f.near.chan, &frame, "{}"), 0);
	chan_flush(f.near.chan);
	assert_int_equal(chan_queued(f.near.chan), 0);
	assert_int_equal(read(f.raw, bytes, sizeof(bytes)), 26);
	assert_memory_equal(bytes + 24, "{}", 2);
	finish(&f);
}

/* More than any socket buffer, in both directions at once. */
static void
large_frames_pass_through_small_sockets(void **state)
{
	const size_t large = MSG_CONTROL_MAX;
	struct fixture f;
	struct frame down = { .type = MSG_SETUP };
	struct frame up = { .type = MSG_READY };
	char *bytes = malloc(large);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < large; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	start(&f, true);
	chan_set_socket_buffer(f.near.chan, 4096);
	chan_set_socket_buffer(f.far.chan, 4096);
	for (uint32_t cut = 0; cut < 3; cut++) {
		down.length = up.length = (uint32_t)large - cut;
		assert_int_equal(chan_send(f.far.chan, &down, bytes), 0);
		assert_int_equal(chan_send(f.near.chan, &up, bytes), 0);
	}
	turns(&f, 4000);
	assert_int_equal(f.near.frames, 3);
	assert_int_equal(f.far.frames, 3);
	for (uint32_t cut = 0; cut < 3; cut++) {
		assert_memory_equal(
		    buf_data(&f.near.payloads), bytes, large - cut);
		assert_memory_equal(
		    buf_data(&f.far.payloads), bytes, large - cut);
		buf_consume(&f.near.payloads, large - cut);
		buf_consume(&f.far.payloads, large - cut);
	}
	free(bytes);
	finish(&f);
}

static void
a_frame_of_many_reads_is_whole(void **state)
{
	struct fixture f;
	struct frame frame = { .type = MSG_REQUEST, .length = 5000000 };
	char *bytes;

	(void)state;
	start_as(&f, true, ROLE_WORKER, ROLE_FRONT);
	chan_set_socket_buffer(f.far.chan, 4 << 20);
	assert_non_null(bytes = chan_send_in_place(f.far.chan, &frame));
	for (size_t i = 0; i < frame.length; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	turns(&f, 1000);
	assert_int_equal(f.near.frames, 1);
	assert_int_equal(buf_len(&f.near.payloads), frame.length);
	for (size_t i = 0; i < frame.length; i++)
		if (buf_data(&f.near.payloads)[i] != (char)(i * 7 + i / 256))
			fail();
	finish(&f);
}

static void
the_longest_frame_passes_and_one_byte_more_does_not(void **state)
{
	struct fixture f;
	struct frame frame = { .type = MSG_LOG, .length = MSG_LOG_MAX };
	char text[MSG_LOG_MAX + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	start(&f, true);
	assert_int_equal(chan_send(f.near.chan, &frame, text), 0);
	frame.length++;
	errno = 0;
	assert_int_equal(chan_send(f.near.chan, &frame, text), -1);
	assert_int_equal(errno, EMSGSIZE);
	turns(&f, 2);
	assert_int_equal(f.far.frames, 1);
	assert_int_equal(f.far.seen[0].length, MSG_LOG_MAX);
	finish(&f);
}

static const struct {
	struct frame frame;
	unsigned char reserved;
	const char *why;
} broken_rules[] = {
	{ { .type = 0 }, 0, "unknown message type" },
	{ { .type = MSG_TYPE_MAX + 1 }, 0, "unknown message type" },
	{ { .type = 0xffff }, 0, "unknown message type" },
	{ { .type = MSG_READY }, 0, "message in a wrong direction" },
	{ { .type = MSG_REQUEST }, 0, "message in a wrong direction" },
	{ { .type = MSG_LISTEN }, 0, "message in a wrong direction" },
	{ { .type = MSG_LOGLEVEL, .length = 1 }, 0, "message too long" },
	{ { .type = MSG_SETUP, .length = MSG_CONTROL_MAX + 1 }, 0,
	    "message too long" },
	{ { .type = MSG_SETUP, .length = UINT32_MAX }, 0, "message too long" },
	{ { .type = MSG_LOGLEVEL, .flags = 5 }, 0, "message with wrong flags" },
	{ { .type = MSG_LOGLEVEL }, 1, "malformed header" },
};

static void
a_broken_rule_closes_once_and_before_memory_is_reserved(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken_rules) / sizeof(broken_rules[0]);
	     i++) {
		unsigned char header[FRAME_HEADER_LEN];
		struct buf wire = { 0 };
		struct fixture f;
		char byte;

		start(&f, false);
		add_frame(&wire, MSG_SETUP, "good");
		frame_encode(header, &broken_rules[i].frame);
		header[23] = broken_rules[i].reserved;
		assert_int_equal(buf_add(&wire, header, sizeof(header)), 0);
		add_frame(&wire, MSG_SETUP, "never seen");
		realloc_largest = 0;
		raw_send(&f, buf_data(&wire), buf_len(&wire), NULL, 0);
		turns(&f, 3);
		assert_int_equal(f.near.frames, 1);
		assert_payloads(&f.near, "good");
		assert_int_equal(f.near.closed, 1);
		assert_string_equal(f.near.why, broken_rules[i].why);
		assert_true(realloc_largest <= 128 << 10);
		assert_int_equal(read(f.raw, &byte, 1), 0);
		errno = 0;
		struct frame frame = { .type = MSG_READY };
		assert_int_equal(chan_send(f.near.chan, &frame, NULL), -1);
		assert_int_equal(errno, EPIPE);
		chan_flush(f.near.chan);
		chan_set_reading(f.near.chan, false);
		chan_set_reading(f.near.chan, true);
		turns(&f, 2);
		assert_int_equal(f.near.closed, 1);
		buf_free(&wire);
		finish(&f);
	}
}

static void
a_full_queue_refuses_and_tells_when_it_is_drained(void **state)
{
	struct fixture f;
	struct frame frame = { .type = MSG_READY, .length = 976 };
	char text[976], sink[65536];
	size_t sent = 0, taken = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	start(&f, false);
	chan_set_queue_max(f.near.chan, 100000);
	chan_set_socket_buffer(f.near.chan, 4096);
	while (chan_send(f.near.chan, &frame, text) == 0)
		sent++;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sent, 100);
	assert_true(chan_congested(f.near.chan));
	turns(&f, 3);
	assert_int_equal(f.near.drained, 0); /* the socket took a little */
	while (taken < sent * 1000) {
		size_t queued = chan_queued(f.near.chan);
		ssize_t n = read(f.raw, sink, 1000);

		assert_true(n > 0);
		taken += (size_t)n;
		assert_int_equal(f.near.drained, queued < 50000);
		turns(&f, 2);
	}
	assert_int_equal(f.near.drained, 1);
	assert_int_equal(chan_queued(f.near.chan), 0);
	assert_false(chan_congested(f.near.chan));
	assert_int_equal(chan_send(f.near.chan, &frame, text), 0);
	turns(&f, 2);
	assert_int_equal(f.near.drained, 1); /* nobody was refused since */
	finish(&f);
}

static void
one_frame_may_exceed_the_limit_of_the_queue(void **state)
{
	struct fixture f;
	struct frame frame = { .type = MSG_SETUP, .length = 5000 };
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text));
	start(&f, true);
	chan_set_queue_max(f.far.chan, 1);
	assert_int_equal(chan_send(f.far.chan, &frame, text), 0);
	assert_int_equal(chan_send(f.far.chan, &frame, text), -1);
	assert_int_equal(errno, EAGAIN);
	chan_flush(f.far.chan);
	assert_int_equal(f.far.drained, 0); /* never under the caller */
	turns(&f, 2);
	assert_int_equal(f.far.drained, 1);
	assert_int_equal(f.near.frames, 1);
	finish(&f);
}

static void
without_memory_sending_fails_and_receiving_closes(void **state)
{
	struct fixture f;
	struct frame frame = { .type = MSG_READY };
	struct buf wire = { 0 };

	(void)state;
	start(&f, false);
	add_frame(&wire, MSG_SETUP, "{}");
	raw_send(&f, buf_data(&wire), buf_len(&wire), NULL, 0);
	realloc_fails = true;
	errno = 0;
	assert_int_equal(chan_send(f.near.chan, &frame, NULL), -1);
	assert_int_equal(errno, ENOMEM);
	turns(&f, 2);
	realloc_fails = false;
	assert_int_equal(f.near.frames, 0);
	assert_int_equal(f.near.closed, 1);
	assert_string_equal(f.near.why, "out of memory");
	buf_free(&wire);
	finish(&f);
}

static void
large_memory_is_given_back(void **state)
{
	struct fixture f;
	struct frame frame = { .type = MSG_SETUP, .length = 900000 };
	char *text = calloc(1, frame.length);

	(void)state;
	assert_non_null(text);
	start(&f, true);
	send_number(f.far.chan, 1, "small");
	turns(&f, 2);
	realloc_firsts = 0;
	send_number(f.far.chan, 2, "small");
	turns(&f, 2);
	assert_int_equal(realloc_firsts, 0); /* small memory is kept */
	assert_int_equal(chan_send(f.far.chan, &frame, text), 0);
	turns(&f, 200);
	assert_int_equal(f.near.frames, 3);
	realloc_firsts = 0;
	send_number(f.far.chan, 3, "small");
	turns(&f, 2);
	assert_int_equal(realloc_firsts, 2); /* one queue and one input */
	free(text);
	finish(&f);
}

static void
a_descriptor_that_is_no_socket_is_refused_and_stays_ours(void **state)
{
	struct loop *loop = loop_new(false);
	struct end end = { 0 };
	int fd = -1;

	(void)state;
	assert_non_null(loop);
	errno = 0;
	assert_null(
	    chan_new(loop, &fd, ROLE_WORKER, ROLE_SUPERVISOR, &handlers, &end));
	assert_int_not_equal(errno, 0);
	loop_free(&loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_whole_at_every_split),
		cmocka_unit_test(frames_arrive_byte_by_byte),
		cmocka_unit_test(
		    what_is_queued_goes_out_at_the_end_of_the_turn),
		cmocka_unit_test(a_flush_writes_without_the_loop),
		cmocka_unit_test(large_frames_pass_through_small_sockets),
		cmocka_unit_test(a_frame_of_many_reads_is_whole),
		cmocka_unit_test(
		    the_longest_frame_passes_and_one_byte_more_does_not),
		cmocka_unit_test(
		    a_broken_rule_closes_once_and_before_memory_is_reserved),
		cmocka_unit_test(
		    a_full_queue_refuses_and_tells_when_it_is_drained),
		cmocka_unit_test(one_frame_may_exceed_the_limit_of_the_queue),
		cmocka_unit_test(
		    without_memory_sending_fails_and_receiving_closes),
		cmocka_unit_test(large_memory_is_given_back),
		cmocka_unit_test(
		    a_descriptor_that_is_no_socket_is_refused_and_stays_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
