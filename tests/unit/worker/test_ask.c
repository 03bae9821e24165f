/* test_ask.c: the table of requests to clients, and their texts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ask.h"

static struct ask_table table;

static int
set_up(void **state)
{
	(void)state;
	ask_table_init(&table);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ask_table_clear(&table);
	return table.count == 0 && table.bytes == 0 ? 0 : -1;
}

static struct json_span
span(const char *text)
{
	return (struct json_span){ text, strlen(text) };
}

/* A request with this id and token; "" for none. */
static struct ask *
make(const char *id, const char *token)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	struct ask *ask;
	char text[1024];
	int n;

	n = snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"roots/list\","
	    "\"params\":{\"_meta\":{%s%s}}}",
	    id, token[0] == '\0' ? "" : "\"progressToken\":", token);
	assert_true(n > 0 && (size_t)n < sizeof(text));
	assert_int_equal(rpc_parse(&msg, text, (size_t)n, &problem), 0);
	ask = ask_new(&table, &msg, 7);
	assert_non_null(ask);
	memset(text, 'x', sizeof(text)); /* nothing of it is borrowed */
	return ask;
}

static void
numbers_begin_at_one_and_are_not_used_twice(void **state)
{
	struct ask *first = make("1", ""), *second = make("2", "");

	(void)state;
	assert_int_equal(first->number, 1);
	assert_int_equal(second->number, 2);
	assert_int_equal(first->about, 7);
	ask_enter(&table, first, ASK_HELD, 5);
	ask_enter(&table, second, ASK_TOLD, 5);
	/* Around the end of the numbers: neither 0 nor those in use. */
	table.last_number = UINT32_MAX - 1;
	first = make("3", "");
	assert_int_equal(first->number, UINT32_MAX);
	ask_free(&first);
	first = make("4", "");
	assert_int_equal(first->number, 3);
	ask_free(&first);
	assert_null(first);
	ask_free(&first);
}

static void
only_what_the_front_has_is_found_by_its_number(void **state)
{
	struct ask *ask = make("1", "");

	(void)state;
	assert_null(ask_find(&table, ask->number));
	ask_enter(&table, ask, ASK_HELD, 5);
	assert_null(ask_find(&table, ask->number));
	ask_move(&table, ask, ASK_TOLD, 9);
	assert_ptr_equal(ask_find(&table, ask->number), ask);
	assert_null(ask_find(&table, ask->number + 1));
	ask_move(&table, ask, ASK_UNSENT, 9);
	assert_null(ask_find(&table, ask->number));
	assert_int_equal(table.count, 1);
}

static void
an_id_is_found_in_every_state_and_spelling(void **state)
{
	static const char *const other[] = { "1", "\"a\"", "\"aB\"", "\"\"",
		"11", "\"1\"", "[]", "{}", "null", "\"ab\\u0000\"" };
	char large[RPC_ID_MAX + 8];
	struct ask *ask = make("\"ab\"", "");

	(void)state;
	ask_enter(&table, ask, ASK_HELD, 0);
	assert_ptr_equal(ask_find_id(&table, span("\"ab\"")), ask);
	ask_move(&table, ask, ASK_TOLD, 0);
	assert_ptr_equal(ask_find_id(&table, span("\"\\u0061b\"")), ask);
	ask_move(&table, ask, ASK_UNSENT, 0);
	assert_ptr_equal(ask_find_id(&table, span("\"ab\"")), ask);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_null(ask_find_id(&table, span(other[i])));
	memset(large, 'x', sizeof(large));
	large[0] = large[sizeof(large) - 2] = '"';
	large[sizeof(large) - 1] = '\0';
	assert_null(ask_find_id(&table, span(large)));
}

static void
a_number_is_not_the_string_of_its_digits(void **state)
{
	struct ask *number = make("7", ""), *string = make("\"7\"", "");
	struct ask *odd = make("\"\\ud800\"", "");

	(void)state;
	ask_enter(&table, number, ASK_TOLD, 0);
	ask_enter(&table, string, ASK_TOLD, 0);
	ask_enter(&table, odd, ASK_TOLD, 0);
	assert_ptr_equal(ask_find_id(&table, span("7")), number);
	assert_ptr_equal(ask_find_id(&table, span("\"7\"")), string);
	assert_ptr_equal(ask_find_id(&table, span("\"\\ud800\"")), odd);
	assert_null(ask_find_id(&table, span("7.0")));
	assert_null(ask_find_id(&table, span("\"\\ud801\"")));
}

static void
the_next_deadline_is_that_of_all_states(void **state)
{
	struct ask *held = make("1", ""), *told = make("2", "");
	uint64_t at;

	(void)state;
	assert_false(ask_next_deadline(&table, &at));
	ask_enter(&table, told, ASK_TOLD, 30);
	assert_true(ask_next_deadline(&table, &at));
	assert_int_equal(at, 30);
	ask_enter(&table, held, ASK_HELD, 20);
	assert_true(ask_next_deadline(&table, &at));
	assert_int_equal(at, 20);
	assert_ptr_equal(ask_first(&table, ASK_HELD), held);
	ask_move(&table, held, ASK_TOLD, 40);
	assert_null(ask_first(&table, ASK_HELD));
	assert_ptr_equal(ask_first(&table, ASK_TOLD), told);
	assert_true(ask_next_deadline(&table, &at));
	assert_int_equal(at, 30);
}

static void
bytes_are_counted_while_it_is_there(void **state)
{
	struct ask *first = make("1", ""), *second = make("2", "");

	(void)state;
	ask_enter(&table, first, ASK_HELD, 0);
	ask_enter(&table, second, ASK_TOLD, 0);
	ask_count(&table, first, 100);
	ask_count(&table, second, 10);
	ask_move(&table, first, ASK_TOLD, 0);
	assert_int_equal(table.bytes, 110);
	ask_count(&table, first, 1);
	assert_int_equal(table.bytes, 11);
	ask_leave(&table, first);
	ask_free(&first);
	assert_int_equal(table.bytes, 10);
	assert_int_equal(table.count, 1);
}

static void
becomes(int result, const struct buf *b, const char *want)
{
	assert_int_equal(result, 0);
	assert_int_equal(buf_len(b), strlen(want));
	assert_memory_equal(buf_data(b), want, strlen(want));
}

static void
an_answer_gets_the_backends_id_and_nothing_else_changes(void **state)
{
	static const struct {
		const char *from;
		const char *to;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"id\":5}}",
		    "{\"jsonrpc\":\"2.0\",\"id\":\"\\u00e9\\\"\",\"result\":"
		    "{\"id\":5}}" },
		{ " {\"result\":[1.50,\r\n2],\"id\":\"x\",\"jsonrpc\":\"2.0\"}",
		    " {\"result\":[1.50,  2],\"id\":\"\\u00e9\\\"\",\"jsonrpc\""
		    ":\"2.0\"}" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-1}}",
		    "{\"jsonrpc\":\"2.0\",\"id\":\"\\u00e9\\\"\",\"error\":"
		    "{\"code\":-1}}" },
		{ " \n{\"jsonrpc\":\"2.0\",\n\"error\":{\"code\":-1}}",
		    "{\"id\":\"\\u00e9\\\"\",\"jsonrpc\":\"2.0\", \"error\":"
		    "{\"code\":-1}}" },
	};
	struct ask *ask = make("\"\\u00e9\\\"\"", "");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		becomes(ask_add_answer(&b, ask, span(cases[i].from)), &b,
		    cases[i].to);
		buf_free(&b);
	}
	ask_free(&ask);
}

static void
progress_gets_the_backends_token(void **state)
{
	struct ask *ask = make("1", "\"t\""), *without = make("2", "");
	const struct json_span text =
	    span("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
		 "\"params\":{\"progressToken\":3,\n\"progress\":3}}");
	struct buf b = { 0 };

	(void)state;
	becomes(ask_add_progress(&b, ask, text), &b,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
	    "\"params\":{\"progressToken\":\"t\", \"progress\":3}}");
	buf_free(&b);
	assert_int_equal(ask_add_progress(&b, without, text), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(buf_len(&b), 0);
	ask_free(&ask);
	ask_free(&without);
}

static void
what_is_no_answer_or_no_progress_is_refused(void **state)
{
	static const char *const wrong[] = { "", "{", "[]", "null",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}",
		("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
		 "\"notifications/progress\",\"params\":{\"progressToken\":1}}"),
		"{\"jsonrpc\":\"2.0\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":NaN}" };
	struct ask *ask = make("1", "\"t\"");
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		errno = 0;
		assert_int_equal(ask_add_answer(&b, ask, span(wrong[i])), -1);
		assert_int_equal(errno, EBADMSG);
		errno = 0;
		assert_int_equal(ask_add_progress(&b, ask, span(wrong[i])), -1);
		assert_int_equal(errno, EBADMSG);
	}
	assert_int_equal(buf_len(&b), 0);
	ask_free(&ask);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(numbers_begin_at_one_and_are_not_used_twice),
		TEST(only_what_the_front_has_is_found_by_its_number),
		TEST(an_id_is_found_in_every_state_and_spelling),
		TEST(a_number_is_not_the_string_of_its_digits),
		TEST(the_next_deadline_is_that_of_all_states),
		TEST(bytes_are_counted_while_it_is_there),
		TEST(an_answer_gets_the_backends_id_and_nothing_else_changes),
		TEST(progress_gets_the_backends_token),
		TEST(what_is_no_answer_or_no_progress_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
