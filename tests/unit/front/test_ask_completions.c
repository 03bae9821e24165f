/* test_ask_completions.c: whom a backend means that tells that an elicitation
 * is complete. */
/* wrap: session_send */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ask.h"
#include "ask_completions.h"
#include "ask_parts.h"
#include "front.h"
#include "link_parts.h"
#include "session.h"

/* One more than there is room for. */
#define LINKS (ASKS_COMPLETIONS_ALL_MAX / ASKS_COMPLETIONS_MAX + 1)

static struct front front;
static struct asks asks;
static struct link links[LINKS];
static struct session sessions[2];
static const struct session *told;

void
__wrap_session_send(
    struct session *session, const struct splice *message, bool newlines)
{
	assert_int_equal(splice_length(message), message->text.len);
	assert_false(newlines);
	told = session;
}

static int
setup(void **state)
{
	(void)state;
	memset(links, 0, sizeof(links));
	memset(sessions, 0, sizeof(sessions));
	asks.completions = 0;
	front.asks = &asks;
	for (size_t i = 0; i < LINKS; i++) {
		links[i].front = &front;
		TAILQ_INIT(&links[i].completions);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		ask_completions_forget_session(&sessions[i]);
	assert_int_equal(asks.completions, 0);
	for (size_t i = 0; i < LINKS; i++)
		assert_int_equal(links[i].completion_count, 0);
	return 0;
}

static void
begin(size_t link, size_t session, size_t number)
{
	char id[32];
	int len = snprintf(id, sizeof(id), "\"%zu\"", number);

	ask_completions_note(&links[link], &sessions[session],
	    (struct json_span){ id, (size_t)len });
}

/* Who hears that it is complete; NULL: nobody. */
static const struct session *
complete(size_t link, size_t number)
{
	char text[128];
	struct rpc_problem problem;
	struct rpc_message msg;
	int len = snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\","
	    "\"method\":\"notifications/elicitation/complete\","
	    "\"params\":{\"elicitationId\":\"%zu\"}}",
	    number);

	assert_int_equal(rpc_parse(&msg, text, (size_t)len, &problem), 0);
	told = NULL;
	asks_complete(&links[link], &msg);
	return told;
}

static void
who_was_asked_is_told_once(void **state)
{
	(void)state;
	begin(0, 0, 1);
	begin(0, 1, 2);
	begin(1, 1, 1);
	assert_null(complete(1, 2)); /* another backend's */
	assert_ptr_equal(complete(0, 2), &sessions[1]);
	assert_null(complete(0, 2));
	assert_ptr_equal(complete(0, 1), &sessions[0]);
	assert_ptr_equal(complete(1, 1), &sessions[1]);
}

static void
who_is_gone_is_forgotten(void **state)
{
	(void)state;
	begin(0, 0, 1);
	begin(0, 1, 2);
	begin(1, 1, 3);
	ask_completions_forget_session(&sessions[1]);
	assert_null(complete(0, 2));
	assert_null(complete(1, 3));
	ask_completions_forget_link(&links[0]);
	assert_null(complete(0, 1));
}

static void
the_oldest_of_a_backend_makes_room(void **state)
{
	(void)state;
	begin(1, 1, 0);
	for (size_t i = 0; i <= ASKS_COMPLETIONS_MAX; i++)
		begin(0, 0, i);
	assert_int_equal(links[0].completion_count, ASKS_COMPLETIONS_MAX);
	assert_null(complete(0, 0));
	assert_ptr_equal(complete(0, 1), &sessions[0]);
	assert_ptr_equal(complete(1, 0), &sessions[1]);
}

/* Whoever has none yet takes nobody's place. */
static void
all_backends_together_have_a_limit(void **state)
{
	const size_t last = LINKS - 1;

	(void)state;
	for (size_t link = 0; link < LINKS; link++)
		for (size_t i = 0; i < ASKS_COMPLETIONS_MAX; i++)
			begin(link, 0, i);
	assert_int_equal(asks.completions, ASKS_COMPLETIONS_ALL_MAX);
	assert_int_equal(links[last].completion_count, 0);
	ask_completions_forget_link(&links[0]);
	begin(last, 0, 0);
	for (size_t i = 1; i < ASKS_COMPLETIONS_MAX; i++)
		begin(1, 0, i);
	assert_ptr_equal(complete(last, 0), &sessions[0]);
	/* One that has some keeps its newest. */
	for (size_t i = 0; i < ASKS_COMPLETIONS_MAX; i++)
		begin(0, 0, i);
	begin(2, 0, ASKS_COMPLETIONS_MAX);
	assert_int_equal(asks.completions, ASKS_COMPLETIONS_ALL_MAX);
	assert_null(complete(2, 0));
	assert_ptr_equal(complete(2, ASKS_COMPLETIONS_MAX), &sessions[0]);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(who_was_asked_is_told_once),
		T(who_is_gone_is_forgotten),
		T(the_oldest_of_a_backend_makes_room),
		T(all_backends_together_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
