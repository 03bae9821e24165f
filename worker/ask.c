/* ask.c: requests of the backend to clients that are not done with. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "proto/splice.h"

void
ask_table_init(struct ask_table *table)
{
	*table = (struct ask_table){ 0 };
	for (int i = 0; i < ASK_STATES; i++)
		TAILQ_INIT(&table->lists[i]);
}

void
ask_table_clear(struct ask_table *table)
{
	struct ask *ask;

	for (int i = 0; i < ASK_STATES; i++)
		while ((ask = TAILQ_FIRST(&table->lists[i])) != NULL) {
			ask_leave(table, ask);
			ask_free(&ask);
		}
}

/* The one of this number in a list, or NULL. */
static struct ask *
find_in(const struct ask_list *list, uint32_t number)
{
	struct ask *ask;

	TAILQ_FOREACH (ask, list, link)
		if (ask->number == number)
			break;
	return ask;
}

static bool
is_taken(const struct ask_table *table, uint32_t number)
{
	for (int i = 0; i < ASK_STATES; i++)
		if (find_in(&table->lists[i], number) != NULL)
			return true;
	return false;
}

static uint32_t
next_number(struct ask_table *table)
{
	do
		table->last_number++;
	while (table->last_number == 0 || is_taken(table, table->last_number));
	return table->last_number;
}

struct ask *
ask_new(struct ask_table *table, const struct rpc_message *msg, int64_t about)
{
	const struct json_span id = msg->id, token = msg->meta_progress_token;
	struct ask *ask = calloc(1, sizeof(*ask) + id.len + token.len);

	if (ask == NULL)
		return NULL;
	ask->number = next_number(table);
	ask->about = about;
	memcpy(ask->names, id.at, id.len);
	ask->id = (struct json_span){ ask->names, id.len };
	if (token.at != NULL) {
		memcpy(ask->names + id.len, token.at, token.len);
		ask->token =
		    (struct json_span){ ask->names + id.len, token.len };
	}
	return ask;
}

void
ask_free(struct ask **ask)
{
	if (*ask == NULL)
		return;
	buf_free(&(*ask)->text);
	free(*ask);
	*ask = NULL;
}

void
ask_enter(struct ask_table *table, struct ask *ask, enum ask_state state,
    uint64_t deadline)
{
	ask->state = state;
	ask->deadline = deadline;
	TAILQ_INSERT_TAIL(&table->lists[state], ask, link);
	table->count++;
}

void
ask_leave(struct ask_table *table, struct ask *ask)
{
	TAILQ_REMOVE(&table->lists[ask->state], ask, link);
	table->count--;
	ask_count(table, ask, 0);
}

void
ask_move(struct ask_table *table, struct ask *ask, enum ask_state state,
    uint64_t deadline)
{
	static const unsigned int may_become[ASK_STATES] = {
		[ASK_HELD] = 1U << ASK_TOLD | 1U << ASK_UNSENT,
		[ASK_TOLD] = 1U << ASK_UNSENT,
		[ASK_UNSENT] = 1U << ASK_UNSENT,
	};
	size_t counted = ask->counted;

	assert(may_become[ask->state] & 1U << state);
	ask_leave(table, ask);
	ask_enter(table, ask, state, deadline);
	ask_count(table, ask, counted);
}

void
ask_count(struct ask_table *table, struct ask *ask, size_t bytes)
{
	table->bytes += bytes;
	table->bytes -= ask->counted;
	ask->counted = bytes;
}

struct ask *
ask_first(const struct ask_table *table, enum ask_state state)
{
	return TAILQ_FIRST(&table->lists[state]);
}

struct ask *
ask_find(const struct ask_table *table, uint32_t number)
{
	return find_in(&table->lists[ASK_TOLD], number);
}

struct ask *
ask_find_id(const struct ask_table *table, struct json_span id)
{
	struct ask *ask;

	for (int i = 0; i < ASK_STATES; i++)
		TAILQ_FOREACH (ask, &table->lists[i], link)
			if (json_scalar_equal(ask->id, id))
				return ask;
	return NULL;
}

bool
ask_next_deadline(const struct ask_table *table, uint64_t *ms)
{
	const struct ask *first;
	bool any = false;

	for (int i = 0; i < ASK_STATES; i++) {
		first = TAILQ_FIRST(&table->lists[i]);
		if (first == NULL || (any && first->deadline >= *ms))
			continue;
		*ms = first->deadline;
		any = true;
	}
	return any;
}

/* ---- texts ---- */

/* Append the text with its edits, in one line.  0, or -1 with errno ENOMEM. */
static int
add_spliced(struct buf *b, const struct splice *splice, bool newline)
{
	size_t len = splice_length(splice);
	char *at = buf_reserve(b, len);

	if (at == NULL)
		return -1;
	splice_write(splice, at);
	if (newline)
		json_flatten(at, len);
	buf_commit(b, len);
	return 0;
}

static int
not_that(void)
{
	errno = EBADMSG;
	return -1;
}

int
ask_add_answer(struct buf *b, const struct ask *ask, struct json_span text)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	struct splice splice;
	struct json_span brace;

	if (rpc_parse(&msg, text.at, text.len, &problem) == -1 ||
	    (msg.kind != RPC_RESULT && msg.kind != RPC_ERROR))
		return not_that();
	splice_init(&splice, text.at, text.len);
	if (msg.id.at != NULL) {
		splice_replace(&splice, msg.id, ask->id.at, ask->id.len);
		return add_spliced(b, &splice, msg.newline);
	}
	/* An error may have none: it goes in front of the other members. */
	brace.at = memchr(text.at, '{', text.len);
	assert(brace.at != NULL);
	brace.len = (size_t)(brace.at - text.at) + 1;
	brace.at = text.at;
	splice_replace(&splice, brace, "", 0);
	if (buf_add_text(b, "{\"id\":") == -1 ||
	    buf_add(b, ask->id.at, ask->id.len) == -1 ||
	    buf_add_text(b, ",") == -1)
		return -1;
	return add_spliced(b, &splice, msg.newline);
}

int
ask_add_progress(struct buf *b, const struct ask *ask, struct json_span text)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	struct splice splice;

	if (ask->token.at == NULL ||
	    rpc_parse(&msg, text.at, text.len, &problem) == -1 ||
	    msg.kind != RPC_NOTIFICATION || msg.method != MCP_PROGRESS ||
	    msg.progress_token.at == NULL)
		return not_that();
	splice_init(&splice, text.at, text.len);
	splice_replace(
	    &splice, msg.progress_token, ask->token.at, ask->token.len);
	return add_spliced(b, &splice, msg.newline);
}
