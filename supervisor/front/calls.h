/*
 * calls.h: the last requests that went to backends, for people who ask what
 * became of one.
 */
#ifndef FRONT_CALLS_H
#define FRONT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/jsonrpc.h"

#include "request.h"

/* So many are remembered, those in flight included: a few seconds of a busy
 * gateway, a day of a person's; 150 bytes each. */
#define CALLS_MAX 1024U

/* The beginning of a name or URI; of the whole where it is as short. */
#define CALL_NAME_MAX 64

/* The beginning of a token's name, with its NUL. */
#define CALL_TOKEN_MAX 24

struct call {
	uint64_t number; /* of the request; 0: none */
	uint64_t backend;
	uint64_t began_ms; /* mono_ms() */
	uint64_t ended_ms;
	uint32_t session;
	uint32_t request_len;  /* bytes of the message */
	uint32_t response_len; /* of the answer; 0: there was none */
	uint8_t method;        /* enum mcp_method */
	uint8_t end;           /* enum request_end_kind, once done */
	bool done;
	uint8_t name_len;
	char token[CALL_TOKEN_MAX]; /* the name of its bearer, or "" */
	char name[CALL_NAME_MAX];   /* JSON text without quotes, as the client
				       wrote it */
};

struct calls;

/* NULL with errno ENOMEM. */
struct calls *calls_new(void);
void calls_free(struct calls **calls);

/* A request began and goes to this backend, of a token's bearer or not (NULL);
 * the oldest of CALLS_MAX is forgotten.  Sets request->call, for calls_end().
 */
void calls_begin(struct calls *calls, struct request *request, uint64_t backend,
    uint32_t session, const char *token, const struct rpc_message *msg);

/* It ended at this time, of mono_ms(); nothing when it is forgotten. */
void calls_end(struct calls *calls, const struct request *request,
    enum request_end_kind end, uint64_t now_ms);

/* The call of this number, or NULL.  Valid until the next calls_begin(). */
const struct call *calls_find(const struct calls *calls, uint64_t number);

/* The call that began before this one, the latest after NULL, or NULL. */
const struct call *calls_before(
    const struct calls *calls, const struct call *call);

/* "answered", "client gone": how a call ended, for people. */
const char *calls_end_name(enum request_end_kind end);

#endif
