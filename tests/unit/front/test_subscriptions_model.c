/*
 * test_subscriptions_model.c: anything in any order.  A backend that reads
 * requests and frames in the order in which they were sent, refuses some, and
 * answers in any order; clients that ask, cancel and leave; links that break;
 * another backend that takes the place of this one, which goes on to answer.
 * Whenever all is quiet, the backend must be subscribed to exactly what
 * somebody is subscribed to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session.h"
#include "subscriptions.h"

#define URIS    2U
#define CLIENTS 4U
#define FLIGHTS 64U

struct flight {
	bool used;
	bool seen; /* the backend has read it */
	bool joins;
	bool left; /* the client has left since */
	enum subscription_outcome outcome;
	unsigned int client;
	unsigned int uri;
	unsigned int generation; /* of the backend that was asked */
	struct subscription_change *change;
};

static struct subscriptions *all;
static struct session sessions[CLIENTS];
static const char *const uris[URIS] = { "m:a", "m:b" };
static struct flight flights[FLIGHTS];
static struct {
	int flight; /* or -1: a frame */
	bool subscribe;
	unsigned int uri;
	unsigned int generation;
} wire[4096];
static size_t wire_begin, wire_end;
static unsigned int generation; /* of the backend, which has a slot of two */
static bool down;
static bool refuse;                  /* the queue is full */
static bool subscribed[URIS];        /* at the backend */
static bool expected[CLIENTS][URIS]; /* what clients were told */

static void
end(struct subscription_change *change, enum subscription_outcome outcome)
{
	assert_non_null(change);
	subscription_end(&change, outcome);
	assert_null(change);
}

static uint32_t
roll(uint32_t n)
{
	static uint32_t x = 2463534242U;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % n;
}

static void
put_on_wire(int flight, bool subscribe, unsigned int uri)
{
	assert_true(wire_end < sizeof(wire) / sizeof(wire[0]));
	wire[wire_end].flight = flight;
	wire[wire_end].subscribe = subscribe;
	wire[wire_end].generation = generation;
	wire[wire_end++].uri = uri;
}

static int
model_tell(void *arg, size_t backend, bool subscribe, struct json_span uri)
{
	(void)arg;
	assert_int_equal(backend, generation % 2);
	if (down)
		return 0;
	if (refuse)
		return -1;
	put_on_wire(-1, subscribe, uri.at[3] == 'a' ? 0 : 1);
	return 0;
}

static void
model_send(
    struct subscription_change *change, bool joins, unsigned int c, unsigned u)
{
	for (unsigned int i = 0; i < FLIGHTS; i++) {
		if (flights[i].used)
			continue;
		flights[i] = (struct flight){ .used = true,
			.joins = joins,
			.client = c,
			.uri = u,
			.generation = generation,
			.change = change };
		put_on_wire((int)i, joins, u);
		return;
	}
	end(change, SUBSCRIPTION_REFUSED); /* too many: it was not sent */
}

static void
model_leave(unsigned int c, unsigned int u)
{
	struct subscription_change *change;

	for (unsigned int i = 0; i < FLIGHTS; i++)
		if (flights[i].client == c && flights[i].uri == u)
			flights[i].left = true;
	expected[c][u] = false;
	subscriptions_leave(
	    all, &sessions[c], generation % 2, uris[u], &change);
	if (change != NULL)
		model_send(change, false, c, u);
}

/* The backend reads what was sent first. */
static void
model_read(void)
{
	struct flight *f;
	unsigned int u;
	bool current;

	if (wire_begin == wire_end)
		return;
	u = wire[wire_begin].uri;
	current = wire[wire_begin].generation == generation;
	if (wire[wire_begin].flight == -1) {
		if (current)
			subscribed[u] = wire[wire_begin].subscribe;
		wire_begin++;
		return;
	}
	f = &flights[wire[wire_begin++].flight];
	f->seen = true;
	f->outcome =
	    roll(4) == 0 ? SUBSCRIPTION_REFUSED : SUBSCRIPTION_ACCEPTED;
	if (f->outcome == SUBSCRIPTION_ACCEPTED && current)
		subscribed[u] = f->joins;
	if (f->change == NULL)
		f->used = false; /* cancelled: nobody waits */
}

static void
model_answer(struct flight *f)
{
	if (!f->used || !f->seen)
		return;
	end(f->change, f->outcome);
	if (f->joins && !f->left && f->outcome == SUBSCRIPTION_ACCEPTED)
		expected[f->client][f->uri] = true;
	f->used = false;
}

static void
model_cancel(struct flight *f)
{
	if (!f->used || f->change == NULL)
		return;
	end(f->change, SUBSCRIPTION_UNKNOWN);
	f->change = NULL;
	if (f->seen)
		f->used = false; /* the answer comes too late */
}

static void
model_lose(void)
{
	down = true;
	subscriptions_lost(all, generation % 2);
	for (unsigned int i = 0; i < FLIGHTS; i++) {
		model_cancel(&flights[i]);
		flights[i].used = false;
	}
	wire_begin = wire_end = 0;
	memset(subscribed, 0, sizeof(subscribed));
	down = refuse = false;
	subscriptions_renew(all, generation % 2);
}

/* The one that was replaced before is gone, with what it had not answered. */
static void
model_replace(void)
{
	for (unsigned int i = 0; i < FLIGHTS; i++) {
		if (!flights[i].used || flights[i].generation == generation)
			continue;
		if (flights[i].change != NULL)
			end(flights[i].change, SUBSCRIPTION_UNKNOWN);
		flights[i].used = false;
	}
	for (size_t i = wire_begin; i < wire_end; i++)
		if (wire[i].generation != generation)
			wire[i].flight = -1;
	subscriptions_forget(all, (generation + 1) % 2);
	generation++;
	memset(subscribed, 0, sizeof(subscribed));
	subscriptions_move(all, (generation + 1) % 2, generation % 2);
}

static void
model_end_session(unsigned int c)
{
	for (unsigned int i = 0; i < FLIGHTS; i++)
		if (flights[i].client == c)
			model_cancel(&flights[i]);
	subscriptions_leave_all(&sessions[c]);
	memset(expected[c], 0, sizeof(expected[c]));
}

static void
model_step(void)
{
	unsigned int c = roll(CLIENTS);
	unsigned int u = roll(URIS);
	struct subscription_change *change;

	switch (roll(12)) {
	case 0:
	case 1:
	case 2:
		assert_int_equal(subscriptions_join(all, &sessions[c],
				     generation % 2, uris[u], uris[u], &change),
		    0);
		if (change != NULL)
			model_send(change, true, c, u);
		else
			expected[c][u] = true;
		break;
	case 3:
	case 4:
		model_leave(c, u);
		break;
	case 5:
		if (roll(4) == 0)
			model_end_session(c);
		break;
	case 6:
		model_cancel(&flights[roll(FLIGHTS)]);
		break;
	case 7:
		if (roll(10) == 0) {
			model_lose();
		} else if (roll(10) == 0) {
			memset(subscribed, 0, sizeof(subscribed));
			subscriptions_renew(all, generation % 2);
		} else if (roll(10) == 0) {
			model_replace();
		}
		break;
	case 8:
		if ((refuse = !refuse) == false)
			subscriptions_retry(all, generation % 2);
		break;
	case 9:
	case 10:
		model_answer(&flights[roll(FLIGHTS)]);
		break;
	default:
		model_read();
	}
}

static void
model_settle(void)
{
	refuse = false;
	subscriptions_retry(all, generation % 2);
	for (unsigned int i = 0; i < FLIGHTS; i++) {
		while (wire_begin < wire_end)
			model_read();
		model_answer(&flights[i]);
	}
	while (wire_begin < wire_end)
		model_read();
	wire_begin = wire_end = 0;
}

static void
model_note(void *arg, struct session *session, const char *shown, size_t len)
{
	bool *hears = arg;

	(void)shown;
	(void)len;
	assert_false(hears[session - sessions]);
	hears[session - sessions] = true;
}

static void
when_all_is_quiet_the_backend_knows_what_clients_want(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < CLIENTS; c++)
		TAILQ_INIT(&sessions[c].requests);
	all = subscriptions_new(2, model_tell, NULL);
	assert_non_null(all);
	for (int round = 0; round < 20000; round++) {
		for (unsigned int n = roll(100); n > 0; n--)
			model_step();
		model_settle();
		for (unsigned int u = 0; u < URIS; u++) {
			bool hears[CLIENTS] = { false };
			bool any = false;

			subscriptions_updated(
			    all, generation % 2, uris[u], 3, model_note, hears);
			for (unsigned int c = 0; c < CLIENTS; c++) {
				assert_int_equal(hears[c], expected[c][u]);
				any |= hears[c];
			}
			assert_int_equal(subscribed[u], any);
		}
	}
	for (unsigned int c = 0; c < CLIENTS; c++)
		subscriptions_leave_all(&sessions[c]);
	assert_int_equal(subscriptions_count(all), 0);
	subscriptions_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    when_all_is_quiet_the_backend_knows_what_clients_want),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
