/* wrap: curl_multi_socket_action */
#include <curl/curl.h>

#include <malloc.h>

#include "exchange_fixture.h"

/* More than one exchange may hold: a read, and libcurl's own. */
#define HELD_MAX ((size_t)256 << 10)

static int actions;

CURLMcode __real_curl_multi_socket_action(
    CURLM *curl, curl_socket_t fd, int what, int *running);
CURLMcode __wrap_curl_multi_socket_action(
    CURLM *curl, curl_socket_t fd, int what, int *running);

CURLMcode
__wrap_curl_multi_socket_action(
    CURLM *curl, curl_socket_t fd, int what, int *running)
{
	actions++;
	return __real_curl_multi_socket_action(curl, fd, what, running);
}

/* ---- a slow reader ---- */

static atomic_size_t flooded;

static void
serve_endless_body(struct server *s, int fd, int n)
{
	char block[65536];

	(void)n;
	memset(block, 'x', sizeof(block));
	if (!server_request(s, fd) ||
	    !server_say(fd, "HTTP/1.1 200 OK\r\n\r\n"))
		return;
	while (server_send(fd, block, sizeof(block)))
		flooded += sizeof(block);
}

static void
serve_echo(struct server *s, int fd, int n)
{
	(void)n;
	while (server_request(s, fd) &&
	    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"))
		;
}

/* Allocated bytes; where something else than the C library allocates it cannot
 * tell, and says 0. */
static size_t
memory(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void
a_paused_body_costs_nothing_and_goes_on(void **state)
{
	struct world w = { 0 };
	struct server echo;
	struct exchange_request endless, other;
	struct result r = { .pause = true }, o;
	char url[64];
	size_t len, before;

	(void)state;
	flooded = 0;
	world_open(&w, serve_endless_body);
	server_start(&echo, serve_echo);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", echo.port);
	endless = world_request(&w, EXCHANGE_GET);
	other = world_request(&w, EXCHANGE_POST);
	other.url = url;
	world_start(&w, &r, &endless);
	loop_run(w.loop); /* until the first bytes came */
	assert_int_equal(r.calls, 1);
	/* Let libcurl come to know of it. */
	world_ask(&w, &o, &other);
	assert_int_equal(o.outcome, EXCHANGE_DONE);
	before = memory();
	len = r.body_len;
	actions = 0;
	for (int i = 0; i < 500; i++) {
		world_ask(&w, &o, &other);
		assert_int_equal(o.outcome, EXCHANGE_DONE);
	}
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.body_len, len);
	assert_true(actions <= 500 * 4);
	assert_true(memory() < before + HELD_MAX);
	/* And on, until 64 MiB more have come, to the byte. */
	r.stop_at = len + ((size_t)64 << 20);
	exchange_pause(r.exchange, false);
	loop_run(w.loop);
	assert_true(r.done);
	assert_int_equal(r.outcome, EXCHANGE_STOPPED);
	assert_true(r.body_len > r.stop_at);
	assert_true(memory() < before + HELD_MAX);
	http_free(&w.http);
	server_stop(&echo);
	world_close(&w);
	assert_true(flooded >= r.stop_at - ((size_t)64 << 10));
}

/* Numbered bytes in chunks of odd lengths. */
static void
serve_numbered(struct server *s, int fd, int n)
{
	char chunk[4096], head[16];
	unsigned int at = 0;

	(void)n;
	if (!server_request(s, fd) ||
	    !server_say(
		fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
		return;
	for (size_t size = 1; size < 1500; size += 7) {
		(void)snprintf(head, sizeof(head), "%zx\r\n", size);
		for (size_t i = 0; i < size; i++)
			chunk[i] = (char)(at++ % 251);
		chunk[size] = '\r';
		chunk[size + 1] = '\n';
		if (!server_say(fd, head) || !server_send(fd, chunk, size + 2))
			return;
	}
	server_say(fd, "0\r\n\r\n");
}

struct numbered {
	struct result result;
	unsigned int at;
	bool wrong;
};

static bool
numbered_body(void *arg, const char *bytes, size_t n)
{
	struct numbered *x = arg;

	for (size_t i = 0; i < n; i++)
		if (bytes[i] != (char)(x->at++ % 251))
			x->wrong = true;
	exchange_pause(x->result.exchange, true);
	loop_stop(x->result.loop);
	return true;
}

static void
pausing_after_every_piece_loses_nothing(void **state)
{
	static const struct exchange_handlers handlers = {
		.body = numbered_body,
		.done = result_done,
	};
	struct world w = { 0 };
	struct exchange_request request;
	struct numbered x = { 0 };
	unsigned int all = 0, rounds = 0;

	(void)state;
	for (unsigned int size = 1; size < 1500; size += 7)
		all += size;
	world_open(&w, serve_numbered);
	request = world_request(&w, EXCHANGE_POST);
	x.result.loop = w.loop;
	x.result.exchange = exchange_start(w.http, &request, &handlers, &x);
	assert_non_null(x.result.exchange);
	loop_run(w.loop);
	for (; !x.result.done; rounds++) {
		exchange_pause(x.result.exchange, false);
		exchange_pause(x.result.exchange, true);
		exchange_pause(x.result.exchange, false);
		loop_run(w.loop);
	}
	assert_int_equal(x.result.outcome, EXCHANGE_DONE);
	assert_false(x.wrong);
	assert_int_equal(x.at, all);
	assert_true(rounds > 1);
	world_close(&w);
}

static void
what_was_held_back_may_be_refused(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r = { .pause = true };

	(void)state;
	world_open(&w, serve_endless_body);
	request = world_request(&w, EXCHANGE_POST);
	world_start(&w, &r, &request);
	loop_run(w.loop);
	r.stop_at = 1;
	exchange_pause(r.exchange, false);
	loop_run(w.loop);
	assert_true(r.done);
	assert_int_equal(r.outcome, EXCHANGE_STOPPED);
	assert_int_equal(r.calls, 2);
	world_close(&w);
}

/* ---- the end ---- */

static void
serve_silence(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_wait_end(fd);
}

static void
a_request_has_its_time(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_silence);
	request = world_request(&w, EXCHANGE_POST);
	request.timeout_ms = 50;
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_BROKEN);
	assert_string_equal(r.why, "did not answer within 0.05 s");
	world_close(&w);
}

static void
an_endless_answer_has_its_time(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_endless_body);
	request = world_request(&w, EXCHANGE_POST);
	request.timeout_ms = 50;
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_BROKEN);
	assert_string_equal(r.why, "did not finish its answer within 0.05 s");
	world_close(&w);
}

static void
a_request_is_sent_once_it_was_written(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r = { .pause = true };

	(void)state;
	world_open(&w, serve_endless_body);
	request = world_request(&w, EXCHANGE_POST);
	world_start(&w, &r, &request);
	assert_false(exchange_is_sent(r.exchange));
	loop_run(w.loop);
	assert_true(exchange_is_sent(r.exchange));
	exchange_cancel(&r.exchange);
	assert_null(r.exchange);
	exchange_cancel(&r.exchange);
	/* A handle that was used before knows nothing of it. */
	world_start(&w, &r, &request);
	assert_false(exchange_is_sent(r.exchange));
	world_close(&w);
	assert_false(r.done);
}

/* From another one's body(), inside of libcurl. */
struct killer {
	struct result result;
	struct result *victim;
	bool free_all;
};

static bool
killer_body(void *arg, const char *bytes, size_t n)
{
	struct killer *k = arg;

	(void)bytes;
	(void)n;
	exchange_cancel(&k->victim->exchange);
	return true;
}

static void
killer_done(void *arg, enum exchange_outcome outcome, const char *why)
{
	struct killer *k = arg;

	k->result.done = true;
	k->result.outcome = outcome;
	assert_string_equal(why, "");
	if (k->free_all)
		http_free(&k->result.http);
	loop_stop(k->result.loop);
}

static const struct exchange_handlers killer_handlers = {
	.body = killer_body,
	.done = killer_done,
};

static void
one_may_end_another_and_all_of_them(void **state)
{
	struct world w = { 0 };
	struct server echo;
	struct exchange_request request;
	struct result victim = { 0 };
	struct killer k = { .victim = &victim };
	char url[64];

	(void)state;
	world_open(&w, serve_endless_body);
	server_start(&echo, serve_echo);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", echo.port);
	for (int round = 0; round < 3; round++) {
		request = world_request(&w, EXCHANGE_GET);
		victim = (struct result){ .pause = round == 1 };
		world_start(&w, &victim, &request);
		if (round == 1)
			loop_run(w.loop);
		request = world_request(&w, EXCHANGE_POST);
		request.url = url;
		k.free_all = round == 2;
		k.result = (struct result){ .loop = w.loop, .http = w.http };
		assert_non_null(
		    exchange_start(w.http, &request, &killer_handlers, &k));
		loop_run(w.loop);
		assert_true(k.result.done);
		assert_int_equal(k.result.outcome, EXCHANGE_DONE);
		assert_null(victim.exchange);
		assert_false(victim.done);
	}
	assert_null(k.result.http);
	w.http = NULL;
	server_stop(&echo);
	world_close(&w);
}

/* Answers half of them, one on each connection. */
static void
serve_half(struct server *s, int fd, int n)
{
	if (server_request(s, fd) && n % 2 == 0)
		server_say(fd,
		    "HTTP/1.1 200 OK\r\nConnection: close\r\n"
		    "Content-Length: 0\r\n\r\n");
}

static void
many_at_once_all_end(void **state)
{
	enum {
		MANY = 40
	};
	struct world w = { 0 };
	struct exchange_request request;
	struct result r[MANY];
	int done = 0, answered = 0;

	(void)state;
	memset(r, 0, sizeof(r));
	world_open(&w, serve_half);
	request = world_request(&w, EXCHANGE_POST);
	for (int i = 0; i < MANY; i++)
		world_start(&w, &r[i], &request);
	exchange_cancel(&r[7].exchange);
	while (done < MANY - 1) {
		loop_run(w.loop);
		done = 0;
		for (int i = 0; i < MANY; i++)
			done += r[i].done;
	}
	for (int i = 0; i < MANY; i++)
		assert_true(r[i].done == (i != 7));
	for (int i = 0; i < MANY; i++)
		if (r[i].done && r[i].outcome == EXCHANGE_DONE)
			answered++;
	assert_in_range(answered, MANY / 2 - 1, MANY / 2);
	world_close(&w);
}

static void
a_refused_connection_is_unreachable(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);

	(void)state;
	/* Bound, so that nobody else gets it, and not listening. */
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	(void)snprintf(
	    url, sizeof(url), "http://127.0.0.1:%u/", ntohs(sin.sin_port));
	world_open(&w, serve_echo);
	request = world_request(&w, EXCHANGE_POST);
	request.url = url;
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_UNREACHABLE);
	assert_string_equal(r.why, "refused the connection");
	world_close(&w);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_paused_body_costs_nothing_and_goes_on),
		cmocka_unit_test(pausing_after_every_piece_loses_nothing),
		cmocka_unit_test(what_was_held_back_may_be_refused),
		cmocka_unit_test(a_request_has_its_time),
		cmocka_unit_test(an_endless_answer_has_its_time),
		cmocka_unit_test(a_request_is_sent_once_it_was_written),
		cmocka_unit_test(one_may_end_another_and_all_of_them),
		cmocka_unit_test(many_at_once_all_end),
		cmocka_unit_test(a_refused_connection_is_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
