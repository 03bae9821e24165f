/*
 * link.h: the link to the front: its requests with their deadlines in one
 * direction, answers, events and catalogues in the other.  It survives the
 * front: a new socket replaces an old one.
 */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "greeting.h"
#include "proto/json.h"
#include "proto/mcp.h"
#include "proto/msg.h"
#include "transport.h"

struct link;
struct loop;

/* Bytes for a front that does not read: over them the backend has to wait. */
#define LINK_QUEUE_MAX ((size_t)8 << 20)
/*
 * What ends a call goes out even then: one line of answers that was being read,
 * and 2 KiB for each of the 16,384 requests that a front has in flight at one
 * backend.  A link with more than that has a front that breaks the rules, and
 * is closed.
 */
#define LINK_QUEUE_LAST_MAX (LINK_QUEUE_MAX + MSG_JSON_MAX + ((size_t)32 << 20))

struct link_handlers {
	/* Send one message to the backend: transport.h.  0, or -1 with errno.
	 */
	int (*send)(void *arg, const char *text, size_t len, int64_t id);
	/* Where the next message is queued, and taking one back: transport.h.
	 */
	uint64_t (*position)(void *arg);
	bool (*withdraw)(void *arg, uint64_t position);
	/* Stop or resume reading from the backend. */
	void (*set_reading)(void *arg, bool on);
	/* The most verbose level that a session asked for. */
	void (*level)(void *arg, enum mcp_level level);
	/* Clients want to hear of a resource, or not any more; uri is a JSON
	 * string. */
	void (*subscribe)(void *arg, bool on, struct json_span uri);
	/* ANSWER, ASK_PROGRESS or ROOTS_CHANGED came; number is the ask's. */
	void (*asked)(void *arg, enum msg_type type, uint32_t number,
	    struct json_span text);
	/* Nobody is there any more who could answer. */
	void (*front_gone)(void *arg);
};

/*
 * name is the backend's, timeout_ms that of a request; the greeting is what
 * every new socket is told first.  name, greeting, handlers and arg are
 * borrowed until link_free().  NULL with errno ENOMEM.
 */
struct link *link_new(struct loop *loop, const char *name, uint32_t timeout_ms,
    const struct greeting *greeting, const struct link_handlers *handlers,
    void *arg);
void link_free(struct link **link);

/*
 * Take *fd (set to -1) as the new socket; calls of an older one are cancelled.
 * 0, or -1 with errno, and *fd is still the caller's.
 */
int link_open(struct link *link, int *fd, uint32_t generation);

/*
 * The greeting is up: take requests from now on, and tell the front what the
 * backend says of itself and the lists of these kinds, a set of 1U << enum
 * catalog_kind.  Every new front is told all.  Once more for every session that
 * follows.
 */
void link_up(struct link *link, unsigned int kinds);

/*
 * The backend is lost: no further request reaches it.  Those that it has not
 * seen fail; what became of the others is unknown, and the front says so when
 * the link closes.
 */
void link_down(struct link *link);

/* A list changed: tell the front. */
void link_publish(struct link *link, enum catalog_kind kind);

/* A response came.  False when nobody waits for this id. */
bool link_response(struct link *link, int64_t id, struct json_span text);

/* A response had to be refused; its call fails.  False as above. */
bool link_refused(struct link *link, int64_t id, const char *why);

/*
 * A request gets no answer; its call fails.  why continues the sentence "the
 * backend …".
 */
void link_failed(struct link *link, int64_t id, enum transport_outcome outcome,
    const char *why);

/* Calls that somebody waits for. */
size_t link_calls(const struct link *link);

/* notifications/progress came.  False when nobody waits for this token. */
bool link_progress(struct link *link, int64_t token, struct json_span text);

/* A notification of the whole backend came; false when it was dropped. */
bool link_notify(struct link *link, struct json_span text);

/*
 * The same of the request with whose answer it came: about is that of
 * transport.h.  One that belongs to a call which is over is dropped.
 */
bool link_event(struct link *link, int64_t about, struct json_span text);

/*
 * Pass on what the backend asks a client, under this number.  0, or -1 with
 * errno ENOTCONN (no front is there, or the backend is lost), EBUSY (the front
 * has yet to hear of the backend: link_up()), ECANCELED (it is about a call
 * that is over) or EAGAIN (the queue is full).
 */
int link_ask(
    struct link *link, uint32_t number, int64_t about, struct json_span text);

/* The backend does not want to know that any more; reason is a JSON string, or
 * absent.  It may close the link. */
void link_retract(struct link *link, uint32_t number, struct json_span reason);

/* A client is being asked, so that no call expires; or that is over. */
void link_hold(struct link *link, bool on);

/* Write now what the socket takes; true when nothing is left to write. */
bool link_flush(struct link *link);

#endif
