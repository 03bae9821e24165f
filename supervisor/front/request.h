/* request.h: requests of clients that a backend has not answered yet. */
#ifndef FRONT_REQUEST_H
#define FRONT_REQUEST_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "proto/json.h"
#include "proto/jsonrpc.h"

struct link;
struct session;
struct stream;
struct subscription_change;
struct requests;

/* The low bits of a request's number are its place in the table, the rest
 * counts; numbers stay below 2^53 (ARCHITECTURE.md, "Ids"). */
#define REQUEST_SLOT_BITS 16
/* Requests in flight, of all clients together. */
#define REQUESTS_MAX ((size_t)1 << REQUEST_SLOT_BITS)
/* Decimal digits of 2^53. */
#define REQUEST_NUMBER_MAX 17

/* Ids and tokens up to this length need no memory of their own. */
#define REQUEST_INLINE 40

/* A client's own bytes (an id, a progress token), kept for the answer. */
struct request_bytes {
	size_t len;
	char *large; /* NULL while it fits */
	char small[REQUEST_INLINE];
};

/* How a request ended. */
enum request_end_kind {
	REQUEST_ANSWERED,      /* with a result */
	REQUEST_BACKEND_ERROR, /* the backend answered with an error */
	REQUEST_FAILED,        /* its worker said why, or it made no sense */
	REQUEST_UNSENT,        /* the link takes no more */
	REQUEST_CANCELLED,     /* by the client */
	REQUEST_CLIENT_GONE,
	REQUEST_LINK_LOST,
};
#define REQUEST_END_KINDS (REQUEST_LINK_LOST + 1)

struct request {
	TAILQ_ENTRY(request) of_link;
	TAILQ_ENTRY(request) of_session;
	uint64_t number; /* 0: free */
	struct link *link;
	struct session *session; /* never NULL: who asked */
	struct stream *stream;   /* never NULL: where the answer goes */
	struct request_bytes id;
	struct request_bytes token; /* len 0: the client wants no progress */
	struct subscription_change *change; /* it asks for this, or NULL */
	uint64_t began_ms;                  /* mono_ms() */
	enum mcp_method method;
	uint32_t call;       /* its place among the last calls (calls.h) */
	uint32_t answer_len; /* of the backend's answer; 0: none came */
	uint32_t next_free;
};
TAILQ_HEAD(request_list, request);

struct requests *requests_new(void);
void requests_free(struct requests **requests);

/*
 * A request begins that came by way of this stream: note it, and put it on the
 * lists of its link and session.  The result is the table's, until
 * request_end(); NULL with errno EAGAIN (REQUESTS_MAX are in flight) or ENOMEM.
 */
struct request *request_begin(struct requests *requests, struct link *link,
    struct stream *stream, const struct rpc_message *msg);

/* The live request of this number, or NULL: late, invented or ended. */
struct request *request_find(struct requests *requests, uint64_t number);

/* It ends: take it off its lists; its memory serves the next one. */
void request_end(struct requests *requests, struct request *request);

/* The kept bytes as a span, absent when there are none. */
struct json_span request_bytes(const struct request_bytes *bytes);

/* Requests in flight. */
size_t requests_count(const struct requests *requests);

#endif
