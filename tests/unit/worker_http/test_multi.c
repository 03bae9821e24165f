#include <event2/event.h>

#include "exchange_fixture.h"
#include "multi.h"

static struct loop *loop;
static struct multi *multi;
static char url[64];
static int finished;
static CURLcode last;
static void *last_private;
static int again;      /* further transfers that finished() starts */
static bool free_them; /* finished() ends everything */

static void
serve_echo(struct server *s, int fd, int n)
{
	(void)n;
	while (server_request(s, fd) &&
	    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
		;
}

static void
serve_silence(struct server *s, int fd, int n)
{
	(void)n;
	if (server_request(s, fd))
		server_wait_end(fd);
}

static size_t
swallow(char *bytes, size_t size, size_t count, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * count;
}

static CURL *
easy_new(void *private)
{
	CURL *easy = curl_easy_init();

	assert_non_null(easy);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, private);
	return easy;
}

static void
on_finished(void *private, CURLcode code)
{
	finished++;
	last = code;
	last_private = private;
	if (again > 0) {
		again--;
		assert_int_equal(multi_add(multi, private), 0);
		return;
	}
	curl_easy_cleanup(private);
	if (free_them)
		multi_free(&multi);
	loop_stop(loop);
}

/* One whose private pointer is itself. */
static CURL *
start(void)
{
	CURL *easy = easy_new(NULL);

	curl_easy_setopt(easy, CURLOPT_PRIVATE, easy);
	assert_int_equal(multi_add(multi, easy), 0);
	return easy;
}

static void
set_up(struct server *s, void (*serve)(struct server *s, int fd, int n))
{
	finished = 0;
	again = 0;
	free_them = false;
	server_start(s, serve);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s->port);
	loop = loop_new(false);
	assert_non_null(loop);
	multi = multi_new(loop, on_finished);
	assert_non_null(multi);
}

static void
tear_down(struct server *s)
{
	multi_free(&multi);
	assert_null(multi);
	loop_free(&loop);
	server_stop(s);
}

static void
a_transfer_finishes_with_its_own_pointer(void **state)
{
	struct server s;
	CURL *easy;

	(void)state;
	set_up(&s, serve_echo);
	easy = start();
	assert_int_equal(finished, 0);
	loop_run(loop);
	assert_int_equal(finished, 1);
	assert_int_equal(last, CURLE_OK);
	assert_ptr_equal(last_private, easy);
	tear_down(&s);
}

static void
a_finished_one_may_be_added_again_at_once(void **state)
{
	struct server s;

	(void)state;
	set_up(&s, serve_echo);
	again = 50;
	start();
	loop_run(loop);
	assert_int_equal(finished, 51);
	assert_int_equal(last, CURLE_OK);
	tear_down(&s);
	assert_int_equal(s.requests, 51);
	assert_int_equal(s.connections, 1);
}

static void
what_is_removed_never_finishes(void **state)
{
	struct server s;
	CURL *before, *first, *last_one;

	(void)state;
	set_up(&s, serve_echo);
	/* Before it began, in any place, */
	before = start();
	first = start();
	last_one = start();
	multi_remove(multi, before);
	multi_remove(multi, last_one);
	curl_easy_cleanup(before);
	curl_easy_cleanup(last_one);
	loop_run(loop);
	assert_int_equal(finished, 1);
	assert_ptr_equal(last_private, first);
	tear_down(&s);
	/* and in the middle. */
	set_up(&s, serve_silence);
	first = start();
	loop_stop(loop);
	loop_run(loop);
	while (s.requests == 0)
		assert_int_not_equal(
		    event_base_loop(loop_base(loop), EVLOOP_NONBLOCK), -1);
	multi_remove(multi, first);
	curl_easy_cleanup(first);
	loop_run(loop);
	assert_int_equal(finished, 0);
	tear_down(&s);
}

static void
all_may_end_in_finished(void **state)
{
	struct server s;
	CURL *other;

	(void)state;
	set_up(&s, serve_echo);
	free_them = true;
	start();
	loop_run(loop);
	assert_null(multi);
	assert_int_equal(finished, 1);
	tear_down(&s);
	/* Something may be waiting to begin. */
	set_up(&s, serve_echo);
	other = start();
	multi_remove(multi, other);
	assert_int_equal(multi_add(multi, other), 0);
	multi_free(&multi);
	curl_easy_cleanup(other);
	assert_int_equal(finished, 0);
	tear_down(&s);
}

static void
a_connection_that_is_not_used_again_is_closed(void **state)
{
	struct server s;
	int before;

	(void)state;
	set_up(&s, serve_echo);
	loop_run(loop); /* with nothing to do */
	before = open_descriptors();
	start();
	loop_run(loop);
	assert_int_equal(finished, 1);
	loop_run(loop); /* ends when nothing is left to wait for */
	while (s.ended == 0)
		sched_yield();
	assert_int_equal(open_descriptors(), before);
	tear_down(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transfer_finishes_with_its_own_pointer),
		cmocka_unit_test(a_finished_one_may_be_added_again_at_once),
		cmocka_unit_test(what_is_removed_never_finishes),
		cmocka_unit_test(all_may_end_in_finished),
		cmocka_unit_test(a_connection_that_is_not_used_again_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
