/*
 * link_parts.h: what the files of a link share: link.c (the object, and what
 * goes to the worker), link_answer.c (what comes from it), link_state.c (what
 * the supervisor says, and what follows for clients).
 */
#ifndef FRONT_LINK_PARTS_H
#define FRONT_LINK_PARTS_H

#include <event2/event.h>

#include "proto/backoff.h"
#include "proto/buf.h"
#include "proto/chan.h"
#include "proto/loop.h"

#include "link.h"
#include "subscriptions.h"

enum link_outcome {
	LINK_NOT_SENT,
	LINK_UNKNOWN, /* it may have run */
};
#define LINK_OUTCOMES 2

struct link {
	struct front *front;
	size_t slot;     /* of its backend in the catalogue */
	size_t place;    /* among those that one can subscribe to */
	uint64_t number; /* as the supervisor knows it */
	char *name;
	enum policy_part part;
	char *error_data[LINK_OUTCOMES]; /* error.data */
	struct chan *chan;               /* NULL while there is no worker */
	uint32_t generation;             /* of the last one */
	bool greeted; /* GREETING came: requests may be sent */
	bool completes;
	bool logs;
	bool subscribes;
	bool unattributed;       /* it asked for nobody in particular */
	struct buf instructions; /* a JSON string, or empty */
	bool listed;             /* LISTED was sent, for this worker */
	bool tried;              /* its first start is over, well or not */
	bool watched;            /* link_on_idle() wants to know */
	bool drained;            /* DRAINED was sent */
	unsigned int awaited;  /* kinds whose CATALOG has not come, 1 << kind */
	struct deferred renew; /* tell the backend, after GREETING */
	struct event *absent;  /* pending: it is away, and still listed */
	char state[16];        /* as the supervisor names it */
	char reason[512];      /* why it is not there; "" unknown */
	uint64_t retry_at_ms;  /* when it is tried again, 0: unknown */
	/* Of an instance (instances.h): its backend, and the only client that
	 * it serves.  Else NULL. */
	struct link *base;
	struct session *owner;
	TAILQ_ENTRY(link) of_base;
	TAILQ_ENTRY(link) of_owner;
	uint64_t used_ms;       /* when its client wanted something last */
	uint64_t until_ms;      /* when nobody waits for it any more */
	uint64_t greeted_ms;    /* for the first time */
	struct backoff backoff; /* how soon it is wanted again by itself */
	uint32_t key;           /* of its last WANT; 0: is not wanted yet */
	bool refused;           /* there was no place; wanted again soon */
	/* Of a backend: its instances, and who gets one. */
	TAILQ_HEAD(, link) instances;
	enum policy_session session;
	uint32_t instance_wait_ms;
	uint32_t instance_idle_ms;
	uint32_t private_after; /* POLICY_AUTO: sessions opened later do */
	/* Requests that wait until an instance is there; link_held.c. */
	TAILQ_HEAD(, held_request) held;
	size_t held_bytes;
	TAILQ_HEAD(ask_list, ask) asks;       /* of the backend, not answered */
	TAILQ_HEAD(, completion) completions; /* ask_completions.h */
	size_t completion_count;
	struct request_list requests;
	size_t request_count;
	struct link_count count;
	uint32_t requests_max;
};

/* The error.data of a request with this outcome, borrowed. */
struct json_span link_data(const struct link *link, enum link_outcome outcome);

/* Every request in flight on it gets its one answer. */
void link_fail(struct link *link, const char *why);

/* Keep a request for when the instance is there: where to write it, or NULL
 * with errno EAGAIN (too much waits) or ENOMEM. */
char *link_hold(struct link *link, const struct frame *frame);
/* The request of this number has ended: it is not kept any more. */
void link_drop_held(struct link *link, uint64_t number);
/* Send what was kept, or answer it with an error: the backend of this name
 * phrase ("was not asked: …"), and it was not sent. */
void link_send_held(struct link *link);
void link_fail_held(struct link *link, const char *phrase);
/* An instance has not come in time, or another one may be wanted. */
void link_on_wait(struct link *instance);

/* Take a request off its lists, and settle what it was to change. */
void link_end(struct link *link, struct request *request,
    enum request_end_kind end, enum subscription_outcome outcome);

/* The backend asked somebody, and nobody knows whom. */
void link_asked_for_nobody(struct link *link);

/* The last request in flight ended, and somebody waits for that. */
void link_on_idle(struct link *link);

/* Tell the supervisor something about this backend. */
void link_report(struct link *link, enum msg_type type, uint16_t flags);

/* The handler of the channel's frames. */
void link_on_frame(
    void *arg, const struct frame *frame, const char *payload, int *fd);

/* The backend is not there any more: unless it is back in time, it is not
 * listed any more. */
void link_went_away(struct link *link);
/* It is there (again). */
void link_came_back(struct link *link);
/* The timer of link->absent. */
void link_on_absent(evutil_socket_t fd, short what, void *arg);

#endif
