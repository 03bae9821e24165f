/*
 * asks.h: what the backend asks clients (sampling, elicitation, roots): each
 * request goes to the front under a number of ours, and whatever happens the
 * backend gets exactly one answer, unless it has taken the request back.
 */
#ifndef WORKER_ASKS_H
#define WORKER_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flood.h"
#include "proto/json.h"
#include "proto/jsonrpc.h"
#include "proto/msg.h"

struct answers;
struct asks;
struct loop;

/* Requests of one backend that are not answered: people cannot be asked more
 * at a time, and each is looked up in a list. */
#define ASKS_MAX 1024U
/*
 * Bytes of those requests, which wait in the front for a client that reads
 * slowly, and of answers that the backend does not take; one is accepted whole
 * while there are less.
 */
#define ASKS_BYTES_MAX ((size_t)16 << 20)
/*
 * The front answers after ten minutes in the place of a client that does not;
 * this is for a front that forgets to.
 */
#define ASKS_PENDING_MS ((uint64_t)15 * 60 * 1000)
/*
 * Some servers ask for roots as soon as they are greeted, and a few of those
 * list nothing before they know them; the front hears of a backend when its
 * lists are known.
 */
#define ASKS_HELD_MS 5000U
/* Between two attempts to send an answer that the backend did not take. */
#define ASKS_RETRY_MS 1000U
/* So many at once that the longest message passes, and then in a second: 4 MB,
 * or fewer and longer ones. */
#define ASKS_BURST      (MSG_JSON_MAX / FLOOD_BYTES + 1)
#define ASKS_PER_SECOND 1000U

struct asks_handlers {
	/* Send one message to the backend: transport.h.  0, or -1 with errno.
	 */
	int (*send)(void *arg, const char *text, size_t len, int64_t id);
	/*
	 * Pass a request on to the front: link_ask().  0, or -1 with errno
	 * ENOTCONN (no front is there), EBUSY (it has yet to hear of the
	 * backend: asks_up()), ECANCELED (nobody waits for the call that it is
	 * about) or another.
	 */
	int (*ask)(
	    void *arg, uint32_t number, int64_t about, struct json_span text);
	/* The backend does not want to know any more; reason is a JSON string,
	 * or absent. */
	void (*retract)(void *arg, uint32_t number, struct json_span reason);
	/* The first one waits for a client's answer, or the last one does not
	 * any more. */
	void (*pending)(void *arg, bool any);
};

/*
 * name is the backend's, capabilities what was declared to it, a set of enum
 * mcp_capability; answers is where refusals go.  name, answers, handlers and
 * arg are borrowed until asks_free().  NULL with errno ENOMEM.
 */
struct asks *asks_new(struct loop *loop, const char *name,
    unsigned int capabilities, struct answers *answers,
    const struct asks_handlers *handlers, void *arg);
void asks_free(struct asks **asks);

/*
 * A request of the backend came; about is that of transport.h.  False when it
 * is none that clients can answer, or of a capability that was not declared.
 */
bool asks_request(
    struct asks *asks, const struct rpc_message *msg, int64_t about);

/* notifications/cancelled came. */
void asks_cancelled(struct asks *asks, const struct rpc_message *msg);

/* The front hears what is asked from now on: send what was held. */
void asks_up(struct asks *asks);

/* A client's response, or the front's in its place; a late one is dropped. */
void asks_answer(struct asks *asks, uint32_t number, struct json_span text);

/* A client's notifications/progress. */
void asks_progress(struct asks *asks, uint32_t number, struct json_span text);

/* The client's roots are others: tell the backend, if it was promised. */
void asks_roots_changed(struct asks *asks);

/* Nobody will answer any of them: say so to the backend. */
void asks_front_gone(struct asks *asks);

/* The backend that asked is gone, or its session: forget them all. */
void asks_forget(struct asks *asks);

/* Log now what was dropped and not yet reported. */
void asks_report(const struct asks *asks);

#endif
