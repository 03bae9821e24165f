#include "lists.h"

#include <stdlib.h>

#include "proto/log.h"

#include "catalogue.h"
#include "front.h"
#include "session.h"

struct lists {
	struct front *front;
	struct deferred render;
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
	if (changed != 0)
		log_debug("catalogue: %zu tools, %zu resources, %zu "
			  "templates, %zu prompts",
		    catalogue_count(lists->front->catalogue, CATALOG_TOOLS),
		    catalogue_count(lists->front->catalogue, CATALOG_RESOURCES),
		    catalogue_count(lists->front->catalogue, CATALOG_TEMPLATES),
		    catalogue_count(lists->front->catalogue, CATALOG_PROMPTS));
}

struct lists *
lists_new(struct front *front)
{
	struct lists *lists;

	if ((lists = calloc(1, sizeof(*lists))) == NULL)
		return NULL;
	lists->front = front;
	deferred_init(&lists->render, lists_render, lists);
	return lists;
}

void
lists_free(struct lists **lists)
{
	if (*lists == NULL)
		return;
	deferred_cancel(&(*lists)->render);
	free(*lists);
	*lists = NULL;
}

void
lists_changed(struct front *front)
{
	deferred_queue(front->loop, &front->lists->render);
}
