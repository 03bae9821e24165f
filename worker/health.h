/*
 * health.h: is the backend alive?  MCP's ping, at an interval where one is
 * configured, and once where a connection broke and nobody knows.
 */
#ifndef WORKER_HEALTH_H
#define WORKER_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport.h"

struct health;
struct loop;

/* A ping is to be answered "promptly" (MCP, "Ping"): a server that takes longer
 * than this with nothing else to do hangs. */
#define HEALTH_ANSWER_MS 10000U

/* A kept connection may break under a ping just as it did under the request
 * before it, while the server is well: this many in a row say otherwise. */
#define HEALTH_BROKEN_MAX 3U

struct health_handlers {
	/* Send one request to the backend.  0, or -1 with errno. */
	int (*send)(void *arg, const char *text, size_t len, int64_t id);
	/* The next id for a request of the worker's own. */
	uint32_t (*next_id)(void *arg);
	/*
	 * A request is in flight.  A server with one thread answers no ping
	 * while it works, and one that hangs runs into the request's timeout.
	 */
	bool (*busy)(void *arg);
	/* The backend said something since this was last asked. */
	bool (*heard)(void *arg);
	/* It is not alive.  why continues the sentence "the backend …". */
	void (*lost)(void *arg, const char *why);
};

/*
 * interval_ms 0: no pings but for a broken connection.  handlers and arg are
 * borrowed until health_free().  Nothing is judged until health_watch().  NULL
 * with errno ENOMEM.
 */
struct health *health_new(struct loop *loop, uint32_t interval_ms,
    const struct health_handlers *handlers, void *arg);
void health_free(struct health **health);

/*
 * Judge from now on, or not: the backend cannot be blamed for silence while
 * nobody reads what it says, or while its session is being renewed.
 */
void health_watch(struct health *health, bool on);

/* A connection broke in the middle of a request: ask as soon as it counts. */
void health_suspect(struct health *health);

/* A response came, whatever it says.  False when it is not to a ping. */
bool health_answered(struct health *health, int64_t id);

/* A request gets no answer.  False when it is not a ping. */
bool health_failed(struct health *health, int64_t id,
    enum transport_outcome outcome, const char *why);

/* True when this id must not be used for another request. */
bool health_awaits(const struct health *health, int64_t id);

#endif
