/*
 * session.h: sessions of legacy clients: of HTTP+SSE, one for each event
 * stream, and of Streamable HTTP, opened by initialize.  MCP transports, "HTTP
 * with SSE", "Session Management".
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

#include "adapt.h"
#include "catalogue.h"
#include "principal.h"
#include "replay.h"
#include "request.h"
#include "session_id.h"
#include "stream.h"

struct ask;
struct evhttp_request;
struct front;
struct link;
struct sessions;

/* Sessions of one principal of which the log tells at once, and then one in so
 * long: who opens and closes them all the time shall not fill it. */
#define SESSION_LOG_BURST 100U
#define SESSION_LOG_NS    UINT64_C(50000000)
/* Requests in flight of one session; the policy may have fewer. */
#define SESSION_REQUESTS_MAX 1024U
/* Until the first policy: limits.session_idle, limits.session_lifetime. */
#define SESSION_IDLE_MS     1800000U
#define SESSION_LIFETIME_MS 86400000U

enum session_state {
	SESSION_OPENING, /* the stream is open, initialize has not come */
	SESSION_ACTIVE,  /* initialize was answered */
	SESSION_GONE,    /* freed at the end of the turn */
};

/* Where clients come in. */
struct session_endpoint {
	bool streamable; /* Streamable HTTP, not HTTP+SSE */
	enum names_spelling spelling;
	const char *server; /* the only backend there; NULL: all */
};

struct session {
	LIST_ENTRY(session) of_bucket;
	TAILQ_ENTRY(session) of_all;
	TAILQ_ENTRY(session) of_idle; /* of Streamable HTTP, by last use */
	struct deferred free_later;
	struct front *front;
	struct principal *principal; /* who opened it; NULL once it is gone */
	/* The GET stream: of HTTP+SSE always there, else NULL while the client
	 * has none open. */
	struct stream *main;
	struct stream_list streams; /* all of them, main too */
	struct request_list requests;
	size_t request_count;
	TAILQ_HEAD(, ask) asks; /* what backends asked this client */
	size_t ask_count;
	TAILQ_HEAD(, link) instances;        /* instances.h */
	LIST_HEAD(, completion) completions; /* ask_completions.h */
	LIST_HEAD(, subscription) subscriptions;
	size_t subscription_count; /* those being asked for included */
	struct replay replay;
	char *server;                 /* the only backend it sees, or NULL */
	uint64_t updated;             /* the update that it was told of last */
	uint32_t told[CATALOG_KINDS]; /* versions of lists that it knows */
	const struct mcp_revision *revision;
	struct adapt_rules adapt; /* adapt_session.h */
	uint64_t opened_ms;
	uint64_t used_ms;
	uint64_t calls;       /* requests of its life */
	uint32_t handle;      /* for logs and frames; ids are secret */
	uint32_t last_stream; /* number of the last POST stream */
	uint32_t main_events; /* of its GET stream, connected or not */
	uint32_t main_sent;   /* of these, the last that was ever sent */
	enum session_state state;
	enum names_spelling spelling;
	uint8_t capabilities; /* enum mcp_capability */
	bool streamable;
	bool logged;  /* the log tells of it; of others where it is debugged */
	int8_t level; /* enum mcp_level of logging/setLevel, or -1 */
	unsigned char id[SESSION_ID_BYTES];
};

/* NULL with errno on failure; borrows front until sessions_free(). */
struct sessions *sessions_new(struct front *front);
/* There is no session any more. */
void sessions_free(struct sessions **sessions);

/* What its client sees. */
static inline struct catalogue_lens
session_lens(const struct session *session)
{
	return (struct catalogue_lens){
		.audience = session->principal != NULL
		    ? session->principal->audience
		    : 0,
		.spelling = session->spelling,
		.server = session->server,
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

/* Sessions that are opened from now on have greater handles. */
uint32_t sessions_last_handle(const struct sessions *sessions);

/*
 * Make room for one more of this principal: where the policy allows no more,
 * the session of Streamable HTTP ends that was not used for longest and has
 * nothing going on, one of the principal's own if there is one; or several of
 * them, where it allows fewer than there are.  False: there is no room.
 */
bool sessions_make_room(
    struct sessions *sessions, const struct principal *principal);

/*
 * Open a session of HTTP+SSE on a GET request: sends the head, the endpoint
 * event and a first comment.  Takes the request: it is finished by the session
 * from now on.
 */
void session_open_sse(struct sessions *sessions, struct evhttp_request *request,
    struct principal *principal, const struct session_endpoint *endpoint);

/* Open a session of Streamable HTTP.  NULL with errno ENOMEM. */
struct session *session_open(struct sessions *sessions,
    struct principal *principal, const struct session_endpoint *endpoint);

/*
 * End it: its requests are cancelled, its streams end with what was written to
 * them.  The object is there until the end of the turn.
 */
void session_close(struct session *session, const char *why);

/* A session of Streamable HTTP is used by its client.  False: it has lived for
 * as long as it may, and is gone now. */
bool session_touch(struct session *session);

/* For stream.c: its last stream has ended; only now it begins to be idle. */
void session_streams_ended(struct session *session);

/* front->policy and front->principals are new: follow their limits, and end
 * sessions of principals that are revoked. */
void sessions_follow_policy(struct sessions *sessions);

/* End every session in order: streams with their last chunk, and the
 * connections of event streams that had no end. */
void sessions_end(struct sessions *sessions);

/* True while there are streams, and while the last bytes of ended ones are not
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
 * Send a message that belongs to no request; newlines: it holds raw CR or LF,
 * which become spaces.  A client of Streamable HTTP that has no GET stream gets
 * it when it opens one (replay.h).
 */
void session_send(
    struct session *session, const struct splice *message, bool newlines);
void session_send_text(struct session *session, const char *json, size_t len);

/* True when what is sent to it now is on its way at once. */
bool session_listens(const struct session *session);

/* Call each for every active session; it may send. */
void sessions_each(struct sessions *sessions,
    void (*each)(void *arg, struct session *session), void *arg);

/* Send one message to every active session that listens, asked for this level
 * (enum mcp_level), a more verbose one, or none, and that hears() lets hear it.
 */
void sessions_send(struct sessions *sessions, int level,
    const struct splice *message, bool newlines,
    bool (*hears)(const void *arg, const struct session *session),
    const void *arg);

/* Note the level that a session asked for; backends learn the most verbose one
 * that any did. */
void session_set_level(struct session *session, enum mcp_level level);

/* The most verbose level any session asked for, or -1. */
int sessions_level(const struct sessions *sessions);

#endif
