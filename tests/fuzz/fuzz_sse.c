/*
 * Server-Sent Events fed whole and byte by byte must give the same events, the
 * same result and the same retry time, and no event beyond its limit.
 *
 * Input: one byte that chooses the limit, and the stream.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/sse.h"

struct outcome {
	struct buf events;
	size_t event_max;
	int result;
	int error;
	int64_t retry;
};

static void
insist(int condition)
{
	if (!condition)
		abort();
}

static void
record(void *arg, const struct sse_event *event)
{
	struct outcome *o = arg;

	insist(event->data_len <= o->event_max);
	insist(event->has_data || event->data_len == 0);
	insist(strlen(event->type) <= SSE_FIELD_MAX && event->type[0] != '\0');
	insist(strlen(event->id) <= SSE_FIELD_MAX);
	insist(buf_add_format(&o->events, "%s|%s|%d|%zu|", event->type,
		   event->id, event->has_data, event->data_len) == 0);
	insist(buf_add(&o->events, event->data, event->data_len) == 0);
}

/* Feed pieces of this size until the end or an error. */
static struct outcome
run(const char *bytes, size_t n, size_t piece, size_t event_max)
{
	struct outcome o = { .event_max = event_max };
	struct sse_parser *parser = sse_parser_new(event_max);

	insist(parser != NULL);
	for (size_t at = 0; at < n && o.result == 0; at += piece) {
		size_t left = n - at;

		errno = 0;
		o.result = sse_parser_feed(parser, bytes + at,
		    left < piece ? left : piece, record, &o);
		o.error = o.result == 0 ? 0 : errno;
	}
	o.retry = sse_parser_retry(parser);
	sse_parser_free(&parser);
	return o;
}

static void
insist_same(const struct outcome *a, const struct outcome *b)
{
	insist(a->result == b->result && a->error == b->error);
	insist(a->retry == b->retry);
	insist(buf_len(&a->events) == buf_len(&b->events));
	insist(buf_len(&a->events) == 0 ||
	    memcmp(buf_data(&a->events), buf_data(&b->events),
		buf_len(&a->events)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct outcome whole, bytes, threes;
	const char *stream = (const char *)data + 1;
	size_t event_max;

	if (n < 2)
		return 0;
	event_max = (size_t)data[0] * 4;
	whole = run(stream, n - 1, n - 1, event_max);
	bytes = run(stream, n - 1, 1, event_max);
	threes = run(stream, n - 1, 3, event_max);
	insist_same(&whole, &bytes);
	insist_same(&whole, &threes);
	buf_free(&whole.events);
	buf_free(&bytes.events);
	buf_free(&threes.events);
	return 0;
}
