#include "session.h"

#include <sys/time.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "proto/clock.h"
#include "proto/log.h"

#include "adapt_session.h"
#include "ask.h"
#include "catalogue.h"
#include "chunk.h"
#include "front.h"
#include "guard.h"
#include "instances.h"
#include "link.h"
#include "policy.h"
#include "principal.h"
#include "session_parts.h"
#include "subscriptions.h"

/* How often streams are looked at that are due a ping, and sessions that are
 * idle. */
#define TICK_MS 100U
/* Sessions that are looked at in so long to make room for others: whoever opens
 * one after the other where all are in use keeps nobody. */
#define LOOKS_MAX 50000U
/* Of limits.memory, what events that may be asked for again may take. */
#define REPLAYS_PART 16U

/* ---- opening, ending, finding ----------------------------------------- */

static void
session_free(void *arg)
{
	struct session *session = arg;

	free(session->server);
	free(session);
}

static void sessions_tell_level(struct sessions *sessions);

static void
session_unlist(struct session *session)
{
	struct sessions *sessions = session->front->sessions;

	LIST_REMOVE(session, of_bucket);
	TAILQ_REMOVE(&sessions->all, session, of_all);
	if (session->streamable)
		TAILQ_REMOVE(&sessions->idle, session, of_idle);
	sessions->count--;
	session->principal->sessions--;
	if (session->level >= 0) {
		sessions->levels[session->level]--;
		sessions_tell_level(sessions);
	}
}

void
session_close(struct session *session, const char *why)
{
	static const struct json_span no_reason = { NULL, 0 };
	struct sessions *sessions = session->front->sessions;
	struct request *request;
	struct stream *stream;
	size_t pending = session->request_count;

	if (session->state == SESSION_GONE)
		return;
	session->state = SESSION_GONE;
	session_unlist(session);
	asks_session_gone(session);
	while ((request = TAILQ_FIRST(&session->requests)) != NULL)
		link_cancel(request, no_reason);
	while ((stream = TAILQ_FIRST(&session->streams)) != NULL)
		stream_end(stream);
	subscriptions_leave_all(session);
	instances_session_gone(session);
	replay_clear(&sessions->streams.replays, &session->replay);
	principal_release(session->principal);
	session->principal = NULL;
	if (session->logged)
		log_info("session %u: closed after %.1f s, %llu requests, "
			 "%zu pending%s%s",
		    session->handle,
		    (double)(mono_ms() - session->opened_ms) / 1000.0,
		    (unsigned long long)session->calls, pending,
		    why != NULL ? ": " : "", why != NULL ? why : "");
	deferred_queue(session->front->loop, &session->free_later);
}

static uint32_t
bucket_of(const unsigned char *id)
{
	return ((uint32_t)id[0] << 8 | id[1]) & (SESSION_BUCKETS - 1);
}

size_t
sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

uint32_t
sessions_last_handle(const struct sessions *sessions)
{
	return sessions->next_handle;
}

/* Has its client left it alone? */
static bool
session_rests(const struct session *session)
{
	return TAILQ_EMPTY(&session->streams) && session->request_count == 0;
}

/* Until there is room, sessions of this principal (NULL: of any) end that were
 * not used for longest. */
static void
end_resting(struct sessions *sessions, const struct principal *principal)
{
	struct session *session;
	struct session *next;

	TAILQ_FOREACH_SAFE (session, &sessions->idle, of_idle, next) {
		if (sessions->count < sessions->max || sessions->looks == 0)
			return;
		sessions->looks--;
		if (session_rests(session) &&
		    (principal == NULL || session->principal == principal))
			session_close(session, "another one needed its place");
	}
}

bool
sessions_make_room(struct sessions *sessions, const struct principal *principal)
{
	/* More than one where a new policy allows fewer than there are. */
	end_resting(sessions, principal);
	end_resting(sessions, NULL);
	return sessions->count < sessions->max;
}

struct session *
session_open(struct sessions *sessions, struct principal *principal,
    const struct session_endpoint *endpoint)
{
	struct session *session;

	if ((session = calloc(1, sizeof(*session))) == NULL)
		return NULL;
	if (endpoint->server != NULL &&
	    (session->server = strdup(endpoint->server)) == NULL) {
		free(session);
		return NULL;
	}
	session->front = sessions->front;
	session->principal = principal;
	principal_keep(principal);
	principal->sessions++;
	session->state = SESSION_OPENING;
	session->streamable = endpoint->streamable;
	session->spelling = endpoint->spelling;
	session->revision = mcp_revision_latest_legacy();
	session->level = -1;
	session->handle = ++sessions->next_handle;
	session->opened_ms = session->used_ms = mono_ms();
	adapt_session_prepare(session);
	session->logged = rate_take(&principal->logged, SESSION_LOG_NS,
			      SESSION_LOG_BURST, session->opened_ms) == 0;
	arc4random_buf(session->id, sizeof(session->id));
	TAILQ_INIT(&session->requests);
	TAILQ_INIT(&session->streams);
	TAILQ_INIT(&session->asks);
	TAILQ_INIT(&session->instances);
	replay_init(&session->replay);
	deferred_init(&session->free_later, session_free, session);
	LIST_INSERT_HEAD(
	    &sessions->buckets[bucket_of(session->id)], session, of_bucket);
	TAILQ_INSERT_TAIL(&sessions->all, session, of_all);
	if (session->streamable)
		TAILQ_INSERT_TAIL(&sessions->idle, session, of_idle);
	sessions->count++;
	log_debug("session %u: begun by %s", session->handle,
	    log_str(principal->name, strlen(principal->name)));
	return session;
}

void
session_open_sse(struct sessions *sessions, struct evhttp_request *request,
    struct principal *principal, const struct session_endpoint *endpoint)
{
	struct session *session = session_open(sessions, principal, endpoint);

	if (session != NULL && stream_open_sse(session, request) != NULL)
		return;
	if (session != NULL)
		session_close(session, "out of memory");
	evhttp_send_reply(request, 503, "Service Unavailable", NULL);
}

/* Its idle time begins anew. */
static void
session_use(struct session *session)
{
	struct sessions *sessions = session->front->sessions;

	session->used_ms = mono_ms();
	TAILQ_REMOVE(&sessions->idle, session, of_idle);
	TAILQ_INSERT_TAIL(&sessions->idle, session, of_idle);
}

void
session_streams_ended(struct session *session)
{
	if (session->streamable && session->state != SESSION_GONE)
		session_use(session);
}

bool
session_touch(struct session *session)
{
	struct sessions *sessions = session->front->sessions;

	session_use(session);
	if (sessions->lifetime_ms == 0 ||
	    session->used_ms - session->opened_ms < sessions->lifetime_ms ||
	    session->request_count > 0)
		return true;
	session_close(session, "it has lived for as long as it may");
	return false;
}

enum session_lookup
session_find(struct sessions *sessions, const char *text, size_t len,
    struct session **ret)
{
	unsigned char id[SESSION_ID_BYTES];
	struct session *session;

	if (session_id_parse(id, text, len) == -1)
		return SESSION_MALFORMED;
	LIST_FOREACH (session, &sessions->buckets[bucket_of(id)], of_bucket) {
		if (session_id_equal(session->id, id)) {
			*ret = session;
			return SESSION_FOUND;
		}
	}
	return SESSION_UNKNOWN;
}

/* ---- all sessions ----------------------------------------------------- */

bool
session_listens(const struct session *session)
{
	return session->main != NULL && !session->main->dropped;
}

/*
 * Large messages are made once and referred to by all streams: else one line of
 * a backend's log would be copied as often as there are clients.
 */
#define SHARED_MIN ((size_t)4096)

static void
session_send_shared(struct session *session, const struct splice *message,
    bool newlines, struct catalogue_text *chunk)
{
	bool small = chunk->len < SHARED_MIN;

	if (small && session->streamable)
		session_send(session, message, newlines); /* with its own id */
	else if (!stream_accepts(session->main))
		return;
	else if (small)
		stream_write_copy(session->main, chunk->data, chunk->len);
	else if (session->streamable)
		stream_write_shared_event(session->main, chunk);
	else
		stream_write_shared(session->main, chunk, 0);
}

void
sessions_send(struct sessions *sessions, int level,
    const struct splice *message, bool newlines,
    bool (*hears)(const void *arg, const struct session *session),
    const void *arg)
{
	const struct json_span no_id = { "", 0 };
	struct catalogue_text *chunk;
	struct session *session;

	chunk =
	    malloc(sizeof(*chunk) + chunk_message_max(splice_length(message)));
	if (chunk == NULL) {
		log_warning("sessions: a message for all was not sent: %s",
		    strerror(errno));
		return;
	}
	chunk->references = 1;
	chunk->queued = 0;
	chunk->len = chunk_put_message(chunk->data, no_id, message, newlines);
	TAILQ_FOREACH (session, &sessions->all, of_all)
		if (session->state == SESSION_ACTIVE &&
		    session_listens(session) && session->level <= level &&
		    hears(arg, session))
			session_send_shared(session, message, newlines, chunk);
	catalogue_text_release(chunk);
}

void
sessions_each(struct sessions *sessions,
    void (*each)(void *arg, struct session *session), void *arg)
{
	struct session *session;

	TAILQ_FOREACH (session, &sessions->all, of_all)
		if (session->state == SESSION_ACTIVE)
			each(arg, session);
}

int
sessions_level(const struct sessions *sessions)
{
	for (int level = 0; level < MCP_LEVELS; level++)
		if (sessions->levels[level] > 0)
			return level;
	return -1;
}

/* Backends send what the most verbose session wants. */
static void
sessions_tell_level(struct sessions *sessions)
{
	struct front *front = sessions->front;
	int level = sessions_level(sessions);

	if (level == sessions->told_level || level < 0)
		return;
	sessions->told_level = level;
	for (size_t i = 0; i < front->slots; i++)
		if (front->links[i] != NULL)
			link_set_level(front->links[i], (enum mcp_level)level);
}

void
session_set_level(struct session *session, enum mcp_level level)
{
	struct sessions *sessions = session->front->sessions;

	if (session->level >= 0)
		sessions->levels[session->level]--;
	session->level = (int8_t)level;
	sessions->levels[level]++;
	sessions_tell_level(sessions);
}

/* A stream that is not read at once is hung up on; closing it in order would
 * wait for its client. */
static void
drop_unread(struct session *session)
{
	struct stream *stream;

	TAILQ_FOREACH (stream, &session->streams, of_session)
		if (stream->request != NULL &&
		    evbuffer_get_length(stream_output(stream)) > 0)
			stream_drop(stream, "its token was revoked");
}

/* Clients of a principal that is no more have nothing to get. */
static void
sessions_end_revoked(struct sessions *sessions)
{
	struct session *session;
	struct session *next;

	TAILQ_FOREACH_SAFE (session, &sessions->all, of_all, next) {
		if (!session->principal->revoked)
			continue;
		if (session->logged)
			log_info("session %u: ended: %s may not come any more",
			    session->handle,
			    log_str(session->principal->name,
				strlen(session->principal->name)));
		drop_unread(session);
		session_close(session, "its token was revoked");
	}
}

void
sessions_follow_policy(struct sessions *sessions)
{
	const struct policy_limits *limits = &sessions->front->policy->limits;
	struct streams *streams = &sessions->streams;

	sessions_end_revoked(sessions);
	sessions->max = limits->sessions > 0 ? limits->sessions : SIZE_MAX;
	sessions->idle_ms = limits->session_idle_ms;
	sessions->lifetime_ms = limits->session_lifetime_ms;
	streams->queue_max = limits->queue_size;
	/* What the others leave. */
	streams->held_max = limits->memory - limits->memory / GUARD_HELD_PART -
	    limits->memory / SUBSCRIPTIONS_PART - limits->memory / REPLAYS_PART;
	subscriptions_limit(sessions->front->subscriptions,
	    limits->memory / SUBSCRIPTIONS_PART);
	replays_limit(&streams->replays, limits->memory / REPLAYS_PART);
	streams_limit_queues(streams);
}

void
sessions_end(struct sessions *sessions)
{
	struct session *session;
	struct session *next;

	TAILQ_FOREACH_SAFE (session, &sessions->all, of_all, next)
		session_close(session, NULL);
}

bool
sessions_pending(const struct sessions *sessions)
{
	return sessions->count > 0 || sessions->streams.count > 0;
}

/* One that has something going on is not idle, whatever its client sends. */
static void
sessions_end_idle(struct sessions *sessions, uint64_t now)
{
	struct session *session;

	while ((session = TAILQ_FIRST(&sessions->idle)) != NULL &&
	    sessions->idle_ms > 0 &&
	    now - session->used_ms >= sessions->idle_ms) {
		if (session_rests(session))
			session_close(session, "its client asks nothing");
		else
			(void)session_touch(session);
	}
}

static void
sessions_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sessions *sessions = arg;
	uint64_t now = mono_ms();

	(void)fd;
	(void)what;
	sessions->looks = LOOKS_MAX;
	streams_tick(&sessions->streams, now);
	sessions_end_idle(sessions, now);
	instances_tick(sessions->front, now);
}

struct sessions *
sessions_new(struct front *front)
{
	static const struct timeval tick = { 0, TICK_MS * 1000 };
	struct sessions *sessions;

	if ((sessions = calloc(1, sizeof(*sessions))) == NULL)
		return NULL;
	sessions->front = front;
	sessions->told_level = -1;
	sessions->max = SIZE_MAX;
	sessions->looks = LOOKS_MAX;
	sessions->idle_ms = SESSION_IDLE_MS;
	sessions->lifetime_ms = SESSION_LIFETIME_MS;
	TAILQ_INIT(&sessions->all);
	TAILQ_INIT(&sessions->idle);
	streams_init(&sessions->streams, front);
	sessions->timer = event_new(loop_base(front->loop), -1, EV_PERSIST,
	    sessions_on_timer, sessions);
	if (sessions->timer == NULL ||
	    event_add(sessions->timer, &tick) == -1) {
		sessions_free(&sessions);
		return NULL;
	}
	return sessions;
}

void
sessions_free(struct sessions **sessions)
{
	if (*sessions == NULL)
		return;
	streams_free(&(*sessions)->streams);
	if ((*sessions)->timer != NULL)
		event_free((*sessions)->timer);
	free(*sessions);
	*sessions = NULL;
}
