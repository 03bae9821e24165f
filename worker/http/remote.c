/* remote.c: the transport of a backend with a url. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "legacy.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "remote.h"
#include "reply.h"
#include "streamable.h"

struct remote {
	struct transport transport; /* first: cast to and from it */
	struct loop *loop;
	const struct setup *setup;
	const struct transport_events *events;
	void *arg;
	struct http *http;
	struct transport *inner;
	bool reading;
	bool asking;      /* Streamable HTTP may still be refused */
	char *initialize; /* its text while asking, once it was sent */
	size_t initialize_len;
	int64_t initialize_id;
	char why[REPLY_WHY_MAX]; /* it was refused, "" otherwise */
	bool greeted;            /* initialize was answered */
	struct deferred fall_back;
};

/* ---- what the inner transport says ---- */

static void
on_message(void *arg, char *text, size_t len, int64_t about)
{
	struct remote *r = arg;

	r->events->message(r->arg, text, len, about);
}

static void
on_oversize(void *arg, const char *text, size_t len, bool end)
{
	struct remote *r = arg;

	r->events->oversize(r->arg, text, len, end);
}

/* An answer to initialize that a server of HTTP+SSE may give. */
static bool
is_no_streamable(long status)
{
	return status >= 400 && status < 500 && status != 401 &&
	    status != 403 && status != 407 && status != 429;
}

/* Before the greeting, both attempts count. */
static const char *
whole_story(const struct remote *r, const char *why, char *text, size_t cap)
{
	if (r->why[0] == '\0' || r->greeted)
		return why;
	(void)snprintf(text, cap, "%s; asked for HTTP+SSE, it %s", r->why, why);
	return text;
}

static void
on_failed(
    void *arg, int64_t id, enum transport_outcome outcome, const char *why)
{
	struct remote *r = arg;
	char text[2 * REPLY_WHY_MAX];

	if (r->asking && id == r->initialize_id &&
	    is_no_streamable(streamable_status(r->inner))) {
		r->asking = false;
		(void)strlcpy(r->why, why, sizeof(r->why));
		deferred_queue(r->loop, &r->fall_back);
		return;
	}
	r->events->failed(
	    r->arg, id, outcome, whole_story(r, why, text, sizeof(text)));
}

static void
on_renew(void *arg, const char *why)
{
	struct remote *r = arg;

	r->events->renew(r->arg, why);
}

static void
on_lost(void *arg, const char *why)
{
	struct remote *r = arg;
	char text[2 * REPLY_WHY_MAX];

	r->events->lost(r->arg, whole_story(r, why, text, sizeof(text)));
}

static const struct transport_events events = {
	.message = on_message,
	.oversize = on_oversize,
	.failed = on_failed,
	.renew = on_renew,
	.lost = on_lost,
};

/* ---- which transport it is ---- */

static struct transport *
open_streamable(struct remote *r)
{
	return streamable_new(r->loop, r->http, r->setup->remote.url,
	    r->setup->message_size, r->setup->remote.has_job, &events, r);
}

static struct transport *
open_legacy(struct remote *r)
{
	return legacy_new(r->loop, r->http, r->setup->remote.url,
	    r->setup->message_size, r->setup->remote.has_job, &events, r);
}

static void
forget_initialize(struct remote *r)
{
	free(r->initialize);
	r->initialize = NULL;
}

/* Streamable HTTP was refused: the same greeting over HTTP+SSE. */
static void
run_fall_back(void *arg)
{
	struct remote *r = arg;
	struct transport *legacy = open_legacy(r);

	log_info("backend %s: asked for Streamable HTTP, it %s; HTTP+SSE is "
		 "tried",
	    r->setup->name, r->why);
	if (legacy == NULL ||
	    legacy->ops->send(legacy, r->initialize, r->initialize_len,
		r->initialize_id) == -1) {
		if (legacy != NULL)
			legacy->ops->free(legacy);
		r->events->lost(r->arg, "cannot be asked: out of memory");
	} else {
		/* Nothing but the greeting can have been sent: positions are
		 * the same here. */
		legacy->ops->set_reading(legacy, r->reading);
		r->inner->ops->free(r->inner);
		r->inner = legacy;
	}
	forget_initialize(r);
}

/* ---- what the owner says ---- */

static int
remote_send(struct transport *t, const char *text, size_t len, int64_t id)
{
	struct remote *r = (struct remote *)t;

	if (r->asking && r->initialize == NULL) {
		r->initialize = malloc(len + 1);
		if (r->initialize == NULL)
			return -1;
		memcpy(r->initialize, text, len);
		r->initialize_len = len;
		r->initialize_id = id;
	}
	return r->inner->ops->send(r->inner, text, len, id);
}

static uint64_t
remote_position(const struct transport *t)
{
	const struct remote *r = (const struct remote *)t;

	return r->inner->ops->position(r->inner);
}

static bool
remote_withdraw(struct transport *t, uint64_t position)
{
	struct remote *r = (struct remote *)t;

	return r->inner->ops->withdraw(r->inner, position);
}

static void
remote_set_reading(struct transport *t, bool on)
{
	struct remote *r = (struct remote *)t;

	r->reading = on;
	r->inner->ops->set_reading(r->inner, on);
}

static void
remote_agreed(struct transport *t, const struct mcp_revision *revision)
{
	struct remote *r = (struct remote *)t;

	r->asking = false;
	r->greeted = true;
	forget_initialize(r);
	r->inner->ops->agreed(r->inner, revision);
}

static bool
remote_close(struct transport *t)
{
	struct remote *r = (struct remote *)t;

	return r->inner->ops->close(r->inner);
}

static void
remote_free(struct transport *t)
{
	struct remote *r = (struct remote *)t;

	deferred_cancel(&r->fall_back);
	if (r->inner != NULL)
		r->inner->ops->free(r->inner);
	http_free(&r->http);
	forget_initialize(r);
	free(r);
}

static const struct transport_ops ops = {
	.send = remote_send,
	.position = remote_position,
	.withdraw = remote_withdraw,
	.set_reading = remote_set_reading,
	.agreed = remote_agreed,
	.close = remote_close,
	.free = remote_free,
};

struct transport *
remote_open(struct loop *loop, const struct setup *setup, int *in, int *out,
    const struct transport_events *owner, void *arg, const char **why)
{
	struct remote *r = calloc(1, sizeof(*r));
	int error;

	(void)in;
	(void)out;
	*why = NULL;
	if (r == NULL)
		return NULL;
	r->transport.ops = &ops;
	r->loop = loop;
	r->setup = setup;
	r->events = owner;
	r->arg = arg;
	r->reading = true;
	r->asking = setup->remote.type == REMOTE_AUTO;
	deferred_init(&r->fall_back, run_fall_back, r);
	r->http = http_new(loop, &setup->remote, why);
	if (r->http != NULL) {
		*why = NULL;
		r->inner = setup->remote.type == REMOTE_SSE
		    ? open_legacy(r)
		    : open_streamable(r);
	}
	if (r->inner == NULL) {
		error = errno;
		remote_free(&r->transport);
		errno = error;
		return NULL;
	}
	return &r->transport;
}
