/*
 * ask_completions.h: which client was sent to a URL by which backend, so that
 * it and no other hears when that is done.  MCP 2025-11-25, "URL Mode
 * Elicitation".
 */
#ifndef FRONT_ASK_COMPLETIONS_H
#define FRONT_ASK_COMPLETIONS_H

#include "proto/json.h"

struct link;
struct session;

/* This session was told of an elicitation of the backend; id is a JSON string,
 * or absent.  Ids of other kinds and very long ones are not followed. */
void ask_completions_note(
    struct link *link, struct session *session, struct json_span id);

/* Nothing of them is awaited any more. */
void ask_completions_forget_link(struct link *link);
void ask_completions_forget_session(struct session *session);

#endif
