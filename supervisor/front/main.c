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
#include <json-c/json.h>

#include "proto/log.h"
#include "proto/role.h"
#include "proto/sandbox.h"

#include "ask.h"
#include "backends.h"
#include "calls.h"
#include "catalogue.h"
#include "drain.h"
#include "front.h"
#include "guard.h"
#include "http.h"
#include "instances.h"
#include "link.h"
#include "lists.h"
#include "policy.h"
#include "pool.h"
#include "principal.h"
#include "report.h"
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

/* Memory may be there when we are started again. */
static int
exit_code(enum role_exit otherwise)
{
	return (int)(errno == ENOMEM ? ROLE_EXIT_MEMORY : otherwise);
}

static void
start(struct front *front)
{
	struct settings *settings = front->settings;

	if (role_drop(&settings->identity) == -1)
		err(exit_code(ROLE_EXIT_PRIVILEGE), "cannot drop privileges");
	front->catalogue = catalogue_new();
	front->lists = lists_new(front);
	front->requests = requests_new();
	front->calls = calls_new();
	front->asks = asks_new(front);
	front->principals = principals_new();
	front->sessions = sessions_new(front);
	front->subscriptions = subscriptions_new(
	    CATALOGUE_SLOTS + INSTANCES_MAX, link_tell, front);
	front->guard = guard_new(front->loop, 0);
	if (front->catalogue == NULL || front->lists == NULL ||
	    front->requests == NULL || front->calls == NULL ||
	    front->asks == NULL || front->principals == NULL ||
	    front->sessions == NULL || front->subscriptions == NULL ||
	    front->guard == NULL)
		err(ROLE_EXIT_MEMORY, "cannot start");
	if ((front->http = http_new(front)) == NULL)
		err(ROLE_EXIT_MEMORY, "cannot start the HTTP server");
}

/* All that is ever opened is open: the rest comes over the channel. */
static void
enter_sandbox(void)
{
	const char *missing;

	if (sandbox_enter(SANDBOX_FRONT, &missing) == -1)
		err(exit_code(ROLE_EXIT_PRIVILEGE), "cannot enter the sandbox");
	if (missing != NULL)
		log_warning("front: this kernel has no %s: a hole in one of "
			    "our programs would be worth more to an attacker",
		    missing);
}

/* ---- from the supervisor ---------------------------------------------- */

static void
on_setup(struct front *front, const char *json, size_t len)
{
	if (front->settings != NULL)
		errx(ROLE_EXIT_CONFIG, "was set up already");
	if ((front->settings = settings_parse(json, len)) == NULL)
		err(exit_code(ROLE_EXIT_CONFIG),
		    "cannot use the set-up it was sent");
	log_set_level(front->settings->log_level);
	start(front);
	enter_sandbox();
}

/* The supervisor kills who does not answer. */
static void
answer_ping(struct front *front)
{
	const struct frame pong = { .type = MSG_PONG };

	(void)chan_send(front->supervisor, &pong, NULL);
}

/* All of it is followed in this turn, or we are of no use. */
static void
on_policy(struct front *front, const char *json, size_t len)
{
	struct policy *policy = policy_parse(json, len);
	struct policy *old = front->policy;
	uint32_t requests;

	if (policy == NULL)
		err(ROLE_EXIT_PROTOCOL, "cannot use the policy it was sent");
	front->policy = policy;
	requests = policy->limits.requests_per_session;
	front->requests_max =
	    requests < SESSION_REQUESTS_MAX ? requests : SESSION_REQUESTS_MAX;
	if (backends_follow(front, policy) == -1 ||
	    http_follow_policy(front->http) == -1)
		err(ROLE_EXIT_MEMORY, "cannot follow the policy");
	policy_free(&old);
}

static void
on_listen(
    struct front *front, const struct frame *frame, const char *json, int *fd)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;
	struct json_object *address;
	struct json_object *local;

	if (tokener != NULL)
		object =
		    json_tokener_parse_ex(tokener, json, (int)frame->length);
	if (!json_object_object_get_ex(object, "address", &address) ||
	    !json_object_is_type(address, json_type_string) ||
	    !json_object_object_get_ex(object, "local", &local) ||
	    !json_object_is_type(local, json_type_boolean))
		errx(ROLE_EXIT_PROTOCOL, "cannot read where to listen");
	if (http_listen(front->http, frame->id, json_object_get_string(address),
		json_object_get_boolean(local), fd) == -1)
		err(ROLE_EXIT_OSERR, "cannot serve a listening socket");
	json_object_put(object);
	json_tokener_free(tokener);
}

/* Of a backend that the last policy does not know any more, there may be old
 * news on their way. */
static void
on_backend(struct front *front, const struct frame *frame, const char *payload,
    int *fd)
{
	struct link *link = backends_find(front, frame->id);

	if (link == NULL)
		link = instances_find(front, frame->id);
	if (link == NULL)
		log_debug("front: %s of no backend", msg_name(frame->type));
	else if (frame->type == MSG_LINK)
		link_attach(link, frame->client, fd);
	else
		(void)link_set_state(link, payload, frame->length);
}

/* What must not come before SETUP, and most of it not before POLICY. */
static void
check_order(const struct front *front, unsigned int type)
{
	if (front->settings == NULL)
		errx(ROLE_EXIT_PROTOCOL, "%s before SETUP", msg_name(type));
	if (front->policy == NULL && type != MSG_POLICY &&
	    type != MSG_LOGLEVEL && type != MSG_DRAIN)
		errx(ROLE_EXIT_PROTOCOL, "%s before POLICY", msg_name(type));
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
	check_order(front, frame->type);
	if (frame->type == MSG_POLICY)
		on_policy(front, payload, frame->length);
	else if (frame->type == MSG_LINK || frame->type == MSG_BACKEND)
		on_backend(front, frame, payload, fd);
	else if (frame->type == MSG_INSTANCE)
		instances_on_instance(
		    front, frame->client, frame->id, payload, frame->length);
	else if (frame->type == MSG_LISTEN)
		on_listen(front, frame, payload, fd);
	else if (frame->type == MSG_UNLISTEN)
		http_unlisten(front->http, frame->id);
	else if (frame->type == MSG_DRAIN && drain_begin(front) == -1)
		err(ROLE_EXIT_MEMORY, "cannot drain");
	else if (frame->type == MSG_QUERY)
		report_answer(front, frame->id, payload, frame->length);
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
