#include "exchange_fixture.h"

/* More than any socket buffer. */
#define LARGE ((size_t)3 << 20)

static void
serve_echo(struct server *s, int fd, int n)
{
	(void)n;
	while (server_request(s, fd) &&
	    server_say(fd,
		"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; a=b\r\n"
		"Mcp-Session-Id: abc-123\r\nContent-Length: 4\r\n\r\nbody"))
		;
}

static void
a_post_arrives_with_its_headers(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_echo);
	request = world_request(&w, EXCHANGE_POST);
	request.session = "s-1";
	request.revision = "2025-06-18";
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_string_equal(r.why, "");
	assert_int_equal(r.status, 200);
	assert_string_equal(r.reason, "OK");
	assert_string_equal(r.type, "application/json");
	assert_string_equal(r.session, "abc-123");
	assert_false(r.bad_session);
	assert_false(r.encoded);
	assert_string_equal(r.body, "body");
	world_close(&w);
	assert_memory_equal(w.server.seen, "POST /mcp HTTP/1.1\r\n", 20);
	assert_non_null(strstr(w.server.seen, "\r\n\r\n" POST_BODY));
	assert_non_null(strstr(w.server.seen, "Host: 127.0.0.1:"));
	assert_non_null(
	    strstr(w.server.seen, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(w.server.seen,
	    "\r\nAccept: application/json, text/event-stream\r\n"));
	assert_non_null(
	    strstr(w.server.seen, "\r\nAccept-Encoding: identity\r\n"));
	assert_non_null(strstr(w.server.seen, "\r\nMcp-Session-Id: s-1\r\n"));
	assert_non_null(
	    strstr(w.server.seen, "\r\nMCP-Protocol-Version: 2025-06-18\r\n"));
	assert_non_null(strstr(w.server.seen,
	    "\r\nUser-Agent: mcp-gateway/" MCPGW_VERSION "\r\n"));
	assert_null(strstr(w.server.seen, "Expect"));
	assert_null(strstr(w.server.seen, "Last-Event-ID"));
}

static void
a_get_and_a_delete_have_no_body(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_echo);
	request = world_request(&w, EXCHANGE_GET);
	request.last_event_id = "e 7";
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_memory_equal(w.server.seen, "GET /mcp HTTP/1.1\r\n", 19);
	assert_non_null(strstr(w.server.seen, "\r\nLast-Event-ID: e 7\r\n"));
	assert_null(strstr(w.server.seen, "Content-"));
	request = world_request(&w, EXCHANGE_DELETE);
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_memory_equal(w.server.seen, "DELETE /mcp HTTP/1.1\r\n", 22);
	assert_null(strstr(w.server.seen, "Content-"));
	world_close(&w);
	assert_int_equal(w.server.connections, 1);
}

static void
a_connection_is_used_again(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_echo);
	for (int i = 0; i < 100; i++) {
		request = world_request(
		    &w, i % 10 == 3 ? EXCHANGE_GET : EXCHANGE_POST);
		world_ask(&w, &r, &request);
		assert_int_equal(r.outcome, EXCHANGE_DONE);
		assert_string_equal(r.body, "body");
		assert_int_equal(
		    strncmp(w.server.seen, "GET", 3) == 0, i % 10 == 3);
	}
	world_close(&w);
	assert_int_equal(w.server.connections, 1);
	assert_int_equal(w.server.requests, 100);
}

static void
configured_headers_replace_defaults_but_not_ours(void **state)
{
	char *headers[] = { (char *)(uintptr_t) "User-Agent: mine",
		(char *)(uintptr_t) "Host: other.example",
		(char *)(uintptr_t) "Authorization: Bearer x",
		(char *)(uintptr_t) "X-Empty:",
		(char *)(uintptr_t) "accept: text/html",
		(char *)(uintptr_t) "Content-Length: 5",
		(char *)(uintptr_t) "Transfer-Encoding: chunked", NULL };
	struct world w = { .remote.headers = headers };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_echo);
	request = world_request(&w, EXCHANGE_POST);
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	world_close(&w);
	assert_non_null(strstr(w.server.seen, "\r\nUser-Agent: mine\r\n"));
	assert_null(strstr(w.server.seen, "mcp-gateway/"));
	assert_non_null(strstr(w.server.seen, "\r\nHost: other.example\r\n"));
	assert_null(strstr(w.server.seen, "127.0.0.1"));
	assert_non_null(
	    strstr(w.server.seen, "\r\nAuthorization: Bearer x\r\n"));
	assert_non_null(strstr(w.server.seen, "\r\nX-Empty:\r\n"));
	assert_null(strstr(w.server.seen, "text/html"));
	assert_null(strstr(w.server.seen, "Content-Length: 5\r"));
	assert_null(strstr(w.server.seen, "chunked"));
}

static void
a_header_with_a_control_character_is_refused(void **state)
{
	static const char *const bad[] = { "a\r\nX: y", "a\nb", "a\tb",
		"a\x7f" };
	struct world w = { 0 };
	struct exchange_request request;
	struct result r = { 0 };
	char *header[] = { (char *)(uintptr_t) "X: a\r\nY: b", NULL };
	struct setup_remote remote = { .headers = header };
	const char *why;

	(void)state;
	world_open(&w, serve_echo);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		request = world_request(&w, EXCHANGE_POST);
		request.session = bad[i];
		assert_null(
		    exchange_start(w.http, &request, &result_handlers, &r));
		assert_int_equal(errno, EINVAL);
		request.session = NULL;
		request.last_event_id = bad[i];
		assert_null(
		    exchange_start(w.http, &request, &result_handlers, &r));
		assert_int_equal(errno, EINVAL);
	}
	remote.url = w.url;
	assert_null(http_new(w.loop, &remote, &why));
	assert_string_equal(why, "has a header that HTTP does not allow");
	world_close(&w);
	assert_int_equal(w.server.connections, 0);
}

/* Counts a body that the fixture has no room for, and says how long it was. */
static void
serve_length(struct server *s, int fd, int n)
{
	char buf[65536];
	char answer[128];
	size_t body = 0;
	ssize_t got;
	char *end;

	(void)n;
	got = recv(fd, buf, sizeof(buf) - 1, 0);
	assert(got > 0);
	buf[got] = '\0';
	end = strstr(buf, "\r\n\r\n");
	assert(end != NULL);
	body = (size_t)(buf + got - (end + 4));
	while (body < LARGE && (got = recv(fd, buf, sizeof(buf), 0)) > 0)
		body += (size_t)got;
	s->requests++;
	(void)snprintf(answer, sizeof(answer),
	    "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%8zu", body);
	server_say(fd, answer);
}

static void
a_large_body_arrives_whole_and_at_once(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;
	char *large = malloc(LARGE);

	(void)state;
	assert_non_null(large);
	memset(large, 'x', LARGE);
	world_open(&w, serve_length);
	request = world_request(&w, EXCHANGE_POST);
	request.body = large;
	request.body_len = LARGE;
	request.timeout_ms = 900; /* less than "Expect:" would wait */
	world_ask(&w, &r, &request);
	free(large);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_int_equal(strtoul(r.body, NULL, 10), LARGE);
	world_close(&w);
}

static void
serve_redirect(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd,
		    "HTTP/1.1 307 Whatever\x1b[2J\r\n"
		    "Location: http://127.0.0.1:1/\x1b]x\r\n"
		    "Content-Length: 0\r\n\r\n");
}

static void
a_redirect_is_reported_and_not_followed(void **state)
{
	struct result r;

	(void)state;
	world_post_to(&r, serve_redirect);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_int_equal(r.status, 307);
	assert_string_equal(r.reason, "Temporary Redirect");
	assert_string_equal(r.location, "http://127.0.0.1:1/\\x1b]x");
	assert_string_equal(r.type, "");
	assert_int_equal(r.body_len, 0);
}

static void
serve_odd_head(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_say(fd,
		    "HTTP/1.1 100 Continue\r\nMcp-Session-Id: wrong\r\n\r\n"
		    "HTTP/1.1 103 Early Hints\r\nContent-Type: a/b\r\n\r\n"
		    "HTTP/1.1 599 Odd\r\ncontent-type:text/Event-Stream\r\n"
		    "HTTP/1.1: a name that looks like a status line\r\n"
		    "Content-Encoding: gzip\r\nMcp-Session-Id: a b\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
		    "Mcp-Session-Id: trailer\r\nContent-Type: c/d\r\n\r\n");
}

static void
only_the_final_head_counts(void **state)
{
	struct result r;

	(void)state;
	world_post_to(&r, serve_odd_head);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_int_equal(r.heads, 1);
	assert_int_equal(r.status, 599);
	assert_string_equal(r.reason, "Server Error");
	assert_string_equal(r.type, "text/event-stream");
	assert_true(r.encoded);
	assert_false(r.has_session);
	assert_true(r.bad_session);
	assert_string_equal(r.body, "abc");
}

static void
serve_long_session(struct server *s, int fd, int n)
{
	char id[EXCHANGE_TOKEN_MAX + 2];

	(void)n;
	memset(id, 'x', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	while (server_request(s, fd)) {
		id[EXCHANGE_TOKEN_MAX] = s->requests == 1 ? '\0' : 'x';
		if (!server_say(fd,
			"HTTP/1.1 202 Accepted\r\n"
			"Content-Length: 0\r\nmcp-session-id: ") ||
		    !server_say(fd, id) || !server_say(fd, "\r\n\r\n"))
			break;
	}
}

static void
a_session_id_has_a_greatest_length(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_long_session);
	request = world_request(&w, EXCHANGE_POST);
	world_ask(&w, &r, &request);
	assert_true(r.has_session);
	assert_int_equal(strlen(r.session), EXCHANGE_TOKEN_MAX);
	assert_false(r.bad_session);
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_false(r.has_session);
	assert_true(r.bad_session);
	world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_post_arrives_with_its_headers),
		cmocka_unit_test(a_get_and_a_delete_have_no_body),
		cmocka_unit_test(a_connection_is_used_again),
		cmocka_unit_test(
		    configured_headers_replace_defaults_but_not_ours),
		cmocka_unit_test(a_header_with_a_control_character_is_refused),
		cmocka_unit_test(a_large_body_arrives_whole_and_at_once),
		cmocka_unit_test(a_redirect_is_reported_and_not_followed),
		cmocka_unit_test(only_the_final_head_counts),
		cmocka_unit_test(a_session_id_has_a_greatest_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
