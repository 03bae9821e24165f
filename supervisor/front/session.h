/*
 * session.h: sessions of legacy clients over HTTP+SSE: one for each event
 * stream, with an id that cannot be guessed.  MCP 2024-11-05, "HTTP with SSE".
 */
#ifndef FRONT_SESSION_H
#define FRONT_SESSION_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/loop.h"
#include "proto/mcp.h"
#include "proto/msg.h"
#include "proto/splice.h"

#include "catalogue.h"
#include "principal.h"
#include "request.h"
#include "session_id.h"

struct evhttp_request;
struct catalogue_text;
struct front;
struct sessions;

/* Comments keep proxies from closing an idle stream; the strictest close after
 * some 60 seconds. */
#define SESSION_PING_MS 15000U
/* A stream that holds more than this when another message comes is dropped: its
 * client does not read.  One message may be larger (MSG_JSON_MAX).  The policy
 * has another value as a rule, limits.queue_size. */
#define SESSION_QUEUE_MAX ((size_t)8 << 20)
/* What all streams together may hold before the fullest ones are dropped: lists
 * and messages for all are shared, and count once.  Of the policy, what the
 * guard and subscriptions leave of limits.memory. */
#define SESSION_QUEUES_MAX ((size_t)224 << 20)
/* Sessions of one principal of which the log tells at once, and then one in so
 * long: who opens and closes them all the time shall not fill it. */
#define SESSION_LOG_BURST 100U
#define SESSION_LOG_NS    UINT64_C(50000000)
/* Requests in flight of one session; the policy may have fewer. */
#define SESSION_REQUESTS_MAX 1024U

enum session_state {
	SESSION_OPENING, /* the stream is open, initialize has not come */
	SESSION_ACTIVE,  /* initialize was answered */
	SESSION_GONE,    /* the stream ended; freed at the end of the turn */
};

struct session {
	LIST_ENTRY(session) of_bucket;
	TAILQ_ENTRY(session) of_pings; /* soonest ping first */
	struct deferred free_later;
	struct front *front;
	struct principal *principal; /* who opened it; NULL once it is gone */
	struct evhttp_request *stream;
	struct request_list requests;
	size_t request_count;
	LIST_HEAD(, subscription) subscriptions;
	size_t subscription_count;    /* those being asked for included */
	uint64_t updated;             /* the update that it was told of last */
	uint32_t told[CATALOG_KINDS]; /* versions of lists that it knows */
	size_t
	    copied; /* bytes in the stream's queue that are its own, at most */
	const struct mcp_revision *revision;
	uint64_t pinged_ms;
	uint64_t opened_ms;
	uint64_t calls;  /* requests of its life */
	uint32_t handle; /* for logs and frames; ids are secret */
	enum session_state state;
	bool dropped; /* hung up on; the stream is about to end */
	bool logged;  /* the log tells of it; of others where it is debugged */
	int8_t level; /* enum mcp_level of logging/setLevel, or -1 */
	unsigned char id[SESSION_ID_BYTES];
};

/* NULL with errno on failure; borrows front until sessions_free(). */
struct sessions *sessions_new(struct front *front);
void sessions_free(struct sessions **sessions);

/* What its client sees. */
static inline struct catalogue_lens
session_lens(const struct session *session)
{
	return (struct catalogue_lens){
		.audience = session->principal != NULL
		    ? session->principal->audience
		    : 0,
		.spelling = NAMES_SLASH,
	};
}

/* The name of the token that it was opened with, or NULL. */
static inline const char *
session_token(const struct session *session)
{
	return session->principal != NULL &&
		session->principal->kind == PRINCIPAL_TOKEN
	    ? session->principal->name
	    : NULL;
}

/* For request.c: one of its requests is in flight at a backend, or is not any
 * more. */
static inline void
session_request_began(struct session *session)
{
	session->request_count++;
	if (session->principal != NULL)
		session->principal->in_flight++;
}

static inline void
session_request_ended(struct session *session)
{
	session->request_count--;
	if (session->principal != NULL)
		session->principal->in_flight--;
}

/* How many there are. */
size_t sessions_count(const struct sessions *sessions);

/* True when the policy allows no more sessions. */
bool sessions_full(const struct sessions *sessions);

/*
 * Open a session on a GET request: sends the head, the endpoint event and a
 * first comment.  Takes the request: it is finished by the session from now on.
 */
void session_open(struct sessions *sessions, struct evhttp_request *stream,
    struct principal *principal);

/* front->policy and front->principals are new: follow their limits, and end
 * sessions of principals that are revoked. */
void sessions_follow_policy(struct sessions *sessions);

/* End every stream with its last chunk and close its connection. */
void sessions_end(struct sessions *sessions);

/* True while there are sessions, and while the last bytes of ended ones are not
 * out of our hands. */
bool sessions_pending(const struct sessions *sessions);

enum session_lookup {
	SESSION_FOUND,
	SESSION_UNKNOWN,
	SESSION_MALFORMED,
};

/* Find by the text of an id: 32 hexadecimal digits, or a UUID with dashes. */
enum session_lookup session_find(struct sessions *sessions, const char *text,
    size_t len, struct session **ret);

/*
 * Send one message; newlines: it holds raw CR or LF, which become spaces.  The
 * client is dropped instead when it does not read; the
 * session then ends within this turn of the loop, and nothing needs doing.
 */
void session_send(
    struct session *session, const struct splice *message, bool newlines);
void session_send_text(struct session *session, const char *json, size_t len);
/* A response: {"jsonrpc":"2.0","id":ID,"result":TEXT}; keeps a reference. */
void session_send_list(
    struct session *session, struct json_span id, struct catalogue_text *text);
/* A response with this JSON text as its result. */
void session_send_result(
    struct session *session, struct json_span id, const char *result);
/* An error response; data is JSON or absent. */
void session_send_error(struct session *session, struct json_span id, int code,
    const char *text, struct json_span data);

/* Call each for every active session; it may send. */
void sessions_each(struct sessions *sessions,
    void (*each)(void *arg, struct session *session), void *arg);

/* Send one message to every active session that asked for this level (enum
 * mcp_level), a more verbose one, or none, and that hears() lets hear it. */
void sessions_send(struct sessions *sessions, int level,
    const struct splice *message, bool newlines,
    bool (*hears)(const void *arg, const struct session *session),
    const void *arg);

/* Note the level that a session asked for. */
void session_set_level(struct session *session, enum mcp_level level);

/* The most verbose level any session asked for, or -1. */
int sessions_level(const struct sessions *sessions);

#endif
