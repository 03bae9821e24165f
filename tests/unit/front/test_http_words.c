/* test_http_words.c: what answers say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http_words.h"

static void
every_status_that_we_send_has_a_name(void **state)
{
	static const int sent[] = { 200, 202, 204, 307, 400, 401, 403, 404, 405,
		408, 413, 414, 415, 417, 429, 431, 501, 503, 505 };

	(void)state;
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		assert_int_not_equal(strlen(http_words_reason(sent[i])), 0);
	assert_string_equal(http_words_reason(202), "Accepted");
	assert_string_equal(http_words_reason(429), "Too Many Requests");
	assert_string_equal(http_words_reason(299), "");
}

static void
an_error_is_json_rpc_without_an_id(void **state)
{
	char body[HTTP_ERROR_MAX];
	size_t len = http_words_error(body, "no");

	(void)state;
	assert_string_equal(body,
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
	    "\"message\":\"no\"}}");
	assert_int_equal(len, strlen(body));
}

static void
a_long_reason_is_cut_and_the_json_whole(void **state)
{
	char body[HTTP_ERROR_MAX];
	char why[400];
	size_t len;

	(void)state;
	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	len = http_words_error(body, why);
	assert_int_equal(len, strlen(body));
	assert_true(len < HTTP_ERROR_MAX);
	assert_string_equal(body + len - 4, "x\"}}");
}

static void
a_refusal_says_what_helps_and_how_long_it_is(void **state)
{
	char text[HTTP_REFUSAL_MAX];
	char body[HTTP_ERROR_MAX];
	char expected[HTTP_REFUSAL_MAX];
	size_t body_len = http_words_error(body, "no");

	(void)state;
	snprintf(expected, sizeof(expected),
	    "HTTP/1.1 503 Service Unavailable\r\n"
	    "Content-Type: application/json\r\nRetry-After: 1\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    body_len, body);
	assert_int_equal(http_words_refusal(text, 503, "no"), strlen(expected));
	assert_string_equal(text, expected);
	http_words_refusal(text, 405, "no");
	assert_non_null(strstr(text, "\r\nAllow: GET, POST, DELETE\r\n"));
	assert_null(strstr(text, "Retry-After"));
}

static void
the_longest_refusal_fits(void **state)
{
	char text[HTTP_REFUSAL_MAX];
	char why[400];
	size_t len;

	(void)state;
	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	len = http_words_refusal(text, 431, why);
	assert_true(len < sizeof(text));
	assert_int_equal(len, strlen(text));
	assert_string_equal(text + len - 4, "x\"}}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_that_we_send_has_a_name),
		cmocka_unit_test(an_error_is_json_rpc_without_an_id),
		cmocka_unit_test(a_long_reason_is_cut_and_the_json_whole),
		cmocka_unit_test(a_refusal_says_what_helps_and_how_long_it_is),
		cmocka_unit_test(the_longest_refusal_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
