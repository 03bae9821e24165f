/*
 * test_request.c: the table of requests in flight.  Its links and sessions are
 * stood in for by what it uses of them.
 */
/* wrap: link_requests */
/* wrap: arc4random */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "link.h"
#include "request.h"
#include "session.h"

/* The table knows a link by its list only. */
static struct request_list on_link[2];
static struct link *const links[2] = { (struct link *)&on_link[0],
	(struct link *)&on_link[1] };
static struct session sessions[2];
static struct stream streams[2];
static uint32_t seed;

struct request_list *__wrap_link_requests(struct link *link);
uint32_t __wrap_arc4random(void);

struct request_list *
__wrap_link_requests(struct link *link)
{
	return link == links[0] ? &on_link[0] : &on_link[1];
}

uint32_t
__wrap_arc4random(void)
{
	return seed;
}

static int
set_up(void **state)
{
	for (int i = 0; i < 2; i++) {
		TAILQ_INIT(&on_link[i]);
		memset(&sessions[i], 0, sizeof(sessions[i]));
		TAILQ_INIT(&sessions[i].requests);
		streams[i].session = &sessions[i];
	}
	seed = UINT32_MAX; /* the highest first number */
	*state = requests_new();
	return *state == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	struct requests *requests = *state;

	requests_free(&requests);
	assert_null(requests);
	requests_free(&requests);
	return 0;
}

static struct json_span
span(const char *text)
{
	struct json_span s = { text, text == NULL ? 0 : strlen(text) };

	return s;
}

static struct request *
begin(struct requests *requests, const char *id, const char *token)
{
	struct rpc_message msg = { .id = span(id),
		.meta_progress_token = span(token) };

	return request_begin(requests, links[0], &streams[0], &msg);
}

static void
numbers_are_found_until_they_end(void **state)
{
	struct requests *requests = *state;
	struct request *request = begin(requests, "1", NULL);
	uint64_t number;

	assert_non_null(request);
	number = request->number;
	assert_ptr_equal(request_find(requests, number), request);
	assert_int_equal(requests_count(requests), 1);
	assert_int_equal(sessions[0].request_count, 1);
	assert_ptr_equal(TAILQ_FIRST(&on_link[0]), request);
	assert_ptr_equal(TAILQ_FIRST(&sessions[0].requests), request);
	request_end(requests, request);
	assert_null(request_find(requests, number));
	assert_int_equal(requests_count(requests), 0);
	assert_int_equal(sessions[0].request_count, 0);
	assert_true(TAILQ_EMPTY(&on_link[0]));
	assert_true(TAILQ_EMPTY(&sessions[0].requests));
}

static void
invented_numbers_are_not_found(void **state)
{
	struct requests *requests = *state;
	struct request *request = begin(requests, "1", NULL);
	uint64_t number = request->number;

	assert_null(request_find(requests, 0));
	assert_null(request_find(requests, 1));
	assert_null(request_find(requests, number + 1));
	assert_null(request_find(requests, number + REQUESTS_MAX));
	assert_null(request_find(requests, number - REQUESTS_MAX));
	assert_null(request_find(requests, number | UINT64_C(1) << 63));
	assert_null(request_find(requests, UINT64_MAX));
	for (uint64_t i = 0; i < REQUESTS_MAX; i++)
		assert_null(request_find(requests, i));
}

static void
a_number_is_never_given_twice(void **state)
{
	struct requests *requests = *state;
	uint64_t last = 0;

	for (int i = 0; i < 100000; i++) {
		struct request *request = begin(requests, "1", "2");

		assert_true(request->number > last);
		assert_true(request->number < UINT64_C(1) << 53);
		last = request->number;
		request_end(requests, request);
		assert_null(request_find(requests, last));
	}
}

static void
another_front_begins_with_other_numbers(void **state)
{
	struct requests *first = *state;
	struct requests *second;
	uint64_t number = begin(first, "1", NULL)->number;

	seed = 5;
	second = requests_new();
	assert_non_null(second);
	assert_true(begin(second, "1", NULL)->number != number);
	assert_null(request_find(second, number));
	requests_free(&second);
}

static void
ids_and_tokens_of_every_length_are_kept(void **state)
{
	struct requests *requests = *state;
	char id[RPC_ID_MAX + 1];
	char token[RPC_ID_MAX + 1];

	for (size_t n = 1; n <= RPC_ID_MAX; n++) {
		struct request *request;
		struct json_span kept;

		memset(id, 'i', n);
		id[n] = '\0';
		memset(token, 't', n);
		token[n] = '\0';
		request = begin(requests, id, token);
		assert_non_null(request);
		memset(id, 'x', n); /* it is a copy */
		kept = request_bytes(&request->id);
		assert_int_equal(kept.len, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(kept.at[i], 'i');
		kept = request_bytes(&request->token);
		assert_int_equal(kept.len, n);
		assert_memory_equal(kept.at, token, n);
		if (n % 2 == 0) /* the others are freed with the table */
			request_end(requests, request);
	}
}

static void
an_absent_token_stays_absent_in_a_used_place(void **state)
{
	struct requests *requests = *state;
	char token[100];
	struct request *request;

	memset(token, 't', 99);
	token[99] = '\0';
	request = begin(requests, "1", token);
	request_end(requests, request);
	request = begin(requests, "2", NULL);
	assert_null(request_bytes(&request->token).at);
	assert_int_equal(request_bytes(&request->token).len, 0);
	assert_memory_equal(request_bytes(&request->id).at, "2", 1);
}

static void
a_full_table_refuses_and_recovers(void **state)
{
	struct requests *requests = *state;
	struct request *some = NULL;
	uint64_t number;

	for (size_t i = 0; i < REQUESTS_MAX; i++) {
		struct rpc_message msg = { .id = span("1") };
		struct request *request = request_begin(
		    requests, links[i % 2], &streams[i % 2], &msg);

		assert_non_null(request);
		if (i == 12345)
			some = request;
	}
	assert_int_equal(requests_count(requests), REQUESTS_MAX);
	errno = 0;
	assert_null(begin(requests, "1", "2"));
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(requests_count(requests), REQUESTS_MAX);
	assert_int_equal(sessions[0].request_count, REQUESTS_MAX / 2);
	number = some->number;
	request_end(requests, some);
	some = begin(requests, "3", NULL);
	assert_non_null(some);
	assert_null(request_find(requests, number));
	assert_ptr_equal(request_find(requests, some->number), some);
	/* All of one link end, those of the other stay. */
	while ((some = TAILQ_FIRST(&on_link[1])) != NULL)
		request_end(requests, some);
	assert_int_equal(sessions[1].request_count, 0);
	assert_int_equal(requests_count(requests), sessions[0].request_count);
	assert_true(sessions[0].request_count >= REQUESTS_MAX / 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_found_until_they_end),
		TEST(invented_numbers_are_not_found),
		TEST(a_number_is_never_given_twice),
		TEST(another_front_begins_with_other_numbers),
		TEST(ids_and_tokens_of_every_length_are_kept),
		TEST(an_absent_token_stays_absent_in_a_used_place),
		TEST(a_full_table_refuses_and_recovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
