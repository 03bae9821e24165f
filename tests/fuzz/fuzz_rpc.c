/*
 * fuzz_rpc.c: a message stays what it is when its id is replaced, and every
 * problem can be answered with a message.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/jsonrpc.h"
#include "proto/splice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer(const struct rpc_problem *problem)
{
	struct json_span none = { NULL, 0 };
	struct rpc_problem again;
	struct rpc_message msg;
	struct buf b = { 0 };
	int result;

	assert(problem->text != NULL && problem->code != 0);
	result =
	    rpc_add_error(&b, problem->id, problem->code, problem->text, none);
	assert(result == 0);
	result = rpc_parse(&msg, buf_data(&b), buf_len(&b), &again);
	assert(result == 0 && msg.kind == RPC_ERROR);
	buf_free(&b);
}

static void
replace_id(const struct rpc_message *msg)
{
	static const char id[] = "4503599627370497";
	struct rpc_problem problem;
	struct rpc_message again;
	struct splice s;
	char *text;
	size_t len;
	int result;

	splice_init(&s, msg->text.at, msg->text.len);
	splice_replace(&s, msg->id, id, sizeof(id) - 1);
	len = splice_length(&s);
	text = malloc(len);
	assert(text != NULL);
	splice_write(&s, text);
	result = rpc_parse(&again, text, len, &problem);
	assert(result == 0);
	assert(again.kind == msg->kind && again.method == msg->method);
	assert(again.id.len == sizeof(id) - 1);
	assert(memcmp(again.id.at, id, sizeof(id) - 1) == 0);
	assert(again.params.len == msg->params.len);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct rpc_problem problem;
	struct rpc_message msg;

	if (rpc_parse(&msg, text, size, &problem) == -1) {
		assert(problem.at <= size);
		answer(&problem);
		return 0;
	}
	(void)rpc_check_params(&msg);
	(void)mcp_revision_negotiate(msg.protocol_version);
	(void)mcp_level_find(msg.level);
	assert((msg.kind == RPC_REQUEST || msg.kind == RPC_NOTIFICATION) ==
	    (msg.method_name.at != NULL));
	if (msg.id.at != NULL)
		replace_id(&msg);
	return 0;
}
