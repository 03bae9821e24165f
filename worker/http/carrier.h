/*
 * carrier.h: what both HTTP transports are made of: messages wait for the
 * greeting, go out as POSTs of their own, and can be taken back; what comes
 * back is handed out while the owner reads.
 */
#ifndef WORKER_HTTP_CARRIER_H
#define WORKER_HTTP_CARRIER_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange.h"
#include "held.h"
#include "inbox.h"
#include "proto/loop.h"
#include "queue.h"
#include "reply.h"
#include "transport.h"

struct carrier;
struct event;
struct post;
TAILQ_HEAD(post_list, post);

/*
 * Notifications and answers under way besides STREAMABLE_EXCHANGES_MAX
 * requests, which may wait for just them.
 */
#define CARRIER_ASIDES_MAX 24U

/*
 * Posts that have no connection yet; the others wait, and can be taken back.  A
 * server's queue of connections is often short (128, or 5 in Python): of a
 * burst it would lose most, and each of those takes a second longer.
 */
#define CARRIER_CONNECTING_MAX 32U

/* Which message may go out. */
enum carrier_gate {
	CARRIER_NEW,      /* the next one is initialize */
	CARRIER_GREETING, /* it waits for its answer, the others for it */
	CARRIER_AGREED,   /* the next one is notifications/initialized */
	CARRIER_OPENING,  /* the others wait until it has been taken */
	CARRIER_OPEN,
};

/* What the transports differ in. */
struct carrier_kind {
	enum reply_mode mode; /* of a POST */
	const char *accept;   /* of a POST, or NULL */
	/* Fill in url, session and revision, all borrowed. */
	void (*address)(struct carrier *c, struct exchange_request *request);
	/* The head of a POST came; from within libcurl.  May be NULL. */
	void (*head)(struct post *post, const struct exchange_head *head);
	/*
	 * A POST is over.  True when it goes on (post_resume()) or its message
	 * waits again (carrier_put_back()); false: as *end says, which may be
	 * changed.  NULL: always the latter.
	 */
	bool (*settle)(struct post *post, struct reply_end *end);
	/* The greeting is done.  May be NULL. */
	void (*opened)(struct carrier *c);
	/* The owner reads again: so may the streams. */
	void (*read_on)(struct carrier *c);
	/* It is over: close the streams. */
	void (*ended)(struct carrier *c);
};

/* The first member of both transports. */
struct carrier {
	struct transport transport; /* first: cast to and from it */
	const struct carrier_kind *kind;
	struct loop *loop;
	struct http *http;
	const struct transport_events *events;
	void *arg;
	size_t message_max;
	struct held held; /* by inbox, posts and streams */
	struct inbox inbox;
	struct queue queue;
	struct queue_message *first; /* initialize, or initialized */
	struct post_list posts;
	unsigned int requests; /* under way */
	unsigned int asides;
	unsigned int connecting; /* of both */
	enum carrier_gate gate;
	unsigned int session; /* counts the sessions, from 0 */
	bool closed;          /* nothing is sent any more */
	bool unknown;         /* where to send messages */
	bool patient;         /* the server has yet to open its port */
	bool polling;         /* waiting for that */
	bool paused;          /* some exchange waits for the owner to read */
	bool over;            /* and why */
	bool told;            /* the owner knows */
	long status;          /* of the last failed() */
	char why[REPLY_WHY_MAX];
	struct event *poll;
	struct deferred flush;
	struct deferred end;
};

/*
 * Set up all of it but transport.ops, message_max, patient and unknown, which
 * are the caller's to set; the pointers are borrowed.  0, or -1 with errno
 * ENOMEM; carrier_free() in both cases.
 */
int carrier_init(struct carrier *c, const struct carrier_kind *kind,
    struct loop *loop, struct http *http, const struct transport_events *events,
    void *arg);
/* Frees what it holds, not c itself. */
void carrier_free(struct carrier *c);

/* For transport_ops. */
int carrier_send(struct transport *t, const char *text, size_t len, int64_t id);
uint64_t carrier_position(const struct transport *t);
bool carrier_withdraw(struct transport *t, uint64_t position);
void carrier_set_reading(struct transport *t, bool on);

/* initialize was answered. */
void carrier_agreed(struct carrier *c);

/* Start over: requests wait for another initialize, the rest is dropped. */
void carrier_hold(struct carrier *c);

/* Send what may be sent, at the end of this turn. */
void carrier_flush(struct carrier *c);

/* The connection is over: tell the owner at the end of this turn, and when it
 * has read what came before.  Only the first why counts. */
void carrier_end(struct carrier *c, const char *why);

/* A request gets no answer; the same of another message is only logged. */
void carrier_fail(struct carrier *c, int64_t id, enum transport_outcome outcome,
    long status, const char *why);

/*
 * Note that an exchange ended this way.  True when it is to be tried again
 * after REMOTE_POLL_MS: a patient one that met no server yet.
 */
bool carrier_is_early(struct carrier *c, enum exchange_outcome outcome);

/* Let the message of a post wait again, before newer ones; frees the post. */
void carrier_put_back(struct post *post);

/* For post.c: its exchange is over. */
void carrier_post_done(struct post *post, struct reply_end *end);

#endif
