/* streamable_fixture.h: Streamable HTTP, as far as a test wants it. */
#ifndef TESTS_STREAMABLE_FIXTURE_H
#define TESTS_STREAMABLE_FIXTURE_H

#include "transport_fixture.h"

static inline void
open_world(bool patient)
{
	world.transport = streamable_new(
	    world.loop, NULL, URL, MESSAGE_MAX, patient, &owner_events, NULL);
	assert_non_null(world.transport);
	assert_int_equal(send_text(INITIALIZE, 1), 0);
}

/* Answer initialize: the session is NULL, or this. */
static inline void
answer_initialize(const char *session)
{
	struct exchange *ex = post_of("\"initialize\"");
	const struct exchange_head h = {
		.status = 200, .reason = "OK", .type = JSON, .session = session
	};

	assert_null(ex->request.session);
	assert_null(ex->request.revision);
	head_is(ex, &h);
	world.agree = true;
	(void)body(ex, RESULT(1));
	done(ex, EXCHANGE_DONE, "");
	expect("message " RESULT(1) "\n");
}

/* The whole greeting; returns the GET stream, which is not answered. */
static inline struct exchange *
greet(const char *session)
{
	answer_initialize(session);
	answer(post_of("notifications/initialized"), 202, "", "");
	return next(EXCHANGE_GET);
}

/* A greeted transport with a GET stream that is open. */
static inline struct exchange *
begin_open(const char *session)
{
	struct exchange *get;

	open_world(false);
	get = greet(session);
	head(get, 200, EVENT_STREAM);
	return get;
}

/* The same without a GET stream. */
static inline void
begin_without_stream(const char *session)
{
	open_world(false);
	answer(greet(session), 405, "text/plain", "no");
}

/* A call that is under way in session "s1". */
static inline struct exchange *
begin_call(void)
{
	(void)begin_open("s1");
	assert_int_equal(ask(5), 0);
	return post_of("\"id\":5");
}

#endif
