/* test_guard_http_body.c: where a body ends, and who may have one. */
#include "guard_cases.h"

static void
lengths_are_digits(void **state)
{
	static const struct stream cases[] = {
		POST("a body", "Content-Length: 5", "hello", 0),
		POST("spaces after", "Content-Length: 5  \t ", "hello", 0),
		POST("fifteen digits", "Content-Length: 000000000000005",
		    "hello", 0),
		POST("nothing", "Content-Length: 0", "", 0),
		POST("neither", "Accept: x", "", 0),
		POST("any bytes in a body", "content-length: 6",
		    "\0\r\n\r\n\377", 0),
		POST("a second body is a request", "Content-Length: 5",
		    "helloGET", 0),
		POST("two lengths", "Content-Length: 5\r\nContent-Length: 6",
		    "hello", 400),
		POST("two equal lengths",
		    "Content-Length: 5\r\nContent-Length: 5", "hello", 400),
		POST("a list", "Content-Length: 5, 5", "hello", 400),
		POST("sixteen digits", "Content-Length: 0000000000000005",
		    "hello", 400),
		POST("plus", "Content-Length: +5", "hello", 400),
		POST("minus", "Content-Length: -5", "hello", 400),
		POST("minus nothing", "Content-Length: -0", "", 400),
		POST("hexadecimal", "Content-Length: 0x5", "hello", 400),
		POST("letters", "Content-Length: five", "hello", 400),
		POST("fraction", "Content-Length: 5.0", "hello", 400),
		POST("exponent", "Content-Length: 1e1", "hello", 400),
		POST("empty", "Content-Length:", "hello", 400),
		POST("spaces", "Content-Length:   ", "hello", 400),
		POST("space within", "Content-Length: 5 5", "hello", 400),
		POST("NUL within", "Content-Length: 5\0 6", "hello", 400),
		POST("quoted", "Content-Length: \"5\"", "hello", 400),
		POST("space before colon", "Content-Length : 5", "hello", 400),
		POST("tab before", "Content-Length:\t5", "hello", 400),
		POST("very long",
		    "Content-Length: "
		    "5                                                   5",
		    "hello", 400),
		POST("one over", "Content-Length: 4194305", "", 413),
		POST("fifteen nines", "Content-Length: 999999999999999", "",
		    413),
		GET("GET with none", "Content-Length: 0", 0),
		GET("GET with a body", "Content-Length: 1", 400),
		GET("GET with chunks", "Transfer-Encoding: chunked", 400),
		S("HEAD with a body",
		    "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
		    "hello",
		    400, 0, 0),
		S("DELETE with a body",
		    "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
		    400, 0, 0),
		S("OPTIONS with a body",
		    "OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
		    "\r\n",
		    400, 0, 0),
		S("DELETE with chunks",
		    "DELETE / HTTP/1.1\r\nHost: a\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n",
		    400, 0, 0),
		S("incomplete",
		    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
		    "hell",
		    0, 1, 0),
	};

	(void)state;
	ALL(cases);
}

static void
codings_are_chunked_or_nothing(void **state)
{
	static const struct stream cases[] = {
		POST("any case", "TRANSFER-ENCODING: Chunked", "0\r\n\r\n", 0),
		POST(
		    "spaces", "Transfer-Encoding:  chunked \t", "0\r\n\r\n", 0),
		POST("identity", "Transfer-Encoding: identity", "", 501),
		POST("xchunked", "Transfer-Encoding: xchunked", "", 501),
		POST("chunkedx", "Transfer-Encoding: chunkedx", "", 501),
		POST("gzip first", "Transfer-Encoding: gzip, chunked", "", 501),
		POST("chunked twice", "Transfer-Encoding: chunked, chunked", "",
		    501),
		POST("parameter", "Transfer-Encoding: chunked;q=1", "", 501),
		POST("quoted", "Transfer-Encoding: \"chunked\"", "", 501),
		POST("empty", "Transfer-Encoding:", "", 501),
		POST("tab before", "Transfer-Encoding:\tchunked", "", 400),
		POST("vertical tab", "Transfer-Encoding: \vchunked", "", 400),
		POST("very long",
		    "Transfer-Encoding: chunked                               "
		    "                             x",
		    "", 501),
		POST("twice",
		    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
		    "", 400),
		POST("with a length",
		    "Content-Length: 5\r\nTransfer-Encoding: chunked",
		    "0\r\n\r\n", 400),
		POST("with no length",
		    "Transfer-Encoding: chunked\r\nContent-Length: 0",
		    "0\r\n\r\n", 400),
		POST("space before colon", "Transfer-Encoding : chunked",
		    "0\r\n\r\n", 400),
		POST("continue", "Content-Length: 2\r\nExpect: 100-Continue",
		    "hi", 0),
		POST("continue with chunks",
		    "Expect: 100-continue\r\nTransfer-Encoding: chunked",
		    "2\r\nhi\r\n0\r\n\r\n", 0),
		POST("another expectation", "Expect: 200-ok", "", 417),
		POST("two expectations", "Expect: 100-continue, x", "", 417),
		POST("empty expectation", "Expect:", "", 417),
	};

	(void)state;
	ALL(cases);
}

static void
chunks_are_strict(void **state)
{
	static const struct stream cases[] = {
		CHUNKS("empty", "0\r\n\r\n", 0),
		CHUNKS("several", "5\r\nhello\r\n1\r\n \r\n0\r\n\r\n", 0),
		CHUNKS("hexadecimal",
		    "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", 0),
		CHUNKS(
		    "leading zeros", "00000002\r\nhi\r\n00000000\r\n\r\n", 0),
		CHUNKS("line ends as data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", 0),
		CHUNKS("nine digits", "000000002\r\nhi\r\n0\r\n\r\n", 400),
		CHUNKS("no digits", "\r\nhi\r\n0\r\n\r\n", 400),
		CHUNKS("0x", "0x2\r\nhi\r\n0\r\n\r\n", 400),
		CHUNKS("plus", "+2\r\nhi\r\n0\r\n\r\n", 400),
		CHUNKS("minus", "-0\r\n\r\n", 400),
		CHUNKS("space before", " 2\r\nhi\r\n0\r\n\r\n", 400),
		CHUNKS("space after", "2 \r\nhi\r\n0\r\n\r\n", 400),
		CHUNKS("extension", "2;a=b\r\nhi\r\n0\r\n\r\n", 400),
		CHUNKS("letter g", "g\r\n", 400),
		CHUNKS("NUL", "2\0\r\nhi\r\n", 400),
		CHUNKS("bare LF after size", "2\nhi\r\n0\r\n\r\n", 400),
		CHUNKS("bare CR after size", "2\rhi\r\n0\r\n\r\n", 400),
		CHUNKS("no CRLF after data", "2\r\nhi0\r\n\r\n", 400),
		CHUNKS("bare LF after data", "2\r\nhi\n0\r\n\r\n", 400),
		CHUNKS("bare CR after data", "2\r\nhi\r0\r\n\r\n", 400),
		CHUNKS("more data than said", "2\r\nhii\r\n0\r\n\r\n", 400),
		CHUNKS("trailer", "0\r\nX: y\r\n\r\n", 400),
		CHUNKS("trailer with a length",
		    "0\r\nContent-Length: 5\r\n\r\n", 400),
		CHUNKS("bare LF at the end", "0\r\n\n", 400),
		CHUNKS("bare CR at the end", "0\r\n\rx", 400),
		CHUNKS("over the limit", "400001\r\n", 413),
		CHUNKS("far over the limit", "ffffffff\r\n", 413),
		CHUNKS("over the limit together", "1\r\nx\r\n400000\r\n", 413),
		CHUNKS("over 64 bits together", "1\r\nx\r\nffffffff\r\n", 413),
		S("unterminated size",
		    "POST / HTTP/1.1\r\nHost: a\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n00000000",
		    0, 1, 0),
		S("incomplete end",
		    "POST / HTTP/1.1\r\nHost: a\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r",
		    0, 1, 0),
	};

	(void)state;
	ALL(cases);
}

static void
bodies_may_have_four_mebibytes(void **state)
{
	static const char length[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				     "Content-Length: 4194304\r\n\r\n";
	static const char chunked[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				      "Transfer-Encoding: chunked\r\n\r\n";
	char *body = calloc(1, GUARD_BODY_MAX);
	struct guard_http g = { 0 };
	struct guard_refusal r;
	size_t i;

	(void)state;
	assert_non_null(body);
	assert_true(guard_http_feed(&g, length, sizeof(length) - 1, &r));
	assert_true(guard_http_feed(&g, body, GUARD_BODY_MAX - 1, &r));
	assert_int_equal(g.messages, 0);
	assert_true(guard_http_feed(&g, body, 1, &r));
	assert_int_equal(g.messages, 1);

	assert_true(guard_http_feed(&g, chunked, sizeof(chunked) - 1, &r));
	for (i = 0; i < 4; i++) {
		assert_true(guard_http_feed(&g, "100000\r\n", 8, &r));
		assert_true(guard_http_feed(&g, body, 0x100000, &r));
		assert_true(guard_http_feed(&g, "\r\n", 2, &r));
	}
	assert_true(guard_http_feed(&g, "0\r\n\r\n", 5, &r));
	assert_int_equal(g.messages, 2);

	assert_true(guard_http_feed(&g, chunked, sizeof(chunked) - 1, &r));
	assert_true(guard_http_feed(&g, "3fffff\r\n", 8, &r));
	assert_true(guard_http_feed(&g, body, 0x3fffff, &r));
	assert_true(guard_http_feed(&g, "\r\n", 2, &r));
	assert_false(guard_http_feed(&g, "2\r\n", 3, &r));
	assert_int_equal(r.status, 413);
	assert_int_equal(g.messages, 2);
	free(body);
}

static void
bodies_may_be_limited_further(void **state)
{
	static const char good[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				   "Content-Length: 10\r\n\r\n0123456789";
	static const char longer[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				     "Content-Length: 11\r\n\r\n";
	static const char chunked[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				      "Transfer-Encoding: chunked\r\n\r\n"
				      "8\r\n01234567\r\n3\r\n";
	struct guard_http g = { .body_max = 10 };
	struct guard_refusal r;

	(void)state;
	assert_true(guard_http_feed(&g, good, sizeof(good) - 1, &r));
	assert_int_equal(g.messages, 1);
	assert_false(guard_http_feed(&g, longer, sizeof(longer) - 1, &r));
	assert_int_equal(r.status, 413);
	g = (struct guard_http){ .body_max = 10 };
	assert_false(guard_http_feed(&g, chunked, sizeof(chunked) - 1, &r));
	assert_int_equal(r.status, 413);
}

static void
a_limit_that_shrinks_within_a_body_holds(void **state)
{
	static const char begin[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				    "Transfer-Encoding: chunked\r\n\r\n"
				    "8\r\n01234567\r\n";
	struct guard_http g = { .body_max = 100 };
	struct guard_refusal r;

	(void)state;
	assert_true(guard_http_feed(&g, begin, sizeof(begin) - 1, &r));
	g.body_max = 4;
	assert_false(guard_http_feed(&g, "1\r\n", 3, &r));
	assert_int_equal(r.status, 413);
}

/* What evhttp does with a piece of a chunk depends on it. */
static void
where_a_chunk_ends_is_known(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\n"
				   "Transfer-Encoding: chunked\r\n\r";
	static const char rest[] = "\n2\r\nab\r\n0\r\n\r\n";
	struct guard_refusal refusal;
	struct guard_http g = { 0 };

	(void)state;
	assert_true(guard_http_feed(&g, head, sizeof(head) - 1, &refusal));
	assert_false(guard_http_in_chunks(&g, false));
	for (size_t i = 0; i < sizeof(rest) - 1; i++) {
		assert_true(guard_http_feed(&g, rest + i, 1, &refusal));
		assert_int_equal(
		    guard_http_in_chunks(&g, false), i < sizeof(rest) - 2);
		assert_int_equal(guard_http_in_chunks(&g, true), i == 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_digits),
		cmocka_unit_test(codings_are_chunked_or_nothing),
		cmocka_unit_test(chunks_are_strict),
		cmocka_unit_test(bodies_may_have_four_mebibytes),
		cmocka_unit_test(bodies_may_be_limited_further),
		cmocka_unit_test(a_limit_that_shrinks_within_a_body_holds),
		cmocka_unit_test(where_a_chunk_ends_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
