/* asks.c: what the backend asks clients. */
#include <event2/event.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "answers.h"
#include "ask.h"
#include "asks.h"
#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/mcp.h"

struct asks {
	const char *name;
	unsigned int capabilities;
	struct answers *answers;
	const struct asks_handlers *handlers;
	void *arg;
	struct ask_table table;
	struct event *timer;
	struct flood *flood;
};

static const struct json_span nothing = { NULL, 0 };

static void on_timer(evutil_socket_t fd, short what, void *arg);

struct asks *
asks_new(struct loop *loop, const char *name, unsigned int capabilities,
    struct answers *answers, const struct asks_handlers *handlers, void *arg)
{
	struct asks *asks = calloc(1, sizeof(*asks));

	if (asks == NULL)
		return NULL;
	ask_table_init(&asks->table);
	asks->name = name;
	asks->capabilities = capabilities;
	asks->answers = answers;
	asks->handlers = handlers;
	asks->arg = arg;
	asks->timer = evtimer_new(loop_base(loop), on_timer, asks);
	asks->flood = flood_new(
	    loop, name, "requests to clients", ASKS_BURST, ASKS_PER_SECOND);
	if (asks->timer == NULL || asks->flood == NULL)
		asks_free(&asks);
	return asks;
}

void
asks_free(struct asks **asks)
{
	if (*asks == NULL)
		return;
	ask_table_clear(&(*asks)->table);
	if ((*asks)->timer != NULL)
		event_free((*asks)->timer);
	flood_free(&(*asks)->flood);
	free(*asks);
	*asks = NULL;
}

/* ---- the table ---- */

static bool
is_any_pending(const struct asks *asks)
{
	return ask_first(&asks->table, ASK_TOLD) != NULL;
}

/* What follows from a change of the table: any is whether one was pending. */
static void
changed(struct asks *asks, bool any)
{
	uint64_t now = mono_ms();
	uint64_t at;

	if (ask_next_deadline(&asks->table, &at))
		loop_arm(asks->timer, at > now ? at - now : 0);
	else
		event_del(asks->timer);
	if (any != is_any_pending(asks))
		asks->handlers->pending(asks->arg, !any);
}

static uint64_t
deadline_of(enum ask_state state)
{
	static const uint64_t patience[ASK_STATES] = {
		[ASK_HELD] = ASKS_HELD_MS,
		[ASK_TOLD] = ASKS_PENDING_MS,
		[ASK_UNSENT] = ASKS_RETRY_MS,
	};

	return mono_ms() + patience[state];
}

static void
move(struct asks *asks, struct ask *ask, enum ask_state state)
{
	bool any = is_any_pending(asks);

	ask_move(&asks->table, ask, state, deadline_of(state));
	changed(asks, any);
}

static void
drop(struct asks *asks, struct ask *ask)
{
	bool any = is_any_pending(asks);

	ask_leave(&asks->table, ask);
	ask_free(&ask);
	changed(asks, any);
}

/* ---- answers ---- */

/*
 * Send the answer in *b, which is taken; an empty one is one that there was no
 * memory for.  It is tried again until the backend takes it.
 */
static void
deliver(struct asks *asks, struct ask *ask, struct buf *b)
{
	if (buf_len(b) > 0 &&
	    (asks->handlers->send(asks->arg, buf_data(b), buf_len(b), 0) == 0 ||
		errno == EPIPE)) {
		buf_free(b);
		drop(asks, ask);
		return;
	}
	buf_free(&ask->text);
	ask_count(&asks->table, ask, 0);
	if (asks->table.bytes < ASKS_BYTES_MAX)
		ask->text = *b;
	else
		buf_free(b);
	ask_count(&asks->table, ask, buf_len(&ask->text));
	move(asks, ask, ASK_UNSENT);
}

/* Answer with an error. */
static void
fail(struct asks *asks, struct ask *ask, const char *why)
{
	struct buf b = { 0 };

	if (rpc_add_error(&b, ask->id, RPC_INTERNAL_ERROR, why, nothing) == -1)
		buf_free(&b);
	deliver(asks, ask, &b);
}

/* Try again to send an answer, or say that it is lost. */
static void
retry(struct asks *asks, struct ask *ask)
{
	struct buf b = ask->text;

	ask->text = (struct buf){ 0 };
	if (buf_len(&b) > 0)
		deliver(asks, ask, &b);
	else
		fail(asks, ask,
		    "The answer was lost: the gateway had no room for it");
}

static void
expire(struct asks *asks, struct ask *ask)
{
	const uint32_t number = ask->number;

	switch (ask->state) {
	case ASK_HELD:
		fail(asks, ask,
		    "No client can be asked before the server is "
		    "ready");
		break;
	case ASK_TOLD:
		log_warning("backend %s: its request %" PRIu32
			    " to a client was not answered within 15 minutes",
		    asks->name, number);
		fail(asks, ask, "No client has answered within 15 minutes");
		asks->handlers->retract(asks->arg, number, nothing);
		break;
	case ASK_UNSENT:
		retry(asks, ask);
		break;
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct asks *asks = arg;
	uint64_t now = mono_ms();
	struct ask *ask;

	(void)fd;
	(void)what;
	for (int i = 0; i < ASK_STATES; i++)
		while ((ask = ask_first(&asks->table, (enum ask_state)i)) !=
			NULL &&
		    ask->deadline <= now)
			expire(asks, ask);
	changed(asks, is_any_pending(asks));
}

void
asks_answer(struct asks *asks, uint32_t number, struct json_span text)
{
	struct ask *ask = ask_find(&asks->table, number);
	struct buf b = { 0 };

	if (ask == NULL) {
		log_debug("backend %s: an answer to its request %" PRIu32
			  ", which is not pending, is dropped",
		    asks->name, number);
		return;
	}
	if (ask_add_answer(&b, ask, text) == 0) {
		deliver(asks, ask, &b);
		return;
	}
	buf_free(&b);
	fail(asks, ask,
	    errno == EBADMSG ? "The client's answer is not valid"
			     : "The gateway has no memory for the answer");
}

void
asks_progress(struct asks *asks, uint32_t number, struct json_span text)
{
	const struct ask *ask = ask_find(&asks->table, number);
	struct buf b = { 0 };

	if (ask != NULL && ask_add_progress(&b, ask, text) == 0)
		(void)asks->handlers->send(
		    asks->arg, buf_data(&b), buf_len(&b), 0);
	buf_free(&b);
}

void
asks_roots_changed(struct asks *asks)
{
	static const char changed[] = "{\"jsonrpc\":\"2.0\",\"method\":"
				      "\"notifications/roots/list_changed\"}";

	if ((asks->capabilities & MCP_CAN_TELL_ROOTS) != 0)
		(void)asks->handlers->send(
		    asks->arg, changed, sizeof(changed) - 1, 0);
}

void
asks_front_gone(struct asks *asks)
{
	struct ask *ask;
	size_t n = 0;

	for (int i = ASK_HELD; i <= ASK_TOLD; i++)
		for (;
		     (ask = ask_first(&asks->table, (enum ask_state)i)) != NULL;
		     n++)
			fail(asks, ask, "The client is gone");
	if (n > 0)
		log_info("backend %s: %zu requests to clients fail: their "
			 "front is gone",
		    asks->name, n);
}

/* ---- questions ---- */

/* What a client must be able to do to answer, or 0 for another method. */
static unsigned int
needed(enum mcp_method method)
{
	if (method == MCP_SAMPLING_CREATE_MESSAGE)
		return MCP_CAN_SAMPLE;
	if (method == MCP_ELICITATION_CREATE)
		return MCP_CAN_ELICIT_FORM | MCP_CAN_ELICIT_URL;
	return method == MCP_ROOTS_LIST ? MCP_CAN_LIST_ROOTS : 0;
}

/* False for a part of the method that was not declared.  MCP elicitation,
 * "Error Handling"; sampling, "Tools in Sampling". */
static bool
is_declared(const struct asks *asks, const struct rpc_message *msg)
{
	unsigned int need = 0;
	struct json_span mode;

	if (msg->params.at == NULL)
		return true;
	if (msg->method == MCP_ELICITATION_CREATE) {
		mode = json_get(msg->params, "mode");
		if (mode.at == NULL || json_string_is(mode, "form"))
			need = MCP_CAN_ELICIT_FORM;
		else if (json_string_is(mode, "url"))
			need = MCP_CAN_ELICIT_URL;
		else
			return false;
	} else if (msg->method == MCP_SAMPLING_CREATE_MESSAGE &&
	    (json_get(msg->params, "tools").at != NULL ||
		json_get(msg->params, "toolChoice").at != NULL)) {
		need = MCP_CAN_SAMPLE_TOOLS;
	}
	return (asks->capabilities & need) == need;
}

/* Why it cannot be passed on, with a code, or NULL. */
static const char *
judge(struct asks *asks, const struct rpc_message *msg, int *code)
{
	const char *wrong = rpc_check_params(msg);

	*code = RPC_INVALID_PARAMS;
	if (wrong != NULL)
		return wrong;
	if (!is_declared(asks, msg))
		return "The gateway did not declare this mode of it";
	*code = RPC_INVALID_REQUEST;
	if (ask_find_id(&asks->table, msg->id) != NULL)
		return "A request with this id is not answered yet";
	*code = RPC_INTERNAL_ERROR;
	if (asks->table.count >= ASKS_MAX ||
	    asks->table.bytes >= ASKS_BYTES_MAX)
		return "Too many requests to clients are not answered yet";
	if (!flood_pass(asks->flood, msg->text.len))
		return "Too many requests to clients in a short time";
	return NULL;
}

/* Why it was not passed on, for the backend; error is an errno. */
static const char *
why_not(int error)
{
	if (error == ENOTCONN)
		return "No client is there to be asked";
	if (error == ECANCELED)
		return "The request that it belongs to is over";
	return "The gateway is too busy to ask a client";
}

/* Pass a new one on, or keep it until that can be done.  NULL, or why not. */
static const char *
begin(struct asks *asks, struct ask *ask, struct json_span text)
{
	enum ask_state state = ASK_TOLD;
	bool any = is_any_pending(asks);

	if (asks->handlers->ask(asks->arg, ask->number, ask->about, text) ==
	    -1) {
		if (errno != EBUSY ||
		    buf_add(&ask->text, text.at, text.len) == -1)
			return why_not(errno);
		state = ASK_HELD;
	}
	ask_enter(&asks->table, ask, state, deadline_of(state));
	ask_count(&asks->table, ask, text.len);
	changed(asks, any);
	return NULL;
}

bool
asks_request(struct asks *asks, const struct rpc_message *msg, int64_t about)
{
	struct ask *ask;
	const char *wrong;
	int code;

	if ((asks->capabilities & needed(msg->method)) == 0)
		return false;
	wrong = judge(asks, msg, &code);
	if (wrong == NULL) {
		ask = ask_new(&asks->table, msg, about);
		wrong =
		    ask == NULL ? why_not(errno) : begin(asks, ask, msg->text);
		if (wrong != NULL)
			ask_free(&ask);
	}
	if (wrong != NULL)
		answers_refuse(asks->answers, msg->id, code, wrong);
	return true;
}

void
asks_up(struct asks *asks)
{
	struct ask *ask;
	struct json_span text;

	while ((ask = ask_first(&asks->table, ASK_HELD)) != NULL) {
		text = (struct json_span){ buf_data(&ask->text),
			buf_len(&ask->text) };
		if (asks->handlers->ask(
			asks->arg, ask->number, ask->about, text) == 0) {
			buf_free(&ask->text);
			move(asks, ask, ASK_TOLD);
		} else if (errno == EBUSY) {
			return;
		} else {
			fail(asks, ask, why_not(errno));
		}
	}
}

void
asks_cancelled(struct asks *asks, const struct rpc_message *msg)
{
	struct json_span reason = msg->reason;
	struct ask *ask;
	uint32_t number;
	bool told;

	if (msg->request_id.at == NULL ||
	    (ask = ask_find_id(&asks->table, msg->request_id)) == NULL)
		return; /* answered in the meantime */
	if (json_kind(reason) != JSON_STRING || reason.len > MSG_CANCEL_MAX)
		reason = nothing;
	told = ask->state == ASK_TOLD;
	number = ask->number;
	drop(asks, ask);
	if (told)
		asks->handlers->retract(asks->arg, number, reason);
}

void
asks_forget(struct asks *asks)
{
	uint32_t told[ASKS_MAX];
	struct ask *ask;
	size_t n = 0;

	/* A link that closes meanwhile finds none that it had to answer. */
	for (int i = 0; i < ASK_STATES; i++)
		while ((ask = ask_first(&asks->table, (enum ask_state)i)) !=
		    NULL) {
			if (i == ASK_TOLD)
				told[n++] = ask->number;
			drop(asks, ask);
		}
	for (size_t i = 0; i < n; i++)
		asks->handlers->retract(asks->arg, told[i], nothing);
}

void
asks_report(const struct asks *asks)
{
	flood_report(asks->flood);
}
