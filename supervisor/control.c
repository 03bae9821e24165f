/*
 * control.c: the control socket.  Whoever connects was let in by the kernel,
 * because of the socket's mode and group, and is looked at once more: a
 * descriptor may have been passed on.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "control.h"
#include "control_socket.h"
#include "proto/chan.h"
#include "proto/clock.h"
#include "proto/json.h"
#include "proto/log.h"
#include "proto/socket.h"

/* A peer that asks nothing, or does not read its answer, for so long. */
#define IDLE_MS 30000U

/* How often that is looked at, and a listener without descriptors is tried
 * again. */
#define SWEEP_S 1

struct peer {
	TAILQ_ENTRY(peer) link;
	struct control *control;
	struct chan *chan;
	uint64_t number;
	uint64_t request; /* its latest one's id */
	bool asked;       /* that one waits for its answer */
	bool closed;      /* its memory goes at the end of the turn */
	uint64_t since;   /* the last word from us or it */
	uid_t uid;
	struct deferred release;
};

struct control {
	struct loop *loop;
	struct control_socket socket;
	control_asked *asked;
	void *arg;
	struct event *listener;
	struct event *sweep;
	TAILQ_HEAD(, peer) peers;
	unsigned int peer_count;
	uint64_t last_peer;
};

/* ---- one peer ---- */

static void
peer_release(void *arg)
{
	free(arg);
}

/* Hang up. */
static void
peer_close(struct peer *peer)
{
	if (peer->closed)
		return;
	peer->closed = true;
	TAILQ_REMOVE(&peer->control->peers, peer, link);
	peer->control->peer_count--;
	chan_free(&peer->chan);
	deferred_queue(peer->control->loop, &peer->release);
}

/* The payload is one object; as json_scan() wants it, not more. */
static bool
is_object(const char *json, size_t len)
{
	struct json_scan scan;
	struct json_span root = { json, len };

	if (json_scan(json, len, NULL, 0, NULL, &scan) == -1)
		return false;
	for (; *root.at == ' ' || *root.at == '\n' || *root.at == '\r' ||
	     *root.at == '\t';
	     root.at++)
		continue;
	return json_kind(root) == JSON_OBJECT;
}

static void
peer_on_frame(
    void *arg, const struct frame *frame, const char *payload, int *fd)
{
	struct peer *peer = arg;
	struct control_request request;

	(void)fd; /* CONTROL carries none */
	if (peer->asked || !is_object(payload, frame->length)) {
		log_debug("control: uid %u: hung up on: %s",
		    (unsigned int)peer->uid,
		    peer->asked ? "asked again before it had its answer"
				: "what it asked is no JSON object");
		peer_close(peer);
		return;
	}
	peer->asked = true;
	peer->since = mono_ms();
	request.peer = peer->number;
	request.id = ++peer->request;
	peer->control->asked(
	    peer->control->arg, &request, peer->uid, payload, frame->length);
}

static void
peer_on_closed(void *arg, const char *why)
{
	struct peer *peer = arg;

	if (strcmp(why, "closed") != 0)
		log_debug("control: uid %u: hung up on: %s",
		    (unsigned int)peer->uid, why);
	peer_close(peer);
}

/* Takes *fd on success. */
static int
peer_new(struct control *control, int *fd, uid_t uid)
{
	static const struct chan_handlers handlers = { .frame = peer_on_frame,
		.closed = peer_on_closed };
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		return -1;
	*peer = (struct peer){ .control = control,
		.number = ++control->last_peer,
		.since = mono_ms(),
		.uid = uid };
	deferred_init(&peer->release, peer_release, peer);
	peer->chan = chan_new(
	    control->loop, fd, ROLE_SUPERVISOR, ROLE_CONTROL, &handlers, peer);
	if (peer->chan == NULL) {
		free(peer);
		return -1;
	}
	TAILQ_INSERT_TAIL(&control->peers, peer, link);
	control->peer_count++;
	return 0;
}

/* ---- who connects ---- */

/* Say no to one that is not a peer: an empty socket takes a line at once. */
static void
turn_away(int fd, const char *why)
{
	char text[256];
	unsigned char header[FRAME_HEADER_LEN];
	struct frame frame = { .type = MSG_RESULT };
	int n = snprintf(text, sizeof(text),
	    "{\"ok\":false,\"errors\":[{\"line\":0,\"column\":0,"
	    "\"text\":\"%s\"}]}",
	    why);

	assert(n > 0 && (size_t)n < sizeof(text));
	frame.length = (uint32_t)n;
	frame_encode(header, &frame);
	if (socket_write(fd, header, sizeof(header), -1) == sizeof(header))
		(void)socket_write(fd, text, (size_t)n, -1);
	(void)close(fd);
}

static void
welcome(struct control *control, int fd)
{
	uid_t uid;

	if (!control_socket_admits(&control->socket, fd, &uid)) {
		log_warning("control: uid %u: refused", (unsigned int)uid);
		turn_away(fd,
		    "you may not control this gateway; ask as root or as the "
		    "user who started it");
	} else if (control->peer_count >= CONTROL_PEERS_MAX) {
		turn_away(fd,
		    "too many ask the gateway at once; try again in half a "
		    "minute");
	} else if (peer_new(control, &fd, uid) == -1) {
		(void)close(fd);
	}
}

static void
control_on_connect(evutil_socket_t listener, short what, void *arg)
{
	struct control *control = arg;
	int fd;

	(void)what;
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1) {
		welcome(control, fd);
		return;
	}
	/* Without a descriptor it would be reported again at once, for ever. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
	    errno == ENOBUFS)
		(void)event_del(control->listener);
}

static void
control_on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct control *control = arg;
	struct peer *peer, *next;
	uint64_t now = mono_ms();

	(void)fd;
	(void)what;
	for (peer = TAILQ_FIRST(&control->peers); peer != NULL; peer = next) {
		next = TAILQ_NEXT(peer, link);
		if (!peer->asked && now - peer->since >= IDLE_MS)
			peer_close(peer);
	}
	(void)event_add(control->listener, NULL);
}

/* ---- the socket ---- */

static int
control_listen(struct control *control)
{
	static const struct timeval tick = { .tv_sec = SWEEP_S };
	struct event_base *base = loop_base(control->loop);

	control->listener = event_new(base, control->socket.fd,
	    EV_READ | EV_PERSIST, control_on_connect, control);
	control->sweep =
	    event_new(base, -1, EV_PERSIST, control_on_sweep, control);
	if (control->listener == NULL || control->sweep == NULL)
		return -1;
	if (event_add(control->listener, NULL) == -1)
		return -1;
	return event_add(control->sweep, &tick);
}

struct control *
control_new(struct loop *loop, const struct control_options *options,
    control_asked *asked, void *arg, char **error)
{
	struct control *control = calloc(1, sizeof(*control));

	*error = NULL;
	if (control == NULL)
		return NULL;
	*control = (struct control){ .loop = loop, .asked = asked, .arg = arg };
	TAILQ_INIT(&control->peers);
	if (control_socket_open(&control->socket, options, error) == -1 ||
	    control_listen(control) == -1)
		control_free(&control);
	return control;
}

void
control_free(struct control **control)
{
	struct control *old = *control;
	struct peer *peer;

	*control = NULL;
	if (old == NULL)
		return;
	while ((peer = TAILQ_FIRST(&old->peers)) != NULL)
		peer_close(peer);
	if (old->listener != NULL)
		event_free(old->listener);
	if (old->sweep != NULL)
		event_free(old->sweep);
	control_socket_close(&old->socket);
	free(old);
}

static struct peer *
find(const struct control *control, const struct control_request *request)
{
	struct peer *peer;

	TAILQ_FOREACH (peer, &control->peers, link) {
		if (peer->number == request->peer)
			return peer->asked && peer->request == request->id
			    ? peer
			    : NULL;
	}
	return NULL;
}

void
control_answer(struct control *control, const struct control_request *request,
    const char *json, size_t len)
{
	static const char too_long[] =
	    "{\"ok\":false,\"errors\":[{\"line\":0,\"column\":0,\"text\":\"the "
	    "answer is too long; ask for less\"}]}";
	struct peer *peer = find(control, request);
	struct frame frame = { .type = MSG_RESULT };

	if (peer == NULL)
		return;
	if (len > MSG_RESULT_MAX) {
		json = too_long;
		len = sizeof(too_long) - 1;
	}
	frame.length = (uint32_t)len;
	peer->asked = false;
	peer->since = mono_ms();
	if (chan_send(peer->chan, &frame, json) == -1)
		peer_close(peer);
}
