/* link_asks.c: what the backend asks clients and says about their requests, on
 * its way to the front. */
#include <event2/event.h>

#include <errno.h>

#include "call.h"
#include "link_parts.h"
#include "proto/clock.h"

/* Not a request of the worker's own, and nobody waits for it. */
static bool
is_over(const struct link *link, int64_t about)
{
	return about >= (int64_t)CALL_ID_FIRST &&
	    !call_is_waited_for(link->calls, (uint64_t)about);
}

int
link_ask(
    struct link *link, uint32_t number, int64_t about, struct json_span text)
{
	struct frame frame = { .type = MSG_ASK, .client = number };

	if (link->chan == NULL || link->lost)
		errno = ENOTCONN;
	else if (!link->up || (link->unsent & UNSENT_GREETING) != 0)
		errno = EBUSY;
	else if (is_over(link, about))
		errno = ECANCELED;
	else {
		if (about >= (int64_t)CALL_ID_FIRST)
			frame.id = (uint64_t)about;
		if (link_tell(link, frame, text))
			return 0;
		errno = EAGAIN;
	}
	return -1;
}

void
link_retract(struct link *link, uint32_t number, struct json_span reason)
{
	(void)link_conclude(link,
	    (struct frame){ .type = MSG_RETRACT, .client = number }, reason);
}

void
link_hold(struct link *link, bool on)
{
	uint64_t now = mono_ms();

	call_hold(link->calls, on, now);
	if (on)
		return;
	event_del(link->deadline);
	link->armed = false;
	link_arm_deadline(link, now);
}

bool
link_event(struct link *link, int64_t about, struct json_span text)
{
	if (about < (int64_t)CALL_ID_FIRST)
		return link_notify(link, text);
	if (is_over(link, about))
		return false;
	return link_tell(link,
	    (struct frame){ .type = MSG_EVENT, .id = (uint64_t)about }, text);
}
