/*
 * session_fixture.h: sessions of Streamable HTTP as time passes.  Sessions,
 * streams and requests are the real ones; connections are stood in for by what
 * streams use of them, and time passes when a test says so.
 */
/* wrap: mono_ms */
/* wrap: loop_base */
/* wrap: event_new */
/* wrap: event_add */
/* wrap: event_free */
/* wrap: deferred_queue */
/* wrap: evhttp_request_get_connection */
/* wrap: evhttp_connection_set_closecb */
/* wrap: evhttp_request_free */
/* wrap: stream_discard */
/* wrap: adapt_session_prepare */
/* wrap: subscriptions_limit */
/* wrap: link_cancel */
#ifndef SESSION_FIXTURE_H
#define SESSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/http.h>

#include "proto/log.h"

#include "front.h"
#include "link_parts.h"
#include "request.h"
#include "session.h"
#include "session_parts.h"

#define IDLE_MS     60000U
#define LIFETIME_MS 600000U
#define CLIENTS     8

/* A session as its client knows it: when it has ended, by its id alone. */
struct client {
	struct session *session;
	struct stream *stream; /* of the POST that it waits for, or NULL */
	char id[SESSION_ID_TEXT + 1];
};

static struct front front;
static struct link backend;
static struct policy policy;
static struct principal alice;
static struct principal bob;
static char alice_name[] = "alice";
static char bob_name[] = "bob";
static struct client clients[CLIENTS];
static size_t client_count;
static struct deferred *later[CLIENTS];
static size_t later_count;
static char last_record[256];
static size_t cancelled;
static uint64_t now;
static event_callback_fn tick;
static void *tick_arg;
/* The only connection that anything is done with. */
static void (*on_close)(struct evhttp_connection *conn, void *arg);
static void *on_close_arg;

/* ---- stand-ins -------------------------------------------------------- */

uint64_t
__wrap_mono_ms(void)
{
	return now;
}

struct event_base *
__wrap_loop_base(const struct loop *loop)
{
	(void)loop;
	return NULL;
}

struct event *
__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn run, void *arg)
{
	(void)base;
	assert_int_equal(fd, -1);
	assert_int_equal(what, EV_PERSIST);
	tick = run;
	tick_arg = arg;
	return (struct event *)&tick;
}

int
__wrap_event_add(struct event *event, const struct timeval *wait)
{
	assert_ptr_equal(event, &tick);
	assert_int_equal(wait->tv_sec, 0);
	return 0;
}

void
__wrap_event_free(struct event *event)
{
	assert_ptr_equal(event, &tick);
}

/* Until the end of the turn. */
void
__wrap_deferred_queue(struct loop *loop, struct deferred *d)
{
	(void)loop;
	assert_true(later_count < CLIENTS);
	later[later_count++] = d;
}

struct evhttp_connection *
__wrap_evhttp_request_get_connection(struct evhttp_request *request)
{
	return (struct evhttp_connection *)request;
}

void
__wrap_evhttp_connection_set_closecb(struct evhttp_connection *conn,
    void (*closed)(struct evhttp_connection *conn, void *arg), void *arg)
{
	assert_non_null(conn);
	on_close = closed;
	on_close_arg = arg;
}

void
__wrap_evhttp_request_free(struct evhttp_request *request)
{
	assert_non_null(request);
}

void
__wrap_stream_discard(struct evhttp_connection *conn)
{
	assert_non_null(conn);
}

void
__wrap_adapt_session_prepare(struct session *session)
{
	(void)session;
}

void
__wrap_subscriptions_limit(struct subscriptions *subs, size_t bytes_max)
{
	(void)subs;
	(void)bytes_max;
}

void
__wrap_link_cancel(struct request *request, struct json_span reason)
{
	assert_null(reason.at);
	request_end(front.requests, request);
	cancelled++;
}

static inline void
keep_record(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	snprintf(last_record, sizeof(last_record), "%s", text);
}

/* ---- what happens ----------------------------------------------------- */

static inline void
follow(uint32_t idle_ms, uint32_t lifetime_ms, uint32_t sessions)
{
	policy.limits.session_idle_ms = idle_ms;
	policy.limits.session_lifetime_ms = lifetime_ms;
	policy.limits.sessions = sessions;
	policy.limits.queue_size = policy.limits.memory = (size_t)1 << 30;
	sessions_follow_policy(front.sessions);
}

static inline int
set_up(void **state)
{
	(void)state;
	memset(&front, 0, sizeof(front));
	memset(&backend, 0, sizeof(backend));
	memset(&policy, 0, sizeof(policy));
	memset(clients, 0, sizeof(clients));
	alice = (struct principal){ .name = alice_name, .references = 1 };
	bob = (struct principal){ .name = bob_name, .references = 1 };
	client_count = later_count = cancelled = 0;
	last_record[0] = '\0';
	now = 1000000;
	log_set_sink(keep_record, NULL);
	front.policy = &policy;
	front.requests = requests_new();
	front.sessions = sessions_new(&front);
	TAILQ_INIT(&backend.requests);
	if (front.requests == NULL || front.sessions == NULL)
		return -1;
	follow(IDLE_MS, LIFETIME_MS, 0);
	return 0;
}

static inline void
end_turn(void)
{
	for (size_t i = 0; i < later_count; i++)
		later[i]->run(later[i]->arg);
	later_count = 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	sessions_end(front.sessions);
	end_turn();
	assert_int_equal(sessions_count(front.sessions), 0);
	assert_int_equal(alice.sessions + bob.sessions, 0);
	assert_int_equal(alice.in_flight + bob.in_flight, 0);
	assert_int_equal(alice.references, 1);
	assert_int_equal(bob.references, 1);
	assert_int_equal(requests_count(front.requests), 0);
	sessions_free(&front.sessions);
	requests_free(&front.requests);
	log_set_sink(NULL, NULL);
	return 0;
}

static inline struct client *
open_session(struct principal *principal, bool streamable)
{
	const struct session_endpoint endpoint = { .streamable = streamable };
	struct client *client = &clients[client_count++];

	assert_true(client_count <= CLIENTS);
	client->session = session_open(front.sessions, principal, &endpoint);
	assert_non_null(client->session);
	session_id_format(client->session->id, client->id);
	return client;
}

static inline bool
lives(const struct client *client)
{
	struct session *found = NULL;

	if (session_find(front.sessions, client->id, SESSION_ID_TEXT, &found) !=
	    SESSION_FOUND)
		return false;
	assert_ptr_equal(found, client->session);
	return true;
}

/* A request comes from it, as http_streamable.c says: it is known still. */
static inline bool
touch(const struct client *client)
{
	bool lived = lives(client) && session_touch(client->session);

	assert_int_equal(lived, lives(client));
	end_turn();
	return lived;
}

/* The same, a POST, which is not answered yet. */
static inline void
post(struct client *client)
{
	assert_true(touch(client));
	client->stream = stream_open_post(
	    client->session, (struct evhttp_request *)client, 1);
	assert_non_null(client->stream);
}

/* What it asks goes to a backend. */
static inline struct request *
call(struct client *client)
{
	static const char text[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
	struct rpc_problem problem;
	struct rpc_message msg;
	struct request *request;

	assert_int_equal(rpc_parse(&msg, text, sizeof(text) - 1, &problem), 0);
	request = request_begin(front.requests, &backend, client->stream, &msg);
	assert_non_null(request);
	return request;
}

/* Its connection breaks; the answer is awaited all the same. */
static inline void
hang_up(struct client *client)
{
	assert_ptr_equal(on_close_arg, client->stream);
	on_close((struct evhttp_connection *)client, on_close_arg);
	assert_false(TAILQ_EMPTY(&client->session->streams));
}

/* Nothing is awaited any more. */
static inline void
end_post(struct client *client)
{
	stream_unanswer(client->stream);
	client->stream = NULL;
	assert_true(TAILQ_EMPTY(&client->session->streams));
}

/* So much time passes, in steps of which each has its tick. */
static inline void
pass(uint64_t ms)
{
	const uint64_t until = now + ms;

	while (now < until) {
		now = until - now > 1000 ? now + 1000 : until;
		tick(-1, EV_TIMEOUT, tick_arg);
		end_turn();
	}
}

static inline void
assert_reason(const char *reason)
{
	size_t len = strlen(last_record);
	size_t n = strlen(reason);

	assert_true(len >= n);
	assert_string_equal(last_record + len - n, reason);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
