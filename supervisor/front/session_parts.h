/*
 * session_parts.h: what the files of sessions share: session.c (opened, found,
 * ended, all of them), session_write.c (what is written to a stream).
 */
#ifndef FRONT_SESSION_PARTS_H
#define FRONT_SESSION_PARTS_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "session.h"

struct evbuffer;
struct evhttp_connection;

/* Chains stay short up to the greatest number of connections; ids are random,
 * so nobody can choose a bucket. */
#define SESSION_BUCKETS 4096U

struct sessions {
	struct front *front;
	struct event *timer;
	LIST_HEAD(, session) buckets[SESSION_BUCKETS];
	TAILQ_HEAD(ping_list, session) pings;
	size_t count;
	size_t max;
	size_t levels[MCP_LEVELS]; /* how many sessions asked for each */
	size_t queue_max;          /* bytes in one stream, its last excepted */
	size_t held_max;           /* in all streams */
	size_t held;    /* copies in all streams, at most; see count_queues() */
	size_t left;    /* texts that only streams refer to; catalogue.h */
	size_t counted; /* both, when they were counted */
	uint32_t next_handle;
	size_t ending; /* streams whose last bytes are being written */
};

/* Where a stream's bytes go; NULL when it is gone. */
struct evbuffer *session_output(const struct session *session);

/* Hang up on the client; evhttp notices and tells session.c. */
void session_drop(struct session *session, const char *why);

/* Forget what waits to be written: the guard may keep the connection's buffers
 * for some time yet. */
void session_discard(struct evhttp_connection *conn);

/* True when it can be written to; it is dropped when its queue is full. */
bool session_accepts(struct session *session);

/* Add bytes that are whole chunks, or the beginning of one. */
void session_write_copy(struct session *session, const char *bytes, size_t n);
/* The same without a copy. */
void session_write_shared(struct session *session, struct catalogue_text *text);
/* One chunk of at most SESSION_RAW_MAX bytes that are not a message. */
void session_write_raw(struct session *session, const char *bytes, size_t n);
#define SESSION_RAW_MAX 128U

/* Drop the fullest streams until all of them hold what they may. */
void sessions_limit_queues(struct sessions *sessions);

#endif
