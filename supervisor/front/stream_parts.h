/*
 * stream_parts.h: what the files of streams and sessions share: stream.c
 * (opened, resumed, ended), stream_write.c (what is written to one),
 * stream_queues.c (how much all of them may hold), session.c.
 */
#ifndef FRONT_STREAM_PARTS_H
#define FRONT_STREAM_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "replay.h"
#include "stream.h"

struct evbuffer;
struct evhttp_connection;
struct front;

/* Streams that are not in use, kept for the next ones: one for each request
 * that may be in flight at a time on a busy gateway. */
#define STREAMS_UNUSED_MAX 1024U
/* An answer of at most this length is out of our hands once it is written: it
 * fits into the kernel's buffers, which are empty. */
#define STREAM_SMALL_MAX 4096U
/* Messages from this length on get memory of just their size: evbuffers round
 * theirs up to a power of two. */
#define STREAM_LARGE_MIN ((size_t)16384)

/* All streams: a member of struct sessions. */
struct streams {
	struct front *front;
	struct stream_list events;    /* that have a listener */
	struct stream_list undecided; /* the same */
	struct stream_list ending;
	struct stream_list unused;
	size_t unused_count;
	size_t count;     /* that have a listener, all kinds */
	size_t queue_max; /* bytes in one stream, its last excepted */
	size_t held_max;  /* in all streams */
	size_t held;    /* copies in all streams, at most; see count_queues() */
	size_t left;    /* texts that only streams refer to; catalogue.h */
	size_t counted; /* both, when they were counted */
	struct replays replays;
};

void streams_init(struct streams *streams, struct front *front);
/* There is none any more. */
void streams_free(struct streams *streams);

/* Write pings, and decide what is undecided for too long. */
void streams_tick(struct streams *streams, uint64_t now_ms);

/* ---- stream.c --------------------------------------------------------- */

/* Send the head of an event stream; where the client's revision knows it, the
 * priming event follows, with the id of this event. */
void stream_begin_events(struct stream *stream, uint32_t event);

/* All of a POST's is said: its connection goes on with the next request. */
void stream_finish_post(struct stream *stream);

/*
 * An answer is whole but for what evhttp does when it ends the reply, which the
 * caller has it do next.  The stream is gone, or counts among those that are
 * ending until all is written.  shared: bytes that count elsewhere.
 */
void stream_flush(struct stream *stream, size_t shared);

/* ---- stream_write.c --------------------------------------------------- */

/* Where a stream's bytes go; NULL when nobody listens. */
struct evbuffer *stream_output(const struct stream *stream);

/* Hang up on the client; evhttp notices and tells stream.c. */
void stream_drop(struct stream *stream, const char *why);

/* Forget what waits to be written: the guard may keep the connection's buffers
 * for some time yet. */
void stream_discard(struct evhttp_connection *conn);

/* True when it can be written to; it is dropped when its queue is full. */
bool stream_accepts(struct stream *stream);

/* Add bytes that are whole chunks, or the beginning of one. */
void stream_write_copy(struct stream *stream, const char *bytes, size_t n);
/* The same without a copy, from so many bytes on. */
void stream_write_shared(
    struct stream *stream, struct catalogue_text *text, size_t skip);
/*
 * Write a chunk that holds one event for all to a GET stream: only its id, and
 * the line before it, are the stream's own.  It cannot be had again: kept for
 * all, it would push out whatever is meant for one.
 */
void stream_write_shared_event(
    struct stream *stream, struct catalogue_text *chunk);
/* One chunk of at most STREAM_RAW_MAX bytes that are not a message. */
void stream_write_raw(struct stream *stream, const char *bytes, size_t n);
#define STREAM_RAW_MAX 128U

/* Write the id of an event; returns its length, at most STREAM_EVENT_ID_MAX. */
size_t stream_put_event_id(char *dst, uint32_t stream, uint32_t event);

/* ---- stream_queues.c -------------------------------------------------- */

/* Drop the fullest streams until all of them hold what they may. */
void streams_limit_queues(struct streams *streams);
/* n bytes of its own were added to a stream that held before bytes. */
void stream_copied(struct stream *stream, size_t before, size_t n);
/* Something was added to a stream. */
void streams_check_queues(struct streams *streams);

#endif
