#include "exchange_fixture.h"

/* ---- nothing is sent twice ---- */

/* Answers the first request of a connection, reads the second and hangs up. */
static void
serve_one_then_close(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd) &&
	    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		(void)server_request(s, fd);
}

static void
check_sent_once(enum exchange_method method, size_t body_len)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;
	char *body = malloc(body_len + 1);

	assert_non_null(body);
	memset(body, 'x', body_len);
	world_open(&w, serve_one_then_close);
	request = world_request(&w, EXCHANGE_POST);
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	request = world_request(&w, method);
	if (method == EXCHANGE_POST) {
		request.body = body;
		request.body_len = body_len;
	}
	world_ask(&w, &r, &request);
	free(body);
	assert_int_equal(r.outcome, EXCHANGE_BROKEN);
	assert_string_equal(r.why, "closed the connection before it answered");
	world_close(&w);
	assert_int_equal(w.server.requests, 2);
	assert_int_equal(w.server.connections, 1);
}

static void
a_post_is_never_sent_twice(void **state)
{
	(void)state;
	check_sent_once(EXCHANGE_POST, 40);
}

static void
a_get_and_a_delete_are_never_sent_twice(void **state)
{
	(void)state;
	check_sent_once(EXCHANGE_GET, 0);
	check_sent_once(EXCHANGE_DELETE, 0);
}

/* As above, but the second body is longer than what is sent with its headers.
 */
static void
serve_one_then_read_some(struct server *s, int fd, int n)
{
	char buf[1024];

	(void)n;
	if (!server_request(s, fd) ||
	    !server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		return;
	for (int got = 0; got < (100 << 10);) {
		ssize_t more = recv(fd, buf, sizeof(buf), 0);

		if (more <= 0)
			return;
		got += (int)more;
	}
	s->requests++;
	server_reset(fd);
}

static void
a_long_post_is_never_sent_twice(void **state)
{
	enum {
		LONG = 200 << 10
	};
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;
	char *body = malloc(LONG);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', LONG);
	world_open(&w, serve_one_then_read_some);
	request = world_request(&w, EXCHANGE_POST);
	world_ask(&w, &r, &request);
	request.body = body;
	request.body_len = LONG;
	world_ask(&w, &r, &request);
	free(body);
	assert_int_equal(r.outcome, EXCHANGE_BROKEN);
	world_close(&w);
	assert_int_equal(w.server.requests, 2);
	assert_int_equal(w.server.connections, 1);
}

/* Every connection serves one request, and does not say so. */
static void
serve_one_each(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void
a_connection_that_was_closed_is_not_used_again(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_one_each);
	request = world_request(&w, EXCHANGE_POST);
	for (int i = 1; i <= 20; i++) {
		world_ask(&w, &r, &request);
		assert_int_equal(r.outcome, EXCHANGE_DONE);
		while (w.server.ended < i)
			sched_yield();
	}
	world_close(&w);
	assert_int_equal(w.server.requests, 20);
	assert_int_equal(w.server.connections, 20);
}

/* ---- how it broke ---- */

static void
check_broken(void (*serve)(struct server *s, int fd, int n), const char *why)
{
	struct result r;

	world_post_to(&r, serve);
	assert_string_equal(r.why, why);
	assert_int_equal(r.outcome, EXCHANGE_BROKEN);
}

static void
serve_nothing(struct server *s, int fd, int n)
{
	(void)n;
	(void)server_request(s, fd);
}

static void
serve_reset(struct server *s, int fd, int n)
{
	(void)n;
	(void)server_request(s, fd);
	server_reset(fd);
}

static void
serve_half_a_head(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Ty");
}

static void
serve_head_without_end(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n");
}

static void
serve_only_100(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void
an_end_before_the_answer_is_broken(void **state)
{
	static const char why[] = "closed the connection before it answered";

	(void)state;
	check_broken(serve_nothing, why);
	check_broken(serve_reset, why);
	check_broken(serve_half_a_head, why);
	check_broken(serve_head_without_end, why);
	check_broken(serve_only_100, why);
}

static void
serve_short_body(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(
		    fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
}

static void
serve_cut_chunk(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd,
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "5\r\nab");
}

static void
serve_no_last_chunk(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd,
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "2\r\nab\r\n");
}

static void
an_end_inside_the_answer_is_broken(void **state)
{
	static const char why[] =
	    "closed the connection before its answer was whole";

	(void)state;
	check_broken(serve_short_body, why);
	check_broken(serve_cut_chunk, why);
	check_broken(serve_no_last_chunk, why);
}

static void
serve_until_close(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd, "HTTP/1.0 200 OK\r\n\r\nabc");
}

static void
the_end_of_the_connection_may_end_a_body(void **state)
{
	struct result r;

	(void)state;
	world_post_to(&r, serve_until_close);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_string_equal(r.body, "abc");
}

static void
serve_early_refusal(struct server *s, int fd, int n)
{
	char buf[1024];

	(void)n;
	if (recv(fd, buf, sizeof(buf), 0) <= 0)
		return;
	s->requests++;
	server_say(fd, "HTTP/1.1 413 Too Big\r\nContent-Length: 2\r\n\r\nno");
	server_wait_end(fd);
}

static void
an_answer_may_come_before_the_body_has_gone(void **state)
{
	enum {
		LONG = 8 << 20
	};
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;
	char *body = malloc(LONG);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', LONG);
	world_open(&w, serve_early_refusal);
	request = world_request(&w, EXCHANGE_POST);
	request.body = body;
	request.body_len = LONG;
	world_ask(&w, &r, &request);
	free(body);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_int_equal(r.status, 413);
	assert_string_equal(r.reason, "Content Too Large");
	assert_string_equal(r.body, "no");
	world_close(&w);
}

/* ---- what is not HTTP ---- */

static void
serve_http_09(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd, "<html>hello</html>\r\n");
}

static void
serve_bad_chunk(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd,
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "xyz\r\nab\r\n0\r\n\r\n");
}

static void
serve_bad_length(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n");
}

static void
what_is_not_http_is_refused(void **state)
{
	static void (*const serve[])(struct server * s, int fd,
	    int n) = { serve_http_09, serve_bad_chunk, serve_bad_length };
	struct result r;

	(void)state;
	for (size_t i = 0; i < sizeof(serve) / sizeof(serve[0]); i++) {
		world_post_to(&r, serve[i]);
		assert_int_equal(r.outcome, EXCHANGE_BROKEN);
		assert_memory_equal(r.why, "sent an answer that is not HTTP: ",
		    strlen("sent an answer that is not HTTP: "));
		assert_int_equal(r.body_len, 0);
	}
}

static void
serve_101(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd,
		    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
		    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void
serve_gzip_coding(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd,
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n"
		    "\r\n0\r\n\r\n");
}

static void
what_nobody_asked_for_is_refused(void **state)
{
	(void)state;
	check_broken(
	    serve_101, "switched to another protocol, which nobody asked for");
	check_broken(serve_gzip_coding,
	    "used a transfer coding that it was not asked for");
}

/* ---- too much of it ---- */

static void
flood(struct server *s, int fd, const char *first, const char *again)
{
	if (server_request(s, fd) && server_say(fd, first))
		while (server_say(fd, again))
			;
}

static void
serve_1xx_flood(struct server *s, int fd, int n)
{
	(void)n;
	flood(s, fd, "", "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n");
}

static void
serve_endless_headers(struct server *s, int fd, int n)
{
	(void)n;
	flood(s, fd, "HTTP/1.1 200 OK\r\n", "X-A: y\r\n");
}

static void
serve_endless_trailers(struct server *s, int fd, int n)
{
	(void)n;
	flood(s, fd,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
	    "X-A: y\r\n");
}

static void
endless_headers_are_cut_off(void **state)
{
	static const char why[] = "sent more than 64 KiB of headers";

	(void)state;
	check_broken(serve_1xx_flood, why);
	check_broken(serve_endless_headers, why);
	check_broken(serve_endless_trailers, why);
}

static void
serve_endless_line(struct server *s, int fd, int n)
{
	(void)n;
	flood(s, fd, "HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
}

static void
an_endless_header_line_is_cut_off(void **state)
{
	(void)state;
	check_broken(serve_endless_line,
	    "sent a header that is too long, or memory is short");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_post_is_never_sent_twice),
		cmocka_unit_test(a_get_and_a_delete_are_never_sent_twice),
		cmocka_unit_test(a_long_post_is_never_sent_twice),
		cmocka_unit_test(
		    a_connection_that_was_closed_is_not_used_again),
		cmocka_unit_test(an_end_before_the_answer_is_broken),
		cmocka_unit_test(an_end_inside_the_answer_is_broken),
		cmocka_unit_test(the_end_of_the_connection_may_end_a_body),
		cmocka_unit_test(an_answer_may_come_before_the_body_has_gone),
		cmocka_unit_test(what_is_not_http_is_refused),
		cmocka_unit_test(what_nobody_asked_for_is_refused),
		cmocka_unit_test(endless_headers_are_cut_off),
		cmocka_unit_test(an_endless_header_line_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
