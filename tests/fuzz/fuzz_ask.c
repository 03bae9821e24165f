/*
 * fuzz_ask.c: what a client answers to a question of a backend goes to it with
 * the backend's own id, whatever else stands in it, and so does its progress
 * with the backend's token.
 *
 * Input: the backend's request and the client's message, each behind another
 * and ended by a line feed.
 */
/* link: worker */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "proto/buf.h"
#include "proto/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
insist(int condition)
{
	if (!condition)
		abort();
}

static bool
is_same(struct json_span a, struct json_span b)
{
	return a.at != NULL && a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* It is one line, and a message. */
static void
parse_line(struct rpc_message *msg, const struct buf *line)
{
	struct rpc_problem problem;

	insist(memchr(buf_data(line), '\n', buf_len(line)) == NULL);
	insist(memchr(buf_data(line), '\r', buf_len(line)) == NULL);
	insist(rpc_parse(msg, buf_data(line), buf_len(line), &problem) == 0);
}

static void
try_answer(const struct ask *ask, const struct rpc_message *answer)
{
	struct buf line = { 0 };
	struct rpc_message msg;

	if (ask_add_answer(&line, ask, answer->text) == 0) {
		parse_line(&msg, &line);
		insist(msg.kind == answer->kind);
		insist(is_same(msg.id, ask->id));
	} else {
		insist(errno == EBADMSG && buf_len(&line) == 0);
		insist(answer->kind != RPC_RESULT && answer->kind != RPC_ERROR);
	}
	buf_free(&line);
}

static void
try_progress(const struct ask *ask, const struct rpc_message *progress)
{
	struct buf line = { 0 };
	struct rpc_message msg;

	if (ask_add_progress(&line, ask, progress->text) == 0) {
		parse_line(&msg, &line);
		insist(msg.kind == RPC_NOTIFICATION);
		insist(is_same(msg.progress_token, ask->token));
	} else {
		insist(errno == EBADMSG && buf_len(&line) == 0);
	}
	buf_free(&line);
}

static void
try_both(const struct rpc_message *request, const struct rpc_message *message)
{
	struct ask_table table;
	struct ask *ask;

	ask_table_init(&table);
	insist(ask_find_id(&table, request->id) == NULL);
	insist((ask = ask_new(&table, request, 0)) != NULL);
	ask_enter(&table, ask, ASK_TOLD, 1);
	insist(is_same(ask->id, request->id));
	insist(ask_find_id(&table, request->id) == ask);
	insist(ask_find(&table, ask->number) == ask);
	insist(ask_find(&table, ask->number + 1) == NULL);
	if (message->id.at != NULL) /* of any kind, and found or not */
		(void)ask_find_id(&table, message->id);
	try_answer(ask, message);
	try_progress(ask, message);
	ask_table_clear(&table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *end = memchr(text, '\n', size);
	struct rpc_problem problem;
	struct rpc_message request, message;
	size_t len;

	if (end == NULL)
		return 0;
	len = (size_t)(end - text);
	if (rpc_parse(&request, text, len, &problem) == 0 &&
	    request.kind == RPC_REQUEST &&
	    rpc_parse(&message, end + 1, size - len - 1, &problem) == 0)
		try_both(&request, &message);
	return 0;
}
