/*
 * control.h: the control socket of mcp-gatewayctl: who may connect, and one
 * answer for each request.
 */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "proto/loop.h"

struct control;

/* Peers at once: people, and a monitoring script or two. */
#define CONTROL_PEERS_MAX 16

/* A request under way; it outlives a peer that hangs up. */
struct control_request {
	uint64_t peer; /* a number that is never used twice */
	uint64_t id;
};

/* A verb came: json is one JSON object, not checked beyond that.  uid is the
 * peer's, for the log.  control_answer() is called once for it, here or later.
 */
typedef void control_asked(void *arg, const struct control_request *request,
    uid_t uid, const char *json, size_t len);

struct control_options {
	const char *path;  /* "": none */
	const char *group; /* of the socket, or NULL */
	uint32_t mode;
};

/*
 * Bind the socket: its folder is made where only its last part is missing, and
 * must be one that nobody else can change; a socket that nobody serves any more
 * is replaced, one that another gateway serves is an error.  Peers must be
 * root, ourselves, or whom mode and group let in.  NULL with *error, the
 * caller's, or NULL when memory ran out.
 */
struct control *control_new(struct loop *loop,
    const struct control_options *options, control_asked *asked, void *arg,
    char **error);
/* Hangs up on all, and removes the socket's path if it is still ours. */
void control_free(struct control **control);

/* Answer a request; json of len bytes is copied.  Nothing when the peer is
 * gone. */
void control_answer(struct control *control,
    const struct control_request *request, const char *json, size_t len);

/* Where the socket is when the configuration does not say: of root's gateway,
 * or of this user's.  Into dst, returned; "" when there is no such place. */
const char *control_default_path(char *dst, size_t size);

#endif
