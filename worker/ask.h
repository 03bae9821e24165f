/* ask.h: requests of the backend to clients that are not done with. */
#ifndef WORKER_ASK_H
#define WORKER_ASK_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"
#include "proto/json.h"
#include "proto/jsonrpc.h"

enum ask_state {
	ASK_HELD,   /* the front has yet to hear of the backend */
	ASK_TOLD,   /* the front has it */
	ASK_UNSENT, /* answered, and the backend does not take the answer */
};
#define ASK_STATES 3

struct ask {
	TAILQ_ENTRY(ask) link;
	enum ask_state state;
	uint32_t number; /* under which the front has it */
	int64_t about;   /* that of transport.h */
	uint64_t deadline;
	size_t counted;
	/* Held: the request.  Unsent: the answer, empty where there was no room
	 * for it. */
	struct buf text;
	struct json_span id; /* in names[], as the backend wrote it */
	struct json_span token;
	struct json_span key; /* what the id means, to be compared */
	char names[];
};

TAILQ_HEAD(ask_list, ask);

struct ask_table {
	struct ask_list lists[ASK_STATES]; /* each in order of deadlines */
	size_t count;
	size_t bytes;
	uint32_t last_number;
};

/* An empty one. */
void ask_table_init(struct ask_table *table);
/* Free what is in it. */
void ask_table_clear(struct ask_table *table);

/*
 * One for this request, with a number that no other has, in no list yet.  NULL
 * with errno ENOMEM.
 */
struct ask *ask_new(
    struct ask_table *table, const struct rpc_message *msg, int64_t about);
/* Free one that is in no list. */
void ask_free(struct ask **ask);

/* Put it into the list of this state, from the one that it is in if moved. */
void ask_enter(struct ask_table *table, struct ask *ask, enum ask_state state,
    uint64_t deadline);
void ask_move(struct ask_table *table, struct ask *ask, enum ask_state state,
    uint64_t deadline);

/* Take it out of its list; it holds no bytes any more. */
void ask_leave(struct ask_table *table, struct ask *ask);

/* So many bytes are held for it. */
void ask_count(struct ask_table *table, struct ask *ask, size_t bytes);

/* The oldest in this state, or NULL. */
struct ask *ask_first(const struct ask_table *table, enum ask_state state);

/* The one that the front has under this number, or NULL. */
struct ask *ask_find(const struct ask_table *table, uint32_t number);

/* The one with this id of the backend's, however it is spelled, or NULL. */
struct ask *ask_find_id(const struct ask_table *table, struct json_span id);

/* When the next deadline passes; false when there is none. */
bool ask_next_deadline(const struct ask_table *table, uint64_t *ms);

/*
 * Append a client's response with the backend's id in it, in one line.  0, or
 * -1 with errno EBADMSG (it is none) or ENOMEM.
 */
int ask_add_answer(struct buf *b, const struct ask *ask, struct json_span text);

/*
 * Append a client's notifications/progress with the backend's token in it, in
 * one line.  0, or -1 with errno EBADMSG (it is none, or the backend did not
 * ask for any) or ENOMEM.
 */
int ask_add_progress(
    struct buf *b, const struct ask *ask, struct json_span text);

#endif
