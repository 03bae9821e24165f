#include "lists.h"

#include <stdlib.h>

#include <event2/event.h>

#include "proto/clock.h"
#include "proto/log.h"

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
};

static void
lists_render(void *arg)
{
	struct lists *lists = arg;
	unsigned int changed = catalogue_render(lists->front->catalogue);

	if (changed & 1U << CATALOG_TOOLS)
		sessions_notify(lists->front->sessions, MCP_TOOLS_LIST_CHANGED);
	/* Templates have no notification of their own. */
	if (changed & (1U << CATALOG_RESOURCES | 1U << CATALOG_TEMPLATES))
		sessions_notify(
		    lists->front->sessions, MCP_RESOURCES_LIST_CHANGED);
	if (changed & 1U << CATALOG_PROMPTS)
		sessions_notify(
		    lists->front->sessions, MCP_PROMPTS_LIST_CHANGED);
	if (changed == 0)
		return;
	lists->told_ms = mono_ms();
	log_debug("catalogue: %zu tools, %zu resources, %zu "
		  "templates, %zu prompts",
	    catalogue_count(lists->front->catalogue, CATALOG_TOOLS),
	    catalogue_count(lists->front->catalogue, CATALOG_RESOURCES),
	    catalogue_count(lists->front->catalogue, CATALOG_TEMPLATES),
	    catalogue_count(lists->front->catalogue, CATALOG_PROMPTS));
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
