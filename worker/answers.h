/*
 * answers.h: requests of the backend that the worker answers itself: pings, and
 * all that no client is asked.
 */
#ifndef WORKER_ANSWERS_H
#define WORKER_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/jsonrpc.h"

struct answers;

/*
 * Answers to a batch of requests go out as one array up to this size: it is
 * accepted whole by the transport, and a refusal is longer than a request.
 */
#define ANSWERS_BATCH_MAX ((size_t)256 << 10)

/*
 * send as a transport's, with id 0.  name and arg are borrowed until
 * answers_free().  NULL with errno ENOMEM.
 */
struct answers *answers_new(const char *name,
    int (*send)(void *arg, const char *text, size_t len, int64_t id),
    void *arg);
void answers_free(struct answers **answers);

/* Answer a request. */
void answers_request(struct answers *answers, const struct rpc_message *msg);

/* Answer a request with an error of this code. */
void answers_refuse(
    struct answers *answers, struct json_span id, int code, const char *text);

/* Collect the answers to a batch from now on; send what was collected. */
void answers_begin_batch(struct answers *answers);
void answers_end_batch(struct answers *answers);

#endif
