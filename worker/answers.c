/* answers.c: requests of the backend, answered by the worker. */
#include <stdbool.h>
#include <stdlib.h>

#include "answers.h"
#include "proto/buf.h"
#include "proto/log.h"

struct answers {
	const char *name;
	int (*send)(void *arg, const char *text, size_t len, int64_t id);
	void *arg;
	struct buf text; /* the answer at hand */
	bool in_batch;   /* answers are collected */
	struct buf all;
};

struct answers *
answers_new(const char *name,
    int (*send)(void *arg, const char *text, size_t len, int64_t id), void *arg)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (answers == NULL)
		return NULL;
	answers->name = name;
	answers->send = send;
	answers->arg = arg;
	return answers;
}

void
answers_free(struct answers **answers)
{
	if (*answers == NULL)
		return;
	buf_free(&(*answers)->text);
	buf_free(&(*answers)->all);
	free(*answers);
	*answers = NULL;
}

/* What is collected so far. */
static void
send_all(struct answers *answers)
{
	struct buf *all = &answers->all;

	if (buf_len(all) > 0 && buf_add_text(all, "]") == 0)
		(void)answers->send(
		    answers->arg, buf_data(all), buf_len(all), 0);
	buf_free(all);
}

/* Send the answer at hand, or collect it. */
static void
send_one(struct answers *answers)
{
	struct buf *b = &answers->text;
	struct buf *all = &answers->all;

	if (!answers->in_batch) {
		(void)answers->send(answers->arg, buf_data(b), buf_len(b), 0);
		return;
	}
	/* All the room at first: a failure shall not leave a lone comma. */
	if (buf_reserve(all, 1 + buf_len(b)) == NULL)
		return;
	(void)buf_add_text(all, buf_len(all) == 0 ? "[" : ",");
	(void)buf_add(all, buf_data(b), buf_len(b));
	if (buf_len(all) >= ANSWERS_BATCH_MAX)
		send_all(answers);
}

void
answers_request(struct answers *answers, const struct rpc_message *msg)
{
	struct buf *b = &answers->text;

	if (msg->method != MCP_PING) {
		log_debug("backend %s: its request %s is refused",
		    answers->name,
		    log_str(msg->method_name.at, msg->method_name.len));
		answers_refuse(answers, msg->id, RPC_METHOD_NOT_FOUND,
		    "The gateway declared no such capability");
		return;
	}
	buf_consume(b, buf_len(b));
	if (buf_add_text(b, "{\"jsonrpc\":\"2.0\",\"id\":") == 0 &&
	    buf_add(b, msg->id.at, msg->id.len) == 0 &&
	    buf_add_text(b, ",\"result\":{}}") == 0)
		send_one(answers);
}

void
answers_refuse(
    struct answers *answers, struct json_span id, int code, const char *text)
{
	struct buf *b = &answers->text;

	buf_consume(b, buf_len(b));
	if (rpc_add_error(b, id, code, text, (struct json_span){ NULL, 0 }) ==
	    0)
		send_one(answers);
}

void
answers_begin_batch(struct answers *answers)
{
	answers->in_batch = true;
}

void
answers_end_batch(struct answers *answers)
{
	answers->in_batch = false;
	send_all(answers);
}
