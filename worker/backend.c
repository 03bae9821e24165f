/* backend.c: one backend, whatever its transport. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "answers.h"
#include "asks.h"
#include "backend.h"
#include "call.h"
#include "greeting.h"
#include "health.h"
#include "intake.h"
#include "link.h"
#include "proto/buf.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/mcp.h"
#include "wishes.h"

/* The worker's own requests have the ids below the front's. */
#define OWN_ID_MAX (CALL_ID_FIRST - 1)

struct backend {
	const char *name;
	const struct backend_handlers *handlers;
	void *arg;
	struct transport *transport;
	struct greeting *greeting;
	struct link *link;
	struct wishes *wishes;
	struct health *health;
	struct answers *answers;
	struct asks *asks;
	struct intake *intake;
	uint64_t last_id; /* of a request of our own */
	bool reading;     /* what it says is read */
	bool gone;        /* it is of no use any more */
	uint64_t unsent;  /* what the transport did not take */
};

static int
on_send(void *arg, const char *text, size_t len, int64_t id)
{
	struct backend *backend = arg;
	int result;

	if (backend->transport == NULL) {
		errno = EPIPE;
		return -1;
	}
	result =
	    backend->transport->ops->send(backend->transport, text, len, id);
	if (result == -1)
		backend->unsent++;
	return result;
}

/* An id that no request of our own has which is not answered. */
static uint32_t
on_next_id(void *arg)
{
	struct backend *backend = arg;
	int64_t id;

	/* Only a few hundred are awaited at any time. */
	do {
		backend->last_id = backend->last_id % OWN_ID_MAX + 1;
		id = (int64_t)backend->last_id;
	} while (greeting_awaits(backend->greeting, id) ||
	    wishes_await(backend->wishes, id) ||
	    health_awaits(backend->health, id));
	return (uint32_t)id;
}

/* Silence means something while it is listened to, in a session. */
static void
watch(struct backend *backend)
{
	health_watch(backend->health,
	    backend->reading && !backend->gone &&
		greeting_is_up(backend->greeting));
}

/* It is of no use any more, whatever the transport thinks. */
static void
give_up(struct backend *backend)
{
	backend->gone = true;
	watch(backend);
	wishes_end(backend->wishes);
	link_down(backend->link);
	asks_forget(backend->asks);
}

/* ---- what the greeting says ---- */

static void
on_agreed(void *arg, const struct mcp_revision *revision)
{
	struct backend *backend = arg;

	backend->transport->ops->agreed(backend->transport, revision);
}

static void
on_up(void *arg, unsigned int kinds)
{
	struct backend *backend = arg;

	if (backend->gone)
		return;
	link_up(backend->link, kinds);
	asks_up(backend->asks);
	backend->handlers->ready(backend->arg);
	wishes_begin(backend->wishes, greeting_has_logging(backend->greeting));
	watch(backend);
}

static void
on_changed(void *arg, enum catalog_kind kind)
{
	struct backend *backend = arg;

	link_publish(backend->link, kind);
	backend->handlers->ready(backend->arg);
}

static void
on_greeting_failed(void *arg, const char *why)
{
	struct backend *backend = arg;

	give_up(backend);
	backend->handlers->failed(backend->arg, why);
}

static const struct greeting_handlers greeting_handlers = {
	.send = on_send,
	.next_id = on_next_id,
	.agreed = on_agreed,
	.up = on_up,
	.changed = on_changed,
	.failed = on_greeting_failed,
};

/* ---- what the link says ---- */

static uint64_t
on_position(void *arg)
{
	struct backend *backend = arg;

	if (backend->transport == NULL)
		return 0;
	return backend->transport->ops->position(backend->transport);
}

static bool
on_withdraw(void *arg, uint64_t position)
{
	struct backend *backend = arg;

	return backend->transport->ops->withdraw(backend->transport, position);
}

static void
on_set_reading(void *arg, bool on)
{
	struct backend *backend = arg;

	if (backend->transport != NULL)
		backend->transport->ops->set_reading(backend->transport, on);
	backend->reading = on;
	watch(backend);
}

static void
on_level(void *arg, enum mcp_level level)
{
	struct backend *backend = arg;

	wishes_level(backend->wishes, level);
}

static void
on_subscribe(void *arg, bool on, struct json_span uri)
{
	struct backend *backend = arg;

	wishes_subscribe(backend->wishes, on, uri);
}

static void
on_asked(void *arg, enum msg_type type, uint32_t number, struct json_span text)
{
	struct backend *backend = arg;

	if (type == MSG_ANSWER)
		asks_answer(backend->asks, number, text);
	else if (type == MSG_ASK_PROGRESS)
		asks_progress(backend->asks, number, text);
	else if (greeting_is_begun(backend->greeting)) /* ROOTS_CHANGED */
		asks_roots_changed(backend->asks);
}

static void
on_front_gone(void *arg)
{
	struct backend *backend = arg;

	asks_front_gone(backend->asks);
}

static const struct link_handlers link_handlers = {
	.send = on_send,
	.position = on_position,
	.withdraw = on_withdraw,
	.set_reading = on_set_reading,
	.level = on_level,
	.subscribe = on_subscribe,
	.asked = on_asked,
	.front_gone = on_front_gone,
};

/* ---- what the backend asks clients ---- */

static int
on_ask(void *arg, uint32_t number, int64_t about, struct json_span text)
{
	struct backend *backend = arg;

	return link_ask(backend->link, number, about, text);
}

static void
on_retract(void *arg, uint32_t number, struct json_span reason)
{
	struct backend *backend = arg;

	link_retract(backend->link, number, reason);
}

static void
on_pending(void *arg, bool any)
{
	struct backend *backend = arg;

	link_hold(backend->link, any);
}

static const struct asks_handlers asks_handlers = {
	.send = on_send,
	.ask = on_ask,
	.retract = on_retract,
	.pending = on_pending,
};

static const struct wishes_handlers wishes_handlers = {
	.send = on_send,
	.next_id = on_next_id,
};

/* ---- what its health says ---- */

static bool
on_busy(void *arg)
{
	struct backend *backend = arg;

	return link_calls(backend->link) > 0 ||
	    greeting_is_busy(backend->greeting);
}

static bool
on_heard(void *arg)
{
	struct backend *backend = arg;

	return intake_heard(backend->intake);
}

static void
on_hangs(void *arg, const char *why)
{
	struct backend *backend = arg;

	give_up(backend);
	backend->handlers->lost(backend->arg, why);
}

static const struct health_handlers health_handlers = {
	.send = on_send,
	.next_id = on_next_id,
	.busy = on_busy,
	.heard = on_heard,
	.lost = on_hangs,
};

/* ---- what the transport says ---- */

static void
on_message(void *arg, char *text, size_t len, int64_t about)
{
	struct backend *backend = arg;

	intake_message(backend->intake, text, len, about);
}

static void
on_oversize(void *arg, const char *text, size_t len, bool end)
{
	struct backend *backend = arg;

	intake_oversize(backend->intake, text, len, end);
}

static void
on_failed(
    void *arg, int64_t id, enum transport_outcome outcome, const char *why)
{
	struct backend *backend = arg;

	if (id >= (int64_t)CALL_ID_FIRST)
		link_failed(backend->link, id, outcome, why);
	else if (health_failed(backend->health, id, outcome, why))
		return; /* that was the question */
	else if (!greeting_failed(backend->greeting, id, why))
		(void)wishes_failed(backend->wishes, id, why);
	if (outcome == TRANSPORT_UNKNOWN)
		health_suspect(backend->health);
}

static void
on_renew(void *arg, const char *why)
{
	struct backend *backend = arg;

	if (backend->gone)
		return;
	log_info("backend %s: it %s; it is greeted again", backend->name, why);
	wishes_end(backend->wishes);
	asks_forget(backend->asks);
	greeting_restart(backend->greeting);
	watch(backend);
}

static void
on_lost(void *arg, const char *why)
{
	struct backend *backend = arg;

	give_up(backend);
	backend->handlers->lost(backend->arg, why);
}

const struct transport_events backend_transport_events = {
	.message = on_message,
	.oversize = on_oversize,
	.failed = on_failed,
	.renew = on_renew,
	.lost = on_lost,
};

/* ---- the backend itself ---- */

/* The parts that speak to it. */
static bool
make_parts(
    struct backend *backend, struct loop *loop, const struct setup *setup)
{
	struct intake_readers readers;

	backend->answers = answers_new(setup->name, on_send, backend);
	backend->wishes =
	    wishes_new(loop, setup->name, &wishes_handlers, backend);
	backend->health = health_new(
	    loop, setup->ping_interval_ms, &health_handlers, backend);
	backend->greeting = greeting_new(loop, setup->name,
	    setup->request_timeout_ms, setup->startup_timeout_ms,
	    setup->capabilities, &greeting_handlers, backend);
	if (backend->greeting != NULL)
		backend->link =
		    link_new(loop, setup->name, setup->request_timeout_ms,
			backend->greeting, &link_handlers, backend);
	if (backend->answers != NULL)
		backend->asks = asks_new(loop, setup->name, setup->capabilities,
		    backend->answers, &asks_handlers, backend);
	if (backend->asks == NULL || backend->wishes == NULL ||
	    backend->health == NULL || backend->link == NULL)
		return false;
	readers = (struct intake_readers){ backend->link, backend->greeting,
		backend->health, backend->wishes, backend->answers,
		backend->asks };
	backend->intake = intake_new(loop, setup->name, &readers);
	return backend->intake != NULL;
}

struct backend *
backend_new(struct loop *loop, const struct setup *setup,
    const struct backend_handlers *handlers, void *arg)
{
	struct backend *backend = calloc(1, sizeof(*backend));

	if (backend == NULL)
		return NULL;
	backend->name = setup->name;
	backend->handlers = handlers;
	backend->arg = arg;
	backend->reading = true;
	if (!make_parts(backend, loop, setup))
		backend_free(&backend);
	return backend;
}

void
backend_free(struct backend **backend)
{
	struct backend *b = *backend;

	if (b == NULL)
		return;
	if (b->transport != NULL)
		b->transport->ops->free(b->transport);
	link_free(&b->link);
	greeting_free(&b->greeting);
	health_free(&b->health);
	wishes_free(&b->wishes);
	asks_free(&b->asks);
	answers_free(&b->answers);
	intake_free(&b->intake);
	free(b);
	*backend = NULL;
}

void
backend_start(struct backend *backend, struct transport *transport)
{
	backend->transport = transport;
	greeting_start(backend->greeting);
}

void
backend_job_ended(struct backend *backend)
{
	on_lost(backend, "ended");
}

bool
backend_close(struct backend *backend)
{
	give_up(backend);
	return backend->transport->ops->close(backend->transport);
}

int
backend_link(struct backend *backend, int *fd, uint32_t generation)
{
	return link_open(backend->link, fd, generation);
}

int
backend_add_ready(const struct backend *backend, struct buf *b)
{
	return greeting_add_ready(backend->greeting, b);
}

void
backend_report(const struct backend *backend)
{
	intake_report(backend->intake);
	wishes_report(backend->wishes);
	asks_report(backend->asks);
	if (backend->unsent > 0)
		log_info("backend %s: %" PRIu64 " messages that it did not "
			 "take were dropped",
		    backend->name, backend->unsent);
}

bool
backend_flush_link(struct backend *backend)
{
	return link_flush(backend->link);
}
