#include "link_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/log.h"

#include "catalogue.h"
#include "drain.h"
#include "front.h"
#include "instances.h"
#include "lists.h"
#include "session.h"

/* ---- away, and back --------------------------------------------------- */

/* It does not come back by itself. */
static bool
is_down(const char *state)
{
	return strcmp(state, "failed") == 0 || strcmp(state, "down") == 0;
}

/* It is not listed any more. */
static void
link_unlist(struct link *link)
{
	event_del(link->absent);
	catalogue_clear(link->front->catalogue, link->slot);
	lists_changed(link->front);
}

void
link_on_absent(evutil_socket_t fd, short what, void *arg)
{
	struct link *link = arg;

	(void)fd;
	(void)what;
	if (link->owner != NULL) {
		link_on_wait(link);
		return;
	}
	log_debug("backend %s: away for %d ms, not listed any more", link->name,
	    LINK_ABSENT_MS);
	link_unlist(link);
}

void
link_went_away(struct link *link)
{
	static const struct timeval wait = { LINK_ABSENT_MS / 1000,
		LINK_ABSENT_MS % 1000 * 1000 };

	if (!evtimer_pending(link->absent, NULL))
		evtimer_add(link->absent, &wait);
}

void
link_came_back(struct link *link)
{
	event_del(link->absent);
}

bool
link_keep_place(struct link *link)
{
	if (link->greeted)
		return link->awaited != 0;
	if (is_down(link->state))
		return false;
	link_went_away(link);
	return true;
}

/* ---- serving, and leaving --------------------------------------------- */

void
link_report(struct link *link, enum msg_type type, uint16_t flags)
{
	struct frame frame = {
		.id = link->number, .client = link->generation, .flags = flags
	};

	frame.type = (uint16_t)type;
	(void)chan_send(link->front->supervisor, &frame, NULL);
}

void
link_on_idle(struct link *link)
{
	if (link->part == POLICY_LEAVING && !link->drained) {
		link->drained = true;
		link_report(link, MSG_DRAINED, DRAINED_BACKEND);
	}
	drain_check(link->front);
}

void
link_watch(struct link *link)
{
	link->watched = true;
}

void
link_set_part(struct link *link, enum policy_part part, uint32_t requests_max)
{
	struct link *instance;

	link->requests_max = requests_max;
	if (requests_max == 0 || requests_max > LINK_REQUESTS_MAX)
		link->requests_max = LINK_REQUESTS_MAX;
	TAILQ_FOREACH (instance, &link->instances, of_base)
		instance->requests_max = link->requests_max;
	if (link->part == part)
		return;
	link->part = part;
	link->drained = false;
	if (part != POLICY_LEAVING)
		return;
	link->watched = true;
	if (link_in_flight(link) == 0)
		link_on_idle(link);
}

/* ---- what the supervisor says ----------------------------------------- */

static void
set_state(struct link *link, struct json_object *object, const char *state)
{
	bool was_ready = strcmp(link->state, "ready") == 0;
	struct json_object *value;

	strlcpy(link->state, state, sizeof(link->state));
	link->reason[0] = '\0';
	if (json_object_object_get_ex(object, "error", &value) && value != NULL)
		strlcpy(link->reason, json_object_get_string(value),
		    sizeof(link->reason));
	link->retry_at_ms = 0;
	if (json_object_object_get_ex(object, "retry_ms", &value) &&
	    json_object_is_type(value, json_type_int) &&
	    json_object_get_int64(value) >= 0)
		link->retry_at_ms =
		    mono_ms() + (uint64_t)json_object_get_int64(value);
	if (strcmp(state, "starting") != 0 && strcmp(state, "setup") != 0 &&
	    strcmp(state, "ready") != 0)
		link->tried = true;
	if (link->owner != NULL) {
		if (is_down(state))
			instances_ended(link,
			    link->reason[0] != '\0' ? link->reason : state);
		return;
	}
	if (is_down(state))
		link_unlist(link);
	else if (strcmp(state, "ready") != 0 && was_ready)
		link_went_away(link);
	else if (strcmp(state, "ready") == 0 && link->greeted)
		link_came_back(link);
}

int
link_set_state(struct link *link, const char *json, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;
	struct json_object *value;
	const char *state = NULL;

	if (tokener == NULL)
		return -1;
	object = json_tokener_parse_ex(tokener, json, (int)len);
	json_tokener_free(tokener);
	if (json_object_object_get_ex(object, "state", &value))
		state = json_object_get_string(value);
	if (state == NULL) {
		json_object_put(object);
		errno = EINVAL;
		return -1;
	}
	set_state(link, object, state);
	json_object_put(object);
	return 0;
}

bool
links_settled(const struct front *front)
{
	const struct link *link;

	for (size_t i = 0; i < front->slots; i++) {
		link = front->links[i];
		if (link != NULL && link->part == POLICY_SERVING &&
		    !link->tried && !link->listed)
			return false;
	}
	return true;
}

/* ---- refusals --------------------------------------------------------- */

/* Milliseconds until the backend is tried again; 0 when that is not known. */
static uint64_t
retry_after(const struct link *link)
{
	uint64_t now = mono_ms();

	return link->retry_at_ms > now ? link->retry_at_ms - now : 0;
}

void
link_asked_for_nobody(struct link *link)
{
	if (link->unattributed)
		return;
	if (link->session == POLICY_PER_CLIENT) /* it serves nobody itself */
		log_debug("backend %s: it asked a client something, and has "
			  "none",
		    link->name);
	else if (link->session == POLICY_AUTO)
		log_info("backend %s: it asked a client something, and which "
			 "one cannot be told: sessions from now on get "
			 "instances of their own",
		    link->name);
	else
		log_warning("backend %s: it asked a client something, and "
			    "which one cannot be told; \"session\": "
			    "\"per-client\" or \"auto\" gives each its own",
		    link->name);
	link->unattributed = true;
	link->private_after = sessions_last_handle(link->front->sessions);
}

static void
count_refused(struct link *link)
{
	if (link->base != NULL)
		link = link->base;
	link->count.refused++;
}

void
link_refuse(struct link *link, struct stream *stream,
    const struct rpc_message *msg, int code, const char *why)
{
	char text[768];

	count_refused(link);
	snprintf(text, sizeof(text), "Backend \"%s\" %s", link->name, why);
	stream_answer_error(
	    stream, msg->id, code, text, link_data(link, LINK_NOT_SENT));
}

void
link_refuse_absent(
    struct link *link, struct stream *stream, const struct rpc_message *msg)
{
	struct json_span data = link_data(link, LINK_NOT_SENT);
	uint64_t after = retry_after(link);
	char text[768];
	struct buf more = { 0 };
	int n;

	count_refused(link);
	n = snprintf(text, sizeof(text),
	    "Backend \"%s\" is not running (%s)%s%s", link->name, link->state,
	    link->reason[0] != '\0' ? ": " : "", link->reason);
	if (after > 0 && n > 0 && (size_t)n < sizeof(text)) {
		snprintf(text + n, sizeof(text) - (size_t)n,
		    "; next try in %llu s",
		    (unsigned long long)(after + 999) / 1000);
		/* The object goes on where it ended. */
		if (buf_add(&more, data.at, data.len - 1) == 0 &&
		    buf_add_format(&more, ",\"retry_after_ms\":%llu}",
			(unsigned long long)after) == 0) {
			data.at = buf_data(&more);
			data.len = buf_len(&more);
		}
	}
	stream_answer_error(stream, msg->id, RPC_INTERNAL_ERROR, text, data);
	buf_free(&more);
}
