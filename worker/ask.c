/* ask.c: requests of the backend to clients that are not done with. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "proto/splice.h"

/* A quote, an id, and the NUL behind a decoded one. */
#define KEY_MAX (1 + RPC_ID_MAX + 1)

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

/*
 * Write what an id means, which two spellings of a string share: decoded once,
 * not at each of a thousand comparisons.  Its length, 0 for what cannot be an
 * id.
 */
static size_t
key_of(struct json_span id, char key[KEY_MAX])
{
	ssize_t n;

	if (id.len > RPC_ID_MAX ||
	    (json_kind(id) != JSON_STRING && json_kind(id) != JSON_NUMBER))
		return 0;
	key[0] = '"'; /* as no number begins */
	n = json_string_decode(id, key + 1, KEY_MAX - 1);
	if (n >= 0)
		return 1 + (size_t)n;
	memcpy(key, id.at, id.len);
	return id.len;
}

/* Append a copy at *at; an absent span stays one. */
static struct json_span
copy(char **at, const char *from, size_t len)
{
	struct json_span result = { *at, len };

	if (from == NULL)
		return (struct json_span){ NULL, 0 };
	memcpy(*at, from, len);
	*at += len;
	return result;
}

struct ask *
ask_new(struct ask_table *table, const struct rpc_message *msg, int64_t about)
{
	const struct json_span id = msg->id, token = msg->meta_progress_token;
	char key[KEY_MAX];
	size_t key_len = key_of(id, key);
	struct ask *ask =
	    calloc(1, sizeof(*ask) + id.len + token.len + key_len);
	char *at;

	if (ask == NULL)
		return NULL;
	ask->number = next_number(table);
	ask->about = about;
	at = ask->names;
	ask->id = copy(&at, id.at, id.len);
	ask->token = copy(&at, token.at, token.len);
	ask->key = copy(&at, key, key_len);
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
	char key[KEY_MAX];
	size_t len = key_of(id, key);
	struct ask *ask;

	for (int i = 0; i < ASK_STATES; i++)
		TAILQ_FOREACH (ask, &table->lists[i], link)
			if (ask->key.len == len &&
			    memcmp(ask->key.at, key, len) == 0)
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

/*
 * What is looked at here; the front has parsed it as JSON-RPC.  A second caller
 * of rpc_parse() would cost every message of a backend that call.
 */
enum {
	ID,
	METHOD,
	RESULT,
	ERROR,
	PARAMS,
	PROGRESS_TOKEN,
	FIELDS
};

static const struct json_field fields[FIELDS] = {
	[ID] = JSON_FIELD("id", JSON_ROOT),
	[METHOD] = JSON_FIELD("method", JSON_ROOT),
	[RESULT] = JSON_FIELD("result", JSON_ROOT),
	[ERROR] = JSON_FIELD("error", JSON_ROOT),
	[PARAMS] = JSON_PARENT("params", JSON_ROOT, PROGRESS_TOKEN),
	[PROGRESS_TOKEN] = JSON_FIELD("progressToken", PARAMS),
};

int
ask_add_answer(struct buf *b, const struct ask *ask, struct json_span text)
{
	struct json_span spans[FIELDS];
	struct json_scan scan;
	struct splice splice;
	struct json_span brace;

	if (json_scan(text.at, text.len, fields, FIELDS, spans, &scan) == -1 ||
	    spans[METHOD].at != NULL ||
	    (spans[RESULT].at != NULL) == (spans[ERROR].at != NULL))
		return not_that();
	splice_init(&splice, text.at, text.len);
	if (spans[ID].at != NULL) {
		splice_replace(&splice, spans[ID], ask->id.at, ask->id.len);
		return add_spliced(b, &splice, scan.newline);
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
	return add_spliced(b, &splice, scan.newline);
}

int
ask_add_progress(struct buf *b, const struct ask *ask, struct json_span text)
{
	const struct json_span *token;
	struct json_span spans[FIELDS];
	struct json_scan scan;
	struct splice splice;

	if (ask->token.at == NULL ||
	    json_scan(text.at, text.len, fields, FIELDS, spans, &scan) == -1 ||
	    mcp_method_find(spans[METHOD]) != MCP_PROGRESS ||
	    spans[ID].at != NULL || spans[PROGRESS_TOKEN].at == NULL)
		return not_that();
	token = &spans[PROGRESS_TOKEN];
	splice_init(&splice, text.at, text.len);
	splice_replace(&splice, *token, ask->token.at, ask->token.len);
	return add_spliced(b, &splice, scan.newline);
}
