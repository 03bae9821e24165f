/*
 * The body of a response read whole, byte by byte and in pieces of any size
 * must give the same messages and the same verdict, and what is counted as held
 * must be let go of.
 *
 * Input: a byte that chooses what is expected, one that chooses status and
 * type, one that chooses the sizes of the pieces, and the body.
 */
/* link: worker_http */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buf.h"
#include "reply.h"

#define EVENT_MAX 512U
#define ID        7

struct outcome {
	struct reply reply;
	struct buf events;
	struct reply_end end;
};

static const struct {
	long status;
	const char *type;
} heads[] = {
	{ 200, "text/event-stream" },
	{ 200, "application/json" },
	{ 202, "application/json" },
	{ 202, "" },
	{ 400, "application/json" },
	{ 404, "application/json" },
	{ 500, "text/html" },
	{ 200, "" },
};

static void
insist(int condition)
{
	if (!condition)
		abort();
}

/* As post.c and streamable.c do it. */
static int
record(void *arg, const struct sse_event *event)
{
	struct outcome *o = arg;
	int64_t id;

	insist(event->data_len <= EVENT_MAX);
	insist(buf_add_format(&o->events, "%s|%s|%zu|", event->type, event->id,
		   event->data_len) == 0);
	insist(buf_add(&o->events, event->data, event->data_len) == 0);
	if (event->data_len == 0)
		return 0;
	if (reply_id(event->data, event->data_len, &id) == 0)
		insist(reply_is_answer(event->data, event->data_len, id));
	if (o->reply.id != 0 &&
	    reply_is_answer(event->data, event->data_len, o->reply.id))
		o->reply.answered = true;
	return 0;
}

/* The size of the next piece: always the same, or any with a seed. */
static size_t
next_size(size_t fixed, uint32_t *seed)
{
	if (fixed > 0)
		return fixed;
	*seed = *seed * 1103515245U + 12345U;
	return (*seed >> 16) % 31 + 1;
}

static void
run(struct outcome *o, const uint8_t *data, size_t n, size_t fixed)
{
	const struct exchange_head head = {
		.status =
		    heads[data[1] % (sizeof(heads) / sizeof(heads[0]))].status,
		.reason = "Reason",
		.type =
		    heads[data[1] % (sizeof(heads) / sizeof(heads[0]))].type,
		.encoded = (data[1] & 0x80) != 0,
	};
	enum exchange_outcome outcome = EXCHANGE_DONE;
	struct held held = { 0 };
	uint32_t seed = data[2];

	*o = (struct outcome){ 0 };
	reply_init(&o->reply, (enum reply_mode)(data[0] % 3),
	    (data[0] & 4) != 0 ? ID : 0, EVENT_MAX, &held, record, o);
	reply_head(&o->reply, &head);
	for (size_t at = 3, piece; at < n; at += piece) {
		piece = next_size(fixed, &seed);
		if (piece > n - at)
			piece = n - at;
		if (!reply_body(&o->reply, (const char *)data + at, piece)) {
			outcome = EXCHANGE_STOPPED;
			break;
		}
		insist(held.bytes == o->reply.counted);
	}
	reply_finish(&o->reply, outcome,
	    outcome == EXCHANGE_DONE ? "" : "stopped", &o->end);
	if (o->end.message) {
		struct buf body = reply_take(&o->reply);

		insist(
		    buf_add(&o->events, buf_data(&body), buf_len(&body)) == 0);
		buf_free(&body);
	}
	reply_free(&o->reply);
	insist(held.bytes == 0);
}

static void
insist_same(const struct outcome *a, const struct outcome *b)
{
	insist(a->end.verdict == b->end.verdict);
	insist(a->end.outcome == b->end.outcome);
	insist(a->end.status == b->end.status);
	insist(a->end.forgotten == b->end.forgotten);
	insist(a->end.message == b->end.message);
	insist(strcmp(a->end.why, b->end.why) == 0);
	insist(buf_len(&a->events) == buf_len(&b->events));
	insist(buf_len(&a->events) == 0 ||
	    memcmp(buf_data(&a->events), buf_data(&b->events),
		buf_len(&a->events)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t sizes[] = { 1, 3, 0 };
	struct outcome whole, pieces;

	if (n < 4)
		return 0;
	run(&whole, data, n, n);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		run(&pieces, data, n, sizes[i]);
		insist_same(&whole, &pieces);
		buf_free(&pieces.events);
	}
	buf_free(&whole.events);
	return 0;
}
