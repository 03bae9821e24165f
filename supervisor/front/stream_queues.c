/* stream_queues.c: how much all streams together may hold. */
#include <event2/buffer.h>
#include <event2/http.h>

#include "front.h"
#include "session.h"
#include "session_parts.h"
#include "stream_parts.h"

/* All queues are counted anew after a part of what they may hold was put into
 * them. */
#define COUNT_PARTS 16U

/* With the body of an answer in JSON that evhttp is given next. */
static size_t
queued(const struct stream *stream)
{
	return evbuffer_get_length(stream_output(stream)) +
	    evbuffer_get_length(
		evhttp_request_get_output_buffer(stream->request));
}

static size_t
count_list(struct stream_list *list)
{
	struct stream *stream;
	size_t all = 0;

	TAILQ_FOREACH (stream, list, of_all) {
		size_t most = queued(stream);

		if (most > 0)
			most += stream->largest;
		if (stream->copied > most)
			stream->copied = most;
		if (!stream->dropped)
			all += stream->copied;
	}
	return all;
}

/*
 * What streams hold as copies of their own, which is what memory they take;
 * what they refer to is shared.  Never less than the truth: of a stream that
 * was not empty for long, all that was copied since counts, up to its length
 * and the largest piece, of which a part may be sent already.
 */
static size_t
count_queues(struct streams *streams)
{
	return count_list(&streams->events) + count_list(&streams->ending);
}

/* Drop those of a list that hold at least limit until all hold what they may.
 */
static size_t
drop_of_list(struct streams *streams, struct stream_list *list, size_t limit,
    size_t copies, bool only_copies)
{
	struct stream *stream;

	TAILQ_FOREACH (stream, list, of_all) {
		if (copies + (only_copies ? 0 : streams->left) <=
		    streams->held_max)
			break;
		if (stream->dropped ||
		    (only_copies ? stream->copied : queued(stream)) < limit)
			continue;
		copies -= stream->copied;
		stream_drop(stream, "all streams together hold too much");
	}
	return copies;
}

/*
 * Drop those that hold most until all hold what they may.  Of copies, first: it
 * is no fault of a client that the list which it was sent is an old one by now.
 * Then of all, since one that holds old lists keeps them alive.
 */
static size_t
drop_fullest(struct streams *streams, size_t copies, bool only_copies)
{
	for (size_t limit = streams->queue_max; limit > 0; limit /= 2) {
		copies = drop_of_list(
		    streams, &streams->ending, limit, copies, only_copies);
		copies = drop_of_list(
		    streams, &streams->events, limit, copies, only_copies);
	}
	return copies;
}

void
streams_limit_queues(struct streams *streams)
{
	streams->held = drop_fullest(streams, count_queues(streams), true);
	streams->held = drop_fullest(streams, streams->held, false);
	streams->counted = streams->held + streams->left;
}

void
streams_check_queues(struct streams *streams)
{
	size_t all = streams->held + streams->left;

	if (all > streams->held_max &&
	    all > streams->counted + streams->held_max / COUNT_PARTS)
		streams_limit_queues(streams);
}

void
stream_copied(struct stream *stream, size_t before, size_t n)
{
	struct streams *streams = &stream->sessions->streams;

	if (before == 0)
		stream->copied = stream->largest = 0;
	stream->copied += n;
	if (stream->largest < n)
		stream->largest = n;
	streams->held += n;
	streams_check_queues(streams);
}
