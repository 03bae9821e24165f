#include "calls.h"

#include <stdlib.h>
#include <string.h>

struct calls {
	size_t next; /* where the next one goes, the oldest until then */
	struct call ring[CALLS_MAX];
};

static const char *const end_names[REQUEST_END_KINDS] = {
	[REQUEST_ANSWERED] = "answered",
	[REQUEST_BACKEND_ERROR] = "backend error",
	[REQUEST_FAILED] = "failed",
	[REQUEST_UNSENT] = "not sent",
	[REQUEST_CANCELLED] = "cancelled",
	[REQUEST_CLIENT_GONE] = "client gone",
	[REQUEST_LINK_LOST] = "backend lost",
};

struct calls *
calls_new(void)
{
	return calloc(1, sizeof(struct calls));
}

void
calls_free(struct calls **calls)
{
	free(*calls);
	*calls = NULL;
}

/* What a request is about: a name, or a URI, without its quotes. */
static void
keep_name(struct call *call, const struct rpc_message *msg)
{
	struct json_span what = msg->name.at != NULL ? msg->name : msg->uri;
	size_t n = what.len > 2 ? what.len - 2 : 0;

	if (n > CALL_NAME_MAX)
		n = CALL_NAME_MAX;
	call->name_len = (uint8_t)n;
	if (n > 0)
		memcpy(call->name, what.at + 1, n);
}

void
calls_begin(struct calls *calls, struct request *request, uint64_t backend,
    uint32_t session, const char *token, const struct rpc_message *msg)
{
	struct call *call = &calls->ring[calls->next];

	request->call = (uint32_t)calls->next;
	calls->next = (calls->next + 1) % CALLS_MAX;
	call->number = request->number;
	call->backend = backend;
	call->began_ms = request->began_ms;
	call->session = session;
	/* A body is no longer than GUARD_BODY_MAX. */
	call->request_len = (uint32_t)msg->text.len;
	call->response_len = 0;
	call->method = (uint8_t)msg->method;
	call->done = false;
	call->token[0] = '\0';
	if (token != NULL)
		(void)strlcpy(call->token, token, sizeof(call->token));
	keep_name(call, msg);
}

void
calls_end(struct calls *calls, const struct request *request,
    enum request_end_kind end, uint64_t now_ms)
{
	struct call *call = &calls->ring[request->call];

	if (call->number != request->number || call->done)
		return;
	call->ended_ms = now_ms;
	call->response_len = request->answer_len;
	call->end = (uint8_t)end;
	call->done = true;
}

const struct call *
calls_find(const struct calls *calls, uint64_t number)
{
	for (size_t i = 0; number != 0 && i < CALLS_MAX; i++) {
		if (calls->ring[i].number == number)
			return &calls->ring[i];
	}
	return NULL;
}

const struct call *
calls_before(const struct calls *calls, const struct call *call)
{
	size_t at = call != NULL ? (size_t)(call - calls->ring) : calls->next;
	const struct call *before =
	    &calls->ring[(at + CALLS_MAX - 1) % CALLS_MAX];

	/* The oldest one has been reached. */
	if ((call != NULL && at == calls->next) || before->number == 0)
		return NULL;
	return before;
}

const char *
calls_end_name(enum request_end_kind end)
{
	return end_names[end];
}
