/*
 * ask.h: what backends ask clients: requests in the other direction.  MCP
 * client features: "Sampling", "Elicitation", "Roots".
 *
 * Whom a backend means is known where it serves one client, where its request
 * came with the answer to a client's, and where only one client has requests in
 * flight there.  Else nobody is asked: one client's question is never shown to
 * another.
 */
#ifndef FRONT_ASK_H
#define FRONT_ASK_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "proto/jsonrpc.h"

struct asks;
struct front;
struct link;
struct session;

/* A person who has not answered by then does not; the backend learns it. */
#define ASK_MS 600000U
/* Of one client, and of all, that are not answered: nobody answers more. */
#define ASKS_SESSION_MAX 64U
#define ASKS_MAX         4096U
/* Elicitations by URL of one link, and of all, of which the backend may still
 * tell that they are complete: some MB.  The oldest of the link is forgotten.
 */
#define ASKS_COMPLETIONS_MAX     1024U
#define ASKS_COMPLETIONS_ALL_MAX 16384U

/* NULL with errno on failure; borrows front. */
struct asks *asks_new(struct front *front);
void asks_free(struct asks **asks);

/* ASK: request is the number of the request that it belongs to, 0: unknown. */
void asks_begin(struct link *link, uint64_t request, uint32_t number,
    const char *json, size_t len);

/* RETRACT: the backend does not want to know any more. */
void asks_retract(
    struct link *link, uint32_t number, const char *reason, size_t len);

/* A client's response.  It is ignored when it answers nothing. */
void asks_answer(struct session *session, const struct rpc_message *msg);

/* A client's notifications/progress. */
void asks_progress(struct session *session, const struct rpc_message *msg);

/* notifications/elicitation/complete of a backend. */
void asks_complete(struct link *link, const struct rpc_message *msg);

/* An error of a backend went to this session: -32042 names elicitations of
 * which asks_complete() may come. */
void asks_note_required(
    struct link *link, struct session *session, struct json_span error);

/* The backend's worker is gone, and so is who is being asked. */
void asks_link_lost(struct link *link);
void asks_session_gone(struct session *session);

/* A request ended: what its backend asked with its answer is of no use any
 * more.  Its stream may be gone. */
void asks_request_ended(struct link *link, uint64_t request);

/* How many there are. */
size_t asks_count(const struct asks *asks);

#endif
