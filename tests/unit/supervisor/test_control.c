/* test_control.c: what may be asked over the control socket, and how often. */
/* wrap: mono_ms */
/* wrap: event_add */
/* wrap: geteuid */
#include "control_fixture.h"

#define IDLE_MS 30000U

static void
a_question_has_its_asker_and_its_answer(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->at_once = true;
	open_one(f);
	fd = connect_one(f);
	for (unsigned int i = 1; i <= 3; i++) {
		send_frame(fd, MSG_CONTROL, "{\"verb\":\"status\"}");
		turn(f);
		assert_int_equal(f->asked, i);
		assert_string_equal(f->json, "{\"verb\":\"status\"}");
		assert_int_equal(f->uid, getuid());
		assert_string_equal(receive(fd), "{\"ok\":true}");
	}
	(void)close(fd);
}

static void
an_answer_may_come_later_or_never_find_its_asker(void **state)
{
	struct fixture *f = *state;
	struct control_request first;
	int fd, other;

	open_one(f);
	fd = connect_one(f);
	send_frame(fd, MSG_CONTROL, "{}");
	turn(f);
	first = f->request;
	other = connect_one(f);
	send_frame(other, MSG_CONTROL, "{}");
	turn(f);
	(void)close(fd);
	turn(f);
	control_answer(f->control, &first, "{\"n\":1}", 7);
	control_answer(f->control, &f->request, "{\"n\":2}", 7);
	control_answer(f->control, &f->request, "{\"n\":3}", 7);
	turn(f);
	assert_string_equal(receive(other), "{\"n\":2}");
	assert_null(receive(other));
	(void)close(other);
}

static void
who_asks_twice_at_once_is_hung_up_on(void **state)
{
	struct fixture *f = *state;
	int fd;

	open_one(f);
	fd = connect_one(f);
	send_frame(fd, MSG_CONTROL, "{}");
	send_frame(fd, MSG_CONTROL, "{}");
	turn(f);
	assert_int_equal(f->asked, 1);
	assert_true(is_hung_up(fd));
	control_answer(f->control, &f->request, "{}", 2);
	(void)close(fd);
}

static void
garbage_is_hung_up_on(void **state)
{
	static const char *const texts[] = { "", "x", "[]", "{\"a\":1", "\"a\"",
		"{\"a\":\"\xff\"}", "{}{}", "null", " 1" };
	struct fixture *f = *state;
	char zeros[64] = { 0 };
	int fd;

	open_one(f);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fd = connect_one(f);
		send_frame(fd, MSG_CONTROL, texts[i]);
		turn(f);
		assert_true(is_hung_up(fd));
		(void)close(fd);
	}
	/* Frames of others, and no frames. */
	fd = connect_one(f);
	send_frame(fd, MSG_HELLO, "{}");
	turn(f);
	assert_true(is_hung_up(fd));
	(void)close(fd);
	fd = connect_one(f);
	memset(zeros, 0xff, sizeof(zeros));
	assert_int_equal(send(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	turn(f);
	assert_true(is_hung_up(fd));
	(void)close(fd);
	assert_int_equal(f->asked, 0);
}

static void
an_object_among_spaces_is_one(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->at_once = true;
	open_one(f);
	fd = connect_one(f);
	send_frame(fd, MSG_CONTROL, " \n\t{\"a\":1} ");
	turn(f);
	assert_int_equal(f->asked, 1);
	(void)close(fd);
}

static void
one_more_than_sixteen_is_told_so(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_PEERS_MAX], extra;

	open_one(f);
	for (int i = 0; i < CONTROL_PEERS_MAX; i++)
		fds[i] = connect_one(f);
	turn(f);
	turn(f);
	turn(f);
	turn(f);
	extra = connect_one(f);
	turn(f);
	assert_non_null(strstr(receive(extra), "too many"));
	assert_true(is_hung_up(extra));
	(void)close(extra);
	(void)close(fds[0]);
	turn(f);
	extra = connect_one(f);
	turn(f);
	assert_null(receive(extra));
	(void)close(extra);
	for (int i = 1; i < CONTROL_PEERS_MAX; i++)
		(void)close(fds[i]);
}

static void
who_asks_nothing_for_half_a_minute_is_hung_up_on(void **state)
{
	struct fixture *f = *state;
	int idle, waiting;

	open_one(f);
	idle = connect_one(f);
	turn(f);
	waiting = connect_one(f);
	send_frame(waiting, MSG_CONTROL, "{}");
	turn(f);
	sweep_at(f, 1000 + IDLE_MS - 1);
	assert_null(receive(idle));
	sweep_at(f, 1000 + IDLE_MS);
	assert_true(is_hung_up(idle));
	/* A reload takes as long as it takes. */
	sweep_at(f, 1000 + 100 * IDLE_MS);
	assert_null(receive(waiting));
	control_answer(f->control, &f->request, "{}", 2);
	turn(f);
	assert_string_equal(receive(waiting), "{}");
	sweep_at(f, 1000 + 101 * IDLE_MS);
	assert_true(is_hung_up(waiting));
	(void)close(idle);
	(void)close(waiting);
}

static void
an_answer_that_is_too_long_says_so(void **state)
{
	struct fixture *f = *state;
	char *text = calloc(1, MSG_RESULT_MAX + 1);
	int fd;

	open_one(f);
	fd = connect_one(f);
	send_frame(fd, MSG_CONTROL, "{}");
	turn(f);
	control_answer(f->control, &f->request, text, MSG_RESULT_MAX + 1);
	turn(f);
	assert_non_null(strstr(receive(fd), "too long"));
	(void)close(fd);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_has_its_asker_and_its_answer),
		TEST(an_answer_may_come_later_or_never_find_its_asker),
		TEST(who_asks_twice_at_once_is_hung_up_on),
		TEST(garbage_is_hung_up_on),
		TEST(an_object_among_spaces_is_one),
		TEST(one_more_than_sixteen_is_told_so),
		TEST(who_asks_nothing_for_half_a_minute_is_hung_up_on),
		TEST(an_answer_that_is_too_long_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
