#include "lists.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "proto/clock.h"
#include "proto/log.h"

#include "adapt_session.h"
#include "catalogue.h"
#include "front.h"
#include "session.h"

/*
 * Clients are told of a change at once, and of the next ones together after
 * this time: a backend that changes its list all the time shall not have us
 * write to every client all the time.
 */
#define LISTS_GAP_MS 250U

struct lists {
	struct front *front;
	struct deferred render;
	struct event *later; /* pending while a change waits for the gap */
	uint64_t told_ms;
	bool moved; /* sessions may see other lists, none of which changed */
};

/* ---- telling ---------------------------------------------------------- */

/* The version of a list as the session would get it now. */
static uint32_t
version_of(const struct session *session, enum catalog_kind kind)
{
	const struct catalogue_lens lens = session_lens(session);
	struct catalogue_text *text =
	    catalogue_list(session->front->catalogue, &lens, kind);
	uint32_t version = text->version;

	catalogue_text_release(text);
	return version;
}

void
lists_begin(struct session *session)
{
	for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++)
		session->told[kind] =
		    version_of(session, (enum catalog_kind)kind);
}

static void
tell(struct session *session, enum mcp_method method)
{
	char text[128];
	int len = snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}", mcp_method_name(method));

	session_send_text(session, text, (size_t)len);
}

/* Tell a session of the lists that are not those that it was told of. */
static void
tell_changes(void *arg, struct session *session)
{
	unsigned int changed = 0;

	(void)arg;
	adapt_session_prepare(session);
	if (!session_listens(session))
		return; /* it is told when it does: lists_tell() */
	for (unsigned int kind = 0; kind < CATALOG_KINDS; kind++) {
		uint32_t version = version_of(session, (enum catalog_kind)kind);

		if (session->told[kind] == version)
			continue;
		session->told[kind] = version;
		changed |= 1U << kind;
	}
	if (changed & 1U << CATALOG_TOOLS)
		tell(session, MCP_TOOLS_LIST_CHANGED);
	/* Templates have no notification of their own. */
	if (changed & (1U << CATALOG_RESOURCES | 1U << CATALOG_TEMPLATES))
		tell(session, MCP_RESOURCES_LIST_CHANGED);
	if (changed & 1U << CATALOG_PROMPTS)
		tell(session, MCP_PROMPTS_LIST_CHANGED);
}

void
lists_tell(struct session *session)
{
	tell_changes(NULL, session);
}

/* ---- when ------------------------------------------------------------- */

static void
use_lens(void *arg, struct session *session)
{
	const struct catalogue_lens lens = session_lens(session);
	catalogue_use(arg, &lens);
}

static void
lists_render(void *arg)
{
	struct lists *lists = arg;
	struct catalogue *cat = lists->front->catalogue;
	unsigned int changed;

	sessions_each(lists->front->sessions, use_lens, cat);
	changed = catalogue_render(cat);
	if (changed == 0 && !lists->moved)
		return;
	lists->moved = false;
	sessions_each(lists->front->sessions, tell_changes, NULL);
	if (changed == 0)
		return;
	lists->told_ms = mono_ms();
	log_debug("catalogue: %zu tools, %zu resources, %zu "
		  "templates, %zu prompts",
	    catalogue_count(cat, CATALOG_TOOLS),
	    catalogue_count(cat, CATALOG_RESOURCES),
	    catalogue_count(cat, CATALOG_TEMPLATES),
	    catalogue_count(cat, CATALOG_PROMPTS));
}

static void
lists_on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lists_render(arg);
}

struct lists *
lists_new(struct front *front)
{
	struct lists *lists;

	if ((lists = calloc(1, sizeof(*lists))) == NULL)
		return NULL;
	lists->front = front;
	deferred_init(&lists->render, lists_render, lists);
	lists->later =
	    evtimer_new(loop_base(front->loop), lists_on_later, lists);
	if (lists->later == NULL)
		lists_free(&lists);
	return lists;
}

void
lists_free(struct lists **lists)
{
	if (*lists == NULL)
		return;
	deferred_cancel(&(*lists)->render);
	if ((*lists)->later != NULL)
		event_free((*lists)->later);
	free(*lists);
	*lists = NULL;
}

void
lists_changed(struct front *front)
{
	struct lists *lists = front->lists;
	uint64_t since = mono_ms() - lists->told_ms;
	struct timeval wait = { 0 };

	if (evtimer_pending(lists->later, NULL))
		return;
	if (since >= LISTS_GAP_MS) {
		deferred_queue(front->loop, &lists->render);
		return;
	}
	wait.tv_usec = (suseconds_t)(LISTS_GAP_MS - since) * 1000;
	evtimer_add(lists->later, &wait);
}

void
lists_moved(struct front *front)
{
	front->lists->moved = true;
	lists_changed(front);
}
