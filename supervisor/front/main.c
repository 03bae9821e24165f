/*
 * mcp-gateway-front: HTTP and SSE for clients, sessions, the catalogue and the
 * routes.  Started by mcp-gatewayd with its channel on descriptor 3.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "proto/log.h"
#include "proto/role.h"

#include "catalogue.h"
#include "front.h"
#include "guard.h"
#include "http.h"
#include "link.h"
#include "lists.h"
#include "pool.h"
#include "request.h"
#include "session.h"
#include "settings.h"
#include "subscriptions.h"

static void
send_log(void *arg, enum log_level level, const char *text)
{
	struct front *front = arg;
	struct frame frame = { .type = MSG_LOG };
	size_t len = strlen(text);

	frame.flags = (uint16_t)level;
	frame.length = (uint32_t)(len < MSG_LOG_MAX ? len : MSG_LOG_MAX);
	(void)chan_send(front->supervisor, &frame, text);
}

static void
start(struct front *front)
{
	struct settings *settings = front->settings;

	if (role_drop(&settings->identity) == -1)
		err(ROLE_EXIT_PRIVILEGE, "cannot drop privileges");
	front->backends = settings->backend_count;
	front->catalogue = catalogue_new(
	    (const char *const *)settings->backends, front->backends);
	front->lists = lists_new(front);
	front->requests = requests_new();
	front->sessions = sessions_new(front);
	front->subscriptions =
	    subscriptions_new(front->backends, link_tell, front);
	front->guard = guard_new(front->loop, front->backends);
	front->links = calloc(front->backends + 1, sizeof(*front->links));
	if (front->catalogue == NULL || front->lists == NULL ||
	    front->requests == NULL || front->sessions == NULL ||
	    front->subscriptions == NULL || front->guard == NULL ||
	    front->links == NULL)
		err(ROLE_EXIT_MEMORY, "cannot start");
	for (size_t i = 0; i < front->backends; i++)
		if ((front->links[i] =
			    link_new(front, i, settings->backends[i])) == NULL)
			err(ROLE_EXIT_MEMORY, "cannot start");
	if ((front->http = http_new(front)) == NULL)
		err(ROLE_EXIT_MEMORY, "cannot start the HTTP server");
	catalogue_render(front->catalogue);
}

/* ---- from the supervisor ---------------------------------------------- */

static void
on_setup(struct front *front, const char *json, size_t len)
{
	if (front->settings != NULL ||
	    (front->settings = settings_parse(json, len)) == NULL)
		errx(ROLE_EXIT_CONFIG, "cannot use the set-up it was sent");
	log_set_level(front->settings->log_level);
	start(front);
}

/* The supervisor kills who does not answer. */
static void
answer_ping(struct front *front)
{
	const struct frame pong = { .type = MSG_PONG };

	(void)chan_send(front->supervisor, &pong, NULL);
}

static void
on_supervisor_frame(
    void *arg, const struct frame *frame, const char *payload, int *fd)
{
	struct front *front = arg;

	if (frame->type == MSG_SETUP) {
		on_setup(front, payload, frame->length);
		return;
	}
	if (frame->type == MSG_PING) {
		answer_ping(front);
		return;
	}
	if (front->settings == NULL)
		errx(ROLE_EXIT_PROTOCOL, "%s before SETUP",
		    msg_name(frame->type));
	if ((frame->type == MSG_BACKEND || frame->type == MSG_LINK) &&
	    frame->id >= front->backends)
		errx(ROLE_EXIT_PROTOCOL, "%s for no backend",
		    msg_name(frame->type));
	if (frame->type == MSG_LINK)
		link_attach(front->links[frame->id], fd);
	else if (frame->type == MSG_BACKEND)
		(void)link_set_state(
		    front->links[frame->id], payload, frame->length);
	else if (frame->type == MSG_LISTEN &&
	    http_listen(front->http, fd) == -1)
		errx(ROLE_EXIT_OSERR, "cannot serve a listening socket");
	else if (frame->type == MSG_LOGLEVEL &&
	    frame->flags <= LOG_LEVEL_CRITICAL)
		log_set_level((enum log_level)frame->flags);
}

/* The supervisor is gone, and with it who could start us again. */
static void
on_supervisor_closed(void *arg, const char *why)
{
	(void)arg;
	_exit(strcmp(why, "closed") == 0 ? ROLE_EXIT_PARENT_GONE
					 : ROLE_EXIT_PROTOCOL);
}

static void
say_hello(struct front *front)
{
	static const char hello[] =
	    "{\"role\":\"front\",\"version\":\"" MCPGW_VERSION "\"}";
	struct frame frame = { .type = MSG_HELLO };

	frame.length = sizeof(hello) - 1;
	(void)chan_send(front->supervisor, &frame, hello);
}

/* libevent's own warnings, as records; it exits after a fatal one. */
static void
log_libevent(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_warning("libevent: %s", log_str(text, strlen(text)));
}

int
main(int argc, char **argv)
{
	static const struct chan_handlers handlers = {
		.frame = on_supervisor_frame,
		.closed = on_supervisor_closed,
	};
	static struct front front;
	int fd = ROLE_CHANNEL_FD;

	role_begin(argc, argv);
	role_title(NULL);
	pool_install();
	event_set_log_callback(log_libevent);
	if ((front.loop = loop_new(true)) == NULL)
		err(ROLE_EXIT_OSERR, "cannot make an event loop");
	front.supervisor = chan_new(
	    front.loop, &fd, ROLE_FRONT, ROLE_SUPERVISOR, &handlers, &front);
	if (front.supervisor == NULL)
		err(ROLE_EXIT_OSERR, "cannot use the channel");
	log_set_sink(send_log, &front);
	say_hello(&front);
	loop_run(front.loop);
	return ROLE_EXIT_OK;
}
