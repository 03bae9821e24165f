#include "ask_completions.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "ask_parts.h"
#include "front.h"
#include "link_parts.h"
#include "session.h"

/* UUIDs, as a rule. */
#define ID_MAX 128U

struct completion {
	TAILQ_ENTRY(completion) of_link; /* oldest first */
	LIST_ENTRY(completion) of_session;
	struct link *link;
	struct session *session;
	char id[]; /* JSON string */
};

static void
forget(struct completion *completion)
{
	TAILQ_REMOVE(&completion->link->completions, completion, of_link);
	LIST_REMOVE(completion, of_session);
	completion->link->completion_count--;
	completion->link->front->asks->completions--;
	free(completion);
}

void
ask_completions_note(
    struct link *link, struct session *session, struct json_span id)
{
	struct asks *asks = link->front->asks;
	struct completion *completion;

	if (json_kind(id) != JSON_STRING || id.len > ID_MAX)
		return;
	if (link->completion_count >= ASKS_COMPLETIONS_MAX ||
	    (link->completion_count > 0 &&
		asks->completions >= ASKS_COMPLETIONS_ALL_MAX))
		forget(TAILQ_FIRST(&link->completions));
	if (asks->completions >= ASKS_COMPLETIONS_ALL_MAX)
		return;
	if ((completion = calloc(1, sizeof(*completion) + id.len + 1)) == NULL)
		return; /* the client then hears nothing, as of a lost one */
	memcpy(completion->id, id.at, id.len);
	completion->link = link;
	completion->session = session;
	TAILQ_INSERT_TAIL(&link->completions, completion, of_link);
	LIST_INSERT_HEAD(&session->completions, completion, of_session);
	link->completion_count++;
	asks->completions++;
}

void
ask_completions_forget_link(struct link *link)
{
	struct completion *completion;

	while ((completion = TAILQ_FIRST(&link->completions)) != NULL)
		forget(completion);
}

void
ask_completions_forget_session(struct session *session)
{
	struct completion *completion;

	while ((completion = LIST_FIRST(&session->completions)) != NULL)
		forget(completion);
}

void
asks_complete(struct link *link, const struct rpc_message *msg)
{
	struct json_span id = json_get(msg->params, "elicitationId");
	struct completion *completion;
	struct splice text;

	if (id.at == NULL)
		return;
	TAILQ_FOREACH (completion, &link->completions, of_link)
		if (strlen(completion->id) == id.len &&
		    memcmp(completion->id, id.at, id.len) == 0)
			break;
	if (completion == NULL)
		return;
	splice_init(&text, msg->text.at, msg->text.len);
	session_send(completion->session, &text, msg->newline);
	forget(completion);
}

void
asks_note_required(
    struct link *link, struct session *session, struct json_span error)
{
	struct json_span code = json_get(error, "code");
	struct json_span list;
	struct json_span item;
	struct json_iter it;
	int64_t number;

	if (json_integer(code, &number) == -1 ||
	    number != RPC_URL_ELICITATION_REQUIRED)
		return;
	list = json_get(json_get(error, "data"), "elicitations");
	if (json_kind(list) != JSON_ARRAY)
		return;
	json_iter_init(&it, list);
	while (json_iter_element(&it, &item))
		ask_completions_note(
		    link, session, json_get(item, "elicitationId"));
}
