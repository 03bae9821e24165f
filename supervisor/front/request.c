#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "session.h"
#include "stream.h"

/* The table grows by this many, as blocks that never move. */
#define BLOCK  256U
#define BLOCKS (REQUESTS_MAX / BLOCK)
#define NONE   UINT32_MAX

/* The counter has 53 - 16 bits; it starts anywhere in their lower half, so that
 * it can count on for 2^36 requests. */
#define COUNTER_SEED_SHIFT 4

struct requests {
	struct request *blocks[BLOCKS];
	uint32_t slots; /* in the blocks so far */
	uint32_t first_free;
	uint64_t counter;
	size_t count;
};

struct requests *
requests_new(void)
{
	struct requests *requests;

	if ((requests = calloc(1, sizeof(*requests))) == NULL)
		return NULL;
	requests->first_free = NONE;
	/* A backend may still work on what a front before this one asked: its
	 * late answer must not have the number of one of ours. */
	requests->counter = (uint64_t)arc4random() << COUNTER_SEED_SHIFT;
	return requests;
}

void
requests_free(struct requests **requests)
{
	if (*requests == NULL)
		return;
	for (size_t i = 0; i < (*requests)->slots; i++) {
		struct request *r = &(*requests)->blocks[i / BLOCK][i % BLOCK];

		free(r->id.large);
		free(r->token.large);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free((*requests)->blocks[i]);
	free(*requests);
	*requests = NULL;
}

static struct request *
slot(const struct requests *requests, uint32_t i)
{
	return &requests->blocks[i / BLOCK][i % BLOCK];
}

static int
grow(struct requests *requests)
{
	struct request *block;

	if (requests->slots == REQUESTS_MAX) {
		errno = EAGAIN;
		return -1;
	}
	if ((block = calloc(BLOCK, sizeof(*block))) == NULL)
		return -1;
	requests->blocks[requests->slots / BLOCK] = block;
	for (uint32_t i = BLOCK; i-- > 0;) {
		block[i].next_free = requests->first_free;
		requests->first_free = requests->slots + i;
	}
	requests->slots += BLOCK;
	return 0;
}

static int
bytes_keep(struct request_bytes *bytes, struct json_span span)
{
	bytes->len = 0;
	bytes->large = NULL;
	if (span.at == NULL)
		return 0;
	if (span.len > REQUEST_INLINE) {
		if ((bytes->large = malloc(span.len)) == NULL)
			return -1;
		memcpy(bytes->large, span.at, span.len);
	} else {
		memcpy(bytes->small, span.at, span.len);
	}
	bytes->len = span.len;
	return 0;
}

static void
bytes_drop(struct request_bytes *bytes)
{
	free(bytes->large);
	bytes->large = NULL;
	bytes->len = 0;
}

struct json_span
request_bytes(const struct request_bytes *bytes)
{
	struct json_span span = { NULL, 0 };

	if (bytes->len > 0) {
		span.at = bytes->large != NULL ? bytes->large : bytes->small;
		span.len = bytes->len;
	}
	return span;
}

struct request *
request_begin(struct requests *requests, struct link *link,
    struct stream *stream, const struct rpc_message *msg)
{
	struct session *session = stream->session;
	struct request *request;
	uint32_t i;

	if (requests->first_free == NONE && grow(requests) == -1)
		return NULL;
	i = requests->first_free;
	request = slot(requests, i);
	if (bytes_keep(&request->id, msg->id) == -1)
		return NULL;
	if (bytes_keep(&request->token, msg->meta_progress_token) == -1) {
		bytes_drop(&request->id);
		return NULL;
	}
	requests->first_free = request->next_free;
	requests->count++;
	request->number = ++requests->counter << REQUEST_SLOT_BITS | i;
	request->link = link;
	request->session = session;
	request->stream = stream;
	request->method = msg->method;
	TAILQ_INSERT_TAIL(link_requests(link), request, of_link);
	TAILQ_INSERT_TAIL(&session->requests, request, of_session);
	session_request_began(session);
	return request;
}

struct request *
request_find(struct requests *requests, uint64_t number)
{
	uint32_t i = (uint32_t)(number & (REQUESTS_MAX - 1));
	struct request *request;

	if (number == 0 || i >= requests->slots)
		return NULL;
	request = slot(requests, i);
	return request->number == number ? request : NULL;
}

void
request_end(struct requests *requests, struct request *request)
{
	uint32_t i = (uint32_t)(request->number & (REQUESTS_MAX - 1));

	TAILQ_REMOVE(link_requests(request->link), request, of_link);
	TAILQ_REMOVE(&request->session->requests, request, of_session);
	session_request_ended(request->session);
	bytes_drop(&request->id);
	bytes_drop(&request->token);
	request->number = 0;
	request->link = NULL;
	request->session = NULL;
	request->stream = NULL;
	request->change = NULL;
	request->next_free = requests->first_free;
	requests->first_free = i;
	requests->count--;
}

size_t
requests_count(const struct requests *requests)
{
	return requests->count;
}
